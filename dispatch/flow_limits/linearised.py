"""A plan's traced carbon as rows around it: slopes of units, laid on the levers of the problem that they come from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from dispatch.carbon.operation import Operation
from dispatch.carbon.slopes import Efficiency, Slopes, Ways
from dispatch.carbon_wanted.flow_limits import FlowLimitWish
from dispatch.emissions.flow_limits import EMITTED, HELD, PAIRS, FlowRow, Lever
from dispatch.problem import Problem
from dispatch.schedule import Schedule, Solved
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.stores.stock import Storage

_SAME_KW = 1e-3


def levers(schedule: Schedule) -> dict[Lever, Array]:
    """(row, step) present values of all levers."""
    out: dict[Lever, Array] = {}
    for kind, solved in schedule.kinds.items():
        out |= {(kind, port): np.asarray(power) for port, power in solved.power_kw.items()}
        out[kind, EMITTED] = solved.co2_step_kg
        out |= {(kind, name): solved.series[name] for name in _series(solved)}
    return out


def linearised(
    site: Site,
    schedule: Schedule,
    wishes: Sequence[FlowLimitWish],
    may_give: Collection[Lever],
    operations: Sequence[Operation],
) -> dict[str, FlowRow]:
    """By wish, its row around a plan; the constants are still to be set, so that rows meet the traced account.

    Args:
        may_give: ports that could give power, by kind.
        operations: by scenario, what ran.
    """
    horizon, scenarios = schedule.inputs.horizon, schedule.scenarios
    found = {}
    for wish in wishes:
        windows = site.windows(horizon, wish.over)
        slope = {lever: np.zeros((len(windows), *values.shape)) for lever, values in levers(schedule).items()}
        for scenario, operation in enumerate(operations):
            slopes = Slopes(operation, wish.meter, windows, wish.kg_per_kwh_max or 0.0)
            _lay(schedule, scenario, operation, (slopes, may_give), slope)
        found[wish.text] = FlowRow(slope, np.zeros((scenarios, len(windows))))
    return found


def _lay(
    schedule: Schedule,
    scenario: int,
    operation: Operation,
    known: tuple[Slopes, Collection[Lever]],
    slope: Mapping[Lever, Array],
) -> None:
    """Slopes of one scenario's units onto the levers of their rows."""
    units = {unit.name: unit for unit in operation.units}
    for kind, solved in schedule.kinds.items():
        for row in np.flatnonzero(solved.rows.scenario == scenario):
            member = solved.rows.members[row % len(solved.rows.members)]
            if member.name not in units:
                continue
            efficiency = _efficiency(member, solved, int(row))
            slopes, may_give = known
            ways = slopes.of(units[member.name], efficiency, [p for p in solved.power_kw if (kind, p) in may_give])
            for name, value in _on_row(solved, int(row), ways).items():
                slope[kind, name][:, row] += value


def _on_row(solved: Solved, row: int, ways: Ways) -> dict[str, Array]:
    """By lever of a row, (W, T)."""
    out = {EMITTED: ways.emitted}
    pair = _pair(solved, row)
    for port, power in solved.power_kw.items():
        if port not in ways.gives:
            continue
        gives, takes = ways.gives[port], ways.takes[port]
        if pair is None:
            out[port] = np.where(power[row] >= 0, gives, -takes)
        else:
            out[pair[0]], out[pair[1]] = gives, takes
    if ways.held is not None and HELD in solved.series:
        # What a step leaves is what the next begins with; after the last nothing is asked.
        out[HELD] = np.concatenate([ways.held[:, 1:], np.zeros((len(ways.held), 1))], axis=1)
    return out


def _series(solved: Solved) -> list[str]:
    """Names of series that are levers."""
    pairs = [name for pair in PAIRS if set(pair) <= solved.series.keys() for name in pair]
    return [*(pairs if len(solved.power_kw) == 1 else ()), *((HELD,) if HELD in solved.series else ())]


def _pair(solved: Solved, row: int) -> tuple[str, str] | None:
    """Series that are what the one port gives and takes, where they are all of it."""
    if len(solved.power_kw) != 1:
        return None
    (power,) = solved.power_kw.values()
    for gives, takes in PAIRS:
        if {gives, takes} <= solved.series.keys():
            both = solved.series[gives][row] - solved.series[takes][row]
            if np.abs(both - power[row]).max(initial=0.0) <= _SAME_KW:
                return gives, takes
    return None


def _efficiency(member: Any, solved: Solved, row: int) -> Efficiency | None:
    """Of a store with one port."""
    if not isinstance(member, Storage) or len(solved.power_kw) != 1 or _pair(solved, row) is None:
        return None
    return Efficiency(float(member.charge_efficiency), 1 / float(member.discharge_efficiency))


def giving(problem: Problem) -> frozenset[Lever]:
    """Ports that could give power: those of which the problem does not say that they only take."""
    return frozenset(
        (kind, name)
        for kind, part in problem.parts.items()
        for name, port in part.ports.items()
        if not port.power_kw.is_nonpos()
    )
