"""Schedules: what was asked for, and once its job is done what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Float, Index, Integer, Row, String
from sqlalchemy.sql import ColumnElement

from dispatch.service.store.made_by_jobs import MadeByJobs
from dispatch.service.store.metadata import Json, UtcTime, table
from dispatch.service.store.transaction import Tx

schedules = table(
    "schedules",
    Column("id", String(40), primary_key=True),
    Column("site", String(100), nullable=False),
    Column("site_version", Integer, nullable=False),
    Column("job", String(40), nullable=False),
    Column("mode", String(20), nullable=False),
    Column("request", Json, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("issued", UtcTime, nullable=False),
    Column("start", UtcTime, nullable=False),
    Column("end", UtcTime, nullable=False),
    Column("steps", Integer, nullable=False),
    # From here on null until the job is done.
    Column("made", UtcTime),
    Column("published", UtcTime),  # from when on it may be followed; null of a dry run
    Column("ranked", UtcTime),  # the latest is followed: when it was issued, or a dry run published
    Column("quality", String(20)),
    Column("money", Float),
    Column("currency", String(3)),
    Column("co2_kg", Float),
    Column("result", Json),
    Column("table_file", String(40)),
    Column("setpoints_file", String(40)),
    Column("earlier_file", String(40)),
    Column("report_file", String(40)),
    Column("report_job", String(40)),
    Column("setpoints_sha256", String(64)),
    Index("ix_schedules_tenant_site_id", "tenant", "site", "id"),
    Index("ix_schedules_tenant_site_end", "tenant", "site", "end"),
)
_C = schedules.c
_rows = MadeByJobs(schedules, "sch", "schedule")
create, name_job, change = _rows.create, _rows.name_job, _rows.change
get, listed = _rows.get, _rows.listed
IN_HINDSIGHT, _AWARD = "perfect_foresight", "award"
_NEWEST = (_C.ranked.desc(), _C.id.desc())


@dataclass(frozen=True)
class Promise:
    """A delivery period of an award: the schedule around it holds then, whatever is planned later.

    Attributes:
        published: from when on it holds.
        setpoints_file: of the schedule.
    """

    schedule: str
    award: str
    start: datetime
    end: datetime
    published: datetime
    setpoints_file: str


@dataclass(frozen=True)
class Plans:
    """Schedules to be followed, the newest first, and what awards promise from some moment on."""

    rows: Sequence[Row[Any]]
    promises: Sequence[Promise]

    def at(self, moment: datetime, age: timedelta) -> Row[Any] | None:
        """The one that holds: that of an award in its periods while it is young enough, or the newest."""
        holding = [row for row in self.rows if _begins(row) <= moment < row.end]
        kept = {one.schedule for one in self.promises if max(one.start, one.published) <= moment < one.end}
        awarded = (row for row in holding if row.id in kept and moment < row.issued + age)
        return next(awarded, next(iter(holding), None))

    def changes(self) -> Iterator[datetime]:
        """When another of them may hold."""
        yield from (_begins(row) for row in self.rows)
        for one in self.promises:
            yield from (max(one.start, one.published), one.end)


def _begins(row: Row[Any]) -> datetime:
    """From when on a schedule holds: before it was made nobody could follow it, whatever time it was issued for."""
    begins: datetime = max(row.start, row.issued, row.published)
    return begins


def finish(tx: Tx, id_: str, values: Mapping[str, Any], *, is_published: bool = True) -> None:
    """What came of it; it may be followed from now on, or it is a dry run."""
    followed = {"published": tx.now, "ranked": _C.issued} if is_published else {}
    _rows.finish(tx, id_, {**followed, **values})


def publish(tx: Tx, id_: str) -> None:
    """Let a dry run be followed from now on, before what was issued until now."""
    change(tx, id_, {"published": tx.now, "ranked": tx.now})


def has_report(tx: Tx, file: str) -> bool:
    """Is this file the report of a schedule?"""
    return tx.first(tx.select(schedules, _C.id).where(_C.report_file == file)) is not None


def latest(tx: Tx, site: str, by: datetime | None = None) -> Row[Any] | None:
    """The newest schedule of a site that is there and is meant to be followed, now or at a moment."""
    query = _rows.query(tx).where(*_followed(site))
    if by is not None:
        query = query.where(_C.published <= by)
    return tx.first(query.order_by(_C.id.desc()))


def holding(tx: Tx, site: str, start: datetime, end: datetime) -> Plans:
    """Schedules to be followed at some moment from start to before the end.

    A schedule holds from when it was issued and published, and while its steps last. Of each: id, mode, issued,
    published, start, end, setpoints_file.
    """
    columns = (_C.id, _C.mode, _C.issued, _C.published, _C.start, _C.end, _C.setpoints_file)
    begun = (_C.start < end, _C.issued < end, _C.published < end)
    query = tx.select(schedules, *columns).where(*_followed(site), *begun, _C.end > start)
    return Plans(tx.all(query.order_by(*_NEWEST)), promises(tx, site, start))


def promises(tx: Tx, site: str, start: datetime, end: datetime | None = None) -> list[Promise]:
    """What awards of a site promise from some moment on, the newest award first."""
    return promises_of(tx, [site], start, end).get(site, [])


def promises_of(tx: Tx, sites: Sequence[str], start: datetime, end: datetime | None = None) -> dict[str, list[Promise]]:
    """Likewise of several sites, by site."""
    columns = (_C.id, _C.site, _C.published, _C.request, _C.setpoints_file)
    whose = _C.site == sites[0] if len(sites) == 1 else _C.published.is_not(None)
    query = tx.select(schedules, *columns).where(whose, _C.published.is_not(None), _C.mode == _AWARD, _C.end > start)
    found: dict[str, list[Promise]] = {site: [] for site in sites}
    for row in tx.all(query.order_by(*_NEWEST)):
        if row.site in found:
            own = (one for one in _promised(row) if one.end > start and (end is None or one.start < end))
            found[row.site].extend(own)
    return found


def _promised(row: Row[Any]) -> Iterator[Promise]:
    for first, last in row.request.get("promised", ()):
        start, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
        yield Promise(row.id, row.request["of"], start, end, row.published, row.setpoints_file)


def good_until(row: Row[Any], age: timedelta) -> datetime:
    """Until when the set-points of a schedule are young enough to be followed.

    One that is made for a time to come holds to the end of its steps if these begin before it is too old: else a plan
    for tomorrow would end within its own day. A rolling one is replaced every few minutes, so that its age is a sign
    that whoever asks for plans is gone.
    """
    oldest: datetime = row.issued + age
    return max(oldest, row.end) if row.mode != "rolling" and row.start <= oldest else oldest


def in_force(tx: Tx, site: str, at: datetime) -> Row[Any] | None:
    """The schedule that holds at a moment: an award's in its periods, or of those whose steps hold it the newest."""
    for one in promises(tx, site, at):
        if max(one.start, one.published) <= at:
            return tx.first(tx.select(schedules).where(_C.id == one.schedule))
    begun = (_C.start <= at, _C.issued <= at, _C.published <= at)
    return tx.first(tx.select(schedules).where(*_followed(site), *begun, _C.end > at).order_by(*_NEWEST))


def _followed(site: str) -> tuple[ColumnElement[bool], ...]:
    """Schedules of a site that are there, and meant to be followed: no bounds in hindsight and no dry runs."""
    return (_C.site == site, _C.published.is_not(None), _C.mode != IN_HINDSIGHT)


def before(tx: Tx, site: str, start: datetime, issued: datetime) -> Row[Any] | None:
    """The schedule that one which starts then goes on from: issued by then, and begun no later."""
    query = tx.select(schedules).where(*_followed(site), _C.start <= start, _C.issued <= issued)
    return tx.first(query.order_by(*_NEWEST))
