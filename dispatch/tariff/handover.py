"""What a window of a rolling plan hands to the next one: peaks and energy of the month (or day) that goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from dispatch.signals import Array, Horizon
from dispatch.tariff.carried import Carried, inside, months_between, slot_of
from dispatch.tariff.components import Component, Month
from dispatch.tariff.tariff import Tariff


def peak_state(tariff: Tariff, horizon: Horizon, steps: int, import_kw: Array, carried: Carried) -> dict[str, float]:
    """Month-to-date peaks after ``steps`` steps, and those of past months where a ratchet asks for them.

    A window that ends inside a metering interval counts what it has seen of it as a mean.
    """
    seen = Horizon(horizon.edges[: steps + 1], horizon.time_zone)
    metering = tariff.metering(seen)
    out = {}
    for component in tariff.components:
        if not component.is_peak:
            continue
        power, per = import_kw[:steps] * component.mask(seen, tariff.days), component.peak_per
        now, first = slot_of(horizon.local_end[steps - 1], per), slot_of(seen.local_start[0], per)
        slots = {slot_of(start, per) for start in seen.local_start}
        peak = {slot: float(((power * inside(seen, slot)) @ metering).max()) for slot in slots}
        peak[first] = max(peak[first], carried.peak_kw.get(component.name, 0.0))
        out[f"month_to_date_peak_kw:{component.name}"] = peak.get(now, 0.0)
        if component.ratchet:
            of_months = {slot: kw for slot, kw in peak.items() if isinstance(slot, tuple)}
            ends, starts = _month_at_end(horizon, steps), seen.month[0]
            past = _past(of_months, ends, carried.past_peaks_kw.get(component.name, ()), starts)
            past = past[: component.ratchet.months]
            out |= {f"past_peaks_kw:{component.name}:{k}": value for k, value in enumerate(past, 1)}
    return out


def day_peak_kw(component: Component, tariff: Tariff, horizon: Horizon, import_kw: Array) -> float:
    """Highest metered mean of a horizon, at the hours at which the component applies."""
    return float(((import_kw * component.mask(horizon, tariff.days)) @ tariff.metering(horizon)).max())


def day_energy_kwh(component: Component, tariff: Tariff, horizon: Horizon, flow_kw: Array) -> float:
    """Energy of a horizon that a component counts: at its hours in a tier, at all for a rebate."""
    weight = component.mask(horizon, tariff.days) if component.basis == "tier" else np.ones(horizon.steps)
    return float((flow_kw * weight) @ horizon.hours)


def _past(peak: Mapping[Month, float], now: Month, before: Sequence[float], first: Month) -> list[float]:
    """Peaks of the months before ``now``, newest first; ``before`` are those before the month of the window's start."""
    closed = [peak[m] for m in sorted(peak, reverse=True) if months_between(m, now) >= 1]
    return [*closed, *before] if months_between(first, now) else list(before)


def energy_state(
    component: Component,
    tariff: Tariff,
    horizon: Horizon,
    steps: int,
    flow_kw: Array,
    carried: Carried,
    *,
    whole: bool = False,
) -> dict[str, float]:
    """Energy that a component has counted of the month (or day) that goes on after ``steps`` steps.

    Args:
        flow_kw: (T,) the flow that it counts.
        whole: it counts at all hours, whatever its calendar (a rebate).
    """
    seen = Horizon(horizon.edges[: steps + 1], horizon.time_zone)
    by_day = component.basis == "tier" and component.per == "day"
    now: Month | date = horizon.local_end[steps - 1].date() if by_day else _month_at_end(horizon, steps)
    first: Month | date = seen.local_start[0].date() if by_day else seen.month[0]
    weight = np.ones(steps) if whole else component.mask(seen, tariff.days)
    counted = float((flow_kw[:steps] * weight * inside(seen, now)) @ seen.hours)
    before = carried.energy_kwh.get(component.name, 0.0) if now == first else 0.0
    return {f"month_to_date_kwh:{component.name}": before + counted}


def _month_at_end(horizon: Horizon, steps: int) -> Month:
    end = horizon.local_end[steps - 1]
    return end.year, end.month
