"""A tariff compiled for a horizon: prices by step, and which steps count for which billing period.

``T`` steps, ``S`` slots for months, days or years, ``P`` billed peaks (component by component and block by
block of its price, in each the S slots),
``Q`` counters of energy with blocks (likewise, months or days), ``B`` blocks. How many there are follows from the
components and from the length of the horizon, never from its date, so that a rolling plan keeps its compiled problem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import get_args

import numpy as np

from dispatch.errors import DataError
from dispatch.fields.series import signal_values
from dispatch.signals import Array, Horizon
from dispatch.tariff.calendar import Days, in_season
from dispatch.tariff.carried import (
    Carried,
    Slot,
    day_slots,
    inside,
    month_slots,
    months_between,
    peak_slots,
    rest_days,
    slot_of,
)
from dispatch.tariff.components import Component, Month, Per

_NOTHING_KWH = 0.01


@dataclass(frozen=True)
class Peaks:
    """The highest powers that are billed.

    Attributes:
        component: (P,) names.
        label: (P,) component and month, for people.
        price: (P,) money per kW of its month, day or year, taxes included: from ``least_kw`` on, more than below it.
        mask: (P, T) 1 where a step counts.
        is_current: (P,) 1 for the month (day, year) in which the horizon begins.
        goes_on: (P,) 1 where what is expected of the rest of the month counts; a day has none.
        least_kw: (P,) billed in any case, or where its block begins.
        ratchet: (P, S) share of the peak in each earlier month of the horizon that is billed at least.
        past: (P, K) likewise of the months before the horizon, newest first.
        rebate_share: (P,) share of the money that is remitted where the month's energy is high enough.
        rebate_kwh_per_kva: (P,) how high that is.
        rest_days: (P,) days of the month after the horizon.
    """

    component: tuple[str, ...]
    label: tuple[str, ...]
    price: Array
    mask: Array
    is_current: Array
    goes_on: Array
    least_kw: Array
    ratchet: Array
    past: Array
    rebate_share: Array
    rebate_kwh_per_kva: Array
    rest_days: Array

    def paid_kw(self, carried: Carried) -> Array:
        """(P,) demand that is billed in any case: reached or expected, or held up by the ratchet."""
        reached = self.reached_kw(carried)
        if not reached.size:
            return reached
        months, back = self.ratchet.shape[1], self.past.shape[1]
        by_month = reached.reshape(-1, months).repeat(months, axis=0)
        earlier = np.zeros_like(self.past)
        for row, name in enumerate(self.component):
            known = carried.past_peaks_kw.get(name, ())[:back]
            earlier[row, : len(known)] = known
        within, before = (by_month * self.ratchet).max(axis=1), (earlier * self.past).max(axis=1, initial=0.0)
        return np.asarray(np.maximum.reduce([reached, within, before, self.least_kw]))

    def reached_kw(self, carried: Carried) -> Array:
        """(P,) peak of the month (day, year) so far, or expected of its rest."""
        to_date = _of(self.component, carried.peak_kw) * self.is_current
        return np.maximum(to_date, _of(self.component, carried.expected_peak_kw) * self.goes_on)

    def rebate_need_kwh(self, carried: Carried) -> Array:
        """(P,) energy of the horizon from which the month's demand is cheaper; 0 where it is anyway."""
        need = self.rebate_kwh_per_kva * carried.contracted_kva - _before(self, carried)
        return np.where(need <= _NOTHING_KWH, 0.0, need)


@dataclass(frozen=True)
class Tiers:
    """Energy counted by month or day and priced in blocks.

    Attributes:
        component: (Q,) names.
        label: (Q,) component and period, for people.
        weight: (Q, T) share of each step that counts.
        upper_kwh: (Q, B) upper end of each block; infinite for the last and for those that only fill up the array.
        price: (Q, B) cost per kWh: negative for what is earned.
        is_current: (Q,) 1 for the month or day in which the horizon begins.
        rest_days: (Q,) days of the period after the horizon.
    """

    component: tuple[str, ...]
    label: tuple[str, ...]
    weight: Array
    upper_kwh: Array
    price: Array
    is_current: Array
    rest_days: Array

    def size_kwh(self, carried: Carried, most_kwh: Array) -> Array:
        """(Q, B) how much of each block is left for the horizon, which uses ``most_kwh`` (Q,) at the most."""
        start = _before(self, carried)[:, None]
        lower = np.hstack([np.zeros((self.upper_kwh.shape[0], 1)), self.upper_kwh[:, :-1]])
        with np.errstate(invalid="ignore"):  # an unused block begins and ends at infinity
            size = np.nan_to_num(self.upper_kwh - np.maximum(lower, start), nan=0.0, posinf=np.inf)
        size = np.clip(size, 0.0, most_kwh[:, None])
        # A block that the horizon cannot reach has no size: its binary is decided before the search begins.
        reached = np.minimum(np.cumsum(size, axis=1), most_kwh[:, None])
        return np.diff(reached, axis=1, prepend=0.0)


def _of(names: Sequence[str], numbers: Mapping[str, float]) -> Array:
    return np.array([numbers.get(name, 0.0) for name in names], dtype=np.float64)


def _before(periods: Peaks | Tiers, carried: Carried) -> Array:
    """(P or Q,) energy counted outside the horizon: so far, and expected of the rest."""
    to_date = _of(periods.component, carried.energy_kwh) * periods.is_current
    return to_date + _of(periods.component, carried.expected_day_kwh) * periods.rest_days


def tax_factor(component: Component, components: Sequence[Component]) -> float:
    """What a component costs with all taxes on it, as a multiple of its own price."""
    return 1.0 + sum(tax.share or 0.0 for tax in components if component.is_taxed_by(tax))


def in_force(component: Component, slot: Slot | None) -> float:
    """Share of the days of a month (or year) on which a component is valid and in season; 1 for an empty slot.

    A price per month that changes inside one is billed by days.
    """
    seasons = component.calendar.seasons
    if slot is None or (not seasons and component.valid_from is None and component.valid_to is None):
        return 1.0
    if isinstance(slot, date):
        first, after = slot, slot + timedelta(days=1)
    elif isinstance(slot, int):
        first, after = date(slot, 1, 1), date(slot + 1, 1, 1)
    else:
        first, after = date(*slot, 1), date(slot[0] + slot[1] // 12, slot[1] % 12 + 1, 1)
    days = [first + timedelta(days=n) for n in range((after - first).days)]
    from_day, to_day = component.valid_from or date.min, component.valid_to or date.max
    held = [from_day <= day <= to_day and (not seasons or any(in_season(s, day) for s in seasons)) for day in days]
    return sum(held) / len(held)


def energy_price(name: str, components: Sequence[Component], days: Days, horizon: Horizon, direction: str) -> Array:
    """(T,) sum of the energy components that apply; 0 where the direction has none at all.

    Raises:
        DataError: there are components with energy prices, but none that applies in some step.
    """
    mine = [c for c in components if c.basis in {"energy", "tier"} and c.direction == direction]
    masks = np.array([c.mask(horizon, days) for c in mine]).reshape(-1, horizon.steps)
    open_steps = np.flatnonzero(masks.sum(axis=0) < 1 - 1e-9) if mine else np.zeros(0, int)
    if open_steps.size:
        start = horizon.local_start[open_steps[0]]
        raise DataError(
            f"tariff '{name}' has no {direction} price at {start:%Y-%m-%d %H:%M}, in {open_steps.size} steps "
            "of the horizon: no energy component covers it; add one, with price 0 if it is free"
        )
    total = np.zeros(horizon.steps)
    for component, mask in zip(mine, masks, strict=True):
        if component.price_per_kwh is not None:
            total += tax_factor(component, components) * mask * _price(name, component, horizon, mask > 0)
    return total + (_mean_events(components, days, horizon) if direction == "import" else 0.0)


def _price(tariff: str, component: Component, horizon: Horizon, wanted: np.ndarray) -> Array:
    """(T,) a component's price, asked for only where it applies."""
    signal, out, at = component.price_per_kwh, np.zeros(horizon.steps), np.flatnonzero(wanted)
    assert signal is not None
    starts, ends = (tuple(moments[i] for i in at) for moments in (horizon.local_start, horizon.local_end))
    out[at] = signal_values(signal, starts, ends, f"price '{component.name}' of tariff '{tariff}'")
    return out


def _mean_events(components: Sequence[Component], days: Days, horizon: Horizon) -> Array:
    """(T,) a price per kW of the mean over a month's events is one per kWh at these hours."""
    total = np.zeros(horizon.steps)
    for component in components:
        if component.basis != "coincident" or component.is_peak:
            continue
        zone = horizon.local_start[0].tzinfo
        hours = np.array([component.event_hours(month, zone) for month in horizon.month])
        per_kwh = np.divide(component.price_per_kw_month or 0.0, hours, out=np.zeros(hours.size), where=hours > 0)
        total += tax_factor(component, components) * per_kwh * component.mask(horizon, days)
    return total


def peaks(components: Sequence[Component], days: Days, horizon: Horizon, width: int) -> Peaks:
    """Billed peaks of all demand and coincident components, in ``width`` slots each."""
    mine = [c for c in components if c.is_peak]
    rows = [
        _Peak(c, slot, lower_kw, price)
        for c in mine
        for lower_kw, price in c.price_steps
        for slot in peak_slots(horizon, c.peak_per, width)
    ]
    furthest = max((c.ratchet.months for c in mine if c.ratchet), default=0)
    starts = [_earlier(horizon.month[0], k + 1) for k in range(furthest)]
    months = peak_slots(horizon, "month", width)
    masks = {c.name: c.mask(horizon, days) for c in mine}
    rebates = [row.of.rebate if row.slot else None for row in rows]
    now = {per: slot_of(horizon.local_start[0], per) for per in get_args(Per)}
    factor = {c.name: tax_factor(c, components) for c in mine}
    return Peaks(
        component=tuple(row.of.name for row in rows),
        label=tuple(f"{row.of.name} {_written(row.slot)}{row.words}" for row in rows),
        price=np.array([row.price * factor[row.of.name] * in_force(row.of, row.slot) for row in rows]),
        mask=_stack([masks[row.of.name] * inside(horizon, row.slot) for row in rows], horizon.steps),
        is_current=np.array([float(row.slot == now[row.of.peak_per]) for row in rows]),
        goes_on=np.array([float(row.of.peak_per != "day") for row in rows]),
        least_kw=np.array([max(row.of.min_kw or 0.0, row.lower_kw) for row in rows]),
        ratchet=_stack([_shares(row.of, row.slot, months) for row in rows], width),
        past=_stack([_shares(row.of, row.slot, starts) for row in rows], furthest),
        rebate_share=np.array([1 - r.factor if r else 0.0 for r in rebates]),
        rebate_kwh_per_kva=np.array([r.kwh_per_kva_month if r else 0.0 for r in rebates]),
        rest_days=np.array([_rest_of_rebate(horizon, row.of, row.slot, days) for row in rows]),
    )


@dataclass(frozen=True)
class _Peak:
    """A component's highest power of a month, day or year, priced from some power on."""

    of: Component
    slot: Slot | None
    lower_kw: float
    price: float

    @property
    def words(self) -> str:
        return f" from {self.lower_kw:g} kW" if self.lower_kw else ""


def _rest_of_rebate(horizon: Horizon, component: Component, slot: Slot | None, days: Days) -> float:
    """Days of a month after the horizon; what is not of months has no rebate."""
    return rest_days(horizon, slot, _whole(component), days) if isinstance(slot, tuple) else 0.0


def _whole(component: Component) -> Component:
    """The energy of a rebate is that of the whole month, not of the hours at which the peak counts."""
    return component.model_copy(update={"calendar": type(component.calendar)(), "valid_from": None, "valid_to": None})


def _earlier(month: Month, by: int) -> Month:
    index = 12 * month[0] + month[1] - 1 - by
    return index // 12, index % 12 + 1


def _shares(component: Component, slot: Slot | None, others: Sequence[Slot | None]) -> Array:
    """The ratchet's share of each other month's peak that ``slot`` is billed at least; 0 where it does not count."""
    ratchet = component.ratchet
    if ratchet is None or not isinstance(slot, tuple):
        return np.zeros(len(others))
    counts = [
        isinstance(other, tuple)
        and 1 <= months_between(other, slot) <= ratchet.months
        and (not ratchet.of_months or other[1] in ratchet.of_months)
        for other in others
    ]
    return ratchet.fraction * np.array(counts, float)


def _stack(rows: Sequence[Array | list[float]], width: int) -> Array:
    return np.array(rows, float).reshape(len(rows), width)


def tiers(components: Sequence[Component], days: Days, horizon: Horizon, months: int | None, direction: str) -> Tiers:
    """Counters of all tier components of a direction."""
    mine = [c for c in components if c.basis == "tier" and c.direction == direction]
    slots: dict[str, Sequence[Month | date | None]] = {
        "month": month_slots(horizon, months),
        "day": day_slots(horizon),
    }
    pairs = [(c, slot) for c in mine for slot in slots[c.per]]
    now = {"month": horizon.month[0], "day": horizon.local_start[0].date()}
    masks = {c.name: c.mask(horizon, days) for c in mine}
    width = max((len(c.blocks) for c in mine), default=0)
    sign = 1.0 if direction == "import" else -1.0
    fill = [width - len(c.blocks) for c, _ in pairs]
    return Tiers(
        component=tuple(c.name for c, _ in pairs),
        label=tuple(f"{c.name} {_written(s)}" for c, s in pairs),
        weight=_stack([masks[c.name] * inside(horizon, s) for c, s in pairs], horizon.steps),
        upper_kwh=_stack(
            [[b.up_to_kwh or np.inf for b in c.blocks] + [np.inf] * n for (c, _), n in zip(pairs, fill, strict=True)],
            width,
        ),
        price=_stack(
            [
                [sign * tax_factor(c, components) * b.price_per_kwh for b in c.blocks] + [0.0] * n
                for (c, _), n in zip(pairs, fill, strict=True)
            ],
            width,
        ),
        is_current=np.array([float(s == now[c.per]) for c, s in pairs]),
        rest_days=np.array([rest_days(horizon, s, c, days) for c, s in pairs]),
    )


def _written(slot: object) -> str:
    if slot is None:
        return "(unused)"
    return f"{slot[0]}-{slot[1]:02d}" if isinstance(slot, tuple) else str(slot)
