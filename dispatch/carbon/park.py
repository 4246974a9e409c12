r"""Marginal emissions of a park's plan: every bus, hour and scenario at once.

The plan's whole numbers stay; then its program is :class:`~dispatch.carbon.marginal.Dispatch` with the expected
emissions of the plan's own carbon expression, so that what is priced is what is reported. A rate is carbon per kWh of
demand at a bus, freed of the scenario's probability and the step's length like the local prices of a schedule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dispatch.carbon.marginal import Dispatch, Marginal, marginal
from dispatch.problem import Problem
from dispatch.signals import Array


@dataclass(frozen=True, eq=False)
class ParkMarginal:
    """By (scenario, bus, step).

    Attributes:
        kg_per_kwh: marginal emissions of demand; the mean of left and right.
        left_kg_per_kwh, right_kg_per_kwh: the same on either side of the price of carbon.
        emitted_kg: expected emissions of the plan.
    """

    kg_per_kwh: Array
    left_kg_per_kwh: Array
    right_kg_per_kwh: Array
    emitted_kg: float

    @property
    def degenerate(self) -> np.ndarray:
        """Where one more kWh and one kWh less do not emit the same."""
        return np.asarray(np.abs(self.left_kg_per_kwh - self.right_kg_per_kwh) > 1e-7)


def park_marginal(problem: Problem) -> ParkMarginal:
    """Marginal emissions around the plan that stands in the problem's variables.

    With a weight on risk, carbon is perturbed by its expectation, as its price would act without that weight.

    Raises:
        SolveError: the linear program around the plan has no optimum.
    """
    shape = (problem.scenarios, len(problem.site.bus_names), problem.horizon.steps)
    balance = problem.compiled.rows(problem.balance).ravel()
    injected = {bus: problem.compiled.rows(rows).ravel() for bus, rows in problem.network.injected.items()}
    dispatch = Dispatch(
        problem.compiled.matrices(),
        expected_emissions(problem),
        np.concatenate([balance, *injected.values()]),
        problem.point(),
    )
    found = marginal(dispatch)
    left, right = (
        _placed(problem, values, shape, balance.size, tuple(injected)) for values in (found.left, found.right)
    )
    return ParkMarginal((left + right) / 2, left, right, _emitted(problem, found))


def expected_emissions(problem: Problem) -> Array:
    """(column,) expected kg per unit of each column of the compiled problem, by the plan's own expression."""
    out = np.zeros(problem.compiled.size)
    for variable, slope in problem.total.co2_kg.grad.items():
        if slope is not None:
            out[problem.compiled.columns(variable).ravel(order="F")] += np.asarray(slope @ problem.weights).ravel()
    return out


def _placed(problem: Problem, values: Array, shape: tuple[int, ...], size: int, buses: tuple[str, ...]) -> Array:
    """(scenario, bus, step) per kWh from the values of the balances' rows and of the buses' rows of injection."""
    rate = values[:size].reshape(shape).copy()
    own = values[size:].reshape(len(buses), shape[0], shape[2]) if buses else np.zeros((0, shape[0], shape[2]))
    for bus, part in zip(buses, own, strict=True):
        rate[:, problem.site.bus_names.index(bus)] -= part
    return np.asarray(rate / (np.maximum(problem.weights, 1e-12)[:, None, None] * problem.horizon.hours))


def _emitted(problem: Problem, found: Marginal) -> float:
    """Emissions that no decision bears, such as a constant of the expression, count too."""
    constant = float(problem.weights @ problem.total.co2_kg.value) - float(
        expected_emissions(problem) @ problem.point()
    )
    return found.emitted + constant
