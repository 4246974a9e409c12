"""The best plan so far, and what is searched around it: some plants at all times, or all plants at some time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dispatch.errors import SolveError
from dispatch.search.blocks import without
from dispatch.search.diving import dive
from dispatch.search.relaxation import LARGE, WHOLE, Relaxed
from dispatch.signals import Array
from dispatch.solver.highs import Answer, Limits, Matrices, Point, run

_PLANTS, _TIME = "plants", "time"
_MOST_FREE = 0.35
_FEW = 5  # plants that one search takes on together
_POOR = 10.0  # times the gap that is good enough: no plan to search around
_AHEAD = 0.2  # of the gap that is good enough: plants whose second choice costs no more than that stay free
_BY_LOSS = 0.5
_FIRST = {_PLANTS: (0.15, 40), _TIME: (1.0, 300)}  # share of the plants, and how many at most
_MOST_ROUNDS = 100
_IDLE_ROUNDS = 12
_SUB_NODES = 400
_WINDOWS = 8  # a time is at least such a part of the horizon
_SHORT = 0.1  # of the time left: one neighbourhood
_EASY = 250_000  # entries
_DIVABLE = 1_000_000  # entries: beyond, one dive takes as long as a search
_MOST_DIVING_S = 15.0


class Search:
    """The best plan so far and what was tried for it.

    Attributes:
        bound: proven lower bound.
        best, objective: the best plan.
        whole: a search that held nothing has ended: there is nothing left to look for.
        share: by kind of neighbourhood, how much of the plants it frees: more while searches end, else less.
        frozen: held plants keep their powers too. What is left is then as small as the plants that are free, and loses
            little: a corner of the mix blends no more plants than there are coupling rows.
    """

    def __init__(
        self, matrices: Matrices, known: Relaxed, limits: Limits, began: float, run: Callable[..., Answer] = run
    ) -> None:
        self.matrices, self.known, self.limits, self.began, self.run = matrices, known, limits, began, run
        self.bound = known.bound
        self.best: Array | None = None
        self.objective = np.inf
        self.nodes = 0
        size = max(known.spare.size, 1)
        self.share = {name: min(share, most / size) for name, (share, most) in _FIRST.items()}
        self.turn = 0
        self.whole = False
        self.frozen = matrices.rows.nnz > LARGE
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
        """Free what is torn and what hardly cares; more of it where that has no solution, or a poor one."""
        spare = self.known.spare
        ahead = _AHEAD * self.limits.gap * abs(self.bound)
        most_s = 0.1 if self.matrices.rows.nnz < _EASY else 0.35 if self.frozen else 0.8
        for most in self._shares():
            count = max(int(most * spare.size), 1)
            free = np.argsort(spare, kind="stable")[:count]
            if most < 1:
                free = free[spare[free] <= ahead]
            self.explore(self._columns(free), self.known.point, most_s)
            if self.gap <= _POOR * self.limits.gap or self.late():
                return

    def _shares(self) -> tuple[float, ...]:
        """How much of the plants may be free in the first searches, one after the other."""
        if self.known.spare.size <= _FEW:
            return (1.0,)
        return (_MOST_FREE / 3, _MOST_FREE, 0.7, 1.0) if self.frozen else (_MOST_FREE, 0.7, 1.0)

    def around(self, rounds: int = _MOST_ROUNDS) -> None:
        """Neighbourhoods of the best plan, in turn some plants at all times and, where times are known, a time."""
        idle, timed = 0, bool((self.known.step >= 0).any())
        for _ in range(rounds):
            if (
                self.best is None
                or self.whole
                or self.gap <= self.limits.gap
                or idle == self._patience()
                or self.late()
            ):
                return
            self.turn += 1
            name = _TIME if timed and self.turn % 3 else _PLANTS
            free = self._columns(self._chosen(name))
            if name == _TIME:
                free &= self._window()
            idle = 0 if self.explore(free, self.best, _SHORT, name) else idle + 1

    def _patience(self) -> int:
        """Rounds in vain after which it ends: with a deadline there is nothing better to do with the time."""
        return _IDLE_ROUNDS if self.limits.seconds is None else _MOST_ROUNDS

    def _chosen(self, name: str) -> np.ndarray:
        """Plants by lot: half of the chances go by what they lose, for there is where the plan can get better."""
        assert self.best is not None
        size = self.known.spare.size
        loss = np.maximum(self.known.loss(self.best), 0.0)
        chance = (1 - _BY_LOSS) / size + _BY_LOSS * loss / loss.sum() if loss.sum() > 0 else np.full(size, 1 / size)
        count = int(np.clip(self.share[name] * size, min(size, _FEW), size))
        return self.random.choice(size, size=count, replace=False, p=chance / chance.sum())

    def _columns(self, blocks: np.ndarray) -> np.ndarray:
        """(column,) true in the blocks."""
        out = np.zeros(self.matrices.cost.size, bool)
        out[np.concatenate([self.known.members[position] for position in blocks])] = True
        return out

    def _window(self) -> np.ndarray:
        """(column,) true at a time: a part of the horizon, by lot."""
        step = self.known.step
        steps = int(step.max()) + 1
        length = max(steps // int(self.random.integers(3, _WINDOWS + 1)), 1)
        begin = int(self.random.integers(1 - length // 2, max(steps - length // 2, 2)))
        return (step < 0) | ((step >= begin) & (step < begin + length))

    def explore(self, free: np.ndarray, around: Array, most: float, name: str = _PLANTS) -> bool:
        """Search with the columns ``free`` and everything else as in ``around``; true if the plan got better.

        Args:
            free: (column,) which.
            around: a point with whole numbers, or with torn ones that stay free.
            most: the share of the time left that this search may take.
            name: the kind of neighbourhood.
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
            self._settle(part, limits, start, take, None if not held.any() else name)
        return self.objective < before - 1e-6 * abs(before) if np.isfinite(before) else self.best is not None

    def _held(self, free: np.ndarray, around: Array) -> tuple[np.ndarray, Array]:
        """(column,) what keeps its number, and that number: whole numbers, and all of a held block where many are."""
        integer, whole = self.matrices.integer, np.abs(around - np.round(around)) < WHOLE
        held = integer.copy()
        if self.frozen:
            held[np.concatenate(self.known.members)] = True
        held &= ~free & (whole | ~integer)
        return held, np.where(held, np.where(integer, np.round(around), around), 0.0)

    def _settle(
        self,
        part: Matrices,
        limits: Limits,
        start: Array | None,
        take: Callable[[float, Array], None],
        name: str | None,
    ) -> None:
        """The search proper in what is left free; ``name`` is None where nothing is held."""
        try:
            # In a large part the solver's own searches take all of the time.
            easy = start is None or self.gap > _POOR * self.limits.gap
            answer = self.run(part, limits, start=start, polish=False, searching=easy, enough=self._enough())
        except SolveError:
            return
        self.nodes += answer.nodes
        take(answer.objective, answer.x)
        if name is None:
            self.bound, self.whole = max(self.bound, answer.bound), answer.quality == "optimal"
        else:
            self.share[name] = min(self.share[name] * (1.05 if answer.quality == "optimal" else 0.8), 1.0)
