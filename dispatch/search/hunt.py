"""The optimum of a park: a recovery first, and the proof from its point.

What takes time in a park's search is to prove the optimum; a search that starts from the point that a recovery found
does that three to five times faster than one that has to find it.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from dispatch.errors import SolveError, TimeUpError
from dispatch.search.recovery import Improved, Run, near, relaxation, what_is_left, with_bound, with_whole
from dispatch.signals import Array
from dispatch.solver.highs import Answer, Limits, Matrices
from dispatch.solver.highs import run as search

_NEAR_NODES = 300  # a small search that goes on for thousands of nodes takes ten times what the full one takes
# Nodes without trials and cuts, see ``run``. What so many do not prove is left to fewer and better ones.
_QUICK_NODES = 500
_WHOLE = 1e-7
# A point this far from the bound is no start to rely on: the solver's own searches for a better one stay on.
_NEAR = 0.25


def hunt(
    matrices: Matrices,
    limits: Limits,
    *,
    also_integer: np.ndarray | None = None,
    start: Array | None = None,
    improved: Improved | None = None,
    run: Run = search,
) -> Answer:
    """The optimum within the gap: a recovery first, and a search from its point only where its own gap is too wide.

    Args:
        also_integer: columns that must be integral beside those the model declares: switches of flows.
        start: a point that is already there: no other is looked for, the search from it is for the proof.
        improved: told of points on the way.
        run: what solves linear and integer programs.

    Raises:
        SolveError: there is no point.
    """
    began = time.perf_counter()
    whole = with_whole(matrices, also_integer)
    if not whole.integer.any():
        return run(whole, limits)
    if start is not None:
        return run(whole, limits, improved=improved, start=start, searching=False)
    relaxed = relaxation(whole, limits, run)
    if np.abs(relaxed.x - np.round(relaxed.x))[whole.integer].max() <= _WHOLE:
        return relaxed  # its duals are also those of the problem with its whole columns fixed
    few = replace(limits, nodes=min(limits.nodes, _NEAR_NODES))
    try:
        found = near(whole, relaxed, few, began, improved, run)
    except SolveError:
        found = None
    if found is not None:
        if found.within(limits.gap):
            return replace(found, quality="optimal")
        start = found.x if found.gap <= _NEAR else None
    told = with_bound(improved, relaxed.bound)
    if also_integer is not None and also_integer.size:
        best = run(whole, what_is_left(limits, began), improved=told, start=start, searching=start is None)
    else:
        best = _proved(whole, limits, began, told, start, run)
    if found is not None and found.objective < best.objective:
        return replace(found, quality=best.quality, bound=max(best.bound, found.bound), clock_fired=best.clock_fired)
    return replace(best, bound=max(best.bound, min(relaxed.bound, best.objective)))


def _proved(
    whole: Matrices, limits: Limits, began: float, improved: Improved | None, start: Array | None, run: Run
) -> Answer:
    """Quick nodes, and where so many do not prove it, thorough ones from the point that those have found."""
    few = replace(what_is_left(limits, began), nodes=min(limits.nodes, _QUICK_NODES))
    found: Answer | None = None
    try:
        found = run(whole, few, improved=improved, start=start, searching=start is None, thorough=False)
    except TimeUpError:
        raise
    except SolveError:
        if limits.nodes <= _QUICK_NODES:
            raise
    if found is not None and (found.quality == "optimal" or found.clock_fired or limits.nodes <= _QUICK_NODES):
        return found
    left = replace(what_is_left(limits, began), nodes=limits.nodes - _QUICK_NODES)
    if found is None:
        return run(whole, left, improved=improved, start=start, searching=start is None)
    try:
        best = run(whole, left, improved=improved, start=found.x, searching=False)
    except SolveError as error:  # what the quick nodes found stays, whatever becomes of the proof
        return replace(found, clock_fired=isinstance(error, TimeUpError))
    return replace(best, bound=min(max(best.bound, found.bound), best.objective), nodes=found.nodes + best.nodes)
