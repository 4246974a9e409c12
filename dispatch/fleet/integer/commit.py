"""Commitment of sites at a price of their columns: each site by itself, by branch and bound on one warm solver."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dispatch.errors import SolveError
from dispatch.fleet.integer.linear import Linear
from dispatch.fleet.integer.tree import Branch, Effort, Found, Search
from dispatch.fleet.stack import Stack
from dispatch.highs import Limits, Matrices, run
from dispatch.signals import Array

_LEAVES = 60  # a tree with more is grown anew at other prices
_LEAST, _WHOLE = 1e-9, 1e-6


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

    def relax(self, n: int, cost: Array) -> tuple[Array, float]:
        """A site's optimum with whole numbers relaxed: its point, and the bound that it proves.

        Raises:
            SolveError: the site has no plan; the message names it.
        """
        matrices = self._take(n, cost)
        return self._solve(n, *self._root(matrices))

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
        leaves = self._trees[n] or [Branch(*self._root(matrices))]
        found = Search(self.linear, effort).run(leaves, [] if known is None else [known])
        if not found.x.size:
            found = self._otherwise(n, matrices, found)
        self._stay(n)
        self._trees[n] = found.leaves if len(found.leaves) <= _LEAVES else []
        return found

    def _take(self, n: int, cost: Array) -> Matrices:
        matrices = replace(self.stack.matrices(n), cost=cost)
        self.linear.take(matrices, self._bases[n] or self._first)
        return matrices

    def _root(self, matrices: Matrices) -> tuple[Array, Array]:
        return np.ceil(matrices.col_lower[self.whole] - _WHOLE), np.floor(matrices.col_upper[self.whole] + _WHOLE)

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

    def _otherwise(self, n: int, matrices: Matrices, found: Found) -> Found:
        """By the solver's own search, where ours came upon no plan."""
        try:
            answer = run(matrices, Limits(gap=1e-4))
        except SolveError as error:
            raise SolveError(f"site '{self.stack.names[n]}' has no plan, whatever the others do: {error}") from error
        bound = max(answer.bound, found.bound) if np.isfinite(found.bound) else answer.bound
        return Found(answer.objective, np.round(answer.x[self.whole]), answer.x, bound)


def commit(stack: Stack, extra_cost: Array, gap: float = 1e-4) -> tuple[Array, Array, Array]:
    """Each site's plan at its own cost and ``extra_cost``, whole numbers and all.

    Args:
        stack: N sites.
        extra_cost: (C,) or (N, C) beside the columns' own cost.
        gap: relative difference of cost and bound that is good enough.

    Returns:
        (N, C) plans, (N,) what they cost, (N,) lower bounds.

    Raises:
        SolveError: a site has no plan; the message names it.
    """
    made = Committer(stack)
    cost = stack.cost + extra_cost
    x, objective, bound = np.zeros(cost.shape), np.zeros(len(stack)), np.zeros(len(stack))
    for n in range(len(stack)):
        x[n], objective[n], bound[n] = _one(made, n, cost[n], gap)
    return x, objective, bound


def _one(made: Committer, n: int, cost: Array, gap: float) -> tuple[Array, float, float]:
    """The relaxation tells how much money the gap is."""
    _, relaxed = made.relax(n, cost)
    found = made.commit(n, cost, Effort(gap * max(abs(relaxed), _LEAST)))
    return found.x, found.cost, found.bound
