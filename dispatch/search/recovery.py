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
from dataclasses import replace

import numpy as np

from dispatch.errors import SolveError
from dispatch.highs import Answer, Layout, Limits, Matrices, Point, polished, run
from dispatch.search.blocks import simplified
from dispatch.search.neighbourhoods import Search
from dispatch.search.relaxation import relax, renumbered


def recover(
    matrices: Matrices,
    limits: Limits,
    *,
    also_integer: np.ndarray | None = None,
    layout: Layout | None = None,
    improved: Callable[[Point], None] | None = None,
) -> Answer:
    """A plan with whole numbers near the relaxation, and how far from the best it can be at most.

    Args:
        matrices: the whole problem.
        limits: gap at which it is good enough; nodes of one search; seconds for everything.
        also_integer: columns that must be integral beside those the model declares.
        layout: what joins the blocks, and when columns are; without it blocks and times are not told apart.
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
    search = Search(small, relax(small, renumbered(matrices, layout), limits.gap), limits, began)
    search.improved = improved
    search.first()
    search.around()
    if search.best is None:
        raise SolveError("no point with whole numbers was found near the relaxation")
    x, dual, objective = polished(matrices, integer, search.best)
    return Answer("convex_recovery", x, dual, objective, min(search.bound, objective), search.nodes, search.late())
