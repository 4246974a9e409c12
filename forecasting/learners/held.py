"""Predictions of rows that the learner had not seen: what weights and calibration are learnt from.

Time runs forward: each window of blocks is predicted by a learner fitted on the blocks before it only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.errors import ForecastError
from forecasting.learners.base import Fitted, Frame, Learner

Floats = NDArray[np.float64]
SHARE_AT_MOST = 0.3  # of all blocks: a short history keeps most of itself for learning


@dataclass(frozen=True, eq=False)
class Held:
    """Positions (M,) of the held-out rows and their quantiles (M, Q)."""

    position: NDArray[np.intp]
    quantiles: Floats


def windows(block: NDArray[np.int64], last: int, folds: int) -> list[NDArray[np.int64]]:
    """The last so many distinct blocks (0.3 of all at most) in so many windows, in the order of time."""
    distinct = np.unique(block)
    if len(distinct) < 2:
        raise ForecastError(f"{len(distinct)} block of rows; two at least are needed to hold one out")
    count = int(np.clip(min(last, int(SHARE_AT_MOST * len(distinct))), 1, len(distinct) - 1))
    return [part for part in np.array_split(distinct[-count:], min(folds, count)) if len(part)]


def forward(learner: Learner, rows: Frame, actual: Floats, levels: Floats, last: int, folds: int) -> Held:
    """Quantiles of the last blocks, each window by a learner fitted on all blocks before it.

    A learner that is cheap to fit may wish for more windows by an attribute `folds`.
    """
    positions, found = [], []
    for window in windows(rows.block, last, max(folds, getattr(learner, "folds", 1))):
        before = rows.block < window[0]
        inside = np.flatnonzero((rows.block >= window[0]) & (rows.block <= window[-1]))
        fitted = learner.fit(rows.take(before), actual[before], levels)
        positions.append(inside)
        found.append(fitted.predict(rows.take(inside)))
    position = np.concatenate(positions)
    order = np.argsort(position, kind="stable")
    return Held(position[order], np.concatenate(found)[order])


def fit_held(learner: Learner, rows: Frame, actual: Floats, levels: Floats, last: int) -> tuple[Fitted, Held]:
    """A learner fitted on all rows, and what it says of the last blocks where it has not seen them.

    A learner that makes such predictions anyway, as a stack does, gives them by its own method `fit_held`.
    """
    own = getattr(learner, "fit_held", None)
    if own is not None:
        fitted, held = own(rows, actual, levels, last)
        return fitted, held
    return learner.fit(rows, actual, levels), forward(learner, rows, actual, levels, last, folds=1)
