"""The rows of a structure that are bounds of a column, taken out once for all of its sites.

cvxpy writes x ≥ 0 and x ≤ b as rows. A row with one entry a ≠ 0 that is the same for all sites says x ≤ b/a or x ≥ b/a;
two such rows on a side leave the tighter one. Which rows those are follows from the structure alone, never from the
numbers of a site, so that all sites keep one pattern. Entries that are zero for all sites, and rows without any that
say 0 ≤ b for a b ≥ 0, go as well.

A row's dual is that of the rows that stay; of a row that became a bound it is the column's reduced cost divided by a
where the column stands on that row's bound, and zero elsewhere (``duals``). Where two rows give one bound, the first
has all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dispatch.signals import Array
from dispatch.solver.highs import Compiled, Matrices

if TYPE_CHECKING:
    from scipy.sparse import csc_array

_ON_BOUND = 1e-9
_CROSSED = 1e-7


@dataclass(frozen=True)
class Singles:
    """Rows that bound a column on one side, at most one for each column: bound = limit[row] / factor."""

    row: np.ndarray
    column: np.ndarray
    factor: Array


@dataclass(frozen=True)
class Reduction:
    """Which rows stay, which entries of them, and which rows are bounds.

    Attributes:
        rows: (row,) those that stay, in order.
        entries: positions of their entries in the compiled matrix's data.
        pattern: the sparsity of what stays.
        lower, upper: layers of rows that are bounds, each with at most one row for a column.
        size: rows before.
    """

    rows: np.ndarray
    entries: np.ndarray
    pattern: csc_array
    lower: tuple[Singles, ...]
    upper: tuple[Singles, ...]
    size: int

    @classmethod
    def of(cls, compiled: Compiled) -> Reduction:
        """That of a compiled problem."""
        tensors = compiled.tensors()
        matrix, last = tensors.rows, tensors.coefficient.shape[1] - 1
        fixed, value = _constants(tensors.coefficient, last)
        there = ~(fixed & (value == 0))
        row = np.asarray(matrix.indices)
        column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
        count = np.bincount(row[there], minlength=matrix.shape[0])
        single = there & fixed & (count[row] == 1)
        limit_fixed, limit = _constants(tensors.limit, last)
        equal = np.arange(matrix.shape[0]) < compiled.sorts[0]
        empty = (count == 0) & limit_fixed & np.where(equal, limit == 0, limit >= 0)
        keep = ~empty
        keep[row[single]] = False
        entries = np.flatnonzero(there & keep[row])
        lower, upper = _sides(row[single], column[single], value[single], equal)
        kept = np.flatnonzero(keep)
        return cls(kept, entries, _pattern(row, column, entries, kept, matrix.shape), lower, upper, keep.size)

    def apply(self, matrices: Matrices) -> Matrices:
        """The same problem with fewer rows."""
        rows = self.pattern.copy()
        rows.data = matrices.rows.data[self.entries]
        lower, upper = self.bounds(matrices.row_upper, matrices.col_lower, matrices.col_upper)
        return replace(
            matrices,
            rows=rows,
            row_lower=matrices.row_lower[self.rows],
            row_upper=matrices.row_upper[self.rows],
            col_lower=lower,
            col_upper=upper,
        )

    def bounds(self, limit: Array, lower: Array, upper: Array) -> tuple[Array, Array]:
        """(…, column) bounds with those of rows; of one site or of many.

        Bounds that cross by less than a solver's tolerance are one: as rows they would have been feasible.
        """
        lower, upper = lower.copy(), upper.copy()
        for side, layers, tighter in ((lower, self.lower, np.maximum), (upper, self.upper, np.minimum)):
            for layer in layers:
                side[..., layer.column] = tighter(side[..., layer.column], limit[..., layer.row] / layer.factor)
        crossed = (lower > upper) & (lower <= upper + _CROSSED * np.maximum(1, np.abs(upper)))
        return np.where(crossed, upper, lower), upper

    def duals(self, matrices: Matrices, x: Array, row_dual: Array, col_dual: Array) -> Array:
        """(row,) duals of all rows that there were, from those of what stays and the columns' reduced costs."""
        out = np.zeros(self.size)
        out[self.rows] = row_dual
        left = col_dual.copy()
        for layers, side, sign in ((self.lower, matrices.col_lower, 1), (self.upper, matrices.col_upper, -1)):
            for layer in layers:
                at = np.abs(x[layer.column] - side[layer.column]) <= _ON_BOUND * np.maximum(1, np.abs(x[layer.column]))
                own = np.where(at & (sign * left[layer.column] > 0), left[layer.column], 0.0)
                out[layer.row] += own / layer.factor
                left[layer.column] -= own
        return out


def _constants(tensor: object, last: int) -> tuple[np.ndarray, Array]:
    """(entry,) is it the same for all parameters, and its value then."""
    from scipy.sparse import csr_array

    own = csr_array(tensor)
    own.eliminate_zeros()
    entry = np.repeat(np.arange(own.shape[0]), np.diff(own.indptr))
    varies = np.zeros(own.shape[0], bool)
    varies[entry[own.indices != last]] = True
    value = np.zeros(own.shape[0])
    value[entry[own.indices == last]] = own.data[own.indices == last]
    return ~varies, value


def _pattern(
    row: np.ndarray, column: np.ndarray, entries: np.ndarray, kept: np.ndarray, shape: tuple[int, int]
) -> csc_array:
    from scipy.sparse import csc_array

    place = np.full(shape[0], -1)
    place[kept] = np.arange(kept.size)
    starts = np.concatenate([[0], np.cumsum(np.bincount(column[entries], minlength=shape[1]))])
    index = place[row[entries]].astype(np.int32)
    return csc_array((np.zeros(entries.size), index, starts.astype(np.int32)), shape=(kept.size, shape[1]))


def _sides(
    row: np.ndarray, column: np.ndarray, factor: Array, equal: np.ndarray
) -> tuple[tuple[Singles, ...], tuple[Singles, ...]]:
    """Rows a x ≤ b with a > 0, and equations, bound from above; those with a < 0, and equations, from below."""
    made = []
    for side in (equal[row] | (factor < 0), equal[row] | (factor > 0)):
        left, layers = np.flatnonzero(side), []
        while left.size:
            _, first = np.unique(column[left], return_index=True)
            mine = np.sort(left[first])
            layers.append(Singles(row[mine], column[mine], factor[mine]))
            left = np.setdiff1d(left, mine)
        made.append(tuple(layers))
    return made[0], made[1]
