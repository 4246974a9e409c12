"""What a bill needs to know of the time outside the horizon: peaks and energy so far, and those expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from dispatch.signals import Array, Horizon
from dispatch.tariff.calendar import Days
from dispatch.tariff.components import Component, Month, Per

Slot = Month | date | int
"""A month, a day or a year."""
Numbers = float | Mapping[str, float]
Peaks = tuple[float, ...] | Mapping[str, tuple[float, ...]]
_DAY_H = 24.0
# A local day lasts 23 h where the clock is put forward, so this many begin in a horizon at the most.
_SHORTEST_DAY_H = 23.0


@dataclass(frozen=True)
class Carried:
    """Numbers by component name; what is not there is zero.

    Attributes:
        peak_kw: highest metered mean so far of this month (day, year, whichever is billed).
        expected_peak_kw: highest expected of the rest of each month.
        past_peaks_kw: of the months before this one, newest first.
        energy_kwh: counted so far this month, or today where blocks count by day.
        expected_day_kwh: energy expected of a day outside the horizon.
        contracted_kva: capacity that is contracted.
    """

    peak_kw: Mapping[str, float] = field(default_factory=dict)
    expected_peak_kw: Mapping[str, float] = field(default_factory=dict)
    past_peaks_kw: Mapping[str, Sequence[float]] = field(default_factory=dict)
    energy_kwh: Mapping[str, float] = field(default_factory=dict)
    expected_day_kwh: Mapping[str, float] = field(default_factory=dict)
    contracted_kva: float = 0.0


def by_component(
    names: Sequence[str],
    written: Numbers,
    state: Mapping[str, float] | None = None,
    key: str = "",
    whole: Sequence[str] | None = None,
) -> dict[str, float]:
    """A number for each component: from the state (``key:name``, else ``key``), else as the park's file has it.

    Args:
        whole: components that a number without a name is meant for; the others have 0 then. Default: all.
    """
    known = state or {}
    found = {}
    for name in names:
        meant = whole is None or name in whole
        unnamed = 0.0 if isinstance(written, Mapping) or not meant else written
        own = written.get(name, 0.0) if isinstance(written, Mapping) else unnamed
        found[name] = float(known.get(f"{key}:{name}", known.get(key, own) if meant else own))
    return found


def past_by_component(
    names: Sequence[str], written: Peaks, state: Mapping[str, float] | None = None, key: str = ""
) -> dict[str, tuple[float, ...]]:
    """Peaks of past months for each component, newest first; the state has them as ``key:name:1`` and so on."""
    known = state or {}
    found = {}
    for name in names:
        carried: list[float] = []
        while f"{key}:{name}:{len(carried) + 1}" in known:
            carried.append(float(known[f"{key}:{name}:{len(carried) + 1}"]))
        own = written.get(name, ()) if isinstance(written, Mapping) else written
        found[name] = tuple(carried) if carried else tuple(own)
    return found


def month_slots(horizon: Horizon, at_least: int | None = None) -> list[Month | None]:
    """Local months that the horizon touches, and empty slots up to ``at_least``."""
    months = sorted(set(horizon.month))
    return [*months, *[None] * (max(at_least or 0, len(months)) - len(months))]


def day_slots(horizon: Horizon) -> list[date | None]:
    """Local days that the horizon touches, and empty slots up to the most that any horizon of its length can."""
    days = sorted({start.date() for start in horizon.local_start})
    most = int(np.ceil(horizon.edge_h[-1] / _SHORTEST_DAY_H)) + 1
    return [*days, *[None] * (max(most, len(days)) - len(days))]


def slot_of(moment: datetime, per: Per) -> Slot:
    """The day, month or year in which a moment lies."""
    return moment.date() if per == "day" else moment.year if per == "year" else (moment.year, moment.month)


def peak_slots(horizon: Horizon, per: Per, width: int) -> list[Slot | None]:
    """Local days, months or years that the horizon touches, filled up with empty slots to ``width``."""
    found = sorted({slot_of(start, per) for start in horizon.local_start})
    return [*found, *[None] * (width - len(found))]


def inside(horizon: Horizon, slot: Slot | None) -> Array:
    """(T,) 1 where a step begins in the month or year, or on the day."""
    if slot is None:
        return np.zeros(horizon.steps)
    if isinstance(slot, int):
        return np.array([start.year == slot for start in horizon.local_start], float)
    if isinstance(slot, date):
        return np.array([start.date() == slot for start in horizon.local_start], float)
    return np.array([month == slot for month in horizon.month], float)


def rest_days(horizon: Horizon, slot: Month | date | None, component: Component, days: Days) -> float:
    """Days of the month (or day) after the horizon's end, of which only hours count at which the component applies."""
    if slot is None:
        return 0.0
    zone = ZoneInfo(horizon.time_zone)
    first, last = (moment.timestamp() for moment in _span(slot, zone))
    begin = max(first, horizon.local_end[-1].timestamp())
    if begin >= last:
        return 0.0
    if component.calendar.is_always and component.valid_from is None and component.valid_to is None:
        return (last - begin) / 3600 / _DAY_H
    moments = np.arange(begin, last, 3600.0)
    lengths = np.minimum(moments + 3600.0, last) - moments
    holds = [component.applies(datetime.fromtimestamp(moment, zone), days) for moment in moments]
    return float(lengths @ np.array(holds, float)) / 3600 / _DAY_H


def _span(slot: Month | date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """First and last moment of a local month or day."""
    if isinstance(slot, date):
        return datetime.combine(slot, time(), zone), datetime.combine(slot + timedelta(days=1), time(), zone)
    year, month = slot
    after = (year + month // 12, month % 12 + 1)
    return datetime(year, month, 1, tzinfo=zone), datetime(*after, 1, tzinfo=zone)


def months_between(first: Month, later: Month) -> int:
    """How many months ``later`` comes after ``first``."""
    return 12 * (later[0] - first[0]) + later[1] - first[1]
