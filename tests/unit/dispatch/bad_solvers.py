"""Solvers that misbehave in each way a solver can; a worker's process finds them by module and name."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from dispatch.errors import InfeasibleError, SolveError
from dispatch.solver.highs import Answer, Limits, Matrices, Point, run


def segfault(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    ctypes.string_at(0)
    raise AssertionError("still here")


def killed(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    """As the kernel does to a process that takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still here")


def hang(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    """Looks at no limit and at no signal that asks kindly."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(3600)


def hang_with_points(
    matrices: Matrices, limits: Limits, *, improved: Callable[[Point], None] | None = None, **named: Any
) -> Answer:
    """Finds good whole points and then does not come back."""
    answer = run(matrices, limits, **named)
    if improved is None:
        return answer
    improved(Point(answer.x, answer.objective, answer.bound))
    return hang(matrices, limits)


def crash_with_points(
    matrices: Matrices, limits: Limits, *, improved: Callable[[Point], None] | None = None, **named: Any
) -> Answer:
    answer = run(matrices, limits, **named)
    if improved is None:
        return answer
    improved(Point(answer.x, answer.objective, answer.bound))
    return segfault(matrices, limits)


def out_of_memory(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    raise MemoryError("no room for the factors")


def infeasible(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    """Says so of every problem."""
    raise InfeasibleError("HiGHS stopped without a plan: Infeasible")


def no_numbers(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    return replace(run(matrices, limits, **named), x=np.full(matrices.cost.size, np.nan))


def no_answer(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    return None  # type: ignore[return-value]


def wrong_point(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    """Calls a point optimal that breaks the rows: everything at zero."""
    answer = run(matrices, limits, **named)
    return replace(answer, x=np.zeros_like(answer.x), objective=matrices.offset, bound=matrices.offset)


def wrong_objective(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    answer = run(matrices, limits, **named)
    return replace(answer, objective=answer.objective - 1e3, bound=answer.objective - 1e3)


def wrong_bound(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    answer = run(matrices, limits, **named)
    return replace(answer, bound=answer.objective + 1e3)


def only_linear(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    """Fails where as many whole columns are free as two units have in twelve steps: at the full search alone."""
    if matrices.integer.sum() >= 2 * 12:
        raise SolveError("HiGHS stopped without a plan: Unknown")
    return run(matrices, limits, **named)


def poor(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    """Ends early with a point that holds and is far from the best: the dearest up to ten times the optimum."""
    best = run(matrices, limits, **named)
    row = sparse.csc_matrix(matrices.cost)
    bounded = replace(
        matrices,
        cost=-matrices.cost,
        offset=-matrices.offset,
        rows=sparse.vstack([matrices.rows, row], format="csc"),
        row_lower=np.append(matrices.row_lower, -np.inf),
        row_upper=np.append(matrices.row_upper, 10 * best.objective - matrices.offset),
    )
    dearest = run(bounded, limits)
    objective = float(matrices.cost @ dearest.x) + matrices.offset
    return replace(best, quality="incumbent", x=dearest.x, objective=objective, bound=best.bound)


def slow(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    """Keeps to its own clock and has nothing by then."""
    time.sleep(limits.seconds or 0.0)
    return run(matrices, replace(limits, seconds=1e-9), **named)


def endless(*asked: Any, **named: Any) -> Any:
    """Asked whatever, does not come back."""
    while True:
        time.sleep(3600)
