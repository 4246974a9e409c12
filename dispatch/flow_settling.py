"""Limits on traced carbon beside a network: held in the park, the network proved, traced again on its real flows.

Inside the park power comes from its buses; on the network it comes the way it really flows, mixed with what others feed
in and with losses. The last word has the account on the AC flows. Where that passes a limit which the park's own
balances keep, the difference is taken off the limit and both are made once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dispatch.carbon.on_network import on_network
from dispatch.carbon.operation import Operation
from dispatch.carbon_flows import grid_intensity, placed_flows
from dispatch.flow_limits import Again, hold_flow_limits, meter
from dispatch.flow_proof import Counted, FlowProof, rewritten
from dispatch.grid_check import GridProof, prove
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site

if TYPE_CHECKING:
    from grid_models.network import Network

__all__ = ["FlowProof", "settled"]


def settled(
    site: Site,
    problem: Problem,
    schedule: Schedule,
    network: Network | None,
    again: Again,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Schedule, GridProof | None, FlowProof | None]:
    """The plan that holds on the network and under the limits on traced carbon, as far as any does, with both proofs.

    Args:
        schedule: a plan of the problem without either.
        again: a plan of the problem with other data.

    Raises:
        DataError: a limit is of a meter that the traced account does not have.
    """
    schedule, flows = hold_flow_limits(site, problem, schedule, again, progress)
    if network is None:
        return (schedule if flows is None else rewritten(schedule, flows.limits)), None, flows
    progress("checking the network")
    schedule, grid = prove(site, problem, schedule, network, progress, again=again)
    if flows is None:
        return schedule, grid, None
    found = _traced_there(site, schedule, network, grid, flows)
    if _over_kg(found) > 0:
        beside = {
            there.wish.text: there.counted.over_kg - here.counted.over_kg
            for there, here in zip(found.limits, _traced_inside(site, schedule, flows).limits, strict=True)
        }
        other, more = hold_flow_limits(site, problem, schedule, again, progress, beside_kg=beside)
        other, other_grid = prove(site, problem, other, network, progress, again=again)
        assert more is not None
        better = _traced_there(site, other, network, other_grid, more)
        if (len(other_grid.breaches), _over_kg(better)) < (len(grid.breaches), _over_kg(found)):
            schedule, grid = other, other_grid
            found = replace(better, rounds=flows.rounds + more.rounds, passed_before=flows.passed_before)
    return rewritten(schedule, found.limits), grid, found


def _over_kg(proof: FlowProof) -> float:
    """What the published path passes, rounding left out."""
    return float(sum(limit.over_kg[0][limit.passed].sum() for limit in proof.limits))


def _traced_inside(site: Site, schedule: Schedule, proof: FlowProof) -> FlowProof:
    return _counted(site, schedule, proof, Operation.from_schedule(site, schedule, 0))


def _traced_there(site: Site, schedule: Schedule, network: Network, grid: GridProof, proof: FlowProof) -> FlowProof:
    """The published path on the AC flows; on the park's own balances where no step has any."""
    operation = Operation.from_schedule(site, schedule, 0)
    placed = placed_flows(site, schedule, network, grid.kvar)
    if placed is None:
        return _counted(site, schedule, proof, operation)
    standing = {asset.name for asset in site.assets if asset.is_network}
    there = on_network(operation, placed, standing, grid_intensity(site, schedule))
    return replace(_counted(site, schedule, proof, there), basis="the AC flows")


def _counted(site: Site, schedule: Schedule, proof: FlowProof, operation: Operation) -> FlowProof:
    """The proof with the published path's meters counted anew."""
    limits = []
    for limit in proof.limits:
        windows = site.windows(schedule.inputs.horizon, limit.wish.over)
        energy, carbon = (_first(*pair) for pair in zip(
            (limit.counted.energy_kwh, limit.counted.carbon_kg), meter(operation, limit.wish, windows), strict=True
        ))  # fmt: skip
        limits.append(replace(limit, counted=Counted.of(limit.wish, energy, carbon)))
    return replace(proof, limits=tuple(limits))


def _first(every: Array, own: Array) -> Array:
    """With another published path."""
    return np.asarray(np.concatenate([own[None], every[1:]]))
