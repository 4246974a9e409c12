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

MOST_BRANCHES = 60
Torn = Callable[[Array], np.ndarray]


@dataclass(order=True)
class _Node:
    bound: float
    place: int
    lower: Array = field(compare=False)
    upper: Array = field(compare=False)
    x: Array = field(compare=False)


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
    heap = [_Node(relaxed.objective, 0, asked.col_lower, asked.col_upper, relaxed.x)]
    tried, bound = 0, relaxed.objective
    node: _Node | None = None
    while (node is not None or heap) and tried < most:
        node = node or heapq.heappop(heap)
        column, near = _branching(torn(node.x), node.x)
        followed: _Node | None = None
        for value in (near, near + (1 if near < node.x[column] else -1)):
            tried += 1
            child = _child(node, column, value, tried)
            found = solve(replace(asked, col_lower=child.lower, col_upper=child.upper))
            if found is None or (best is not None and found.objective >= best.objective):
                continue
            if not torn(found.x).size:
                best = found
                continue
            child.bound, child.x = found.objective, found.x
            if followed is None:
                followed = child  # one branch is followed to its end before others are looked at
            else:
                heapq.heappush(heap, child)
        node = followed
        bound = min([one.bound for one in (*heap, *([node] if node is not None else []))], default=np.inf)
        if best is not None and best.objective - bound <= gap * abs(best.objective):
            break
    return None if best is None else replace(best, bound=min(max(bound, relaxed.objective), best.objective))


def _branching(at: np.ndarray, x: Array) -> tuple[int, float]:
    """The column nearest to a whole number among the torn, and that number."""
    column = int(at[np.argmin(np.abs(x[at] - np.round(x[at])))])
    return column, float(np.round(x[column]))


def _child(node: _Node, column: int, value: float, place: int) -> _Node:
    """The node's part in which the column is at ``value`` or further off."""
    lower, upper = node.lower.copy(), node.upper.copy()
    if value > node.x[column] or (value == node.x[column] and value >= upper[column]):
        lower[column] = value
    else:
        upper[column] = value
    return _Node(node.bound, place, lower, upper, node.x)
