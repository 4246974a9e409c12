"""Bound and point of the relaxation, of the whole at once or by blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dispatch.search.blocks import kept_rows, split
from dispatch.search.dantzig_wolfe import mix
from dispatch.signals import Array
from dispatch.solver.highs import Layout, Matrices, continuous

# Above so many entries one block at a time is faster than the whole relaxation at once: FERC 82 s against 300 and more,
# CA 17 s against 9.
LARGE = 1_500_000
WHOLE = 1e-5  # so near to a whole number a column counts as whole


@dataclass(frozen=True)
class Relaxed:
    """A relaxation's point and bound.

    Attributes:
        bound: with the problem's offset.
        point: (column,).
        members: per block, its columns.
        spare: (block,) money by which each block's best answer is ahead of one with other whole numbers.
        step: (column,) the step it decides about, −1 for none.
        reduced: (column,) cost less what the column is worth to the coupling rows at the relaxation's prices.
    """

    bound: float
    point: Array
    members: list[np.ndarray]
    spare: Array
    step: np.ndarray
    reduced: Array

    def loss(self, plan: Array) -> Array:
        """(block,) by how much each block's part of a plan is dearer, at the prices, than its part of the relaxation.

        With the slack of the coupling rows, at their prices, the losses add up to the plan's distance from the bound.
        """
        dearer = self.reduced * (plan - self.point)
        return np.array([dearer[columns].sum() for columns in self.members])


def relax(matrices: Matrices, layout: Layout, gap: float) -> Relaxed:
    """Bound and point, by blocks where the problem is large."""
    parts = split(matrices, layout.coupling)
    members = [block.columns for block in parts.blocks]
    if matrices.rows.nnz < LARGE or len(parts.blocks) < 2:
        answer = continuous(matrices)
        bound, point, price = answer.bound, answer.x, answer.row_dual[layout.coupling]
        room: Array | float = np.inf
    else:
        found = mix(parts, matrices.integer, min(gap, 3e-4) / 3)
        bound, point, price = found.bound + matrices.offset, found.point, found.price / parts.scale
        room = found.spare / parts.scale
    torn = np.array([_torn(point, matrices.integer, columns) for columns in members])
    spare = np.where(torn, 0.0, room)
    reduced = matrices.cost - price @ matrices.rows.tocsr()[layout.coupling]
    return Relaxed(bound, point, members, spare, layout.step, reduced)


def renumbered(matrices: Matrices, layout: Layout | None) -> Layout:
    """The layout of what ``simplified`` keeps."""
    if layout is None:
        return Layout(np.zeros(0, int), np.full(matrices.cost.size, -1))
    return replace(layout, coupling=np.flatnonzero(np.isin(kept_rows(matrices), layout.coupling)))


def _torn(point: Array, integer: np.ndarray, columns: np.ndarray) -> bool:
    whole = point[columns][integer[columns]]
    return bool((np.abs(whole - np.round(whole)) > WHOLE).any())
