"""Whole numbers out of a relaxation, with a certified gap: fix what the relaxation is sure of, search in the rest.

The relaxed point of a commitment problem is whole for most plants. Those keep their numbers, plants that are torn (or
that would change their minds for almost nothing) stay free, and the solver settles what is left. Then neighbourhoods
of the best plan are searched until the gap is small enough or nothing has improved for a while. The bound is that of
the relaxation, so the gap is proven whatever the search did.

Sources: RINS of Danna, Rothberg & Le Pape 2005, doi 10.1007/s10107-004-0518-7; relaxation-guided fixing as in Knueven,
Ostrowski & Watson 2020, doi 10.1287/ijoc.2019.0944.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from dispatch.errors import SolveError
from dispatch.highs import Answer, Limits, Matrices, continuous, polished, run
from dispatch.search.blocks import Split, kept_rows, simplified, split
from dispatch.search.columns import mix
from dispatch.signals import Array

# Above so many entries one block at a time is faster than the whole relaxation at once (measured: CA, FERC).
_LARGE = 400_000
_WHOLE = 1e-5
_MOST_FREE = 0.35
_IDLE_ROUNDS = 6
_SUB_NODES = 400


@dataclass(frozen=True)
class Relaxed:
    """A relaxation's point and bound.

    Attributes:
        bound: with the problem's offset.
        point: (column,).
        members: per block, its columns.
        spare: (block,) money by which each block's best answer is ahead of one with other whole numbers.
    """

    bound: float
    point: Array
    members: list[np.ndarray]
    spare: Array


def recover(
    matrices: Matrices, limits: Limits, *, also_integer: np.ndarray | None = None, coupling: np.ndarray | None = None
) -> Answer:
    """A plan with whole numbers near the relaxation, and how far from the best it can be at most.

    Args:
        matrices: the whole problem.
        limits: gap at which it is good enough; nodes of one search; seconds for everything.
        also_integer: columns that must be integral beside those the model declares.
        coupling: rows that join the blocks; without them blocks are not told apart.

    Raises:
        SolveError: no point with whole numbers was found.
    """
    began = time.perf_counter()
    integer = matrices.integer.copy()
    integer[[] if also_integer is None else also_integer] = True
    if not integer.any():
        return run(matrices, limits)
    matrices = replace(matrices, integer=integer)
    small = simplified(matrices)
    known = relax(small, _renumbered(matrices, coupling), limits.gap)
    search = Search(small, known, limits, began)
    search.first()
    search.around()
    if search.best is None:
        raise SolveError("no point with whole numbers was found near the relaxation")
    x, dual, objective = polished(matrices, integer, search.best)
    return Answer("convex_recovery", x, dual, objective, min(known.bound, objective), search.nodes, search.late())


def relax(matrices: Matrices, coupling: np.ndarray, gap: float) -> Relaxed:
    """Bound and point, by blocks where the problem is large."""
    parts = split(matrices, coupling)
    if matrices.rows.nnz < _LARGE or len(parts.blocks) < 2:
        answer = continuous(matrices)
        members = _members(parts)
        torn = np.array([_torn(answer.x, matrices.integer, columns) for columns in members])
        return Relaxed(answer.objective, answer.x, members, np.where(torn, 0.0, np.inf))
    found = mix(parts, matrices.integer, min(gap, 1e-4) / 3)
    return Relaxed(found.bound + matrices.offset, found.point, _members(parts), found.spare / parts.scale)


class Search:
    """The best plan so far and what was tried for it."""

    def __init__(self, matrices: Matrices, known: Relaxed, limits: Limits, began: float) -> None:
        self.matrices, self.known, self.limits, self.began = matrices, known, limits, began
        self.best: Array | None = None
        self.objective = np.inf
        self.nodes = 0
        self.random = np.random.default_rng(0)

    @property
    def gap(self) -> float:
        """Proven relative distance of the best plan from the optimum."""
        return (self.objective - self.known.bound) / max(abs(self.objective), 1e-9)

    def left(self) -> float | None:
        """Seconds left, None without a deadline."""
        if self.limits.seconds is None:
            return None
        return self.limits.seconds - (time.perf_counter() - self.began)

    def late(self) -> bool:
        """Is the deadline reached?"""
        left = self.left()
        return left is not None and left <= 0

    def first(self) -> None:
        """Free what is torn and what hardly cares; more of it where that has no solution."""
        spare = self.known.spare
        ahead = 0.2 * self.limits.gap * abs(self.known.bound)
        for most in (_MOST_FREE, 0.7, 1.0):
            count = max(int(most * spare.size), 1)
            free = np.argsort(spare, kind="stable")[:count]
            if most < 1:
                free = free[spare[free] <= ahead]
            if self.explore(free, self.known.point) or self.late():
                return

    def around(self) -> None:
        """Neighbourhoods of the best plan: plants that are torn or nearly so, and others by lot."""
        idle, share = 0, 0.4
        size = self.known.spare.size
        while self.best is not None and self.gap > self.limits.gap and idle < _IDLE_ROUNDS and not self.late():
            torn = np.array(
                [_differ(self.best, self.known.point, self.matrices.integer, c) for c in self.known.members]
            )
            weight = np.where(torn, 3.0, 1.0)
            count = max(int(share * size), min(size, 8))
            free = self.random.choice(size, size=min(count, size), replace=False, p=weight / weight.sum())
            better = self.explore(free, self.best)
            idle = 0 if better else idle + 1

    def explore(self, free: np.ndarray, around: Array) -> bool:
        """Search with the blocks ``free`` and everything else as in ``around``; true if the plan got better."""
        integer, held = self.matrices.integer, self.matrices.integer.copy()
        for position in free:
            held[self.known.members[position]] = False
        # What a free-standing whole number (a switch of a store, say) is, the solver decides.
        held &= np.abs(around - np.round(around)) < _WHOLE
        values = np.round(around[held])
        lower, upper = self.matrices.col_lower.copy(), self.matrices.col_upper.copy()
        lower[held], upper[held] = values, values
        left = self.left()
        limits = Limits(max(self.limits.gap / 4, 1e-6), min(self.limits.nodes, _SUB_NODES), left and max(left, 1.0))
        try:
            answer = run(
                replace(self.matrices, col_lower=lower, col_upper=upper), limits, start=self.best, polish=False
            )
        except SolveError:
            return False
        self.nodes += answer.nodes
        better = answer.objective < self.objective - 1e-7 * abs(answer.objective)
        if answer.objective < self.objective:
            self.best, self.objective = answer.x, answer.objective
        return better or not integer.any()


def _renumbered(matrices: Matrices, coupling: np.ndarray | None) -> np.ndarray:
    """Positions of the coupling rows among those that ``simplified`` keeps."""
    kept = kept_rows(matrices)
    return np.flatnonzero(np.isin(kept, coupling)) if coupling is not None else np.zeros(0, int)


def _members(parts: Split) -> list[np.ndarray]:
    return [block.columns for block in parts.blocks]


def _torn(point: Array, integer: np.ndarray, columns: np.ndarray) -> bool:
    whole = point[columns][integer[columns]]
    return bool((np.abs(whole - np.round(whole)) > _WHOLE).any())


def _differ(one: Array, other: Array, integer: np.ndarray, columns: np.ndarray) -> bool:
    return bool((np.abs(one[columns] - other[columns])[integer[columns]] > 0.1).any())
