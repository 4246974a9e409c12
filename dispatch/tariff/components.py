"""The lines of a tariff as data, each checked by itself.

Energy, blocks, demand, coincident peaks, capacity; fixed charges, taxes and the least that a month costs.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import AwareDatetime, Field, field_validator, model_validator

from dispatch.errors import DataError
from dispatch.fields.frozen import Finite, Fraction, Frozen, NonNegative, Positive
from dispatch.fields.series import Price, hourly
from dispatch.signals import Array, Horizon
from dispatch.tariff.calendar import Calendar, Days
from dispatch.tariff.power_factor import STANDARDS

Basis = Literal["energy", "tier", "demand", "coincident", "capacity", "fixed", "power_factor", "minimum", "tax"]
Month = tuple[int, int]
Per = Literal["day", "month", "year"]

_NEEDED: dict[str, tuple[str, ...]] = {
    "energy": ("price_per_kwh",),
    "tier": ("blocks",),
    "demand": (),
    "coincident": ("price_per_kw_month", "events"),
    "capacity": ("price_per_kva_month",),
    "fixed": (),
    "power_factor": ("standard_power_factor",),
    "minimum": ("price_per_month",),
    "tax": ("share",),
}
# One of these, and not two.
_ONE_OF: dict[str, tuple[str, ...]] = {
    "demand": ("price_per_kw_month", "price_per_kw_day", "price_per_kw_year", "demand_blocks"),
    "fixed": ("price_per_month", "price_per_day"),
}
_ALSO: dict[str, tuple[str, ...]] = {
    "tier": ("per",),
    "demand": ("ratchet", "rebate", "min_kw"),
    "coincident": ("of_events",),
    "power_factor": ("of",),
    "tax": ("of",),
}
_ADJUSTED = {"energy", "tier", "demand", "coincident", "capacity"}
_BY_HOURS = ("weekdays", "hours", "holidays")
_OWN = sorted({name for names in (*_NEEDED.values(), *_ONE_OF.values(), *_ALSO.values()) for name in names})


class Block(Frozen):
    """Energy up to a total of the month (or day) at one price."""

    up_to_kwh: Positive | None = Field(default=None, description="upper end, counted from 0; the last block has none")
    price_per_kwh: Finite


class DemandBlock(Frozen):
    """Demand of a month up to a power at one price."""

    up_to_kw: Positive | None = Field(default=None, description="upper end, counted from 0; the last block has none")
    price_per_kw_month: NonNegative = Field(description="of each kW of the block")


class Ratchet(Frozen):
    """The demand billed in a month is at least a share of the highest peak of earlier months."""

    fraction: Annotated[Finite, Field(gt=0, le=1)]
    months: int = Field(default=11, ge=1, le=36, description="how far back peaks count")
    of_months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(
        default=(), description="calendar months whose peaks count; default: all"
    )


class Rebate(Frozen):
    """A month's demand price is multiplied by ``factor`` where its imports reach so many kWh per contracted kVA."""

    kwh_per_kva_month: Positive
    factor: Fraction


class Event(Frozen):
    """A span of time that somebody else announces."""

    start: AwareDatetime
    end: AwareDatetime

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"end {self.end.isoformat()} must be after start {self.start.isoformat()}")
        return self

    @property
    def lasts_h(self) -> float:
        """Its length [h], by instants: two times of one zone differ by what its clock shows."""
        return (self.end.timestamp() - self.start.timestamp()) / 3600


class Component(Frozen):
    """One line of a tariff.

    ``energy``: a price per kWh. ``tier``: blocks by the energy of the month or day. ``demand``: the highest mean power
    of a metering interval in each month, day or year, by which of its three prices is given, or of a month by blocks.
    ``coincident``: the power
    at hours that the grid names. ``capacity``: a price per contracted kVA, whatever is used. ``fixed``: money per month
    or day. ``minimum``: what a month costs at least, before taxes; only bills know it, plans do not count on it.
    ``power_factor``: what the month's power factor adds to other components or takes off, likewise in bills alone.
    ``tax``: a share of other components.

    A monthly price that begins or ends to apply inside a month, by date or season, is billed by its share of the days.
    """

    name: str
    direction: Literal["import", "export"] = "import"
    basis: Basis
    price_per_kwh: Price | None = Field(
        default=None,
        description="of an energy component; may be negative; or 24 prices, one for each hour of every day",
    )
    price_per_kw_month: NonNegative | None = Field(default=None, description="of a demand or coincident component")
    price_per_kw_day: NonNegative | None = Field(default=None, description="of a demand component: each day's peak")
    price_per_kw_year: NonNegative | None = Field(
        default=None, description="of a demand component: the peak of the calendar year"
    )
    demand_blocks: tuple[DemandBlock, ...] = Field(
        default=(), description="of a demand component: the month's peak by blocks, whose price does not fall"
    )
    min_kw: NonNegative | None = Field(default=None, description="of a demand component: billed at least")
    price_per_month: NonNegative | None = Field(default=None, description="of a fixed or minimum component")
    price_per_day: NonNegative | None = Field(default=None, description="of a fixed component")
    share: NonNegative | None = Field(default=None, description="of a tax: .19 is 19 % of what it is on")
    standard_power_factor: Positive | None = Field(
        default=None, description="of a power_factor component: 0.9, 0.85 or 0.8, by the rule of 1983"
    )
    of: tuple[str, ...] = Field(
        default=(),
        description="components that a tax is on (default: all of imports but taxes) or that the power factor adjusts "
        "(default: energy, blocks, demand and capacity of imports)",
    )
    price_per_kva_month: NonNegative | None = Field(default=None, description="of a capacity component")
    blocks: tuple[Block, ...] = Field(default=(), description="of a tier component, from the first kWh on")
    per: Literal["month", "day"] = Field(default="month", description="over what the blocks of a tier count")
    ratchet: Ratchet | None = None
    rebate: Rebate | None = None
    events: tuple[Event, ...] = Field(default=(), description="of a coincident component: when it is measured")
    of_events: Literal["highest", "mean"] = Field(default="highest", description="of a month's events")
    calendar: Calendar = Calendar()
    valid_from: date | None = None
    valid_to: date | None = Field(default=None, description="last day, inclusive")
    source: str = Field(description="where the price stands, with a date")
    verified: bool = True

    @field_validator("price_per_kwh", mode="before")
    @classmethod
    def _reads_a_list(cls, value: Any) -> Any:
        return hourly(value)

    @model_validator(mode="after")
    def _fits_its_basis(self) -> Self:
        needed, also, one_of = _NEEDED[self.basis], _ALSO.get(self.basis, ()), _ONE_OF.get(self.basis, ())
        given = {name for name in _OWN if getattr(self, name) != type(self).model_fields[name].default}
        extra = sorted(given - {*needed, *also, *one_of})
        if extra or not given >= set(needed) or (one_of and len(given & set(one_of)) != 1):
            own = sorted(given & set(one_of)) if len(given & set(one_of)) == 1 else [f"one of {', '.join(one_of)}"]
            asked = " and ".join([*needed, *(own if one_of else [])])
            no = f" and no {', '.join(extra)}" if extra else ""
            raise ValueError(f"a component with basis '{self.basis}' has {asked}{no}")
        if self.ratchet and self.price_per_kw_month is None and not self.demand_blocks:
            raise ValueError("a ratchet is of months: the component has price_per_kw_month or demand_blocks")
        if self.rebate and self.price_per_kw_month is None:
            raise ValueError("a rebate is of months: the component has price_per_kw_month")
        if self.basis not in {"energy", "tier"} and self.direction == "export":
            raise ValueError(f"a {self.basis} component has direction 'import'")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError(f"valid_to {self.valid_to} is before valid_from {self.valid_from}")
        return self

    @model_validator(mode="after")
    def _has_a_standard_of_the_rule(self) -> Self:
        if self.standard_power_factor is not None and self.standard_power_factor not in STANDARDS:
            raise ValueError(f"standard_power_factor is one of {', '.join(map(str, STANDARDS))}")
        return self

    @model_validator(mode="after")
    def _has_no_hours(self) -> Self:
        if self.basis not in {"fixed", "power_factor", "minimum", "tax"}:
            return self
        hours = [name for name in _BY_HOURS if getattr(self.calendar, name) != getattr(Calendar(), name)]
        always = self.calendar.is_always and self.valid_from is None and self.valid_to is None
        if hours:
            raise ValueError(f"a {self.basis} component is of months or days: its calendar has no {hours[0]}")
        if self.basis != "fixed" and not always:
            raise ValueError(f"a {self.basis} component has no calendar, valid_from or valid_to: it always applies")
        return self

    @model_validator(mode="after")
    def _blocks_go_up(self) -> Self:
        _require_rising("up_to_kwh", [block.up_to_kwh for block in self.blocks])
        _require_rising("up_to_kw", [block.up_to_kw for block in self.demand_blocks])
        prices = [block.price_per_kw_month for block in self.demand_blocks]
        if prices != sorted(prices):
            found = ", ".join(f"{price:g}" for price in prices)
            raise ValueError(f"price_per_kw_month must not fall from block to block of demand (found {found})")
        return self

    @property
    def is_peak(self) -> bool:
        """Is the highest power of a month billed?"""
        return self.basis == "demand" or (self.basis == "coincident" and self.of_events == "highest")

    @property
    def peak_per(self) -> Per:
        """Over what its highest power is looked for."""
        return "day" if self.price_per_kw_day is not None else "year" if self.price_per_kw_year is not None else "month"

    @property
    def price_steps(self) -> tuple[tuple[float, float], ...]:
        """From which peak on [kW] a kW of the month, day or year costs how much more than below it [money]."""
        if not self.demand_blocks:
            return ((0.0, self.price_per_kw_month or self.price_per_kw_day or self.price_per_kw_year or 0.0),)
        prices = [block.price_per_kw_month for block in self.demand_blocks]
        lower = [0.0, *(block.up_to_kw or 0.0 for block in self.demand_blocks[:-1])]
        return tuple(zip(lower, np.diff(prices, prepend=0.0).tolist(), strict=True))

    def is_adjusted_by(self, other: Component) -> bool:
        """Does a month's power factor change what this component costs?"""
        if self.basis not in _ADJUSTED:
            return False
        return self.name in other.of if other.of else self.direction == "import"

    def is_taxed_by(self, tax: Component) -> bool:
        """Does a tax count this component's money?"""
        if tax.basis != "tax" or self.basis == "tax":
            return False
        return self.name in tax.of if tax.of else self.direction == "import"

    @property
    def counts_energy(self) -> bool:
        """Does the energy of the month (or day) so far bear on what the next kWh costs?"""
        return self.basis == "tier" or self.rebate is not None

    @property
    def is_convex(self) -> bool:
        """Does each further kWh of a tier cost at least as much (earn at most as much) as the one before?"""
        sign = 1 if self.direction == "import" else -1
        prices = [sign * block.price_per_kwh for block in self.blocks]
        return prices == sorted(prices)

    def mask(self, horizon: Horizon, days: Days) -> Array:
        """(T,) the share of each step in which the component applies; 0 or 1 for a peak.

        Raises:
            DataError: a peak begins or ends to count inside a step, and would be a guess.
        """
        if self.calendar.is_always and self.valid_from is None and self.valid_to is None:
            shares = np.ones(horizon.steps)
        else:
            pairs = zip(horizon.local_start, horizon.local_end, strict=True)
            shares = np.array([self._share(start, end, days) for start, end in pairs])
        return shares * self._events_share(horizon) if self.basis == "coincident" else shares

    def _share(self, start: datetime, end: datetime, days: Days) -> float:
        """Part of the step in which the component applies, to the minute."""
        last_moment = datetime.fromtimestamp(end.timestamp() - 1, start.tzinfo)
        same = self.applies(start, days) == self.applies(last_moment, days)
        if same and not self.calendar.changes_inside(start, end, days):
            return float(self.applies(start, days))
        if self.is_peak:
            raise self._cut(start, end)
        moments = np.arange(start.timestamp(), end.timestamp(), 60)
        inside = [self.applies(datetime.fromtimestamp(m, start.tzinfo), days) for m in moments]
        return float(np.mean(inside))

    def _events_share(self, horizon: Horizon) -> Array:
        """(T,) share of each step that lies in an event."""
        edges = horizon.edges.astype("datetime64[s]").astype(np.float64)
        shares = np.zeros(horizon.steps)
        for event in self.events:  # a handful of hours a month
            inside = np.clip(edges, event.start.timestamp(), event.end.timestamp())
            shares += np.diff(inside) / np.diff(edges)
        for step in np.flatnonzero((shares > 1e-9) & (shares < 1 - 1e-9)) if self.is_peak else ():
            raise self._cut(horizon.local_start[step], horizon.local_end[step])
        return np.minimum(shares, 1.0)

    def _cut(self, start: datetime, end: datetime) -> DataError:
        return DataError(
            f"{self.basis} component '{self.name}' begins or ends inside the step from {start:%Y-%m-%d %H:%M} to "
            f"{end:%H:%M}: choose steps that end where it does"
        )

    def applies(self, moment: datetime, days: Days) -> bool:
        """Is it valid, and does its calendar hold, at this moment?"""
        first, last = self.valid_from or date.min, self.valid_to or date.max
        return first <= moment.date() <= last and self.calendar.covers(moment, days)

    def event_hours(self, month: Month, zone: object) -> float:
        """Length of all events that begin in a local month [h]."""
        begun = [(e.start.astimezone(zone), e.lasts_h) for e in self.events]  # type: ignore[arg-type]
        return sum(hours for start, hours in begun if (start.year, start.month) == month)


def _require_rising(name: str, edges: list[float | None]) -> None:
    """Upper ends of blocks grow, and the last has none."""
    if edges and (edges[-1] is not None or None in edges[:-1]):
        raise ValueError(f"every block but the last has {name}, and the last has none: it has no end")
    finite = [edge for edge in edges if edge is not None]
    if finite != sorted(set(finite)):
        raise ValueError(f"{name} must grow from block to block (found {', '.join(f'{e:g}' for e in finite)})")
