"""The bill of metered powers, line by line: for settlement, and for the audit, which holds the optimiser against it.

Written from the meaning of the components, minute by minute on the clock; it shares no formula with ``terms``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from dispatch.fields.series import signal_values
from dispatch.signals import Array, Horizon
from dispatch.tariff import charges
from dispatch.tariff.calendar import Calendar, Days, minutes_of
from dispatch.tariff.carried import Carried
from dispatch.tariff.charges import Line
from dispatch.tariff.components import Component, DemandBlock, Month, Per

_OFFSET_S = 1800  # offsets from UTC change on the half-hour at the finest
_AFTER = {"power_factor": 1, "minimum": 2, "tax": 3}
_EPOCH = date(1970, 1, 1)


class Clock:
    """A horizon minute by minute in local time, and which minutes a calendar holds."""

    def __init__(self, horizon: Horizon, days: Days) -> None:
        self.horizon, self.days = horizon, days
        self._shares: dict[str, Array] = {}

    @cached_property
    def _utc(self) -> np.ndarray:
        edges = self.horizon.edges.astype("datetime64[s]").astype(np.int64)
        return np.arange(edges[0], edges[-1], 60)

    @cached_property
    def _local(self) -> np.ndarray:
        """(minute,) seconds of the local wall clock."""
        zone = ZoneInfo(self.horizon.time_zone)
        block, place = np.unique(self._utc // _OFFSET_S, return_inverse=True)
        offsets = [datetime.fromtimestamp(int(b) * _OFFSET_S, UTC).astimezone(zone).utcoffset() for b in block]
        return self._utc + np.array([(o or timedelta(0)).total_seconds() for o in offsets], np.int64)[place]

    def periods(self, per: Per) -> list[tuple[str, date, date, np.ndarray]]:
        """The horizon's local days, months or years: name, first day, day after the last, (T,) steps in it."""
        length = {"day": 10, "month": 7, "year": 4}[per]
        own = np.array([f"{start:%Y-%m-%d}"[:length] for start in self.horizon.local_start])
        return [(name, *_days_of(name), own == name) for name in sorted(set(own.tolist()))]

    @cached_property
    def months(self) -> tuple[tuple[Month, str, np.ndarray], ...]:
        """The horizon's months: which, for people, and (T,) which steps are in it."""
        own = self.horizon.month
        found = sorted(set(own))
        return tuple((m, f"{m[0]}-{m[1]:02d}", np.array([month == m for month in own])) for m in found)

    def share(self, component: Component) -> Array:
        """(T,) part of each step's minutes in which a component applies."""
        if component.name not in self._shares:
            edges = self.horizon.edges.astype("datetime64[s]").astype(np.int64)
            held = self._held(component).astype(float)
            starts = np.searchsorted(self._utc, edges[:-1])
            lengths = np.diff(np.append(starts, held.size))
            self._shares[component.name] = np.add.reduceat(held, starts) / lengths
        return self._shares[component.name]

    def _held(self, component: Component) -> np.ndarray:
        """(minute,) does the component apply?"""
        held = np.ones(self._utc.size, bool)
        if component.basis == "coincident":
            spans = [(self._utc >= e.start.timestamp()) & (self._utc < e.end.timestamp()) for e in component.events]
            held &= np.any(spans, axis=0)
        if component.calendar == Calendar() and component.valid_from is None and component.valid_to is None:
            return held
        day, minute = self._local // 86400, self._local % 86400 // 60
        of_day, place = np.unique(day, return_inverse=True)
        dates = [_EPOCH + timedelta(days=int(d)) for d in of_day]
        held &= np.array([self._day_counts(component, d) for d in dates], bool)[place]
        if component.calendar.hours:
            hours = [[minutes_of(edge) for edge in span.split("-")] for span in component.calendar.hours]
            held &= np.any([(minute >= first) & (minute < last) for first, last in hours], axis=0)
        return held

    def _day_counts(self, component: Component, day: date) -> bool:
        calendar = component.calendar
        weekday = 1 if day in self.days.workdays else day.isoweekday()
        seasons = [tuple(edge.strip() for edge in season.split("/")) for season in calendar.seasons]
        return (
            (component.valid_from is None or day >= component.valid_from)
            and (component.valid_to is None or day <= component.valid_to)
            and (not calendar.months or day.month in calendar.months)
            and (not calendar.weekdays or weekday in calendar.weekdays)
            and {"any": True, "only": day in self.days.holidays, "never": day not in self.days.holidays}[
                calendar.holidays
            ]
            and (not seasons or any(_between(f"{day:%m-%d}", first, last) for first, last in seasons))
        )


def _days_of(name: str) -> tuple[date, date]:
    """First day of the day, month or year that is named so, and the day after its last."""
    first = date.fromisoformat(f"{name}-01-01"[:10])
    after = {10: first + timedelta(days=1), 4: date(first.year + 1, 1, 1)}
    return first, after.get(len(name)) or (first + timedelta(days=31)).replace(day=1)


def _days_in_force(component: Component, first: date, after: date) -> int:
    """Days from ``first`` until before ``after`` on which a component is valid and in season."""
    count, day = 0, first
    while day < after:
        valid = (component.valid_from or day) <= day <= (component.valid_to or day)
        edges = [season.strip().split("/") for season in component.calendar.seasons]
        count += valid and (not edges or any(_between(f"{day:%m-%d}", *edge) for edge in edges))
        day += timedelta(days=1)
    return count


def _between(day: str, first: str, last: str) -> bool:
    return first <= day <= last if first <= last else not last < day < first


def bill_lines(
    components: Sequence[Component],
    clock: Clock,
    metering_minutes: float,
    import_kw: Array,
    export_kw: Array,
    carried: Carried,
    power_factor: Mapping[str, float] | None = None,
) -> list[Line]:
    """Every component in every month (or day) of the horizon.

    Args:
        components: of one tariff.
        clock: the horizon's.
        metering_minutes: interval over which demand is averaged.
        import_kw, export_kw: (T,) mean powers.
        carried: what is known of the time outside the horizon.
        power_factor: of each month, for what it adjusts.
    """
    horizon = clock.horizon
    power = {"import": horizon.require("import_kw", import_kw), "export": horizon.require("export_kw", export_kw)}
    lines: dict[int, list[Line]] = {}
    # What a month costs at least is more than other lines, and taxes are on all of them.
    order = sorted(enumerate(components), key=lambda pair: _AFTER.get(pair[1].basis, 0))
    for place, component in order:
        if component.basis == "power_factor":
            adjusted = [found for other, found in lines.items() if components[other].is_adjusted_by(component)]
            made = charges.power_factor(component, [line for found in adjusted for line in found], power_factor or {})
        elif component.basis == "minimum":
            made = charges.minimum(component, [line for found in lines.values() for line in found])
        elif component.basis == "tax":
            taxed = [found for other, found in lines.items() if _is_on(component, components[other])]
            made = charges.tax(component, [line for found in taxed for line in found])
        else:
            made = _of_use(component, clock, metering_minutes, power[component.direction], carried)
        lines[place] = list(made)
    return [line for place in sorted(lines) for line in lines[place]]


def _of_use(
    component: Component, clock: Clock, metering_minutes: float, flow: Array, carried: Carried
) -> Iterator[Line]:
    """Lines of a component that does not follow from others."""
    if component.basis == "energy":
        return _energy(component, clock, flow)
    if component.basis == "tier":
        return _tier(component, clock, flow, carried)
    if component.basis == "capacity":
        return _capacity(component, clock, carried)
    if component.basis == "fixed":
        return _fixed(component, clock)
    if component.is_peak:
        return _peak(component, clock, metering_minutes, flow, carried)
    return _mean_of_events(component, clock, flow)


def total(lines: Sequence[Line]) -> float:
    """All money of a bill."""
    return float(sum(line.money for line in lines))


def _energy(component: Component, clock: Clock, flow: Array) -> Iterator[Line]:
    horizon, sign = clock.horizon, 1.0 if component.direction == "import" else -1.0
    share = clock.share(component)
    assert component.price_per_kwh is not None
    if isinstance(component.price_per_kwh, float):
        prices = component.price_per_kwh * (share > 0)
    else:
        prices, on = np.zeros(horizon.steps), np.flatnonzero(share > 0)
        starts, ends = (tuple(moments[i] for i in on) for moments in (horizon.local_start, horizon.local_end))
        prices[on] = signal_values(component.price_per_kwh, starts, ends, f"price '{component.name}'")
    energy = flow * horizon.hours * share
    for _, label, here in clock.months:
        quantity, money = float(energy[here].sum()), sign * float((energy * prices)[here].sum())
        fixed = component.price_per_kwh if isinstance(component.price_per_kwh, float) else None
        price = sign * fixed if fixed is not None else money / quantity if quantity else 0.0
        yield Line(component.name, label, quantity, "kWh", price, money)


def _tier(component: Component, clock: Clock, flow: Array, carried: Carried) -> Iterator[Line]:
    horizon, sign = clock.horizon, 1.0 if component.direction == "import" else -1.0
    energy = flow * horizon.hours * clock.share(component)
    if component.per == "day":
        dates = np.array([start.date().toordinal() for start in horizon.local_start])
        periods = [(str(date.fromordinal(d)), dates == d) for d in sorted(set(dates.tolist()))]
    else:
        periods = [(label, here) for _, label, here in clock.months]
    for label, here in periods:
        so_far = carried.energy_kwh.get(component.name, 0.0) if here[0] else 0.0
        rest = carried.expected_day_kwh.get(component.name, 0.0) * _days_left(component, clock, here)
        quantity, lower = so_far + rest + float(energy[here].sum()), 0.0
        for block in component.blocks:
            upper = block.up_to_kwh if block.up_to_kwh is not None else np.inf
            inside = min(max(quantity - lower, 0.0), upper - lower)
            price = sign * block.price_per_kwh
            yield Line(component.name, label, inside, "kWh", price, inside * price)
            lower = upper


def _days_left(component: Component, clock: Clock, here: np.ndarray) -> float:
    """Days of 24 h of the period that come after the horizon, as far as the component applies in them."""
    if not here[-1]:
        return 0.0
    zone = ZoneInfo(clock.horizon.time_zone)
    last = clock.horizon.local_start[-1]
    if component.per == "day" and component.basis == "tier":
        after = datetime.combine(last.date() + timedelta(days=1), datetime.min.time(), zone)
    else:
        after = datetime(last.year + last.month // 12, last.month % 12 + 1, 1, tzinfo=zone)
    begin = clock.horizon.local_end[-1]
    if begin.timestamp() >= after.timestamp():
        return 0.0
    # Hour by hour from the horizon's end: a forecast of the rest is no finer than that.
    edges = np.unique(np.append(np.arange(round(begin.timestamp()), round(after.timestamp()), 3600), after.timestamp()))
    left = Clock(Horizon(edges.astype("datetime64[s]"), clock.horizon.time_zone), clock.days)
    whole = component.basis != "tier"
    held = np.ones(edges.size - 1) if whole else _first_minutes(left, component)
    return float(held @ np.diff(edges)) / 86400


def _first_minutes(clock: Clock, component: Component) -> Array:
    """(T,) does the component apply when each step begins?"""
    edges = clock.horizon.edges.astype("datetime64[s]").astype(np.int64)
    return clock._held(component)[np.searchsorted(clock._utc, edges[:-1])].astype(float)


def _capacity(component: Component, clock: Clock, carried: Carried) -> Iterator[Line]:
    for label, first, after, _ in clock.periods("month"):
        days = _days_in_force(component, first, after) if _in_months(component, first) else 0
        price = (component.price_per_kva_month or 0.0) * (days / (after - first).days if days else 1.0)
        kva = carried.contracted_kva if days else 0.0
        yield Line(component.name, label, kva, "kVA", price, kva * price)


def _fixed(component: Component, clock: Clock) -> Iterator[Line]:
    """Months by their share of days in force; days as far as the horizon has them."""
    seen = sorted({start.date() for start in clock.horizon.local_start})
    for label, first, after, _ in clock.periods("month"):
        if component.price_per_day is not None:
            spans = [(day, day + timedelta(days=1)) for day in seen if first <= day < after]
            quantity, unit, price = (
                float(sum(_days_in_force(component, *s) for s in spans)),
                "day",
                component.price_per_day,
            )
        else:
            quantity = _days_in_force(component, first, after) / (after - first).days
            unit, price = "month", component.price_per_month or 0.0
        quantity *= _in_months(component, first)
        yield Line(component.name, label, quantity, unit, price, quantity * price)


def _in_months(component: Component, day: date) -> bool:
    return not component.calendar.months or day.month in component.calendar.months


def _is_on(tax: Component, other: Component) -> bool:
    """Is a tax on another line? On those it names, or on all that is bought."""
    if other.basis == "tax":
        return False
    return other.name in tax.of if tax.of else other.direction == "import"


def _mean_of_events(component: Component, clock: Clock, flow: Array) -> Iterator[Line]:
    horizon, price = clock.horizon, component.price_per_kw_month or 0.0
    energy = flow * horizon.hours * clock.share(component)
    for month, label, here in clock.months:
        local = [(e.start.astimezone(ZoneInfo(horizon.time_zone)), e) for e in component.events]
        lasting = sum(e.lasts_h for at, e in local if (at.year, at.month) == month)
        mean = float(energy[here].sum()) / lasting if lasting else 0.0
        yield Line(component.name, label, mean, "kW", price, mean * price)


def _peak(component: Component, clock: Clock, metering_minutes: float, flow: Array, carried: Carried) -> Iterator[Line]:
    horizon, name, per = clock.horizon, component.name, component.peak_per
    money = {"day": component.price_per_kw_day, "year": component.price_per_kw_year}
    highest: dict[Month, float] = {}
    for label, first, after, here in clock.periods(per):
        metered = _metered(horizon, metering_minutes, flow * clock.share(component), here)
        so_far = carried.peak_kw.get(name, 0.0) if here[0] else 0.0
        expected = carried.expected_peak_kw.get(name, 0.0) if per != "day" else 0.0
        month = (first.year, first.month)
        highest[month] = max(metered, so_far, expected)
        billed = max(
            highest[month], _held_up(component, month, highest, carried, horizon.month[0]), component.min_kw or 0.0
        )
        share = _days_in_force(component, first, after) / (after - first).days
        if component.rebate and _energy_reached(component, clock, flow, here, carried):
            share *= component.rebate.factor
        blocks = component.demand_blocks or (
            DemandBlock(price_per_kw_month=money.get(per, component.price_per_kw_month) or 0.0),
        )
        lower_kw = 0.0
        for block in blocks:
            within_kw = max(min(billed, block.up_to_kw or billed) - lower_kw, 0.0)
            price = share * block.price_per_kw_month
            yield Line(name, label, within_kw, "kW", price, within_kw * price)
            lower_kw = block.up_to_kw or billed


def _metered(horizon: Horizon, minutes: float, flow: Array, here: np.ndarray) -> float:
    """Highest mean over a metering interval among the steps ``here``; a step as long as that is one by itself."""
    start = horizon.edges[:-1].astype("datetime64[s]").astype(np.int64)
    span = round(minutes * 60)
    clock = np.where(np.round(horizon.hours * 3600) >= span, start, start - start % span)
    labels, place = np.unique(clock, return_inverse=True)
    # The mean of an interval is over all of it, wherever the month or window ends.
    energy = np.bincount(place, flow * horizon.hours * here, labels.size)
    return float((energy / np.bincount(place, horizon.hours, labels.size)).max())


def _held_up(component: Component, month: Month, highest: dict[Month, float], carried: Carried, first: Month) -> float:
    """What the ratchet makes of earlier months' peaks, those of the horizon included."""
    ratchet = component.ratchet
    if ratchet is None:
        return 0.0
    index = {m: 12 * m[0] + m[1] - 1 for m in [month, first, *highest]}
    earlier = {index[m]: peak for m, peak in highest.items() if m != month}
    for back, peak in enumerate(carried.past_peaks_kw.get(component.name, ()), 1):
        earlier[index[first] - back] = peak
    counted = [
        peak
        for at, peak in earlier.items()
        if 1 <= index[month] - at <= ratchet.months and (not ratchet.of_months or at % 12 + 1 in ratchet.of_months)
    ]
    return ratchet.fraction * max(counted, default=0.0)


def month_use_kwh(component: Component, clock: Clock, flow: Array, here: np.ndarray, carried: Carried) -> float:
    """Imports of the whole month: so far, in the horizon's steps ``here``, and expected of the rest."""
    so_far = carried.energy_kwh.get(component.name, 0.0) if here[0] else 0.0
    rest = carried.expected_day_kwh.get(component.name, 0.0) * _days_left(component, clock, here)
    return so_far + rest + float((flow * clock.horizon.hours)[here].sum())


def _energy_reached(component: Component, clock: Clock, flow: Array, here: np.ndarray, carried: Carried) -> bool:
    assert component.rebate is not None
    needed = component.rebate.kwh_per_kva_month * carried.contracted_kva
    # A hundredth of a kWh: what the solver leaves open where the plan goes just up to the threshold.
    return month_use_kwh(component, clock, flow, here, carried) >= needed - 0.01
