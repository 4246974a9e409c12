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
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dispatch.errors import SolveError
from dispatch.highs import Answer, Limits, Matrices, Point, continuous, polished, run
from dispatch.search.blocks import Split, kept_rows, simplified, split, without
from dispatch.search.columns import mix
from dispatch.search.diving import dive
from dispatch.signals import Array

# Above so many entries one block at a time is faster than the whole relaxation at once: FERC 82 s against 300 and more,
# CA 17 s against 9.
_LARGE = 1_500_000
_WHOLE = 1e-5
_MOST_FREE = 0.35
_FEW = 8  # plants that one search takes on together
_AHEAD = 0.2  # of the gap that is good enough: plants whose second choice costs no more than that stay free
_FIRST_SHARE = 0.15
_MOST_ROUNDS = 40
_IDLE_ROUNDS = 6
_SUB_NODES = 400
_EASY = 250_000  # entries
_DIVABLE = 1_000_000  # entries: beyond, one dive takes as long as a search
_MOST_DIVING_S = 15.0


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
    matrices: Matrices,
    limits: Limits,
    *,
    also_integer: np.ndarray | None = None,
    coupling: np.ndarray | None = None,
    improved: Callable[[Point], None] | None = None,
) -> Answer:
    """A plan with whole numbers near the relaxation, and how far from the best it can be at most.

    Args:
        matrices: the whole problem.
        limits: gap at which it is good enough; nodes of one search; seconds for everything.
        also_integer: columns that must be integral beside those the model declares.
        coupling: rows that join the blocks; without them blocks are not told apart.
        improved: told of every better plan as soon as it is found.

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
    search = Search(small, relax(small, renumbered(matrices, coupling), limits.gap), limits, began)
    search.improved = improved
    search.first()
    search.around()
    if search.best is None:
        raise SolveError("no point with whole numbers was found near the relaxation")
    x, dual, objective = polished(matrices, integer, search.best)
    return Answer("convex_recovery", x, dual, objective, min(search.bound, objective), search.nodes, search.late())


def _whole_relaxation(answer: Answer, integer: np.ndarray, members: list[np.ndarray]) -> Relaxed:
    torn = np.array([_torn(answer.x, integer, columns) for columns in members])
    return Relaxed(answer.objective, answer.x, members, np.where(torn, 0.0, np.inf))


def relax(matrices: Matrices, coupling: np.ndarray, gap: float) -> Relaxed:
    """Bound and point, by blocks where the problem is large."""
    parts = split(matrices, coupling)
    if matrices.rows.nnz < _LARGE or len(parts.blocks) < 2:
        return _whole_relaxation(continuous(matrices), matrices.integer, _members(parts))
    found = mix(parts, matrices.integer, min(gap, 3e-4) / 3)
    members = _members(parts)
    torn = np.array([_torn(found.point, matrices.integer, columns) for columns in members])
    spare = np.where(torn, 0.0, found.spare / parts.scale)
    return Relaxed(found.bound + matrices.offset, found.point, members, spare)


class Search:
    """The best plan so far and what was tried for it.

    Attributes:
        bound: proven lower bound.
        best, objective: the best plan.
        whole: a search that held nothing has ended: there is nothing left to look for.
        share: how much of the plants a neighbourhood frees; it grows while searches end early and in vain.
        frozen: held plants keep their powers too. What is left is then as small as the plants that are free, and loses
            little: a corner of the mix blends no more plants than there are coupling rows.
    """

    def __init__(self, matrices: Matrices, known: Relaxed, limits: Limits, began: float) -> None:
        self.matrices, self.known, self.limits, self.began = matrices, known, limits, began
        self.bound = known.bound
        self.best: Array | None = None
        self.objective = np.inf
        self.nodes = 0
        self.share = _FIRST_SHARE
        self.whole = False
        self.frozen = matrices.rows.nnz > _LARGE
        self.improved: Callable[[Point], None] | None = None
        self.random = np.random.default_rng(0)

    @property
    def gap(self) -> float:
        """Proven relative distance of the best plan from the optimum."""
        if self.best is None:
            return np.inf
        return (self.objective - self.bound) / max(abs(self.objective), 1e-9)

    def _enough(self) -> float:
        """A plan this cheap is good enough."""
        gap = self.limits.gap
        return self.bound / (1 - gap if self.bound > 0 else 1 + gap)

    def left(self) -> float:
        """Seconds left."""
        if self.limits.seconds is None:
            return np.inf
        return self.limits.seconds - (time.perf_counter() - self.began)

    def late(self) -> bool:
        """Is the deadline reached?"""
        return self.left() <= 0

    def take(self, objective: float, plan: Array) -> None:
        """A plan from elsewhere, if it is better."""
        if objective < self.objective:
            self.objective, self.best = objective, plan
            if self.improved is not None:
                self.improved(Point(plan, objective, self.bound))

    def first(self) -> None:
        """Free what is torn and what hardly cares; more of it where that has no solution."""
        spare = self.known.spare
        ahead = _AHEAD * self.limits.gap * abs(self.bound)
        for most in (_MOST_FREE, 0.7, 1.0) if spare.size > _FEW else (1.0,):
            count = max(int(most * spare.size), 1)
            free = np.argsort(spare, kind="stable")[:count]
            if most < 1:
                free = free[spare[free] <= ahead]
            if self.explore(free, self.known.point, 0.1 if self.matrices.rows.nnz < _EASY else 0.8) or self.late():
                return

    def around(self, rounds: int = _MOST_ROUNDS) -> None:
        """Neighbourhoods of the best plan: plants that it has otherwise than the relaxation, and others by lot."""
        idle, size, integer = 0, self.known.spare.size, self.matrices.integer
        for _ in range(rounds):
            if self.best is None or self.whole or self.gap <= self.limits.gap or idle == _IDLE_ROUNDS or self.late():
                return
            torn = [_differ(self.best, self.known.point, integer, columns) for columns in self.known.members]
            weight = np.where(torn, 3.0, 1.0)
            count = int(np.clip(self.share * size, min(size, _FEW), size))
            free = self.random.choice(size, size=count, replace=False, p=weight / weight.sum())
            idle = 0 if self.explore(free, self.best, 0.2) else idle + 1

    def explore(self, free: np.ndarray, around: Array, most: float) -> bool:
        """Search with the blocks ``free`` and everything else as in ``around``; true if the plan got better.

        Args:
            free: which blocks.
            around: a point with whole numbers, or with torn ones that stay free.
            most: the share of the time left that this search may take.
        """
        held, values = self._held(free, around)
        part = without(self.matrices, held, values)
        seconds = None if self.limits.seconds is None else max(most * self.left(), 1.0)
        nodes = min(self.limits.nodes, _SUB_NODES) if held.any() else self.limits.nodes
        limits = Limits(max(self.limits.gap / 2, 1e-5), nodes, seconds)
        before = self.objective

        def take(objective: float, x: Array) -> None:
            plan = values.copy()
            plan[~held] = x
            self.take(objective, plan)

        began = time.perf_counter()
        start = self.best[~held] if self.best is not None else None
        most_s = np.inf if seconds is None else min(0.75 * seconds, _MOST_DIVING_S)
        if start is None and not self.frozen and part.rows.nnz < _DIVABLE and (found := dive(part, most_s)) is not None:
            take(found.objective, found.x)
            start = found.x
        if seconds is not None:
            limits = replace(limits, seconds=max(seconds - (time.perf_counter() - began), 0.5))
        if self.gap > self.limits.gap:
            self._settle(part, limits, start, take, not held.any())
        return self.objective < before - 1e-6 * abs(before) if np.isfinite(before) else self.best is not None

    def _held(self, free: np.ndarray, around: Array) -> tuple[np.ndarray, Array]:
        """(column,) what keeps its number, and that number: whole numbers, and all of a held block where many are."""
        integer, whole = self.matrices.integer, np.abs(around - np.round(around)) < _WHOLE
        held = integer.copy()
        if self.frozen:
            held[np.concatenate(self.known.members)] = True
        for position in free:
            held[self.known.members[position]] = False
        held &= whole | ~integer
        return held, np.where(held, np.where(integer, np.round(around), around), 0.0)

    def _settle(
        self, part: Matrices, limits: Limits, start: Array | None, take: Callable[[float, Array], None], whole: bool
    ) -> None:
        """The search proper in what is left free; ``whole`` where nothing is held."""
        try:
            # In a large part the solver's own searches take all of the time.
            easy = start is None or part.rows.nnz < _EASY
            answer = run(part, limits, start=start, polish=False, searching=easy, enough=self._enough())
        except SolveError:
            return
        self.nodes += answer.nodes
        take(answer.objective, answer.x)
        if whole:
            self.bound, self.whole = max(self.bound, answer.bound), answer.quality == "optimal"
        self.share *= 1.05 if answer.quality == "optimal" else 0.8


def renumbered(matrices: Matrices, coupling: np.ndarray | None) -> np.ndarray:
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
