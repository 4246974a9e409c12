"""Quantiles of what came at the same time of day: the plainest empirical sister, and all that a few days can teach.

Values may be departures from a base column, or shares of a scale column (of the clear sky, so that the season of a
photovoltaic plant comes from the sun), and be told apart by a class column (kinds of days).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.learners import levels as dense
from forecasting.learners.base import Frame

Floats = NDArray[np.float64]
LEAST_BLOCKS_OF_A_CLASS = 4
LEAST_SCALE_SHARE = 0.03  # of the highest value of the scale; below it the share is noise


@dataclass(frozen=True)
class Usual:
    """Time of day in `per_day` steps from the column `hour`, pooled over ±`window_h`; the last `last_blocks` blocks.

    `folds`: so cheap that a stack may fit it anew for many windows, as recency is its strength.
    """

    per_day: int = 24
    window_h: float = 0.5
    last_blocks: int = 84
    hour: str = "hour"
    classes: str | None = None
    base: str | None = None
    scale: str | None = None
    folds: int = 8
    name: str = "usual"

    def fit(self, rows: Frame, actual: Floats, levels: Floats) -> UsualFitted:
        """Learn from rows whose actual (N,) is finite."""
        levels = dense.checked(levels)
        value = actual - (rows.column(self.base) if self.base else 0.0)
        use = rows.block > rows.block.max() - self.last_blocks
        if self.scale is not None:
            scale = rows.column(self.scale)
            use &= scale > LEAST_SCALE_SHARE * scale.max()
            value = value / np.where(use, scale, 1.0)
        bins, group = self.bins(rows)[use], self.group(rows)[use]
        kinds = int(self.group(rows).max(initial=0)) + 1
        table = np.stack([self._table(value[use], bins, group == kind, levels) for kind in range(kinds)])
        return UsualFitted(self, table)

    def bins(self, rows: Frame) -> NDArray[np.int64]:
        """Step of the day (N,)."""
        return np.floor(rows.column(self.hour) / 24 * self.per_day).astype(np.int64) % self.per_day

    def group(self, rows: Frame) -> NDArray[np.int64]:
        """Class (N,) of each row."""
        return rows.column(self.classes).astype(np.int64) if self.classes else np.zeros(len(rows), np.int64)

    def _table(self, value: Floats, bins: NDArray[np.int64], chosen: NDArray[np.bool_], levels: Floats) -> Floats:
        """Quantiles (per_day, Q) in a circular window of time of day; of all values where too few are there."""
        if chosen.sum() < LEAST_BLOCKS_OF_A_CLASS * self.per_day / 2:
            chosen = np.ones(len(value), dtype=bool)
        width = int(self.window_h / 24 * self.per_day)
        order = np.argsort(bins[chosen], kind="stable")
        of_bin = np.split(value[chosen][order], np.searchsorted(bins[chosen][order], np.arange(1, self.per_day)))
        everything = np.quantile(value, levels) if len(value) else np.zeros(len(levels))
        table = np.empty((self.per_day, len(levels)))
        for step in range(self.per_day):
            near = np.concatenate([of_bin[(step + d) % self.per_day] for d in range(-width, width + 1)])
            table[step] = np.quantile(near, levels) if len(near) >= LEAST_BLOCKS_OF_A_CLASS else everything
        return table


@dataclass(frozen=True, eq=False)
class UsualFitted:
    """table (class, time of day, Q)."""

    of: Usual
    table: Floats

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q)."""
        group = np.minimum(self.of.group(rows), len(self.table) - 1)
        found = self.table[group, self.of.bins(rows)]
        if self.of.scale is not None:
            found = found * rows.column(self.of.scale)[:, None]
        return np.asarray(found + (rows.column(self.of.base)[:, None] if self.of.base else 0.0))
