"""A tariff: components, the days their calendars mean, and how demand is metered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property, lru_cache
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.sparse import csr_array

from dispatch.errors import DataError
from dispatch.fields.frozen import Frozen, Positive
from dispatch.signals import Array, Horizon
from dispatch.tariff.bill import Clock, bill_lines
from dispatch.tariff.calendar import Days
from dispatch.tariff.carried import Carried, day_slots, month_slots
from dispatch.tariff.charges import Line
from dispatch.tariff.components import Component
from dispatch.tariff.power_factor import monthly
from dispatch.tariff.terms import Peaks, Tiers, energy_price, peaks, tiers


@dataclass(frozen=True)
class Periods:
    """What a tariff bills by month or day on a horizon.

    Attributes:
        peaks: by the highest power.
        import_tiers, export_tiers: by blocks of energy.
    """

    peaks: Peaks
    import_tiers: Tiers
    export_tiers: Tiers


@dataclass(frozen=True)
class Terms(Periods):
    """A tariff on a horizon.

    Attributes:
        import_price, export_price: (T,) money per kWh of all energy components.
    """

    import_price: Array
    export_price: Array


# How many tariffs and horizons are remembered: thousands of sites have few tariffs between them.
_KEPT = 128


@dataclass(frozen=True)
class _Span:
    """A horizon by its value."""

    edges: bytes
    time_zone: str

    @classmethod
    def of(cls, horizon: Horizon) -> _Span:
        return cls(horizon.edges.astype("datetime64[s]").tobytes(), horizon.time_zone)

    @property
    def horizon(self) -> Horizon:
        return Horizon(np.frombuffer(self.edges, "datetime64[s]"), self.time_zone)


class Tariff(Frozen):
    """Components and the days their calendars mean."""

    name: str
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    components: tuple[Component, ...]
    holidays: tuple[date, ...] = ()
    workdays: tuple[date, ...] = Field(
        default=(), description="weekend days worked for a holiday elsewhere; they count as a Monday"
    )
    metering_minutes: Positive = Field(default=15.0, description="interval over which demand is averaged")

    @model_validator(mode="after")
    def _no_day_is_both(self) -> Self:
        both = sorted(set(self.holidays) & set(self.workdays))
        if both:
            raise ValueError(f"{both[0]} is in holidays and in workdays: it is one of the two")
        return self

    @model_validator(mode="after")
    def _taxes_are_on_something(self) -> Self:
        names = list(dict.fromkeys(c.name for c in self.components if c.basis != "tax"))
        for tax in self.components:
            unknown = sorted(set(tax.of) - set(names))
            if unknown:
                raise ValueError(
                    f"{tax.basis} '{tax.name}' is of '{unknown[0]}', which is no other component of this tariff; "
                    f"accepted: {', '.join(names)}"
                )
        return self

    @model_validator(mode="after")
    def _names_that_state_is_kept_by(self) -> Self:
        names = [c.name for c in self.components if c.is_peak or c.counts_energy]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two components are called '{twice[0]}': peaks and energy of a month are kept by name")
        return self

    def __hash__(self) -> int:
        return self.own_hash

    @cached_property
    def own_hash(self) -> int:
        """Of all fields; found once, since equal tariffs on equal horizons are compiled once."""
        return hash((self.name, self.currency, self.components, self.holidays, self.workdays, self.metering_minutes))

    @property
    def days(self) -> Days:
        """Holidays and made-up workdays."""
        return Days(frozenset(self.holidays), frozenset(self.workdays))

    @property
    def peak_names(self) -> tuple[str, ...]:
        """Components that bill a highest power."""
        return tuple(c.name for c in self.components if c.is_peak)

    @property
    def in_plans(self) -> tuple[Component, ...]:
        """Components that plans count on: all but what a few days do not show, of a month or of its reactive energy."""
        return tuple(c for c in self.components if c.basis not in {"minimum", "power_factor"})

    @property
    def counter_names(self) -> tuple[str, ...]:
        """Components for which the energy of the month (or day) so far matters."""
        return tuple(c.name for c in self.components if c.counts_energy)

    @property
    def shape(self) -> tuple[object, ...]:
        """What tariffs of one compiled problem have in common; all else is data."""
        kinds = [
            (
                c.basis,
                c.direction,
                c.peak_per,
                c.per,
                len(c.blocks),
                len(c.demand_blocks),
                c.is_convex,
                c.ratchet and c.ratchet.months,
                bool(c.rebate),
            )
            for c in self.components
            if c.is_peak or c.counts_energy
        ]
        return (self.metering_minutes, tuple(kinds))

    def metering(self, horizon: Horizon) -> csr_array:
        """(T, I) share of each step in each metering interval: powers @ this are the means that demand is billed on.

        A step as long as the interval or longer is its own interval; shorter ones are averaged on the clock.
        """
        span_s = round(self.metering_minutes * 60)
        seconds = horizon.edges[:-1].astype("datetime64[s]").astype(np.int64)
        own = horizon.hours * 3600 >= span_s - 0.5
        label = np.where(own, seconds, seconds // span_s * span_s)
        starts, place = np.unique(label, return_inverse=True)
        share = horizon.hours / np.bincount(place, horizon.hours, starts.size)[place]
        # Sparse: over a year of hours the dense one would hold 77 million numbers.
        return csr_array((share, (np.arange(horizon.steps), place)), shape=(horizon.steps, starts.size))

    def prices(self, horizon: Horizon) -> tuple[Array, Array]:
        """(T,) import and export price of all energy components.

        Raises:
            DataError: a direction has energy components, but none that applies in some step: an unknown price is not 0.
        """
        return _prices(self, _Span.of(horizon))

    def peak_width(self, horizon: Horizon, months: int | None = None) -> int:
        """How many slots each billed peak needs: one for each month, or for each day where days are billed."""
        by_month = len(month_slots(horizon, months))
        daily = any(c.is_peak and c.peak_per == "day" for c in self.components)
        return max(by_month, len(day_slots(horizon))) if daily else by_month

    def compile(self, horizon: Horizon, months: int | None = None) -> Terms:
        """All of it on a horizon; ``months`` fixes how many months have a slot (for compiled problems).

        Raises:
            DataError: as ``prices``; or a peak begins or ends to count inside a step.
        """
        found = self.periods(horizon, months)
        return Terms(found.peaks, found.import_tiers, found.export_tiers, *self.prices(horizon))

    def periods(self, horizon: Horizon, months: int | None = None, width: int | None = None) -> Periods:
        """What is billed by month, day or year, without the prices by step; ``width`` slots for each peak.

        Raises:
            DataError: a peak begins or ends to count inside a step.
        """
        return _periods(self, _Span.of(horizon), months, width or self.peak_width(horizon, months))

    def bill(
        self,
        horizon: Horizon,
        import_kw: Array,
        export_kw: Array,
        *,
        carried: Carried | None = None,
        import_kvar: Array | None = None,
        power_factor: float | None = None,
    ) -> list[Line]:
        """The bill of (T,) metered powers, line by line, in the order of the components and of time.

        Settle whole months: a horizon that begins inside one needs ``carried`` for what the meter has seen of it.

        Args:
            import_kvar: (T,) mean reactive power, which gives each month's power factor.
            power_factor: of all months, where that is known instead.

        Raises:
            DataError: a component counts by the power factor, and neither of the two is given.
        """
        clock = Clock(horizon, self.days)
        flows = np.asarray(import_kw, float), np.asarray(export_kw, float)
        months = [(label, here) for _, label, here in clock.months]
        of_month: Mapping[str, float] = {}
        if power_factor is not None:
            of_month = {label: power_factor for label, _ in months}
        elif import_kvar is not None:
            of_month = monthly(months, horizon.hours, flows[0], np.asarray(import_kvar, float))
        for asking in [c.name for c in self.components if c.basis == "power_factor" and not of_month]:
            raise DataError(
                f"'{asking}' of tariff '{self.name}' needs the power factor, or reactive power (import_kvar)"
            )
        return bill_lines(self.components, clock, self.metering_minutes, *flows, carried or Carried(), of_month)


@lru_cache(maxsize=_KEPT)
def _prices(tariff: Tariff, span: _Span) -> tuple[Array, Array]:
    given = (tariff.name, tariff.components, tariff.days, span.horizon)
    return _shared(energy_price(*given, "import")), _shared(energy_price(*given, "export"))


@lru_cache(maxsize=_KEPT)
def _periods(tariff: Tariff, span: _Span, months: int | None, width: int) -> Periods:
    given = (tariff.components, tariff.days, span.horizon)
    found = Periods(peaks(*given, width), tiers(*given, months, "import"), tiers(*given, months, "export"))
    for block in (found.peaks, found.import_tiers, found.export_tiers):
        for values in (getattr(block, field.name) for field in fields(block)):
            if isinstance(values, np.ndarray):
                _shared(values)
    return found


def _shared(values: Array) -> Array:
    """The array, which many will have: nobody may write into it."""
    values.flags.writeable = False
    return values
