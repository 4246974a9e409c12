"""linopy: labelled arrays over (unit, step), no Python loop over units or steps; and sites of one bus.

Minimum times are rolling sums, one for each length that occurs, as PyPSA writes them unit by unit. ``gathered`` picks
the variables of all windows by hand instead: below linopy's operators, and faster.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from linopy import LinearExpression, Model, options
from linopy.solvers import Highs

from benchmarks.cases import multi_carrier
from benchmarks.cases.layer import Case, coefficients, later_cuts
from benchmarks.cases.multi_carrier import Demand, Store, Trade, Weather
from benchmarks.cases.shared import Shared, on_one_bus
from benchmarks.peers.interface import Answer, Watch, silent, version_of

Arrays = dict[str, Any]


@contextlib.contextmanager
def _arithmetic() -> Iterator[None]:
    """What is absent after a shift says what it stands for, by ``fillna(0)``; linopy calls that v1.

    The setting is the process's, and under it PyPSA 1.2 states another model without a word: it is set back.
    """
    before = options["semantics"]
    options["semantics"] = "v1"
    try:
        yield
    finally:
        options["semantics"] = before


def name() -> str:
    return "linopy"


def version() -> str:
    return version_of("linopy")


def can(case: Shared) -> bool:
    return on_one_bus(case.data)


@_arithmetic()
def solve(case: Shared) -> Answer:
    """The second demand goes into the model that the solver holds, as linopy passes on what has changed."""
    assert isinstance(case.data, multi_carrier.Case)
    assert isinstance(case.again, multi_carrier.Case)
    with silent():
        watch = Watch()
        model = site(case.data)
        build_s = watch.lap()
        solver = held(model)
        first = _optimum(solver, case.gap)
        solve_s = watch.lap()
        model.constraints["balance"].update(rhs=_over("step", _demand(case.again)))
        solver.update(model)
        again = _optimum(solver, case.gap)
        again_s = watch.lap()
    how = f"HiGHS {version_of('highspy')}, gap {case.gap:g}"
    return Answer(first, build_s, solve_s, again_s, again, keeps=True, solver=how)


def _optimum(solver: Any, gap: float) -> float:
    """What the held solver finds."""
    highs = solver.solver_model
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("mip_rel_gap", gap)
    highs.run()
    status = highs.modelStatusToString(highs.getModelStatus())
    if status != "Optimal":
        raise RuntimeError(f"linopy's model ended {status}")
    return float(highs.getInfo().objective_function_value)


def _demand(case: multi_carrier.Case) -> np.ndarray:
    return np.asarray(sum(load.kw for load in case.of(Demand)))


@_arithmetic()
def site(case: multi_carrier.Case) -> Any:
    """Connections, loads, weather and stores on one bus."""
    model = Model()
    step = np.arange(case.steps)
    supply, cost = 0, 0
    for grid in case.of(Trade):
        most = _over("step", np.full(case.steps, grid.most_kw))
        bought = model.add_variables(lower=0 * most, upper=most, name=f"{grid.name}_in")
        supply, cost = supply + bought, cost + (_over("step", grid.buy) * bought).sum()
        if grid.sell is not None:
            sold = model.add_variables(lower=0 * most, upper=most, name=f"{grid.name}_out")
            supply, cost = supply - sold, cost - (_over("step", grid.sell) * sold).sum()
    for plant in case.of(Weather):
        most = _over("step", plant.available_kw)
        supply = supply + model.add_variables(lower=0 * most, upper=most, name=plant.name)
    for store in case.of(Store):
        charge, discharge = _store(model, store, step)
        supply, cost = supply + discharge - charge, cost + (store.wear_per_kwh * discharge).sum()
    model.add_constraints(supply == _over("step", _demand(case)), name="balance")
    model.add_objective(cost)
    return model


def _store(model: Any, store: Store, step: np.ndarray) -> tuple[Any, Any]:
    """It ends no emptier than it started."""
    most = _over("step", np.full(step.size, store.power_kw))
    charge, discharge = (
        model.add_variables(lower=0 * most, upper=most, name=f"{store.name}_{way}") for way in ("in", "out")
    )
    least = np.full(step.size, store.least_fill * store.energy_kwh)
    start = store.start_fill * store.energy_kwh
    least[-1] = max(least[-1], start)
    full = _over("step", np.full(step.size, store.energy_kwh))
    stored = model.add_variables(lower=_over("step", least), upper=full, name=f"{store.name}_stored")
    kept = 1 - store.loss_per_h
    change = stored - kept * stored.shift(step=1).fillna(0)
    change = change - store.efficiency * charge + (1 / store.efficiency) * discharge
    model.add_constraints(change == _over("step", np.where(step == 0, kept * start, 0.0)), name=f"{store.name}_stock")
    return charge, discharge


@_arithmetic()
def build(case: Case, *, relaxed: bool = False, gathered: bool = False) -> Any:
    """The whole model; ``relaxed`` leaves the integers out, ``gathered`` says how windows are summed."""
    model = Model()
    step = np.arange(case.steps)
    c = {name: _over("unit", values) for name, values in coefficients(case.fleet).items()}
    unit = _units(model, c, step, relaxed)
    for change, steps, room in (
        ("start", c["up_steps"], 1 * unit["on"]),
        ("stop", c["down_steps"], 1 - unit["on"]),
    ):
        (_gathered if gathered else _rolling)(model, unit[change], steps, room)
    _output(model, unit, c, [_over("unit", cut) for cut in later_cuts(case.fleet)])
    store = _batteries(model, case, step)
    demand = _over("step", case.fleet.demand_kw)
    shed = model.add_variables(lower=0, upper=demand, name="shed")
    supply = (c["minimum"] * unit["on"] + unit["above"]).sum("unit") + (store["out"] - store["in"]).sum("battery")
    model.add_constraints(supply + shed == demand, name="balance")
    cost = c["cost"] * unit["above"] + c["cost_at_minimum"] * unit["on"] + c["start_cost"] * unit["start"]
    model.add_objective(cost.sum() + store["cost"] + case.lost_load_per_kwh * shed.sum())
    return model


@_arithmetic()
def to_solver(model: Any) -> Any:
    """A HiGHS object that holds the model, by the direct interface; names are left out."""
    return Highs.from_model(model, io_api="direct", set_names=False).solver_model


@_arithmetic()
def held(model: Any) -> Any:
    """linopy's own solver object, which afterwards takes over what has changed in the model."""
    return Highs.from_model(model, io_api="direct", set_names=False, track_updates=True)


@_arithmetic()
def demand_in_place(model: Any, solver: Any, demand_kw: np.ndarray) -> None:
    """New demand into a model that the solver holds."""
    demand = _over("step", demand_kw)
    model.constraints["balance"].update(rhs=demand)
    model.variables["shed"].update(upper=demand)
    solver.update(model)


def _over(dimension: str, values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(values, coords={dimension: np.arange(values.size)}, dims=dimension)


def _units(model: Any, c: Arrays, step: np.ndarray, relaxed: bool) -> Arrays:
    now = _over("step", step)
    tied, barred = 1.0 * (now < c["tied_steps"]), 1.0 * (now < c["barred_steps"])
    shape = xr.zeros_like(tied).transpose("unit", "step")
    on = model.add_variables(lower=shape + tied, upper=shape + 1 - barred, integer=not relaxed, name="on")
    start, stop = (model.add_variables(lower=shape, upper=shape + 1, name=name) for name in ("start", "stop"))
    above = model.add_variables(lower=shape, name="above")
    before = c["was_on"].where(now == 0, 0)
    model.add_constraints(on - on.shift(step=1).fillna(0) - start + stop == before, name="logic")
    return {"on": on, "start": start, "stop": stop, "above": above, "before": before}


def _rolling(model: Any, change: Any, length: xr.DataArray, room: Any) -> None:
    for steps in np.unique(length):
        chosen = length.indexes["unit"][length.values == steps]
        within = change.sel(unit=chosen).rolling(step=int(steps)).sum()
        model.add_constraints(within - room.sel(unit=chosen) <= 0, name=f"{change.name}_{steps:.0f}")


def _gathered(model: Any, change: Any, length: xr.DataArray, room: Any) -> None:
    longest = int(length.max())
    labels = change.labels.rolling(step=longest).construct("_term", fill_value=-1)
    back = xr.DataArray(longest - 1 - np.arange(longest), dims="_term")
    chosen = labels.where(back < length, -1).transpose("unit", "step", "_term")
    terms = xr.Dataset({"vars": chosen, "coeffs": xr.ones_like(chosen, dtype=float)})
    model.add_constraints(LinearExpression(terms, model) - room <= 0, name=f"{change.name}_windows")


def _output(model: Any, unit: Arrays, c: Arrays, later: list[xr.DataArray]) -> None:
    on, start, stop, above, before = (unit[name] for name in ("on", "start", "stop", "above", "before"))
    stop_next, above_last = stop.shift(step=-1).fillna(0), above.shift(step=1).fillna(0)
    room = c["range"] * on - above
    begun = sum(cut * start.shift(step=lag).fillna(0) for lag, cut in enumerate(later, 1))
    model.add_constraints(room - c["cut"] * start - c["stop_cut"] * stop_next - begun >= 0, name="limit")
    lasting = c["up_steps"].indexes["unit"][c["up_steps"].values > 2]
    ending = sum(cut * stop_next.shift(step=-lag).fillna(0) for lag, cut in enumerate(later, 1))
    if lasting.size and later:
        free = room - c["cut"] * start - c["stop_cut"] * stop_next - ending
        model.add_constraints(free.sel(unit=lasting) >= 0, name="limit_before_stop")
    short = c["up_steps"].indexes["unit"][c["up_steps"].values <= 1]
    if short.size:
        limit = room.sel(unit=short) - c["cut"].sel(unit=short) * stop_next.sel(unit=short)
        model.add_constraints(limit >= 0, name="limit_short")
    rise = above - above_last - c["ramp_at_change"] * start - c["ramp"] * on
    fall = above_last - above - c["ramp_at_change"] * stop - c["ramp"] * on.shift(step=1).fillna(0)
    model.add_constraints(rise <= 0, name="ramp_up")
    model.add_constraints(fall <= c["ramp"] * before, name="ramp_down")


def _batteries(model: Any, case: Case, step: np.ndarray) -> Arrays:
    stores = case.batteries
    power, efficiency, wear = (
        _over("battery", values) for values in (stores.power_kw, stores.efficiency, stores.wear_cost_per_kwh)
    )
    now = _over("step", step)
    shape = xr.zeros_like(power * now)
    least, most = (shape + _over("battery", values) for values in (stores.least_kwh, stores.most_kwh))
    charge, discharge = (model.add_variables(lower=shape, name=name) for name in ("charge", "discharge"))
    stored = model.add_variables(lower=least, upper=most, name="stored")
    switch = model.add_variables(lower=shape, upper=shape + 1, name="switch")
    wanted = _over("battery", stores.start_kwh)
    short = model.add_variables(lower=xr.zeros_like(wanted), name="short")
    change = stored - stored.shift(step=1).fillna(0) - efficiency * charge + (1 / efficiency) * discharge
    model.add_constraints(change == wanted.where(now == 0, 0), name="stock")
    model.add_constraints(charge - power * switch <= 0, name="charge_limit")
    model.add_constraints(discharge + power * switch <= power, name="discharge_limit")
    model.add_constraints(short + stored.isel(step=-1) >= wanted, name="end")
    cost = (wear * discharge).sum() + stores.end_penalty_per_kwh * short.sum()
    return {"in": charge, "out": discharge, "cost": cost}
