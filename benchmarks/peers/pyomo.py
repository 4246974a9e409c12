"""Pyomo: one rule for each family of constraints, over sets of units, batteries and steps; and sites of one bus."""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo
from pyomo.contrib.solver.common.results import TerminationCondition
from pyomo.contrib.solver.solvers.highs import Highs

from benchmarks.cases import multi_carrier
from benchmarks.cases.layer import Case, coefficients, later_cuts
from benchmarks.cases.multi_carrier import Demand, Store, Trade, Weather
from benchmarks.cases.shared import Shared, on_one_bus
from benchmarks.peers.interface import Answer, Watch, silent, version_of


def name() -> str:
    return "Pyomo"


def version() -> str:
    return version_of("pyomo")


def can(case: Shared) -> bool:
    return on_one_bus(case.data) or (isinstance(case.data, Case) and not case.data.batteries.power_kw.size)


def solve(case: Shared) -> Answer:
    """On one bus the demand is a parameter of a model that the solver keeps; a fleet is stated anew."""
    keeps = isinstance(case.data, multi_carrier.Case)
    with silent():
        watch = Watch()
        model = _stated(case.data)
        build_s = watch.lap()
        solver = Highs()
        first = _optimum(solver, model, case.gap)
        solve_s = watch.lap()
        if isinstance(case.again, multi_carrier.Case):
            model.demand.store_values(dict(enumerate(_demand(case.again))))
        else:
            solver, model = Highs(), _stated(case.again)
        again = _optimum(solver, model, case.gap)
        again_s = watch.lap()
    how = f"HiGHS {version_of('highspy')}, gap {case.gap:g}"
    return Answer(first, build_s, solve_s, again_s, again, keeps=keeps, solver=how)


def _stated(case: object) -> Any:
    assert isinstance(case, Case | multi_carrier.Case)
    return build(case) if isinstance(case, Case) else site(case)


def _optimum(solver: Any, model: Any, gap: float) -> float:
    found = solver.solve(model, rel_gap=gap)
    if found.termination_condition != TerminationCondition.convergenceCriteriaSatisfied:
        raise RuntimeError(f"Pyomo's model ended with {found.termination_condition}")
    return float(found.incumbent_objective)


def _demand(case: multi_carrier.Case) -> list[float]:
    return [float(kw) for kw in sum(load.kw for load in case.of(Demand))]  # type: ignore[union-attr]


def site(case: multi_carrier.Case) -> Any:
    """Connections, loads, weather and stores on one bus."""
    model = pyo.ConcreteModel()
    model.step = pyo.RangeSet(0, case.steps - 1)
    model.demand = pyo.Param(model.step, initialize=dict(enumerate(_demand(case))), mutable=True)
    supply: list[Any] = []  # of functions of the step
    cost: list[Any] = []
    for grid in case.of(Trade):
        for way, prices, sign in (("in", grid.buy, 1), ("out", grid.sell, -1)):
            if prices is not None:
                flow = pyo.Var(model.step, bounds=(0, grid.most_kw))
                model.add_component(f"{grid.name}_{way}", flow)
                supply.append((flow, sign))
                cost.append((flow, [sign * float(price) for price in prices]))
    for plant in case.of(Weather):
        most = plant.available_kw.tolist()
        used = pyo.Var(model.step, bounds=lambda _, t, most=most: (0, most[t]))
        model.add_component(plant.name, used)
        supply.append((used, 1))
    for store in case.of(Store):
        charge, discharge = _store(model, store)
        supply += [(discharge, 1), (charge, -1)]
        cost.append((discharge, [store.wear_per_kwh] * case.steps))
    model.balance = pyo.Constraint(
        model.step, rule=lambda m, t: sum(sign * flow[t] for flow, sign in supply) == m.demand[t]
    )
    model.cost = pyo.Objective(rule=lambda m: sum(price[t] * flow[t] for flow, price in cost for t in m.step))
    return model


def _store(model: Any, store: Store) -> tuple[Any, Any]:
    """It ends no emptier than it started."""
    charge, discharge = (pyo.Var(model.step, bounds=(0, store.power_kw)) for _ in range(2))
    least, start, last = store.least_fill * store.energy_kwh, store.start_fill * store.energy_kwh, model.step.last()
    stored = pyo.Var(model.step, bounds=lambda _, t: (max(least, start) if t == last else least, store.energy_kwh))

    def stock(_: Any, t: int) -> Any:
        before = (1 - store.loss_per_h) * (stored[t - 1] if t else start)
        return stored[t] == before + store.efficiency * charge[t] - discharge[t] / store.efficiency

    for what, component in (("in", charge), ("out", discharge), ("stored", stored)):
        model.add_component(f"{store.name}_{what}", component)
    model.add_component(f"{store.name}_stock", pyo.Constraint(model.step, rule=stock))
    return charge, discharge


def build(case: Case, *, relaxed: bool = False) -> Any:
    """The whole model; ``relaxed`` leaves the integers out."""
    model = pyo.ConcreteModel()
    model.unit = pyo.RangeSet(0, case.fleet.maximum_kw.size - 1)
    model.battery = pyo.RangeSet(0, case.batteries.power_kw.size - 1)
    model.step = pyo.RangeSet(0, case.steps - 1)
    c = {name: values.tolist() for name, values in coefficients(case.fleet).items()}
    _units(model, c, relaxed)
    _output(model, c, [cut.tolist() for cut in later_cuts(case.fleet)])
    _batteries(model, case)
    _balance(model, case, c)
    return model


def to_solver(model: Any) -> Any:
    """A HiGHS object that holds the model, made by the persistent interface (the older one, appsi, is no faster)."""
    solver = Highs()
    solver.set_instance(model)
    return solver._solver_model


def _units(model: Any, c: dict[str, list[float]], relaxed: bool) -> None:
    def bounds(_: Any, g: int, t: int) -> tuple[int, int]:
        return int(t < c["tied_steps"][g]), 1 - int(t < c["barred_steps"][g])

    model.on = pyo.Var(model.unit, model.step, domain=pyo.Reals if relaxed else pyo.Integers, bounds=bounds)
    model.start = pyo.Var(model.unit, model.step, bounds=(0, 1))
    model.stop = pyo.Var(model.unit, model.step, bounds=(0, 1))
    model.above = pyo.Var(model.unit, model.step, bounds=(0, None))

    def logic(m: Any, g: int, t: int) -> Any:
        before = m.on[g, t - 1] if t else c["was_on"][g]
        return m.on[g, t] - before == m.start[g, t] - m.stop[g, t]

    def up(m: Any, g: int, t: int) -> Any:
        return sum(m.start[g, i] for i in range(max(0, t - int(c["up_steps"][g]) + 1), t + 1)) <= m.on[g, t]

    def down(m: Any, g: int, t: int) -> Any:
        return sum(m.stop[g, i] for i in range(max(0, t - int(c["down_steps"][g]) + 1), t + 1)) <= 1 - m.on[g, t]

    model.logic = pyo.Constraint(model.unit, model.step, rule=logic)
    model.up = pyo.Constraint(model.unit, model.step, rule=up)
    model.down = pyo.Constraint(model.unit, model.step, rule=down)


def _output(model: Any, c: dict[str, list[float]], later: list[list[float]]) -> None:
    last = model.step.last()
    short = [g for g in model.unit if c["up_steps"][g] <= 1]
    lasting = [g for g in model.unit if c["up_steps"][g] > 2] if later else []

    def limit(m: Any, g: int, t: int) -> Any:
        after = c["stop_cut"][g] * m.stop[g, t + 1] if t < last else 0
        begun = sum(cut[g] * m.start[g, t - lag] for lag, cut in enumerate(later, 1) if lag <= t and cut[g])
        return m.above[g, t] <= c["range"][g] * m.on[g, t] - c["cut"][g] * m.start[g, t] - after - begun

    def limit_before_stop(m: Any, g: int, t: int) -> Any:
        after = c["stop_cut"][g] * m.stop[g, t + 1] if t < last else 0
        ahead = [(cut[g], t + 1 + lag) for lag, cut in enumerate(later, 1) if t + 1 + lag <= last and cut[g]]
        ending = sum(cut * m.stop[g, step] for cut, step in ahead)
        return m.above[g, t] <= c["range"][g] * m.on[g, t] - c["cut"][g] * m.start[g, t] - after - ending

    def limit_short(m: Any, g: int, t: int) -> Any:
        after = c["cut"][g] * m.stop[g, t + 1] if t < last else 0
        return m.above[g, t] <= c["range"][g] * m.on[g, t] - after

    def rise(m: Any, g: int, t: int) -> Any:
        before = m.above[g, t - 1] if t else 0
        return m.above[g, t] - before <= c["ramp_at_change"][g] * m.start[g, t] + c["ramp"][g] * m.on[g, t]

    def fall(m: Any, g: int, t: int) -> Any:
        before, on_before = (m.above[g, t - 1], m.on[g, t - 1]) if t else (0, c["was_on"][g])
        return before - m.above[g, t] <= c["ramp_at_change"][g] * m.stop[g, t] + c["ramp"][g] * on_before

    model.limit = pyo.Constraint(model.unit, model.step, rule=limit)
    model.limit_before_stop = pyo.Constraint(lasting, model.step, rule=limit_before_stop)
    model.limit_short = pyo.Constraint(short, model.step, rule=limit_short)
    model.rise = pyo.Constraint(model.unit, model.step, rule=rise)
    model.fall = pyo.Constraint(model.unit, model.step, rule=fall)


def _batteries(model: Any, case: Case) -> None:
    stores = case.batteries
    least, most, start = stores.least_kwh.tolist(), stores.most_kwh.tolist(), stores.start_kwh.tolist()
    power, efficiency = stores.power_kw.tolist(), stores.efficiency.tolist()
    model.charge = pyo.Var(model.battery, model.step, bounds=(0, None))
    model.discharge = pyo.Var(model.battery, model.step, bounds=(0, None))
    model.stored = pyo.Var(model.battery, model.step, bounds=lambda _, b, __: (least[b], most[b]))
    model.switch = pyo.Var(model.battery, model.step, bounds=(0, 1))
    model.short = pyo.Var(model.battery, bounds=(0, None))

    def stock(m: Any, b: int, t: int) -> Any:
        before = m.stored[b, t - 1] if t else start[b]
        return m.stored[b, t] == before + efficiency[b] * m.charge[b, t] - m.discharge[b, t] / efficiency[b]

    model.stock = pyo.Constraint(model.battery, model.step, rule=stock)
    model.charging = pyo.Constraint(
        model.battery, model.step, rule=lambda m, b, t: m.charge[b, t] <= power[b] * m.switch[b, t]
    )
    model.discharging = pyo.Constraint(
        model.battery, model.step, rule=lambda m, b, t: m.discharge[b, t] <= power[b] * (1 - m.switch[b, t])
    )
    last = model.step.last()
    model.end = pyo.Constraint(model.battery, rule=lambda m, b: m.short[b] >= start[b] - m.stored[b, last])


def _balance(model: Any, case: Case, c: dict[str, list[float]]) -> None:
    demand, wear = case.fleet.demand_kw.tolist(), case.batteries.wear_cost_per_kwh.tolist()
    model.shed = pyo.Var(model.step, bounds=lambda _, t: (0, demand[t]))

    def balance(m: Any, t: int) -> Any:
        units = sum(c["minimum"][g] * m.on[g, t] + m.above[g, t] for g in m.unit)
        return units + sum(m.discharge[b, t] - m.charge[b, t] for b in m.battery) + m.shed[t] == demand[t]

    def cost(m: Any) -> Any:
        units = sum(
            c["cost"][g] * m.above[g, t] + c["cost_at_minimum"][g] * m.on[g, t] + c["start_cost"][g] * m.start[g, t]
            for g in m.unit
            for t in m.step
        )
        stores = sum(wear[b] * m.discharge[b, t] for b in m.battery for t in m.step)
        end = case.batteries.end_penalty_per_kwh * sum(m.short[b] for b in m.battery)
        return units + stores + end + case.lost_load_per_kwh * sum(m.shed[t] for t in m.step)

    model.balance = pyo.Constraint(model.step, rule=balance)
    model.cost = pyo.Objective(rule=cost)
