r"""What joins the sites of a fleet: rows over their quantities, and columns that belong to no site.

With q_{ne} the value of entry e of the quantities of site n (its net import in a step, its emissions), row k says

.. math:: l_k ≤ Σ_n a_{kn} q_{n,e(k)} + (R y)_k ≤ u_k, \qquad y ∈ Y = \{\bar l ≤ y ≤ \bar u, \; b ≤ B y ≤ \bar b\}

and y costs c·y: slack that is paid for, the peak of a shared meter, the imbalance of an award. What a row needs of
several entries at once goes through a y of its own.

A *price* p of the rows is money per unit of a row's activity: above zero it makes use dearer (the row is held at u),
below zero cheaper (held at l). With p of the signs that the sides allow,

.. math:: v ≥ Σ_n \min_{x_n} \bigl[ c_n x_n + Σ_k p_k a_{kn} q_{n,e(k)} \bigr] + \min_{y ∈ Y} (c + R' p) y
          - Σ_k \bigl( p_k^+ u_k - p_k^- l_k \bigr)

holds for every such p (weak duality), whatever it came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csc_array, csr_array, hstack, vstack

from dispatch.errors import ContractError, SolveError
from dispatch.signals import Array
from dispatch.solver.highs import Answer, Limits, Matrices, continuous, run

_SETTLED = 1e-7  # of a row's side: an excess that is rounding


@dataclass(frozen=True, eq=False)
class Rest:
    """Columns y that belong to no site, with what they cost and their own rows.

    Give the columns finite bounds where they have any: a price that rounding puts a hair beyond what an endless column
    allows proves nothing, beside a bounded one it loses a hair.

    Attributes:
        names: (Y,) of each column, for people.
        cost: (Y,) money per unit.
        lower, upper: (Y,) bounds.
        reach: (K, Y) what a unit adds to each coupling row.
        rows: (R, Y) own rows; row_lower, row_upper: (R,) their sides.
        integer: (Y,) must be whole.
        offset: money that nothing decides about.
    """

    names: tuple[str, ...]
    cost: Array
    lower: Array
    upper: Array
    reach: csr_array
    rows: csr_array
    row_lower: Array
    row_upper: Array
    integer: np.ndarray
    offset: float = 0.0

    def __post_init__(self) -> None:
        """Raises ContractError where shapes differ or a number is none."""
        columns, rows = len(self.names), self.rows.shape[0]
        for what, value in (("cost", self.cost), ("lower", self.lower), ("upper", self.upper)):
            _require(f"rest: {what}", value, (columns,), finite=what == "cost")
        for what, value in (("row_lower", self.row_lower), ("row_upper", self.row_upper)):
            _require(f"rest: {what}", value, (rows,), finite=False)
        for what, matrix in (("reach", self.reach), ("rows", self.rows)):
            if matrix.shape[1] != columns or not np.isfinite(matrix.data).all():
                raise ContractError(f"rest: {what} is {matrix.shape}, finite in {columns} columns wanted")
        if self.integer.shape != (columns,) or self.integer.dtype != bool:
            raise ContractError(f"rest: integer is {self.integer.shape}, a truth value for each of {columns} wanted")
        _require_order("rest: column", self.names, self.lower, self.upper)
        _require_order("rest: row", [str(row) for row in range(rows)], self.row_lower, self.row_upper)

    @classmethod
    def none(cls, couplings: int) -> Rest:
        """No columns at all."""
        nothing = np.zeros(0)
        reach, rows = csr_array((couplings, 0)), csr_array((0, 0))
        return cls((), nothing, nothing, nothing, reach, rows, nothing, nothing, np.zeros(0, bool))

    def matrices(self, cost: Array | None = None) -> Matrices:
        """The program of y alone, at its own cost or another."""
        return Matrices(
            self.cost if cost is None else cost,
            self.offset,
            csc_array(self.rows),
            self.row_lower,
            self.row_upper,
            self.lower,
            self.upper,
            self.integer,
        )

    def minimum(self, cost: Array) -> tuple[float, Array]:
        """The least cost·y over Y, whole numbers relaxed, and a y that reaches it; −∞ where there is no end to it.

        Raises:
            ContractError: no y keeps its own rows and bounds.
        """
        if not self.rows.shape[0]:
            y = np.where(cost > 0, self.lower, np.where(cost < 0, self.upper, np.clip(0.0, self.lower, self.upper)))
            free = ~np.isfinite(y)
            return (-np.inf, np.where(free, 0.0, y)) if free.any() else (float(cost @ y), y)
        import highspy

        from dispatch.solver.highs import load

        solver = load(replace(self.matrices(cost), offset=0.0), np.zeros(cost.size, bool))
        solver.run()
        status, kinds = solver.getModelStatus(), highspy.HighsModelStatus
        if status == kinds.kUnboundedOrInfeasible:
            solver.setOptionValue("presolve", "off")
            solver.run()
            status = solver.getModelStatus()
        if status == kinds.kUnbounded:
            return -np.inf, np.zeros(cost.size)
        if status != kinds.kOptimal:
            raise ContractError(f"rest: no values keep its own rows and bounds ({solver.modelStatusToString(status)})")
        return float(solver.getInfo().objective_function_value), np.array(solver.getSolution().col_value)


@dataclass(frozen=True, eq=False)
class Completed:
    """The rest's least-cost values beside what the sites do.

    Attributes:
        y: (Y,) values.
        money: their cost, the offset included.
        excess: (K,) by how much a row is passed whatever y does; 0 throughout where the fleet's plan keeps them all.
    """

    y: Array
    money: float
    excess: Array


@dataclass(frozen=True, eq=False)
class Coupling:
    """K rows over the quantities of N sites, of Q entries each; see the module.

    Attributes:
        names: (K,) of each row, for people.
        entry: (K,) which entry of the quantities a row reads.
        share: (K, N) with which factor it counts each site's.
        lower, upper: (K,) sides.
        rest: columns of no site.
        quantities: Q.
    """

    names: tuple[str, ...]
    entry: np.ndarray
    share: csr_array
    lower: Array
    upper: Array
    rest: Rest
    quantities: int

    def __post_init__(self) -> None:
        """Raises ContractError where shapes differ, an entry does not exist or a number is none."""
        count = len(self.names)
        _require("coupling: lower", self.lower, (count,), finite=False)
        _require("coupling: upper", self.upper, (count,), finite=False)
        _require_order("coupling: row", self.names, self.lower, self.upper)
        if self.entry.shape != (count,) or (
            count and not (0 <= self.entry.min() <= self.entry.max() < self.quantities)
        ):
            raise ContractError(f"coupling: entry must name one of {self.quantities} entries for each of {count} rows")
        if self.share.shape[0] != count or not np.isfinite(self.share.data).all():
            raise ContractError(f"coupling: share is {self.share.shape}, {count} rows of finite numbers wanted")
        if self.rest.reach.shape[0] != count:
            raise ContractError(f"coupling: rest reaches {self.rest.reach.shape[0]} rows, there are {count}")

    @property
    def sites(self) -> int:
        """N."""
        return int(self.share.shape[1])

    def used(self, effects: Array) -> Array:
        """(K,) what sites use of each row, from (N, Q) their quantities."""
        self._require_effects(effects)
        row = np.repeat(np.arange(len(self.names)), np.diff(self.share.indptr))
        values = self.share.data * effects[self.share.indices, self.entry[row]]
        return np.bincount(row, values, minlength=len(self.names)).astype(np.float64)

    def residual(self, effects: Array, y: Array | None = None) -> Array:
        """(K,) by how much each row is passed: above its upper side +, below its lower side −, 0 in between."""
        activity = self.used(effects) + (0.0 if y is None else self.rest.reach @ y)
        return np.asarray(np.maximum(activity - self.upper, 0.0) - np.maximum(self.lower - activity, 0.0))

    def extra(self, price: Array) -> Array:
        """(N, Q) what a price of the rows (K,) makes of a unit of each site's quantities [money per unit]."""
        out = np.zeros((self.sites, self.quantities))
        row = np.repeat(np.arange(len(self.names)), np.diff(self.share.indptr))
        np.add.at(out, (self.share.indices, self.entry[row]), self.share.data * price[row])
        return out

    def allowed(self, price: Array) -> Array:
        """(K,) the nearest price whose signs the sides allow: no side, no price towards it."""
        least = np.where(np.isfinite(self.lower), -np.inf, 0.0)
        most = np.where(np.isfinite(self.upper), np.inf, 0.0)
        return np.asarray(np.clip(price, least, most))

    def bound(self, price: Array, site_bounds: Array | float) -> float:
        """Lower bound of the fleet's optimum from a price of :meth:`allowed` signs.

        Args:
            price: (K,).
            site_bounds: (N,) or their sum: a lower bound of each site's own cost + extra(price) · its quantities.

        Raises:
            ContractError: a price points at a side that is infinite.
        """
        if not np.array_equal(price, self.allowed(price)):
            raise ContractError("coupling: a price that points at an infinite side proves nothing; use allowed(price)")
        side = np.where(price > 0, self.upper, np.where(price < 0, self.lower, 0.0))
        least, _ = self.rest.minimum(self.rest.cost + self.rest.reach.T @ price)
        return float(np.sum(site_bounds)) + least + self.rest.offset - float(price @ side)

    def complete(self, effects: Array, limits: Limits | None = None) -> Completed:
        """The least-cost y for what the sites do; where none keeps every row, one that passes them least."""
        used = self.used(effects)
        settled = _SETTLED * np.maximum(1.0, np.abs(used))
        lower, upper = self.lower - used, self.upper - used
        if not self.rest.names:
            over = self.residual(effects)
            return Completed(np.zeros(0), self.rest.offset, np.where(np.abs(over) > settled, over, 0.0))
        try:
            found = _solved(self._around(lower - settled, upper + settled), limits)
            return Completed(found.x, found.objective, np.zeros(len(self.names)))
        except SolveError:
            y = _solved(self._elastic(lower, upper), limits).x[: len(self.rest.names)]
        over = self.residual(effects, y)
        money = float(self.rest.cost @ y) + self.rest.offset
        return Completed(y, money, np.where(np.abs(over) > settled, over, 0.0))

    def part(self, which: slice | np.ndarray) -> Coupling:
        """The same rows over some of the sites; what the others do must be taken off the sides by the caller."""
        return replace(self, share=csr_array(self.share[:, which]))

    def _around(self, lower: Array, upper: Array) -> Matrices:
        own = self.rest.matrices()
        rows = csc_array(vstack([self.rest.reach, self.rest.rows]))
        return replace(
            own,
            rows=rows,
            row_lower=np.concatenate([lower, own.row_lower]),
            row_upper=np.concatenate([upper, own.row_upper]),
        )

    def _elastic(self, lower: Array, upper: Array) -> Matrices:
        """The least sum of what is passed, relative to each row's size."""
        hard, count = self._around(lower, upper), len(self.names)
        eye = csr_array(vstack([csr_array(np.eye(count)), csr_array((self.rest.rows.shape[0], count))]))
        sides = [np.where(np.isfinite(side), np.abs(side), 0.0) for side in (self.lower, self.upper)]
        weight = 1.0 / np.maximum(1.0, np.maximum(*sides))
        return Matrices(
            np.concatenate([np.zeros(hard.cost.size), weight, weight]),
            0.0,
            csc_array(hstack([hard.rows, eye, -eye])),
            hard.row_lower,
            hard.row_upper,
            np.concatenate([hard.col_lower, np.zeros(2 * count)]),
            np.concatenate([hard.col_upper, np.full(2 * count, np.inf)]),
            np.concatenate([hard.integer, np.zeros(2 * count, bool)]),
        )

    def _require_effects(self, effects: Array) -> None:
        if effects.shape != (self.sites, self.quantities):
            raise ContractError(f"coupling: effects are {effects.shape}, ({self.sites}, {self.quantities}) wanted")


def _solved(matrices: Matrices, limits: Limits | None) -> Answer:
    if matrices.integer.any():
        return run(matrices, limits or Limits(gap=1e-6))
    found = continuous(matrices)
    if found.quality != "optimal":
        raise SolveError("coupling: the columns of no site have no optimum")
    return found


def _require(what: str, value: Array, shape: tuple[int, ...], *, finite: bool) -> None:
    if value.shape != shape:
        raise ContractError(f"{what} has shape {value.shape}, {shape} wanted")
    wrong = ~np.isfinite(value) if finite else np.isnan(value)
    if wrong.any():
        raise ContractError(f"{what}: entry {int(np.argmax(wrong))} is {value[np.argmax(wrong)]}, a number wanted")


def _require_order(what: str, names: Sequence[str], lower: Array, upper: Array) -> None:
    crossed = np.flatnonzero((lower > upper) | np.isposinf(lower) | np.isneginf(upper))
    if crossed.size:
        at = int(crossed[0])
        raise ContractError(f"{what} '{names[at]}': nothing lies between {lower[at]:g} and {upper[at]:g}")
