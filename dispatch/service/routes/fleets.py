"""Fleets, and what is forecast and planned of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends
from starlette.responses import Response

from dispatch.fleet.shared.model import read_shared
from dispatch.service.errors import Fault, InvalidError
from dispatch.service.http.call import Call, Reply, allowed
from dispatch.service.http.cursor import Page, Paging, paging
from dispatch.service.http.etag import tag
from dispatch.service.http.problem import problems
from dispatch.service.routes import shown
from dispatch.service.schemas.fleets import Fleet, FleetBody, FleetForecast, FleetPlan, FleetShort, PlanAsked
from dispatch.service.schemas.results import DayAsked, DayResult
from dispatch.service.schemas.values import Accepted, ForecastId, Name, PlanId
from dispatch.service.store import Tx, fleet_results, fleets
from dispatch.service.store.fleet_results import Kind, Result

router = APIRouter(tags=["fleets"])
Reads = Annotated[Call, Depends(allowed("markets:read"))]
Writes = Annotated[Call, Depends(allowed("markets:write"))]
Asks = Annotated[Call, Depends(allowed("markets:write", "measurements:read"))]
Pages = Annotated[Paging, Depends(paging)]
M = TypeVar("M", bound=DayResult)


@router.put(
    "/fleets/{fleet}", name="put", summary="Make or change a fleet", response_model=Fleet,
    responses={201: {"model": Fleet, "description": "It was made"}, **problems(412, 422)},
)  # fmt: skip
def put(fleet: Name, body: FleetBody, call: Writes) -> Response:
    """Sites by name or by label, with what they share as in a fleet's file; labels count at the time of use."""
    raw = body.model_dump(mode="json", exclude_none=True)
    _require_no_files(raw)

    def work(tx: Tx) -> Reply:
        current = fleets.etag(tx, fleet)
        call.match(None if current is None else tag(current))
        names = fleets.names(tx, raw)
        labels = fleets.labels(tx, names)
        if raw["shared"]:
            read_shared(raw["shared"], names, labels, f"fleet {fleet}")
        kept, is_new = fleets.put(tx, fleet, raw)
        headers = {"Location": f"{shown.API}/fleets/{fleet}"}
        return Reply(201 if is_new else 200, _document(tx, kept), headers, tag(kept.etag))

    return call.once(work)


def _require_no_files(raw: Mapping[str, Any]) -> None:
    faults = [Fault(path, "names a file, which the service does not read", None, "the values themselves")
              for path in _files(raw.get("shared", []), "/shared")]  # fmt: skip
    if faults:
        raise InvalidError("A fleet names files.", faults)


def _files(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name in ("file", "table", "folder", "archive"):
                yield f"{path}/{name}"
            yield from _files(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _files(inner, f"{path}/{place}")


def _document(tx: Tx, found: fleets.Fleet) -> Fleet:
    body, names = FleetBody.model_validate(found.body), fleets.names(tx, found.body)
    return Fleet(
        id=found.fleet, version=found.version, etag=found.etag, body=body,
        sites=len(names) - len(fleets.missing(tx, names)), created=found.created, updated=found.updated,
    )  # fmt: skip


@router.get("/fleets", name="list", summary="All fleets, by name", response_model=Page[FleetShort])
def list_all(call: Reads, pages: Pages) -> Response:
    """In pages."""

    def work(tx: Tx) -> Page[FleetShort]:
        found = fleets.listed(tx, after=pages.after(call) or "", limit=pages.limit + 1)
        return pages.page(call, found, _short, lambda one: one.fleet)

    return call.read(work)


def _short(found: fleets.Fleet) -> FleetShort:
    title = str(found.body.get("title", ""))
    return FleetShort(
        id=found.fleet, version=found.version, etag=found.etag, title=title, created=found.created,
        updated=found.updated,
    )  # fmt: skip


@router.get("/fleets/{fleet}", name="get", summary="A fleet", response_model=Fleet, responses=problems(404))
def get(fleet: Name, call: Reads) -> Response:
    """With how many sites it has now."""

    def work(tx: Tx) -> Reply:
        found = fleets.get(tx, fleet)
        return Reply(200, _document(tx, found))

    return call.read(work)


@router.delete(
    "/fleets/{fleet}", name="delete", summary="End a fleet", status_code=204,
    responses=problems(404, 412),
)  # fmt: skip
def delete(fleet: Name, call: Writes) -> Response:
    """What was made of it stays."""

    def work(tx: Tx) -> Reply:
        current = fleets.etag(tx, fleet)
        call.match(None if current is None else tag(current))
        fleets.delete(tx, fleet)
        return Reply(204)

    return call.once(work)


@router.post(
    "/fleets/{fleet}/forecasts", name="forecast", summary="Forecast all sites of a fleet for a day",
    status_code=202, response_model=Accepted, responses=problems(404, 429),
)  # fmt: skip
def forecast(fleet: Name, body: DayAsked, call: Asks) -> Response:
    """Plans, flexibility and awards of the day can go on from it."""
    return _submitted(call, "fleet_forecast", fleet, body.model_dump(mode="json"))


@router.get(
    "/fleets/{fleet}/forecasts", name="list_forecasts", summary="Forecasts of a fleet, the newest first",
    response_model=Page[FleetForecast], responses=problems(404),
)  # fmt: skip
def list_forecasts(fleet: Name, call: Reads, pages: Pages) -> Response:
    """In pages."""
    return _listed(call, pages, "fleet_forecast", fleet, FleetForecast)


@router.post(
    "/fleets/{fleet}/plans", name="plan", summary="Plan all sites of a fleet", status_code=202,
    response_model=Accepted, responses=problems(404, 409, 429),
)  # fmt: skip
def plan(fleet: Name, body: PlanAsked, call: Asks) -> Response:
    """Each by itself, or together where they share something; every site gets a schedule."""
    return _submitted(call, "fleet_plan", fleet, body.model_dump(mode="json"))


def _submitted(call: Call, kind: Kind, fleet: str, request: Mapping[str, Any]) -> Response:
    def work(tx: Tx) -> Reply:
        require_usable(tx, fleet, request)
        return shown.accepted(fleet_results.submit(tx, kind, fleet, {**request, "fleet": fleet}))

    return call.once(work)


def require_usable(tx: Tx, fleet: str, request: Mapping[str, Any]) -> None:
    """The fleet is there, and a forecast that is named is there and its own.

    Raises:
        ServiceError: one is not.
    """
    fleets.get(tx, fleet)
    if request.get("issue_time") and datetime.fromisoformat(request["issue_time"]) > tx.now:
        message = "lies ahead: what will be known then is not known yet"
        fault = Fault(
            "/issue_time", message, request["issue_time"], f"{tx.now.isoformat(timespec='seconds')} or before"
        )
        raise InvalidError("Nobody can plan from what is not known yet.", [fault])
    if not request.get("forecast"):
        return
    found = fleet_results.require(tx, "fleet_forecast", request["forecast"])
    if found.fleet != fleet:
        fault = Fault("/forecast", f"is of fleet '{found.fleet}'", found.id, f"one of fleet '{fleet}'")
        raise InvalidError("The forecast is of another fleet.", [fault])
    given = [name for name in ("day", "issue_time") if request.get(name)]
    if given:
        faults = [Fault(f"/{name}", "stands beside a forecast", request[name], "nothing") for name in given]
        raise InvalidError("A forecast says day and time itself.", faults)


@router.get(
    "/fleets/{fleet}/plans", name="list_plans", summary="Plans of a fleet, the newest first",
    response_model=Page[FleetPlan], responses=problems(404),
)  # fmt: skip
def list_plans(fleet: Name, call: Reads, pages: Pages) -> Response:
    """In pages."""
    return _listed(call, pages, "fleet_plan", fleet, FleetPlan)


def _listed(call: Call, pages: Paging, kind: Kind, fleet: str, model: type[M]) -> Response:
    def work(tx: Tx) -> Page[M]:
        fleets.get(tx, fleet)
        found = fleet_results.listed(tx, kind, fleet=fleet, before=pages.after(call) or "", limit=pages.limit + 1)
        return pages.page(call, found, lambda one: shown.document(model, one), _id)

    return call.read(work)


def _id(found: Result) -> str:
    return found.id


@router.get(
    "/fleet-plans/{plan}", name="get_plan", summary="What became of a fleet's plan",
    response_model=FleetPlan, responses=problems(404),
)  # fmt: skip
def get_plan(plan: PlanId, call: Reads) -> Response:
    """In short; tables of sites and series beside it."""
    return call.read(lambda tx: shown.document(FleetPlan, fleet_results.get(tx, "fleet_plan", plan)))


@router.get(
    "/fleet-plans/{plan}/{table}", name="get_plan_table", summary="Sites, series or shared limits",
    responses={**shown.TABLE_RESPONSE, **problems(404, 406, 409)},
)  # fmt: skip
def get_plan_table(plan: PlanId, table: Literal["sites", "series", "shared", "inputs"], call: Reads) -> Response:
    """As JSON, Arrow or CSV."""
    return shown.table(call, "fleet_plan", plan, table)


@router.get(
    "/fleet-forecasts/{forecast}", name="get_forecast", summary="A forecast of a fleet's day",
    response_model=FleetForecast, responses=problems(404),
)  # fmt: skip
def get_forecast(forecast: ForecastId, call: Reads) -> Response:
    """With the sites of which too little is known."""
    return call.read(lambda tx: shown.document(FleetForecast, fleet_results.get(tx, "fleet_forecast", forecast)))


@router.get(
    "/fleet-forecasts/{forecast}/{table}", name="get_forecast_table", summary="What is forecast",
    responses={**shown.TABLE_RESPONSE, **problems(404, 406, 409)},
)  # fmt: skip
def get_forecast_table(forecast: ForecastId, table: Literal["inputs"], call: Reads) -> Response:
    """Site, asset, quantity, start and mean value, as JSON, Arrow or CSV."""
    return shown.table(call, "fleet_forecast", forecast, table)
