"""The cases of :mod:`benchmarks.cases.multi_carrier` in oemof-solph."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
from oemof import solph
from pyomo.contrib.solver.common.results import TerminationCondition
from pyomo.contrib.solver.solvers.highs import Highs

from benchmarks.cases.multi_carrier import Case, Chp, Converter, Demand, Store, Trade, Weather
from benchmarks.cases.shared import Shared
from benchmarks.peers.interface import Answer, anew, silent, version_of


def name() -> str:
    return "oemof-solph"


def version() -> str:
    return version_of("oemof.solph")


def can(case: Shared) -> bool:
    return isinstance(case.data, Case)


def solve(case: Shared) -> Answer:
    """Its models take their numbers when they are built: the second solve builds anew."""
    with silent():
        return anew(case, _built, partial(_solved, gap=case.gap))


def optimum(case: Case) -> float:
    """The least cost of the case.

    Raises:
        RuntimeError: the solver did not end at an optimum.
    """
    return _solved(_built(case), 0.0)


def _built(case: Case) -> Any:
    index = pd.date_range("2024-01-15", periods=case.steps + 1, freq="h")
    system = solph.EnergySystem(timeindex=index, infer_last_interval=False)
    buses = {name: solph.buses.Bus(label=name) for name in case.buses}
    system.add(*buses.values(), *(node for part in case.parts for node in _nodes(part, buses)))
    return solph.Model(system)


def _solved(model: Any, gap: float) -> float:
    """Its own way to a solver writes a file for another program; the model is Pyomo's: Pyomo's way in memory serves."""
    found = Highs().solve(model, rel_gap=gap)
    if found.termination_condition != TerminationCondition.convergenceCriteriaSatisfied:
        raise RuntimeError(f"oemof-solph ended with {found.termination_condition}")
    return float(found.incumbent_objective)


def _nodes(part: Any, buses: dict[str, Any]) -> list[Any]:
    flow, component = solph.flows.Flow, solph.components
    if isinstance(part, Trade):
        bus = buses[part.bus]
        bought = flow(nominal_capacity=part.most_kw, variable_costs=list(part.buy))
        nodes = [component.Source(label=f"{part.name} in", outputs={bus: bought})]
        if part.sell is not None:
            sold = flow(nominal_capacity=part.most_kw, variable_costs=list(-part.sell))
            nodes.append(component.Sink(label=f"{part.name} out", inputs={bus: sold}))
        return nodes
    if isinstance(part, Demand):
        return [component.Sink(label=part.name, inputs={buses[part.bus]: flow(fix=list(part.kw), nominal_capacity=1)})]
    if isinstance(part, Weather):
        offered = flow(maximum=list(part.available_kw), nominal_capacity=1)
        return [component.Source(label=part.name, outputs={buses[part.bus]: offered})]
    if isinstance(part, Store):
        return [_store(part, buses[part.bus])]
    if isinstance(part, Converter):
        source, target = buses[part.source], buses[part.target]
        rated = flow(nominal_capacity=part.input_kw)
        gain = {target: list(part.gain)}
        return [
            component.Converter(
                label=part.name, inputs={source: rated}, outputs={target: flow()}, conversion_factors=gain
            )
        ]
    return [_chp(part, buses)]


def _store(part: Store, bus: Any) -> Any:
    flow = solph.flows.Flow
    return solph.components.GenericStorage(
        label=part.name,
        nominal_capacity=part.energy_kwh,
        inputs={bus: flow(nominal_capacity=part.power_kw)},
        outputs={bus: flow(nominal_capacity=part.power_kw, variable_costs=part.wear_per_kwh)},
        initial_storage_level=part.start_fill,
        min_storage_level=part.least_fill,
        balanced=True,
        loss_rate=part.loss_per_h,
        inflow_conversion_factor=part.efficiency,
        outflow_conversion_factor=part.efficiency,
    )


def _chp(part: Chp, buses: dict[str, Any]) -> Any:
    """Extraction turbine: heat takes c_v of the power that condensing would give; on its limit P = c_b Q."""
    flow = solph.flows.Flow
    heat = part.efficiency / (part.power_to_heat + part.power_loss)
    return solph.components.ExtractionTurbineCHP(
        label=part.name,
        inputs={buses[part.fuel]: flow(nominal_capacity=part.max_kw / part.efficiency)},
        outputs={buses[part.bus]: flow(), buses[part.heat]: flow()},
        conversion_factors={buses[part.bus]: part.power_to_heat * heat, buses[part.heat]: heat},
        conversion_factor_full_condensation={buses[part.bus]: part.efficiency},
    )
