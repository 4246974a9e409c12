r"""The least-cost dispatch of a park that serves only some of its loads: one program, re-solved for each coalition.

The demand of a player (a load, or several together) stands in the program's right-hand sides, and now and then in its
matrix (hours of curtailment times what may be curtailed), always as it is and never times another's. So a coalition's
program is

.. math:: b(S) = b(∅) + Σ_{i ∈ S} δ_i, \quad A(S) = A(∅) + Σ_{i ∈ S} Δ_i, \qquad v_t(S) = e_t · x(S)

with x(S) its least-cost point. Plant that is on or off is relaxed to its convex hull: with the plan's own commitment a
small coalition would have nobody to take what units must give, and with whole numbers 4 096 searches would not end.
Among points of one cost, the one with the least emissions is taken, and among these the one that emits later, so that
a coalition has one value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from dispatch.asset import Inputs, Mode
from dispatch.errors import DataError, SolveError
from dispatch.problem import Problem
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.solver.highs import Matrices, load

DEMAND = "demand_kw"
_ASIDE = 1e-4  # of the costs' size: carbon decides where costs do not
_LATER = 0.5  # by how much the first step's carbon counts more than the last one's


@dataclass(frozen=True, eq=False)
class Coalitions:
    """A park's program for any coalition; plain arrays, so that it goes to another process as it is.

    Attributes:
        players: their names.
        matrices: the relaxed program with no player's demand.
        rows: (R,) positions of the rows whose sides players change.
        lower, upper: (player, R) what each adds to the sides; 0 where a side is without limit.
        entry_row, entry_column: (E,) places of the matrix that players change.
        entry_now: (E,) what stands there without them.
        entries: (player, E) what each adds.
        hourly: (T, column) kg per unit of each column.
        constant_kg: (T,) emissions that no column bears.
    """

    players: tuple[str, ...]
    matrices: Matrices
    rows: np.ndarray
    lower: Array
    upper: Array
    entry_row: np.ndarray
    entry_column: np.ndarray
    entry_now: Array
    entries: Array
    hourly: csr_array
    constant_kg: Array

    @property
    def ascending(self) -> np.ndarray:
        """(player,) from the one that changes least to the one that changes most."""
        return np.argsort(np.abs(self.lower).sum(axis=1) + np.abs(self.upper).sum(axis=1), kind="stable")

    def sides(self, parts: Array) -> tuple[Array, Array]:
        """(R,) lower and upper sides where each player takes so much of its demand."""
        at = self.rows
        return self.matrices.row_lower[at] + parts @ self.lower, self.matrices.row_upper[at] + parts @ self.upper

    def cost(self) -> Array:
        """(column,) the plan's costs in units of their size, with what tells points of one cost apart."""
        cost = self.matrices.cost
        weight = 1 + _LATER * np.linspace(1, 0, self.hourly.shape[0])
        carbon = np.asarray(self.hourly.T @ weight)
        sizes = [np.median(np.abs(v[v != 0])) if v.any() else 1.0 for v in (cost, carbon)]
        return np.asarray(cost / sizes[0] + _ASIDE / sizes[1] * carbon)

    def solver(self) -> Solver:
        """A solver that goes from one coalition to the next."""
        return Solver(self)


class Solver:
    """Keeps the basis of the last coalition: the next one, which differs in one player, is a few steps away."""

    def __init__(self, game: Coalitions) -> None:
        self._game = game
        relaxed = replace(game.matrices, cost=game.cost())
        self.highs = load(relaxed, np.zeros(relaxed.cost.size, bool))
        self.highs.setOptionValue("dual_feasibility_tolerance", 1e-9)
        self._entries = game.entry_now.copy()

    def at(self, parts: Array) -> Array:
        """(T,) kg of the least-cost dispatch that serves so much of each player's demand.

        Raises:
            SolveError: there is none.
        """
        import highspy

        lower, upper = self._game.sides(parts)
        now = self._game.entry_now + parts @ self._game.entries
        for place in np.flatnonzero(now != self._entries):
            self.highs.changeCoeff(
                int(self._game.entry_row[place]), int(self._game.entry_column[place]), float(now[place])
            )
        self._entries = now
        self.highs.changeRowsBounds(self._game.rows.size, self._game.rows, lower, upper)
        self.highs.run()
        if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            who = [name for name, part in zip(self._game.players, parts, strict=True) if part > 0]
            raise SolveError(f"game: no dispatch serves {', '.join(who) or 'nobody'} alone")
        solution: Any = self.highs.getSolution()
        return np.asarray(self._game.hourly @ np.array(solution.col_value) + self._game.constant_kg)


def players_of(
    site: Site, named: Mapping[str, Sequence[str]] | Iterable[str] | None = None
) -> dict[str, tuple[str, ...]]:
    """Assets of each player; all assets with a demand, one by one, by default (nobody where there is none).

    Raises:
        DataError: an asset that has no demand, belongs to two players or does not exist.
    """
    able = [a.name for a in site.assets if any(need.quantity == DEMAND for need in a.needs)]
    if named is None:
        named = able
    made: dict[str, tuple[str, ...]] = {}
    for name in named:
        made[name] = tuple(named[name]) if isinstance(named, Mapping) else (name,)
    taken = [asset for assets in made.values() for asset in assets]
    wrong = [asset for asset in taken if asset not in able]
    if wrong:
        raise DataError(f"players: '{wrong[0]}' has no demand of its own; accepted: {', '.join(able) or 'none here'}")
    twice = [asset for asset in taken if taken.count(asset) > 1]
    if twice:
        raise DataError(f"players: '{twice[0]}' belongs to two; each asset belongs to one player")
    return made


def coalitions(site: Site, inputs: Inputs, players: Mapping[str, Sequence[str]], scenario: int = 0) -> Coalitions:
    """The program of one path of the inputs, compiled once.

    Raises:
        DataError: a player's demand decides more than what must be served.
    """
    own = path(inputs, scenario)
    problem = Problem(site, serving(own, players, ()), Mode("convex"))
    nobody, constant = problem.compiled.matrices(), _constant(problem)
    alone = []
    for name in players:
        problem.update(serving(own, players, (name,)))
        alone.append(problem.compiled.matrices())
        if not _same_but_demand(alone[-1], nobody) or not np.allclose(_constant(problem), constant):
            raise DataError(f"players: the demand of '{name}' decides more than what must be served; leave it out")
    lower = np.array([_added(one.row_lower, nobody.row_lower) for one in alone])
    upper = np.array([_added(one.row_upper, nobody.row_upper) for one in alone])
    data = np.array([_added(one.rows.data, nobody.rows.data) for one in alone])
    rows, entries = (_some(*changes) for changes in ((lower, upper), (data,)))
    column = np.repeat(np.arange(nobody.cost.size), np.diff(nobody.rows.indptr))
    made = Coalitions(
        tuple(players),
        nobody,
        rows,
        lower[:, rows],
        upper[:, rows],
        nobody.rows.indices[entries],
        column[entries],
        nobody.rows.data[entries],
        data[:, entries],
        hourly_emissions(problem),
        constant,
    )
    problem.update(serving(own, players, tuple(players)))
    whole, every = problem.compiled.matrices(), np.ones(len(players))
    lower_side, upper_side = made.sides(every)
    for mine, there in (
        (lower_side, whole.row_lower[rows]),
        (upper_side, whole.row_upper[rows]),
        (made.entry_now + every @ made.entries, whole.rows.data[entries]),
    ):
        if not np.allclose(mine, there, rtol=1e-9, atol=1e-9):
            raise DataError("players: what several of them need together is not the sum of their needs")
    return made


def _some(*changes: Array) -> np.ndarray:
    """Positions at which any player changes anything."""
    return np.flatnonzero(sum((change != 0).any(axis=0) for change in changes)).astype(np.int32)


def hourly_emissions(problem: Problem) -> csr_array:
    """(T, column) kg per unit of each column, of all scenarios together, by the plan's own expression."""
    import cvxpy as cp

    steps, columns = problem.horizon.steps, problem.compiled.size
    out = csr_array((steps, columns))
    for part in problem.parts.values():
        if part.co2_step_kg is None:
            continue
        for variable, slope in cp.sum(part.co2_step_kg, axis=0).grad.items():
            at = problem.compiled.columns(variable).ravel(order="F")
            place = csr_array((np.ones(at.size), (np.arange(at.size), at)), shape=(at.size, columns))
            # Of one step and one column the slope is a bare number.
            out = out + csr_array(np.atleast_2d(slope) if np.isscalar(slope) else slope).T @ place
    return csr_array(out)


def _constant(problem: Problem) -> Array:
    """(T,) kg where every variable is zero."""
    import cvxpy as cp

    out = np.zeros(problem.horizon.steps)
    for part in problem.parts.values():
        if part.co2_step_kg is not None:
            expression = cp.sum(part.co2_step_kg, axis=0)
            for variable in expression.variables():
                variable.save_value(np.zeros(variable.shape))
            out += np.asarray(expression.value)
    return out


def path(inputs: Inputs, scenario: int) -> Inputs:
    """The inputs of one scenario alone."""
    series = {key: values[min(scenario, len(values) - 1)][None] for key, values in inputs.series.items()}
    return replace(inputs, scenarios=1, series=series)


def serving(inputs: Inputs, players: Mapping[str, Sequence[str]], who: Sequence[str]) -> Inputs:
    """The inputs with the demand of all players but those named set to nothing."""
    out = dict(inputs.series)
    for name, assets in players.items():
        if name not in who:
            out |= {(asset, DEMAND): np.zeros_like(out[asset, DEMAND]) for asset in assets}
    return replace(inputs, series=out)


def _same_but_demand(one: Matrices, other: Matrices) -> bool:
    same = [(one.cost, other.cost), (one.col_lower, other.col_lower), (one.col_upper, other.col_upper)]
    same += [(one.rows.indptr, other.rows.indptr), (one.rows.indices, other.rows.indices)]
    return all(np.array_equal(a, b) for a, b in same)


def _added(values: Array, before: Array) -> Array:
    known = np.isfinite(values) & np.isfinite(before)
    return np.where(known, np.where(known, values, 0.0) - np.where(known, before, 0.0), 0.0)
