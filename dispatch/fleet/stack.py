"""Sites of one structure as numbers: one sparsity, and of each site only what differs.

The coefficients of all members of a kind over all sites come from one call of the kind, as if the sites were one with
many members; the parameters of all sites go through cvxpy's tensors in one sparse product each. What is the same for
all sites is held once, and what repeats within a site (a rating in every step) is held once for each.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.fleet.reduction import Reduction
from dispatch.signals import Array
from dispatch.solver.highs import Matrices

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from dispatch.fleet.parameters import Parameters
    from dispatch.problem import Problem  # a worker that reads a stack has no use for it, and it takes a second


@dataclass(frozen=True)
class Table:
    """(site, entry) numbers of which most are the same for all sites.

    Attributes:
        base: (entry,) the numbers that all have.
        where: entries that differ between sites.
        what: for each of those, its column of ``values``.
        values: (site, column).
    """

    base: Array
    where: np.ndarray
    what: np.ndarray
    values: Array

    @classmethod
    def of(cls, parameters: Parameters, tensor: csr_array) -> Table:
        """Tensor · parameters, entry by entry summed in the same order as for one site."""
        base = np.asarray(tensor @ parameters.shared).ravel()
        entry = np.repeat(np.arange(base.size), np.diff(tensor.indptr))
        where = np.unique(entry[parameters.column[tensor.indices] >= 0])
        picked = tensor[where]
        index, own = parameters.columns(picked.indices)
        keys: dict[bytes, int] = {}
        what, first = np.zeros(where.size, int), list[int]()
        for row, (start, end) in enumerate(pairwise(picked.indptr)):
            key = index[start:end].tobytes() + picked.data[start:end].tobytes()
            if key not in keys:
                keys[key] = len(first)
                first.append(row)
            what[row] = keys[key]
        renamed = type(tensor)((picked.data, index, picked.indptr), shape=(where.size, own.shape[0]))
        return cls(base, where, what, np.ascontiguousarray((renamed[np.array(first, int)] @ own).T))

    def row(self, n: int) -> Array:
        """(entry,) of one site."""
        out = self.base.copy()
        out[self.where] = self.values[n, self.what]
        return out

    def all(self) -> Array:
        """(site, entry)."""
        out = np.tile(self.base, (self.values.shape[0], 1))
        out[:, self.where] = self.values[:, self.what]
        return out

    def part(self, which: slice | np.ndarray) -> Table:
        """Of some sites."""
        return replace(self, values=self.values[which])

    def at(self, entries: np.ndarray) -> Table:
        """Some entries, in the order given."""
        place = np.full(self.base.size, -1)
        place[self.where] = np.arange(self.where.size)
        mine = place[entries]
        there = np.flatnonzero(mine >= 0)
        return Table(self.base[entries], there, self.what[mine[there]], self.values)


@dataclass(frozen=True)
class Stack:
    """N sites of one structure.

    Attributes:
        names: (site,) the sites'.
        reduction: which rows of the compiled problem stay.
        numbers: coefficients of the rows that stay, limits of all rows, costs with the offset behind them, and the
            bounds that columns have of their own.
        equations: (row,) of those that stay, which are equations.
        integer: (column,) which are integral.
    """

    names: tuple[str, ...]
    reduction: Reduction
    coefficient: Table
    limit: Table
    costs: Table
    own_lower: Table
    own_upper: Table
    equations: np.ndarray
    integer: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    def matrices(self, n: int) -> Matrices:
        """One site's problem; all share the sparsity of its rows."""
        rows = copy(self.reduction.pattern)
        rows.data = self.coefficient.row(n)
        limit, cost = self.limit.row(n), self.costs.row(n)
        lower, upper = self.reduction.bounds(limit, self.own_lower.row(n), self.own_upper.row(n))
        most = limit[self.reduction.rows]
        least = np.where(self.equations, most, -np.inf)
        return Matrices(cost[:-1], float(cost[-1]), rows, least, most, lower, upper, self.integer)

    @property
    def cost(self) -> Array:
        """(site, column)."""
        return self.costs.all()[:, :-1]

    @property
    def offset(self) -> Array:
        """(site,)."""
        return self.costs.at(np.array([self.costs.base.size - 1])).all()[:, 0]

    @property
    def bounds(self) -> tuple[Array, Array]:
        """(site, column) lower and upper bounds."""
        return self.reduction.bounds(self.limit.all(), self.own_lower.all(), self.own_upper.all())

    @property
    def lower(self) -> Array:
        """(site, column)."""
        return self.bounds[0]

    @property
    def upper(self) -> Array:
        """(site, column)."""
        return self.bounds[1]

    @property
    def row_upper(self) -> Array:
        """(site, row) of the rows that stay."""
        return self.limit.at(self.reduction.rows).all()

    def part(self, which: slice | np.ndarray) -> Stack:
        """Some of the sites."""
        tables = ("coefficient", "limit", "costs", "own_lower", "own_upper")
        names = np.array(self.names, dtype=object)[which]
        return replace(self, names=tuple(names), **{name: getattr(self, name).part(which) for name in tables})


def of_parameters(problem: Problem, reduction: Reduction, values: Parameters, names: tuple[str, ...]) -> Stack:
    """The problems of sites whose parameters are known."""
    compiled = problem.compiled
    tensors, (equal, boolean, integer) = compiled.tensors(), compiled.sorts
    size = compiled.size
    lower = _of_bounds(values, tensors.lower, -np.inf, size)
    upper = _of_bounds(values, tensors.upper, np.inf, size)
    # As Compiled does: what is 0 or 1 is within these bounds whatever else is said of it.
    lower.base[boolean], upper.base[boolean] = np.maximum(lower.base[boolean], 0), np.minimum(upper.base[boolean], 1)
    return Stack(
        names,
        reduction,
        Table.of(values, tensors.coefficient[reduction.entries]),
        Table.of(values, tensors.limit),
        Table.of(values, tensors.cost),
        lower,
        upper,
        reduction.rows < equal,
        integer,
    )


def _of_bounds(values: Parameters, tensor: Any, missing: float, size: int) -> Table:
    """Of bounds, which may be functions of parameters, numbers or missing."""
    if tensor is not None and not isinstance(tensor, np.ndarray):
        return Table.of(values, tensor)
    base = np.array(np.broadcast_to(missing if tensor is None else tensor, size), float)
    none = np.zeros(0, int)
    return Table(base, none, none, np.zeros((values.count, 0)))
