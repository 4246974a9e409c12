"""What is left of a forecast when an input is taken away: an answer, a rung, a band that still holds, and how wide.

On measured farms and plants with the forecasts of their time (GEFCom2012 wind: runs of 48 h every 12 h; PVOD: one of
24 h a day). One ladder is trained once; then, issue by issue, an input is deleted from what is known, as if it had
failed just then, and the answer is scored. The second source of weather is the neighbour's grid point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import gefcom2012_wind, pvod
from benchmarks.rows import row
from forecasting.archive import Archive
from forecasting.archive.known import Known
from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_index
from forecasting.errors import ForecastError
from forecasting.ladder import Ladder
from forecasting.observed import means_over
from forecasting.quantiles import LEVELS
from forecasting.situations import inputs_of
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
Deletion = Callable[[Known, tuple[Target, ...]], Known]
INPUTS = ("forecasting", "benchmarks/datasets", "benchmarks/topics/forecasting/deletion.py")
NOMINAL = 0.9
SITES = 2
OUTAGE_NS = 3 * DAY_NS
FEWEST = 500  # intervals of a rung that tell its coverage


@dataclass(frozen=True, eq=False)
class Case:
    """What is forecast, from when on, and for which issues; edges relative to the issue."""

    archive: Archive
    targets: tuple[Target, ...]
    place: Place
    train_ns: int
    issues_ns: Ns
    edges_ns: Ns


@dataclass(frozen=True, eq=False)
class Found:
    """Of one deletion, target by target and issue by issue: covered and width (N,), rung (N,), and what failed."""

    covered: Floats
    width: Floats
    rung: NDArray[np.object_]
    failed: tuple[str, ...]


def with_neighbours(targets: tuple[Target, ...], count: int) -> tuple[Target, ...]:
    """The first targets, each with its neighbour's weather as the second source."""
    ring = targets[:count]
    return tuple(replace(t, weather=(t.site, ring[(k + 1) % len(ring)].site)) for k, t in enumerate(ring))


@cache
def wind() -> Case:
    """A year to learn from, then an issue every 36 h until half a year is over, all before the windows held back."""
    data = gefcom2012_wind.load()
    begin = int(data.power.index[0].value) + 365 * DAY_NS
    issues = begin + np.arange(120) * 36 * HOUR_NS
    issues = issues[issues + DAY_NS < data.windows[0].issue.value]
    targets = with_neighbours(data.targets, SITES)
    return Case(data.archive, targets, gefcom2012_wind.PLACE, begin, issues, np.arange(25) * HOUR_NS)


@cache
def sun() -> Case:
    """Learnt until the protocol's day, then every second day of the test."""
    data = pvod.load()
    targets = with_neighbours(data.targets, SITES)
    return Case(data.archive, targets, data.place, data.train_until_ns, data.issues_ns[::2], data.horizon_ns)


def latest_run(known: Known, targets: tuple[Target, ...]) -> Known:
    """The newest run of every source is missing."""
    newest = max(int(known.issued(*each).issue_ns.max()) for t in targets for each in inputs_of(known, t))
    return known.with_runs_before(newest)


def first_source(known: Known, targets: tuple[Target, ...]) -> Known:
    """The first target's own weather has not come for three days."""
    return known.with_runs_before(known.time_ns - OUTAGE_NS, sites=targets[0].weather[0])


def all_weather(known: Known, targets: tuple[Target, ...]) -> Known:
    """No weather has come for three days."""
    return known.with_runs_before(known.time_ns - OUTAGE_NS, sites=[s for t in targets for s in t.weather])


def one_variable(known: Known, targets: tuple[Target, ...]) -> Known:
    """One variable of the weather has not come for three days."""
    name = inputs_of(known, targets[0])[0][1]
    return known.with_runs_before(known.time_ns - OUTAGE_NS, variables=name)


def sensors(known: Known, targets: tuple[Target, ...]) -> Known:
    """All meters have been silent for two days."""
    return known.without_measured(known.time_ns - 2 * DAY_NS, known.time_ns, variables=[t.name for t in targets])


def day_of_history(known: Known, targets: tuple[Target, ...]) -> Known:
    """A day of the measurements is lost, a week ago."""
    last = known.time_ns - 7 * DAY_NS
    return known.without_measured(last - DAY_NS, last, variables=[t.name for t in targets])


def weather_and_sensors(known: Known, targets: tuple[Target, ...]) -> Known:
    """Neither weather nor meters for days."""
    return sensors(all_weather(known, targets), targets)


DELETIONS: Mapping[str, Deletion] = {
    "nothing": lambda known, _: known,
    "latest_run": latest_run,
    "first_source": first_source,
    "all_weather": all_weather,
    "one_variable": one_variable,
    "sensors": sensors,
    "day_of_history": day_of_history,
    "weather_and_sensors": weather_and_sensors,
}


@cache
def measured(which: Callable[[], Case]) -> dict[str, Found]:
    """Every deletion scored, with one ladder."""
    case = which()
    climber = Ladder().train(as_of(case, case.train_ns), case.targets, case.place, case.edges_ns, LEVELS)
    found: dict[str, Found] = {}
    for name, deletion in DELETIONS.items():
        covered, width, rungs, failed = [], [], [], []
        for issue in case.issues_ns:
            known, edges = as_of(case, int(issue)), int(issue) + case.edges_ns
            try:
                answers = climber.answers(deletion(known, case.targets), edges)
            except ForecastError as error:
                failed.append(str(error))
                continue
            for target in case.targets:
                answer = answers[target.name]
                actual = truth(case, target, edges)
                low, high = answer.quantiles[:, 0], answer.quantiles[:, -1]
                counts = np.isfinite(actual) & ((high > 0) | (actual > 0))  # a dark plant tells nothing
                inside = within_band(actual, answer.quantiles)
                covered.append(np.where(counts, inside, np.nan))
                width.append(np.where(counts, (high - low) / target.capacity_kw, np.nan))
                rungs.append(np.array(answer.rungs, dtype=object))
        found[name] = Found(np.concatenate(covered), np.concatenate(width), np.concatenate(rungs), tuple(failed))
    return found


def within_band(actual: Floats, quantiles: Floats) -> Floats:
    """Share (N,) of what came that lies within the band of quantiles (N, Q).

    What stands at a level that is at the bound of the band (a farm that is still, or at its rating) has a probability
    of its own: of it counts the part of the forecast's distribution there that is within, as a randomised transform
    would (Czado, Gneiting & Held 2009, doi:10.1111/j.1541-0420.2009.01191.x). Else a calm inside every band that begins
    with nothing would never be missed, and no band of a farm that is often still could be right.
    """
    inside = ((actual >= quantiles[:, 0]) & (actual <= quantiles[:, -1])).astype(np.float64)
    at = quantiles == actual[:, None]
    there, first, last = at.any(axis=1), at.argmax(axis=1), at.shape[1] - 1 - at[:, ::-1].argmax(axis=1)
    lowest, highest = (np.where(there, LEVELS[place], np.nan) for place in (first, last))
    below, above = np.where(at[:, 0], 0.0, lowest), np.where(at[:, -1], 1.0, highest)
    within = np.minimum(highest, LEVELS[-1]) - np.maximum(lowest, LEVELS[0])
    tied = (at[:, 0] | at[:, -1]) & (above > below)
    return np.where(tied, within / np.where(tied, above - below, 1.0), inside)


def as_of(case: Case, time_ns: int) -> Known:
    """What was known at an instant."""
    return case.archive.as_of(utc_index(np.array([time_ns]))[0])


def truth(case: Case, target: Target, edges_ns: Ns) -> Floats:
    """What came."""
    later = as_of(case, int(edges_ns[-1]) + 60 * DAY_NS)
    return means_over(later.measurements(target.site, target.name), edges_ns)


def departures(found: Mapping[str, Found]) -> dict[str, float]:
    """By rung, how far its band's coverage is from 90 %, over all deletions that it answered."""
    rung, covered = (np.concatenate([getattr(one, name) for one in found.values()]) for name in ("rung", "covered"))
    known = np.isfinite(covered)
    names = [name for name in np.unique(rung[known]) if (known & (rung == name)).sum() >= FEWEST]
    return {str(name): abs(float(covered[known & (rung == name)].mean()) - NOMINAL) for name in names}


def widths(found: Mapping[str, Found]) -> dict[str, float]:
    """By rung below the first, its mean width over that of the whole answer for the same intervals."""
    whole = found["nothing"]
    ratios: dict[str, list[tuple[float, float]]] = {}
    for name, one in found.items():
        if name == "nothing" or one.failed:
            continue
        for rung in np.unique(one.rung):
            here = (one.rung == rung) & (whole.rung != rung) & np.isfinite(one.width) & np.isfinite(whole.width)
            if here.any():
                ratios.setdefault(str(rung), []).append((one.width[here].sum(), whole.width[here].sum()))
    return {rung: sum(a for a, _ in each) / sum(b for _, b in each) for rung, each in ratios.items()}


def _rows_of(label: str, which: Callable[[], Case]) -> None:
    @row("forecasting", name=f"{label}: deletions without an answer", unit="1", bar="== 0", slow=True, inputs=INPUTS)
    def failures() -> int:
        return sum(len(one.failed) for one in measured(which).values())

    @row(
        "forecasting",
        name=f"{label}: coverage of the 90 % band, farthest rung from .90",
        unit="1",
        bar="<= 0.05",
        slow=True,
        inputs=INPUTS,
    )
    def coverage() -> float:
        return max(departures(measured(which)).values())

    @row(
        "forecasting",
        name=f"{label}: width of a lower rung over the first, narrowest",
        unit="1",
        bar=">= 1",
        slow=True,
        inputs=INPUTS,
    )
    def width() -> float:
        return min(widths(measured(which)).values())


_rows_of("deleting inputs of wind", wind)
_rows_of("deleting inputs of photovoltaics", sun)
