"""Split-conformal correction of a learner's quantiles on blocks it has not seen.

For each level τ apart and each cell (a block of lead time by day or night, say), with the outer band's own width
s = max(q_last − q_first, floor) as the scale:

    q'_τ = q_τ + s · Quantile_{τ*}((y − q_τ)/s),   τ* = τ moved outward by (1 + 1/n), n = blocks of calibration

(conformalized quantile regression, Romano et al. 2019, arXiv:1905.03222, one-sided per level). The blocks and not the
rows count in n: errors of one block move together. A cell of n blocks keeps n/(n + 5) of its own correction and takes
the rest from all cells together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forecasting.learners import levels as dense
from forecasting.learners.base import Fitted, Frame, Learner
from forecasting.learners.held import Held, fit_held

Floats = NDArray[np.float64]
Cells = NDArray[np.intp]
LEAST_BLOCKS = 7
BORROWED_BLOCKS = 5.0
WIDTH_FLOOR_SHARE = 0.01  # of the highest magnitude ever seen


@dataclass(frozen=True)
class Conformal:
    """A learner with its correction.

    `cells` are columns and the bounds that part them, such as (("lead_h", (12, 36, 84)), ("elevation_deg", (0,))). The
    last `blocks` are held out, less of a short history. `strength` is the share of the correction that is applied;
    fewer blocks than `full_blocks` apply as much less of it, as the errors of one week are mostly chance.
    """

    learner: Learner
    cells: tuple[tuple[str, tuple[float, ...]], ...] = ()
    blocks: int = 60
    strength: float = 1.0
    full_blocks: int = 0
    name: str = "conformal"

    def fit(self, rows: Frame, actual: Floats, levels: Floats) -> Corrected:
        """Fit the learner and its correction."""
        return self.fit_held(rows, actual, levels, self.blocks)[0]

    def fit_held(self, rows: Frame, actual: Floats, levels: Floats, last: int) -> tuple[Corrected, Held]:
        """As `fit`, with the corrected quantiles of the held-out blocks."""
        levels = dense.checked(levels)
        fitted, held = fit_held(self.learner, rows, actual, levels, max(last, self.blocks))
        out, seen = rows.take(held.position), actual[held.position]
        floor = WIDTH_FLOOR_SHARE * float(np.abs(actual).max(initial=0.0))
        newest = np.unique(out.block)[-self.blocks :]
        use = out.block >= newest[0]
        found = offsets(
            seen[use], held.quantiles[use], cell_of(out.take(use), self.cells), out.block[use], levels, floor
        )
        strength = self.strength * min(len(newest) / max(self.full_blocks, 1), 1.0)
        whole = strength * _with_all(found, count_of(self.cells))
        corrected = moved(held.quantiles, whole[cell_of(out, self.cells)], floor)
        return Corrected(fitted, self.cells, whole, floor), Held(held.position, corrected)


def count_of(cells: tuple[tuple[str, tuple[float, ...]], ...]) -> int:
    """Number of cells."""
    return int(np.prod([len(bounds) + 1 for _, bounds in cells]))


def cell_of(rows: Frame, cells: tuple[tuple[str, tuple[float, ...]], ...]) -> Cells:
    """Cell (N,) of each row; an unknown value counts with the highest."""
    found = np.zeros(len(rows), dtype=np.intp)
    for name, bounds in cells:
        column = np.nan_to_num(rows.column(name), nan=np.inf)
        found = found * (len(bounds) + 1) + np.searchsorted(np.asarray(bounds), column, side="right")
    return found


def width(quantiles: Floats, floor: float) -> Floats:
    """Width (…, 1) of the outer band, not below the floor."""
    return np.maximum(quantiles[..., -1:] - quantiles[..., :1], max(floor, 1e-12))


def moved(quantiles: Floats, offset: Floats, floor: float) -> Floats:
    """Quantiles (…, Q) moved by offsets (…, Q) in units of their own width, rising along Q."""
    return np.sort(quantiles + width(quantiles, floor) * offset, axis=-1)


def offsets(
    actual: Floats, quantiles: Floats, cell: Cells, block: NDArray[np.int64], levels: Floats, floor: float
) -> dict[int, Floats]:
    """Offsets (Q,) by cell, and of all cells together under −1; none from fewer than `LEAST_BLOCKS` blocks."""
    score = (actual[:, None] - quantiles) / width(quantiles, floor)
    everything = _offset(score, block, levels)
    found = {-1: np.zeros(len(levels)) if everything is None else everything}
    for number in np.unique(cell):
        inside = cell == number
        own = _offset(score[inside], block[inside], levels)
        if own is not None:
            blocks = len(np.unique(block[inside]))
            share = blocks / (blocks + BORROWED_BLOCKS)
            found[int(number)] = share * own + (1 - share) * found[-1]
    return found


def _offset(score: Floats, block: NDArray[np.int64], levels: Floats) -> Floats | None:
    blocks = len(np.unique(block))
    if blocks < LEAST_BLOCKS:
        return None
    outward = np.clip(0.5 + (levels - 0.5) * (1 + 1 / blocks), 0.0, 1.0)
    return np.array([np.quantile(score[:, k], level) for k, level in enumerate(outward)])


def _with_all(offset: Mapping[int, Floats], count: int) -> Floats:
    """Offsets (cells, Q); a cell without its own takes that of all."""
    return np.stack([offset.get(cell, offset[-1]) for cell in range(count)])


@dataclass(frozen=True, eq=False)
class Corrected:
    """What has learnt, with offsets (cells, Q) in units of the band's width."""

    fitted: Fitted
    cells: tuple[tuple[str, tuple[float, ...]], ...]
    offset: Floats = field(repr=False)
    floor: float

    @property
    def shares(self) -> dict[str, float]:
        """Weights of a stack within, for model cards."""
        return dict(getattr(self.fitted, "shares", {}))

    def predict(self, rows: Frame) -> Floats:
        """Corrected quantiles (N, Q)."""
        return moved(self.fitted.predict(rows), self.offset[cell_of(rows, self.cells)], self.floor)
