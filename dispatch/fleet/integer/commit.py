"""Commitment of sites at a price of their columns: each site by itself, by branch and bound on one warm solver."""

from __future__ import annotations

from collections.abc import Iterable
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
_LEAST = 1e-9


class Committer:
    """Remembers each site's basis, tree and plans from price to price.

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

    def commit(self, n: int, cost: Array, effort: Effort) -> tuple[Array, Found]:
        """The best whole numbers of a site at a cost of its columns, and the point that goes with them.

        Raises:
            SolveError: the site has no plan; the message names it.
        """
        matrices = self.take(n, cost)
        root = Branch(np.ceil(matrices.col_lower[self.whole]), np.floor(matrices.col_upper[self.whole]))
        search = Search(self.linear, effort)
        found = search.run(self._trees[n] or [root], self._plans[n][-1:])
        if found.whole is None:
            found = self._otherwise(n, matrices, effort, found)
        made = self.linear.solve(found.whole, found.whole)
        if made is None or not made.whole.size:
            raise SolveError(f"site '{self.stack.names[n]}': its best plan could not be solved again")
        self._keep(n, found)
        return self.linear.point(), found

    def take(self, n: int, cost: Array) -> Matrices:
        """Put a site into the solver."""
        matrices = replace(self.stack.matrices(n), cost=cost)
        self.linear.take(matrices, self._bases[n] or self._first)
        return matrices

    def _keep(self, n: int, found: Found) -> None:
        self._bases[n] = self.linear.basis()
        self._first = self._first or self._bases[n]
        self._trees[n] = found.leaves if len(found.leaves) <= _LEAVES else []
        self._plans[n].append(found.whole)

    def _otherwise(self, n: int, matrices: Matrices, effort: Effort, found: Found) -> Found:
        """By the solver's own search, where ours came upon no plan."""
        try:
            answer = run(matrices, Limits(gap=1e-4))
        except SolveError as error:
            raise SolveError(f"site '{self.stack.names[n]}' has no plan, whatever the others do: {error}") from error
        return Found(answer.objective, np.round(answer.x[self.whole]), max(answer.bound, found.bound), [])


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
    """A coarse plan tells how much money the gap is."""
    matrices = made.take(n, cost)
    lower, upper = np.ceil(matrices.col_lower[made.whole]), np.floor(matrices.col_upper[made.whole])
    relaxed = made.linear.solve(lower, upper)
    if relaxed is None:
        raise SolveError(f"site '{made.stack.names[n]}' has no plan, whatever the others do")
    made._bases[n] = made.linear.basis()
    x, found = made.commit(n, cost, Effort(gap * max(abs(relaxed.cost), _LEAST)))
    return x, float(cost @ x) + matrices.offset, found.bound
