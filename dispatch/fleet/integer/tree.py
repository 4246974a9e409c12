"""Branch and bound over a site's whole numbers, on one warm solver, with a tree that outlives a change of prices.

The leaves of a finished tree (what was cut off, what is whole, what is still open) hold every plan of the site, at any
cost. At other prices they are looked at again, instead of growing the tree anew: 9 programs where that takes 20.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from dispatch.fleet.integer.linear import Linear, Relaxed
from dispatch.signals import Array

_WHOLE = 1e-6
_ABOUT = 4  # columns on either side: a unit is torn over several steps at once, and the middle of them decides most
_THRESHOLDS = (0.5, 0.2, 0.8)


@dataclass(frozen=True, eq=False)
class Branch:
    """Bounds of the whole numbers, (W,) each, and the least that a point within them can cost."""

    lower: Array
    upper: Array
    bound: float = -np.inf


@dataclass(frozen=True)
class Effort:
    """When a search ends.

    Attributes:
        tolerance: so near together are cost and bound [money].
        programs: so many programs have been solved.
        nodes: so many has the solver's own search, with its cuts, for what ours did not finish; 0: it is not asked.
    """

    tolerance: float
    programs: int = 150
    nodes: int = 2_000


@dataclass(eq=False)
class Found:
    """What a search knows.

    Attributes:
        cost: of the best plan, infinite where there is none yet.
        whole: (W,) its whole numbers.
        x: (C,) the plan.
        bound: no plan costs less.
        leaves: branches that together hold every plan.
        plans: (W,) whole numbers of each plan that was the best for a while, the best last.
    """

    cost: float = np.inf
    whole: Array = field(default_factory=lambda: np.zeros(0))
    x: Array = field(default_factory=lambda: np.zeros(0))
    bound: float = -np.inf
    leaves: list[Branch] = field(default_factory=list)
    plans: list[Array] = field(default_factory=list)


class Search:
    """One site's search at one price.

    Args:
        linear: holds the site at that price.
        effort: when to stop.
    """

    def __init__(self, linear: Linear, effort: Effort) -> None:
        self.linear, self.effort = linear, effort
        self.found = Found()
        self._until = linear.solved + effort.programs
        self._open: list[tuple[float, int, Branch, Array]] = []
        self._number = count()
        self._tried: set[bytes] = set()

    def run(self, leaves: Sequence[Branch], starts: Sequence[Array] = ()) -> Found:
        """Search all of ``leaves``, whatever they cost before.

        Args:
            starts: (W,) whole numbers of plans that may be good.
        """
        for whole in starts:
            self._try(whole)
        for leaf in leaves:
            self._look(Branch(leaf.lower, leaf.upper))
        while self._open and self._open[0][0] < self._cutoff() and self.linear.solved < self._until:
            self._grow(*heapq.heappop(self._open)[2:])
        self.found.leaves += [branch for _, _, branch, _ in self._open]
        least = min((leaf.bound for leaf in self.found.leaves), default=np.inf)
        self.found.bound = min(least, self.found.cost)
        return self.found

    def _cutoff(self) -> float:
        return self.found.cost - self.effort.tolerance

    def _grow(self, branch: Branch, whole: Array) -> None:
        """Split at the column that would mend most, the nearer half first."""
        torn = _torn(whole)
        at = int(np.argmax(torn))
        below, above = branch.upper.copy(), branch.lower.copy()
        below[at], above[at] = np.floor(whole[at]), np.ceil(whole[at])
        halves = [(branch.lower, below), (above, branch.upper)]
        for lower, upper in halves if whole[at] - below[at] < 0.5 else halves[::-1]:
            self._look(Branch(lower, upper, branch.bound))

    def _look(self, branch: Branch) -> None:
        """Solve a branch, and file it by what that says."""
        relaxed = self.linear.solve(branch.lower, branch.upper, self._cutoff())
        if relaxed.bound == np.inf:
            return
        known = Branch(branch.lower, branch.upper, max(branch.bound, relaxed.bound))
        if not np.isfinite(relaxed.cost):
            self.found.leaves.append(known)
        elif np.abs(relaxed.whole - np.round(relaxed.whole)).max(initial=0.0) <= _WHOLE:
            self._better(relaxed, np.round(relaxed.whole))
            self.found.leaves.append(known)
        else:
            self._round(known, relaxed.whole)
            heapq.heappush(self._open, (known.bound, next(self._number), known, relaxed.whole))

    def _round(self, branch: Branch, whole: Array) -> None:
        for threshold in _THRESHOLDS if np.isinf(self.found.cost) else _THRESHOLDS[:1]:
            self._try(np.clip(np.floor(whole + 1 - threshold), branch.lower, branch.upper))

    def _try(self, whole: Array) -> None:
        """A plan with these whole numbers, if there is one and it is the best so far."""
        key = whole.astype(np.int16).tobytes()
        if key not in self._tried:
            self._tried.add(key)
            self._better(self.linear.solve(whole, whole, self.found.cost), whole)

    def _better(self, made: Relaxed, whole: Array) -> None:
        if made.cost < self.found.cost:
            self.found.cost, self.found.whole, self.found.x = made.cost, whole, self.linear.point()
            self.found.plans.append(whole)


def _torn(whole: Array) -> Array:
    """(W,) how much deciding a column would mend: its own tear and those about it; 0 where it is whole."""
    tear = np.abs(whole - np.round(whole))
    sums = np.convolve(tear, np.ones(2 * _ABOUT + 1))[_ABOUT : _ABOUT + tear.size]
    return np.where(tear > _WHOLE, np.round(sums + 0.01 * tear, 6), 0.0)
