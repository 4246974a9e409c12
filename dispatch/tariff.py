"""Tariffs as data: a list of components, compiled once for a horizon and read by bill and objective alike.

``T`` steps, ``P`` demand periods (one per demand component and local month). Energy components that apply at the same
time add up; a demand component charges the highest mean power of a step within its hours and month.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from dispatch.errors import DataError
from dispatch.frozen import Finite, Frozen, NonNegative, Positive
from dispatch.signals import Array, Horizon


def _clock(text: str) -> str:
    start, _, end = text.partition("-")
    try:
        first, last = _minutes(start), _minutes(end)
    except ValueError:
        raise ValueError(f"'{text}' is not hours like '10:00-13:00'") from None
    if first >= last:
        raise ValueError(f"'{text}' does not end after it starts; write '22:00-24:00' and '00:00-02:00' for a night")
    return text


def _minutes(text: str) -> int:
    hour, _, minute = text.strip().partition(":")
    value = int(hour) * 60 + int(minute)
    if not (0 <= value <= 24 * 60 and 0 <= int(minute) < 60):
        raise ValueError(text)
    return value


Hours = Annotated[str, AfterValidator(_clock)]


class Calendar(Frozen):
    """When a component applies, on the local clock; what is left out does not restrict."""

    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = ()
    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field(default=(), description="1 = Monday")
    hours: tuple[Hours, ...] = ()
    holidays: Literal["any", "only", "never"] = "any"

    def covers(self, start: datetime, holidays: frozenset[date]) -> bool:
        """Does the calendar hold at the start of a step?"""
        minute = start.hour * 60 + start.minute
        inside = any(_minutes(h.split("-")[0]) <= minute < _minutes(h.split("-")[1]) for h in self.hours)
        is_holiday = start.date() in holidays
        return (
            (not self.months or start.month in self.months)
            and (not self.weekdays or start.isoweekday() in self.weekdays)
            and (not self.hours or inside)
            and (self.holidays == "any" or is_holiday == (self.holidays == "only"))
        )

    def changes_inside(self, start: datetime, end: datetime, holidays: frozenset[date]) -> bool:
        """Does the calendar begin or end to hold strictly within the step?"""
        # Through UTC: where the clock is put forward or back, wall-clock arithmetic would miss an hour.
        last_moment = datetime.fromtimestamp(end.timestamp() - 1, start.tzinfo)
        if self.covers(start, holidays) != self.covers(last_moment, holidays):
            return True
        edges = {_minutes(edge) for span in self.hours for edge in span.split("-")}
        first = start.hour * 60 + start.minute
        last = first + (end.timestamp() - start.timestamp()) / 60
        return any(first < edge + day < last for edge in edges for day in (0, 24 * 60)) and bool(self.hours)


class Component(Frozen):
    """One line of a tariff."""

    name: str
    direction: Literal["import", "export"] = "import"
    basis: Literal["energy", "demand"]
    price_per_kwh: Finite | None = Field(default=None, description="of an energy component; may be negative")
    price_per_kw_month: NonNegative | None = Field(default=None, description="of a demand component")
    calendar: Calendar = Calendar()
    valid_from: date | None = None
    valid_to: date | None = Field(default=None, description="last day, inclusive")
    source: str = Field(description="where the price stands, with a date")
    verified: bool = True

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        wanted, other = ("price_per_kwh", "price_per_kw_month")[:: 1 if self.basis == "energy" else -1]
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise ValueError(f"a component with basis '{self.basis}' has {wanted} and no {other}")
        if self.basis == "demand" and self.direction == "export":
            raise ValueError("a demand component has direction 'import'")
        return self

    def mask(self, horizon: Horizon, holidays: frozenset[date]) -> Array:
        """(T,) 1 where the component applies; for energy, the share of the step in which it does.

        Raises:
            DataError: a demand component begins or ends inside a step, whose peak would then be a guess.
        """
        pairs = zip(horizon.local_start, horizon.local_end, strict=True)
        return np.array([self._share(start, end, holidays) for start, end in pairs])

    def _share(self, start: datetime, end: datetime, holidays: frozenset[date]) -> float:
        """Part of the step in which the component applies, to the minute."""
        if not self.calendar.changes_inside(start, end, holidays):
            return float(self.applies(start, holidays))
        if self.basis == "demand":
            raise DataError(
                f"demand component '{self.name}' begins or ends inside the step from {start:%Y-%m-%d %H:%M} to "
                f"{end:%H:%M}: choose steps that end where it does"
            )
        moments = np.arange(start.timestamp(), end.timestamp(), 60)
        inside = [self.applies(datetime.fromtimestamp(m, start.tzinfo), holidays) for m in moments]
        return float(np.mean(inside))

    def applies(self, moment: datetime, holidays: frozenset[date]) -> bool:
        """Is it valid, and does its calendar hold, at this moment?"""
        first, last = self.valid_from or date.min, self.valid_to or date.max
        return first <= moment.date() <= last and self.calendar.covers(moment, holidays)


@dataclass(frozen=True)
class Terms:
    """A tariff on a horizon.

    Attributes:
        import_price, export_price: (T,) money per kWh.
        demand_price: (P,) money per kW and month.
        demand_mask: (P, T) 1 where a step counts for the period.
        demand_name: (P,) component and month, for the report.
    """

    import_price: Array
    export_price: Array
    demand_price: Array
    demand_mask: Array
    demand_name: tuple[str, ...]


class Tariff(Frozen):
    """Components and the holidays their calendars mean."""

    name: str
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    components: tuple[Component, ...]
    holidays: tuple[date, ...] = ()
    metering_minutes: Positive = Field(default=15.0, description="interval over which demand is averaged")

    def metering(self, horizon: Horizon) -> Array:
        """(T, I) share of each step in each metering interval: powers @ this are the means that demand is billed on.

        A step as long as the interval or longer is its own interval; shorter ones are averaged on the clock.
        """
        span_s = round(self.metering_minutes * 60)
        seconds = horizon.edges[:-1].astype("datetime64[s]").astype(np.int64)
        own = horizon.hours * 3600 >= span_s - 0.5
        label = np.where(own, seconds, seconds // span_s * span_s)
        starts, place = np.unique(label, return_inverse=True)
        out = np.zeros((horizon.steps, starts.size))
        out[np.arange(horizon.steps), place] = horizon.hours
        return np.asarray(out / out.sum(axis=0))

    def compile(self, horizon: Horizon, months: int | None = None) -> Terms:
        """Prices by step and demand periods; ``months`` fixes how many months have a slot (for compiled problems).

        Raises:
            DataError: a direction has energy components, but none that applies in some step: an unknown price is not 0.
        """
        holidays = frozenset(self.holidays)
        spans = sorted(set(horizon.month))
        slots: list[tuple[int, int] | None] = [*spans, *[None] * (max(months or 0, len(spans)) - len(spans))]
        demand = [(c, m) for c in self.components if c.basis == "demand" for m in slots]
        inside = [[m == step for step in horizon.month] for _, m in demand]
        masks = [c.mask(horizon, holidays) * np.array(i, float) for (c, _), i in zip(demand, inside, strict=True)]
        return Terms(
            import_price=self._energy_price("import", horizon),
            export_price=self._energy_price("export", horizon),
            demand_price=np.array([c.price_per_kw_month or 0.0 for c, _ in demand]),
            demand_mask=np.array(masks).reshape(len(demand), horizon.steps),
            demand_name=tuple(f"{c.name} {m[0]}-{m[1]:02d}" if m else f"{c.name} (unused)" for c, m in demand),
        )

    def _energy_price(self, direction: str, horizon: Horizon) -> Array:
        """(T,) sum of the energy components that apply; 0 where the direction has none at all."""
        holidays = frozenset(self.holidays)
        components = [c for c in self.components if c.basis == "energy" and c.direction == direction]
        if not components:
            return np.zeros(horizon.steps)
        masks = np.array([c.mask(horizon, holidays) for c in components])
        open_steps = np.flatnonzero(masks.sum(axis=0) < 1 - 1e-9)
        if open_steps.size:
            start = horizon.local_start[open_steps[0]]
            raise DataError(
                f"tariff '{self.name}' has no {direction} price at {start:%Y-%m-%d %H:%M}, in {open_steps.size} steps "
                "of the horizon: no energy component covers it; add one, with price 0 if it is free"
            )
        return np.asarray(np.array([c.price_per_kwh or 0.0 for c in components]) @ masks)
