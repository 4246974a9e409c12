r"""Marginal emissions of a park's plan: every bus, hour and scenario at once.

The plan's whole numbers stay; then its program is :class:`~dispatch.carbon.marginal.Dispatch` with the expected
emissions of the plan's own carbon expression, so that what is priced is what is reported. A rate is carbon per kWh of
demand at a bus, freed of the scenario's probability and the step's length like the local prices of a schedule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from dispatch.carbon.marginal import Dispatch, marginal
from dispatch.problem import Problem
from dispatch.signals import Array

if TYPE_CHECKING:
    import cvxpy as cp


@dataclass(frozen=True, eq=False)
class ParkMarginal:
    """By (scenario, bus, step).

    Attributes:
        kg_per_kwh: marginal emissions of demand; the mean of left and right.
        left_kg_per_kwh: of one kWh less, at a price of carbon slightly lower; NaN where there cannot be less.
        right_kg_per_kwh: of one kWh more, at one slightly higher; NaN where no more can be had.
        emitted_kg: expected emissions of the plan.
    """

    kg_per_kwh: Array
    left_kg_per_kwh: Array
    right_kg_per_kwh: Array
    emitted_kg: float

    @property
    def degenerate(self) -> np.ndarray:
        """Where one more kWh and one kWh less do not emit the same."""
        return np.asarray(~(np.abs(self.left_kg_per_kwh - self.right_kg_per_kwh) <= 1e-7))


def park_marginal(problem: Problem) -> ParkMarginal:
    """Marginal emissions around the plan that stands in the problem's variables.

    With a weight on risk, carbon is perturbed by its expectation, as its price would act without that weight.

    Raises:
        SolveError: the linear program around the plan has no optimum.
    """
    found = marginal(park_dispatch(problem))
    constant = float(problem.weights @ problem.total.co2_kg.value) - float(
        expected_emissions(problem) @ problem.point()
    )
    # Emissions that no decision bears, such as a constant of the expression, count too.
    return ParkMarginal(found.emissions, found.left, found.right, found.emitted + constant)


def park_dispatch(problem: Problem) -> Dispatch:
    """The program around the plan's whole numbers; demand is (scenario, bus, step), rates per kWh of one scenario."""
    shape = (problem.scenarios, len(problem.site.bus_names), problem.horizon.steps)
    demand = problem.compiled.rows(problem.balance).reshape(shape)
    matrices = problem.compiled.matrices()
    row, column = [np.arange(demand.size)], [demand.ravel()]
    # Behind limits of the network, demand is also less of what its bus injects.
    for bus, injected in problem.network.injected.items():
        row.append(np.arange(demand.size).reshape(shape)[:, problem.site.bus_names.index(bus)].ravel())
        column.append(problem.compiled.rows(injected).ravel())
    sign = np.repeat([1.0, -1.0], [demand.size, sum(map(len, row[1:]))])
    where = np.concatenate(row), np.concatenate(column)
    moves = csr_array((sign, where), shape=(demand.size, matrices.row_upper.size))
    weight = np.maximum(problem.weights, 1e-12)[:, None, None] * problem.horizon.hours
    return Dispatch(matrices, expected_emissions(problem), demand, problem.point(), hours=weight, moves=moves)


def expected_emissions(problem: Problem) -> Array:
    """(column,) expected kg per unit of each column of the compiled problem, by the plan's own expression."""
    return expected(problem, problem.total.co2_kg)[0]


def expected(problem: Problem, total: cp.Expression) -> tuple[Array, float]:
    """What each column adds to the expectation of a sum by scenario, by its own expression, and what no column does.

    Args:
        total: (scenario,) affine, such as ``problem.total.co2_kg``; the problem's variables have values.
    """
    out = np.zeros(problem.compiled.size)
    for variable, slope in total.grad.items():
        if slope is not None:  # a bare number where both variable and sum have one entry
            by_scenario = slope if np.ndim(slope) or hasattr(slope, "shape") else np.full((1, 1), slope)
            at = problem.compiled.columns(variable).ravel(order="F")
            out[at] += np.asarray(by_scenario.reshape((variable.size, -1)) @ problem.weights).ravel()
    return out, float(problem.weights @ np.asarray(total.value)) - float(out @ np.nan_to_num(problem.point()))
