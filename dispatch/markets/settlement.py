r"""Money for an award and what was delivered of it: every line a quantity times a price, to the cent.

.. math:: R = Σ_{lines} ± \mathrm{round}(q · p)

with q the quantity [kWh, or kW kept ready times hours] and p the price [money per unit]; plus where the market pays,
minus where the portfolio does. Lines are

- *energy* and *response*: the award, or what counts of the delivery, times its price (bought energy is paid by us);
- *capacity*: award × availability × price, and nothing where the availability over all periods is below the rule's;
- *unavailability*: what was not ready, times the rule's factor of the price;
- *activation*: what counts of the activated energy, times the energy price;
- *imbalance*: what deviates from a sale or purchase, surplus and shortage each at its price (one price, or two);
- *penalty*: what is short, times the rule's factor of the price and the rule's own price.

The arrays may have axes before the periods (coalitions of sites): only the last is a period.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dispatch.errors import DataError
from dispatch.markets.delivery import Checked, check
from dispatch.markets.product import Product, Side
from dispatch.signals import Array

CENTS = 100
Cents = NDArray[np.int64]


@dataclass(frozen=True)
class Item:
    """One kind of line, for every period.

    Attributes:
        to_us: does the market pay it (else the portfolio)?
        formula: what the quantity and the price are, in words.
    """

    kind: str
    to_us: bool
    formula: str
    unit: str
    quantity: Array
    price: Array

    @property
    def money(self) -> Array:
        """To the portfolio, not rounded."""
        return np.asarray(self.quantity * self.price * (1 if self.to_us else -1))

    @property
    def cents(self) -> Cents:
        """To the portfolio, each line rounded by itself, halves to even."""
        amount = np.rint(self.quantity * self.price * CENTS).astype(np.int64)
        return amount if self.to_us else -amount


@dataclass(frozen=True)
class Facts:
    """What happened and what it cost, (P,) or (…, P).

    Attributes:
        delivered_kw: against the baseline, in the award's direction.
        available: of capacity, the share that was ready; needed for it.
        activated_kw: of capacity, what was called.
        surplus_price_per_kwh, shortage_price_per_kwh: of imbalance; one price stands in both.
    """

    delivered_kw: Array
    available: Array | None = None
    activated_kw: Array | None = None
    surplus_price_per_kwh: Array | None = None
    shortage_price_per_kwh: Array | None = None


@dataclass(frozen=True)
class Terms:
    """What was agreed of a product: award [kW] and price [the product's unit] in P periods of so many hours."""

    product: Product
    side: Side
    hours: Array
    award_kw: Array
    price: Array
    energy_price_per_kwh: Array | None = None

    @property
    def price_per_kwh(self) -> Array:
        """(P,) money for a kW over an hour."""
        factor = np.array([self.product.per_kw_h(float(h)) for h in self.hours])
        return np.asarray(self.price * factor)


def items(terms: Terms, facts: Facts) -> tuple[Item, ...]:
    """All lines.

    Raises:
        DataError: a price or an availability that the product's rules need is missing.
    """
    if terms.product.kind == "capacity":
        return tuple(_capacity(terms, facts))
    checked = check(terms.product.delivery, terms.award_kw, facts.delivered_kw)
    return tuple(_energy(terms, facts, checked))


def _energy(terms: Terms, facts: Facts, checked: Checked) -> Iterator[Item]:
    product, price = terms.product, terms.price_per_kwh
    rules, to_us = product.delivery, not (product.kind == "energy" and terms.side == "down")
    if rules.pays == "award":
        yield Item(product.kind, to_us, "award × price", "kWh", checked.award_kw * terms.hours, price)
    else:
        yield Item(product.kind, to_us, "counted delivery × price", "kWh", checked.counted_kw * terms.hours, price)
    if rules.imbalance != "none":
        yield from _imbalance(terms, facts, checked)
    yield from _penalties(terms, checked, price)


def _imbalance(terms: Terms, facts: Facts, checked: Checked) -> Iterator[Item]:
    """More sold energy than delivered, or more drawn than bought, is a shortage, which we pay."""
    surplus, shortage = facts.surplus_price_per_kwh, facts.shortage_price_per_kwh
    if surplus is None or shortage is None:
        raise DataError(f"{terms.product.name} is settled with imbalance: give its prices, of surplus and of shortage")
    if terms.product.delivery.imbalance == "single" and not np.array_equal(surplus, shortage):
        raise DataError(
            f"{terms.product.name} has one imbalance price; accepted: the same for surplus and for shortage"
        )
    more = (checked.delivered_kw - checked.award_kw) * terms.hours
    more = more if terms.side == "up" else -more
    yield Item("imbalance", True, "surplus × surplus price", "kWh", np.maximum(more, 0.0), surplus)
    yield Item("imbalance", False, "shortage × shortage price", "kWh", np.maximum(-more, 0.0), shortage)


def _penalties(terms: Terms, checked: Checked, price: Array) -> Iterator[Item]:
    rules, short_kwh = terms.product.delivery, checked.short_kw * terms.hours
    if rules.penalty_factor > 0:
        text = f"short × {rules.penalty_factor:g} × price"
        yield Item("penalty", False, text, "kWh", short_kwh, rules.penalty_factor * np.abs(price))
    if rules.penalty_price_per_kwh > 0:
        fixed = np.full(terms.hours.size, rules.penalty_price_per_kwh)
        yield Item("penalty", False, "short × penalty price", "kWh", short_kwh, fixed)


def _capacity(terms: Terms, facts: Facts) -> Iterator[Item]:
    if facts.available is None:
        raise DataError(f"{terms.product.name} pays for capacity: give the share of it that was ready in each period")
    available = np.asarray(facts.available, float)
    if not ((available >= 0) & (available <= 1)).all():
        raise DataError("a share of capacity that was ready is below 0 or above 1; accepted: 0 to 1")
    price, rules = terms.price_per_kwh, terms.product.delivery
    kw_h = terms.award_kw * terms.hours
    asked = kw_h.sum(axis=-1, keepdims=True)
    mean = (kw_h * available).sum(axis=-1, keepdims=True) / np.where(asked > 0, asked, 1.0)
    kept = np.where((asked == 0) | (mean >= rules.availability_from - 1e-12), kw_h * available, 0.0)
    yield Item("capacity", True, "award × availability × price", "kW·h", kept, price)
    if rules.penalty_factor > 0:
        text = f"award × (1 − availability) × {rules.penalty_factor:g} × price"
        yield Item("unavailability", False, text, "kW·h", kw_h * (1 - available), rules.penalty_factor * np.abs(price))
    if facts.activated_kw is not None:
        yield from _activation(terms, facts)


def _activation(terms: Terms, facts: Facts) -> Iterator[Item]:
    assert facts.activated_kw is not None
    if terms.energy_price_per_kwh is None:
        raise DataError(f"{terms.product.name} was activated: give the price of its energy")
    checked = check(terms.product.delivery, facts.activated_kw, facts.delivered_kw)
    price = np.asarray(terms.energy_price_per_kwh, float)
    counted = checked.counted_kw * terms.hours
    yield Item("activation", True, "counted activated energy × energy price", "kWh", counted, price)
    yield from _penalties(terms, checked, price)


def money(terms: Terms, facts: Facts) -> Array:
    """(…,) all lines together, not rounded."""
    parts = [item.money for item in items(terms, facts)]
    return np.asarray(np.sum(np.broadcast_arrays(*parts), axis=0).sum(axis=-1))


@dataclass(frozen=True)
class Settlement:
    """The settlement of a portfolio.

    Attributes:
        start, end: (P,) ``datetime64[s]``, UTC.
        lines: each of P periods.
    """

    terms: Terms
    facts: Facts
    start: NDArray[np.datetime64]
    end: NDArray[np.datetime64]
    lines: tuple[Item, ...]
    portfolio: str = ""

    @property
    def cents(self) -> int:
        """The sum of all rounded lines."""
        return int(sum(int(line.cents.sum()) for line in self.lines))

    @property
    def checked(self) -> Checked:
        """Delivery against what was asked for: of capacity what was activated."""
        asked = self.terms.award_kw
        if self.terms.product.kind == "capacity":
            asked = np.zeros_like(asked) if self.facts.activated_kw is None else self.facts.activated_kw
        return check(self.terms.product.delivery, asked, self.facts.delivered_kw)

    def cents_of(self, kind: str) -> int:
        """Of one kind of line."""
        return int(sum(int(line.cents.sum()) for line in self.lines if line.kind == kind))


def settle(
    terms: Terms, facts: Facts, start: NDArray[np.datetime64], end: NDArray[np.datetime64], portfolio: str = ""
) -> Settlement:
    """All lines of a portfolio; quantities to a millionth, so that what is printed is what is multiplied.

    Raises:
        DataError: arrays of other lengths than the periods, a number that is none, or what :func:`items` says.
    """
    count = start.size
    named = {
        "award": terms.award_kw, "price": terms.price, "hours": terms.hours, "end": end,
        "energy price": terms.energy_price_per_kwh, **{k: getattr(facts, k) for k in facts.__dataclass_fields__},
    }  # fmt: skip
    for name, values in named.items():
        if values is None:
            continue
        if np.shape(values) != (count,):
            raise DataError(
                f"settlement: {name} has shape {np.shape(values)}; accepted: one for each of {count} periods"
            )
        if name != "end" and not np.isfinite(values).all():
            raise DataError(
                f"settlement: {name} of period {int(np.argmax(~np.isfinite(values)))} is missing; accepted: all"
            )
    made = items(terms, facts)
    lines = tuple(replace(one, quantity=np.round(one.quantity, 6), price=np.round(one.price, 9)) for one in made)
    return Settlement(terms, facts, start, end, lines, portfolio)
