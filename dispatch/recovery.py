"""Whole numbers out of a relaxation: fix what the relaxation has decided, search for the rest.

The bound is that of the relaxation, so the gap is proved whatever the search finds. On parks the point is nearly always
within a few hundredths of a percent of the optimum; what takes time is to prove it, and a search that starts from the
point can do that three to five times faster than one that has to find it (:func:`hunt`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from dispatch.errors import SolveError
from dispatch.highs import Answer, Limits, Matrices, Point
from dispatch.highs import run as search
from dispatch.signals import Array

# How near to a whole number a column must lie to be fixed there: the nearer, the more is left to search for.
_NEARNESS = (0.1, 0.01, 1e-6)
_NEAR_NODES = 300  # a small search that goes on for thousands of nodes takes ten times what the full one takes
_FREE = -1.0
_WHOLE = 1e-7
# The search over what is left free ends at this share of the gap asked for; what remains is for the proof.
_FINER = 0.5
# A point this far from the bound is no start to rely on: the solver's own searches for a better one stay on.
_NEAR = 0.25

Improved = Callable[[Point], None]


class Search(Protocol):
    """:func:`dispatch.highs.run`, or what takes its place in a test."""

    def __call__(
        self,
        matrices: Matrices,
        limits: Limits,
        *,
        improved: Improved | None = None,
        start: Array | None = None,
        searching: bool = True,
    ) -> Answer:
        """Raises SolveError where there is no point."""
        ...


def recover(
    matrices: Matrices,
    limits: Limits,
    *,
    also_integer: np.ndarray | None = None,
    improved: Improved | None = None,
    run: Search = search,
) -> Answer:
    """A point with whole numbers near the relaxation's, and how far from the optimum it can be at most.

    Minimum times and ramps are rows of the problem, so a small search over what was left free repairs what fixing
    broke; where it cannot, less is fixed, and in the end nothing.

    Args:
        also_integer: columns that must be integral beside those the model declares.
        improved: told of the point once it is found.
        run: what solves the relaxation and the small searches.

    Raises:
        SolveError: the relaxation has no point, or nothing whole was found near it.
    """
    until = None if limits.seconds is None else time.monotonic() + limits.seconds
    whole = _with_whole(matrices, also_integer)
    relaxed = run(replace(matrices, integer=np.zeros_like(matrices.integer)), limits)
    return _near(whole, relaxed, limits, until, improved, run, (*_NEARNESS, _FREE))


def hunt(
    matrices: Matrices,
    limits: Limits,
    *,
    also_integer: np.ndarray | None = None,
    improved: Improved | None = None,
    run: Search = search,
) -> Answer:
    """The optimum within the gap: a recovery first, and a search from its point only where its own gap is too wide.

    Args:
        also_integer: columns that must be integral beside those the model declares.
        improved: told of points on the way.
        run: what solves linear and integer programs.

    Raises:
        SolveError: there is no point.
    """
    until = None if limits.seconds is None else time.monotonic() + limits.seconds
    whole = _with_whole(matrices, also_integer)
    if not whole.integer.any():
        return run(whole, limits)
    relaxed = run(replace(matrices, integer=np.zeros_like(matrices.integer)), limits)
    if np.abs(relaxed.x - np.round(relaxed.x))[whole.integer].max() <= _WHOLE:
        return relaxed  # its duals are also those of the problem with its whole columns fixed
    start: Array | None = None
    few = replace(limits, nodes=min(limits.nodes, _NEAR_NODES))
    try:
        found = _near(whole, relaxed, few, until, improved, run)
    except SolveError:
        found = None
    if found is not None:
        if found.gap <= limits.gap:
            return replace(found, quality="optimal")
        start = found.x if found.gap <= _NEAR else None
    told = _told(improved, relaxed.bound)
    best = run(whole, _what_is_left(limits, until), improved=told, start=start, searching=start is None)
    if found is not None and found.objective < best.objective:
        return replace(found, quality=best.quality, bound=max(best.bound, found.bound), clock_fired=best.clock_fired)
    return replace(best, bound=max(best.bound, min(relaxed.bound, best.objective)))


def _near(
    whole: Matrices,
    relaxed: Answer,
    limits: Limits,
    until: float | None,
    improved: Improved | None,
    run: Search,
    nearness: tuple[float, ...] = _NEARNESS,
) -> Answer:
    """The first point found with what the relaxation has decided fixed."""
    reason, told = "", _told(improved, relaxed.bound)
    finer = replace(limits, gap=_FINER * limits.gap)
    for distance in nearness:
        try:
            left = _what_is_left(finer, until)
            found = run(_fixed(whole, relaxed.x, distance), left, improved=told, searching=False)
        except SolveError as error:
            reason = str(error)
            continue
        if told is not None:
            told(Point(found.x, found.objective, relaxed.bound))
        return replace(found, quality="convex_recovery", bound=relaxed.bound)
    raise SolveError(f"nothing whole near the relaxation: {reason}")


def _told(improved: Improved | None, bound: float) -> Improved | None:
    """``improved`` with the relaxation's bound, which holds where that of a smaller search does not."""
    return None if improved is None else lambda point: improved(replace(point, bound=bound))


def _with_whole(matrices: Matrices, also_integer: np.ndarray | None) -> Matrices:
    integer = matrices.integer.copy()
    if also_integer is not None:
        integer[also_integer] = True
    return replace(matrices, integer=integer)


def _what_is_left(limits: Limits, until: float | None) -> Limits:
    if until is None:
        return limits
    return replace(limits, seconds=max(until - time.monotonic(), 0.0))


def _fixed(matrices: Matrices, x: Array, nearness: float) -> Matrices:
    """Whole columns that came out within ``nearness`` of a whole number, fixed there and so no longer searched."""
    whole = np.round(x)
    at = matrices.integer & (np.abs(x - whole) <= nearness)
    return replace(
        matrices,
        col_lower=np.where(at, whole, matrices.col_lower),
        col_upper=np.where(at, whole, matrices.col_upper),
        integer=matrices.integer & ~at,
    )
