r"""Aumann–Shapley shares of a park's loads: what each kWh adds as all demand grows together from nothing.

.. math:: φ_{i,t} = d_{i,t} \int_0^1 \frac{∂E}{∂d_{i,t}}(λ d) \, dλ

E(λ d) of a linear program is piecewise linear, so the integral is a sum over its pieces. They are found from their
ends: a piece is one where the slope in its middle leads from one end to the other; else it is cut where the costs'
tangents at its ends meet (costs are convex), which is a corner or nearer to one. What is left at pieces too short to
cut is the error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from dispatch.asset import Inputs, Mode
from dispatch.carbon.coalitions import DEMAND, Coalitions, Solver, path, serving
from dispatch.errors import DataError
from dispatch.problem import Problem
from dispatch.signals import Array
from dispatch.site import Site

_SHORTEST = 1e-5
_SAME = 1e-8


@dataclass(frozen=True, eq=False)
class _Place:
    """What is known at one λ: emissions and cost, the cost's slope, emissions per unit of each right-hand side."""

    at: float
    kg: float
    cost: float
    slope: float


def along_the_ray(
    site: Site, inputs: Inputs, game: Coalitions, players: Mapping[str, Sequence[str]], scenario: int = 0
) -> tuple[Array, Array]:
    """(player, T) shares by the step of use, and (T,) what is emitted without the players."""
    moves = _by_step(site, inputs, game, players, scenario)
    solver = game.solver()
    carbon = np.asarray(game.hourly.sum(axis=0)).ravel()
    walk = _Walk(game, solver, carbon, moves)
    nobody = solver.at(np.zeros(len(players)))
    share = np.zeros(moves.shape[0])
    waiting = [(walk.place(0.0), walk.place(1.0))]
    while waiting:
        start, end = waiting.pop()
        length = end.at - start.at
        middle = walk.place((start.at + end.at) / 2)
        slope = walk.slope()
        size = _SAME * (abs(start.kg) + abs(end.kg) + 1e-6)
        told = abs(start.kg + length * slope.sum() - end.kg)
        if (told <= size and abs(start.kg + end.kg - 2 * middle.kg) <= size) or length < _SHORTEST:
            share += length * slope
            continue
        cut = walk.place(_cut(start, end))
        waiting += [(start, cut), (cut, end)]
    return share.reshape(len(players), -1), nobody


def _cut(start: _Place, end: _Place) -> float:
    """Where the costs' tangents meet; in the middle where that is at an end."""
    apart, length = end.slope - start.slope, end.at - start.at
    if apart <= 0:
        return (start.at + end.at) / 2
    meets = start.at + (end.cost - start.cost - end.slope * length) / -apart
    near = 1e-3 * length
    return meets if start.at + near < meets < end.at - near else (start.at + end.at) / 2


class _Walk:
    """Solves at places on the ray."""

    def __init__(self, game: Coalitions, solver: Solver, carbon: Array, moves: csr_array) -> None:
        self._game, self._solver, self._carbon, self._moves = game, solver, carbon, moves
        self._all = np.asarray(moves.sum(axis=0)).ravel()

    def place(self, at: float) -> _Place:
        kg = float(self._solver.at(np.full(len(self._game.players), at)).sum())
        highs: Any = self._solver.highs
        slope = float(np.array(highs.getSolution().row_dual) @ self._all)
        return _Place(at, kg, float(highs.getInfo().objective_function_value), slope)

    def slope(self) -> Array:
        """(player · T,) kg per whole of each demand, at the last place."""
        highs: Any = self._solver.highs
        _, basic = highs.getBasicVariables()
        _, price = highs.getBasisTransposeSolve(np.where(basic >= 0, self._carbon[np.maximum(basic, 0)], 0.0))
        return np.asarray(self._moves @ np.array(price))


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
