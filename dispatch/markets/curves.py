r"""Price–quantity curves from blocks of flexibility, merged to a product's periods and rounded to its steps.

What is sold for a period must hold all along: the quantity is at most the least of the period's steps, its cost

.. math:: C(q) = Σ_t h_t ∫_0^q c_t(s) \, ds, \qquad p_k = \frac{C(q_k) - C(q_{k-1})}{(q_k - q_{k-1}) Σ_t h_t}

with c_t (T,) the sites' blocks in merit order [money/kWh] and h_t [h]. C is convex, so prices never fall along the
curve; and since a step that is accepted in part takes its cheaper part, no acceptance at its price costs more than it
brings.
Quantities are rounded down and prices against us: never more is offered than is there, never below its cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch.errors import AlignmentError, DataError
from dispatch.flexibility.offers import Flexibility
from dispatch.markets.product import Product, Side
from dispatch.signals import Array, Horizon

_SMALL = 1e-9
Index = NDArray[np.intp]


@dataclass(frozen=True)
class Curve:
    """What is offered in each of P periods: K price steps or fewer.

    Attributes:
        side: up or down.
        width_kw: (P, K) of each step; 0 where there is none.
        price: (P, K) in the product's unit, rising for what is sold and falling for what is bought.
        energy_price: (P, K) money per kWh that is activated, of capacity; else None.
        left_out: (P,) kW that are there and are not offered: rounding, the least bid, limits of price and quantity.
    """

    periods: Horizon
    side: Side
    width_kw: Array
    price: Array
    left_out_kw: Array
    energy_price: Array | None = None

    @property
    def quantity_kw(self) -> Array:
        """(P,) all steps together."""
        return np.asarray(self.width_kw.sum(axis=1))


@dataclass(frozen=True)
class Cells:
    """The common refinement of steps and periods: C pieces of time, each of one step and one period."""

    step: Index
    period: Index
    hours: Array


def cells(steps: Horizon, periods: Horizon) -> Cells:
    """Pieces of time of a product's periods on a horizon's steps.

    Raises:
        AlignmentError: a period is not covered.
    """
    own, asked = (h.edges.astype("datetime64[s]").astype(np.int64) for h in (steps, periods))
    if asked[0] < own[0] or asked[-1] > own[-1]:
        raise AlignmentError(
            f"flexibility is known from {steps.local_start[0].isoformat()} to {steps.local_end[-1].isoformat()}, the "
            f"periods go from {periods.local_start[0].isoformat()} to {periods.local_end[-1].isoformat()}"
        )
    edges = np.union1d(own, asked)
    edges = edges[(edges >= asked[0]) & (edges <= asked[-1])]
    start = edges[:-1]
    step = np.searchsorted(own, start, side="right") - 1
    period = np.searchsorted(asked, start, side="right") - 1
    return Cells(step, period, np.diff(edges) / 3600.0)


@dataclass(frozen=True)
class Merit:
    """The blocks of all sites by cost, cheapest first: (N · B, T) widths [kW], costs [money/kWh] and whose they are."""

    width_kw: Array
    cost_per_kwh: Array
    site: Index

    @property
    def most_kw(self) -> Array:
        """(T,)."""
        return np.asarray(self.width_kw.sum(axis=0))

    def shares(self, power_kw: Array, sites: int) -> Array:
        """(N, T) how much of a power (T,) each site gives in merit order.

        Raises:
            DataError: more is asked for than there is.
        """
        most = self.most_kw
        if (beyond := power_kw > most * (1 + _SMALL) + _SMALL).any():
            step = int(np.argmax(beyond))
            raise DataError(
                f"step {step} asks for {power_kw[step]:g} kW; accepted: at most {most[step]:g} kW, what the sites have"
            )
        before = np.cumsum(self.width_kw, axis=0) - self.width_kw
        used = np.clip(power_kw - before, 0.0, self.width_kw)
        out = np.zeros((sites, power_kw.size))
        np.add.at(out, (self.site, np.arange(power_kw.size)[None, :]), used)
        return out


def merit(offers: Sequence[Flexibility], side: Side) -> Merit:
    """The sites' blocks in one order; of equal costs the first site's come first.

    Raises:
        DataError: no offers, or offers of different steps.
    """
    if not offers:
        raise DataError("no flexibility to bid with; accepted: that of one site or more")
    if any(not np.array_equal(offer.hours, offers[0].hours) for offer in offers):
        raise DataError("the sites' flexibility has different steps; accepted: the same steps for all")
    width = np.vstack([offer.up_kw if side == "up" else offer.down_kw for offer in offers])
    cost = np.vstack([offer.up_cost_per_kwh if side == "up" else offer.down_cost_per_kwh for offer in offers])
    blocks = [(offer.up_kw if side == "up" else offer.down_kw).shape[0] for offer in offers]
    owner = np.repeat(np.arange(len(offers)), blocks)
    order = np.argsort(np.where(width > 0, cost, np.inf), axis=0, kind="stable")
    return Merit(np.take_along_axis(width, order, 0), np.take_along_axis(cost, order, 0), owner[order])


def curve(
    offers: Sequence[Flexibility],
    side: Side,
    steps: Horizon,
    product: Product,
    periods: Horizon,
    holding_per_kw_h: float = 0.0,
) -> Curve:
    """The curve of a product from the flexibility of its sites.

    Args:
        steps: the T steps of the flexibility.
        periods: the P periods to bid for.
        holding_per_kw_h: what keeping a kW ready for an hour costs, the price of capacity; what activation costs is
            the energy's price then.

    Raises:
        DataError: the product is not for that side.
    """
    if side not in product.sides:
        raise DataError(f"{product.name}: cannot be bid {side}; accepted: {', '.join(product.sides)}")
    wanted: tuple[Side, ...] = ("up", "down") if product.symmetric else (side,)
    orders = [merit(offers, one) for one in wanted]
    pieces = cells(steps, periods)
    costs = [_Cost(order, pieces, product, holding_per_kw_h) for order in orders]
    made = [_period(costs, p, product, side) for p in range(periods.steps)]
    most = max((len(one.width) for one in made), default=0)
    wide = np.array([np.pad(one.width, (0, most - len(one.width))) for one in made])
    price = np.array([np.pad(one.price, (0, most - len(one.price))) for one in made])
    energy = np.array([np.pad(one.energy, (0, most - len(one.energy))) for one in made])
    left = np.array([one.left_kw for one in made])
    shape = (periods.steps, most)
    return Curve(
        periods, side, wide.reshape(shape), price.reshape(shape), left,
        energy.reshape(shape) if product.energy_price else None,
    )  # fmt: skip


class _Cost:
    """Cost of holding a quantity over a period: a sum of convex piecewise-linear curves."""

    def __init__(self, order: Merit, pieces: Cells, product: Product, holding_per_kw_h: float) -> None:
        zeros = np.zeros((1, order.width_kw.shape[1]))
        self.at_kw = np.vstack([zeros, np.cumsum(order.width_kw, axis=0)])
        self.cost = np.vstack([zeros, np.cumsum(order.width_kw * order.cost_per_kwh, axis=0)])
        self.pieces, self.holding = pieces, holding_per_kw_h
        self.bought = product.kind == "energy"
        self.capacity = product.kind == "capacity"

    def steps_of(self, period: int) -> tuple[Index, Array]:
        mine = self.pieces.period == period
        return self.pieces.step[mine], self.pieces.hours[mine]

    def most_kw(self, period: int) -> float:
        return float(self.at_kw[-1, self.steps_of(period)[0]].min(initial=np.inf))

    def breaks_kw(self, period: int) -> Array:
        return np.unique(self.at_kw[1:, np.unique(self.steps_of(period)[0])])

    def activation(self, period: int, quantity_kw: Array) -> Array:
        """(K,) money per hour of the period for quantities."""
        step, hours = self.steps_of(period)
        at, cost = self.at_kw[:, step].T, self.cost[:, step].T
        parts = [h * np.interp(quantity_kw, x, y) for h, x, y in zip(hours, at, cost, strict=True)]
        return np.asarray(np.sum(parts, axis=0) / hours.sum())


@dataclass(frozen=True)
class _Steps:
    width: Array
    price: Array
    energy: Array
    left_kw: float


def _period(costs: Sequence[_Cost], period: int, product: Product, side: Side) -> _Steps:
    """One period's steps: quantities at the curve's own corners, rounded down; mean cost between them."""
    there = min(cost.most_kw(period) for cost in costs)
    unit = product.quantity_step_kw
    most = _down(min(there, product.quantity_max_kw or np.inf), unit)
    none = np.zeros(0)
    if most < product.quantity_min_kw - _SMALL:
        return _Steps(none, none, none, there)
    least = np.ceil(product.quantity_min_kw / unit - 1e-7) * unit  # a corner of its own: the first step is no wider
    corners = np.unique(np.append(_down(np.concatenate([cost.breaks_kw(period) for cost in costs]), unit), least))
    corners = corners[(corners >= product.quantity_min_kw - _SMALL) & (corners < most - _SMALL)]
    at = np.concatenate([[0.0], corners, [most]])
    at = _thinned(at, product.steps_max)
    activation = np.sum([cost.activation(period, at) for cost in costs], axis=0)
    energy = np.diff(activation) / np.diff(at)
    hours = float(costs[0].steps_of(period)[1].sum())
    own = np.full(energy.size, costs[0].holding) if costs[0].capacity else energy
    bought = costs[0].bought and side == "down"
    price = (-own if bought else own) / product.per_kw_h(hours)
    return _limited(np.diff(at), price, energy, product, there, bought=bought)


def _limited(width: Array, price: Array, energy: Array, product: Product, there: float, *, bought: bool) -> _Steps:
    """Prices rounded against us, within the product's limits; steps that cannot be priced so are left out."""
    ticks = price / product.price_step
    price = product.price_step * (np.floor(ticks + _SMALL) if bought else np.ceil(ticks - _SMALL))
    price = np.round(price, 9)
    low = -np.inf if product.price_min is None else product.price_min
    high = np.inf if product.price_max is None else product.price_max
    price = np.minimum(price, high) if bought else np.maximum(price, low)
    fits = price >= low if bought else price <= high
    width, price, energy = width[fits], price[fits], energy[fits]
    if width.sum() < product.quantity_min_kw - _SMALL:
        width, price, energy = width[:0], price[:0], energy[:0]
    return _Steps(width, price, energy, float(there - width.sum()))


def _down(values: Array | float, unit: float) -> Array:
    return np.asarray(np.floor(np.asarray(values) / unit + 1e-7) * unit)


def _thinned(at: Array, steps: int) -> Array:
    """At most so many steps between the first and the last corner."""
    if at.size <= steps + 1:
        return at
    return np.asarray(at[np.unique(np.round(np.linspace(0, at.size - 1, steps + 1)).astype(int))])
