"""What each meter's energy is worth in marginal emissions, step by step: the ledger on which decisions rest.

A meter's carbon is its energy times the marginal rate of its bus (∂E/∂d, see :mod:`dispatch.carbon.marginal`): what
would not have been emitted had its last kWh not been used, for all of its kWh. That does not add up to what was
emitted, and the ledger says by how much: what it leaves over is plant's own margin in carbon, as a rent is in money.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from dispatch.carbon.ledger import Ledger, Meter, MeterRole
from dispatch.carbon.operation import Operation, Side, Unit
from dispatch.carbon.park import ParkMarginal, park_marginal
from dispatch.errors import DataError, SolveError
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.solve import recall

Which = Literal["mean", "left", "right"]
QUESTION = "What would one kWh more or less at this meter and hour have emitted?"
_NAMES = {"mean": "marginal", "left": "marginal, one kWh less", "right": "marginal, one kWh more"}
SIDES = frozenset({_NAMES["left"], _NAMES["right"]})
_PRODUCTS = frozenset({"hydrogen", "ammonia", "methanol"})


def marginal_ledger(
    problem: Problem,
    schedule: Schedule,
    *,
    side: Which = "mean",
    scenario: int = 0,
    rates: ParkMarginal | None = None,
) -> Ledger:
    """The marginal ledger of one path of a schedule.

    Args:
        problem: with the data that the schedule was made on.
        side: one kWh less (left), more (right), or the mean of both.
        rates: of the problem, where they are known already.

    Raises:
        DataError: no such side.
        SolveError: the linear program around the schedule has no optimum, or it is no point of the problem.
    """
    if side not in get_args(Which):
        raise DataError(f"side '{side}'; accepted: {', '.join(get_args(Which))}")
    site, found = problem.site, rates if rates is not None else rates_around(problem, schedule)
    rate = _rate(found, side)[scenario]
    operation = Operation.from_schedule(site, schedule, scenario)
    buses, hours = list(site.bus_names), schedule.inputs.horizon.hours
    meters, energy, carbon = [], [], []
    for unit in operation.units:
        for port, end in unit.ports.items():
            taken_kwh = np.maximum(-end.power_kw, 0.0) * hours
            if unit.role in ("sink", "connection") and end.bus in buses and (taken_kwh.any() or unit.role == "sink"):
                meters.append(_meter(unit, port, end, operation.carriers[end.bus]))
                energy.append(taken_kwh)
                carbon.append(taken_kwh * np.where(taken_kwh > 0, rate[buses.index(end.bus)], 0.0))
    shape = (len(meters), schedule.inputs.horizon.steps)
    return Ledger(
        _NAMES[side],
        QUESTION,
        schedule.inputs.horizon,
        tuple(meters),
        np.array(energy).reshape(shape),
        np.array(carbon).reshape(shape),
        operation.emitted_kg,
    )


def marginal_ledgers(problem: Problem, schedule: Schedule, *, scenario: int = 0) -> tuple[Ledger, Ledger, Ledger]:
    """The mean, left and right, from one pair of solves."""
    rates = rates_around(problem, schedule)
    mean, left, right = (
        marginal_ledger(problem, schedule, side=side, scenario=scenario, rates=rates) for side in get_args(Which)
    )
    return mean, left, right


def rates_around(problem: Problem, schedule: Schedule) -> ParkMarginal:
    """Marginal emissions around a schedule's whole numbers; the problem's variables keep the values that they have.

    Raises:
        SolveError: the schedule does not hold every on/off decision, or nothing goes with them.
    """
    before = problem.point()
    try:
        recall(problem, schedule)
        problem.settle_totals()
        if not np.isfinite(problem.point()[problem.compiled.matrices().integer]).all():
            raise SolveError("the schedule does not hold every on/off decision of the problem")
        return park_marginal(problem)
    finally:
        problem.take(np.nan_to_num(before))


def _rate(found: ParkMarginal, side: Which) -> Array:
    """(scenario, bus, step); where there is no kWh less, or no more, the rate of the other side."""
    own = {"mean": found.kg_per_kwh, "left": found.left_kg_per_kwh, "right": found.right_kg_per_kwh}[side]
    return np.where(np.isnan(own), found.kg_per_kwh, own)


def _meter(unit: Unit, port: str, end: Side, carrier: str) -> Meter:
    """Named like the meters of the traced ledger."""
    if unit.role == "connection":
        return Meter(f"{unit.name}: export", unit.name, unit.kind, end.bus, carrier, "export")
    role: MeterRole = "product" if carrier in _PRODUCTS and unit.kind != "load" else "load"
    name = unit.name if len(unit.ports) == 1 else f"{unit.name}: {port}"
    return Meter(name, unit.name, unit.kind, end.bus, carrier, role)
