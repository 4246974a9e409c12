"""Quantiles of what came at the same time of day: the plainest empirical sister, and all that a few days can teach.

Values may be departures from a base column, or shares of a scale column (of the clear sky, so that the season of a
photovoltaic plant comes from the sun), and be told apart by a class column (kinds of days). Blocks may count by how
near they are in the season, this year and the one before: by exp(−(d/`season_blocks`)²), d the blocks between them but
for whole years.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.learners import levels as dense
from forecasting.learners.base import Frame

Floats = NDArray[np.float64]
LEAST_BLOCKS_OF_A_CLASS = 4
YEAR_BLOCKS = 365.25
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
    season_blocks: float | None = None
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
        seen = np.stack([value[use], self._weights(rows)[use]], axis=1)
        everyday = self._windows(seen, bins)
        table = np.stack([self._table(seen, bins, group == kind, everyday, levels) for kind in range(kinds)])
        return UsualFitted(self, table)

    def bins(self, rows: Frame) -> NDArray[np.int64]:
        """Step of the day (N,)."""
        return np.floor(rows.column(self.hour) / 24 * self.per_day).astype(np.int64) % self.per_day

    def group(self, rows: Frame) -> NDArray[np.int64]:
        """Class (N,) of each row."""
        return rows.column(self.classes).astype(np.int64) if self.classes else np.zeros(len(rows), np.int64)

    def _weights(self, rows: Frame) -> Floats:
        """What each row (N,) counts."""
        if self.season_blocks is None:
            return np.ones(len(rows))
        apart = (rows.block.max() - rows.block) % YEAR_BLOCKS
        return np.asarray(np.exp(-((np.minimum(apart, YEAR_BLOCKS - apart) / self.season_blocks) ** 2)))

    def _table(
        self,
        seen: Floats,
        bins: NDArray[np.int64],
        chosen: NDArray[np.bool_],
        everyday: list[Floats],
        levels: Floats,
    ) -> Floats:
        """Quantiles (per_day, Q) by time of day: of the class, where it has few values of all, and then of all day."""
        pools = [everyday]
        if chosen.sum() >= LEAST_BLOCKS_OF_A_CLASS * self.per_day / 2:
            pools.insert(0, self._windows(seen[chosen], bins[chosen]))
        everything = seen if len(seen) else np.array([[0.0, 1.0]])
        told = []
        for windows in zip(*pools, strict=True):
            enough = (near for near in windows if len(near) >= LEAST_BLOCKS_OF_A_CLASS)
            told.append(self._quantiles(next(enough, everything), levels))
        return np.stack(told)

    def _quantiles(self, seen: Floats, levels: Floats) -> Floats:
        """Quantiles (Q,) of values with weights (M, 2)."""
        if self.season_blocks is None:
            return np.asarray(np.quantile(seen[:, 0], levels))
        return np.asarray(np.quantile(seen[:, 0], levels, weights=seen[:, 1], method="inverted_cdf"))

    def _windows(self, value: Floats, bins: NDArray[np.int64]) -> list[Floats]:
        """By time of day, the rows that lie in its window."""
        width = int(self.window_h / 24 * self.per_day)
        order = np.argsort(bins, kind="stable")
        of_bin = np.split(value[order], np.searchsorted(bins[order], np.arange(1, self.per_day)))
        reach = range(-width, width + 1)
        return [np.concatenate([of_bin[(at + d) % self.per_day] for d in reach]) for at in range(self.per_day)]


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
