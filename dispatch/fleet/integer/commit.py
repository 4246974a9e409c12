"""Commitment of sites at a price of their columns: each site by itself, by branch and bound on one warm solver."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dispatch.errors import SolveError
from dispatch.fleet.integer.linear import Linear
from dispatch.fleet.integer.tree import Branch, Effort, Found, Search
from dispatch.fleet.stack import Stack
from dispatch.signals import Array
from dispatch.solver.highs import Limits, Matrices, run

_LEAVES = 60  # a tree with more is grown anew at other prices
_PLANS = 3
_GAP = 1e-4


class Committer:
    """Remembers each site's basis, and tree from price to price.

    Args:
        stack: the sites.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.whole = np.flatnonzero(stack.integer)
        self.linear = Linear(self.whole)
        self._first: Any = None
        self._bases: list[Any] = [None] * len(stack)
        self._trees: list[list[Branch]] = [[] for _ in range(len(stack))]
        self._plans: list[list[Array]] = [[] for _ in range(len(stack))]

    def relax(self, n: int, cost: Array) -> tuple[Array, float]:
        """A site's optimum with whole numbers relaxed: its point, and the bound that it proves.

        Raises:
            SolveError: the site has no plan; the message names it.
        """
        matrices = self._take(n, cost)
        return self._solve(n, *self.linear.root(matrices))

    def fixed(self, n: int, cost: Array, whole: Array) -> tuple[Array, float]:
        """The same with the whole numbers given.

        Raises:
            SolveError: no plan has those whole numbers.
        """
        self._take(n, cost)
        return self._solve(n, whole, whole)

    def commit(self, n: int, cost: Array, effort: Effort, known: Array | None = None) -> Found:
        """The best plan of a site at a cost of its columns, whole numbers and all.

        Args:
            known: (W,) whole numbers of a plan to begin with.

        Raises:
            SolveError: the site has no plan; the message names it.
        """
        matrices = self._take(n, cost)
        leaves = self._trees[n] or [Branch(*self.linear.root(matrices))]
        found = Search(self.linear, effort).run(leaves, [] if known is None else [known])
        self._stay(n)
        if not found.x.size or (found.cost - found.bound > 1.01 * effort.tolerance and effort.nodes):
            try:
                found = finished(matrices, self.whole, found, effort)
            except SolveError as error:
                raise SolveError(f"site '{self.stack.names[n]}' has no plan, whatever the others do: {error}") from None
        self._trees[n] = found.leaves if len(found.leaves) <= _LEAVES else []
        self._plans[n] = _latest([*self._plans[n], *(found.plans or [found.whole])])
        return found

    def cheapest(self, n: int, cost: Array) -> Found:
        """The best of the site's latest plans at a cost of its columns; no search, and so no bound.

        Raises:
            SolveError: the site has never been committed.
        """
        self._take(n, cost)
        search = Search(self.linear, Effort(np.inf))
        found = search.run((), self._plans[n][::-1])
        if not found.x.size:
            raise SolveError(f"site '{self.stack.names[n]}' has no plan yet")
        self._stay(n)
        return replace(found, bound=-np.inf)

    def _take(self, n: int, cost: Array) -> Matrices:
        matrices = replace(self.stack.matrices(n), cost=cost)
        self.linear.take(matrices, self._bases[n] or self._first)
        return matrices

    def _solve(self, n: int, lower: Array, upper: Array) -> tuple[Array, float]:
        made = self.linear.solve(lower, upper)
        if not np.isfinite(made.cost):
            raise SolveError(f"site '{self.stack.names[n]}' has no plan, whatever the others do")
        self._stay(n)
        return self.linear.point(), made.bound

    def _stay(self, n: int) -> None:
        """The site's next start is where the solver stands."""
        self._bases[n] = self.linear.basis()
        self._first = self._first or self._bases[n]


def finished(matrices: Matrices, whole: np.ndarray, found: Found, effort: Effort) -> Found:
    """What the solver's own search makes of a problem where ours came upon no plan, or too slowly upon a bound.

    Raises:
        SolveError: there is no plan.
    """
    start = found.x if found.x.size else None
    gap = effort.tolerance / abs(found.cost) if found.x.size and found.cost else _GAP
    answer = run(matrices, Limits(gap=max(gap, 0.0), nodes=max(effort.nodes, 1)), start=start, searching=start is None)
    bound = max(answer.bound, found.bound) if np.isfinite(found.bound) else answer.bound
    if answer.objective >= found.cost:
        return replace(found, bound=min(bound, found.cost), leaves=[])
    at = np.round(answer.x[whole])
    return Found(answer.objective, at, answer.x, min(bound, answer.objective), [], [*found.plans, at])


def _latest(plans: list[Array]) -> list[Array]:
    """The last few that differ."""
    different = {plan.astype(np.int16).tobytes(): plan for plan in reversed(plans)}
    return list(different.values())[:_PLANS][::-1]
