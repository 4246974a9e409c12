"""The master: the cheapest mix of the groups' answers that keeps the shared rows, at prices within a box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, hstack, vstack

from dispatch.errors import ContractError
from dispatch.fleet.coupling import Coupling
from dispatch.signals import Array
from dispatch.solver.highs import Matrices, load

_PRIMAL = 4


@dataclass(frozen=True, eq=False)
class Mix:
    """What the master says.

    Attributes:
        model: its objective: no price in the box proves more, as far as answers are known.
        price: (K,) within the box.
        worth: (G,) what a group's answer must undercut, price included, to change anything.
        over, under: (K,) by how much rows are passed because the box caps what that costs.
        upper: cost of the mix, what is passed at its full price.
        y: (Y,) values of the rest.
        weights: (column,) shares of the answers, in the order they were added.
    """

    model: float
    price: Array
    worth: Array
    over: Array
    under: Array
    upper: float
    y: Array
    weights: Array


class Master:
    r"""Over answers j of groups g, with cost c_gj and effect e_gj, it solves the program below.

    .. math:: \min Σ λ_{gj} c_{gj} + c·y + h·s^+ - l·s^- ,\quad
              lower ≤ Σ λ_{gj} e_{gj} + R y - s^+ + s^- ≤ upper, \quad Σ_j λ_{gj} = 1

    Its duals are prices in [l, h]. With h and l at the price of passing a row it is the fleet's problem over the
    answers known (Dantzig & Wolfe 1960, doi 10.1287/opre.8.1.101); with a narrower box it stays where its answers are.

    Args:
        coupling: the shared rows.
        groups: G.
        excess: (K,) what passing a row costs per unit.
    """

    def __init__(self, coupling: Coupling, groups: int, excess: Array) -> None:
        rest, count = coupling.rest, len(coupling.names)
        self.coupling, self.groups, self.excess = coupling, groups, excess
        self.least = np.where(np.isfinite(coupling.lower), -excess, 0.0)
        self.most = np.where(np.isfinite(coupling.upper), excess, 0.0)
        self._count, self._y = count, len(rest.names)
        self._box = (self._y + np.arange(2 * count)).astype(np.int32)
        eye = csc_array((np.ones(count), (np.arange(count),) * 2), shape=(count, count))
        rows = vstack(
            [
                hstack([rest.reach, -eye, eye]),
                csc_array((groups, self._y + 2 * count)),
                hstack([rest.rows, csc_array((rest.rows.shape[0], 2 * count))]),
            ],
            format="csc",
        )
        ones, free = np.ones(groups), np.full(2 * count, np.inf)
        self._solver = load(
            Matrices(
                np.concatenate([rest.cost, np.zeros(2 * count)]),
                rest.offset,
                rows,
                np.concatenate([coupling.lower, ones, rest.row_lower]),
                np.concatenate([coupling.upper, ones, rest.row_upper]),
                np.concatenate([rest.lower, np.zeros(2 * count)]),
                np.concatenate([rest.upper, free]),
                np.zeros(rows.shape[1], bool),
            )
        )
        self._costs: list[Array] = [rest.cost, np.zeros(2 * count)]
        self._solver.setOptionValue("simplex_strategy", _PRIMAL)
        self.columns: list[tuple[int, int]] = []

    def add(self, cost: Array, effect: Array, wanted: np.ndarray, turn: int) -> None:
        """Take in the answers of the wanted groups: (G,) costs, (G, K) effects, of one turn."""
        which = np.flatnonzero(wanted)
        if not which.size:
            return
        group, row = np.nonzero(effect[which])
        full = np.concatenate([group, np.arange(which.size)])
        index = np.concatenate([row, self._count + which]).astype(np.int32)
        value = np.concatenate([effect[which][group, row], np.ones(which.size)])
        order = np.argsort(full, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(full, minlength=which.size))[:-1]]).astype(np.int32)
        ends = np.zeros(which.size), np.full(which.size, np.inf)
        self._solver.addCols(which.size, cost[which], *ends, index.size, starts, index[order], value[order])
        self._costs.append(cost[which])
        self.columns += [(int(g), turn) for g in which]

    def solve(self, low: Array, high: Array) -> Mix:
        """The best mix at prices within [low, high], which lies within [least, most].

        Raises:
            ContractError: no values of the rest keep its own rows and bounds.
        """
        import highspy

        self._solver.changeColsCost(self._box.size, self._box, np.concatenate([high, -low]))
        self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            self._solver.clearSolver()
            self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            status = self._solver.modelStatusToString(self._solver.getModelStatus())
            raise ContractError(f"coordination: the shared rows' own columns have no best values ({status})")
        solution = self._solver.getSolution()
        x, dual = np.array(solution.col_value), np.array(solution.row_dual)
        over, under = x[self._box].reshape(2, -1)
        activity = np.array(solution.row_value)[: self._count] + over - under
        passed = np.maximum(activity - self.coupling.upper, 0) + np.maximum(self.coupling.lower - activity, 0)
        upper = float(np.concatenate(self._costs) @ x) + self.coupling.rest.offset + float(self.excess @ passed)
        return Mix(
            float(self._solver.getInfo().objective_function_value),
            np.clip(-dual[: self._count], low, high),
            dual[self._count : self._count + self.groups],
            over,
            under,
            upper,
            x[: self._y],
            np.maximum(x[self._y + 2 * self._count :], 0.0),
        )

    def shares(self, mix: Mix, turns: int) -> Array:
        """(G, turns) the mix by group and turn; each group's sum to one."""
        out = np.zeros((self.groups, turns))
        group, turn = np.array(self.columns).reshape(-1, 2).T
        out[group, turn] = mix.weights
        return np.asarray(out / out.sum(axis=1, keepdims=True))
