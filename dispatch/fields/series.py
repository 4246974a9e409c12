"""Where a time series comes from, as written in a park's file; reading it is :mod:`dispatch.sources`' work."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import AfterValidator, AwareDatetime, Discriminator, Field, Tag, WithJsonSchema, model_validator

from dispatch.errors import DataError
from dispatch.fields.frozen import Finite, Frozen, NonNegative, Positive
from dispatch.signals import Array, Horizon

_HOURS = 24
_QUARTER_S = 900  # clocks differ from UTC by whole quarters of an hour


class FileSeries(Frozen):
    """A column of the user's own CSV or Parquet file (path relative to the park's file)."""

    file: str = Field(min_length=1)
    column: str = Field(min_length=1)
    time_column: str | None = Field(default=None, description="default: the first column")
    time_zone: str | None = Field(default=None, description="of naive times; default: the site's")
    stamp: Literal["start", "end"] = Field(
        default="start", description="does a time mark the start or the end of its step"
    )
    unit: Literal["W", "kW", "MW"] = "kW"


class SimbenchSeries(Frozen):
    """A measured 2016 profile of the SimBench data set, scaled to this asset."""

    simbench: str | tuple[str, ...] = Field(
        min_length=1, description="profile name, e.g. WP4, PV3, G3-M_pload; the mean of several if a list"
    )
    year_kwh: Positive | None = Field(
        default=None, description="scale the 2016 sum to this; default: 1 p.u. = the rating"
    )


class ArchiveFolder(Frozen):
    """A folder that 'parkwatt archive import' filled: histories of assets and weather, with when each value was known.

    An asset without 'history' whose name is that of a series at ``site`` takes that series.
    """

    folder: str = Field(min_length=1, description="path relative to the park's file")
    site: str | None = Field(default=None, description="site of the assets' series there; default: the park's name")
    weather: tuple[str, ...] = Field(default=(), description="sites with runs of weather there, the best first")


def _history_tag(value: Any) -> str | None:
    if isinstance(value, Mapping):
        return "simbench" if "simbench" in value else "file"
    if isinstance(value, SimbenchSeries):
        return "simbench"
    return "file" if isinstance(value, FileSeries) else None


History = Annotated[
    Annotated[FileSeries, Tag("file")] | Annotated[SimbenchSeries, Tag("simbench")],
    Discriminator(_history_tag),
]


class Interval(Frozen):
    """A value that holds from ``start`` to ``end``, or for ``duration`` (ISO 8601, like PT15M)."""

    start: AwareDatetime
    end: AwareDatetime | None = None
    duration: timedelta | None = None
    value: Finite

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if (self.end is None) == (self.duration is None):
            raise ValueError("an interval has either an end or a duration")
        if self.until <= self.start:
            raise ValueError(f"end {self.until.isoformat()} must be after start {self.start.isoformat()}")
        return self

    @property
    def until(self) -> datetime:
        """The end, wherever it is stated."""
        if self.end is not None:
            return self.end
        return self.start + (self.duration or timedelta(0))


class Point(Frozen):
    """A value that holds from ``datetime`` to that of the next point; the last one for as long as the one before it."""

    datetime: AwareDatetime
    value: Finite


def _alike(values: tuple[Interval | Point, ...]) -> tuple[Interval | Point, ...]:
    if len({type(value) for value in values}) > 1:
        raise ValueError("a list holds intervals (start, end, value) or points (datetime, value), not both")
    points = [value.datetime for value in values if isinstance(value, Point)]
    if len(points) == 1:
        raise ValueError("one point does not say how long it holds: write start and end, or more points")
    late = [one for one, other in pairwise(points) if one >= other]
    if late:
        raise ValueError(f"the point after {late[0].isoformat()} is not later than it")
    return values


class SignalFile(Frozen):
    """A column of the user's own CSV or Parquet file (path relative to the park's file); each row holds until the next.

    Attributes:
        default: what holds where the file has no value; without it such a step is an error.
        seconds, values: what stands in the file, UTC; filled when the park is read.
    """

    file: str = Field(min_length=1)
    column: str = Field(min_length=1)
    default: Finite | None = None
    time_column: str | None = Field(default=None, description="default: the first column")
    time_zone: str | None = Field(default=None, description="of naive times; default: the site's")
    unit: str | None = Field(default=None, description="of the column, like CNY/MWh; default: the field's own")
    seconds: tuple[float, ...] = Field(default=(), description="left out in a park's file: read from the file")
    values: tuple[float, ...] = Field(default=(), description="left out in a park's file: read from the file")


class TableFile(Frozen):
    """Columns of numbers in the user's own CSV or Parquet file, a row per step and no times, under the names it gives.

    Attributes:
        names, values: what stands in the file, a tuple for each column; filled when the park is read.
    """

    file: str = Field(min_length=1)
    names: tuple[str, ...] = Field(default=(), description="left out in a park's file: read from the file")
    values: tuple[tuple[float, ...], ...] = Field(default=(), description="left out in a park's file: read from it")


Signal = Finite | Annotated[tuple[Interval | Point, ...], AfterValidator(_alike)] | SignalFile


class Factor(Frozen):
    """A published factor with the days it describes; the name of a library entry in a park's file becomes one."""

    kg_per_kwh: NonNegative
    source: str = Field(min_length=1, description="who published it, and when")
    entry: str = Field(default="", description="name in the library")
    region: str = Field(default="", description="grid that it is of; a newer one is looked for under the same")
    valid_from: date | None = None
    valid_to: date | None = Field(default=None, description="last day, inclusive")
    verified: bool = True

    def describes(self, day: date) -> bool:
        """Is it of this day?"""
        return (self.valid_from or date.min) <= day <= (self.valid_to or date.max)


@dataclass(frozen=True)
class FeedUnit:
    """What the end of a series' name says: money or carbon, times ``scale`` per kWh; the currency of money."""

    kind: Literal["price", "intensity"]
    scale: float
    currency: str | None = None

    def __str__(self) -> str:
        return "money per energy" if self.kind == "price" else "carbon per energy"


_OF_CARBON = {"g_per_kwh": 1e-3, "kg_per_mwh": 1e-3, "kg_per_kwh": 1.0, "t_per_mwh": 1.0}
_OF_MONEY = re.compile(r"(?:^|_)([a-z]{3})_per_(kwh|mwh)$")


def feed_unit(name: str) -> FeedUnit:
    """The unit that a series' name ends in.

    Raises:
        ValueError: it ends in none that is known.
    """
    for ending, scale in _OF_CARBON.items():
        if name == ending or name.endswith(f"_{ending}"):
            return FeedUnit("intensity", scale)
    if money := _OF_MONEY.search(name):
        return FeedUnit("price", 1e-3 if money[2] == "mwh" else 1.0, money[1].upper())
    raise ValueError(f"'{name}' does not end in its unit, like day_ahead_price_eur_per_mwh or intensity_g_per_kwh")


class Feed(Frozen):
    """A series that 'parkwatt fetch' brought into the park's archive; the end of its name says its unit.

    What is published for a step is a fact, what is forecast of it comes with its scenarios.

    Attributes:
        starts, ends, values: [s, UTC] and in the field's unit, of one path; filled when a plan is made.
    """

    feed: str = Field(min_length=1, description="name of the series, like day_ahead_price_eur_per_mwh")
    otherwise: Factor | Finite | None = Field(
        default=None, description="what holds where nothing is known; without it such a step is an error"
    )
    exchange_rate: Positive | None = Field(
        default=None, description="money of the site per money of the series, where those differ"
    )
    starts: tuple[float, ...] = Field(default=(), description="left out in a park's file: read from the archive")
    ends: tuple[float, ...] = Field(default=(), description="left out in a park's file: read from the archive")
    values: tuple[float, ...] = Field(default=(), description="left out in a park's file: read from the archive")

    @property
    def fallback(self) -> float | None:
        """What holds where nothing is known, in the field's unit."""
        return self.otherwise.kg_per_kwh if isinstance(self.otherwise, Factor) else self.otherwise


def _of(kind: Literal["price", "intensity"]) -> AfterValidator:
    def fits(feed: Feed) -> Feed:
        if (unit := feed_unit(feed.feed)).kind != kind:
            raise ValueError(f"feed: '{feed.feed}' is {unit}, which does not fit here")
        if kind == "price" and isinstance(feed.otherwise, Factor):
            raise ValueError("otherwise: a price is a number")
        if kind == "intensity" and feed.exchange_rate is not None:
            raise ValueError("exchange_rate: carbon is no money")
        return feed

    return AfterValidator(fits)


class DayPrices(Frozen):
    """A price for each local hour of a day, on every day; in a park's file a list of 24 numbers."""

    hourly: Annotated[tuple[Finite, ...], Field(min_length=_HOURS, max_length=_HOURS, description="from 00:00 on")]

    def of_steps(self, starts: tuple[datetime, ...], ends: tuple[datetime, ...], what: str) -> list[float]:
        """The price of each step.

        Raises:
            DataError: it changes inside a step.
        """
        out = []
        for start, end in zip(starts, ends, strict=True):
            seconds = range(round(start.timestamp()), round(end.timestamp()), _QUARTER_S)
            prices = {self.hourly[datetime.fromtimestamp(second, start.tzinfo).hour] for second in seconds}
            if len(prices) > 1:
                problem = f"{what} changes inside the step from {start.isoformat()}"
                raise DataError(f"{problem}: shorten the steps to its changes")
            out.append(prices.pop())
        return out


def hourly(value: Any) -> Any:
    """A list of numbers as the prices of a day's hours; anything else as it is.

    Raises:
        ValueError: it is not one number for each hour.
    """
    if not isinstance(value, list | tuple) or not any(isinstance(v, float | int | str) for v in value):
        return value
    wrong = [v for v in value if not isinstance(v, float | int) or isinstance(v, bool)]
    if wrong or len(value) != _HOURS:
        what = f"'{wrong[0]}' among them" if wrong else f"{len(value)} entries"
        raise ValueError(
            f"a list of prices has a number for each of the 24 hours of a day, from 00:00 on (with {what})"
        )
    return {"hourly": value}


_OF_HOURS = {"type": "array", "items": {"type": "number"}, "minItems": _HOURS, "maxItems": _HOURS}
_AS_WRITTEN = {"anyOf": [_OF_HOURS, {"type": "object", "properties": {"hourly": _OF_HOURS}, "required": ["hourly"]}]}
Price = Signal | Annotated[DayPrices, WithJsonSchema(_AS_WRITTEN)] | Annotated[Feed, _of("price")]
Intensity = Signal | Factor | Annotated[Feed, _of("intensity")]


def signal_values(
    signal: Price | Intensity, starts: tuple[datetime, ...], ends: tuple[datetime, ...], what: str
) -> list[float]:
    """The value of a signal in each step.

    Raises:
        DataError: a step is in no interval, in two, or not wholly in one; an unknown value is never taken as zero.
    """
    if isinstance(signal, DayPrices):
        return signal.of_steps(starts, ends, what)
    if isinstance(signal, float | int | Factor):
        return [signal.kg_per_kwh if isinstance(signal, Factor) else float(signal)] * len(starts)
    first, last, value = _spans(signal, what)
    begin, finish = (np.array([moment.timestamp() for moment in moments]) for moments in (starts, ends))
    edges = np.unique(np.concatenate([first, last]))
    inside = np.searchsorted(edges, finish, side="left") > np.searchsorted(edges, begin, side="right")
    count = np.searchsorted(np.sort(first), begin, side="right") - np.searchsorted(np.sort(last), begin, side="right")
    default = signal.default if isinstance(signal, SignalFile) else None
    for step in np.flatnonzero(inside | (count != 1)):
        if inside[step]:
            problem = f"{what} changes inside the step from {starts[step].isoformat()}"
            raise DataError(f"{problem}: shorten the steps to its changes")
        if count[step] > 1 or default is None:
            found = f"{count[step]} intervals cover it" if count[step] else "no interval covers it"
            raise DataError(f"{what} is unknown at {starts[step].isoformat()}: {found}; exactly one must")
    order = np.argsort(first, kind="stable")
    place = np.searchsorted(first[order], begin, side="right") - 1
    held = value[order][np.maximum(place, 0)] if value.size else np.zeros(begin.size)
    return [float(v) for v in np.where(count == 1, held, default or 0.0)]


def per_step(signal: Price | Intensity, horizon: Horizon, what: str) -> Array:
    """(step,) a signal over a horizon; ``what`` names it in the error where a step is unknown."""
    return np.array(signal_values(signal, horizon.local_start, horizon.local_end, what))


def _spans(signal: tuple[Interval | Point, ...] | SignalFile | Feed, what: str) -> tuple[Array, Array, Array]:
    """Start and end [s] and value of each interval of a signal."""
    if isinstance(signal, Feed):
        if not signal.values:
            raise DataError(f"{what}: the feed '{signal.feed}' has not been read; only a plan reads it")
        return np.array(signal.starts), np.array(signal.ends), np.array(signal.values)
    if isinstance(signal, SignalFile):
        if not signal.seconds:
            raise DataError(f"{what}: '{signal.file}' has not been read; load the park from its file")
        start, value = np.array(signal.seconds), np.array(signal.values)
        known = np.isfinite(value)
        end = np.append(start[1:], 2 * start[-1] - start[-2])
        return start[known], end[known], value[known]
    value = np.array([entry.value for entry in signal])
    if signal and isinstance(signal[0], Point):
        start = np.array([entry.datetime.timestamp() for entry in signal if isinstance(entry, Point)])
        return start, np.append(start[1:], 2 * start[-1] - start[-2]), value
    intervals = [entry for entry in signal if isinstance(entry, Interval)]
    start = np.array([entry.start.timestamp() for entry in intervals])
    return start, np.array([entry.until.timestamp() for entry in intervals]), value


@dataclass(frozen=True)
class Need:
    """A forecast that an asset needs before it can be planned.

    Attributes:
        quantity: the input series it fills, e.g. ``available_kw``.
        kind: wind, pv or load.
        capacity_kw: upper clip of the forecast.
        history: measured past, None if there is none.
        physics: what a physical model of it needs, by name with unit.
        past_shares: of a plant that grew or shrank, last local day and share of the present capacity, oldest first.
    """

    quantity: str
    kind: Literal["wind", "pv", "load"]
    capacity_kw: float
    history: FileSeries | SimbenchSeries | None
    physics: Mapping[str, Any] = field(default_factory=dict)
    past_shares: tuple[tuple[date, float], ...] = ()
