"""How plants learn: each from itself, and all together in units in which they are alike.

Three learners, averaged with equal weights. Equal weights beat each member and need no days held out to find them:
on blocks of PVOD's training months, with the pinball loss of boosted trees of one plant as 1, trees of all plants
together have 1.05, straight lines of one plant 1.00, the mean of the three .93.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.learners.base import Fitted, Frame, Learner

Floats = NDArray[np.float64]
OWN_FROM_BLOCKS = 14
LEAST_STRANGE = 0.15  # below it a plant is no stranger


@dataclass(frozen=True)
class Scaled:
    """A learner of actual / column: plants of any size and state become alike."""

    learner: Learner
    column: str

    @property
    def name(self) -> str:
        """That of the learner."""
        return self.learner.name

    def fit(self, rows: Frame, actual: Floats, levels: Floats) -> ScaledFitted:
        """Learn the quotient."""
        return ScaledFitted(self.learner.fit(rows, actual / rows.column(self.column), levels), self.column)


@dataclass(frozen=True, eq=False)
class ScaledFitted:
    """Quantiles of the quotient, times the column."""

    fitted: Fitted
    column: str

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q)."""
        return self.fitted.predict(rows) * rows.column(self.column)[:, None]


@dataclass(frozen=True)
class OwnAndAll:
    """`own` learners for each value of the column `site`, `together` for all rows at once.

    A site of n blocks gets n/(n + borrowed) of its learners' equal shares, the rest goes to what all learnt together:
    a new plant starts with what others show and becomes itself as its history grows. The state of a new plant is hardly
    known; `strange` learns from all without it: alone it answers for a plant of less than two weeks, later it has
    borrowed/(n + borrowed) of the rest.
    """

    own: tuple[Learner, ...]
    together: Learner
    strange: Learner | None = None
    borrowed: float = 20.0
    name: str = "own and all"

    def fit(self, rows: Frame, actual: Floats, levels: Floats) -> OwnAndAllFitted:
        """Fit all sites."""
        site = rows.column("site")
        own: dict[int, tuple[Fitted, ...]] = {}
        share: dict[int, float] = {}
        known: dict[int, float] = {}
        for number in np.unique(site):
            mine = site == number
            blocks = len(np.unique(rows.block[mine]))
            known[int(number)] = blocks / (blocks + self.borrowed) if blocks >= OWN_FROM_BLOCKS else 0.0
            if blocks < OWN_FROM_BLOCKS:
                continue
            part, came = rows.take(mine), actual[mine]
            own[int(number)] = tuple(learner.fit(part, came, levels) for learner in self.own)
            share[int(number)] = known[int(number)] * len(self.own) / (len(self.own) + 1)
        strange = None
        if self.strange is not None and 1 - min(known.values()) > LEAST_STRANGE:
            strange = self.strange.fit(rows, actual, levels)
        return OwnAndAllFitted(own, share, self.together.fit(rows, actual, levels), strange, known)


@dataclass(frozen=True, eq=False)
class OwnAndAllFitted:
    """What each site and all together have learnt, and how much of it is the site's own."""

    own: Mapping[int, tuple[Fitted, ...]]
    share: Mapping[int, float]
    together: Fitted
    strange: Fitted | None
    known: Mapping[int, float]

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q)."""
        found = self.together.predict(rows)
        site = rows.column("site")
        if self.strange is not None:
            share = np.ones(len(rows))
            for number, known in self.known.items():
                share[site == number] = 1 - known
            new = share > LEAST_STRANGE
            found[new] += share[new, None] * (self.strange.predict(rows.take(new)) - found[new])
        for number, members in self.own.items():
            mine = np.flatnonzero(site == number)
            if not len(mine):
                continue
            part = rows.take(mine)
            mean = np.mean([member.predict(part) for member in members], axis=0)
            found[mine] += self.share[number] * (mean - found[mine])
        return np.sort(found, axis=1)
