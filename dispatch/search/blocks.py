"""A problem as blocks that share nothing but a few coupling rows, each with a solver of its own."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array, csr_array

from dispatch.signals import Array
from dispatch.solver.highs import Matrices, load

if TYPE_CHECKING:
    import highspy


@dataclass(frozen=True)
class Block:
    """Columns that share rows among themselves only.

    Attributes:
        columns: their positions in the whole problem.
        cost: (column,) scaled.
        reach: (coupling row, column) what they put into the coupling rows.
        solver: holds the block's own rows, with continuous columns.
    """

    columns: np.ndarray
    cost: Array
    reach: csr_array
    solver: highspy.Highs

    def minimum(self, price: Array) -> tuple[float, Array]:
        """Least (c − priceᵀ reach) x over the block's own rows, warm from the last call: value and point."""
        reduced = self.cost - price @ self.reach
        self.solver.changeColsCost(self.columns.size, np.arange(self.columns.size, dtype=np.int32), reduced)
        self.solver.run()
        return float(self.solver.getInfo().objective_function_value), np.array(self.solver.getSolution().col_value)


@dataclass(frozen=True)
class Split:
    """The whole problem: min c x, L ≤ Σ_b reach_b x_b ≤ U, and each block's own rows and bounds.

    Attributes:
        blocks: those with integers.
        rest: everything else as one block.
        rest_part: the same as matrices.
        lower, upper: (coupling row,) L, U.
        scale: by which all costs are multiplied, so that tolerances mean the same for any currency and unit.
    """

    blocks: tuple[Block, ...]
    rest: Block
    rest_part: Matrices
    lower: Array
    upper: Array
    scale: float

    def bound(self, price: Array, minima: Array) -> float:
        """The Lagrangian value of a price: a lower bound on the whole problem, scaled; −inf for a wrong sign."""
        chosen = np.where(price > 0, self.lower, self.upper)
        ends = float(np.sum(np.where(price == 0, 0.0, price * np.where(price == 0, 0.0, chosen))))
        return ends + float(minima.sum()) + self.rest.minimum(price)[0]

    def price_all(self, price: Array, pool: ThreadPoolExecutor | None) -> list[tuple[float, Array]]:
        """Each block's minimum at a price of the coupling rows."""
        if pool is None:
            return [block.minimum(price) for block in self.blocks]
        # The solver works without the interpreter's lock; blocks are dealt out evenly, each to one thread.
        hands = [self.blocks[i :: threads()] for i in range(threads())]
        dealt = list(pool.map(lambda hand: [block.minimum(price) for block in hand], hands))
        return [dealt[i % threads()][i // threads()] for i in range(len(self.blocks))]


def threads() -> int:
    """How many blocks are asked at a time."""
    return min(os.cpu_count() or 1, 2)


def simplified(matrices: Matrices) -> Matrices:
    """The same problem with rows of one entry written as bounds; rows are renumbered by ``kept_rows``."""
    rows = matrices.rows.tocsr()
    single = np.flatnonzero(np.diff(rows.indptr) == 1)
    column, factor = rows.indices[rows.indptr[single]], rows.data[rows.indptr[single]]
    first, second = matrices.row_lower[single] / factor, matrices.row_upper[single] / factor
    lower, upper = matrices.col_lower.copy(), matrices.col_upper.copy()
    np.maximum.at(lower, column, np.where(factor > 0, first, second))
    np.minimum.at(upper, column, np.where(factor > 0, second, first))
    keep = kept_rows(matrices)
    return replace(
        matrices,
        rows=rows[keep].tocsc(),
        row_lower=matrices.row_lower[keep],
        row_upper=matrices.row_upper[keep],
        col_lower=lower,
        col_upper=upper,
    )


def without(matrices: Matrices, held: np.ndarray, values: Array) -> Matrices:
    """What is left once the columns ``held`` have their ``values``: the others, and the rows that still have any."""
    rows = matrices.rows.tocsc()
    done = rows[:, held] @ values[held]
    left = rows[:, ~held].tocsr()
    used = np.diff(left.indptr) > 0
    return simplified(
        Matrices(
            matrices.cost[~held],
            matrices.offset + float(matrices.cost[held] @ values[held]),
            left[used].tocsc(),
            (matrices.row_lower - done)[used],
            (matrices.row_upper - done)[used],
            matrices.col_lower[~held],
            matrices.col_upper[~held],
            matrices.integer[~held],
        )
    )


def kept_rows(matrices: Matrices) -> np.ndarray:
    """Positions of the rows that ``simplified`` keeps."""
    return np.flatnonzero(np.diff(matrices.rows.tocsr().indptr) > 1)


def _scale(cost: Array, reach: csc_array) -> float:
    """A power of two that brings the price of a unit in the coupling rows to about one."""
    most = np.asarray(abs(reach).max(axis=0).todense()).ravel()
    known = (most > 0) & (cost != 0)
    ratio = np.abs(cost[known]) / most[known]
    return float(2.0 ** -np.round(np.log2(np.median(ratio)))) if ratio.size else 1.0


def split(matrices: Matrices, coupling: np.ndarray) -> Split:
    """Cut along the coupling rows.

    Args:
        matrices: as ``simplified`` makes them.
        coupling: positions of the rows that may join blocks.
    """
    from scipy.sparse.csgraph import connected_components

    rows = matrices.rows.tocsr()
    own = np.setdiff1d(np.arange(rows.shape[0]), coupling)
    inner = rows[own]
    count, label = connected_components(_bipartite(inner), directed=False)
    row_label, column_label = label[: own.size], label[own.size :]
    whole = np.zeros(count, bool)
    whole[column_label[matrices.integer]] = True
    reach = rows[coupling].tocsc()
    scale = _scale(matrices.cost, reach)
    by_column, by_row = _grouped(column_label, count), _grouped(row_label, count)
    parts = (matrices, inner.tocsc(), own, reach, scale)
    blocks = [_block(*parts, by_column[b], by_row[b]) for b in map(int, np.flatnonzero(whole))]
    others = np.flatnonzero(~whole[column_label]), np.flatnonzero(~whole[row_label])
    return Split(
        blocks=tuple(blocks),
        rest=_block(*parts, *others),
        rest_part=_part(*parts[:3], scale, *others),
        lower=matrices.row_lower[coupling],
        upper=matrices.row_upper[coupling],
        scale=scale,
    )


def _bipartite(rows: csr_array) -> csr_array:
    """The graph whose nodes are rows, then columns, joined where a row uses a column."""
    used = rows.tocoo()
    size = sum(rows.shape)
    place = (used.row, rows.shape[0] + used.col)
    return csr_array((np.ones(used.nnz, np.int8), place), shape=(size, size))


def _grouped(label: np.ndarray, count: int) -> list[np.ndarray]:
    """Positions by label, each in order."""
    order = np.argsort(label, kind="stable")
    return list(np.split(order, np.searchsorted(label[order], np.arange(1, count))))


def _part(
    matrices: Matrices, inner: csc_array, own: np.ndarray, scale: float, columns: np.ndarray, rows: np.ndarray
) -> Matrices:
    """Columns with their own rows and scaled costs, continuous."""
    return Matrices(
        matrices.cost[columns] * scale,
        0.0,
        inner[:, columns][rows].tocsc(),
        matrices.row_lower[own[rows]],
        matrices.row_upper[own[rows]],
        matrices.col_lower[columns],
        matrices.col_upper[columns],
        np.zeros(columns.size, bool),
    )


def _block(
    matrices: Matrices,
    inner: csc_array,
    own: np.ndarray,
    reach: csc_array,
    scale: float,
    columns: np.ndarray,
    rows: np.ndarray,
) -> Block:
    part = _part(matrices, inner, own, scale, columns, rows)
    return Block(columns, part.cost, reach[:, columns].tocsr(), load(part))
