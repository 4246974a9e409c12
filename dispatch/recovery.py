"""Whole numbers out of a relaxation: fix what the relaxation has decided, search for the rest.

The bound is that of the relaxation, so the gap is proved whatever the search finds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dispatch.errors import SolveError
from dispatch.highs import Answer, Limits, Matrices, Point, Run, run
from dispatch.signals import Array

# How near to a whole number a column must lie to be fixed there: the nearer, the more is left to search for.
_NEARNESS = (0.1, 0.01, 1e-6)


def recover(
    matrices: Matrices,
    limits: Limits,
    *,
    also_integer: np.ndarray | None = None,
    improved: Callable[[Point], None] | None = None,
    run: Run = run,
) -> Answer:
    """A point with whole numbers near the relaxation's, and how far from the optimum it can be at most.

    Minimum times and ramps are rows of the problem, so a small search over what was left free repairs what fixing
    broke; where it cannot, less is fixed.

    Args:
        also_integer: columns that must be integral beside those the model declares.
        improved: told of the point once it is found.
        run: what solves the relaxation and the small searches.

    Raises:
        SolveError: the relaxation has no point, or nothing whole was found near it.
    """
    until = None if limits.seconds is None else time.monotonic() + limits.seconds
    integer = matrices.integer.copy()
    if also_integer is not None:
        integer[also_integer] = True
    relaxed = run(replace(matrices, integer=np.zeros_like(integer)), limits)
    reason = ""
    for nearness in _NEARNESS:
        try:
            found = run(_fixed(replace(matrices, integer=integer), relaxed.x, nearness), _what_is_left(limits, until))
        except SolveError as error:
            reason = str(error)
            continue
        answer = replace(found, quality="convex_recovery", bound=relaxed.bound)
        if improved is not None:
            improved(Point(answer.x, answer.objective, answer.bound))
        return answer
    raise SolveError(f"nothing whole near the relaxation: {reason}")


def _what_is_left(limits: Limits, until: float | None) -> Limits:
    if until is None:
        return limits
    return replace(limits, seconds=max(until - time.monotonic(), 0.0))


def _fixed(matrices: Matrices, x: Array, nearness: float) -> Matrices:
    """Whole columns that came out within ``nearness`` of a whole number, fixed there."""
    whole = np.round(x)
    at = matrices.integer & (np.abs(x - whole) <= nearness)
    return replace(
        matrices,
        col_lower=np.where(at, whole, matrices.col_lower),
        col_upper=np.where(at, whole, matrices.col_upper),
    )
