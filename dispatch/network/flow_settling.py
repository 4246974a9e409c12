"""Limits on traced carbon beside a network: held as traced on its flows, the network proved, and traced again.

Inside the park power comes from its buses; on the network it comes the way it really flows, mixed with what others feed
in and with losses. So on a network plans are traced on their AC flows, and rows know what way a kW takes there. Where
the network's own limits change the plan after that, and it passes a limit, both are made once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from dispatch.carbon.on_network import on_network
from dispatch.carbon.operation import Operation
from dispatch.flow_limits import Again, counts, hold_flow_limits, inside
from dispatch.flow_limits.proof import FlowProof, rewritten
from dispatch.network.carbon_flows import grid_intensity, placed_flows
from dispatch.network.check import GridProof, prove
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site

if TYPE_CHECKING:
    from grid_models.network import Network

__all__ = ["FlowProof", "settled"]

_MOST_ROUNDS = 2
_NO_KVAR: Mapping[str, Array] = MappingProxyType({})


def settled(
    site: Site,
    problem: Problem,
    schedule: Schedule,
    network: Network | None,
    again: Again,
    progress: Callable[[str], None] = lambda _: None,
    *,
    rough: Again | None = None,
) -> tuple[Schedule, GridProof | None, FlowProof | None]:
    """The plan that holds on the network and under the limits on traced carbon, as far as any does, with both proofs.

    Args:
        schedule: a plan of the problem without either.
        again: a plan of the problem with other data.
        rough: one that may be short of its optimum, to see what limits could come to; ``again`` by default.

    Raises:
        DataError: a limit is of a meter that the traced account does not have.
    """
    if network is None:
        schedule, flows = hold_flow_limits(site, problem, schedule, again, progress, rough=rough)
        return (schedule if flows is None else rewritten(schedule, flows.limits)), None, flows
    best, rounds, before, kvar = None, 0, None, _NO_KVAR
    for _ in range(_MOST_ROUNDS):
        ran = partial(on_flows, site, network, kvar)
        schedule, flows = hold_flow_limits(site, problem, schedule, again, progress, ran=ran, rough=rough)
        progress("checking the network")
        schedule, grid = prove(site, problem, schedule, network, progress, again=again)
        if flows is None:
            return schedule, grid, None
        kvar, rounds = grid.kvar, rounds + flows.rounds
        before = flows.passed_before if before is None else before
        made = _Held(schedule, grid, _traced_again(site, network, schedule, grid, flows))
        best = made if best is None or made.rank < best.rank else best
        if not made.over_kg:
            break
    assert best is not None
    assert before is not None
    found = replace(best.flows, rounds=rounds, passed_before=before)
    return rewritten(best.schedule, found.limits), best.grid, found


@dataclass(frozen=True, eq=False)
class _Held:
    """A plan that was proved on the network and traced on its flows."""

    schedule: Schedule
    grid: GridProof
    flows: FlowProof

    @property
    def over_kg(self) -> float:
        """What limits are passed by on the published path, rounding left out."""
        return float(sum(limit.over_kg[0][limit.passed].sum() for limit in self.flows.limits))

    @property
    def rank(self) -> tuple[int, float]:
        """Violations of the network first."""
        return len(self.grid.breaches), self.over_kg


def on_flows(site: Site, network: Network, kvar: Mapping[str, Array], schedule: Schedule) -> list[Operation]:
    """What runs in each scenario of a plan: the published path on its AC flows, the others on the park's balances."""
    every = inside(site, schedule)
    placed = placed_flows(site, schedule, network, kvar)
    if placed is not None:
        standing = {asset.name for asset in site.assets if asset.is_network}
        every[0] = on_network(every[0], placed, standing, grid_intensity(site, schedule))
    return every


def _traced_again(site: Site, network: Network, schedule: Schedule, grid: GridProof, proof: FlowProof) -> FlowProof:
    """The proof with the meters of the plan that holds on the network."""
    operations = on_flows(site, network, grid.kvar, schedule)
    limits = tuple(replace(limit, counted=counts(site, schedule, limit.wish, operations)) for limit in proof.limits)
    return replace(proof, limits=limits, basis="the AC flows" if operations[0].flows else "the park's own balances")
