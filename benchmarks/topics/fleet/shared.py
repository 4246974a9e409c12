"""What fleets share: coordination held against one program, shares against the bill, work moved against its bound."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from benchmarks.rows import Measured, row
from benchmarks.topics.fleet.sites import fleet_sites, horizon
from dispatch.asset import Mode
from dispatch.fleet.coordination import Settings
from dispatch.fleet.shared.coordinated import Coordination
from dispatch.fleet.shared.files import load_fleet
from dispatch.fleet.shared.kinds.park import Park
from dispatch.fleet.shared.model import read_shared
from dispatch.fleet.shared.owners import CostShares, Game, by_prices, by_shapley, game
from dispatch.fleet.shared.plan import SharedPlan, plan_shared, prepared
from dispatch.fleet.shared.space import Moved, moved
from dispatch.fleet.shared.whole import whole
from dispatch.solver.highs import Limits

INPUTS = ("benchmarks/topics/fleet/shared.py", "benchmarks/topics/fleet/sites.py", "configs/fleets", "dispatch")
_SITES, _STEPS, _PEAK_KW, _KG = 48, 24, 2900.0, 9100.0
_TARIFF = {
    "name": "demand",
    "currency": "CNY",
    "components": [{"name": "peak", "basis": "demand", "price_per_kw_month": 1.5, "source": "invented"}],
}
_THINGS: dict[str, dict[str, Any]] = {
    "feeder's limit": {"kind": "power_limit", "import_kw": 0.85 * _PEAK_KW},
    "feeders' soft limits": {"kind": "power_limit", "by": "feeder", "import_kw": 0.11 * _PEAK_KW, "penalty_per_kwh": 1},
    "carbon budget": {"kind": "carbon_budget", "budget_kg": 0.9 * _KG},
    "joint demand meter": {
        "kind": "demand_meter",
        "connection": {
            "kind": "grid_connection",
            "name": "joint",
            "bus": "ac",
            "import_kw": 2 * _PEAK_KW,
            "export_kw": 2 * _PEAK_KW,
            "month_to_date_peak_kw": _PEAK_KW / 2,
            "tariff": _TARIFF,
        },
    },
    "award": {
        "kind": "award",
        "net_export_kw": -0.8 * _PEAK_KW,
        "short_price_per_kwh": 1.5,
        "long_price_per_kwh": 0.1,
    },
    "block": {
        "kind": "bid_block",
        "start": "2024-05-16T02:00+08:00",
        "end": "2024-05-16T04:00+08:00",
        "baseline_export_kw": -0.8 * _PEAK_KW,
        "price_per_kwh": 1.2,
        "most_kw": 100,
        "penalty_per_kwh": 2,
    },
}


@cache
def _apart(name: str) -> tuple[float, float]:
    """Optimum by one program and the bound of coordination's prices, of a fleet with one shared thing."""
    members = fleet_sites(_SITES, steps=_STEPS)
    thing = {"name": "x"} | _THINGS[name]
    shared = read_shared([thing], [m.name for m in members], [m.labels for m in members], "benchmark")
    fleet, made = prepared(members, shared, horizon(_STEPS), mode=Mode("convex"))
    one = whole(fleet, made.coupling, relaxed=True)
    found = Coordination(Settings(rounds=400), is_relaxed=True)(fleet, made.coupling, Limits(gap=1e-7))
    return one.objective, found.bound


def _against_one(name: str) -> float:
    one, bound = _apart(name)
    return abs(one - bound) / abs(one)


def _register() -> None:
    for name in _THINGS:

        def measure(name: str = name) -> float:
            return _against_one(name)

        row("fleet", name=f"{name}, {_SITES} sites x {_STEPS}: bound of coordination from the optimum of one program",
            unit="", bar="<= 1e-6", slow=True, inputs=INPUTS)(measure)  # fmt: skip


_register()


@cache
def _owners() -> tuple[SharedPlan, Game, CostShares, CostShares]:
    fleet = load_fleet("three_owners")
    limits = Limits(gap=fleet.file.gap)
    plan = plan_shared(fleet.members, fleet.shared, fleet.horizon, limits=limits)
    park = next(thing for thing in fleet.shared if isinstance(thing, Park))
    worth = game(fleet.members, fleet.shared, park, fleet.horizon, plan=plan, limits=limits)
    return plan, worth, by_prices(plan, park, worth), by_shapley(plan, park, worth)


@row("fleet", name="three owners: shares by prices and by Shapley less the whole cost, relative", unit="",
     bar="<= 1e-9", inputs=INPUTS)  # fmt: skip
def shares_add_up() -> float:
    plan, _, *rules = _owners()
    cost = plan.solution.objective
    return max(abs(float(one.total.sum()) - cost) / cost for one in rules)


@row("fleet", name="three owners: least that one saves against being alone, by prices", unit="CNY", bar=">= -0.01",
     inputs=INPUTS)  # fmt: skip
def nobody_worse_by_prices() -> float:
    return float(_owners()[2].saved.min())


@row("fleet", name="three owners: least that one saves against being alone, by Shapley", unit="CNY", bar=">= -0.01",
     inputs=INPUTS)  # fmt: skip
def nobody_worse_by_shapley() -> float:
    return float(_owners()[3].saved.min())


@row("fleet", name="three owners: most that a group saves by leaving, by prices (reference: by Shapley)", unit="CNY",
     bar="<= 0.01", inputs=INPUTS)  # fmt: skip
def core_by_prices() -> Measured:
    _, _, prices, values = _owners()
    return Measured(prices.leaving[1], values.leaving[1])


@cache
def _work() -> tuple[Moved, SharedPlan]:
    fleet = load_fleet("three_zones")
    limits = Limits(gap=fleet.file.gap)
    plan = plan_shared(fleet.members, fleet.shared, fleet.horizon, limits=limits)
    return moved(fleet.members, fleet.shared, plan, limits=limits), plan


@row("fleet", name="three zones: saved by moving work, of what each doing its own costs", unit="%", bar=">= 1",
     inputs=INPUTS)  # fmt: skip
def work_saves() -> float:
    found, _ = _work()
    return 100 * found.saved / found.cost_alone


@row("fleet", name="three zones: what is saved, from the most that could be", unit="", bar="<= 1e-5",
     inputs=INPUTS)  # fmt: skip
def work_gap() -> float:
    return _work()[0].gap


@row("fleet", name="three zones: work done less work that arrived", unit="kWh", bar="<= 1e-3", inputs=INPUTS)
def work_is_kept() -> float:
    plan = _work()[1]
    hours = plan.fleet.scope.horizon.hours
    short = 0.0
    for schedule in plan.schedules.values():
        series = schedule.kinds["data_centre"].series
        done = sum(float(v.sum(axis=0) @ hours) for name, v in series.items() if name.startswith("batch_"))
        arrived = sum(b.energy_kwh for m in schedule.kinds["data_centre"].rows.members for b in m.batches)
        short += abs(done - arrived)
    leaving = plan.solution.effects[:, plan.fleet.scope.entries["work_leaving_kw"]]
    return short + float(np.abs(leaving.sum(axis=0)).max())


@row("fleet", name="sites behind a joint meter less the merged park of the same plant, relative", unit="",
     bar="<= 1e-6", inputs=INPUTS)  # fmt: skip
def merged() -> float:
    """Four sites without bills of their own, battery, PV and load, a day of quarter-hours."""
    from dispatch.asset import Inputs
    from dispatch.problem import Problem
    from dispatch.site import Site
    from dispatch.solve import solve

    free = {"name": "free", "currency": "CNY", "components": []}
    members = []
    for one in fleet_sites(4, genset=False):
        raw = one.site.model_dump()
        for asset in raw["assets"]:
            if asset["kind"] == "grid_connection":
                asset["tariff"] = free
        members.append(replace(one, site=Site.model_validate(raw)))
    joint = {"kind": "grid_connection", "name": "joint", "bus": "ac", "import_kw": 3000, "export_kw": 3000}
    own = next(a for a in fleet_sites(1)[0].site.assets if a.kind == "grid_connection").model_dump()["tariff"]
    joint["tariff"] = own | {"components": [*own["components"], *_TARIFF["components"]]}
    thing = {"kind": "demand_meter", "name": "meter", "connection": joint}
    shared = read_shared([thing], [m.name for m in members], [m.labels for m in members], "benchmark")
    plan = plan_shared(members, shared, horizon(), limits=Limits(gap=1e-7))
    plant = [
        asset.model_dump() | {"name": f"{m.name}_{asset.name}"}
        for m in members
        for asset in m.site.assets
        if asset.kind != "grid_connection"
    ]
    site = Site.model_validate(members[0].site.model_dump() | {"name": "merged", "assets": [*plant, joint]})
    series = {(f"{m.name}_{a}", q): values for m in members for (a, q), values in m.series.items()}
    known = Inputs(horizon(), 1, site.known_series(horizon()) | series)
    one_park = solve(Problem(site, known), Limits(gap=1e-7)).proof.objective
    return abs(plan.solution.objective - one_park) / abs(one_park)
