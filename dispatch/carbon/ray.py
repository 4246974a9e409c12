r"""Aumann–Shapley shares of a park's loads: what each kWh adds as all demand grows together from nothing.

.. math:: φ_{i,t} = d_{i,t} \int_0^1 \frac{∂E}{∂d_{i,t}}(λ d) \, dλ

A linear program keeps its basis over a piece of the ray, and there the slope is e_B B⁻¹: so the integral is a sum
over pieces, without a quadrature. How far a basis holds is the step at which its first column reaches a bound; beyond
it a few steps of the dual simplex method find the next one (parametric programming of the right-hand side).

Source: Gal, Postoptimal Analyses, Parametric Programming, and Related Topics, 1995, ch. 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from dispatch.asset import Inputs, Mode
from dispatch.carbon.coalitions import DEMAND, Coalitions, path, serving
from dispatch.errors import DataError, SolveError
from dispatch.problem import Problem
from dispatch.signals import Array
from dispatch.site import Site

_BEYOND = 1e-9  # of the ray: so far behind a corner the next basis is looked for
_MOVES = 1e-6  # of the whole demand: slower than that, nothing reaches a bound that the solver would mind
_MOST_PIECES = 50_000


def along_the_ray(
    site: Site, inputs: Inputs, game: Coalitions, players: Mapping[str, Sequence[str]], scenario: int = 0
) -> tuple[Array, Array]:
    """(player, T) shares by the step of use, and (T,) what is emitted without the players.

    Raises:
        DataError: a player's demand is limited over several steps together, or decides more than right-hand sides.
        SolveError: somewhere on the ray there is no dispatch.
    """
    if game.entry_now.size:
        raise DataError("players: a demand stands beside decisions (curtailment by the hour); choose exact or sampled")
    moves = _by_step(site, inputs, game, players, scenario)
    ray = _Ray(game)
    nobody, share = ray.go(0.0), np.zeros(moves.shape[0])
    at, beyond = 0.0, _BEYOND
    for _ in range(_MOST_PIECES):
        length = min(ray.holds(at), 1.0 - at)
        share += length * (moves @ ray.prices())
        if at + length >= 1.0:
            return share.reshape(len(players), -1), nobody
        # A corner that the solver's tolerance hides is stepped over, further each time.
        beyond = _BEYOND if length > beyond else 2 * beyond
        step = min(beyond, 1.0 - at - length)
        ray.go(at + length + step)
        share += step * (moves @ ray.prices())
        at += length + step
        if at >= 1.0:
            return share.reshape(len(players), -1), nobody
    raise SolveError(f"game: the ray of demands has more than {_MOST_PIECES} corners; choose sampled")


class _Ray:
    """The dispatch at one place on the ray, and how long its basis holds."""

    def __init__(self, game: Coalitions) -> None:
        self._game, self._solver = game, game.solver()
        self._highs: Any = self._solver.highs
        self._highs.setOptionValue("primal_feasibility_tolerance", 1e-9)
        self._carbon = np.asarray(game.hourly.sum(axis=0)).ravel()
        lower, upper = np.zeros(game.matrices.row_lower.size), np.zeros(game.matrices.row_lower.size)
        lower[game.rows], upper[game.rows] = game.lower.sum(axis=0), game.upper.sum(axis=0)
        self._rate = lower, upper

    def go(self, at: float) -> Array:
        """(T,) kg there."""
        kg = self._solver.at(np.full(len(self._game.players), at))
        _, self._basic = self._highs.getBasicVariables()
        return kg

    def prices(self) -> Array:
        """(row,) kg per unit of each right-hand side, as long as the basis holds."""
        own = np.where(self._basic >= 0, self._carbon[np.maximum(self._basic, 0)], 0.0)
        _, found = self._highs.getBasisTransposeSolve(own)
        return np.array(found)

    def holds(self, at: float) -> float:
        """How much further on the ray no basic column or row passes a bound."""
        solution, matrices = self._highs.getSolution(), self._game.matrices
        value, activity = np.array(solution.col_value), np.array(solution.row_value)
        low, high = matrices.row_lower + at * self._rate[0], matrices.row_upper + at * self._rate[1]
        slack = self._basic < 0
        moving = np.where(np.abs(activity - high) <= np.abs(activity - low), self._rate[1], self._rate[0])
        rows = -(self._basic[slack] + 1)
        moving[rows] = 0.0  # rows that are slack do not move the others
        _, found = self._highs.getBasisSolve(moving)
        by = np.array(found)
        columns = self._basic[~slack]
        first = _first(
            value[columns], by[~slack], (matrices.col_lower[columns], matrices.col_upper[columns]), (0.0, 0.0)
        )
        # A slack's column of the basis is its activity with the sign turned.
        sides = (low[rows], high[rows]), (self._rate[0][rows], self._rate[1][rows])
        return min(first, _first(activity[rows], -by[slack], *sides))


def _first(value: Array, by: Array, bounds: tuple[Array, Array], rates: tuple[Any, Any]) -> float:
    """The least step after which one of the values, each moving by so much, is at a bound that may move as well."""
    out = np.inf
    for room, nearing in ((value - bounds[0], rates[0] - by), (bounds[1] - value, by - rates[1])):
        near = (nearing > _MOVES) & np.isfinite(room)
        if near.any():
            out = min(out, float((np.maximum(room[near], 0.0) / nearing[near]).min()))
    return out


def _by_step(
    site: Site, inputs: Inputs, game: Coalitions, players: Mapping[str, Sequence[str]], scenario: int
) -> csr_array:
    """(player · T, row) what each step's demand adds to the right-hand sides.

    Which step a row's part belongs to is read off a demand that counts the steps: the row's side divided by that of a
    demand of one throughout.

    Raises:
        DataError: a row adds up the demand of several steps.
    """
    own, steps = path(inputs, scenario), inputs.horizon.steps
    problem = Problem(site, serving(own, players, ()), Mode("convex"))
    side = np.where(np.isfinite(game.matrices.row_upper), game.matrices.row_upper, game.matrices.row_lower)[game.rows]
    row, column, value = [], [], []
    for place, (name, assets) in enumerate(players.items()):
        found = []
        for pattern in (np.ones(steps), np.arange(1.0, steps + 1)):
            demands = {(asset, DEMAND): own.series[asset, DEMAND] * pattern for asset in assets}
            nothing = serving(own, players, ())
            problem.update(Inputs(own.horizon, 1, {**nothing.series, **demands}, own.state))
            made = problem.compiled.matrices()
            found.append(np.where(np.isfinite(made.row_upper), made.row_upper, made.row_lower)[game.rows] - side)
        moved = found[0] != 0
        step = found[1][moved] / found[0][moved] - 1
        if np.abs(step - np.round(step)).max(initial=0.0) > 1e-6:
            raise DataError(f"players: '{name}' has a limit over several steps; choose exact or sampled")
        row.append(place * steps + np.round(step).astype(int))
        column.append(game.rows[moved])
        value.append(found[0][moved])
    where = np.concatenate(row), np.concatenate(column)
    return csr_array((np.concatenate(value), where), shape=(len(players) * steps, game.matrices.row_upper.size))
