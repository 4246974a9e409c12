"""Where a time series comes from, as written in a park's file; reading it is :mod:`dispatch.sources`' work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Discriminator, Field, Tag, model_validator

from dispatch.errors import DataError
from dispatch.frozen import Finite, Frozen, Positive


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
    """A value that holds from ``start`` to ``end``."""

    start: AwareDatetime
    end: AwareDatetime
    value: Finite

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"end {self.end.isoformat()} must be after start {self.start.isoformat()}")
        return self


Signal = Finite | tuple[Interval, ...]


def signal_values(signal: Signal, starts: tuple[datetime, ...], ends: tuple[datetime, ...], what: str) -> list[float]:
    """The value of a signal in each step.

    Raises:
        DataError: a step is in no interval, in two, or not wholly in one; an unknown value is never taken as zero.
    """
    if isinstance(signal, float):
        return [signal] * len(starts)
    values = []
    for start, end in zip(starts, ends, strict=True):
        held = [i.value for i in signal if i.start <= start < i.end]
        if any(start < edge < end for i in signal for edge in (i.start, i.end)):
            raise DataError(
                f"{what} changes inside the step from {start.isoformat()}: shorten the steps to its changes"
            )
        if len(held) != 1:
            count = f"{len(held)} intervals cover it" if held else "no interval covers it"
            raise DataError(f"{what} is unknown at {start.isoformat()}: {count}; exactly one must")
        values.append(held[0])
    return values


@dataclass(frozen=True)
class Need:
    """A forecast that an asset needs before it can be planned.

    Attributes:
        quantity: the input series it fills, e.g. ``available_kw``.
        kind: wind, pv or load.
        capacity_kw: upper clip of the forecast.
        history: measured past, None if there is none.
        physics: what a physical model of it needs, by name with unit.
    """

    quantity: str
    kind: Literal["wind", "pv", "load"]
    capacity_kw: float
    history: FileSeries | SimbenchSeries | None
    physics: Mapping[str, Any] = field(default_factory=dict)
