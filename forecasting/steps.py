"""A regular grid of the data's own resolution, and the way from it to any edges a plan asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive import Measured
from forecasting.clock import DAY_NS, MINUTE_NS, Ns, index_ns, utc_index, utc_text
from forecasting.errors import ForecastError

Floats = NDArray[np.float64]
FINEST_EDGE_NS = 5 * MINUTE_NS
PLAIN_NS = 15 * MINUTE_NS
LONGEST_HORIZON_NS = 16 * DAY_NS


@dataclass(frozen=True)
class Grid:
    """Regular steps: step k covers [start_ns + k·step_ns, start_ns + (k+1)·step_ns); `count` steps."""

    start_ns: int
    step_ns: int
    count: int

    @property
    def per_day(self) -> int:
        """Steps of one day."""
        return DAY_NS // self.step_ns

    @property
    def step_h(self) -> float:
        """Length of a step [h]."""
        return self.step_ns / DAY_NS * 24

    def start_of(self, step: NDArray[np.int64]) -> Ns:
        """Interval starts of the given steps [ns]."""
        return self.start_ns + np.asarray(step, dtype=np.int64) * self.step_ns

    def edges(self) -> pd.DatetimeIndex:
        """All count+1 edges."""
        return utc_index(self.start_of(np.arange(self.count + 1)))


@dataclass(frozen=True, eq=False)
class History:
    """A measured series on a grid that reaches to the end of the horizon.

    Value (N,) NaN where unknown, available (N,) [ns].
    """

    grid: Grid
    value: Floats
    available_ns: Ns
    last_step: int  # the last step with a measurement


def checked_edges(edges: pd.DatetimeIndex, issue_ns: int) -> Ns:
    """Edges [ns] (T+1), refused unless rising by 5 min or more, not before the issue time and within 16 days."""
    ns = index_ns(edges, "edges")
    if len(ns) < 2:
        raise ForecastError(f"edges: {len(ns)} given; at least two are needed for one step")
    if (short := np.diff(ns) < FINEST_EDGE_NS).any():
        at = int(np.argmax(short))
        raise ForecastError(
            f"edges {at} and {at + 1}: {utc_text(int(ns[at]))} to {utc_text(int(ns[at + 1]))} is less than 5 min"
        )
    if ns[0] < issue_ns:
        raise ForecastError(
            f"edges begin {utc_text(int(ns[0]))}, before the issue time {utc_text(issue_ns)}; nothing to forecast there"
        )
    if ns[-1] - issue_ns > LONGEST_HORIZON_NS:
        raise ForecastError(
            f"edges end {utc_text(int(ns[-1]))}, more than 16 days after the issue time {utc_text(issue_ns)}"
        )
    return ns


def _native_ns(measured: Measured, place: str) -> int:
    gaps, counts = np.unique(np.diff(measured.end_ns), return_counts=True)
    native = int(gaps[np.argmax(counts)])
    if DAY_NS % native or native < MINUTE_NS:
        raise ForecastError(
            f"{place}: steps of {native / MINUTE_NS:g} min do not divide a day; resample the series, to 15 min say"
        )
    return native


def _working_ns(native_ns: int, edges_ns: Ns) -> int:
    """The native step.

    Seconds-to-minutes data are averaged first, as models of day-ahead power gain nothing below 15 min.
    """
    wanted = FINEST_EDGE_NS if np.diff(edges_ns).min() < PLAIN_NS else PLAIN_NS
    multiples = np.arange(1, wanted // native_ns + 1) * native_ns if native_ns < wanted else np.array([native_ns])
    fitting = multiples[(DAY_NS % multiples == 0)]
    return int(fitting[-1])


def on_grid(measured: Measured, edges_ns: Ns, place: str) -> History:
    """The measured series on its regular grid, continued with NaN to the last edge.

    Averages of several measurements to one step are NaN unless all of them are known; availability is the
    latest of them. Values off the grid of the most frequent spacing are refused with their time.
    """
    native = _native_ns(measured, place)
    step = _working_ns(native, edges_ns)
    first = int(measured.end_ns[0]) - native
    if (off := (measured.end_ns - first) % native != 0).any():
        at = utc_text(int(measured.end_ns[int(np.argmax(off))]))
        raise ForecastError(
            f"{place} at {at}: off the series' own {native / MINUTE_NS:g}-min grid; resample it to regular steps"
        )
    start = first - first % step if (first % DAY_NS) % native == 0 else first
    end = max(int(edges_ns[-1]), int(measured.end_ns[-1]))
    grid = Grid(start, step, -(-(end - start) // step))
    fine = np.full(grid.count * (step // native), np.nan)
    known = np.full(len(fine), np.iinfo(np.int64).max)
    position = (measured.end_ns - native - start) // native
    fine[position], known[position] = measured.value, measured.available_ns
    value = fine.reshape(grid.count, -1).mean(axis=1)
    available = known.reshape(grid.count, -1).max(axis=1)
    finite = np.flatnonzero(np.isfinite(value))
    return History(grid, value, available, int(finite[-1]) if len(finite) else -1)


def overlap(grid: Grid, steps: NDArray[np.int64], edges_ns: Ns) -> Floats:
    """Share of each edge interval that each grid step fills, shape (T, N); a row sums to 1, so energy is kept."""
    start = grid.start_of(steps)
    left = np.maximum(start[None, :], edges_ns[:-1, None])
    right = np.minimum(start[None, :] + grid.step_ns, edges_ns[1:, None])
    return np.asarray(np.maximum(right - left, 0) / np.diff(edges_ns)[:, None], dtype=np.float64)


def without_measurements(issue_ns: int, edges_ns: Ns) -> History:
    """An empty history on a 15-min grid from two days before the issue time to the last edge."""
    start = (issue_ns - 2 * DAY_NS) // PLAIN_NS * PLAIN_NS
    count = -(-(int(edges_ns[-1]) - start) // PLAIN_NS)
    never = np.full(count, np.iinfo(np.int64).max)
    return History(Grid(start, PLAIN_NS, count), np.full(count, np.nan), never, -1)
