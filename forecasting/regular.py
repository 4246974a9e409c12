"""One grid for a measured series whose meter changed its interval, or stamped some readings beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecasting.archive.rows import Rows
from forecasting.clock import DAY_NS, HOUR_NS, MINUTE_NS, Ns, utc_text

FINE_RUN, COARSE_RUN = 8, 24  # equal distances one after the other that make an interval of the meter's
OFF_SHARE = 0.05  # more beside the grid is no slip


def on_one_grid(rows: Rows, name: str) -> tuple[Rows, tuple[str, ...]]:
    """The rows on the finest grid that the meter ever kept: longer intervals as means over each of its steps.

    What lies beside the grid is dropped. Both are named in notes; a series on one grid comes back as it is.
    """
    end_ns = np.unique(rows.valid_ns)
    gap = np.diff(end_ns)
    run = _runs(gap)
    regular = gap[(run >= FINE_RUN) & (DAY_NS % np.maximum(gap, 1) == 0) & (gap >= MINUTE_NS)]
    if not len(regular):
        return rows, ()
    step, notes = int(regular.min()), []
    beside, counts = np.unique(end_ns % step, return_counts=True)
    off = end_ns % step != beside[np.argmax(counts)]
    if off.sum() > max(OFF_SHARE * len(end_ns), 1):
        return rows, ()
    if off.any():
        notes.append(
            f"{name}: left out for lying beside the meter's {step / MINUTE_NS:g}-min grid: {int(off.sum())} of its "
            f"readings, the first at {utc_text(int(end_ns[off][0]))}"
        )
        rows = rows.take(~np.isin(rows.valid_ns, end_ns[off]))
        end_ns = end_ns[~off]
        gap = np.diff(end_ns)
        run = _runs(gap)
    steps = _steps_of(end_ns, gap, run, step)
    if (coarse := steps > 1).any():
        last = utc_text(int(end_ns[coarse][-1]))
        notes.append(
            f"{name}: {int(coarse.sum())} readings up to {last} are of longer intervals than the meter's "
            f"{step / MINUTE_NS:g} min, and count as means over them"
        )
        rows = _spread(rows, steps[np.searchsorted(end_ns, rows.valid_ns)], step)
    return rows, tuple(notes)


def _runs(gap: Ns) -> NDArray[np.int64]:
    """How many equal distances (N−1,) stand together, for each."""
    new = np.flatnonzero(np.concatenate([[True], gap[1:] != gap[:-1]])) if len(gap) else np.empty(0, np.int64)
    length = np.diff(np.append(new, len(gap)))
    return np.repeat(length, length)


def _steps_of(end_ns: Ns, gap: Ns, run: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    """Steps (N,) of the grid that each reading is the mean of."""
    long = (run >= COARSE_RUN) & (gap > step) & (gap <= HOUR_NS)
    steps = np.ones(len(end_ns), dtype=np.int64)
    steps[1:][long] = gap[long] // step
    if long[0]:
        steps[0] = gap[0] // step
    return steps


def _spread(rows: Rows, steps: NDArray[np.int64], step: int) -> Rows:
    """Each row once for each of its steps, with its own value: the mean over all of them stays what it was."""
    row = np.repeat(np.arange(len(rows)), steps)
    back = np.arange(len(row)) - np.repeat(np.cumsum(steps) - steps, steps)
    found = rows.take(row)
    return Rows(found.issue_ns, found.valid_ns - back * step, found.available_ns, found.member, found.value).sorted()
