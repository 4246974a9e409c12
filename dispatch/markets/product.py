"""What can be sold where: one product of one market, as data with its source and the days it is for."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from dispatch.fields.frozen import Finite, Fraction, Frozen, NonNegative, Positive

Kind = Literal["energy", "capacity", "response"]
Side = Literal["up", "down"]
Basis = Literal["per_mwh", "per_kwh", "per_mw_h", "per_mw_period", "per_kw_period"]

BASES = {
    "per_mwh": "{}/MWh",
    "per_kwh": "{}/kWh",
    "per_mw_h": "{}/MW per hour",
    "per_mw_period": "{}/MW per period",
    "per_kw_period": "{}/kW per period",
}
_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")


def _clock(text: str) -> str:
    match = _CLOCK.fullmatch(text)
    if match is None or (match[1] == "24" and match[2] != "00"):
        raise ValueError(f"'{text}' is no time of day; write it like 09:30, the end of a day as 24:00")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"'{text}' is no time zone; write an IANA name, like Europe/Berlin") from None
    return text


Clock = Annotated[str, AfterValidator(_clock)]
Zone = Annotated[str, AfterValidator(_zone)]


class Moment(Frozen):
    """A time of day on the market's clock, some days before the delivery day.

    Attributes:
        at: the time of day, like 12:00; 24:00 is the next midnight.
        days_before: days before the delivery day.
    """

    at: Clock
    days_before: int = 0

    def on(self, day: date, zone: str) -> datetime:
        """The moment for a delivery day, in UTC; where the clock is put back, its first occurrence."""
        hour, minute = map(int, self.at.split(":"))
        local = datetime.combine(day - timedelta(days=self.days_before), time(), ZoneInfo(zone))
        # Wall-clock arithmetic: 12:00 stays 12:00 on the days on which the clock is changed.
        return (local + timedelta(hours=hour, minutes=minute)).astimezone(UTC)

    def __str__(self) -> str:
        day = {0: "on the day", 1: "on the day before"}.get(self.days_before, f"{self.days_before} days before")
        return f"{self.at} {day}"


class Closing(Frozen):
    """When bids are closed: at a time of day for the whole delivery day, or so long before each of its periods.

    Attributes:
        at: the time of day, like 12:00.
        days_before: days before the delivery day.
        minutes_before: how long before a period begins.
    """

    at: Clock | None = None
    days_before: int = 0
    minutes_before: NonNegative | None = None

    @model_validator(mode="after")
    def _one(self) -> Closing:
        if (self.at is None) == (self.minutes_before is None):
            raise ValueError("says both or neither of 'at' and 'minutes_before'; write one of them")
        return self

    @property
    def moment(self) -> Moment | None:
        """Of the whole day, where there is one."""
        return Moment(at=self.at, days_before=self.days_before) if self.at is not None else None

    def __str__(self) -> str:
        return str(self.moment) if self.moment else f"{self.minutes_before:g} min before each period"


class Delivery(Frozen):
    """How a delivery is judged and what follows from it; shares are of the award in a period.

    Attributes:
        pays: is the award paid, or what was delivered of it?
        full_from: from this share on a delivery counts as whole: nothing is short.
        nothing_below: below this share nothing is paid.
        paid_up_to: more than this share is not paid.
        penalty_factor: of the price, for each kWh that is short.
        penalty_price_per_kwh: money for each kWh that is short, in the product's currency per kWh.
        availability_from: below this share of periods with a whole delivery a capacity payment is lost.
        imbalance: how deviations from a sale are settled, by one price for both directions or by two.
    """

    pays: Literal["award", "delivered"] = "delivered"
    full_from: Fraction = 1.0
    nothing_below: Fraction = 0.0
    paid_up_to: Annotated[Finite, Field(ge=1)] = 1.0
    penalty_factor: NonNegative = 0.0
    penalty_price_per_kwh: NonNegative = 0.0
    availability_from: Fraction = 0.0
    imbalance: Literal["none", "single", "dual"] = "none"


class Product(Frozen):
    """One product.

    Attributes:
        market: who runs it.
        sides: what may be offered. Up is less drawn from the grid or more fed in, down the other way.
        symmetric: must a bid hold in both directions alike?
        day_starts, day_ends: of the delivery day on the market's clock.
        period_minutes: of what is bid for; of more than an hour they follow the clock (00:00, 04:00, …), so that those
            over a change of the clock are an hour longer or shorter.
        quantity_min_kw, quantity_max_kw: least and most of a bid.
        quantity_step_kw: quantities are multiples of it.
        price_basis: what a price is for.
        price_min, price_max: lowest and highest price of a bid.
        price_step: prices are multiples of it.
        pricing: what is paid: the clearing price, the bid's own, or a fixed one.
        energy_price: may a bid of capacity name a price of activated energy, too?
        steps_max: price steps of a curve.
        block_orders: may several periods be bid as one?
        accessed: when the source was read.
        valid_from, valid_to: first and last delivery day that it is for.
        verified: false where nobody has held the numbers against the source.
        note: what a reader should know.
    """

    name: str = Field(min_length=1)
    title: str
    market: str
    kind: Kind
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    time_zone: Zone
    sides: tuple[Side, ...] = ("up", "down")
    symmetric: bool = False
    opens: Moment
    closes: Closing
    day_starts: Moment = Moment(at="00:00")
    day_ends: Moment = Moment(at="24:00")
    period_minutes: Annotated[int, Field(gt=0, le=1440)]
    quantity_min_kw: Positive
    quantity_step_kw: Positive
    quantity_max_kw: Positive | None = None
    price_basis: Basis
    price_min: Finite | None = None
    price_max: Finite | None = None
    price_step: Positive = 0.01
    pricing: Literal["clearing", "bid", "fixed"] = "clearing"
    energy_price: bool = False
    steps_max: Annotated[int, Field(ge=1)] = 20
    block_orders: bool = False
    delivery: Delivery = Delivery()
    source: str = Field(min_length=1)
    accessed: date
    valid_from: date
    valid_to: date | None = None
    verified: bool = True
    note: str = ""

    @property
    def price_unit(self) -> str:
        """Such as EUR/MWh."""
        return BASES[self.price_basis].format(self.currency)

    @property
    def span(self) -> str:
        """The delivery days it is for, in words."""
        return f"{self.valid_from} to {self.valid_to}" if self.valid_to else f"from {self.valid_from}"

    @property
    def not_planned(self) -> str:
        """Why no plan carries an award of it out; empty where plans do."""
        text = "is capacity that is held ready: schedules here give what is won, and hold nothing back"
        return text if self.kind == "capacity" else ""

    def holds(self, day: date) -> bool:
        """Is it for that delivery day?"""
        return self.valid_from <= day <= (self.valid_to or date.max)

    def per_kw_h(self, hours: float) -> float:
        """Money for a kW over an hour of a period at a price of one.

        Args:
            hours: length of the period.
        """
        return {
            "per_mwh": 1e-3,
            "per_kwh": 1.0,
            "per_mw_h": 1e-3,
            "per_mw_period": 1e-3 / hours,
            "per_kw_period": 1.0 / hours,
        }[self.price_basis]
