"""The page of a site: its plan, what its plant is told now, and how fresh its measurements are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path
from sqlalchemy import Row
from starlette.responses import Response

from dispatch.report import wording
from dispatch.service.errors import NotFoundError
from dispatch.service.http.call import Call
from dispatch.service.pages import gathered, powers
from dispatch.service.pages.facts import Frame, Lamp, Link, Look, Rows, Word, age, clock, fresh, size
from dispatch.service.pages.rendering import page
from dispatch.service.pages.routing import PageRoute
from dispatch.service.pages.session import Viewer, lacking, require
from dispatch.service.store import Tx, overrides, schedules, series, sites
from dispatch.service.work.control import Control

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_PLANS = 20
_AHEAD = timedelta(days=365)
_SOURCES: dict[str, Look] = {"override": "info", "hold": "info", "schedule": "ok", "safe_state": "warn", "none": ""}


@router.get("/sites/{site}")
def one_site(call: Viewer, site: Annotated[str, Path(max_length=100)]) -> Response:
    """A site at a glance."""
    require(call, "sites:read")
    with call.store.read(call.tenant, call.actor) as tx:
        kept = sites.get(tx, site)
        if kept is None:
            raise NotFoundError(f"There is no site '{site}'.")
        plans = [] if lacking(call, "plans:read") else schedules.listed(tx, site=site, before=None, limit=_PLANS)
        force = None if lacking(call, "plans:read") else schedules.in_force(tx, site, tx.now)
        given: dict[str, Any] = {
            "lamps": _lamps(tx, kept, force),
            "picture": None if force is None else powers.picture(tx, force),
            "report": None if force is None else gathered.report_of(force),
            "setpoints": None if lacking(call, "plans:read") else _setpoints(tx, call, site),
            "overrides": None if lacking(call, "plans:read") else _overrides(tx, site),
            "plans": _plans(plans, call, tx.now),
            "measured": _measured(tx, call, site),
        }
    frame = Frame(call.tenant, site, tx.now, trail=(Link("Sites", "/"),))
    return page("site.html.j2", frame=frame, **given)


def _lamps(tx: Tx, kept: sites.Kept, force: Row[Any] | None) -> list[Lamp]:
    version = Lamp("Version", Word(str(kept.version)), f"changed {age(kept.updated, tx.now)}")
    if force is None:
        return [version, Lamp("Plan in force", Word("none", "warn"), "no plan holds now")]
    plan = gathered.plan_line(force, tx.now)
    return [
        version,
        Lamp("Plan in force", plan.quality, plan.day),
        Lamp("Money", Word(plan.money), "of the whole plan"),
        Lamp("CO₂", Word(plan.co2), "of the whole plan"),
        Lamp("Made", Word(plan.made), f"ends {age(force.end, tx.now)}"),
    ]


def _plans(found: Any, call: Call, now: datetime) -> Rows:
    rows: list[tuple[str | Word | Link, ...]] = []
    for row in found:
        if row.quality is None:
            rows.append((Link(row.id, f"/jobs/{row.job}"), Word(row.job_state or "gone"), gathered.span_of(row),
                         *[wording.MISSING] * 3, ""))  # fmt: skip
            continue
        plan = gathered.plan_line(row, now)
        report = Link("Report", plan.report) if plan.report else ""
        rows.append((Link(row.id, f"/jobs/{row.job}"), plan.quality, plan.day, plan.money, plan.co2, plan.made, report))
    columns = ("Plan", "Quality", "Of", "Money", "CO₂", "Made", "Report")
    return Rows(columns, rows, lacking(call, "plans:read") or "No plans yet.")


def _setpoints(tx: Tx, call: Call, site: str) -> Rows:
    held = Control(tx, site, timedelta(hours=call.settings.plan_age_hours)).at(tx.now)
    rows = [
        (one.asset, one.quantity, wording.adaptive(one.value), Word(one.source.replace("_", " "), _SOURCES[one.source]),
         clock(one.valid_until), age(one.issued_at, tx.now))
        for one in held
    ]  # fmt: skip
    columns = ("Asset", "Quantity", "Value", "Source", "Valid until", "Issued")
    return Rows(columns, rows, "No plan was made yet: each asset's own control decides.")


def _overrides(tx: Tx, site: str) -> Rows | None:
    """Those that hold now or later; none: no section."""
    found = overrides.holding(tx, site, tx.now, tx.now + _AHEAD)
    rows = [
        (row.asset, row.quantity, _wanted(row), clock(row.start), clock(overrides.ends_at(row)), row.actor,
         row.reason or "")
        for row in found
    ]  # fmt: skip
    return Rows(("Asset", "Quantity", "Wanted", "From", "Until", "By", "Reason"), rows, "") if rows else None


def _wanted(row: Row[Any]) -> str:
    if row.kind == "bounds":
        return f"{wording.adaptive(row.least)} … {wording.adaptive(row.most)}"
    return "as it was" if row.kind == "hold" else wording.adaptive(row.value)


def _measured(tx: Tx, call: Call, site: str) -> Rows:
    if said := lacking(call, "measurements:read"):
        return Rows((), (), said)
    rows = [
        (each.series, each.source, fresh(each.last, tx.now), clock(each.last), size(each.times))
        for each in series.holdings(tx, site)
    ]
    return Rows(("Series", "Source", "Last", "Until", "Values"), rows, "Nothing was measured yet.")
