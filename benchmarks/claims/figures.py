"""What one method came to on one day: energies, shares and money of what was executed, as plain sums.

Shares are kept as their numerators and denominators, so that the share of many days is that of their sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dispatch.accounts.matching import matched
from dispatch.accounts.products import products
from dispatch.assets.data_centre import DataCentre
from dispatch.loads.data_centre_work import missing_kwh
from dispatch.replay import Case
from dispatch.replay.ledger import ledger
from dispatch.replay.methods import Ran
from dispatch.replay.pieces import buses, schedule
from dispatch.replay.windows import store_values_of
from dispatch.schedule import Schedule
from dispatch.signals import Array

_GENERATED = ("wind", "pv")


def figures(case: Case, ran: Ran) -> dict[str, float]:
    """All figures of a day."""
    at = buses(case)
    whole = ran.method == "perfect"
    found = ledger(case, ran.piece, at, store_values_of(case), whole=whole)
    done = schedule(case, ran.piece, {}, at)
    day, hours, origin = found.days[0], case.span.hours, matched(case.site, done)
    energies: dict[str, Any] = {
        "available_kwh": _available_kw(case) @ hours,
        "generated_kwh": _generated_kw(case, done) @ hours,
        "exported_kwh": (_sum(done, "export_kw") + _sum(done, "sold_kw")) @ hours,
        "use_kwh": origin.use_kw @ hours,
        "direct_kwh": origin.direct_kw @ hours,
        "green_kwh": (origin.direct_kw + origin.contract_kw) @ hours,
        "cfe_kwh": (origin.direct_kw + origin.contract_kw + origin.grid_clean_kw) @ hours,
        "supply_kwh": done.per_step("supply_kw") @ hours,
        "unclean_kwh": done.per_step("unclean_kw") @ hours,
        "import_kwh": day.import_kwh,
        "unserved_kwh": day.shed_kwh + _undone_kwh(done),
    }
    money = {"cost": day.cost, "bill": day.bill, "penalty": day.penalty, "objective": day.objective}
    rest = {
        "demand": sum(float(values.sum()) for values in ran.piece.period_money.values()),
        "co2_kg": day.co2_kg,
        "peak_kw": day.peak_import_kw,
        "cycles": day.cycles,
        "violations": float(len(found.violations) + len(found.jumps)),
        "by_rules": float(found.rungs.get("rule_based", 0) + found.rungs.get("safe_state", 0)),
    }
    sums = {name: float(value) for name, value in energies.items()}
    return sums | money | rest | _products(case, done)


def _available_kw(case: Case) -> Array:
    """(T,) what wind and PV could have given."""
    own = [case.actual[name] for name, need in case.needs.items() if need.kind in _GENERATED]
    return np.sum(own, axis=0) if own else np.zeros(case.span.steps)


def _generated_kw(case: Case, done: Schedule) -> Array:
    """(T,) what they gave: fed into the park, or sold by a direct line of their own."""
    total = np.zeros(case.span.steps)
    for name, need in case.needs.items():
        if need.kind in _GENERATED:
            series = done.find(name).series
            total += sum(done.asset(name, one) for one in ("power_kw", "own_use_kw", "sold_kw") if one in series)
    return total


def _sum(done: Schedule, series: str) -> Array:
    """(T,) over all assets that have it."""
    total = np.zeros(done.inputs.horizon.steps)
    for solved in done.kinds.values():
        if series in solved.series:
            total += solved.series[series].sum(axis=0)
    return total


def _undone_kwh(done: Schedule) -> float:
    """Batch work that should have been done by the day's end and was not."""
    return sum(
        float(kwh.sum())
        for solved in done.kinds.values()
        if isinstance(solved.rows.members[0], DataCentre)
        for kwh in missing_kwh(solved.rows, done.inputs, solved.series)
    )


def _products(case: Case, done: Schedule) -> dict[str, float]:
    """kg made of each product, and the carbon that falls on it."""
    made = list(products(case.site, done))
    kg = {f"{one.product}_kg": one.kg for one in made}
    return kg | {f"{one.product}_co2_kg": one.kg * one.co2_kg_per_kg for one in made}
