r"""What a fleet with a plan buys and sells day-ahead: its planned import with flexibility around it.

In a period let L be the planned net import less all that can be given up, and the blocks of flexibility by price:
giving up a kWh is worth its cost c, drawing one more is worth −c. At a price p the fleet draws

.. math:: q(p) = L + Σ_{blocks: price ≥ p} width

which never rises with p. Above zero it is a purchase, below a sale: the curve is cut at zero into two bids. What is
drawn at any price is bid at the product's limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dispatch.errors import DataError
from dispatch.flexibility.offers import Flexibility
from dispatch.markets.curves import Cells, Curve, Merit, cells, merit
from dispatch.markets.product import Product
from dispatch.signals import Array, Horizon


@dataclass(frozen=True)
class Positions:
    """Two curves of a product: what is bought (down) and what is sold (up)."""

    bought: Curve
    sold: Curve


def positions(
    plan_kw: Array, offers: Sequence[Flexibility], steps: Horizon, product: Product, periods: Horizon
) -> Positions:
    """The fleet's purchase and sale by price.

    Args:
        plan_kw: (T,) planned net import of all sites, below 0 where they feed in.
        offers: what each site can give beside its plan.

    Raises:
        DataError: the product is no energy with limits of price in both directions.
        AlignmentError: the steps do not cover the periods.
    """
    if product.kind != "energy" or None in (product.price_min, product.price_max) or len(product.sides) < 2:
        raise DataError(f"{product.name} is no energy to buy and sell within limits of price; accepted: sdac_day_ahead")
    plan = steps.require("the plan", np.asarray(plan_kw, float))
    pieces = cells(steps, periods)
    orders = merit(offers, "up"), merit(offers, "down")
    made = [_period(plan, orders, pieces, p, product) for p in range(periods.steps)]
    return Positions(_curve([one[0] for one in made], periods, "down"), _curve([one[1] for one in made], periods, "up"))


_Steps = tuple[Array, Array, float]


def _period(
    plan: Array, orders: tuple[Merit, Merit], pieces: Cells, period: int, product: Product
) -> tuple[_Steps, _Steps]:
    """(widths, prices, left out) of what is bought, dearest first, and of what is sold, cheapest first."""
    mine = pieces.period == period
    at, hours = pieces.step[mine], pieces.hours[mine]
    planned = float(plan[at] @ hours / hours.sum())
    up, down = (_mean_blocks(order, at, hours, product.quantity_step_kw) for order in orders)
    per_kwh = product.per_kw_h(float(hours.sum()))
    # From the dearest on: what is drawn at any price, what would be given up, what would be drawn more.
    width = np.concatenate([up[0][::-1], down[0]])
    price = np.concatenate([up[1][::-1], -down[1]]) / per_kwh
    order = np.argsort(-price, kind="stable")
    width, price = width[order], price[order]
    least = planned - float(up[0].sum())
    level = least + np.cumsum(width)
    before = level - width
    buys = np.clip(level, 0, None) - np.clip(before, 0, None)
    sells = np.clip(-before, 0, None) - np.clip(-level, 0, None)
    bought = _rounded(np.append(max(least, 0.0), buys), np.append(_high(product), price), product, bought=True)
    surplus = max(-(least + float(width.sum())), 0.0)
    sold = _rounded(np.append(surplus, sells[::-1]), np.append(_low(product), price[::-1]), product, bought=False)
    return bought, sold


def _low(product: Product) -> float:
    return -np.inf if product.price_min is None else product.price_min


def _high(product: Product) -> float:
    return np.inf if product.price_max is None else product.price_max


def _mean_blocks(order: Merit, at: Array, hours: Array, unit: float) -> tuple[Array, Array]:
    """Widths [kW] in whole units and costs [money/kWh] that hold over all of a period's pieces."""
    index = at.astype(np.intp)
    most = float(order.width_kw[:, index].sum(axis=0).min(initial=np.inf))
    level = np.vstack([np.zeros((1, index.size)), np.cumsum(order.width_kw[:, index], axis=0)])
    spent = np.vstack(
        [np.zeros((1, index.size)), np.cumsum(order.width_kw[:, index] * order.cost_per_kwh[:, index], axis=0)]
    )
    corners = np.unique(np.floor(np.append(level[level <= most].ravel(), most) / unit + 1e-7) * unit)
    total = [h * np.interp(corners, level[:, k], spent[:, k]) for k, h in enumerate(hours)]
    cost = np.sum(total, axis=0) / hours.sum()
    return np.diff(corners), np.diff(cost) / np.where(np.diff(corners) > 0, np.diff(corners), 1.0)


def _rounded(width: Array, price: Array, product: Product, *, bought: bool) -> _Steps:
    """Whole steps of quantity: the levels are rounded down, so that nothing is bid that is not there."""
    level = np.floor(np.cumsum(width) / product.quantity_step_kw + 1e-7) * product.quantity_step_kw
    steps = np.diff(np.append(0.0, level))
    ticks = price / product.price_step
    price = np.round(product.price_step * (np.floor(ticks + 1e-9) if bought else np.ceil(ticks - 1e-9)), 9)
    price = np.clip(price, _low(product), _high(product))
    steps, price = _joined(steps, price, product.steps_max)
    if steps.sum() < product.quantity_min_kw - 1e-9:
        steps, price = steps[:0], price[:0]
    return steps, price, float(width.sum() - steps.sum())


def _joined(steps: Array, price: Array, most: int) -> tuple[Array, Array]:
    """Steps of one price are one; of too many, the narrowest joins the one after it, at that one's price."""
    kept = steps > 0
    steps, price = steps[kept], price[kept]
    while steps.size > 1 and (steps.size > most or (np.diff(price) == 0).any()):
        same = np.flatnonzero(np.diff(price) == 0)
        place = int(same[0]) if same.size else int(np.argmin(steps[:-1]))
        steps = np.concatenate([steps[:place], [steps[place] + steps[place + 1]], steps[place + 2 :]])
        price = np.delete(price, place)
    return steps, price


def _curve(found: list[_Steps], periods: Horizon, side: str) -> Curve:
    most = max(one[0].size for one in found)
    width = np.array([np.pad(one[0], (0, most - one[0].size)) for one in found]).reshape(len(found), most)
    price = np.array([np.pad(one[1], (0, most - one[1].size)) for one in found]).reshape(len(found), most)
    left = np.array([one[2] for one in found])
    return Curve(periods, "down" if side == "down" else "up", width, price, left)
