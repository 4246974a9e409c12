"""One grid for a measured series whose meter changed its interval, or stamped some readings beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.archive.rows import Rows
from forecasting.clock import DAY_NS, HOUR_NS, MINUTE_NS, Ns, utc_text

FINE_RUN, COARSE_RUN = 8, 24  # equal distances one after the other that make an interval of the meter's
OFF_SHARE = 0.05  # more beside the grid is no slip


@dataclass(frozen=True, eq=False)
class Intervals:
    """The finest step of a meter [ns], which readings (N,) lie beside its grid, and how many steps (N,) each fills."""

    step_ns: int
    beside: NDArray[np.bool_]
    steps: NDArray[np.int64]

    @property
    def even(self) -> bool:
        """Whether all readings are of one step on one grid."""
        return not self.beside.any() and bool((self.steps == 1).all())


def intervals(end_ns: Ns) -> Intervals | None:
    """Of rising ends (N,) the meter's intervals; None where they keep no grid."""
    gap = np.diff(end_ns)
    regular = gap[(_runs(gap) >= FINE_RUN) & (DAY_NS % np.maximum(gap, 1) == 0) & (gap >= MINUTE_NS)]
    if not len(regular):
        return None
    step = int(regular.min())
    rest, counts = np.unique(end_ns % step, return_counts=True)
    beside = end_ns % step != rest[np.argmax(counts)]
    if beside.sum() > max(OFF_SHARE * len(end_ns), 1):
        return None
    steps = np.ones(len(end_ns), dtype=np.int64)
    steps[~beside] = _steps_of(end_ns[~beside], step)
    return Intervals(step, beside, steps)


def ends_of(start_ns: Ns) -> Ns | None:
    """Ends (N,) of intervals that a meter stamps at their starts; None where they keep no grid."""
    found = intervals(-start_ns[::-1])  # a start is an end where time runs backwards
    return None if found is None else start_ns + found.steps[::-1] * found.step_ns


def on_one_grid(rows: Rows, name: str) -> tuple[Rows, tuple[str, ...]]:
    """The rows on the finest grid that the meter ever kept: longer intervals as means over each of its steps.

    What lies beside the grid is dropped. Both are named in notes; a series on one grid comes back as it is.
    """
    end_ns = np.unique(rows.valid_ns)
    found = intervals(end_ns)
    if found is None or found.even:
        return rows, ()
    notes, minutes = [], found.step_ns / MINUTE_NS
    if found.beside.any():
        off = end_ns[found.beside]
        notes.append(
            f"{name}: left out for lying beside the meter's {minutes:g}-min grid: {len(off)} of its "
            f"readings, the first at {utc_text(int(off[0]))}"
        )
        rows = rows.take(~np.isin(rows.valid_ns, off))
    if (longer := found.steps > 1).any():
        last = utc_text(int(end_ns[longer][-1]))
        notes.append(
            f"{name}: {int(longer.sum())} readings up to {last} are of longer intervals than the meter's "
            f"{minutes:g} min, and count as means over them"
        )
        rows = _spread(rows, found.steps[np.searchsorted(end_ns, rows.valid_ns)], found.step_ns)
    return rows, tuple(notes)


def _runs(gap: Ns) -> NDArray[np.int64]:
    """How many equal distances (N−1,) stand together, for each."""
    new = np.flatnonzero(np.concatenate([[True], gap[1:] != gap[:-1]])) if len(gap) else np.empty(0, np.int64)
    length = np.diff(np.append(new, len(gap)))
    return np.repeat(length, length)


def _steps_of(end_ns: Ns, step: int) -> NDArray[np.int64]:
    """Steps (N,) of the grid that each reading is the mean of."""
    gap = np.diff(end_ns)
    long = (_runs(gap) >= COARSE_RUN) & (gap > step) & (gap <= HOUR_NS)
    steps = np.ones(len(end_ns), dtype=np.int64)
    steps[1:][long] = gap[long] // step
    if long[:1].any():
        steps[0] = gap[0] // step
    return steps


def _spread(rows: Rows, steps: NDArray[np.int64], step: int) -> Rows:
    """Each row once for each of its steps, with its own value: the mean over all of them stays what it was."""
    row = np.repeat(np.arange(len(rows)), steps)
    back = np.arange(len(row)) - np.repeat(np.cumsum(steps) - steps, steps)
    found = rows.take(row)
    return Rows(found.issue_ns, found.valid_ns - back * step, found.available_ns, found.member, found.value).sorted()
