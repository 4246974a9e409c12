"""What each site of a structure does at prices of its quantities, and what that proves.

A site's problem is min c·x over its own rows; a price e of its quantities q = x[at] makes it min c·x + e·q. Its optimum
is a lower bound of what the site can cost at that price, its point a column of the master. One solver serves all sites:
it is handed a site's numbers (.14 ms) and the basis at which the site's last optimum stood (3 kB), and takes 40
iterations from there where a cold start takes 700; a solver for each site would need 2 MB. The first time a site starts
from the basis of the first one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dispatch.errors import SolveError
from dispatch.fleet.hot import warm
from dispatch.fleet.stack import Stack
from dispatch.signals import Array
from dispatch.solver.highs import fill

if TYPE_CHECKING:
    import highspy

_DUAL, _PRIMAL = 1, 4
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Priced:
    """Answers of n sites.

    Attributes:
        own_cost: (n,) what each does costs without the prices, offset included.
        effect: (n, Q) its quantities.
        bound: (n,) at most the least own cost + price · quantities.
        x: (n, C) its point.
    """

    own_cost: Array
    effect: Array
    bound: Array
    x: Array


class Pricer(Protocol):
    """Answers prices for sites of one structure; see :class:`SimplexPricer`."""

    def price(self, extra: Array, which: np.ndarray) -> Priced:
        """Answers of some sites.

        Args:
            extra: (n, Q) money per unit of each quantity, of the sites in ``which``.
            which: (n,) their positions.
        """
        ...


class SimplexPricer:
    """Linear programs of one structure by warm simplex; whole numbers are relaxed.

    Args:
        stack: the sites.
        at: (Q,) columns of the quantities.
    """

    def __init__(self, stack: Stack, at: np.ndarray) -> None:
        self.stack, self.at = stack, at
        self._solver: highspy.Highs | None = None
        self._first: Any = None
        self._bases: list[Any] = [None] * len(stack)

    def price(self, extra: Array, which: np.ndarray) -> Priced:
        """See :class:`Pricer`.

        Raises:
            SolveError: a site has no optimum at any price; the message names it.
        """
        size = self.stack.integer.size
        x, own, bound = np.zeros((which.size, size)), np.zeros(which.size), np.zeros(which.size)
        for row, n in enumerate(which):
            x[row], own[row], bound[row] = self._one(int(n), extra[row])
        return Priced(own, x[:, self.at], bound, x)

    def _one(self, n: int, extra: Array) -> tuple[Array, float, float]:
        import highspy

        own = self.stack.matrices(n)
        cost = own.cost.copy()
        cost[self.at] += extra
        solver = self._hold(replace(own, cost=cost))
        known = self._bases[n]
        solver.setOptionValue("simplex_strategy", _DUAL if known is None else _PRIMAL)
        if known is not None or self._first is not None:
            solver.setBasis(known if known is not None else self._first)
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            solver.clearSolver()
            solver.setOptionValue("simplex_strategy", _DUAL)
            solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            status = solver.modelStatusToString(solver.getModelStatus())
            raise SolveError(f"site '{self.stack.names[n]}' has no plan, whatever the others do: {status}")
        self._bases[n] = solver.getBasis()
        if self._first is None:
            self._first = self._bases[n]
        x, info = np.array(solver.getSolution().col_value), solver.getInfo()
        # The objective of a basis is that of its duals, too; duals that miss their sign lose what a column may move.
        reach = max(1.0, float(np.abs(x).max(initial=0.0)))
        lost = info.sum_dual_infeasibilities * reach + _ROUNDING * abs(info.objective_function_value)
        return x, float(own.cost @ x) + own.offset, info.objective_function_value - lost

    def _hold(self, matrices: Any) -> highspy.Highs:
        if self._solver is None:
            self._solver = warm(matrices)
            return self._solver
        fill(self._solver, matrices, np.zeros(matrices.cost.size, np.int32))
        return self._solver
