"""`forecast` turns an archive into quantiles and joint scenarios, from what was known at the issue time only."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting import features, rungs, scenarios, steps, trained
from forecasting.archive import Archive, Measured
from forecasting.clock import DAY_NS, HOUR_NS, Ns, instant_ns, utc_index, utc_text
from forecasting.errors import ForecastError
from forecasting.physics import PvPlant, WindFarm
from forecasting.quantiles import LEVELS
from forecasting.rungs import Answer, Ask, Case
from forecasting.steps import History
from forecasting.targets import Forecast, Place, Target

__all__ = ["Forecast", "Place", "PvPlant", "Target", "WindFarm", "forecast"]

Floats = NDArray[np.float64]
MODEL_VERSION = "quantiles-1"
TRAINED_FROM_DAYS = 21
CLIMATOLOGY_FROM_DAYS = 3
DEFAULT_HISTORY_DAYS = 400
STAND_BY_SHARE = 0.01


def forecast(
    targets: Sequence[Target],
    archive: Archive,
    place: Place,
    issue_time: dt.datetime | pd.Timestamp | str,
    edges: pd.DatetimeIndex,
    *,
    weather_site: str | None = None,
    scenarios: int = 10,
    seed: int = 0,
    history_days: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Forecast:
    """Forecast all targets jointly for the intervals between `edges` (T+1), from what was known at `issue_time`.

    Per target the best rung that the data allow: "xgboost" from 21 days of measurements, else "physics" from
    weather (wind, pv), else "climatology" from 3 days; else ForecastError. Models learn on the data's own
    steps; quantiles are brought to the edges with energy kept, and their spread narrowed by the errors'
    correlation in time. Measurements stand in `archive` under (target.site, target.name) in kW, weather under
    `weather_site` with the names of forecasting.weather.base. `history_days` limits how far back training
    reaches (400 by default). The same inputs give the same bits.
    """
    issue_ns = instant_ns(issue_time, "issue_time")
    edges_ns = steps.checked_edges(edges, issue_ns)
    _check(targets, scenarios)
    known = archive.as_of(utc_index(np.array([issue_ns]))[0])
    say = progress or (lambda _: None)
    days = history_days or DEFAULT_HISTORY_DAYS
    ask = Ask(place, known, issue_ns, edges_ns, weather_site, days, seed)
    cases = [_case(target, ask) for target in targets]

    def work(case: Case) -> Answer:
        answer = _answer(case)
        say(f"{case.target.name}: {answer.rung}")
        return answer

    # Each model trains on one thread, whatever the machine, so that sums keep their order and results their bits.
    with ThreadPoolExecutor(max_workers=min(len(cases), os.cpu_count() or 1)) as pool:
        answers = list(pool.map(work, cases))
    return _joined(answers, edges_ns, issue_ns, scenarios, seed)


def _check(targets: Sequence[Target], count: int) -> None:
    names = [target.name for target in targets]
    if not names:
        raise ForecastError("targets: none given; name at least one")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ForecastError(f"targets: {repeated} given more than once; names must differ")
    if not 1 <= count <= PATHS_AT_MOST:
        raise ForecastError(f"scenarios: {count} asked for; 1 to {PATHS_AT_MOST} are possible")


# The mean of a distribution known by its quantiles: each stands for the probability up to half-way to its neighbours.
MEAN_WEIGHTS = np.diff(np.concatenate([[0.0], (LEVELS[1:] + LEVELS[:-1]) / 2, [1.0]]))
PATHS_AT_MOST = scenarios.PATHS


def _checked(measured: Measured, place: str) -> Measured:
    """The series with a stand-by draw below 1 % of its peak as 0; refuses anything more negative with its time."""
    peak = float(np.nanmax(measured.value, initial=0.0))
    negative = np.flatnonzero(measured.value < -STAND_BY_SHARE * peak)
    if len(negative):
        first = int(negative[0])
        raise ForecastError(
            f"{place} at {utc_text(int(measured.end_ns[first]))}: {measured.value[first]:g} kW is negative "
            f"({len(negative)} such values); give power as a magnitude ≥ 0, the direction is in the target's kind; "
            "set a plant's night-time use to 0 or to missing"
        )
    return Measured(measured.end_ns, measured.available_ns, np.maximum(measured.value, 0.0))


def _case(target: Target, ask: Ask) -> Case:
    label = f"{target.site}/{target.name}"
    measured = ask.known.measurements(target.site, target.name)
    recent = measured.end_ns > ask.issue_ns - (ask.history_days + features.SIMILAR_DAYS) * DAY_NS
    measured = Measured(measured.end_ns[recent], measured.available_ns[recent], measured.value[recent])
    measured = _checked(measured, label)
    if len(measured.value) < 2:
        history = steps.without_measurements(ask.issue_ns, ask.edges_ns)
    else:
        history = steps.on_grid(measured, ask.edges_ns, label)
    sky = features.sky(history.grid, target, ask.place)
    departure = features.expected_history(history, sky) if target.kind == "load" else None
    return Case(target, ask, history, sky, departure)


def _history_days(history: History) -> float:
    return float(np.isfinite(history.value).sum() / history.grid.per_day)


def _answer(case: Case) -> Answer:
    days = _history_days(case.history)
    if days >= TRAINED_FROM_DAYS:
        return trained.trained(case)
    if (physical := rungs.physical(case)) is not None:
        return physical
    if days >= CLIMATOLOGY_FROM_DAYS:
        return rungs.climatological(case)
    target = case.target
    held = ", ".join(case.ask.known.series_names()[:8]) or "nothing"
    raise ForecastError(
        f"{target.name}: {days:.1f} days of measurements under {target.site}/{target.name} known at "
        f"{utc_text(case.ask.issue_ns)}, and no weather forecast that reaches the whole horizon; needed are 3 days "
        f"at least (21 to train a model){_or_weather(case)}. The archive then knew: {held}"
    )


def _or_weather(case: Case) -> str:
    if case.target.kind == "load":
        return ""
    plant = "a farm with its turbine" if case.target.kind == "wind" else "shortwave radiation"
    return f", or weather under weather_site={case.ask.weather_site!r} with {plant}"


def _at_edges(answer: Answer, edges_ns: Ns) -> Floats:
    """Quantiles (T, Q) of the means between the edges.

    The median is averaged with the overlap as weight; the distance from it too, times √(wᵀ ρ w), since a mean
    over steps whose errors are not all alike is surer than each of them (exact for joint normal errors).
    """
    case, grid = answer.case, answer.case.history.grid
    share = steps.overlap(grid, case.ahead, edges_ns)
    hours = (grid.start_of(case.ahead) - int(edges_ns[0])) / HOUR_NS
    narrow = scenarios.correlation_shrink(share, answer.memory, hours[:, None] - hours[None, :])
    middle = share @ answer.quantiles[:, [len(LEVELS) // 2]]
    levels = middle + narrow[:, None] * (share @ answer.quantiles - middle)
    return np.asarray(np.clip(levels, 0.0, case.target.capacity_kw))


def _central(answer: Answer, edges_ns: Ns) -> Floats:
    """Expected power (T,): the mean of each step's distribution, averaged over the edges so that energy is kept."""
    share = steps.overlap(answer.case.history.grid, answer.case.ahead, edges_ns)
    mean = share @ (answer.quantiles @ MEAN_WEIGHTS)
    return np.asarray(np.clip(mean, 0.0, answer.case.target.capacity_kw))


def _common_scores(answers: Sequence[Answer]) -> list[Floats | None]:
    """Normal scores of past forecasts on the steps that all trained targets share."""
    scored = [a for a in answers if a.scores is not None and a.score_starts_ns is not None]
    shared: NDArray[np.int64] | None = None
    for answer in scored:
        starts = np.asarray(answer.score_starts_ns).ravel()
        shared = np.unique(starts) if shared is None else np.intersect1d(shared, starts)
    found: list[Floats | None] = []
    for answer in answers:
        if answer.scores is None or answer.score_starts_ns is None or shared is None:
            found.append(None)
            continue
        # Of an interval seen at several leads the shortest lead counts: it comes last.
        starts, scores = answer.score_starts_ns.ravel()[::-1], answer.scores.ravel()[::-1]
        unique, first = np.unique(starts, return_index=True)
        found.append(scores[first][np.isin(unique, shared)])
    return found


def _joined(answers: Sequence[Answer], edges_ns: Ns, issue_ns: int, count: int, seed: int) -> Forecast:
    names = tuple(answer.case.target.name for answer in answers)
    levels = {name: _at_edges(answer, edges_ns) for name, answer in zip(names, answers, strict=True)}
    middle_h = ((edges_ns[:-1] + edges_ns[1:]) / 2 - int(edges_ns[0])) / HOUR_NS
    memories = {name: answer.memory for name, answer in zip(names, answers, strict=True)}
    cross = scenarios.cross_correlation(_common_scores(answers))
    paths = scenarios.draw(levels, memories, cross, middle_h, seed)
    paths = {a.case.target.name: np.clip(paths[a.case.target.name], 0.0, a.case.target.capacity_kw) for a in answers}
    kept, weights = scenarios.reduce(paths, count, np.diff(edges_ns) / HOUR_NS)
    return Forecast(
        issue_time=utc_index(np.array([issue_ns]))[0],
        edges=utc_index(edges_ns),
        levels=LEVELS.copy(),
        names=names,
        quantiles=levels,
        central={name: _central(answer, edges_ns) for name, answer in zip(names, answers, strict=True)},
        scenarios={name: values[kept] for name, values in paths.items()},
        weights=weights,
        quality={name: answer.rung for name, answer in zip(names, answers, strict=True)},
        model_version=MODEL_VERSION,
        inputs_used={name: answer.inputs for name, answer in zip(names, answers, strict=True)},
        notes=tuple(note for answer in answers for note in answer.notes),
        sites={answer.case.target.name: answer.case.target.site for answer in answers},
    )
