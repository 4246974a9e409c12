"""A portfolio's awards from meters to money: baselines of its sites, their deliveries, settlement and split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from dispatch.errors import AlignmentError, DataError
from dispatch.markets import alongside
from dispatch.markets.alongside import Other
from dispatch.markets.awards import Award
from dispatch.markets.baselines.days import Days, Event, by_day
from dispatch.markets.baselines.estimate import NOTHING, Beside, baseline, estimate
from dispatch.markets.baselines.methods import Method
from dispatch.markets.calendar import local, periods
from dispatch.markets.delivery import by_period, delivered
from dispatch.markets.gaps import Gap, Gaps, told
from dispatch.markets.product import Product
from dispatch.markets.settlement import Facts, Settlement, Terms, settle
from dispatch.markets.split import By, Split, split
from dispatch.signals import Array, Horizon

Times = NDArray[np.datetime64]


@dataclass(frozen=True)
class Metered:
    """Net import of N sites over T steps [kW], below 0 where they feed in; NaN where it is not known."""

    sites: tuple[str, ...]
    steps: Horizon
    net_import_kw: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "net_import_kw", np.asarray(self.net_import_kw, float))
        wanted = (len(self.sites), self.steps.steps)
        if self.net_import_kw.shape != wanted:
            raise AlignmentError(f"meters have shape {self.net_import_kw.shape}; accepted: {wanted}, sites by steps")


@dataclass(frozen=True)
class Asked:
    """The periods of some awards in which something is asked for.

    Attributes:
        start, end: (P,) UTC.
        kw, price: (P,) of the awards.
        energy_price_per_kwh: (P,) of activated capacity; None where no award names one.
    """

    start: Times
    end: Times
    kw: Array
    price: Array
    energy_price_per_kwh: Array | None = None

    @property
    def hours(self) -> Array:
        """(P,)."""
        return np.asarray((self.end - self.start) / np.timedelta64(3600, "s"))


def asked(product: Product, awards: Sequence[Award]) -> Asked:
    """The awarded periods in the order of time.

    Raises:
        DataError: awards of other products or directions, a day twice, or nothing awarded.
    """
    if not awards:
        raise DataError("there is no award to settle; accepted: one or more")
    days = [award.day for award in awards]
    if len(set(days)) < len(days):
        raise DataError(f"{product.name}: a day has two awards; accepted: one award a day and direction")
    parts = []
    for award in sorted(awards, key=lambda one: one.day):
        if award.product != product.name or award.side != awards[0].side:
            raise DataError(
                f"award of {award.product} {award.side} among those of {product.name} {awards[0].side}; accepted: one "
                "product and direction at a time"
            )
        made, kw = periods(product, award.day), award.quantity_kw(product)
        some = kw > 0
        energy = award.energy_price_per_kwh(product)
        parts.append((made.edges[:-1][some], made.edges[1:][some], kw[some], award.price(product)[some], energy[some]))
    start, end, kw, price, energy = (np.concatenate(column) for column in zip(*parts, strict=True))
    if not start.size:
        raise DataError(f"{product.name}: nothing was awarded; accepted: a period with a quantity")
    return Asked(start, end, kw, price, None if np.isnan(energy).any() else energy)


def events(days: Days, asks: Asked) -> list[Event]:
    """One event for each day, from its first awarded period to its last.

    Raises:
        DataError: the meters do not know a day, or their steps do not fit the periods.
    """
    found: dict[date, list[int]] = {}
    for first, last in zip(asks.start, asks.end, strict=True):
        at, until = local(first, days.time_zone), local(last, days.time_zone)
        over = (until.date() - at.date()).days * 1440
        wall = [at.hour * 60 + at.minute, until.hour * 60 + until.minute + over]
        slot = [minutes * days.slots / 1440 for minutes in wall]
        if slot[0] % 1 or slot[1] % 1:
            raise DataError(f"the period from {at.isoformat()} does not begin and end with steps of the meters")
        days.place(at.date())
        span = found.setdefault(at.date(), [days.slots, 0])
        span[0], span[1] = min(span[0], int(slot[0])), max(span[1], min(int(slot[1]), days.slots))
    return [Event(day, first, last) for day, (first, last) in found.items()]


def baselines(
    method: Method,
    metered: Metered,
    asks: Asked,
    holidays: Iterable[date] = (),
    beside: Beside = NOTHING,
    called: Iterable[date] = (),
    whole: bool = True,
) -> Array:
    """(N, T) baselines of all sites during the awards' events, NaN elsewhere; no event day is used for another's.

    Args:
        called: days with other awards, which no baseline is made of either.
        whole: refuse sites of which too little is known; else they are NaN.

    Raises:
        DataError: too few readings; says for whom.
    """
    days = by_day(metered.net_import_kw, metered.steps, holidays, called)
    found = events(days, asks)
    days = replace(days.with_events(event.day for event in found), names=metered.sites)
    flat, made = np.full((days.meters, len(days.dates) * days.slots), np.nan), baseline if whole else estimate
    for event in found:
        at = days.place(event.day) * days.slots
        flat[:, at + event.first : at + event.last] = made(method, days, event, beside)
    starts = metered.steps.local_start
    where = [days.place(t.date()) * days.slots + (t.hour * 60 + t.minute) * days.slots // 1440 for t in starts]
    return np.asarray(flat[:, np.array(where)])


@dataclass(frozen=True)
class Prices:
    """What settlement needs beside meters, all (P,) over the asked periods."""

    surplus_per_kwh: Array | None = None
    shortage_per_kwh: Array | None = None
    available: Array | None = None
    activated_kw: Array | None = None


@dataclass(frozen=True)
class Settled:
    """A settlement with what each site delivered and was to deliver, (N, P) [kW].

    Attributes:
        delivered_kw: NaN where it is not known: that part of the award is not in the settlement.
        gaps: what is not known, by site and time; empty where all is, and the settlement final.
    """

    settlement: Settlement
    sites: tuple[str, ...]
    delivered_kw: Array
    award_kw: Array
    notes: tuple[str, ...] = field(default=())
    gaps: tuple[Gap, ...] = field(default=())

    @property
    def open_kwh(self) -> float:
        """What of the award is not settled."""
        return float(sum(one.awarded_kwh for one in self.gaps))

    def split(self, by: By) -> Split:
        """What each site gets; sites of which nothing is known stand under the gaps."""
        return split(self.settlement, *self.counted(), by)

    def counted(self) -> tuple[tuple[str, ...], Array, Array]:
        """Sites of which something is known, what they delivered and what of it they were to, (N, P) [kW]."""
        known = np.isfinite(self.delivered_kw)
        some = known.any(axis=1)
        given, asked_of = (np.where(known, kw, 0.0)[some] for kw in (self.delivered_kw, self.award_kw))
        return tuple(np.array(self.sites, object)[some]), given, asked_of


def settle_awards(
    product: Product,
    awards: Sequence[Award],
    metered: Metered,
    baseline_kw: Array,
    setpoint_kw: Array | None = None,
    prices: Prices | None = None,
    others: Sequence[Other] = (),
    whole: bool = True,
) -> Settled:
    """Meters against baselines against awards, in money.

    Args:
        baseline_kw: (N, T) net import without the awards, and without the others.
        setpoint_kw: (N, T) what each site was to give; by default the award in equal parts.
        others: other awards of these sites, which meters show too.
        whole: refuse an award of which something is not known; else it is settled for what is: parts of sites that
            lack something are left out of it, and named.

    Raises:
        DataError: readings are missing, or something that the product's rules need.
        AlignmentError: steps that do not fit.
    """
    asks, known = asked(product, awards), prices or Prices()
    side, called = awards[0].side, _called(product, asks, known)
    base, read = (by_period(v, metered.steps, asks.start, asks.end) for v in (baseline_kw, metered.net_import_kw))
    parts, note = _parts(asks, metered, setpoint_kw)
    lacking = Gaps.of(base, read, parts, called > 0)
    _require_known(metered, asks, lacking, whole)
    asks_of = alongside.Asked(side, asks.start, asks.end, asks.kw, parts * called)
    there = np.isfinite(base) & np.isfinite(read)
    shown = delivered(np.where(there, base, 0.0), np.where(there, read, 0.0), side)
    given = np.where(lacking.any_of_it, np.nan, alongside.own_part(asks_of, shown, others, metered.steps))
    if others:
        note += (f"Of what meters show a part counts for other awards: {', '.join(one.award for one in others)}.",)
    gaps = lacking.rows(metered.sites, asks.start, asks.end, parts)
    note += (told(gaps, metered.steps.time_zone),) if gaps else ()
    made = _of_known(
        Terms(product, side, asks.hours, asks.kw, asks.price, asks.energy_price_per_kwh), known, given, parts
    )
    return Settled(settle(*made, asks.start, asks.end, awards[0].portfolio), metered.sites, given, parts, note, gaps)


def _require_known(metered: Metered, asks: Asked, lacking: Gaps, whole: bool) -> None:
    """Refuse an award of which something is missing, if all is wanted, or of which nothing is there.

    Raises:
        DataError: names the first.
    """
    if not (lacking.any_of_it.any() if whole else lacking.any_of_it.all()):
        return
    for what, missing in (("reading", lacking.readings), ("baseline", lacking.baseline)):
        if (found := np.argwhere(missing)).size:
            site, period = found[0]
            start = local(asks.start[period], metered.steps.time_zone).isoformat()
            each = "a number for each site and awarded period; estimate it first, and say so"
            one = "both of one site or more, all through an awarded period"
            raise DataError(
                f"the {what} of '{metered.sites[site]}' from {start} is missing, {len(found)} in all; accepted: "
                f"{each if whole else one}"
            )


def _of_known(terms: Terms, known: Prices, given_kw: Array, parts_kw: Array) -> tuple[Terms, Facts]:
    """What was agreed and what happened, both less the parts of sites of which it is not known."""
    there = np.isfinite(given_kw)
    left = np.where(there, parts_kw, 0.0).sum(axis=0)
    award = np.where(there.all(axis=0), terms.award_kw, left)
    activated = None if known.activated_kw is None else known.activated_kw * (award / terms.award_kw)
    delivered_kw = np.where(there, given_kw, 0.0).sum(axis=0)
    facts = Facts(delivered_kw, known.available, activated, known.surplus_per_kwh, known.shortage_per_kwh)
    return replace(terms, award_kw=award), facts


def _called(product: Product, asks: Asked, known: Prices) -> Array:
    """(P,) share of an award that was asked for: of capacity what was activated, else all."""
    if product.kind != "capacity":
        return np.ones(asks.kw.size)
    return np.zeros(asks.kw.size) if known.activated_kw is None else np.asarray(known.activated_kw / asks.kw)


def _parts(asks: Asked, metered: Metered, setpoint_kw: Array | None) -> tuple[Array, tuple[str, ...]]:
    """(N, P) each site's part of the award: by its set-points, which are scaled to the award."""
    if setpoint_kw is None:
        count = len(metered.sites)
        return np.tile(asks.kw / count, (count, 1)), (
            "No set-points were given: the award counts as asked of all alike.",
        )
    own = by_period(setpoint_kw, metered.steps, asks.start, asks.end)
    if np.isnan(own).any():
        raise DataError("set-points are missing in awarded periods; accepted: one for each site and step, 0 included")
    total = own.sum(axis=0)
    off = np.abs(total - asks.kw) > 1e-3 * np.maximum(asks.kw, 1.0)
    note = f"Set-points do not add up to the award in {int(off.sum())} of {off.size} periods; parts are scaled to it."
    alike = np.full_like(own, 1.0 / own.shape[0])
    share = np.where(total > 0, own / np.where(total > 0, total, 1.0), alike)
    return share * asks.kw, (note,) if off.any() else ()
