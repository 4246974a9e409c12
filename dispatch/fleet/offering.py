"""What a fleet offers to a market: priced blocks of its sites, kept up over a product's periods, as curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dispatch.errors import DataError
from dispatch.flexibility.offers import Flexibility
from dispatch.markets.calendar import periods
from dispatch.markets.curves import Curve, curve
from dispatch.markets.positions import positions
from dispatch.markets.product import Product, Side
from dispatch.markets.sustained import EnergyBand, sustained
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Offered:
    """Blocks of N sites over T steps.

    Attributes:
        names: (N,) the sites that have something to say, in the order of the others.
        steps: T.
        blocks: (N,) beside the plan.
        bands: (N,) what energy they have; without them what a store cannot keep up is offered all the same.
        plan_kw: (N, T) net draw beside which the blocks stand, where it is known.
    """

    names: tuple[str, ...]
    steps: Horizon
    blocks: tuple[Flexibility, ...]
    bands: tuple[EnergyBand, ...] | None = None
    plan_kw: Array | None = None

    def kept_up(self, over: Horizon) -> tuple[Flexibility, ...]:
        """The blocks within the energy that sites have for each of some periods."""
        if self.bands is None:
            return self.blocks
        return tuple(
            sustained(block, band, self.steps, over) for block, band in zip(self.blocks, self.bands, strict=True)
        )

    def curves(
        self,
        product: Product,
        day: date,
        sides: Sequence[Side],
        holding: float = 0.0,
        planned_kw: Array | None = None,
        over: Horizon | None = None,
    ) -> list[Curve]:
        """A curve for each side.

        Args:
            holding: price of a kW that is kept ready for an hour, of capacity.
            planned_kw: (T,) a plan to buy and sell around.
            over: periods of the day, one after the other; all by default.

        Raises:
            DataError: the product pays for no capacity, or is not for a side.
            AlignmentError: the steps do not cover the periods.
        """
        if holding < 0 or (holding and product.kind != "capacity"):
            accepted = "0 or more" if product.kind == "capacity" else f"none: {product.name} does not pay for capacity"
            raise DataError(f"holding {holding:g}; accepted: {accepted}")
        over = periods(product, day) if over is None else over
        blocks = self.kept_up(over)
        if planned_kw is None:
            return [curve(blocks, side, self.steps, product, over, holding) for side in sides]
        found = positions(planned_kw, blocks, self.steps, product, over)
        return [one for one in (found.sold, found.bought) if one.side in sides]


def sides_of(product: Product, text: str) -> tuple[Side, ...]:
    """The sides that are meant by ``up``, ``down`` or ``both``; of symmetric products one bid is for both.

    Raises:
        DataError: the product is not for that side.
    """
    if product.symmetric:
        return ("up",)
    if text == "both":
        return product.sides
    for side in product.sides:
        if text == side:
            return (side,)
    accepted = [*product.sides, *(["both"] if len(product.sides) > 1 else [])]
    raise DataError(f"side '{text}': {product.name} accepts {', '.join(accepted)}")


def offered(envelope: pa.Table, blocks: pa.Table, time_zone: str) -> Offered:
    """From the tables that :mod:`dispatch.fleet.flexing` makes; every site of the envelope is there.

    Args:
        envelope: a row per site and step: site, start, hours, plan_kw, least_kwh, most_kwh.
        blocks: site, start, way, kw, cost_per_kwh; blocks with a width only.
        time_zone: the horizon's.
    """
    names = tuple(dict.fromkeys(envelope["site"].to_pylist()))
    count = len(names)
    starts, hours = (envelope[name].to_numpy(zero_copy_only=False).reshape(count, -1)[0] for name in ("start", "hours"))
    edges = starts.astype("datetime64[s]")
    steps = Horizon(np.append(edges, edges[-1] + np.timedelta64(round(3600 * float(hours[-1])), "s")), time_zone)
    rows = {n: envelope[n].to_numpy().reshape(count, -1) for n in ("plan_kw", "least_kwh", "most_kwh")}
    plan = np.cumsum(rows["plan_kw"] * steps.hours, axis=1)
    bands = tuple(
        EnergyBand(p, low, high) for p, low, high in zip(plan, rows["least_kwh"], rows["most_kwh"], strict=True)
    )
    return Offered(names, steps, _blocks_of(blocks, names, steps), bands, rows["plan_kw"])


def _blocks_of(table: pa.Table, names: tuple[str, ...], steps: Horizon) -> tuple[Flexibility, ...]:
    place = {name: n for n, name in enumerate(names)}
    site = np.array([place[name] for name in table["site"].to_pylist()], np.intp)
    up = np.array([way == "up" for way in table["way"].to_pylist()], bool)
    step = np.searchsorted(steps.edges[:-1], table["start"].to_numpy(zero_copy_only=False).astype("datetime64[s]"))
    kw, cost = (table[name].to_numpy(zero_copy_only=False).astype(float) for name in ("kw", "cost_per_kwh"))
    order = np.argsort(site, kind="stable")
    ends = np.searchsorted(site[order], np.arange(len(names) + 1))
    made = []
    for first, last in pairwise(ends):
        mine = order[first:last]
        ways = [mine[up[mine]], mine[~up[mine]]]
        (up_kw, up_cost), (down_kw, down_cost) = (by_step(step[w], kw[w], cost[w], steps.steps) for w in ways)
        made.append(Flexibility(steps.hours, up_kw, down_kw, up_cost, down_cost))
    return tuple(made)


def by_step(step: np.ndarray, kw: Array, cost: Array, steps: int) -> tuple[Array, Array]:
    """(B, T) widths and costs of rows of one site and direction, cheapest first in each step."""
    order = np.lexsort((cost, step))
    step, kw, cost = step[order], kw[order], cost[order]
    rank = np.arange(step.size) - np.searchsorted(step, step)
    count = int(rank.max(initial=0)) + 1
    width, price = np.zeros((count, steps)), np.zeros((count, steps))
    width[rank, step], price[rank, step] = kw, cost
    return width, price
