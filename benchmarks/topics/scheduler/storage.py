"""Stores: published cases, and what must hold of any of them."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import stores
from benchmarks.rows import Measured, row
from dispatch.schedule import Schedule
from dispatch.stores.ageing import rainflow
from dispatch.stores.wear import DepthWear

PRODUCT = ("configs", "dispatch", "forecasting", "grid_models")
CASES = 40
TICK_H = 1 / 120
PUBLISHED_COSTS = (0.106, 0.326, 0.552, 0.781)
ASTM_HISTORY = (-2, 1, -3, 5, -1, 3, -4, 4, -2)
ASTM_COUNTS = {3.0: 0.5, 4.0: 1.5, 6.0: 0.5, 8.0: 1.0, 9.0: 0.5}


@row("scheduler", name="T17: distance from the published optimum", unit="money", bar="<= 0.001")
def relaxation_gap() -> Measured:
    """Three hours, two of them with a price that rewards burning: the plan must not."""
    case = stores.golden("T17_relaxation_gap")
    store = stores.battery("store", energy_kwh=1000, charge_kw=1000, discharge_kw=1000, start_fill=0.0)
    store |= {"charge_efficiency": 0.9, "discharge_efficiency": 0.9, "end_penalty_per_kwh": 0.0}
    site = stores.park(np.array(case["prices"]) / 1000, store)
    schedule = stores.proved(site, stores.inputs(site, stores.horizon(3), load=0.0))
    if schedule is None:
        raise RuntimeError("no plan that passes the audit")
    return Measured(abs(float(schedule.money[0]) - case["milp"]))


@row("scheduler", name="wear by depth: distance from the published costs", unit="CNY/kWh", bar="<= 0.0005")
def wear_costs() -> float:
    costs = DepthWear(replacement_cost_per_kwh=800, segments=4).costs_per_kwh(0.95)
    return float(np.abs(np.array(costs) - PUBLISHED_COSTS).max())


@row("scheduler", name="rainflow: counts that differ from ASTM E1049's example", unit="", bar="== 0")
def rainflow_counts() -> int:
    found: dict[float, float] = {}
    for cycle in rainflow(ASTM_HISTORY):
        found[cycle.depth] = found.get(cycle.depth, 0.0) + cycle.count
    return len({*found, *ASTM_COUNTS} - {d for d in ASTM_COUNTS if found.get(d) == ASTM_COUNTS[d]})


@row(
    "scheduler",
    name=f"stores stranded on an island: without a proved plan, of {2 * CASES}",
    unit="",
    bar="== 0",
    slow=True,
    inputs=PRODUCT,
)
def stranded() -> int:
    """Starts inside and outside the band, by the plan and by the rules."""
    cases = [stores.stranded(seed) for seed in range(CASES)]
    return sum(stores.proved(*case, rules=rules) is None for case in cases for rules in (False, True))


@row(
    "scheduler",
    name=f"negative prices: not proved, or both ways at once, of {CASES}",
    unit="",
    bar="== 0",
    slow=True,
    inputs=PRODUCT,
)
def burning() -> int:
    return sum(not _one_way(stores.proved(*stores.burning(seed))) for seed in range(CASES))


def _one_way(schedule: Schedule | None) -> bool:
    if schedule is None:
        return False
    series = schedule.kinds["battery"].series
    return float(np.minimum(series["charge_kw"], series["discharge_kw"]).max()) < 1e-3


@row(
    "scheduler",
    name=f"reserve of stores: calls not delivered, of {CASES * 24}",
    unit="",
    bar="== 0",
    slow=True,
    inputs=PRODUCT,
)
def undelivered() -> int:
    """A call in the middle of every hour of each plan, upwards and downwards, walked through by half-minutes."""
    missed = 0
    for seed in range(CASES):
        schedule = stores.proved(*stores.holding(seed))
        if schedule is None:
            missed += 24
            continue
        missed += sum(not _delivered(schedule, hour + 0.5, sign) for hour in range(12) for sign in (1, -1))
    return missed


def _delivered(schedule: Schedule, begin_h: float, sign: int) -> bool:
    solved, horizon = schedule.kinds["battery"], schedule.inputs.horizon
    store, lasting = solved.rows.members[0], solved.rows.reserve_h
    offer = sign * (solved.reserve_up_kw if sign > 0 else solved.reserve_down_kw)[0]
    net = (solved.series["discharge_kw"] - solved.series["charge_kw"])[0]
    content = store.start_fill * store.energy_kwh
    for tick in range(round(min(begin_h + lasting, horizon.edge_h[-1]) / TICK_H)):
        now = tick * TICK_H
        step = int(np.searchsorted(horizon.edge_h, now + 1e-9) - 1)
        power = net[step] + (offer[step] if now >= begin_h else 0.0)
        limit, rated = (
            (store.discharge_limit, store.discharge_kw) if power > 0 else (store.charge_limit, store.charge_kw)
        )
        share = np.interp(content / store.energy_kwh, [p.fill for p in limit], [p.share for p in limit])
        if abs(power) > rated * share + 0.5:
            return False
        content += TICK_H * (-power / store.discharge_efficiency if power > 0 else -power * store.charge_efficiency)
        if not -0.5 <= content <= store.energy_kwh + 0.5:
            return False
    return True
