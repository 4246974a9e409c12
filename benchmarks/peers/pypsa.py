"""PyPSA: the cases of :mod:`benchmarks.cases.multi_carrier`, and units that are committed."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pypsa

from benchmarks.cases.layer import Case as Fleet
from benchmarks.cases.multi_carrier import Case, Chp, Converter, Demand, Store, Trade, Weather
from benchmarks.cases.shared import Shared
from benchmarks.peers.interface import Answer, anew, silent, version_of


def name() -> str:
    return "PyPSA"


def version() -> str:
    return version_of("pypsa")


def can(case: Shared) -> bool:
    return isinstance(case.data, Case) or (isinstance(case.data, Fleet) and not case.data.batteries.power_kw.size)


def solve(case: Shared) -> Answer:
    """It has no way to put new demand into a model that its solver holds: the second solve builds anew."""
    with _quiet(), silent():
        return anew(case, _built, partial(_solved, gap=case.gap))


def optimum(case: Case) -> float:
    """The least cost of a case of several carriers.

    Raises:
        RuntimeError: the solver did not end at an optimum.
    """
    with _quiet():
        return _solved(_built(case), 0.0)


def _built(case: object) -> Any:
    network = pypsa.Network()
    assert isinstance(case, Case | Fleet)
    network.set_snapshots(pd.date_range("2024-01-15", periods=case.steps, freq="h"))
    if isinstance(case, Fleet):
        _units(network, case)
    else:
        for bus, carrier in case.buses.items():
            network.add("Bus", bus, carrier=carrier)
        for part in case.parts:
            _add(network, part)
    network.optimize.create_model(include_objective_constant=False)
    for part in case.of(Chp) if isinstance(case, Case) else ():
        _polygon(network, part)
    return network


def _solved(network: Any, gap: float) -> float:
    """By the direct interface, which is its fastest."""
    status, condition = network.optimize.solve_model(
        solver_name="highs", io_api="direct", log_to_console=False, mip_rel_gap=gap
    )
    if (status, condition) != ("ok", "optimal"):
        raise RuntimeError(f"PyPSA ended with {status}, {condition}")
    return float(network.objective)


def _units(network: Any, case: Fleet) -> None:
    """Committable generators; its stand-by cost is the cost of an hour without load."""
    fleet = case.fleet
    network.add("Bus", "bus")
    network.add("Load", "demand", bus="bus", p_set=fleet.demand_kw)
    network.add("Generator", "shed", bus="bus", p_nom=fleet.demand_kw.max(), marginal_cost=case.lost_load_per_kwh)
    most = fleet.maximum_kw
    network.add(
        "Generator",
        [f"unit_{i}" for i in range(most.size)],
        bus="bus",
        committable=True,
        p_nom=most,
        p_min_pu=fleet.minimum_kw / most,
        marginal_cost=fleet.cost_per_kwh,
        stand_by_cost=fleet.no_load_cost_per_h,
        start_up_cost=fleet.start_cost,
        min_up_time=fleet.minimum_up_h.astype(int),
        min_down_time=fleet.minimum_down_h.astype(int),
        up_time_before=(fleet.hours_in_state * fleet.on_before).astype(int),
        down_time_before=(fleet.hours_in_state * (1 - fleet.on_before)).astype(int),
        ramp_limit_up=np.minimum(fleet.ramp_kw_per_h / most, 1.0),
        ramp_limit_down=np.minimum(fleet.ramp_kw_per_h / most, 1.0),
        ramp_limit_start_up=np.minimum(fleet.start_ramp_kw / most, 1.0),
        ramp_limit_shut_down=np.minimum(fleet.start_ramp_kw / most, 1.0),
        p_init=fleet.minimum_kw * fleet.on_before,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """What PyPSA and linopy say of missing colours and of their own next release."""
    loggers = [logging.getLogger(name) for name in ("pypsa", "linopy")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _add(network: Any, part: Any) -> None:
    if isinstance(part, Trade):
        sides = [("in", part.buy, 1.0)] + ([] if part.sell is None else [("out", -part.sell, -1.0)])
        for side, cost, sign in sides:
            network.add(
                "Generator", f"{part.name} {side}", bus=part.bus, p_nom=part.most_kw, marginal_cost=cost, sign=sign
            )
    elif isinstance(part, Demand):
        network.add("Load", part.name, bus=part.bus, p_set=part.kw)
    elif isinstance(part, Weather):
        most = float(part.available_kw.max())
        network.add("Generator", part.name, bus=part.bus, p_nom=most, p_max_pu=part.available_kw / most)
    elif isinstance(part, Converter):
        network.add("Link", part.name, bus0=part.source, bus1=part.target, p_nom=part.input_kw, efficiency=part.gain)
    elif isinstance(part, Store):
        _store(network, part)
    else:
        _chp(network, part)


def _store(network: Any, part: Store) -> None:
    """A store behind two links, whose last level is no lower than its first."""
    inside = f"{part.name} inside"
    network.add("Bus", inside)
    least = np.full(len(network.snapshots), part.least_fill)
    least[-1] = part.start_fill
    network.add(
        "Store",
        part.name,
        bus=inside,
        e_nom=part.energy_kwh,
        # PyPSA lets nothing leak of this in the first step.
        e_initial=(1 - part.loss_per_h) * part.start_fill * part.energy_kwh,
        e_min_pu=least,
        standing_loss=part.loss_per_h,
    )
    way = {"p_nom": part.power_kw, "efficiency": part.efficiency}
    network.add("Link", f"{part.name} in", bus0=part.bus, bus1=inside, **way)
    # A link's power is that of its input: discharge at the bus is less by the efficiency.
    way["p_nom"] = part.power_kw / part.efficiency
    cost = part.wear_per_kwh * part.efficiency
    network.add("Link", f"{part.name} out", bus0=inside, bus1=part.bus, marginal_cost=cost, **way)


def _chp(network: Any, part: Chp) -> None:
    """Two links on one fuel, as PyPSA's own example of an extraction plant has it; the polygon joins them."""
    fuel = part.max_kw / part.efficiency
    network.add("Link", f"{part.name} power", bus0=part.fuel, bus1=part.bus, p_nom=fuel, efficiency=part.efficiency)
    yields = part.efficiency / part.power_loss
    network.add("Link", f"{part.name} heat", bus0=part.fuel, bus1=part.heat, p_nom=fuel, efficiency=yields)


def _polygon(network: Any, part: Chp) -> None:
    flow = network.model["Link-p"]
    power, heat = (flow.sel(name=f"{part.name} {side}") for side in ("power", "heat"))
    yields = part.efficiency / part.power_loss
    network.model.add_constraints(
        part.efficiency * power - part.power_to_heat * yields * heat >= 0, name=f"{part.name} back pressure"
    )
    network.model.add_constraints(power + heat <= part.max_kw / part.efficiency, name=f"{part.name} fuel")
