"""The cases of :mod:`benchmarks.cases.multi_carrier` in PyPSA."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pypsa

from benchmarks.cases.multi_carrier import Case, Chp, Converter, Demand, Store, Trade, Weather


def optimum(case: Case) -> float:
    """The least cost of the case.

    Raises:
        RuntimeError: the solver did not end at an optimum.
    """
    network = pypsa.Network()
    network.set_snapshots(pd.date_range("2024-01-15", periods=case.steps, freq="h"))
    for name, carrier in case.buses.items():
        network.add("Bus", name, carrier=carrier)
    for part in case.parts:
        _add(network, part)
    with _quiet():
        network.optimize.create_model(include_objective_constant=False)
        for part in case.of(Chp):
            _polygon(network, part)
        status, condition = network.optimize.solve_model(solver_name="highs", log_to_console=False)
    if (status, condition) != ("ok", "optimal"):
        raise RuntimeError(f"PyPSA ended with {status}, {condition}")
    return float(network.objective)


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
