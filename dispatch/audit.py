"""The independent proof of a schedule, in NumPy from fields and inputs, apart from what the optimiser is told.

Buses are those that the members' fields name, efficiencies and losses those that they state. What both sides read is
data: inputs of the solve, and curves of plant that a kind computes once (``known``, losses of converters, segments).

What it holds a schedule to: every number is one; every bus balances in every scenario and step, reserve covers what is
asked for, outages are survived as stated, groups and inverters keep their limits; every kind's own ``check`` of its
limits and ``account`` of its powers, money (the bill component by component), carbon and penalties; money and carbon
of all kinds, with what quota and certificates cost, adding up to the totals; no wish missed by more than stated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dispatch.accounts.carbon_check import carbon_money, carbon_violations
from dispatch.accounts.carbon_sums import Accounts
from dispatch.accounts.survival import outages
from dispatch.asset import Asset, Direction
from dispatch.part import Account, Violation, breaches, dated, mistakes
from dispatch.schedule import Schedule, Solved
from dispatch.signals import Array
from dispatch.terms.called import NO_ROOM, for_grid
from dispatch.terms.groups import EXPORT, IMPORT

_BALANCE_KW = 1e-3
_SUM = 1e-2
_SHARE = 1e-6
_LACKING_KWH = 1e-2


@dataclass(frozen=True)
class Audit:
    """Outcome of an audit: how many numbers were held against a limit, and which broke it.

    Attributes:
        violations: what is wrong with the schedule.
        relaxed: limits that the schedule passes because its rung of the ladder says that it may.
    """

    checked: int
    violations: tuple[Violation, ...]
    relaxed: tuple[Violation, ...] = ()

    @property
    def passed(self) -> bool:
        """No violation but of limits that the rung relaxes."""
        return not self.violations


def audit(schedule: Schedule) -> Audit:
    """Everything named in the module's docstring, on all scenarios."""
    accounts = {kind: (solved, _account(solved, schedule)) for kind, solved in schedule.kinds.items()}
    violations = [*_missing(schedule), *_balances(schedule, accounts), *_reserves(schedule), *_called(schedule)]
    violations += [*_sums(schedule), *_outages(schedule), *_groups(schedule), *_capabilities(schedule)]
    checked = 0
    for solved in schedule.kinds.values():
        violations += type(solved.rows.members[0]).check(solved.rows, schedule.inputs, solved.series)
        checked += sum(values.size for values in solved.series.values())
        own = accounts[solved.rows.members[0].kind]
        violations += [*_places(*own), *_accounts(*own, schedule), *_out_of_service(*own, schedule)]
    violations += carbon_violations(schedule, accounts)
    violations = [*dated(violations, schedule.inputs.horizon)]
    may_pass = schedule.proof.may_pass
    relaxed = tuple(v for v in violations if (v.asset, v.what) in may_pass)
    return Audit(checked, tuple(v for v in violations if (v.asset, v.what) not in may_pass), relaxed)


def _missing(schedule: Schedule) -> Iterator[Violation]:
    """Numbers that are none, in any series of any kind; no comparison elsewhere has to look for them."""
    for solved in schedule.kinds.values():
        for name, values in solved.series.items():
            for row, step in np.argwhere(~np.isfinite(values)):
                asset, what = solved.rows.names[row], f"{name} is not a number"
                yield Violation(asset, what, int(step), float(values[row, step]), 0.0, "-", "mistake", values.shape[1])


def _balances(schedule: Schedule, accounts: Accounts) -> Iterator[Violation]:
    """Every bus, with the powers that stand on it by the members' own fields."""
    horizon = schedule.inputs.horizon
    names = next(iter(schedule.kinds.values())).rows.buses
    left = np.zeros((schedule.scenarios * len(names), horizon.steps))
    scale = np.ones_like(left)
    for solved, account in accounts.values():
        for port, power in solved.power_kw.items():
            at = _stands(solved, account, port)
            np.add.at(left, at[at >= 0], power[at >= 0])
            np.add.at(scale, at[at >= 0], np.abs(power[at >= 0]))
    if schedule.loss_kw is not None and schedule.losses_at is not None:
        at = names.index(schedule.losses_at) + len(names) * np.arange(schedule.scenarios)
        left[at] -= schedule.loss_kw
    for row, step in np.argwhere(~(np.abs(left) <= _BALANCE_KW + 1e-7 * scale)):
        bus, short = f"bus {names[row % len(names)]}", float(left[row, step])
        yield Violation(bus, "does not balance", int(step), short, 0.0, "kW", among=horizon.steps)


def _stands(solved: Solved, account: Account, port: str) -> np.ndarray:
    """(row,) bus of a port among scenario-stacked buses, from the members' own fields; −1 where they name none."""
    rows, own_field = solved.rows, f"{port}_bus"
    usual = own_field if own_field in type(rows.members[0]).bus_fields else "bus"
    field = account.at.get(port, usual)
    named = [getattr(member, field, None) for member in rows.members] * rows.scenarios
    own = np.array([-1 if name is None else rows.buses.index(name) for name in named])
    return np.where(own < 0, -1, own + len(rows.buses) * rows.scenario)


def _places(solved: Solved, account: Account) -> Iterator[Violation]:
    """Ports whose bus is not the one that the members' fields name, and powers of ports that have none."""
    rows = solved.rows
    for port, power in solved.power_kw.items():
        at = _stands(solved, account, port)
        wrong = (at >= 0) & (solved.bus[port] != at)
        yield from mistakes(rows.names, f"{port} stands on another bus than its fields say", wrong[:, None], 0.0, "-")
        homeless = np.where(at[:, None] < 0, np.abs(power), 0.0)
        yield from mistakes(rows.names, f"power at {port}, which has no bus", homeless, 0.0, "kW", _BALANCE_KW)


def _out_of_service(solved: Solved, account: Account, schedule: Schedule) -> Iterator[Violation]:
    """Powers and reserve of members in steps in which they are out of service, by the hands of a clock."""
    rows, horizon = solved.rows, schedule.inputs.horizon
    starts, ends = (np.array([t.timestamp() for t in side]) for side in (horizon.local_start, horizon.local_end))
    for row, member in enumerate(rows.members * rows.scenarios):
        for span in member.out_of_service:
            first, last = span.seconds(horizon.time_zone)
            out = (ends > first) & (starts < last)
            for what, values in _given_and_taken(account, row):
                carried = np.where(out, np.abs(values), 0.0)[None, :]
                yield from breaches((member.name,), what, carried, 0.0, "kW", _BALANCE_KW)


def _given_and_taken(account: Account, row: int) -> Iterator[tuple[str, Array]]:
    for port, power in account.power_kw.items():
        yield f"power at {port} although it is out of service", power[row]
    for name in ("reserve_up_kw", "reserve_down_kw"):
        offered = getattr(account, name)
        if np.ndim(offered) == 2:
            yield f"{name} although it is out of service", offered[row]


def _reserves(schedule: Schedule) -> Iterator[Violation]:
    """Reserve offered covers reserve asked for, as the kinds state both; their accounts confirm that."""
    for direction in ("reserve_up_kw", "reserve_down_kw"):
        for scenario in range(schedule.scenarios):
            left = schedule.per_step(direction, scenario)
            yield from breaches(
                ("site",), f"{direction} asked for and not held", -left[None, :], 0.0, "kW", _BALANCE_KW
            )


def _called(schedule: Schedule) -> Iterator[Violation]:
    """All reserve that the grid may call at once, beside what goes over the connections, within their limits."""
    lines = [s for s in schedule.kinds.values() if type(s.rows.members[0]).is_network and "import_kw" in s.series]
    held: dict[Direction, str] = {"up": "reserve_up_kw", "down": "reserve_down_kw"}
    for direction, name in held.items():
        room, asked = np.zeros((2, schedule.scenarios, schedule.inputs.horizon.steps))
        for solved in lines:
            ways = ("export", "import") if direction == "up" else ("import", "export")
            most = solved.rows.series(schedule.inputs, f"{ways[0]}_limit_kw")
            free = most - solved.series[f"{ways[0]}_kw"] + solved.series[f"{ways[1]}_kw"]
            np.add.at(room, solved.rows.scenario, free)
        for solved in schedule.kinds.values():
            mine = np.tile(for_grid(solved.rows), solved.rows.scenarios)
            np.add.at(asked, solved.rows.scenario[mine], -getattr(solved, name)[mine])
        if lines:
            yield from breaches(("site",) * schedule.scenarios, NO_ROOM[direction], asked, np.maximum(room, 0), "kW")


def _outages(schedule: Schedule) -> Iterator[Violation]:
    """What would lack in an outage is no more than what the schedule says, from the kinds' own accounts."""
    for outage in outages(schedule):
        unsaid = outage.unserved_kwh - outage.stated_kwh
        what = "more would lack in an outage than stated"
        yield from mistakes((outage.asset,), what, unsaid[None, :], 0.0, "kWh", _LACKING_KWH)


def _groups(schedule: Schedule) -> Iterator[Violation]:
    """Assets that share a limit, added up from their own powers."""
    for one in schedule.groups:
        out = sum((schedule.power_kw(name, buses) for name, buses in one.buses.items()), np.zeros(1))
        names = (one.group.name,) * schedule.scenarios
        for what, flow, most in (
            (EXPORT, out, one.group.max_export_kw),
            (IMPORT, -out, one.group.max_import_kw),
        ):
            if most is not None:
                yield from breaches(names, what, flow, most, "kW")


def _capabilities(schedule: Schedule) -> Iterator[Violation]:
    """Inverters whose reactive power is chosen: the exact circle, and the least power factor."""
    for name, kvar in schedule.reactive_kvar.items():
        member = next(m for m in schedule.find(name).rows.members if m.name == name)
        power, asked = schedule.power_kw(name, (member.bus,)), member.reactive
        names = (name,) * schedule.scenarios
        apparent = np.sqrt(power**2 + kvar**2)
        yield from breaches(names, "apparent power above the inverter's rating", apparent, asked.rated_kva, "kVA")
        if asked.power_factor_min is not None:
            beside = apparent * np.sqrt(1 - asked.power_factor_min**2)
            yield from breaches(names, "power factor below its least", np.abs(kvar), beside, "kvar", 1e-3)


def _sums(schedule: Schedule) -> Iterator[Violation]:
    of_carbon = carbon_money(schedule)
    for scenario in range(schedule.scenarios):
        money, carbon = float(of_carbon[scenario]), 0.0
        for solved in schedule.kinds.values():
            mine = solved.rows.scenario == scenario
            money += float(solved.cost_step[mine].sum() + solved.cost_period[mine].sum())
            carbon += float(solved.co2_step_kg[mine].sum())
        for what, total, stated, unit in (
            ("money differs from its parts", money, schedule.money[scenario], "money"),
            ("carbon differs from its parts", carbon, schedule.co2_kg[scenario], "kg"),
        ):
            if not abs(total - stated) <= _SUM + _SHARE * abs(stated):
                yield Violation("site", what, scenario, total, float(stated), unit, "mistake")


def _account(solved: Solved, schedule: Schedule) -> Account:
    cls: type[Asset] = type(solved.rows.members[0])
    return cls.account(solved.rows, schedule.inputs, solved.series)


def _by_row(values: Array | float) -> Array | float:
    """(row,) sums of what an account states by the step."""
    return np.sum(values, axis=1) if np.ndim(values) == 2 else values


def _accounts(solved: Solved, account: Account, schedule: Schedule) -> Iterator[Violation]:
    """What the optimiser says a kind brings, costs and emits, against the kind's own account of its series."""
    rows = solved.rows
    zero = np.zeros((rows.count, schedule.inputs.horizon.steps))
    for port in dict.fromkeys([*solved.power_kw, *account.power_kw]):
        apart = np.abs(solved.power_kw.get(port, zero) - account.power_kw.get(port, zero))
        yield from mistakes(rows.names, f"power at {port} differs from its series", apart, _BALANCE_KW, "kW")
    for name in ("supply_kw", "unclean_kw", "reserve_up_kw", "reserve_down_kw"):
        apart = np.abs(getattr(solved, name) - getattr(account, name))
        yield from mistakes(rows.names, f"{name} differs from its series", apart, _BALANCE_KW, "kW")
    stated = {
        "money": (solved.cost_step.sum(axis=1) + solved.cost_period.sum(axis=1), account.money, "money"),
        "carbon": (solved.co2_step_kg.sum(axis=1), _by_row(account.co2_kg), "kg"),
        "penalty": (solved.penalty_step.sum(axis=1), account.penalty, "money"),
    }
    for name, (total, own, unit) in stated.items():
        counted = np.broadcast_to(own, total.shape)
        apart = np.abs(total - counted) / (1 + _SHARE / _SUM * np.abs(counted))
        yield from mistakes(rows.names, f"{name} differs from its series", apart[:, None], _SUM, unit, 0.0)
