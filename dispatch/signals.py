"""Time and quantities: the horizon every array shares, and numbers written with their unit.

A horizon is T + 1 edges in UTC. A value at step k is the mean over [edge k, edge k+1). Steps may be
unequal, and a local day may have 92, 96 or 100 quarter-hours: nothing below counts steps per day.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from dispatch.errors import AlignmentError, DataError

Array = NDArray[np.float64]
_FIRST_DAY, _LAST_DAY = date(1700, 1, 1), date(2199, 12, 31)

_UNITS: dict[str, dict[str, float]] = {
    "kw": {"W": 1e-3, "kW": 1.0, "MW": 1e3, "GW": 1e6},
    "kwh": {"Wh": 1e-3, "kWh": 1.0, "MWh": 1e3, "GWh": 1e6},
    "h": {"s": 1 / 3600, "min": 1 / 60, "h": 1.0, "d": 24.0},
    "minutes": {"s": 1 / 60, "min": 1.0, "h": 60.0},
    "deg": {"deg": 1.0, "°": 1.0},
    "degc": {"degC": 1.0, "°C": 1.0},
    "m": {"m": 1.0, "km": 1e3},
    "m_s": {"m/s": 1.0, "km/h": 1 / 3.6},
    "kw_per_h": {"kW/h": 1.0, "MW/h": 1e3, "kW/min": 60.0, "MW/min": 6e4},
    "per_h": {"/h": 1.0},
    "kg_per_h": {"kg/h": 1.0, "t/h": 1e3},
    "per_kwh": {"/kWh": 1.0, "/MWh": 1e-3},
    "per_kw_day": {"/kW": 1.0, "/MW": 1e-3, "/kW/day": 1.0},
    "per_kw_year": {"/kW": 1.0, "/MW": 1e-3, "/kW/year": 1.0},
    "per_kw_month": {"/kW": 1.0, "/MW": 1e-3, "/kW/month": 1.0},
    "kva": {"kVA": 1.0, "MVA": 1e3},
    "kvar": {"var": 1e-3, "kvar": 1.0, "Mvar": 1e3},
    "per_kva_month": {"/kVA": 1.0, "/MVA": 1e-3, "/kVA/month": 1.0},
    "per_t": {"/t": 1.0, "/kg": 1e3},
    "per_mwh": {"/MWh": 1.0, "/kWh": 1e3},
    "kg_per_mwh": {"kg/MWh": 1.0, "kg/kWh": 1e3},
    "t": {"kg": 1e-3, "t": 1.0, "kt": 1e3},
    "mwh": {"kWh": 1e-3, "MWh": 1.0, "GWh": 1e3},
    "kg_per_kwh": {"kg/kWh": 1.0, "t/MWh": 1.0, "g/kWh": 1e-3},
}
_RATIOS = {"fraction", "share", "shares", "efficiency", "loss", "losses", "fill", "ratio", "interest", "growth", "gap"}
_GROUPS = re.compile(r"^\D*[1-9]\d{0,2}(?:,\d{3})+(?!\d)")
_COMMA = re.compile(r"\d,\d")
_NUMBER = re.compile(r"^\s*([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)\s*(?:([A-Z]{3})\s*(?=/))?(\S.*)?$")


def unit_of(field: str) -> str | None:
    """The unit that a field's name ends in (``energy_kwh`` → ``kwh``), longest match first."""
    fits = [unit for unit in _UNITS if field == unit or field.endswith(f"_{unit}")]
    return max(fits, key=len) if fits else None


def takes_percent(field: str) -> bool:
    """Does a field's name say that it is a share: ``charge_efficiency``, or ``loss_fraction_per_h`` by the hour?"""
    words = field.split("_")
    return bool(_RATIOS & set(words)) and ("per" not in words or unit_of(field) == "per_h")


def accepted_units(field: str) -> str:
    """What may be written for a field, for error messages: ``a number in kW, or '3 MW'``."""
    unit = unit_of(field)
    if unit is None:
        return "a number or text in %" if takes_percent(field) else "a number"
    names = ", ".join([*_UNITS[unit], *([f"%{name}" for name in _UNITS[unit]] if takes_percent(field) else [])])
    return f"a number (meant in {_base_name(unit)}) or text with a unit ({names})"


def _base_name(unit: str) -> str:
    return next(name for name, factor in _UNITS[unit].items() if factor == 1.0)


def parse_quantity(field: str, text: str, currency: str | None = None) -> float:
    """Read ``"3.1 MWh"`` for a field named ``…_kwh`` as 3100.0, and ``"95 %"`` for a share as 0.95.

    A money unit may carry a currency (``"260 CNY/MWh"``); it must then be ``currency`` where that is known.

    Raises:
        ValueError: the text is no number, or its unit does not fit the field's name.
    """
    match = _NUMBER.match(text)
    unit = unit_of(field)
    if _COMMA.search(text):
        other = f" or '{text.replace(',', '')}'" if _GROUPS.search(text) else ""
        raise ValueError(f"'{text}' has a comma in its number: write '{text.replace(',', '.')}'{other}")
    if match is None:
        raise ValueError(f"'{text}' is not a number with a unit")
    number, money, name = float(match[1]), match[2], match[3]
    if money and currency and money != currency:
        raise ValueError(f"'{text}' is in {money}, this site counts in {currency}")
    if name is None:
        return number
    factors = _UNITS.get(unit or "", {})
    if takes_percent(field) and name.startswith("%"):
        number, name, factors = number / 100, name[1:].strip(), factors if unit else {"": 1.0}
    if name.strip() not in factors:
        raise ValueError(f"'{text}' has a unit that does not fit '{field}'")
    return number * factors[name.strip()]


def days_before(moments_s: NDArray[np.int64], days: NDArray[np.int64] | int, time_zone: str) -> NDArray[np.int64]:
    """(n,) the same time of the local clock so many days before [s since 1970], whatever hours those days have.

    Of a time that comes twice the first, of one that is skipped the one an hour later, as clocks are put forward.
    """
    zone, out = ZoneInfo(time_zone), np.array(moments_s, np.int64)
    count = np.broadcast_to(days, out.shape)
    for at in np.flatnonzero(count):
        there = datetime.fromtimestamp(int(out[at]), zone).replace(fold=0) - timedelta(days=int(count[at]))
        out[at] = round(there.timestamp())
    return out


@dataclass(frozen=True)
class Horizon:
    """T steps between T + 1 edges.

    Attributes:
        edges: (T + 1,) ``datetime64[s]``, UTC, strictly increasing.
        time_zone: IANA name in which days, months, hours and holidays are meant.
    """

    edges: NDArray[np.datetime64]
    time_zone: str

    def __post_init__(self) -> None:
        gaps = np.diff(self.edges)
        if self.edges.ndim != 1 or self.edges.size < 2 or not (gaps > np.timedelta64(0, "s")).all():
            raise AlignmentError("a horizon needs at least two edges, each later than the one before")

    @classmethod
    def local_day(
        cls,
        day: date,
        time_zone: str,
        step_minutes: float = 15,
        days: int = 1,
        finer: Sequence[tuple[float, float]] = (),
    ) -> Horizon:
        """From local midnight to local midnight ``days`` later: 23, 24 or 25 hours for one day.

        ``finer`` are blocks (hours, minutes per step) that come first; ``step_minutes`` holds for the rest.

        Raises:
            AlignmentError: a block, or what is left after them, is not a whole number of its steps.
            DataError: days that nanoseconds since 1970, in which forecasts count, do not reach with a past before them.
        """
        if not (day >= _FIRST_DAY and day.toordinal() + days - 1 <= _LAST_DAY.toordinal()):
            span = f"{day}" if days == 1 else f"a span of {days} days from {day} on"
            raise DataError(f"{span} is outside the calendar; accepted: days from {_FIRST_DAY} to {_LAST_DAY}")
        zone = ZoneInfo(time_zone)
        first, last = (datetime.combine(d, time(), zone).astimezone(UTC) for d in (day, day + timedelta(days=days)))
        edges = []
        for hours, minutes in finer:
            block_end = min(first + timedelta(hours=hours), last)
            if first < block_end:  # a day whose clock goes forward may be over before the last block
                edges.append(cls.between(first, block_end, time_zone, minutes).edges[:-1])
            first = block_end
        if first < last:
            edges.append(cls.between(first, last, time_zone, step_minutes).edges)
        else:
            edges.append(np.array([round(last.timestamp())]).astype("datetime64[s]"))
        return cls(np.concatenate(edges), time_zone)

    @classmethod
    def between(cls, first: datetime, last: datetime, time_zone: str, step_minutes: float = 15) -> Horizon:
        """Equal steps from ``first`` to ``last`` (zone-aware); the span must be a whole number of steps."""
        step_s = round(step_minutes * 60)
        start_s, end_s = round(first.timestamp()), round(last.timestamp())
        if (end_s - start_s) % step_s:
            raise AlignmentError(f"{first} … {last} is not a whole number of {step_minutes:g}-minute steps")
        return cls(np.arange(start_s, end_s + 1, step_s).astype("datetime64[s]"), time_zone)

    @property
    def steps(self) -> int:
        """T."""
        return int(self.edges.size - 1)

    @cached_property
    def hours(self) -> Array:
        """(T,) length of each step [h]."""
        return np.diff(self.edges).astype(np.float64) / 3600

    @cached_property
    def edge_h(self) -> Array:
        """(T + 1,) hours since the first edge."""
        return np.concatenate([[0.0], np.cumsum(self.hours)])

    @cached_property
    def ramp_h(self) -> Array:
        """(T,) time between the middles of a step and the one before [h]; the first step counts itself."""
        before = np.concatenate([self.hours[:1], self.hours[:-1]])
        return (before + self.hours) / 2

    @cached_property
    def local_start(self) -> tuple[datetime, ...]:
        """(T,) start of each step on the local clock."""
        zone = ZoneInfo(self.time_zone)
        seconds = self.edges[:-1].astype("datetime64[s]").astype(np.int64)
        return tuple(datetime.fromtimestamp(int(s), zone) for s in seconds)

    @cached_property
    def local_end(self) -> tuple[datetime, ...]:
        """(T,) end of each step on the local clock."""
        zone = ZoneInfo(self.time_zone)
        seconds = self.edges[1:].astype("datetime64[s]").astype(np.int64)
        return tuple(datetime.fromtimestamp(int(s), zone) for s in seconds)

    @cached_property
    def month(self) -> tuple[tuple[int, int], ...]:
        """(T,) local (year, month) of each step: the billing period of demand charges."""
        return tuple((t.year, t.month) for t in self.local_start)

    @property
    def start(self) -> datetime:
        """First edge, UTC."""
        return datetime.fromtimestamp(int(self.edges[0].astype("datetime64[s]").astype(np.int64)), UTC)

    def clock(self, step: int, *, end: bool = False) -> str:
        """A step's start (or end) on the local clock, with as much as a reader needs to find it."""
        starts = self.local_start
        moment = self.local_end[step] if end else starts[step]
        several = starts[0].date() != starts[-1].date()
        twice = len({start.utcoffset() for start in starts}) > 1
        text = "24:00" if end and not several and moment.date() != starts[0].date() else f"{moment:%H:%M}"
        return f"{f'{moment:%d %b} ' if several else ''}{text}{f'{moment: %Z}' if twice else ''}"

    def require(self, name: str, values: Array) -> Array:
        """Return ``values`` if its last axis has T entries.

        Raises:
            AlignmentError: it has not.
        """
        if values.shape[-1] != self.steps:
            raise AlignmentError(f"{name} has {values.shape[-1]} steps, the horizon has {self.steps}")
        return values


def spans(first: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All whole numbers from ``first`` to before ``stop``, one span after the other: whose they are, and the numbers.

    Which steps lie within some hours of each step is a band along the diagonal: with spans found by ``searchsorted``
    it takes what it holds, and not the square of the horizon.
    """
    count = np.maximum(stop - first, 0)
    whose = np.repeat(np.arange(count.size), count)
    begins = np.cumsum(count) - count
    return whose, np.arange(whose.size) + (first - begins)[whose]
