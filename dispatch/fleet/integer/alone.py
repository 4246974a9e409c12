"""Sites planned each by itself, whole numbers and all: a third to a fifth of the time of the solver's own search.

Every site begins from the basis of one reference, so that its plan is the same whoever is planned before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dispatch.errors import SolveError
from dispatch.fleet.integer.commit import finished
from dispatch.fleet.integer.linear import Linear
from dispatch.fleet.integer.tree import Branch, Effort, Found, Search
from dispatch.signals import Array
from dispatch.solver.highs import Answer, Limits, Matrices, Quality, polished, run

_LEAST, _WHOLE = 1e-9, 1e-6


class Alone:
    """Problems of one structure.

    Args:
        reference: the problem whose relaxation all searches begin from.
    """

    def __init__(self, reference: Matrices) -> None:
        self.whole = np.flatnonzero(reference.integer)
        self.linear = Linear(self.whole)
        self._basis: Any = None
        self.linear.take(reference)
        if np.isfinite(self.linear.solve(*self.linear.root(reference)).cost):
            self._basis = self.linear.basis()

    def run(self, matrices: Matrices, limits: Limits) -> Answer:
        """The plan, its row duals with the whole numbers held, and the bound; see :func:`dispatch.solver.highs.run`.

        Raises:
            SolveError: there is no plan.
        """
        if limits.seconds is not None:
            return run(matrices, limits)  # a clock is the solver's to watch
        before = self.linear.solved
        self.linear.take(matrices, self._basis)
        relaxed = self.linear.solve(*self.linear.root(matrices))
        if not np.isfinite(relaxed.cost):
            raise SolveError("HiGHS stopped without a plan: the relaxation has none")
        effort = Effort(limits.gap * max(abs(relaxed.cost), _LEAST), nodes=limits.nodes)
        found = Search(self.linear, effort).run([Branch(*self.linear.root(matrices))])
        is_whole = found.x.size and found.cost - found.bound <= 1.01 * effort.tolerance
        if not is_whole:
            found = finished(matrices, self.whole, found, effort)
        x, dual, cost = self._clean(matrices, found)
        near = cost - found.bound <= max(limits.gap, _WHOLE) * abs(cost) + _LEAST
        quality: Quality = "optimal" if near else "incumbent"
        return Answer(quality, x, dual, cost, min(found.bound, cost), self.linear.solved - before, clock_fired=False)

    def _clean(self, matrices: Matrices, found: Found) -> tuple[Array, Array, float]:
        """The point once more with its whole numbers held, for duals that mean something."""
        made = self.linear.solve(found.whole, found.whole)
        if not np.isfinite(made.cost):
            return polished(matrices, matrices.integer, found.x)
        return self.linear.point(), self.linear.row_dual(), made.cost
