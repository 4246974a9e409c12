"""The independent proof of a schedule, in NumPy from fields and inputs; it shares no formula with the optimiser.

What it holds a schedule to: every number is one; every bus balances in every scenario and step; every kind's own
``check``; the bill recomputed from the tariff's components one by one; carbon of imports; money and carbon of all kinds
adding up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from dispatch.asset import Violation
from dispatch.assets.grid_connection import GridConnection
from dispatch.schedule import Schedule, Solved
from dispatch.signals import Array, Horizon
from dispatch.tariff import Component

_BALANCE_KW = 1e-3
_MONEY = 1e-2
_CARBON_KG = 1e-2


@dataclass(frozen=True)
class Audit:
    """Outcome of an audit: how many numbers were held against a limit, and which broke it."""

    checked: int
    violations: tuple[Violation, ...]

    @property
    def passed(self) -> bool:
        """No violation."""
        return not self.violations


def audit(schedule: Schedule) -> Audit:
    """Everything named in the module's docstring, on all scenarios."""
    violations = [*_missing(schedule), *_balances(schedule), *_sums(schedule)]
    checked = 0
    for solved in schedule.kinds.values():
        violations += type(solved.rows.members[0]).check(solved.rows, schedule.inputs, solved.series)
        checked += sum(values.size for values in solved.series.values())
        if type(solved.rows.members[0]) is GridConnection:
            violations += list(_bills(solved, schedule))
    return Audit(checked, tuple(violations))


def _missing(schedule: Schedule) -> Iterator[Violation]:
    """Numbers that are none, in any series of any kind; no comparison elsewhere has to look for them."""
    for solved in schedule.kinds.values():
        for name, values in solved.series.items():
            for row, step in np.argwhere(~np.isfinite(values)):
                asset = solved.rows.names[row]
                yield Violation(asset, f"{name} is not a number", int(step), float(values[row, step]), 0.0, "-")


def _balances(schedule: Schedule) -> Iterator[Violation]:
    horizon = schedule.inputs.horizon
    names = next(iter(schedule.kinds.values())).rows.buses
    left = np.zeros((schedule.scenarios * len(names), horizon.steps))
    scale = np.ones_like(left)
    for solved in schedule.kinds.values():
        for port, power in solved.power_kw.items():
            np.add.at(left, solved.bus[port], power)
            np.add.at(scale, solved.bus[port], np.abs(power))
    for row, step in np.argwhere(~(np.abs(left) <= _BALANCE_KW + 1e-7 * scale)):
        yield Violation(
            f"bus {names[row % len(names)]}", "does not balance", int(step), float(left[row, step]), 0.0, "kW"
        )


def _sums(schedule: Schedule) -> Iterator[Violation]:
    for scenario in range(schedule.scenarios):
        money, carbon = 0.0, 0.0
        for solved in schedule.kinds.values():
            mine = solved.rows.scenario == scenario
            money += float(solved.cost_step[mine].sum() + solved.cost_period[mine].sum())
            carbon += float(solved.co2_step_kg[mine].sum())
        for what, total, stated, unit in (
            ("money differs from its parts", money, schedule.money[scenario], "money"),
            ("carbon differs from its parts", carbon, schedule.co2_kg[scenario], "kg"),
        ):
            if not abs(total - stated) <= _MONEY + 1e-6 * abs(stated):
                yield Violation("site", what, scenario, total, float(stated), unit)


def _bills(solved: Solved, schedule: Schedule) -> Iterator[Violation]:
    """Each connection's bill and carbon, component by component and step by step."""
    horizon = schedule.inputs.horizon
    for row, name in enumerate(solved.rows.names):
        member = next(m for m in solved.rows.members if m.name == name)
        imported, exported = solved.series["import_kw"][row], solved.series["export_kw"][row]
        stated = float(solved.cost_step[row].sum() + solved.cost_period[row].sum())
        state = schedule.inputs.state.get(name, {})
        bill = sum(_charge(c, member, state, imported, exported, horizon) for c in member.tariff.components)
        if not abs(bill - stated) <= _MONEY + 1e-6 * abs(bill):
            yield Violation(name, "bill differs from the tariff", 0, stated, bill, "money")
        intensity = np.atleast_2d(schedule.inputs.series[name, "carbon_intensity_kg_per_kwh"])
        factor = intensity[min(int(solved.rows.scenario[row]), len(intensity) - 1)]
        carbon, counted = float(imported * factor @ horizon.hours), float(solved.co2_step_kg[row].sum())
        if not abs(carbon - counted) <= _CARBON_KG + 1e-6 * abs(carbon):
            yield Violation(name, "carbon differs from that of its imports", 0, counted, carbon, "kg")


def _charge(component: Component, member: Any, state: Any, imported: Array, exported: Array, horizon: Horizon) -> float:
    holidays = frozenset(member.tariff.holidays)
    first, last = component.valid_from or date.min, component.valid_to or date.max
    applies = [first <= t.date() <= last and component.calendar.covers(t, holidays) for t in horizon.local_start]
    if component.basis == "energy":
        power, sign = (imported, 1.0) if component.direction == "import" else (exported, -1.0)
        energy = sum(p * h for p, h, a in zip(power, horizon.hours, applies, strict=True) if a)
        return sign * float(energy) * (component.price_per_kwh or 0.0)
    charge = 0.0
    for month in sorted(set(horizon.month)):
        seen = [p for p, m, a in zip(imported, horizon.month, applies, strict=True) if a and m == month]
        to_date = state.get("month_to_date_peak_kw", member.month_to_date_peak_kw)
        paid = max(member.expected_peak_kw, to_date if month == horizon.month[0] else 0.0)
        charge += max(max(seen, default=0.0) - paid, 0.0) * (component.price_per_kw_month or 0.0)
    return charge
