"""What a market took of a bid, held against the bid, and what it asks for step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Annotated

import numpy as np
from pydantic import AwareDatetime, Field

from dispatch.errors import ConfigError, DataError, Problem
from dispatch.fields.frozen import Finite, Frozen, NonNegative
from dispatch.flexibility.offers import Flexibility
from dispatch.markets.bids import Bid, BidPeriod, beyond_limits
from dispatch.markets.calendar import periods
from dispatch.markets.curves import cells, merit
from dispatch.markets.product import Product, Side
from dispatch.signals import Array, Horizon

_RELATIVE = 1e-6


class AwardPeriod(Frozen):
    """What is taken in one delivery period, and at what price; ``energy_price_per_kwh`` is for activated capacity."""

    start: AwareDatetime
    quantity_kw: NonNegative
    price: Finite
    energy_price_per_kwh: Finite | None = None


class Award(Frozen):
    """What a market took for a delivery day, in one direction."""

    product: Annotated[str, Field(min_length=1)]
    day: date
    side: Side
    portfolio: str = ""
    periods: tuple[AwardPeriod, ...]

    def quantity_kw(self, product: Product) -> Array:
        """(P,) of every period of the day; nothing where none is named."""
        return self._values(product, "quantity_kw")

    def price(self, product: Product) -> Array:
        """(P,) of every period; 0 where none is named, which is paid for nothing."""
        return self._values(product, "price")

    def energy_price_per_kwh(self, product: Product) -> Array:
        """(P,) of every period; NaN where none is named."""
        return self._values(product, "energy_price_per_kwh", np.nan)

    def _values(self, product: Product, field: str, without: float = 0.0) -> Array:
        made = periods(product, self.day)
        at = {int(edge): place for place, edge in enumerate(made.edges[:-1].astype(np.int64))}
        out = np.full(made.steps, without)
        for one in self.periods:
            key = round(one.start.timestamp())
            if key not in at:
                raise DataError(f"award for {product.name}: no period of {self.day} starts at {one.start.isoformat()}")
            value = getattr(one, field)
            out[at[key]] = without if value is None else value
        return out


def begun_at(award: Award, now: datetime) -> Iterator[tuple[int, AwardPeriod]]:
    """Awarded periods that have begun at a moment, each with its place: no plan can be made for them any more."""
    return ((place, one) for place, one in enumerate(award.periods) if one.quantity_kw > 0 and one.start <= now)


def require(award: Award, bid: Bid, product: Product) -> None:
    """An award that the bid cannot have won is refused.

    Raises:
        ConfigError: lists all that does not fit.
    """
    if found := list(misfits(award, bid, product)):
        raise ConfigError(f"award of {product.name} on {award.day}", found)


def misfits(award: Award, bid: Bid, product: Product) -> Iterator[Problem]:
    """Where an award is not what was bid: other product or day, more than offered, a worse price than asked or none."""
    for field in ("product", "day", "side", "portfolio"):
        own, asked = getattr(award, field), getattr(bid, field)
        if own != asked:
            yield Problem(field, f"is {own}, that of the bid is {asked}", str(asked))
    offered = {round(one.start.timestamp()): one for one in bid.periods}
    seen: set[int] = set()
    for place, one in enumerate(award.periods):
        path, key = f"periods[{place}]", round(one.start.timestamp())
        if key in seen:
            yield Problem(f"{path}.start", f"{one.start.isoformat()} is awarded twice", "each period once")
        seen.add(key)
        blocks = [b for b in bid.blocks if b.start <= one.start < b.end]
        if one.quantity_kw == 0:
            continue
        yield from beyond_limits(one.price, product, f"{path}.price")
        if one.energy_price_per_kwh is not None and not product.energy_price:
            yield Problem(f"{path}.energy_price_per_kwh", "is no part of this product", "nothing")
        if key not in offered and not blocks:
            yield Problem(f"{path}.start", f"{one.start.isoformat()} was not bid for", "a period of the bid")
        elif not blocks:
            yield from _against(one, offered[key], bid, product, path)
        elif one.quantity_kw > sum(b.quantity_kw for b in blocks) + (offered[key].quantity_kw if key in offered else 0):
            yield Problem(f"{path}.quantity_kw", f"is {one.quantity_kw:g} kW", "at most what blocks and curve offer")


def _against(one: AwardPeriod, offer: BidPeriod, bid: Bid, product: Product, path: str) -> Iterator[Problem]:
    most = offer.quantity_kw
    if one.quantity_kw > most * (1 + _RELATIVE):
        yield Problem(f"{path}.quantity_kw", f"is {one.quantity_kw:g} kW", f"at most {most:g} kW, what was offered")
        return
    asked = asked_price(offer, one.quantity_kw, product)
    worse = one.price > asked + _RELATIVE if bid.buys(product) else one.price < asked - _RELATIVE
    if worse:
        limit = "at most" if bid.buys(product) else "at least"
        text = f"is {one.price:g} {product.price_unit} for {one.quantity_kw:g} kW"
        yield Problem(f"{path}.price", text, f"{limit} {asked:g}, as was bid")


def asked_price(offer: BidPeriod, quantity_kw: float, product: Product) -> float:
    """The price asked for a quantity: of its last step where one price clears all, else the mean of its steps."""
    width = np.array([step.quantity_kw for step in offer.steps])
    price = np.array([step.price for step in offer.steps])
    taken = np.clip(quantity_kw - (np.cumsum(width) - width), 0, width)
    if product.pricing == "bid":
        return float(taken @ price / taken.sum())
    return float(price[np.flatnonzero(taken > quantity_kw * _RELATIVE)[-1]])


def span(award: Award, product: Product) -> Horizon | None:
    """The day's periods from the first awarded one to the last; None where nothing is awarded."""
    made, asked = periods(product, award.day), np.flatnonzero(award.quantity_kw(product) > 0)
    return Horizon(made.edges[asked[0] : asked[-1] + 2], made.time_zone) if asked.size else None


def profile(award: Award, product: Product, steps: Horizon) -> Array:
    """(T,) mean kW that the award asks for in each step of a horizon; steps outside its periods are asked nothing.

    Raises:
        AlignmentError: the horizon does not cover the award's periods.
        DataError: the award changes within a step, which no plan in these steps can follow.
    """
    over, quantity = span(award, product), award.quantity_kw(product)
    if over is None:
        return np.zeros(steps.steps)
    pieces = cells(steps, over)
    wanted = quantity[np.argmax(quantity > 0) + pieces.period]
    energy = np.bincount(pieces.step, wanted * pieces.hours, steps.steps)
    mean = np.asarray(energy / steps.hours)
    if (uneven := np.abs(wanted - mean[pieces.step]) > _RELATIVE * quantity.max()).any():
        at = int(pieces.step[uneven][0])
        raise DataError(
            f"award for {product.name}: it changes within the step of {steps.hours[at] * 60:g} min from "
            f"{steps.local_start[at].isoformat()}; accepted: sites planned in steps of {product.period_minutes} min "
            "or shorter, or the same quantity all through a step"
        )
    return mean


def shares(award: Award, product: Product, steps: Horizon, offers: Sequence[Flexibility]) -> Array:
    """(N, T) what each site is to give of the award: the cheapest first, as the bid was priced.

    Blocks hold for a step alone: where sites are short of energy the shares go through a feasibility check.

    Raises:
        DataError: the award asks for more than the sites have.
    """
    return merit(offers, award.side).shares(profile(award, product, steps), len(offers))
