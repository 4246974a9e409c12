"""`forecast` turns an archive into quantiles and joint scenarios, from what was known at the issue time only."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting import dependence, scenarios, steps
from forecasting.archive import Archive
from forecasting.archive.known import Known
from forecasting.capacity import at_present_capacity
from forecasting.clock import DAY_NS, HOUR_NS, Ns, instant_ns, utc_index, utc_text
from forecasting.errors import ForecastError
from forecasting.ladder import Answer, Climber, Ladder
from forecasting.models.base import CannotForecast, Shown
from forecasting.observed import came
from forecasting.physics import PvPlant, WindFarm
from forecasting.plausible import plausible
from forecasting.quantiles import LEVELS
from forecasting.scores import level_weights
from forecasting.situations import inputs_of, without_climate
from forecasting.targets import Forecast, Place, Target
from forecasting.weather_variables import CATALOGUE

__all__ = ["Forecast", "Place", "PvPlant", "Target", "WindFarm", "forecast"]

Floats = NDArray[np.float64]
MODEL_VERSION = "ladder-1"
PATHS_AT_MOST = scenarios.PATHS
ASKED_AGAIN_DAYS = 30
HISTORY_DAYS, UNTOLD_SHARE = 400, 0.05


def forecast(
    targets: Sequence[Target],
    archive: Archive,
    place: Place,
    issue_time: dt.datetime | pd.Timestamp | str,
    edges: pd.DatetimeIndex,
    *,
    weather_site: str | None = None,
    scenarios: int | dependence.Wanted = 10,
    seed: int = 0,
    model: Ladder | Climber | None = None,
    progress: Callable[[str], None] | None = None,
) -> Forecast:
    """Forecast all targets jointly for the intervals between `edges` (T+1), from what was known at `issue_time`.

    Per target and interval the best rung that the data allow, see `forecasting.ladder`. Quantiles are of the means over
    the intervals. Measurements stand in `archive` under (target.site, target.name), weather under the sites that
    `target.weather` names, or `weather_site` where it names none. `scenarios` is their number, or with it how they hang
    together, see `forecasting.dependence`: "toeplitz" for energies, "schaake" for ramps, "exponential" where history is
    little. A `model` that has learnt already (`forecasting.keeping`) is asked as it is. The same inputs give the same
    bits.
    """
    issue_ns = instant_ns(issue_time, "issue_time")
    edges_ns = steps.checked_edges(edges, issue_ns)
    wanted = scenarios if isinstance(scenarios, dependence.Wanted) else dependence.Wanted(scenarios)
    _check(targets, wanted.count)
    known = archive.as_of(utc_index(np.array([issue_ns]))[0])
    ladder = model or Ladder(workers=os.cpu_count() or 1)
    named = [t.weather or (weather_site or t.site,) for t in targets]
    known = without_climate(known, (site for sites in named for site in sites))
    known, left_out = plausible(known, targets)
    sourced = [t if t.weather or weather_site is None else replace(t, weather=(weather_site,)) for t in targets]
    from threadpoolctl import threadpool_limits

    asked = ladder if isinstance(ladder, Climber) else ladder.train(known, sourced, place, edges_ns - issue_ns, LEVELS)
    # Linear algebra on one thread, whatever the machine: sums in another order differ in their last bits.
    with threadpool_limits(limits=1):
        try:
            answers = list(asked.answers(known, edges_ns).values())
        except ForecastError as error:
            raise _with_what_is_there(error, known) from error
        if not answers:
            nothing = ForecastError(f"nothing is known of {', '.join(target.name for target in sourced)}")
            raise _with_what_is_there(nothing, known)
        for answer in answers:
            (progress or (lambda _: None))(f"{answer.target.name}: {answer.quality}")
        return _joined(answers, known, edges_ns, wanted, seed, left_out)


def _check(targets: Sequence[Target], count: int) -> None:
    names = [target.name for target in targets]
    if not names:
        raise ForecastError("targets: none given; name at least one")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ForecastError(f"targets: {repeated} given more than once; names must differ")
    if not 1 <= count <= PATHS_AT_MOST:
        raise ForecastError(f"scenarios: {count} asked for; 1 to {PATHS_AT_MOST} are possible")


def _with_what_is_there(error: ForecastError, known: Known) -> ForecastError:
    held = ", ".join(known.series_names()[:8]) or "nothing"
    return ForecastError(f"{error}. The archive knew at {utc_text(known.time_ns)}: {held}")


def _joined(
    answers: Sequence[Answer],
    known: Known,
    edges_ns: Ns,
    wanted: dependence.Wanted,
    seed: int,
    left_out: Mapping[str, tuple[str, ...]],
) -> Forecast:
    by_name = {answer.target.name: answer for answer in answers}
    levels = {name: answer.quantiles for name, answer in by_name.items()}
    alike = at_present_capacity(known, [answer.target for answer in answers])
    shown = [_shown(answer, alike, edges_ns) for answer in answers]
    together = _together(answers, shown, alike, edges_ns)
    paths, told = _paths(levels, shown, together, edges_ns, seed, wanted.method)
    paths = {name: np.clip(paths[name], *answer.target.bounds) for name, answer in by_name.items()}
    hours = np.diff(edges_ns) / HOUR_NS
    kept, weights = scenarios.reduce(paths, wanted.count, hours)
    few = scenarios.respread(paths, kept, weights, hours)
    return Forecast(
        issue_time=utc_index(np.array([known.time_ns]))[0],
        edges=utc_index(edges_ns),
        levels=LEVELS.copy(),
        names=tuple(by_name),
        quantiles=levels,
        central={name: values @ level_weights(LEVELS) for name, values in levels.items()},
        scenarios={name: np.clip(few[name], *answer.target.bounds) for name, answer in by_name.items()},
        weights=weights,
        quality={name: answer.quality for name, answer in by_name.items()},
        model_version=MODEL_VERSION,
        inputs_used={name: _inputs(answer, known) for name, answer in by_name.items()},
        notes=(
            *(note for name in by_name for note in left_out.get(name, ())),
            *(note for answer in answers for note in _notes(answer, known, edges_ns)),
            *told,
        ),
        sites={name: answer.target.site for name, answer in by_name.items()},
        units={name: answer.target.unit for name, answer in by_name.items()},
    )


def _paths(
    levels: dict[str, Floats],
    shown: Sequence[Shown | None],
    together: Sequence[Shown | None],
    edges_ns: Ns,
    seed: int,
    joint: dependence.Method,
) -> tuple[dict[str, Floats], tuple[str, ...]]:
    """Equally likely joint paths of all targets, and what to know of them.

    The memory of each is that of what it has `shown`; how they hang together is read from days that all have.
    """
    middle_h = ((edges_ns[:-1] + edges_ns[1:]) / 2 - int(edges_ns[0])) / HOUR_NS
    told: tuple[str, ...] = ()
    if joint == "schaake":
        past = _whole_errors(together, len(middle_h))
        if past is not None:
            return dependence.shuffle(levels, dict(zip(levels, past, strict=True)), seed), ()
        told = ("scenarios: too few past forecasts of all series together for the Schaake shuffle, so a copula",)
    measured = joint != "exponential"
    memories = {
        name: _memory(one, float(middle_h[-1]), measured=measured) for name, one in zip(levels, shown, strict=True)
    }
    cross = scenarios.cross_correlation(_common_scores(together))
    return scenarios.draw(levels, memories, cross, middle_h, seed), told


def _whole_errors(shown: Sequence[Shown | None], steps: int) -> Floats | None:
    """Normal scores (K, S, T) of the newest past forecasts of which all is known of all targets; None if too few."""
    if any(one is None or one.start_ns.shape[1] != steps for one in shown):
        return None
    there = [one for one in shown if one is not None]
    common = set.intersection(*(set(one.start_ns[:, 0].tolist()) for one in there))
    picked = [np.isin(one.start_ns[:, 0], list(common)) for one in there]
    stacked = np.stack(
        [scenarios.normal_scores(one.actual, one.quantiles)[rows] for one, rows in zip(there, picked, strict=True)]
    )
    # Where a forecast has no width (night), it has no error either: any rank will do.
    sure = np.stack([np.ptp(one.quantiles[rows], axis=-1) == 0 for one, rows in zip(there, picked, strict=True)])
    whole = (np.isfinite(stacked) | sure).all(axis=(0, 2))
    if whole.sum() < dependence.FEWEST_PAST:
        return None
    return np.nan_to_num(stacked[:, whole][:, -scenarios.PATHS :])


def _inputs(answer: Answer, known: Known) -> dict[str, Any]:
    """What of the archive an answer rests on."""
    measured = known.measurements(answer.target.site, answer.target.name)
    ends = measured.end_ns[np.isfinite(measured.value)]
    card = answer.trained.card
    # A card says what its model learnt from: of a kept one that ends days ago, whatever has been measured since.
    learnt: dict[str, Any] = card.get("targets", {}).get(answer.target.name, {})
    return learnt | {
        "measurements": len(ends),
        "first_valid_time": utc_text(int(ends[0])) if len(ends) else None,
        "last_valid_time": utc_text(int(ends[-1])) if len(ends) else None,
        "model": answer.model,
        "weather": list(answer.target.weather),
        "late_h": {f"{site}/{name}": by / HOUR_NS for site, name, by in answer.situation.late},
        "missing": [f"{site}/{name}" for site, name in answer.situation.missing],
    }


def _notes(answer: Answer, known: Known, edges_ns: Ns) -> Iterator[str]:
    """What a person should know of how an answer came about."""
    name = answer.target.name
    for rung in dict.fromkeys(answer.rungs):
        on = [step for step, each in enumerate(answer.rungs) if each == rung]
        if rung != answer.quality and len(set(answer.rungs)) > 1:
            yield f"{name}: {len(on)} of {len(answer.rungs)} intervals from {RUNG_WORDS[rung]}"
    if answer.quality != answer.expected:
        on = [step for step, each in enumerate(answer.rungs) if each == answer.quality]
        first = f"for {len(on)} intervals, the first at {utc_text(int(edges_ns[on[0]]))}"
        span = first if len(on) < len(answer.rungs) else "throughout"
        reason = f" ({answer.reason})" if answer.reason else ""
        yield f"{name}: from {RUNG_WORDS[answer.quality]} {span}{reason}"
    ahead = {site for site, _ in inputs_of(known, answer.target)}
    for site in answer.target.weather:
        if site not in ahead and not CATALOGUE.keys().isdisjoint(known.variables(site)):
            yield f"{name}: of the weather under {site} measurements are known, and no forecasts: runs are needed"
    for site, variable, by_ns in answer.situation.late:
        yield f"{name}: {site}/{variable} is {by_ns / HOUR_NS:.0f} h older than usual"
    if answer.situation.missing and answer.quality != "own_past":
        gone = ", ".join(f"{site}/{variable}" for site, variable in answer.situation.missing)
        yield f"{name}: without {gone}"
    yield from (getattr(answer.trained, "notes", None) or {}).get(name, ())
    if (share := _without_forecasts(answer, known)) > UNTOLD_SHARE:
        yield (
            f"{name}: of {share:.0%} of its history no weather forecast of the time is known; what a later run "
            "looks back on stands in, and bands may be narrow"
        )


def _without_forecasts(answer: Answer, known: Known) -> float:
    """Share of the measured time before the first weather forecast became known."""
    measured = known.measurements(answer.target.site, answer.target.name)
    first = [int(known.issued(*each).available_ns.min()) for each in inputs_of(known, answer.target)]
    if not first or not len(measured.end_ns) or answer.quality not in ("latest_nwp", "previous_run", "other_nwp"):
        return 0.0
    begin = max(int(measured.end_ns[0]), known.time_ns - HISTORY_DAYS * DAY_NS)
    return float(np.clip((min(first) - begin) / max(known.time_ns - begin, 1), 0.0, 1.0))


RUNG_WORDS = {
    "latest_nwp": "the latest weather forecast",
    "previous_run": "an earlier run of the weather forecast",
    "other_nwp": "another weather forecast",
    "usual_weather": "physics with usual weather",
    "typical_weather": "physics with the season of a typical year",
    "own_past": "its own past",
}


def _shown(answer: Answer, known: Known, edges_ns: Ns) -> Shown | None:
    """What the model said of past days: those it held out, else asked again for some; None where there are none."""
    if answer.shown is not None:
        return answer.shown
    measured = known.measurements(answer.target.site, answer.target.name)
    if not np.isfinite(measured.value).any():
        return None
    return _of_last_days(answer, known, edges_ns)


def _together(
    answers: Sequence[Answer], shown: Sequence[Shown | None], known: Known, edges_ns: Ns
) -> list[Shown | None]:
    """What was shown, of days that targets have in common.

    Days that a model held out lie before it learnt; of one that learnt long ago they are others than the last days, of
    which models that hold out none are asked again. Where two have few in common, and each has more, those of the last
    days count.
    """
    found = list(shown)
    for k, (answer, one) in enumerate(zip(answers, shown, strict=True)):
        if one is None or answer.shown is None:
            continue
        if any(_are_of_other_days(one, other) for other in shown if other is not None):
            found[k] = _of_last_days(answer, known, edges_ns) or one
    return found


def _are_of_other_days(one: Shown, other: Shown) -> bool:
    """Are there too few days (UTC) of which both tell intervals, though each tells of more?"""
    own, others = (np.unique(each.start_ns // DAY_NS) for each in (one, other))
    return len(np.intersect1d(own, others)) < min(dependence.FEWEST_PAST, len(own), len(others))


def _of_last_days(answer: Answer, known: Known, edges_ns: Ns) -> Shown | None:
    """What the model says of the last days with what was known before each; None where it can say nothing."""
    again = (_asked_again(answer, known, edges_ns, back) for back in range(ASKED_AGAIN_DAYS, 0, -1))
    found = [one for one in again if one is not None]
    if not found:
        return None
    starts, actual, quantiles = (np.stack(each) for each in zip(*found, strict=True))
    return Shown(starts, actual, quantiles)


def _asked_again(answer: Answer, known: Known, edges_ns: Ns, back: int) -> tuple[Ns, Floats, Floats] | None:
    before = known.as_of(utc_index(np.array([known.time_ns - back * DAY_NS]))[0])
    edges = edges_ns - back * DAY_NS
    try:
        said = answer.trained.quantiles(answer.situation.view(before), edges)[answer.target.name]
    except CannotForecast:
        return None
    return edges[:-1], came(known, answer.target, edges), said


def _memory(shown: Shown | None, reach_h: float, *, measured: bool) -> scenarios.Correlation:
    if shown is None or shown.start_ns.shape[1] < 2:
        return scenarios.Memory()
    step_h = float(np.median(np.diff(shown.start_ns, axis=1))) / HOUR_NS
    z = scenarios.normal_scores(shown.actual, shown.quantiles)
    return dependence.memory(z, step_h, reach_h) if measured else scenarios.fit_memory(z, step_h)


def _common_scores(shown: Sequence[Shown | None]) -> list[Floats | None]:
    """Normal scores of past forecasts on the steps that any target has, NaN where one has none.

    Two targets are compared where both are known: a third one of a short past takes nothing from them.
    """
    there = [one.start_ns.ravel() for one in shown if one is not None]
    every = np.unique(np.concatenate(there)) if there else np.empty(0, np.int64)
    found: list[Floats | None] = []
    for one in shown:
        if one is None:
            found.append(None)
            continue
        # Of an interval seen at several leads the shortest lead counts: it comes last.
        scores = scenarios.normal_scores(one.actual, one.quantiles).ravel()[::-1]
        unique, first = np.unique(one.start_ns.ravel()[::-1], return_index=True)
        on_all = np.full(len(every), np.nan)
        on_all[np.searchsorted(every, unique)] = scores[first]
        found.append(on_all)
    return found
