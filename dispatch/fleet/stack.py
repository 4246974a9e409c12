"""Sites of one structure as numbers: one sparsity, and of each site only what differs.

The coefficients of all members of a kind over all sites come from one call of the kind, as if the sites were one with
many members; the parameters of all sites go through cvxpy's tensors in one sparse product each. What is the same for
all sites is held once, and what repeats within a site (a rating in every step) is held once for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.fleet.joined import Joined
from dispatch.fleet.members import Member
from dispatch.fleet.reduction import Reduction
from dispatch.highs import Matrices
from dispatch.problem import Problem
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    from scipy.sparse import csr_array


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

    def of(self, n: int) -> Array:
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
        """One site's problem; its rows may be written into."""
        rows = self.reduction.pattern.copy()
        rows.data = self.coefficient.of(n)
        limit, cost = self.limit.of(n), self.costs.of(n)
        lower, upper = self.reduction.bounds(limit, self.own_lower.of(n), self.own_upper.of(n))
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


def stacked(problem: Problem, reduction: Reduction, members: Sequence[Member], horizon: Horizon) -> Stack:
    """The problems of all members, as the problem's own would be after ``update``."""
    values = _Values.of(problem, Joined.of(members, horizon))
    compiled = problem.compiled
    tensors, (equal, boolean, integer) = compiled.tensors(), compiled.sorts
    size = compiled.size
    lower = values.table(tensors.lower, np.full(size, -np.inf), size)
    upper = values.table(tensors.upper, np.full(size, np.inf), size)
    # As Compiled does: what is 0 or 1 is within these bounds whatever else is said of it.
    lower.base[boolean], upper.base[boolean] = np.maximum(lower.base[boolean], 0), np.minimum(upper.base[boolean], 1)
    return Stack(
        tuple(member.name for member in members),
        reduction,
        values.product(tensors.coefficient[reduction.entries]),
        values.product(tensors.limit),
        values.product(tensors.cost),
        lower,
        upper,
        reduction.rows < equal,
        integer,
    )


@dataclass(frozen=True)
class _Values:
    """(site, parameter entry) values: those that all share, and distinct columns of the others.

    Attributes:
        shared: (parameter entries + 1,) values of the first site, the constant's one at the end.
        column: (parameter entries + 1,) place in ``own``, −1 where all sites have the same.
        own: (column, site).
    """

    shared: Array
    column: np.ndarray
    own: Array

    @classmethod
    def of(cls, problem: Problem, joined: Joined) -> _Values:
        """The parameters of all members of a batch."""
        start, size = problem.compiled.tensors().start, problem.compiled.parameter_size
        shared, column = np.ones(size + 1), np.full(size + 1, -1)
        own: list[Array] = []
        count = 0
        for parameter, block in joined.parameters(problem).items():
            if parameter not in start:
                continue
            at = start[parameter] + np.arange(block.shape[1])
            shared[at] = block[0]
            differs = (block != block[:1]).any(axis=0)
            mine = np.flatnonzero(differs)
            if not mine.size:
                continue
            distinct = block[:, mine]
            fresh = np.concatenate([[True], (distinct[:, 1:] != distinct[:, :-1]).any(axis=0)])
            column[at[mine]] = count + np.cumsum(fresh) - 1
            own.append(distinct[:, fresh].T)
            count += int(fresh.sum())
        sites = joined.count
        return cls(shared, column, np.concatenate([np.zeros((0, sites)), *own]))

    def table(self, tensor: Any, missing: Array, size: int) -> Table:
        """Of bounds, which may be numbers or missing."""
        if tensor is None or isinstance(tensor, np.ndarray):
            base = np.array(np.broadcast_to(missing if tensor is None else tensor, size), float)
            none = np.zeros(0, int)
            return Table(base, none, none, np.zeros((self.own.shape[1], 0)))
        return self.product(tensor)

    def product(self, tensor: csr_array) -> Table:
        """Tensor · values, entry by entry in the same order of summation as for one site."""
        from scipy.sparse import csr_array

        base = np.asarray(tensor @ self.shared).ravel()
        lengths = np.diff(tensor.indptr)
        entry = np.repeat(np.arange(base.size), lengths)
        where = np.unique(entry[self.column[tensor.indices] >= 0])
        picked = csr_array(tensor[where])
        # A column for each distinct set of values; those that all sites share come behind the others.
        same = np.unique(picked.indices[self.column[picked.indices] < 0])
        place = self.column.copy()
        place[same] = self.own.shape[0] + np.arange(same.size)
        full = np.concatenate([self.own, np.repeat(self.shared[same][:, None], self.own.shape[1], axis=1)])
        index = place[picked.indices]
        keys: dict[bytes, int] = {}
        what = np.zeros(where.size, int)
        first = []
        for row in range(where.size):
            span = slice(picked.indptr[row], picked.indptr[row + 1])
            key = index[span].tobytes() + picked.data[span].tobytes()
            if key not in keys:
                keys[key] = len(first)
                first.append(row)
            what[row] = keys[key]
        distinct = csr_array(picked[np.array(first, int)])
        renamed = csr_array((distinct.data, place[distinct.indices], distinct.indptr), (len(first), full.shape[0]))
        return Table(base, where, what, np.ascontiguousarray((renamed @ full).T))
