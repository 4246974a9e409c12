"""Is what a solver answered an answer at all? Whoever wrote the solver, the ladder goes on from nothing else."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from dispatch.errors import SolveError
from dispatch.solver.highs import Answer, Matrices, Quality

_SAME = 1e-4


def plausible(matrices: Matrices, answer: Any) -> Answer:
    """The answer, if it is one: numbers, with the objective that its point has and a bound not above it.

    Raises:
        SolveError: it is not.
    """
    if not isinstance(answer, Answer):
        raise SolveError(f"the solver answered with {type(answer).__name__}")
    _typed(answer)
    if answer.x.shape != matrices.cost.shape or not np.isfinite(answer.x).all():
        raise SolveError("the solver's point has values that are no numbers")
    if answer.row_dual.shape != matrices.row_upper.shape:
        raise SolveError(f"the solver's {answer.row_dual.size} duals are not one for each of its rows")
    objective = float(matrices.cost @ answer.x) + matrices.offset
    room = _SAME * max(1.0, abs(objective))
    if not abs(objective - answer.objective) <= room:
        raise SolveError(f"the solver's objective {answer.objective:.6g} is not that of its point, {objective:.6g}")
    if not answer.bound <= objective + room:
        raise SolveError(f"the solver's bound {answer.bound:.6g} is above its objective {objective:.6g}")
    return answer


def _typed(answer: Answer) -> None:
    """Raises SolveError where a field holds something else than what its type says."""
    for name in ("x", "row_dual"):
        values = getattr(answer, name)
        if not isinstance(values, np.ndarray) or values.dtype.kind != "f":
            raise SolveError(f"the solver's {name} is no array of numbers")
    for name in ("objective", "bound", "nodes"):
        if not isinstance(getattr(answer, name), int | float):
            raise SolveError(f"the solver's {name} is no number")
    if answer.quality not in get_args(Quality):
        raise SolveError(f"the solver calls its answer {answer.quality!r}")
