"""Jobs that plan a site: day ahead, rolling on from the plan before, or in hindsight of what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.errors import DataError, NoForecastError, SolveError
from dispatch.service.errors import ConflictError, InvalidError
from dispatch.service.store import files, forecasts, schedules
from dispatch.service.store.arrow import ARROW_STREAM, from_bytes
from dispatch.service.store.jobs import Job
from dispatch.service.store.transaction import Tx
from dispatch.service.work import basis, outcomes, promised, rehearsal, reserve
from dispatch.service.work import start as beginnings
from dispatch.service.work.basis import Asked
from dispatch.service.work.outcomes import Outcome
from dispatch.service.work.start import Start
from dispatch.service.work.wanted import PERFECT, Wanted
from dispatch.signals import Array

if TYPE_CHECKING:
    from dispatch.plan import Background, Plan
    from dispatch.planning.outlook import Told
    from dispatch.sources import Sources
    from dispatch.weather_runs import GivenWeather

DEADLINE_S = 120.0
# Of what is left of the deadline, what solvers may take: the rest is for forecasts, proofs, tables and their writing.
_SOLVING = 0.6
_KEEPS = "This plan takes the net exchange that was promised as given."
_KNOWS_NOT = "This plan does not know of it."
# With a deadline as short as this, nobody waits until a process has started that answers after it.
_SHORT_S = 60.0


def prepare(tx: Tx, job: Job) -> Wanted:
    """Read the site, its measurements, its start and the plan before."""
    row = schedules.get(tx, job.subject)
    basis.park_of(tx, row.site)
    left_s = _left_s(job)
    if left_s < _SHORT_S:
        reserve.begin(_loaded)
    return wanted(tx, row, left_s)


def ready() -> None:
    """Start the process that answers where the child was killed, and let it make a tiny plan; wait until it has.

    Raises:
        SolveError: it made none.
    """
    if not rehearsal.held(reserve.answer(_rehearsed)):
        raise SolveError("the plan that was to be rehearsed is none")


def _rehearsed(improved: Callable[[Any], None] | None = None) -> Outcome | DataError:
    """In the reserve's process: load what answers need, and make one."""
    _loaded(improved)
    return _answered_without(rehearsal.asked(), "it is rehearsed")


def _loaded(improved: Callable[[Any], None] | None = None) -> None:
    """In the reserve's process: what a plan without a solver needs."""
    del improved
    warm()


def _left_s(job: Job) -> float:
    began = job.started_at or datetime.now(UTC)
    return (job.deadline_s or DEADLINE_S) - (datetime.now(UTC) - began).total_seconds()


def wanted(tx: Tx, row: Any, left_s: float) -> Wanted:
    """What a schedule that was asked for is made from, as it was when it was asked for."""
    request, mode = row.request, row.mode
    park = basis.park_at(tx, row.site, row.site_version)
    what = basis.of_row(row, _changed(park, request))
    age = timedelta(minutes=request["state_age_minutes"])
    contents, notes = ({}, ()) if mode == PERFECT else beginnings.measured(tx, what, age)
    before = _before(tx, what, row, carries=mode == "rolling")
    require_sound(what, request)
    told, weights = _told(tx, what, request)
    archive, read_as = basis.archive(tx, what, in_hindsight=mode == PERFECT)
    kept = _promised(tx, what, row)
    start = Start(request.get("start_state") or {}, contents, **before, notes=(*notes, *read_as, *kept.notes))
    network = bool(request.get("network", True)) and park.grid is not None
    what = replace(what, park=kept.on(what.park, what.horizon))
    given = (told, weights, network, kept.awards)
    return Wanted(row.id, what, mode, archive, start, _SOLVING * left_s, request, *given)


def _promised(tx: Tx, what: Asked, row: Any) -> promised.Kept:
    """What awards have fixed; of a plan that is made once more what it kept, of a bound in hindsight nothing."""
    if row.mode == PERFECT:
        return promised.Kept()
    made = None if row.result is None else frozenset(one["schedule"] for one in row.result.get("kept", ()))
    return promised.of_site(tx, what.site, what.park, what.horizon, made)


def require_sound(what: Asked, request: Mapping[str, Any]) -> None:
    """Hold a request against the park that it is about.

    Raises:
        InvalidError: with all that is wrong.
    """
    found = [
        *basis.series_faults(request.get("series") or {}, what.horizon, what.park),
        *beginnings.faults(what.park, request.get("start_state") or {}),
    ]
    if found:
        raise InvalidError(f"The request does not fit site '{what.site}' in {len(found)} places.", found)


def _changed(park: Any, request: Mapping[str, Any]) -> Any:
    """The park with what the request says of how it is planned; the job's own deadline stands for the park's."""
    asked = {"scenarios": request.get("scenarios"), "commitment": request.get("commitment")}
    given = {name: value for name, value in asked.items() if value is not None}
    return park.model_copy(update={"planning": park.planning.model_copy(update={**given, "deadline_s": None})})


def _before(tx: Tx, what: Asked, row: Any, *, carries: bool) -> dict[str, Any]:
    from dispatch.ladder.earlier import EarlierPlan

    if row.result is not None:  # made already, and made again for its report
        goes_on_from = row.result["goes_on_from"]
        found = None if goes_on_from is None else schedules.get(tx, goes_on_from)
    else:
        found = schedules.before(tx, what.site, what.horizon.start, what.issue) if row.mode != PERFECT else None
    if found is None:
        return {}
    kept = EarlierPlan.from_arrow(from_bytes(files.read(tx, found.earlier_file)))
    return {"schedule": found.id, "before": kept, "carries": carries}


def _told(tx: Tx, what: Asked, request: Mapping[str, Any]) -> tuple[dict[str, Array], Array | None]:
    """Paths that the request names: series of its own, or those of a forecast that was made before."""
    needs = {asset.name for asset in what.park.assets if asset.needs}
    own = request.get("series") or {}
    paths = {name: np.array(values, dtype=np.float64)[None, :] for name, values in own.items()}
    if (id_ := request.get("forecast")) is None:
        return paths, None
    row = forecasts.get(tx, id_)
    if row.result is None:
        raise ConflictError(f"Forecast '{id_}' is not there yet: its job is {row.job_state}.")
    if row.site != what.site or row.request["edges"] != request["edges"]:
        raise DataError(f"forecast '{id_}' is of another site or of other steps than this schedule")
    made, weights = outcomes.paths(from_bytes(files.read(tx, row.scenarios_file)), row.result["central"])
    return {name: rows for name, rows in made.items() if name in needs} | paths, weights


def run(asked: Wanted, progress: Callable[[str], None]) -> Outcome:
    """Plan: forecasts, solver, network, audit. Killed when the deadline is over.

    Where what is known is too little to forecast from, but enough to go on with, the rules of the park plan.
    """
    try:
        plan, said = planned(asked, progress)
    except NoForecastError as error:
        if asked.mode == PERFECT:
            raise
        return _without_forecast(asked, error)
    return outcomes.of(plan, said, asked)


def _without_forecast(asked: Wanted, error: NoForecastError) -> Outcome:
    try:
        plan, said = without_solver(asked, str(error))
    except DataError:
        raise error from None
    return outcomes.of(plan, said, asked, str(error))


def planned(asked: Wanted, progress: Callable[[str], None]) -> tuple[Plan, list[dict[str, Any]]]:
    """The plan, and who says what of its start."""
    from dispatch.plan import plan
    from dispatch.sources import user_errors

    try:
        sources = _sources(asked, progress)
        site, actual = asked.what.park, dict(sources.actual)
        background, said = _background(asked, sources, actual)
        return (
            plan(
                site, asked.what.horizon, sources.archive, asked.what.issue, network=sources.network, actual=actual,
                weather_site=sources.weather, background=background, progress=progress,
            ),
            said,
        )  # fmt: skip
    except user_errors() as error:
        raise DataError(str(error)) from error


def _sources(asked: Wanted, progress: Callable[[str], None]) -> Sources:
    import pandas as pd

    from dispatch.sources import gather

    what = asked.what
    measured = [asset.name for asset in what.park.assets if asset.needs] if asked.mode == PERFECT else ()
    return gather(
        what.park, what.horizon, Path(), weather=weather_of(asked.request), now=pd.Timestamp(what.issue),
        archive=asked.archive, told=[*asked.told, *measured], with_network=asked.with_network, place=what.site,
        progress=progress,
    )  # fmt: skip


def weather_of(request: Mapping[str, Any]) -> GivenWeather | None:
    """The run of weather that a request brings."""
    if (given := request.get("weather")) is None:
        return None
    from dispatch.weather_runs import GivenWeather

    columns = {name: np.array(values, dtype=np.float64) for name, values in given["variables"].items()}
    step_s, count = 60 * given["step_minutes"], len(next(iter(columns.values())))
    first_s = datetime.fromisoformat(given["start"]).timestamp()
    ends = first_s + step_s * np.arange(1.0, count + 1)
    return GivenWeather(datetime.fromisoformat(given["issued_at"]), ends, columns)


def _background(asked: Wanted, sources: Sources, actual: Mapping[str, Array]) -> tuple[Background, list[Any]]:
    from dispatch.plan import Background
    from dispatch.planning.outlook import Told

    state, said = beginnings.state(asked.what.park, asked.what.horizon.start, asked.start)
    paths = dict(asked.told)
    notes = [f"{name}: as the request says, not forecast" for name in paths]
    if asked.mode == PERFECT:
        paths = _in_hindsight(asked, actual)
        notes = ["Made in hindsight, on what was measured: a bound on what was possible, and no plan to follow."]
    told: Told = Told(paths, asked.weights)
    notes = [*sources.notes, *asked.start.notes, *notes]
    made = Background(state, asked.start.before, told, asked.solving_s, hashes(asked, sources), tuple(notes))
    return made, said


def _in_hindsight(asked: Wanted, actual: Mapping[str, Array]) -> dict[str, Array]:
    """What came of everything that the park needs.

    Raises:
        DataError: names what was not measured throughout.
    """
    needs = [asset.name for asset in asked.what.park.assets if asset.needs]
    lacking = [name for name in needs if name not in actual and name not in asked.told]
    if lacking:
        raise DataError(f"perfect_foresight: not measured in every step: {', '.join(lacking)}")
    return {name: np.atleast_2d(asked.told.get(name, actual.get(name, np.zeros(0)))) for name in needs}


def hashes(asked: Wanted, sources: Sources | None) -> dict[str, str]:
    """SHA-256 of each input."""
    named = dict(sources.hashes) if sources is not None else {}
    if sources is not None and asked.kept:
        named["awards"] = basis.digest({"kept": [dict(one) for one in asked.kept]})
    return named | {"request": basis.digest(dict(asked.request)), "site_version": str(asked.what.version)}


def floor(asked: Wanted, reason: str) -> Outcome | None:
    """A plan without forecaster and solver, made in a process that is ended if it does not answer in time.

    None in hindsight: a bound on what was possible has no worse neighbour that would serve.
    """
    if asked.mode == PERFECT:
        return None
    found: Outcome | DataError = reserve.answer(_answered_without, asked, reason)
    if isinstance(found, DataError):
        raise found
    return found


def _answered_without(asked: Wanted, reason: str, improved: Callable[[Any], None] | None = None) -> Outcome | DataError:
    """What the reserve's process does; what lacks is told as it is, for only its text would come across."""
    del improved
    try:
        plan, said = without_solver(asked, reason)
    except DataError as error:
        return error
    return outcomes.of(plan, said, asked, reason)


def without_solver(asked: Wanted, reason: str) -> tuple[Plan, list[dict[str, Any]]]:
    """The best plan that takes neither a forecaster nor a solver, and who says what of its start."""
    from dispatch.plan import Background
    from dispatch.planning.outlook import Told
    from dispatch.stopgap import stopgap

    what = replace(asked.what, park=promised.without(asked.what.park))
    state, said = beginnings.state(what.park, what.horizon.start, asked.start)
    told, notes = Told(asked.told, asked.weights), asked.start.notes
    background = Background(state, asked.start.before, told, None, hashes(asked, None), notes)
    return stopgap(what.park, what.horizon, asked.archive, what.issue, reason=reason, background=background), said


def check(asked: Wanted, outcome: Any) -> str | None:
    """Why what came is no plan for what was asked; None where it is one."""
    return outcomes.refused(asked, outcome)


def commit(tx: Tx, job: Job, outcome: Outcome) -> dict[str, Any]:
    """Keep its tables, publish it unless it is a dry run, and chain what it came from to what it says."""
    row = schedules.get(tx, job.subject)
    basis.park_of(tx, row.site)  # a plan of a site that was deleted meanwhile is none
    held = {name: files.put(tx, data, ARROW_STREAM, f"{job.subject}-{name}.arrow") for name, data in outcome.tables()}
    values = {f"{name}_file": found.id for name, found in held.items()}
    setpoints = held["setpoints"].sha256
    said = outcome.columns()
    said["result"] = {
        **said["result"],
        "notes": [*said["result"]["notes"], *_awards(tx, job.subject, said["result"]["kept"])],
    }
    is_published = row.mode != PERFECT and not row.request.get("dry_run", False)
    schedules.finish(tx, job.subject, {**said, **values, "setpoints_sha256": setpoints}, is_published=is_published)
    tx.audit("schedule.made", job.subject, {**outcome.chained(), "setpoints_sha256": setpoints, "job": job.id})
    href = f"/api/v1/schedules/{job.subject}"
    return {"href": href, "quality": outcome.quality, "files": {ARROW_STREAM: held["table"].id}}


def _awards(tx: Tx, id_: str, said: Sequence[Mapping[str, str]]) -> list[str]:
    """A note of each award in whose periods the schedule does not hold, and whether it agrees with it there."""
    row = schedules.get(tx, id_)
    if row.mode == PERFECT:
        return []
    kept = {one["schedule"] for one in said}
    found: dict[str, list[schedules.Promise]] = {}
    for one in schedules.promises(tx, row.site, row.start, row.end):
        found.setdefault(one.award, []).append(one)
    return [
        f"Not in force in the periods of award '{award}' from {min(one.start for one in some).isoformat()} "
        f"to {max(one.end for one in some).isoformat()}: there schedule '{some[0].schedule}' holds, which keeps what "
        f"was promised. {_KEEPS if some[0].schedule in kept else _KNOWS_NOT}"
        for award, some in found.items()
    ]


def warm() -> None:
    """The slow imports, before the first job."""
    import cvxpy  # noqa: F401 - loaded for what follows
    import highspy  # noqa: F401

    from dispatch import plan, sources  # noqa: F401
    from dispatch.replay import plant  # noqa: F401
    from forecasting import forecast  # noqa: F401
