"""The numbers of a compiled problem as affine functions of its parameters.

cvxpy keeps every entry of the solver's matrices as a row of one sparse tensor: entry = tensor · (parameters, 1). A plan
is made again with other numbers and the same structure, so most entries stay: which ones do is found once, and a
re-solve computes the others only. cvxpy's own way writes all matrices out anew, 4 ms where this takes .3 (190 000
non-zeros, demand changed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.signals import Array

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array


@dataclass(frozen=True)
class Numbers:
    """min cost·x + offset, rows x (= or ≤) limit, lower ≤ x ≤ upper; calls share ``rows`` while it does not change."""

    cost: Array
    offset: float
    rows: csc_array
    limit: Array
    lower: Array | None
    upper: Array | None


@dataclass(frozen=True)
class Tensors:
    """The same as functions: each is (entry, parameter entries + 1), times the parameters and a one at the end.

    Attributes:
        coefficient: of the entries of ``rows``, in its order; as the solver reads them.
        limit: (row,), cost: (column,) and the offset behind them; lower, upper: (column,) or None.
        rows: the sparsity, with zeros in it.
        start: by parameter id, where its entries begin, column by column.
    """

    coefficient: csr_array
    limit: csr_array
    cost: csr_array
    lower: csr_array | Array | None
    upper: csr_array | Array | None
    rows: csc_array
    start: Mapping[int, int]


class Entries:
    """Reads a parametrised cone program once, then fills it for the parameters' present values.

    Args:
        program: cvxpy's, after it was formatted and applied for a solver once.
    """

    def __init__(self, program: Any) -> None:
        from scipy.sparse import csc_array, csr_array

        self._program = program
        self._size = program.total_param_size
        reduced = program.reduced_A
        if reduced.problem_data_index is None:
            reduced.cache()
        tensor = csr_array(reduced.reduced_mat)
        indices, indptr, shape = reduced.problem_data_index
        count = int(indptr[-2])  # the last column of the data matrix is the limit
        self._coefficient, self._limit = tensor[:count], tensor[count:]
        self._limit_row, self._rows = indices[count:], int(shape[0])
        # As 32-bit once: the solver wants them so, and would convert at every solve.
        structure = (indices[:count].astype(np.int32), indptr[:-1].astype(np.int32))
        self._matrix = csc_array((np.zeros(count), *structure), shape=(shape[0], shape[1] - 1))
        # The parameters that reach a coefficient, and their values when the matrix was last filled.
        self._reach = np.unique(self._coefficient.indices[self._coefficient.indices < self._size])
        self._reached: Array | None = None
        self._cost = csr_array(program.q)

    def tensors(self) -> Tensors:
        """The tensors themselves, for many sets of parameters at once."""
        from scipy.sparse import csr_array

        place = csr_array(
            (np.ones(self._limit_row.size), (self._limit_row, np.arange(self._limit_row.size))),
            shape=(self._rows, self._limit_row.size),
        )
        program = self._program
        lower, upper = (
            fixed if tensor is None else csr_array(tensor)
            for fixed, tensor in (
                (program.lower_bounds, program.lb_tensor),
                (program.upper_bounds, program.ub_tensor),
            )
        )
        start = {p.id: int(program.param_id_to_col[p.id]) for p in program.parameters}
        coefficient = csr_array(-self._coefficient)
        return Tensors(coefficient, csr_array(place @ self._limit), self._cost, lower, upper, self._matrix, start)

    def numbers(self) -> Numbers:
        """All of them, for the parameters' present values."""
        values = self._values()
        limit = np.zeros(self._rows)
        limit[self._limit_row] = self._limit @ values
        cost = self._cost @ values
        lower, upper = (
            fixed if tensor is None else np.asarray(tensor @ values).ravel()
            for fixed, tensor in (
                (self._program.lower_bounds, self._program.lb_tensor),
                (self._program.upper_bounds, self._program.ub_tensor),
            )
        )
        if self._reached is None or not np.array_equal(self._reached, values[self._reach]):
            self._matrix, self._reached = self._filled(values), values[self._reach]
        return Numbers(cost[:-1], float(cost[-1]), self._matrix, limit, lower, upper)

    def _filled(self, values: Array) -> csc_array:
        """The coefficients as HiGHS reads them: cvxpy keeps limit − A x, the solver A x ≤ limit."""
        filled = self._matrix.copy()
        filled.data = -(self._coefficient @ values)
        return filled

    def _values(self) -> Array:
        """(parameter entries + 1,) the parameters one after the other, column by column, then the constant's one."""
        values = np.ones(self._size + 1)
        for parameter in self._program.parameters:
            start = self._program.param_id_to_col[parameter.id]
            values[start : start + parameter.size] = np.asarray(parameter.value).ravel(order="F")
        return values
