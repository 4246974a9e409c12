"""What every learner takes and gives, so that they can be stacked, calibrated and exchanged.

A learner turns rows of features and what came of them into a fitted one; a fitted one turns rows into quantiles.
Stacks and calibrations are learners too: they hold others and do the same two things.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Frame:
    """Rows of features: x (N, F), names (F,), and block (N,), rising whole numbers that label what errs together.

    A block is a day as a rule: errors of one day move together, so folds, rolling windows and the counts of
    calibration go by blocks and not by rows. NaN in x means unknown.
    """

    x: NDArray[np.float32]
    names: tuple[str, ...]
    block: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.x)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Frame:
        """The chosen rows (mask or positions)."""
        return Frame(self.x[chosen], self.names, self.block[chosen])

    def column(self, name: str) -> Floats:
        """One feature (N,); KeyError names those there are."""
        if name not in self.names:
            raise KeyError(f"no feature {name!r}; there are {list(self.names)}")
        return np.asarray(self.x[:, self.names.index(name)], dtype=np.float64)


class Fitted(Protocol):
    """What has learnt. It can be pickled, and the same rows give the same bits."""

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q), not falling along Q, at the levels it was fitted for."""
        ...


class Learner(Protocol):
    """What can learn."""

    @property
    def name(self) -> str:
        """What scores, weights and model cards call it."""
        ...

    def fit(self, rows: Frame, actual: Floats, levels: Floats) -> Fitted:
        """Learn the quantiles at levels (Q,) of actual (N,), which is finite. The rows come in the order of time."""
        ...
