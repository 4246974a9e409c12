"""Bids as they are sent: curves in plain values, checked against the product before the market does it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Annotated

import numpy as np
from pydantic import AwareDatetime, Field

from dispatch.errors import ConfigError, Problem
from dispatch.fields.frozen import Finite, Fraction, Frozen, Positive
from dispatch.markets.calendar import gates, local, stamp
from dispatch.markets.curves import Curve
from dispatch.markets.product import Product, Side
from dispatch.signals import Horizon

_RELATIVE = 1e-6


class Step(Frozen):
    """One step of a curve: so much more at this price."""

    quantity_kw: Positive
    price: Finite
    energy_price_per_kwh: Finite | None = None


class BidPeriod(Frozen):
    """The curve of one delivery period."""

    start: AwareDatetime
    steps: tuple[Step, ...] = Field(min_length=1)

    @property
    def quantity_kw(self) -> float:
        """All steps."""
        return sum(step.quantity_kw for step in self.steps)


class BlockOrder(Frozen):
    """Several periods in a row at one price, taken as a whole or for at least a share."""

    start: AwareDatetime
    end: AwareDatetime
    quantity_kw: Positive
    price: Finite
    least_share: Fraction = 1.0


class Bid(Frozen):
    """What is offered of a product for a delivery day, in one direction.

    Of energy, *up* is sold and *down* is bought; of capacity and response both are paid to the bidder.
    """

    product: Annotated[str, Field(min_length=1)]
    day: date
    side: Side
    portfolio: str = ""
    periods: tuple[BidPeriod, ...] = ()
    blocks: tuple[BlockOrder, ...] = ()
    expires_at: AwareDatetime | None = None

    def buys(self, product: Product) -> bool:
        """Is a price the most that is paid, and no least that is asked?"""
        return product.kind == "energy" and self.side == "down"


def bid_of(curve: Curve, product: Product, day: date, portfolio: str = "") -> Bid:
    """The bid of a curve: periods with nothing to offer are left out."""
    found = []
    for place, start in enumerate(curve.periods.local_start):
        steps: list[Step] = []
        for k in np.flatnonzero(curve.width_kw[place] > 0):
            energy = None if curve.energy_price is None else float(curve.energy_price[place, k])
            width, price = float(curve.width_kw[place, k]), float(curve.price[place, k])
            if steps and steps[-1].price == price and steps[-1].energy_price_per_kwh == energy:
                width += steps.pop().quantity_kw
            steps.append(Step(quantity_kw=round(width, 6), price=price, energy_price_per_kwh=energy))
        if steps:
            found.append(BidPeriod(start=start, steps=tuple(steps)))
    return Bid(
        product=product.name, day=day, side=curve.side, portfolio=portfolio, periods=tuple(found),
        expires_at=last_gate(product, day, [one.start for one in found]),
    )  # fmt: skip


def last_gate(product: Product, day: date, starts: Sequence[datetime]) -> datetime:
    """When the last gate closes of the periods that start then; of the whole day where none does."""
    made = gates(product, day)
    own = np.isin(made.periods.edges[:-1].astype("datetime64[s]"), [stamp(start) for start in starts])
    return local(made.closes[own].max() if own.any() else made.closes.max(), product.time_zone)


def require(bid: Bid, product: Product, at: datetime) -> None:
    """Refuse what the market would refuse.

    Raises:
        ConfigError: lists all that is wrong, each with what is accepted.
    """
    if found := list(refusals(bid, product, at)):
        raise ConfigError(f"bid for {product.name} on {bid.day}", found)


def refusals(bid: Bid, product: Product, at: datetime) -> Iterator[Problem]:
    """All that is wrong with a bid that is sent at a moment."""
    if bid.product != product.name:
        yield Problem("product", f"is '{bid.product}', the bid is held against '{product.name}'", product.name)
    if bid.side not in product.sides:
        yield Problem("side", f"cannot be '{bid.side}' (found {bid.side})", " or ".join(product.sides))
    if not product.holds(bid.day):
        yield Problem("day", f"{bid.day} is no day of this product", f"delivery days {product.span}")
        return
    if not bid.periods and not bid.blocks:
        yield Problem("periods", "are empty", "a period with a step, or a block order")
    gate = gates(product, bid.day)
    starts = {int(edge): place for place, edge in enumerate(gate.periods.edges[:-1].astype(np.int64))}
    yield from _late(bid, product, at)
    seen: set[int] = set()
    for place, period in enumerate(bid.periods):
        path = f"periods[{place}]"
        key = round(period.start.timestamp())
        if key not in starts:
            yield Problem(f"{path}.start", _no_period(period.start, bid.day), _starts(product, bid.day))
            continue
        if key in seen:
            yield Problem(f"{path}.start", f"{period.start.isoformat()} is bid for twice", "each period once")
        seen.add(key)
        yield from _gate(gate.opens[starts[key]], gate.closes[starts[key]], product, at, path)
        yield from _steps(bid, period, product, path)
    yield from _blocks(bid, product, at, starts)


def _late(bid: Bid, product: Product, at: datetime) -> Iterator[Problem]:
    """Where one gate is for the whole day, that is said once."""
    if product.closes.moment is None or not (bid.periods or bid.blocks):
        return
    gate = gates(product, bid.day)
    yield from _closed(gate.opens[0], gate.closes[0], product, at, "gate")


def _gate(opens: np.datetime64, closes: np.datetime64, product: Product, at: datetime, path: str) -> Iterator[Problem]:
    if product.closes.moment is None:
        yield from _closed(opens, closes, product, at, path)


def _closed(
    opens: np.datetime64, closes: np.datetime64, product: Product, at: datetime, path: str
) -> Iterator[Problem]:
    first, last = (local(moment, product.time_zone) for moment in (opens, closes))
    accepted = f"from {first:%Y-%m-%d %H:%M} until before {last:%Y-%m-%d %H:%M} ({product.time_zone})"
    now = local(stamp(at), product.time_zone)
    if stamp(at) >= closes:
        yield Problem(path, f"is closed: the bid is of {now:%Y-%m-%d %H:%M}, too late", accepted)
    elif stamp(at) < opens:
        yield Problem(path, f"is not open yet: the bid is of {now:%Y-%m-%d %H:%M}, too early", accepted)


def _steps(bid: Bid, period: BidPeriod, product: Product, path: str) -> Iterator[Problem]:
    if len(period.steps) > product.steps_max:
        yield Problem(f"{path}.steps", f"are {len(period.steps)}", f"at most {product.steps_max}")
    yield from _quantity(period.quantity_kw, product, f"{path}.steps")
    for k, step in enumerate(period.steps):
        here = f"{path}.steps[{k}]"
        if not _whole(step.quantity_kw, product.quantity_step_kw):
            accepted = f"a multiple of {product.quantity_step_kw:g} kW"
            yield Problem(f"{here}.quantity_kw", f"is {step.quantity_kw:g} kW", accepted)
        yield from _price(step.price, product, f"{here}.price")
        if step.energy_price_per_kwh is not None and not product.energy_price:
            yield Problem(f"{here}.energy_price_per_kwh", "is no part of this product", "nothing")
    prices = [step.price for step in period.steps]
    order = sorted(prices, reverse=bid.buys(product))
    if prices != order:
        accepted = "falling prices of what is bought" if bid.buys(product) else "rising prices"
        yield Problem(f"{path}.steps", f"have prices {', '.join(f'{p:g}' for p in prices)}", accepted)


def _quantity(quantity_kw: float, product: Product, path: str) -> Iterator[Problem]:
    if quantity_kw < product.quantity_min_kw * (1 - _RELATIVE):
        yield Problem(path, f"give {quantity_kw:g} kW, too little", f"{product.quantity_min_kw:g} kW or more")
    if product.quantity_max_kw is not None and quantity_kw > product.quantity_max_kw * (1 + _RELATIVE):
        yield Problem(path, f"give {quantity_kw:g} kW, too much", f"at most {product.quantity_max_kw:g} kW")


def beyond_limits(price: float, product: Product, path: str) -> Iterator[Problem]:
    """A price that no bid of the product can have, and no award of one."""
    low, high = product.price_min, product.price_max
    if (low is not None and price < low) or (high is not None and price > high):
        limits = [f"{low:g} or more" if low is not None else "", f"{high:g} or less" if high is not None else ""]
        yield Problem(path, f"is {price:g} {product.price_unit}", " and ".join(filter(None, limits)))


def _price(price: float, product: Product, path: str) -> Iterator[Problem]:
    yield from beyond_limits(price, product, path)
    if not _whole(price, product.price_step):
        yield Problem(path, f"is {price:g} {product.price_unit}", f"a multiple of {product.price_step:g}")


def _blocks(bid: Bid, product: Product, at: datetime, starts: dict[int, int]) -> Iterator[Problem]:
    gate = gates(product, bid.day)
    ends = set(gate.periods.edges[1:].astype(np.int64).tolist())
    for place, block in enumerate(bid.blocks):
        path = f"blocks[{place}]"
        if not product.block_orders:
            yield Problem(path, "is a block order, which this product has not", "periods alone")
            continue
        first = starts.get(round(block.start.timestamp()))
        if first is None or block.end <= block.start or round(block.end.timestamp()) not in ends:
            yield Problem(path, _no_period(block.start, bid.day), _starts(product, bid.day))
            continue
        yield from _gate(gate.opens[first], gate.closes[first], product, at, path)
        yield from _quantity(block.quantity_kw, product, f"{path}.quantity_kw")
        if not _whole(block.quantity_kw, product.quantity_step_kw):
            accepted = f"a multiple of {product.quantity_step_kw:g} kW"
            yield Problem(f"{path}.quantity_kw", f"is {block.quantity_kw:g} kW", accepted)
        yield from _price(block.price, product, f"{path}.price")


def _whole(value: float, unit: float) -> bool:
    return abs(value / unit - round(value / unit)) <= _RELATIVE


def _no_period(start: datetime, day: date) -> str:
    return f"no period of {day} starts at {start.isoformat()}"


def _starts(product: Product, day: date) -> str:
    return starts_of(product, gates(product, day).periods)


def starts_of(product: Product, made: Horizon) -> str:
    """When periods start, in words."""
    first, last = made.local_start[0], made.local_start[-1]
    return f"{first.isoformat()} to {last.isoformat()} in steps of {product.period_minutes} min"
