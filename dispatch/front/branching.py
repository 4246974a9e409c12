"""A few branches on a program that stays in its solver: where a relaxation is hardly torn, that is all it takes.

The solver's own search begins each time with presolve and a first basis, which is most of what a small search costs;
here each branch is a bound that changes, and the dual simplex method goes on. It finds whole numbers and lifts the
bound, and gives up after a few dozen branches: what is torn in more places is for a real search.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from dispatch.signals import Array
from dispatch.solver.highs import Answer, Matrices

MOST_BRANCHES = 80
Torn = Callable[[Array], np.ndarray]


@dataclass(order=True)
class _Node:
    bound: float
    place: int
    lower: Array = field(compare=False)
    upper: Array = field(compare=False)


def branched(
    solve: Callable[[Matrices], Answer | None],
    asked: Matrices,
    torn: Torn,
    relaxed: Answer,
    best: Answer | None,
    gap: float,
    most: int = MOST_BRANCHES,
) -> Answer | None:
    """The best point with whole numbers and a bound, both as good as ``most`` branches make them.

    Args:
        solve: the relaxation of matrices that differ in bounds, from where it last was; None: there is no point.
        asked: the matrices.
        torn: columns of a point that must be whole and are not, or whose numbers let through what must not be.
        relaxed: their relaxation.
        best: a point there is already.
        gap: relative distance of point and bound at which it ends.
    """
    waiting: list[_Node] = []
    node, found = _Node(relaxed.objective, 0, asked.col_lower, asked.col_upper), relaxed
    beside: _Node | None = None  # the other part of what the node is a part of, where it was not looked at
    tried, bound, better = 0, relaxed.objective, True
    while True:
        followed: _Node | None = None
        if not better:
            followed, beside = beside, None
        else:
            if beside is not None:
                heapq.heappush(waiting, beside)
            beside = None
            if torn(found.x).size:  # one branch is followed to its end before others are looked at
                followed, beside = _children(node, found, torn, tried)
            else:
                best = found
        bound = min([one.bound for one in (*waiting, followed, beside) if one is not None], default=np.inf)
        done = best is not None and best.objective - bound <= gap * abs(best.objective)
        if done or tried >= most or (followed is None and not waiting):
            break
        node, tried = followed or heapq.heappop(waiting), tried + 1
        answer = solve(replace(asked, col_lower=node.lower, col_upper=node.upper))
        better = answer is not None and (best is None or answer.objective < best.objective)
        found = answer or found
    return None if best is None else replace(best, bound=min(max(bound, relaxed.objective), best.objective))


def _branching(at: np.ndarray, x: Array) -> tuple[int, float]:
    """The column nearest to a whole number among the torn, and that number."""
    column = int(at[np.argmin(np.abs(x[at] - np.round(x[at])))])
    return column, float(np.round(x[column]))


def _children(node: _Node, found: Answer, torn: Torn, place: int) -> tuple[_Node, _Node]:
    """The node's parts in which a column is at its nearest whole number and at the one beyond, or further off."""
    column, near = _branching(torn(found.x), found.x)
    beyond = near + (1 if near < found.x[column] else -1)
    first, second = (_part(node, found, column, value, 2 * place + k) for k, value in enumerate((near, beyond), 1))
    return first, second


def _part(node: _Node, found: Answer, column: int, value: float, place: int) -> _Node:
    lower, upper = node.lower.copy(), node.upper.copy()
    if value > found.x[column] or (value == found.x[column] and value >= upper[column]):
        lower[column] = value
    else:
        upper[column] = value
    return _Node(found.objective, place, lower, upper)
