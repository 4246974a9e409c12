"""What of its usual inputs a target has at one issue, interval by interval: which are late, and which are missing.

An input is late by how much older its newest usable run (or measurement) is than at the same time of day on past days,
so that nothing need be known of schedules. Intervals with the same inputs make one situation; a view of what is known
in which the same inputs have always been as late, or never been there, is what a model for it learns from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecasting.archive.known import Known
from forecasting.archive.rows import Rows
from forecasting.clock import DAY_NS, HOUR_NS, Ns
from forecasting.targets import Target
from forecasting.weather.base import season_site

Mask = NDArray[np.bool_]
RUNS_LOOKED_AT = 3
USUAL_OF_DAYS = 28
BRIDGED_NS = 3 * HOUR_NS
SITUATIONS_AT_MOST = 3  # of one target at one issue; the rest goes down to the rung without weather
SMALLEST_SHARE = 0.02  # of the horizon: for less no model is trained
GONE = -1

Input = tuple[str, str]  # site, variable


@dataclass(frozen=True)
class Situation:
    """What is late and what is missing; usable as a key.

    late: (site, variable, by [ns]); missing: (site, variable). Inputs that are as usual are not listed.
    """

    late: tuple[tuple[str, str, int], ...] = ()
    missing: tuple[Input, ...] = ()

    def view(self, known: Known) -> Known:
        """What is known as if this had always been so."""
        for site, variable in self.missing:
            known = known.without(sites=site, variables=variable)
        for site, variable, by_ns in self.late:
            known = known.late(by_ns, sites=site, variables=variable)
        return known


@dataclass(frozen=True, eq=False)
class Part:
    """A situation and the intervals (T,) it holds for; `sources` are the weather sites that have anything there."""

    situation: Situation
    steps: Mask
    sources: tuple[str, ...]


def inputs_of(known: Known, target: Target) -> list[Input]:
    """The forecasts from outside that are known under the target's weather sites."""
    each = ((site, name) for site in target.weather for name in known.variables(site))
    return [one for one in each if known.has_runs(*one)]


def without_climate(known: Known, sites: Iterable[str]) -> Known:
    """What is known without the runs of climate at these sites: a typical year reaches every hour and forecasts none.

    They are those whose season is known beside them, see `forecasting.weather.base.stored`.
    """
    for site in dict.fromkeys(sites):
        season = season_site(site)
        issues = {
            int(i) for name in known.variables(season) for i in np.unique(known.issued(season, name, None).issue_ns)
        }
        if issues:
            known = known.without_runs(issues, sites=site)
    return known


def parts_of(known: Known, target: Target, edges_ns: Ns) -> list[Part]:
    """The situations of the intervals between edges (T+1), the commonest first."""
    steps = len(edges_ns) - 1
    middle = (edges_ns[:-1] + edges_ns[1:]) // 2
    inputs = inputs_of(known, target)
    by_ns = np.full((len(inputs), steps), 0, dtype=np.int64)
    for row, each in enumerate(inputs):
        recent = known.issued(*each, within_ns=(known.time_ns - USUAL_OF_DAYS * DAY_NS, int(edges_ns[-1]) + DAY_NS))
        by_ns[row] = _lateness_ns(recent, known.time_ns, middle)
    own = _own_lateness_ns(known, target)
    if not inputs:
        return [_part(target, inputs, by_ns[:, 0], own, np.ones(steps, dtype=bool))]
    patterns, which = np.unique(by_ns, axis=1, return_inverse=True)
    which = which.ravel()
    count = np.bincount(which, minlength=patterns.shape[1])
    order = [p for p in np.argsort(-count, kind="stable") if count[p] >= SMALLEST_SHARE * steps]
    return [_part(target, inputs, patterns[:, p], own, which == p) for p in order]


def _part(target: Target, inputs: list[Input], by_ns: Ns, own_ns: int, steps: Mask) -> Part:
    each = list(zip(inputs, by_ns.tolist(), strict=True))
    late = [(site, name, by) for (site, name), by in each if by > 0]
    missing = tuple(one for one, by in each if by == GONE)
    if own_ns > 0:
        late.append((target.site, target.name, own_ns))
    sources = tuple(s for s in target.weather if any(site == s and by != GONE for (site, _), by in each))
    return Part(Situation(tuple(late), missing), steps, sources)


def _lateness_ns(rows: Rows, time_ns: int, middle_ns: Ns) -> Ns:
    """By how much the newest run that reaches each interval (T,) is older than usual; GONE where none does."""
    rows = rows.take(np.isfinite(rows.value))
    found = np.full(len(middle_ns), GONE, dtype=np.int64)
    if not len(rows):
        return found
    available = np.unique(rows.available_ns)
    usual = _usual_age_ns(available, time_ns)
    for when in available[::-1][:RUNS_LOOKED_AT]:
        open_ = found == GONE
        if not open_.any():
            break
        reached = _reached(np.sort(rows.valid_ns[rows.available_ns == when]), middle_ns)
        found[open_ & reached] = max(_more_than_usual(time_ns - int(when), usual, available), 0)
    return found


def _more_than_usual(age_ns: int, usual_ns: int, available: Ns) -> int:
    """0 for less than half the usual distance between runs: clocks of providers are not exact."""
    gap = int(np.median(np.diff(available))) if len(available) > 1 else DAY_NS
    extra = age_ns - usual_ns
    return extra if 2 * extra > gap else 0


def _usual_age_ns(available: Ns, time_ns: int) -> int:
    """Median age of the newest at this time of day on past days; of those since the first, until the last."""
    last = min(time_ns, int(available[-1]) + DAY_NS)  # days of silence are not what is usual
    first = -(-(time_ns - last) // DAY_NS)
    past = time_ns - np.arange(max(first, 1), max(first, 1) + USUAL_OF_DAYS) * DAY_NS
    past = past[past >= available[0]]
    if not len(past):
        return 0
    newest = available[np.searchsorted(available, past, side="right") - 1]
    return int(np.median(past - newest))


def _reached(valid_ns: Ns, middle_ns: Ns) -> Mask:
    """Middles (T,) that lie within a run's stamps, with no gap longer than is bridged around them."""
    if len(valid_ns) < 2:
        return np.zeros(len(middle_ns), dtype=bool)
    step = int(np.median(np.diff(valid_ns)))
    after = np.clip(np.searchsorted(valid_ns, middle_ns), 1, len(valid_ns) - 1)
    bridged = valid_ns[after] - valid_ns[after - 1] <= max(BRIDGED_NS, step)
    return np.asarray(bridged & (middle_ns >= valid_ns[0] - step) & (middle_ns <= valid_ns[-1] + step // 2))


def _own_lateness_ns(known: Known, target: Target) -> int:
    """By how much the newest measurement is older than usual."""
    window = known.time_ns - USUAL_OF_DAYS * DAY_NS, known.time_ns
    measured = known.measurements(target.site, target.name, within_ns=window)
    if np.isfinite(measured.value).sum() < 2:  # silent for weeks: what was usual lies before
        measured = known.measurements(target.site, target.name)
    finite = np.isfinite(measured.value)
    if finite.sum() < 2:
        return 0
    # A measurement's age is that of its interval; what is usual is seen where it was first known.
    available = np.unique(np.maximum.accumulate(measured.available_ns[finite]))
    age, usual = known.time_ns - int(available[-1]), _usual_age_ns(available, known.time_ns)
    extra = age - usual
    return extra if extra > max(HOUR_NS, 2 * int(np.median(np.diff(available)) if len(available) > 1 else 0)) else 0


def with_sources(target: Target, sources: tuple[str, ...]) -> Target:
    """The target with the weather sites that have anything, in its own order."""
    return replace(target, weather=sources)
