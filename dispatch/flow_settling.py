"""Limits on traced carbon beside a network: held in the park, the network proved, traced again on its real flows.

Inside the park power comes from its buses; on the network it comes the way it really flows, mixed with what others feed
in and with losses. The last word has the account on the AC flows. Where that passes a limit, or has room left under one
that binds in the park's own account, the difference is put to the limit and both are made once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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

_MOST_ROUNDS = 4
# Shares of a meter's carbon: from where on a limit counts as binding in the park, and as slack on the network.
_BINDS, _SLACK = 1e-3, 0.01
_KEPT_KG, _SECANTS = 1e-3, (0.1, 10.0)


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
    best = _held(site, schedule, network, grid, flows)
    before: _Held | None = None
    rounds = flows.rounds
    for _ in range(_MOST_ROUNDS):
        if not _worthwhile(best):
            break
        beside = _beside(best, before)
        other, more = hold_flow_limits(site, problem, best.schedule, again, progress, beside_kg=beside)
        other, other_grid = prove(site, problem, other, network, progress, again=again)
        assert more is not None
        made = _held(site, other, network, other_grid, more)
        if made.rank >= best.rank:
            break
        best, before = made, best
        rounds += more.rounds
    found = replace(best.there, rounds=rounds, passed_before=flows.passed_before)
    return rewritten(best.schedule, found.limits), best.grid, found


@dataclass(frozen=True, eq=False)
class _Held:
    """A plan that was proved on the network.

    Attributes:
        inside: its limits, traced inside the park.
        there: the same on the AC flows.
    """

    schedule: Schedule
    grid: GridProof
    inside: FlowProof
    there: FlowProof

    @property
    def rank(self) -> tuple[int, float, float]:
        """Violations of the network, what limits are passed by, then the cost without what rows count."""
        over = sum(limit.over_kg[0][limit.passed].sum() for limit in self.there.limits)
        rows = sum(
            limit.wish.penalty_per_kg * self.schedule.weights @ self.schedule.wish_over_kg[limit.wish.text].sum(axis=1)
            for limit in self.there.limits
        )
        return len(self.grid.breaches), round(float(over), 3), float(self.schedule.proof.objective - rows)


def _beside(held: _Held, before: _Held | None) -> dict[str, Array]:
    """By wish, (scenario, window) what the park's own account must keep free for the one on the AC flows to be kept.

    After two plans the secant through both says how much of a kg less in the park is one less on the flows.
    """
    out = {}
    for k, (there, here) in enumerate(zip(held.there.limits, held.inside.limits, strict=True)):
        per_kg = np.ones_like(there.counted.over_kg)
        if before is not None:
            more = there.counted.over_kg - before.there.limits[k].counted.over_kg
            inside = here.counted.over_kg - before.inside.limits[k].counted.over_kg
            moved = np.abs(inside) > _KEPT_KG
            per_kg = np.clip(np.divide(more, inside, out=per_kg, where=moved), *_SECANTS)
        out[there.wish.text] = there.counted.over_kg / per_kg - here.counted.over_kg
    return out


def _worthwhile(held: _Held) -> bool:
    """Whether a limit is passed on the AC flows, or binds as rows count it and leaves room there."""
    for limit in held.there.limits:
        over, carbon = limit.counted.over_kg[0], np.abs(limit.counted.carbon_kg[0])
        binds = False if limit.row_kg is None else np.abs(limit.row_kg[0]) <= _BINDS * carbon
        if limit.passed.any() or (binds & (over < -_SLACK * carbon)).any():
            return True
    return False


def _held(site: Site, schedule: Schedule, network: Network, grid: GridProof, proof: FlowProof) -> _Held:
    inside = _counted(site, schedule, proof, Operation.from_schedule(site, schedule, 0))
    return _Held(schedule, grid, inside, _traced_there(site, schedule, network, grid, proof))


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
