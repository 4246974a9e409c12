"""What operators want instead of what plans say: made, looked at, ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi import Path as InPath
from starlette.responses import Response

from dispatch.config.mistakes import near_miss
from dispatch.service.errors import ConflictError, Fault, InvalidError
from dispatch.service.http.call import Call, Reply, allowed
from dispatch.service.http.cursor import Page, Paging, paging
from dispatch.service.http.intake import LargeRoute
from dispatch.service.http.problem import problems
from dispatch.service.routes.forecasts import Site
from dispatch.service.schemas.setpoints import OverrideAsked, OverrideId, OverrideShown
from dispatch.service.store import Tx, overrides
from dispatch.service.work import basis
from dispatch.service.work.control import OPPOSITE, Control, Holding
from dispatch.setpoint_limits import Span, limits

router = APIRouter(tags=["overrides"], route_class=LargeRoute)
Reader = Annotated[Call, Depends(allowed("plans:read"))]
Writer = Annotated[Call, Depends(allowed("plans:write"))]
Id = Annotated[OverrideId, InPath(description="An override's id")]
_LATE = timedelta(minutes=5)


@router.post(
    "/sites/{site}/overrides",
    name="create",
    summary="Override a set-point",
    status_code=201,
    response_model=OverrideShown,
    responses=problems(404, 409, 422),
)
def create_override(site: Site, body: OverrideAsked, call: Writer) -> Response:
    """From its start until its end it stands above what plans say; it ends by itself.

    It is held against what the asset can do, and against bounds that others set for the same time.
    """

    def work(tx: Tx) -> Reply:
        control = Control(tx, site, timedelta(hours=call.settings.plan_age_hours))
        now = {one.key: one for one in control.at(tx.now)}
        _require_known(tx, site, body, now)
        start = body.start or tx.now
        _require_times(tx, body, call.settings.override_hours)
        value = _held(body, now) if body.hold else body.value
        _require_within_bounds(tx, site, body, value)
        kind = "hold" if body.hold else "bounds" if value is None else "value"
        row = overrides.create(
            tx,
            {
                "site": site, "asset": body.asset, "quantity": body.quantity, "kind": kind, "value": value,
                "least": body.least, "most": body.most, "start": start, "until": body.until, "reason": body.reason,
            },
        )  # fmt: skip
        told = {"site": site, "set": f"{body.asset}.{body.quantity}", "kind": kind, "value": value}
        tx.audit("override.made", row.id, {**told, "least": body.least, "most": body.most, "until": _text(body.until)})
        return Reply(201, _shown(row), {"Location": f"/api/v1/overrides/{row.id}"})

    return call.once(work)


def _text(moment: Any) -> str:
    return str(moment.isoformat())


def _require_known(tx: Tx, site: str, body: OverrideAsked, now: dict[tuple[str, str], Holding]) -> None:
    """The asset is there, has such a set-point, and can do what is asked of it."""
    park, _ = basis.park_of(tx, site)
    assets = {asset.name: asset for asset in park.assets}
    if body.asset not in assets:
        accepted = near_miss(body.asset, sorted(assets))
        raise InvalidError(
            "There is no such asset.", [Fault("/asset", "is no asset of this site", body.asset, accepted)]
        )
    span = limits(assets[body.asset], body.quantity)
    told = [quantity for asset, quantity in now if asset == body.asset]
    if span is None:
        known = sorted({q for q in told if limits(assets[body.asset], q)} | set(_usual(assets[body.asset])))
        fault = Fault("/quantity", f"is nothing that '{body.asset}' can be told", body.quantity,
                      near_miss(body.quantity, known, "nothing"))  # fmt: skip
        raise InvalidError("There is no such set-point, or nothing bounds it.", [fault])
    faults = [
        Fault(f"/{name}", f"is beyond what '{body.asset}' can do", value, str(span))
        for name in ("value", "least", "most")
        if (value := getattr(body, name)) is not None and not _possible(span, name, value)
    ]
    if faults:
        raise InvalidError("The asset cannot follow that.", faults)


def _possible(span: Span, name: str, value: float) -> bool:
    return span.holds(value) if name == "value" else 0 <= value <= span.most


def _usual(asset: Any) -> list[str]:
    names = ("charge_kw", "discharge_kw", "power_kw", "import_kw", "export_kw")
    return [name for name in names if limits(asset, name) is not None]


def _require_times(tx: Tx, body: OverrideAsked, most_hours: float) -> None:
    start = body.start or tx.now
    faults = []
    if body.until <= tx.now:
        faults.append(Fault("/until", "is past", _text(body.until), "a time to come"))
    if start < tx.now - _LATE:
        faults.append(Fault("/start", "is past", _text(start), "now or later; now if left out"))
    if body.until - start > timedelta(hours=most_hours):
        accepted = f"at most {most_hours:g} h after its start"
        faults.append(Fault("/until", "is further off than an override may hold", _text(body.until), accepted))
    if faults:
        raise InvalidError("An override holds for a time that is given and short.", faults)


def _held(body: OverrideAsked, now: dict[tuple[str, str], Holding]) -> float:
    held = now.get((body.asset, body.quantity))
    if held is None or held.value is None:
        raise ConflictError(f"Nothing is told to {body.asset}.{body.quantity} now that could be held; give a value.")
    return held.value


def _makes_the_opposite_flow(row: Any, body: OverrideAsked) -> bool:
    """Bounds that do not let a flow rest which excludes the one that is asked for."""
    is_opposite = row.asset == body.asset and row.quantity == OPPOSITE.get(body.quantity)
    return is_opposite and row.kind == "bounds" and (row.least or 0.0) > 0


def _require_within_bounds(tx: Tx, site: str, body: OverrideAsked, value: float | None) -> None:
    """Values and bounds of the same time do not contradict each other."""
    for row in overrides.holding(tx, site, body.start or tx.now, body.until):
        if _makes_the_opposite_flow(row, body) and (value or body.least or 0.0) > 0:
            raise ConflictError(f"Override '{row.id}' of the same time wants the opposite flow; end it first.")
        if (row.asset, row.quantity) != (body.asset, body.quantity):
            continue
        least = max(x for x in (row.least, body.least, float("-inf")) if x is not None)
        most = min(x for x in (row.most, body.most, float("inf")) if x is not None)
        fixed = value if row.kind == "bounds" else row.value if value is None and row.kind == "value" else None
        if least > most or (fixed is not None and not least <= fixed <= most):
            raise ConflictError(f"Override '{row.id}' of the same time says otherwise; end it first.")


@router.get(
    "/sites/{site}/overrides",
    name="list",
    summary="List a site's overrides",
    response_model=Page[OverrideShown],
    responses=problems(404),
)
def list_overrides(site: Site, call: Reader, page: Annotated[Paging, Depends(paging)]) -> Response:
    """The newest first, those that have ended too."""

    def work(tx: Tx) -> Page[OverrideShown]:
        basis.park_of(tx, site)
        found = overrides.listed(tx, site, before=page.after(call), limit=page.limit + 1)
        return page.page(call, found, _shown, lambda row: row.id)

    return call.read(work)


@router.get(
    "/overrides/{override}",
    name="get",
    summary="Look at an override",
    response_model=OverrideShown,
    responses=problems(404),
)
def get_override(override: Id, call: Reader) -> Response:
    """One override."""
    return call.read(lambda tx: _shown(overrides.get(tx, override)))


@router.post(
    "/overrides/{override}:end", name="end", summary="End an override", response_model=OverrideShown,
    responses=problems(404),
)  # fmt: skip
def end_override(override: Id, call: Writer) -> Response:
    """From now on what plans say holds again. One that has ended stays as it is."""

    def work(tx: Tx) -> Reply:
        row = overrides.get(tx, override)
        if row.ended is None and row.until > tx.now:
            overrides.end(tx, override)
            tx.audit("override.ended", override, {"site": row.site, "set": f"{row.asset}.{row.quantity}"})
        return Reply(200, _shown(overrides.get(tx, override)))

    return call.once(work)


def _shown(row: Any) -> OverrideShown:
    return OverrideShown(
        id=row.id, site=row.site, asset=row.asset, quantity=row.quantity, kind=row.kind, value=row.value,
        least=row.least, most=row.most, start=row.start, until=row.until, ended_at=row.ended, reason=row.reason,
        created_at=row.created, created_by=row.actor,
    )  # fmt: skip
