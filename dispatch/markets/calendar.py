"""Delivery periods and gates of a product on its market's clock; days on which the clock changes are ordinary days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from dispatch.errors import DataError
from dispatch.markets.product import Product
from dispatch.signals import Horizon

_FAR_DAYS = 60  # no gate of the markets we know opens earlier than that before it closes


@dataclass(frozen=True)
class Gates:
    """When each period of a delivery day may be bid for.

    Attributes:
        periods: the P delivery periods.
        opens, closes: (P,) ``datetime64[s]``, UTC; a bid at the moment of closing is too late.
    """

    periods: Horizon
    opens: NDArray[np.datetime64]
    closes: NDArray[np.datetime64]


def stamp(at: datetime) -> np.datetime64:
    """A zone-aware time as UTC seconds.

    Raises:
        DataError: it has no offset.
    """
    if at.utcoffset() is None:
        raise DataError(f"the time {at.isoformat()} has no offset from UTC; write it like 2026-01-15T09:00+01:00")
    return np.datetime64(round(at.timestamp()), "s")


def local(moment: np.datetime64, zone: str) -> datetime:
    """UTC seconds on a clock."""
    return datetime.fromtimestamp(int(moment.astype("datetime64[s]").astype(np.int64)), ZoneInfo(zone))


def periods(product: Product, day: date) -> Horizon:
    """The delivery periods of a day: quarter-hours and the like in equal steps, longer ones by the clock.

    Raises:
        DataError: the day is no whole number of periods.
    """
    first, last = (moment.on(day, product.time_zone) for moment in (product.day_starts, product.day_ends))
    if product.period_minutes <= 60:
        if (last - first) % timedelta(minutes=product.period_minutes):
            raise DataError(f"{product.name}: {day} is no whole number of {product.period_minutes}-minute periods")
        return Horizon.between(first, last, product.time_zone, product.period_minutes)
    zone = ZoneInfo(product.time_zone)
    wall, end = first.astimezone(zone).replace(tzinfo=None), last.astimezone(zone).replace(tzinfo=None)
    edges = []
    while wall < end:
        edges.append(wall.replace(tzinfo=zone).astimezone(UTC))
        wall += timedelta(minutes=product.period_minutes)
    return Horizon(np.array([stamp(edge) for edge in (*edges, last)]), product.time_zone)


def gates(product: Product, day: date) -> Gates:
    """Opening and closing of every period of a delivery day.

    Raises:
        DataError: the product is not for that day.
    """
    if not product.holds(day):
        raise DataError(f"{product.name}: is not for {day}; it is for delivery days {product.span}")
    made = periods(product, day)
    opens = np.full(made.steps, stamp(product.opens.on(day, product.time_zone)))
    if (moment := product.closes.moment) is not None:
        return Gates(made, opens, np.full(made.steps, stamp(moment.on(day, product.time_zone))))
    before = np.timedelta64(round(60 * float(product.closes.minutes_before or 0.0)), "s")
    closes: NDArray[np.datetime64] = np.asarray(made.edges[:-1].astype("datetime64[s]") - before, "datetime64[s]")
    return Gates(made, opens, closes)


@dataclass(frozen=True)
class NextGate:
    """The gate that closes next: of which delivery day, and when, on the market's clock."""

    day: date
    opens: datetime
    closes: datetime
    open_now: bool


def next_gate(product: Product, at: datetime) -> NextGate:
    """The earliest closing after a moment.

    Raises:
        DataError: the product is for no later day.
    """
    now, zone = stamp(at), product.time_zone
    today = local(now, zone).date()
    for ahead in range(-1, _FAR_DAYS):
        day = today + timedelta(days=ahead)
        if not product.holds(day):
            continue
        found = gates(product, day)
        later = np.flatnonzero(found.closes > now)
        if later.size:
            first = later[np.argmin(found.closes[later])]
            opens, closes = found.opens[first], found.closes[first]
            return NextGate(day, local(opens, zone), local(closes, zone), bool(opens <= now))
    raise DataError(f"{product.name}: no gate closes after {at.isoformat()}; it is for delivery days {product.span}")
