r"""Dispatch problems out of rows and arrays, for marginal emissions: a grid with its plant, or matrices as they are.

A grid in direct-current form: with angles θ at the nodes, reactances x and flows f,

.. math:: \min Σ_t h_t Σ_g c_g p_{g,t} \quad \text{with} \quad
          Σ_{g ∈ n} p_g + Σ_{s ∈ n} (d_s - c_s) - Σ_{l} K_{nl} f_l = D_{n,t}, \;
          x_l f_l = θ_i - θ_j, \; |f_l| ≤ F_l

and for stores e⁺ = κ e + h (η_c c − d / η_d), ramps per hour. A line with a reactance of None carries what is best,
like a cable between direct-current stations.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.optimize import Bounds

from dispatch.carbon.named import Labels, labels_of, numbers, plain, positions, stacked
from dispatch.carbon.network_numbers import one_each, refuse_impossible, whole_positions
from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array
from dispatch.solver.highs import Matrices

_NEEDED = object()
GENERATOR = {"bus": _NEEDED, "cost": _NEEDED, "intensity": _NEEDED, "max": np.inf, "min": 0.0, "ramp": np.inf}
LINE = {"start": _NEEDED, "end": _NEEDED, "x": 1.0, "limit": np.inf}
STORE = {
    "bus": _NEEDED,
    "power": _NEEDED,
    "energy": _NEEDED,
    "start": 0.0,
    "end": None,
    "charge_efficiency": 1.0,
    "discharge_efficiency": 1.0,
    "retention": 1.0,
}


def listed(rows: Iterable[Any], accepted: Mapping[str, Any], what: str) -> dict[str, list[Any]]:
    """By key, a value of each row; a row is a mapping, or a sequence in the keys' order. None is the default.

    Raises:
        DataError: an unknown key, too many entries, or one too few.
    """
    out: dict[str, list[Any]] = {key: [] for key in accepted}
    for place, each in enumerate(rows):
        if isinstance(each, str) or not isinstance(each, Mapping | Iterable):
            raise DataError(f"{what} {place} is {each!r}; accepted: {', '.join(accepted)}, as a row or by name")
        row = each if isinstance(each, Mapping) else tuple(each)
        if len(row) > len(accepted):
            raise DataError(f"{what} {place}: {len(row)} entries; accepted: {', '.join(accepted)}")
        given = dict(row if isinstance(row, Mapping) else zip(accepted, row, strict=False))
        for key in given:
            if key not in accepted:
                raise DataError(f"{what} {place}: '{key}' is not known; accepted: {', '.join(accepted)}")
        for key, default in accepted.items():
            value = given.get(key, default)
            if value is _NEEDED or (value is None and default is _NEEDED):
                raise DataError(f"{what} {place} has no '{key}'; give it, as in {', '.join(accepted)}")
            # A line without a reactance is one of its own sort.
            out[key].append(default if value is None and key != "x" else value)
    return out


class Builder:
    """A linear program put together from blocks of columns and rows, each an array of positions."""

    def __init__(self) -> None:
        self._columns: list[tuple[Array, ...]] = []
        self._rows: list[tuple[Array, Array]] = []
        self._entries: list[tuple[np.ndarray, np.ndarray, Array]] = []
        self.width = self.height = 0

    def columns(
        self, shape: tuple[int, ...], lower: Any = 0.0, upper: Any = np.inf, cost: Any = 0.0, emissions: Any = 0.0
    ) -> np.ndarray:
        """Positions of new columns."""
        self._columns.append(tuple(np.broadcast_to(v, shape).ravel() for v in (cost, emissions, lower, upper)))
        made = self.width + np.arange(int(np.prod(shape))).reshape(shape)
        self.width += made.size
        return made

    def rows(self, shape: tuple[int, ...], lower: Any, upper: Any) -> np.ndarray:
        """Positions of new rows."""
        self._rows.append((np.broadcast_to(lower, shape).ravel(), np.broadcast_to(upper, shape).ravel()))
        made = self.height + np.arange(int(np.prod(shape))).reshape(shape)
        self.height += made.size
        return made

    def put(self, row: np.ndarray, column: np.ndarray, value: Any) -> None:
        """Entries of the matrix; what stands at one place adds up."""
        where = np.broadcast_arrays(row, column, np.asarray(value, dtype=np.float64))
        self._entries.append((where[0].ravel(), where[1].ravel(), where[2].ravel()))

    def matrices(self) -> tuple[Matrices, Array]:
        """The program, and its columns' emissions."""
        cost, emissions, lower, upper = (np.concatenate([c[k] for c in self._columns]) for k in range(4))
        row, column, value = (np.concatenate([e[k] for e in self._entries]) for k in range(3))
        rows = sparse.csc_array((value, (row, column)), shape=(self.height, self.width))
        low, high = (np.concatenate([r[k] for r in self._rows]) for k in range(2))
        return Matrices(cost, 0.0, rows, low, high, lower, upper, np.zeros(self.width, bool)), emissions


class Grid:
    """What :meth:`Dispatch.of_network` was given, on arrays (…, T)."""

    def __init__(
        self,
        lines: Iterable[Any],
        generators: Iterable[Any],
        load: Mapping[Any, Any] | ArrayLike,
        storage: Iterable[Any],
        hours: ArrayLike,
        nodes: Iterable[Hashable],
    ) -> None:
        self.lines = listed(lines, LINE, "line")
        self.generators = listed(generators, GENERATOR, "generator")
        self.stores = listed(storage, STORE, "store")
        for rows, key in ((self.lines, "start"), (self.lines, "end"), (self.generators, "bus"), (self.stores, "bus")):
            rows[key] = [plain(name) for name in rows[key]]
        named = [*self.lines["start"], *self.lines["end"], *self.generators["bus"], *self.stores["bus"]]
        named += load if isinstance(load, Mapping) else []
        self.labels: Labels = tuple(nodes) or labels_of(named)
        if len(set(map(str, self.labels))) < len(self.labels):
            raise DataError(f"nodes: {', '.join(map(str, self.labels[:12]))}; accepted: a name for each")
        demand = self._demand(load)
        per_step = {
            key: stacked(self.generators[key], f"generators' {key}") for key in ("cost", "intensity", "max", "min")
        }
        limit = stacked(self.lines["limit"], "lines' limit")
        length = np.atleast_1d(numbers(hours, "hours"))
        steps = {a.shape[-1] for a in (demand, limit, length, *per_step.values()) if a.size and a.shape[-1] > 1}
        if len(steps) > 1:
            raise AlignmentError(f"network: {sorted(steps)} steps; give one number or one per step, as many everywhere")
        self.single = not steps
        self.steps = steps.pop() if steps else 1
        self.hours = np.broadcast_to(length, (self.steps,))
        self.demand = np.broadcast_to(demand, (len(self.labels), self.steps))
        self.limit = np.broadcast_to(limit if limit.size else np.zeros((0, 1)), (len(limit), self.steps))
        self.plant = {key: np.broadcast_to(v, (len(v), self.steps)) for key, v in per_step.items()}
        if not (np.isfinite(self.demand).all() and ((self.hours > 0) & (self.hours < np.inf)).all()):
            raise DataError("network: loads are finite numbers and steps longer than 0 h")
        refuse_impossible(self.lines, self.limit, self.plant, self.generators, self.stores)
        self._refuse_stranded()

    def _refuse_stranded(self) -> None:
        """A load where nothing is: mostly a name that was mistyped."""
        reached = {*self.lines["start"], *self.lines["end"], *self.generators["bus"], *self.stores["bus"]}
        met = np.zeros(len(self.labels), dtype=bool)
        met[positions(reached, self.labels)] = True
        stranded = np.flatnonzero(~met & (self.demand != 0).any(axis=1))
        if stranded.size:
            raise DataError(
                f"node {self.labels[stranded[0]]!r} has a load, but no line, generator or store; accepted: loads at "
                f"{', '.join(str(label) for label, there in zip(self.labels, met, strict=True) if there)[:200]}"
            )

    def _demand(self, load: Mapping[Any, Any] | ArrayLike) -> Array:
        """(n, T or 1) power drawn at each node."""
        if not isinstance(load, Mapping):
            given = numbers(load, "load")
            if given.ndim not in (1, 2) or given.shape[0] != len(self.labels):
                raise AlignmentError(f"load is {given.shape}; give one row for each of {len(self.labels)} nodes")
            return given.reshape(len(given), -1)
        rows = stacked(load.values(), "load") if load else np.zeros((0, 1))
        out = np.zeros((len(self.labels), rows.shape[1]))
        np.add.at(out, positions(load, self.labels), rows)
        return out

    def build(self) -> tuple[Matrices, Array, np.ndarray, dict[str, np.ndarray]]:
        """Matrices, emissions, rows of demand (n, T) and the columns by name."""
        made = Builder()
        balance = made.rows(self.demand.shape, self.demand, self.demand)
        columns = {"generation": self._generators(made, balance), "flow": self._flows(made, balance)}
        if self.stores["bus"]:
            columns |= self._stores(made, balance)
        return *made.matrices(), balance, columns

    def _generators(self, made: Builder, balance: np.ndarray) -> np.ndarray:
        plant, at = self.plant, positions(self.generators["bus"], self.labels)
        shape = (len(at), self.steps)
        power = made.columns(
            shape, plant["min"], plant["max"], self.hours * plant["cost"], self.hours * plant["intensity"]
        )
        made.put(balance[at], power, 1.0)
        ramp = one_each(self.generators["ramp"], "generator", "ramp")
        ramped = np.isfinite(ramp)
        if ramped.any() and self.steps > 1:
            most = ramp[ramped][:, None] * self.hours[1:]
            row = made.rows(most.shape, -most, most)
            made.put(row, power[ramped][:, 1:], 1.0)
            made.put(row, power[ramped][:, :-1], -1.0)
        return power

    def _flows(self, made: Builder, balance: np.ndarray) -> np.ndarray:
        start, end = (positions(self.lines[key], self.labels) for key in ("start", "end"))
        flow = made.columns(self.limit.shape, -self.limit, self.limit)
        made.put(balance[start], flow, -1.0)
        made.put(balance[end], flow, 1.0)
        bound = np.array([x is not None for x in self.lines["x"]], dtype=bool)
        if bound.any():
            reactance = one_each([x for x in self.lines["x"] if x is not None], "line", "x")
            free = np.where(np.arange(len(self.labels)) > 0, np.inf, 0.0)[:, None]
            angle = made.columns(balance.shape, -free, free)
            law = made.rows((len(reactance), self.steps), 0.0, 0.0)
            made.put(law, flow[bound], reactance[:, None])
            made.put(law, angle[start[bound]], -1.0)
            made.put(law, angle[end[bound]], 1.0)
        return flow

    def _stores(self, made: Builder, balance: np.ndarray) -> dict[str, np.ndarray]:
        own = {k: one_each(self.stores[k], "store", k)[:, None] for k in STORE if k not in ("bus", "end")}
        at, shape = positions(self.stores["bus"], self.labels), (len(self.stores["bus"]), self.steps)
        charge, discharge = (made.columns(shape, 0.0, own["power"]) for _ in range(2))
        made.put(balance[at], charge, -1.0)
        made.put(balance[at], discharge, 1.0)
        least = np.zeros(shape)
        ends = [
            start if end is None else end for end, start in zip(self.stores["end"], self.stores["start"], strict=True)
        ]
        least[:, -1] = ends
        level = made.columns(shape, least, own["energy"])
        before = np.zeros(shape)
        before[:, :1] = own["retention"] * own["start"]
        row = made.rows(shape, before, before)
        made.put(row, level, 1.0)
        made.put(row[:, 1:], level[:, :-1], -own["retention"])
        made.put(row, charge, -self.hours * own["charge_efficiency"])
        made.put(row, discharge, self.hours / own["discharge_efficiency"])
        return {"charge": charge, "discharge": discharge, "level": level}


def from_arrays(
    cost: ArrayLike,
    equal: tuple[Any, ArrayLike],
    at_most: tuple[Any, ArrayLike] | None,
    bounds: Any,
    integer: ArrayLike | None,
) -> Matrices:
    """Equalities first, then inequalities, as scipy.optimize.linprog has them; ``integer`` holds positions.

    Raises:
        AlignmentError: a matrix and its right-hand side or the costs differ in number.
        DataError: a number is missing, bounds leave nothing, or a column does not exist.
    """
    costs = numbers(cost, "cost")
    blocks, low, high = [], [], []
    for matrix, right, below in ((*equal, False), *(((*at_most, True),) if at_most is not None else ())):
        name = "at_most" if below else "equal"
        dense = matrix if sparse.issparse(matrix) else np.atleast_2d(numbers(matrix, name))
        rows = sparse.csc_array(dense, dtype=np.float64)
        side = np.atleast_1d(numbers(right, name))
        if rows.shape != (side.size, costs.size):
            raise AlignmentError(f"a matrix is {rows.shape} for {side.size} right-hand sides and {costs.size} costs")
        if not np.isfinite(rows.data).all() or np.isnan(side).any() or not (below or np.isfinite(side).all()):
            raise DataError(f"{name}: a number is missing; accepted: finite numbers")
        blocks.append(rows)
        low.append(np.full(side.size, -np.inf) if below else side)
        high.append(side)
    if not np.isfinite(costs).all():
        raise DataError(f"cost: {costs[~np.isfinite(costs)][0]}; accepted: finite numbers")
    lower, upper = _bounds(bounds, costs.size)
    stack = sparse.csc_array(sparse.vstack(blocks, format="csc"))
    whole = np.zeros(costs.size, bool)
    whole[[] if integer is None else whole_positions(integer, costs.size, "integer")] = True
    return Matrices(costs, 0.0, stack, np.concatenate(low), np.concatenate(high), lower, upper, whole)


def _bounds(bounds: Any, columns: int) -> tuple[Array, Array]:
    """(column,) lower and upper from one pair or one for each column; None is no bound.

    Raises:
        AlignmentError: another number of bounds.
        DataError: a bound that is no pair, or a pair that leaves nothing.
    """
    if isinstance(bounds, Bounds):
        bounds = list(zip(*np.broadcast_arrays(bounds.lb, bounds.ub, np.zeros(columns))[:2], strict=True))
    bounds = (0.0, None) if bounds is None else bounds
    pairs = [bounds] * columns if len(bounds) == 2 and not np.iterable(bounds[0]) else list(bounds)
    if len(pairs) != columns:
        raise AlignmentError(f"{len(pairs)} bounds for {columns} columns; give one pair for all, or one each")
    if any(np.shape(pair) != (2,) for pair in pairs):
        raise DataError(f"bounds: {next(p for p in pairs if np.shape(p) != (2,))!r}; accepted: (lower, upper)")
    low = numbers([-np.inf if low is None else low for low, _ in pairs], "bounds")
    high = numbers([np.inf if high is None else high for _, high in pairs], "bounds")
    if not (low <= high).all():
        column = int(np.argmax(~(low <= high)))
        raise DataError(f"bounds: column {column} from {low[column]:g} to {high[column]:g}; accepted: lower ≤ upper")
    return low, high
