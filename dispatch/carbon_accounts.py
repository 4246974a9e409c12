"""The ledgers of a finished plan side by side: its carbon by meter and step, by every method.

Each answers a question of its own, and says it. Of a park on a network there are three traced ones: one inside the
park, which shares out exactly what the plan counts, and two on the AC flows, in which power comes from the network as
it really is, with what other customers feed in and take and with the losses that it really has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dispatch.carbon.carriers import NAMES, traced
from dispatch.carbon.ledger import Ledger, Ledgers
from dispatch.carbon.on_network import on_network
from dispatch.carbon.operation import Conventions, Operation
from dispatch.carbon_flows import grid_intensity, placed_flows
from dispatch.plan import Plan

INSIDE = "traced in the park"
_INSIDE_ASKED = "How is the carbon that this plan counts shared among all that it supplies, as power flows in the park?"


def accounts(plan: Plan, conventions: Conventions | None = None) -> Ledgers:
    """All ledgers of the published path, in the order in which a page shows them.

    Args:
        conventions: how stores hold carbon and how outputs share it; the usual ones by default.
    """
    operation = Operation.from_schedule(plan.site, plan.schedule, 0, conventions)
    return Ledgers((*_traced(plan, operation),))


def _traced(plan: Plan, operation: Operation) -> Iterator[Ledger]:
    """Losses apart and borne; on a network on its flows, and one inside the park before them."""
    placed = None
    if plan.network is not None and plan.grid is not None:
        placed = placed_flows(plan.site, plan.schedule, plan.network, plan.grid.kvar)
    if placed is None:
        yield from (traced(operation, losses) for losses in NAMES)
        return
    yield replace(traced(operation, "borne"), name=INSIDE, question=_INSIDE_ASKED)
    standing = {asset.name for asset in plan.site.assets if asset.is_network}
    on = on_network(operation, placed, standing, grid_intensity(plan.site, plan.schedule))
    yield from (traced(on, losses) for losses in NAMES)
