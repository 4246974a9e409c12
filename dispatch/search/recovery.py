"""Whole numbers out of a relaxation: keep what the relaxation has decided, search for the rest.

One idea, by column in parks and by plant in fleets. The relaxed point of a commitment problem is whole nearly
everywhere. What is whole keeps its number, what is torn stays free, and the solver settles what is left; where that
has no point, less is kept. Minimum times and ramps are rows of the problem, so the small search repairs what rounding
broke. The bound is that of the relaxation, so the gap is proved whatever the searches did.

On parks the point is nearly always within a few hundredths of a percent of the optimum, found at the first fixing. In
fleets whole plants are kept, those that would change their minds for almost nothing are freed too, and neighbourhoods
of the best plan are searched until the gap is small enough or nothing has improved for a while.

Sources: RINS of Danna, Rothberg & Le Pape 2005, doi 10.1007/s10107-004-0518-7; relaxation-guided fixing as in Knueven,
Ostrowski & Watson 2020, doi 10.1287/ijoc.2019.0944.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from dispatch.errors import InfeasibleError, SolveError
from dispatch.search.blocks import simplified
from dispatch.search.neighbourhoods import Search
from dispatch.search.relaxation import relax, renumbered
from dispatch.signals import Array
from dispatch.solver.highs import Answer, Layout, Limits, Matrices, Point, polished
from dispatch.solver.highs import run as search

# How near to a whole number a column must lie to be kept there: the nearer, the more is left to search for.
NEARNESS = (0.1, 0.01, 1e-6)
_FREE = -1.0
# The search over what is left free ends at this share of the gap asked for; what remains is for the proof.
_FINER = 0.5

Improved = Callable[[Point], None]


class Run(Protocol):
    """:func:`dispatch.solver.highs.run`, or what takes its place in a test."""

    def __call__(
        self,
        matrices: Matrices,
        limits: Limits,
        *,
        improved: Improved | None = None,
        start: Array | None = None,
        searching: bool = True,
        thorough: bool = True,
        polish: bool = True,
        enough: float = -np.inf,
    ) -> Answer:
        """Raises SolveError where there is no point."""
        ...


def recover(
    matrices: Matrices,
    limits: Limits,
    *,
    also_integer: np.ndarray | None = None,
    layout: Layout | None = None,
    improved: Improved | None = None,
    run: Run = search,
) -> Answer:
    """A plan with whole numbers near the relaxation, and how far from the best it can be at most.

    Args:
        matrices: the whole problem.
        limits: gap at which it is good enough; nodes of one search; seconds for everything.
        also_integer: columns that must be integral beside those the model declares.
        layout: what joins the plants, and when columns are: whole plants are kept and freed; without it, columns.
        improved: told of every better plan as soon as it is found.
        run: what solves the searches.

    Raises:
        SolveError: the relaxation has no point, or nothing whole was found near it.
    """
    began = time.perf_counter()
    whole = with_whole(matrices, also_integer)
    if not whole.integer.any():
        return run(whole, limits)
    if layout is None:
        return near(whole, relaxation(whole, limits, run), limits, began, improved, run, (*NEARNESS, _FREE))
    plants = by_plants(whole, layout, limits, began, run)
    plants.improved = improved
    plants.first()
    plants.around()
    return planned(whole, plants)


def relaxation(whole: Matrices, limits: Limits, run: Run) -> Answer:
    """The problem without its whole numbers: the bound that certifies a gap, and the point to look near."""
    return run(replace(whole, integer=np.zeros_like(whole.integer)), limits)


def by_plants(whole: Matrices, layout: Layout | None, limits: Limits, began: float, run: Run = search) -> Search:
    """The search around a relaxation that is solved plant by plant where it is large; nothing is looked for yet."""
    small = simplified(whole)
    return Search(small, relax(small, renumbered(whole, layout), limits.gap), limits, began, run)


def planned(whole: Matrices, found: Search) -> Answer:
    """The best plan found plant by plant, with clean values and duals; the bound is the best that anybody proved.

    Raises:
        SolveError: there is none.
    """
    if found.best is None:
        reason = "before the deadline" if found.late() else "near the relaxation"
        raise SolveError(f"no point with whole numbers was found {reason}")
    x, dual, objective = polished(whole, whole.integer, found.best)
    return Answer("convex_recovery", x, dual, objective, min(found.bound, objective), found.nodes, found.late())


def near(
    whole: Matrices,
    relaxed: Answer,
    limits: Limits,
    began: float,
    improved: Improved | None,
    run: Run,
    nearness: tuple[float, ...] = NEARNESS,
) -> Answer:
    """The first point found with the columns kept that the relaxation has decided.

    Raises:
        SolveError: none was, however little was kept.
    """
    last, told = SolveError("nothing was tried"), with_bound(improved, relaxed.bound)
    finer = replace(limits, gap=_FINER * limits.gap)
    for distance in nearness:
        try:
            left = what_is_left(finer, began)
            found = run(_kept(whole, relaxed.x, distance), left, improved=told, searching=False, thorough=False)
        except SolveError as error:
            last = error
            continue
        if told is not None:
            told(Point(found.x, found.objective, relaxed.bound))
        return replace(found, quality="convex_recovery", bound=relaxed.bound)
    # Only where nothing was kept does a contradiction say anything of the problem itself.
    proved = nearness[-1:] == (_FREE,) and isinstance(last, InfeasibleError)
    raise (InfeasibleError if proved else SolveError)(f"nothing whole near the relaxation: {last}")


def with_bound(improved: Improved | None, bound: float) -> Improved | None:
    """``improved`` with the relaxation's bound, which holds where that of a smaller search does not."""
    return None if improved is None else lambda point: improved(replace(point, bound=bound))


def with_whole(matrices: Matrices, also_integer: np.ndarray | None) -> Matrices:
    """The matrices with more columns that must be integral."""
    integer = matrices.integer.copy()
    integer[[] if also_integer is None else also_integer] = True
    return replace(matrices, integer=integer)


def what_is_left(limits: Limits, began: float) -> Limits:
    """The limits with the seconds that are left of those counted from ``began`` (``time.perf_counter``)."""
    if limits.seconds is None:
        return limits
    return replace(limits, seconds=max(limits.seconds - (time.perf_counter() - began), 0.0))


def _kept(matrices: Matrices, x: Array, nearness: float) -> Matrices:
    """Whole columns that came out within ``nearness`` of a whole number, kept there and so no longer searched."""
    whole = np.round(x)
    at = matrices.integer & (np.abs(x - whole) <= nearness)
    return replace(
        matrices,
        col_lower=np.where(at, whole, matrices.col_lower),
        col_upper=np.where(at, whole, matrices.col_upper),
        integer=matrices.integer & ~at,
    )
