"""Adaptive conformal correction: offsets that follow what comes, block by block, while forecasts are issued.

Per cell c and level τ, with the band's own width s as the scale, after block t of which rows became known:

    q'_τ = q_τ + s · (θ_τ,c + r_τ,c),    θ ← θ + γ m_t,    r = K tan(log(t + 1)/t · Σ m),    m_t = τ − share{y ≤ q'_τ}

θ is online quantile tracking: whatever the data do, its coverage tends to τ at a rate of 1/(γ t) (Gibbs & Candès
2021, arXiv:2106.00170; Angelopoulos et al. 2023, conformal PID control, arXiv:2307.16895), and r is that paper's
integrator, which answers to an error that lasts. Cells may be sites, leads, day and night or all of these.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecasting.learners.conformal import Cells, moved

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Adaptive:
    """State that is carried from one issue to the next; it can be pickled. Updating gives a new state.

    levels (Q,); offset (cells, Q) and sums (cells, Q) in units of the band's width and of blocks; `rate` γ: how far one
    wholly missed block moves a quantile, in band widths; `integral` K.
    """

    levels: Floats
    offset: Floats
    missed: Floats
    blocks: NDArray[np.int64]
    rate: float = 0.05
    integral: float = 0.02
    floor: float = 0.0

    @classmethod
    def start(
        cls, levels: Floats, cells: int = 1, rate: float = 0.05, integral: float = 0.02, floor: float = 0.0
    ) -> Adaptive:
        """No correction yet."""
        nothing = np.zeros((cells, len(levels)))
        return cls(np.asarray(levels), nothing, nothing.copy(), np.zeros(cells, np.int64), rate, integral, floor)

    def apply(self, quantiles: Floats, cell: Cells | int = 0) -> Floats:
        """Corrected quantiles (…, Q) of rows in cells (…), rising along Q."""
        return moved(quantiles, (self.offset + self._lasting())[cell], self.floor)

    def _lasting(self) -> Floats:
        """The integrator (cells, Q): grows with the sum of the misses, saturating as 1/t of all blocks went wrong."""
        blocks = np.maximum(self.blocks, 1)[:, None]
        return np.asarray(self.integral * np.tan(np.clip(self.missed * np.log(blocks + 1) / blocks, -1.4, 1.4)))

    def updated(self, quantiles: Floats, actual: Floats, cell: Cells | int = 0) -> Adaptive:
        """The state after a block whose raw quantiles were (N, Q) and of which actual (N,) became known (NaN: not)."""
        known = np.isfinite(actual)
        where = np.broadcast_to(np.asarray(cell), actual.shape)[known]
        below = actual[known][:, None] <= self.apply(quantiles, np.broadcast_to(np.asarray(cell), actual.shape))[known]
        count = np.bincount(where, minlength=len(self.offset))[:, None]
        total = np.zeros_like(self.offset)
        np.add.at(total, where, below.astype(np.float64))
        miss = np.where(count > 0, self.levels - total / np.maximum(count, 1), 0.0)
        return replace(
            self,
            offset=self.offset + self.rate * miss,
            missed=self.missed + miss,
            blocks=self.blocks + (count[:, 0] > 0),
        )
