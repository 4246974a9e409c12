"""Jobs that account for carbon: of a measured period, from the site's meters, or of a plan that was made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dispatch.errors import AlignmentError, DataError
from dispatch.service.errors import ConflictError
from dispatch.service.store import carbon_accounts, files, schedules, series
from dispatch.service.store.arrow import ARROW_STREAM, from_bytes, to_bytes
from dispatch.service.store.jobs import Job
from dispatch.service.store.transaction import Tx
from dispatch.service.work import basis
from dispatch.service.work.report import HTML, Again, again
from dispatch.signals import Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.carbon.ledger import Ledgers
    from dispatch.carbon_export import About
    from forecasting.archive import Archive

DEADLINE_S = 900.0
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """A measured period that is accounted for."""

    park: Site
    horizon: Horizon
    archive: Archive
    as_of: datetime | None
    request: Mapping[str, Any]


@dataclass(frozen=True)
class Wanted:
    """An account that is asked for: of a period or of a plan, in steps ``by``."""

    of: Period | Again
    by: str


@dataclass(frozen=True)
class Outcome:
    """An account in plain data: all that is said of it as JSON, Arrow streams by name, and its page."""

    result: dict[str, Any]
    tables: dict[str, bytes]
    page: str


def horizon_of(park: Site, request: Mapping[str, Any]) -> Horizon:
    """The steps of a measured period.

    Raises:
        DataError: it is no whole number of steps, or longer than a year and a day.
    """
    first = date.fromisoformat(request["first"])
    last = date.fromisoformat(request.get("last") or request["first"])
    days = (last - first).days + 1
    if days > 367:
        raise DataError(f"the period has {days} days; accepted: at most a year")
    minutes = request.get("step_minutes") or park.planning.step_minutes
    try:
        return Horizon.local_day(first, park.time_zone, minutes, days)
    except AlignmentError as error:
        raise DataError(f"step_minutes {minutes:g}: {error}") from error


def prepare(tx: Tx, job: Job) -> Wanted:
    """Read the site's meters, or what the plan was made from."""
    row = carbon_accounts.get(tx, job.subject)
    by = row.request["by"]
    if row.schedule is not None:
        planned = schedules.get(tx, row.schedule)
        if planned.made is None:
            raise ConflictError(f"Schedule '{row.schedule}' is not there: its job is {planned.job_state}.")
        return Wanted(again(tx, planned, DEADLINE_S), by)
    park = basis.park_at(tx, row.site, row.site_version)
    horizon = horizon_of(park, row.request)
    given = row.request.get("as_of")
    as_of = None if given is None else datetime.fromisoformat(given)
    archive = series.archive(tx, row.site, None, row.start - _DAY, row.end + _DAY, as_of=as_of, delay=timedelta(0))
    return Wanted(Period(park, horizon, archive, as_of, row.request), by)


def run(asked: Wanted, progress: Callable[[str], None]) -> Outcome:
    """Account for it."""
    from dispatch.sources import user_errors

    try:
        return _of_plan(asked.of, asked.by, progress) if isinstance(asked.of, Again) else _of_period(asked, progress)
    except user_errors() as error:
        raise DataError(str(error)) from error


def _of_plan(again: Again, by: str, progress: Callable[[str], None]) -> Outcome:
    from dispatch.carbon_export import About
    from dispatch.carbon_export.page import page
    from dispatch.presentation.carbon_accounts import accounts

    plan = again.made(progress)
    progress("accounting")
    ledgers = accounts(plan)
    hashes = {"schedule": again.sha256}
    about = About(plan.site.name, plan.site.title, notes=(*plan.site.notes, *plan.notes), hashes=hashes)
    return _outcome(ledgers, about, by, {}, {}, page(ledgers, about))


def _of_period(asked: Wanted, progress: Callable[[str], None]) -> Outcome:
    from dispatch.carbon.goods import periods
    from dispatch.carbon_export import certificate_table, goods_table, metadata
    from dispatch.carbon_export.goods import cbam, footprints
    from dispatch.carbon_export.page import page
    from dispatch.measured.account import account
    from dispatch.measured.files import known_readings
    from dispatch.planning.fetched import settled

    assert isinstance(asked.of, Period)
    what = asked.of
    source = "measurements" if what.as_of is None else f"measurements as received by {what.as_of.isoformat()}"
    readings = known_readings(what.park, what.horizon, what.archive, None, source)
    site = settled(what.park, what.horizon, what.archive)
    done = account(site, readings, tolerance=_tolerance(what.request), progress=lambda text, _share: progress(text))
    named = [*periods(what.horizon, asked.by), *(periods(what.horizon, "all") if asked.by != "all" else ())]
    declared = [*periods(what.horizon, "month"), *periods(what.horizon, "all")]
    tables = {
        "goods": goods_table(done.goods, what.horizon, named),
        "certificates": certificate_table(done.market),
    }
    more = {
        "certificates": metadata(done.about, done.ledgers, done.market)["certificates"],
        "cbam": cbam(done.goods, what.horizon, declared, done.about),
        "footprints": footprints(done.goods, what.horizon, declared, done.about),
    }
    shown = page(done.ledgers, done.about, done.market, done.goods, done.ran.imbalance_kw)
    return _outcome(done.ledgers, done.about, asked.by, tables, more, shown)


def _tolerance(request: Mapping[str, Any]) -> Any:
    from dispatch.measured.balance import Tolerance

    if (kw := request.get("tolerance_kw")) is not None:
        return Tolerance(None, kw)
    percent = request.get("tolerance_percent")
    return Tolerance() if percent is None else Tolerance(percent / 100)


def _outcome(
    ledgers: Ledgers, about: About, by: str, tables: Mapping[str, pa.Table], more: Mapping[str, Any], page: str
) -> Outcome:
    from dispatch.carbon.ledger import Ledgers as Several
    from dispatch.carbon_export import coarser, metadata

    said = metadata(about, ledgers, None)
    flat = Several(tuple(coarser(one, by) for one in ledgers)).to_arrow()
    in_order = [{"name": name, **one} for name, one in said["ledgers"].items()]
    result = {**said, **more, "left_out": dict(ledgers.left_out), "ledgers": in_order}
    return Outcome(_plain(result), {name: to_bytes(each) for name, each in {"ledgers": flat, **tables}.items()}, page)


def _plain(value: Any) -> Any:
    """JSON has neither NaN nor infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def floor(asked: Wanted, reason: str) -> None:
    """An account that was not made is none."""
    del asked, reason


def check(asked: Wanted, outcome: Any) -> str | None:
    """Why what came is no account; None where it is one."""
    del asked
    if not isinstance(outcome, Outcome):
        return f"a {type(outcome).__name__} is no account"
    if not outcome.result["ledgers"] or from_bytes(outcome.tables["ledgers"]).num_rows == 0:
        return "it has no ledger"
    return None


def commit(tx: Tx, job: Job, outcome: Outcome) -> dict[str, Any]:
    """Keep its tables and its page."""
    held = {name: files.put(tx, data, ARROW_STREAM, f"{job.subject}-{name}.arrow") for name, data in
            outcome.tables.items()}  # fmt: skip
    held["page"] = files.put(tx, outcome.page.encode(), HTML, f"{job.subject}.html")
    named = {f"{name}_file": found.id for name, found in held.items()}
    carbon_accounts.finish(tx, job.subject, {"result": outcome.result, **named})
    sha256 = held["ledgers"].sha256
    told = {"inputs_sha256": basis.digest(outcome.result["hashes"]), "ledgers_sha256": sha256, "job": job.id}
    tx.audit("carbon_account.made", job.subject, told)
    formats = {ARROW_STREAM: held["ledgers"].id, HTML: held["page"].id}
    return {"href": f"/api/v1/carbon-accounts/{job.subject}", "files": formats}
