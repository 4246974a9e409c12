"""What the pages read about sites: for a page of them at once, each kind of thing in one query."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func

from dispatch.report import wording
from dispatch.service.pages.facts import PlanLine, age, quality
from dispatch.service.store import Tx
from dispatch.service.store.schedules import schedules
from dispatch.service.store.series.tables import held, journal, parts


def latest_plans(tx: Tx, names: Collection[str]) -> Mapping[str, Row[Any]]:
    """The newest schedule that is there and no dry run, by site."""
    made = (schedules.c.site.in_(names), schedules.c.published.is_not(None))
    # Ids sort by the time that they were made at.
    newest = tx.select(schedules, func.max(schedules.c.id)).where(*made).group_by(schedules.c.site)
    return {row.site: row for row in tx.all(tx.select(schedules).where(schedules.c.id.in_(newest)))}


def last_measured(tx: Tx, names: Collection[str]) -> Mapping[str, datetime]:
    """The end of the last measured interval, by site."""
    query = (
        tx.select(held, held.c.site, func.max(held.c.last).label("last"))
        .where(held.c.site.in_(names))
        .group_by(held.c.site)
    )
    return {row.site: row.last for row in tx.all(query)}


def stored_rows(tx: Tx) -> tuple[int, int]:
    """Rows of measurements in the store, and of them those that wait in the journal."""
    waiting, settled = (
        tx.execute(tx.select(table, func.sum(table.c.rows))).scalar() or 0 for table in (journal, parts)
    )
    return int(waiting) + int(settled), int(waiting)


def plan_line(row: Row[Any], now: datetime) -> PlanLine:
    """A schedule in words."""
    money = wording.MISSING if row.money is None else f"{wording.number(row.money, 2)} {row.currency}"
    co2 = wording.MISSING if row.co2_kg is None else wording.mass(row.co2_kg)
    return PlanLine(quality(row.quality), money, co2, span_of(row), age(row.made, now), report_of(row))


def span_of(row: Row[Any]) -> str:
    """Which time a schedule is of, in UTC."""
    return f"{row.start:%Y-%m-%d %H:%M} – {row.end:%m-%d %H:%M} UTC"


def report_of(row: Row[Any]) -> str | None:
    """Where a schedule's report is, which is made when it is first asked for; None where there can be none."""
    is_own = row.made is not None and row.result["certificate"].get("fleet_result") is None
    return f"/plans/{row.id}/report" if is_own else None
