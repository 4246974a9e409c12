"""Where rows of training stand: past powers on the lattice, and issue times at which forecasts could have been made.

A row belongs to an issue time and sees what was available then. Issue times of the past follow the runs: each is as
long after a run became available as the real one is, so training sees leads, gaps and releases as operation does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Known
from forecasting.clock import DAY_NS, MINUTE_NS, Ns
from forecasting.models.wind.winds import Lattice, Steps, Winds
from forecasting.observed import free
from forecasting.targets import Target

Floats = NDArray[np.float64]
FINEST_NS = 10 * MINUTE_NS  # runs are hourly at best: a finer lattice repeats rows and teaches nothing
OVERLAP = 4  # a past interval is seen from so many issue times at most
NEVER_NS = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Past:
    """Measured power on the lattice: value (N,) [kW] from step `first` on, NaN where unknown, and when it was known."""

    first: int
    value: Floats
    available_ns: Ns

    def at(self, step: Steps) -> Floats:
        """Value at steps, NaN where none was measured."""
        inside = (step >= self.first) & (step < self.first + len(self.value))
        if not len(self.value):
            return np.full(step.shape, np.nan)
        return np.where(inside, self.value[np.clip(step - self.first, 0, len(self.value) - 1)], np.nan)

    def last_known(self, issue_ns: Ns) -> Steps:
        """Latest step whose power was known at each issue (I,); far before the first where none was."""
        finite = np.flatnonzero(np.isfinite(self.value))
        if not len(finite):
            return np.full(len(issue_ns), np.iinfo(np.int64).min // 2)
        # The least availability of this and all later values rises with time: a sorted search finds the last known.
        known_from = np.minimum.accumulate(self.available_ns[finite][::-1])[::-1]
        position = np.searchsorted(known_from, issue_ns, side="right") - 1
        return np.where(position >= 0, self.first + finite[np.maximum(position, 0)], np.iinfo(np.int64).min // 2)

    def as_known(self, step: Steps, issue_ns: Ns) -> Floats:
        """Value at steps, NaN where it was not available at the issue (broadcast against step)."""
        if not len(self.value):
            return np.full(step.shape, np.nan)
        there = np.clip(step - self.first, 0, len(self.value) - 1)
        return np.where(self.available_ns[there] <= issue_ns, self.at(step), np.nan)


def lattice_of(known: Known, targets: Sequence[Target]) -> Lattice:
    """One lattice for all targets: the least step that all their own steps divide, an hour where none is known."""
    natives, origin = [], 0
    for target in targets:
        end = known.measurements(target.site, target.name).end_ns
        if len(end) < 2:
            continue
        gaps, counts = np.unique(np.diff(end), return_counts=True)
        natives.append(int(gaps[np.argmax(counts)]))
        origin = origin or int(end[0])
    if not natives:
        return Lattice(0, 60 * MINUTE_NS)
    step = math.lcm(*natives)
    step = next((k * step for k in range(1, 601) if k * step >= FINEST_NS and DAY_NS % (k * step) == 0), step)
    return Lattice(origin % step if step == natives[0] else 0, step)


def past_of(known: Known, target: Target, lattice: Lattice) -> Past:
    """Measured power, finer steps averaged where all of a lattice step is known and nothing of it was held back."""
    measured = free(known, target)
    if not len(measured.end_ns):
        return Past(0, np.empty(0), np.empty(0, np.int64))
    step = -((lattice.origin_ns - measured.end_ns) // lattice.step_ns)  # rounded up: the step that holds the end
    gaps, counts = np.unique(np.diff(measured.end_ns), return_counts=True)
    each = max(lattice.step_ns // int(gaps[np.argmax(counts)]), 1) if len(gaps) else 1
    first, size = int(step.min()), int(step.max() - step.min()) + 1
    finite = np.isfinite(measured.value)
    count = np.bincount(step[finite] - first, minlength=size)
    total = np.bincount(step[finite] - first, weights=measured.value[finite], minlength=size)
    available = np.full(size, np.iinfo(np.int64).min)
    np.maximum.at(available, step - first, measured.available_ns)
    whole = count >= each
    return Past(first, np.where(whole, total / np.maximum(count, 1), np.nan), np.where(whole, available, NEVER_NS))


def steps_ahead(lattice: Lattice, issue_ns: Ns, horizon_ns: Ns) -> Steps:
    """Steps (I, H) that a horizon [ns relative to the issue] touches from each issue (I,)."""
    first = (issue_ns + int(horizon_ns[0]) - lattice.origin_ns) // lattice.step_ns + 1
    last = -((lattice.origin_ns - issue_ns - int(horizon_ns[-1])) // lattice.step_ns)
    return np.asarray(first[:, None] + np.arange(int((last - first).max()) + 1))


def training_issues(runs: Sequence[Winds], pasts: Sequence[Past], time_ns: int, horizon_ns: Ns) -> Ns:
    """Past issue times (I,), rising.

    Each is as long after the latest availability of a run as `time_ns` is, and they are no nearer to each other than
    lets each interval be seen from OVERLAP of them. Where powers were measured before the first run they follow the
    horizon back from there.
    """
    available = np.unique(np.concatenate([winds.available_ns for winds in runs]))
    available = available[available <= time_ns]
    after = time_ns - int(available[-1]) if len(available) else 0
    apart = max(int(horizon_ns[-1] - horizon_ns[0]) // OVERLAP, 1)
    chosen = [time_ns]
    for moment in (available[::-1] + after).tolist():
        if chosen[-1] - moment >= apart:
            chosen.append(moment)
    lattice = runs[0].lattice
    first_ns = min((int(lattice.end_ns(np.array(past.first))) for past in pasts if len(past.value)), default=time_ns)
    stride = max(-(-int(horizon_ns[-1] - horizon_ns[0]) // DAY_NS), 1) * DAY_NS
    while chosen[-1] - stride + int(horizon_ns[-1]) > first_ns:
        chosen.append(chosen[-1] - stride)
    return np.array(chosen[:0:-1] or [time_ns], dtype=np.int64)
