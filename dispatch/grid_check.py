"""The proof on the network: AC power flow of every step, violations turned into linear limits, solved again.

Loop: schedule → AC (batch engine) → violations → linear limits at the AC point as parameter data → schedule …, until
there is no violation or nothing more can be gained; then the reference engine solves the final plan step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dispatch.problem import NetworkLimits, Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.solve import solve

if TYPE_CHECKING:
    from grid_models.injections import Injections
    from grid_models.limits import Breach, Limits
    from grid_models.network import Network
    from grid_models.power_flow import Flows

SLOTS = 4
_MOST_ROUNDS = 6
_TOLERANCE_PU = 1e-4


@dataclass(frozen=True)
class GridProof:
    """Outcome of the loop.

    Attributes:
        flows: AC solution of the final plan by the reference engine.
        breaches: violations left, worst first.
        before: number of violations of the first plan.
        rounds: how often the plan was solved.
        engine_gap_pu: largest voltage difference between batch and reference engine.
        limits: what voltages and loadings were held against.
    """

    flows: Flows
    breaches: tuple[Breach, ...]
    before: int
    rounds: int
    engine_gap_pu: float
    limits: Limits


def prove(
    site: Site,
    problem: Problem,
    schedule: Schedule,
    network: Network,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Schedule, GridProof]:
    """A schedule that holds on the network, or the best one found with what is left to mend."""
    from grid_models.limits import Limits, linear_limits, violations
    from grid_models.power_flow import solve_batch, solve_reference

    assert site.grid is not None
    limits = Limits.of(network, voltage_min_pu=site.grid.voltage_min_pu, voltage_max_pu=site.grid.voltage_max_pu)
    neighbours = _neighbours(site, network, schedule.inputs.horizon)
    nodes = tuple(dict.fromkeys(site.grid.bus_of.values()))
    injections, kvar_per_kw = _injections(site, schedule)
    flows = solve_batch(network, injections, neighbours)
    found = violations(network, flows, limits, tolerance_pu=_TOLERANCE_PU)
    before, rounds, slots = len(found), 1, None
    while found and rounds < _MOST_ROUNDS:
        progress(f"network round {rounds}: {len(found)} violations, solving again")
        slots = linear_limits(
            network, injections, neighbours, flows, found, nodes, SLOTS, previous=slots, kvar_per_kw=kvar_per_kw
        )
        if len(slots.unreachable) == len(found):
            break  # nothing that this park does moves what is left
        problem.update(limits=NetworkLimits(slots.coefficient, slots.bound))
        schedule = solve(problem)
        injections, _ = _injections(site, schedule)
        flows = solve_batch(network, injections, neighbours)
        found = violations(network, flows, limits, tolerance_pu=_TOLERANCE_PU)
        rounds += 1
    progress("checking every step with the reference engine")
    reference = solve_reference(network, injections, neighbours)
    gap = float(np.nanmax(np.abs(reference.vm_pu - flows.vm_pu)))
    left = violations(network, reference, limits, tolerance_pu=_TOLERANCE_PU)
    return schedule, GridProof(reference, tuple(left), before, rounds, gap, limits)


def _neighbours(site: Site, network: Network, horizon: Horizon) -> Injections | None:
    """The other customers at the park's local time; their profile year is 2016."""
    import pandas as pd

    if site.grid is None or not site.grid.neighbours:
        return None
    clock = pd.DatetimeIndex([start.replace(tzinfo=None) for start in horizon.local_start])
    return network.background(clock, horizon.hours)


def _injections(site: Site, schedule: Schedule) -> tuple[Injections, Array]:
    """Net power of the site's assets at the mapped network buses, reactive by each asset's power factor."""
    from grid_models.injections import Injections

    assert site.grid is not None
    buses = tuple(site.grid.bus_of)
    p_kw, q_kvar = schedule.injection_kw(buses), _reactive(schedule, buses)
    nodes = tuple(site.grid.bus_of.values())
    # Only dispatchable power moves when limits bind, and it runs at unity power factor.
    return Injections(nodes, p_kw, q_kvar), np.zeros(len(set(nodes)))


def _reactive(schedule: Schedule, buses: tuple[str, ...]) -> Array:
    """(bus, step) reactive injection [kvar]: minus what the assets draw."""
    out = np.zeros((len(buses), schedule.inputs.horizon.steps))
    for solved in schedule.kinds.values():
        names = solved.rows.buses
        factor = np.array([member.kvar_per_kw for member in solved.rows.members] * solved.rows.scenarios)
        for port, power in solved.power_kw.items():
            for position, name in enumerate(buses):
                here = (solved.rows.scenario == 0) & (solved.bus[port] % len(names) == names.index(name))
                out[position] += factor[here] @ power[here]
    return out
