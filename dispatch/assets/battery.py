"""Electrochemical batteries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from dispatch.asset import Given, Inputs, Mode, Rows
from dispatch.fields.frozen import Efficiency, Finite, Fraction, Frozen
from dispatch.fields.series import Signal, signal_values
from dispatch.part import Account, Part, Violation
from dispatch.signals import Array, Horizon
from dispatch.stores import wear as storage_wear
from dispatch.stores.ageing import Ageing, ageing
from dispatch.stores.electric import ElectricStorage
from dispatch.stores.paces import Pace
from dispatch.stores.wear import DepthWear

# What a temperature changes; constants of a battery in a room, data of one out in the weather.
_VARIES = {"gain_kwh_per_kw", "drain_kwh_per_kw", "charge_kw", "discharge_kw", "into_kwh_per_kwh", "out_kwh_per_kwh"}
_VARIES |= {"backup_kw"}
_SHARE = {
    "charge_kw": "power_share",
    "discharge_kw": "power_share",
    "charge_efficiency": "efficiency_share",
    "discharge_efficiency": "efficiency_share",
}


class TemperaturePoint(Frozen):
    """At this temperature of the air, these shares of what is rated are left."""

    degc: Annotated[Finite, Field(ge=-60, le=80)]
    power_share: Efficiency = Field(description="of charge_kw and discharge_kw")
    capacity_share: Efficiency = Field(description="of the content between min_fill and max_fill")
    efficiency_share: Efficiency = Field(default=1.0, description="of each one-way efficiency")


def _read_off(points: tuple[TemperaturePoint, ...], name: str, air: Array) -> Array:
    """(step,) a share at the air's temperature: that of the first point, and what each stretch of the table adds."""
    out = np.full(air.shape, getattr(points[0], name))
    for one, other in pairwise(points):
        along = np.clip((air - one.degc) / (other.degc - one.degc), 0, 1)
        out += along * (getattr(other, name) - getattr(one, name))
    return out


class Battery(ElectricStorage):
    r"""A battery: the stock equation of :class:`dispatch.stores.stock.Storage` with typical Li-ion numbers.

    Its wear may count by the depth of cycles (``wear``, :mod:`dispatch.stores.wear`), beside or instead of a price per
    kWh. Default one-way efficiency .9193 (Li-ion LFP, Danish Energy Agency technology data as used by PyPSA, 2030).

    Out in the weather, ``temperature_table`` says what is left of it at ``ambient_degc`` T, straight between points and
    level beyond them:

    .. math::
        C_t = C κ_P(T_t), \quad η_t = η κ_η(T_t), \quad e_t ≥ e^{max} - \min_s κ_E(T_s) (e^{max} - e^{min})

    What the cold keeps in the cells lies at the bottom and is not lost: the coldest step of the horizon decides how
    much of the content a plan counts on, a store that stands lower is not discharged, and nothing forces it up.
    """

    kind: Literal["battery"] = "battery"
    charge_efficiency: Efficiency = 0.9193
    discharge_efficiency: Efficiency = 0.9193
    min_fill: Fraction = 0.1
    max_fill: Fraction = 0.95
    wear: DepthWear | None = Field(default=None, description="ageing that grows with the depth of cycles")
    temperature_table: tuple[TemperaturePoint, ...] = Field(default=(), description="what is left in heat and cold")
    ambient_degc: Signal = Field(default=25.0, description="temperature of the air, for temperature_table")
    cell_temperature_degc: Annotated[Finite, Field(ge=-40, le=80)] = Field(
        default=25.0, description="mean over the day; for the life that a plan is reported to use"
    )

    @field_validator("temperature_table")
    @classmethod
    def _rising(cls, points: tuple[TemperaturePoint, ...]) -> tuple[TemperaturePoint, ...]:
        at = [p.degc for p in points]
        if any(later <= one for one, later in pairwise(at)):
            raise ValueError(f"temperature_table needs points of rising degc, found {', '.join(f'{v:g}' for v in at)}")
        return points

    @model_validator(mode="after")
    def _reserve_in_the_cold(self) -> Self:
        least = min((p.power_share for p in self.temperature_table), default=1.0)
        if self.fast_reserve_kw >= least * min(self.charge_kw, self.discharge_kw):
            raise ValueError("fast_reserve_kw must be below the power that temperature_table leaves in the worst case")
        return self

    @property
    def structure(self) -> tuple[object, ...]:
        """That of every store, the number of segments, and whether it feels the weather."""
        return (*super().structure, self.wear.segments if self.wear else 0, bool(self.temperature_table))

    @property
    def most_drain_kwh_per_kwh(self) -> float:
        """At the temperature that is worst for it."""
        worst = min((p.efficiency_share for p in self.temperature_table), default=1.0)
        return 1 / (self.discharge_efficiency * worst)

    def left(self, share: str, horizon: Horizon) -> Array:
        """(step,) the share of the table at the air's temperature; ones without a table."""
        if not self.temperature_table:
            return np.ones(horizon.steps)
        what = f"ambient_degc of '{self.name}'"
        air = signal_values(self.ambient_degc, horizon.local_start, horizon.local_end, what)
        at, left = [p.degc for p in self.temperature_table], [getattr(p, share) for p in self.temperature_table]
        return np.asarray(np.interp(np.array(air), np.array(at), np.array(left)))

    def pace(self, horizon: Horizon) -> Pace:
        """For checks: that of every store, and what the table leaves at the air's temperature."""
        plain, points = super().pace(horizon), self.temperature_table
        if not points:
            return plain
        what = f"ambient_degc of '{self.name}'"
        air = np.array(signal_values(self.ambient_degc, horizon.local_start, horizon.local_end, what))
        power, capacity, efficiency = (
            _read_off(points, name, air) for name in ("power_share", "capacity_share", "efficiency_share")
        )
        return Pace(
            plain.into * efficiency,
            plain.out * efficiency,
            plain.charge_kw * power,
            plain.discharge_kw * power,
            lowest_fill=self.max_fill - capacity.min() * (self.max_fill - self.min_fill),
            most_gain=plain.most_gain,
            most_drain=plain.most_drain / min(p.efficiency_share for p in points),
        )

    @classmethod
    def by_step(cls, rows: Rows[Self], horizon: Horizon, name: str) -> Array:
        """Powers and efficiencies at the temperature of each step."""
        own = [member.left(_SHARE[name], horizon) for member in rows.members]
        return super().by_step(rows, horizon, name) * np.tile(np.stack(own), (rows.scenarios, 1))

    @classmethod
    def floor_fill(cls, rows: Rows[Self], horizon: Horizon) -> Array:
        """What the coldest step leaves usable counts from the top."""
        share = np.array([member.left("capacity_share", horizon).min() for member in rows.members])
        top = rows.field("max_fill")
        return np.asarray(top - np.tile(share, rows.scenarios)[:, None] * (top - rows.field("min_fill")))

    def ageing(self, fill: Array, hours: Array) -> Ageing:
        """What a course of fill, (T + 1,) at the edges of steps, does to it."""
        return ageing(fill, hours, self.cell_temperature_degc)

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Those of every electric store, and sizes and costs of segments."""
        out = super().ratings(rows, horizon) | storage_wear.ratings(rows, horizon.steps)
        return {n: v for n, v in out.items() if n not in _VARIES} if cls._in_weather(rows) else out

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Those of every electric store, what the segments hold at the start, and what the weather leaves."""
        out = super().signals(rows, inputs) | storage_wear.signals(rows, inputs)
        if cls._in_weather(rows):
            out |= {n: v for n, v in super().ratings(rows, inputs.horizon).items() if n in _VARIES}
        return out

    @classmethod
    def _in_weather(cls, rows: Rows[Self]) -> bool:
        return any(member.temperature_table for member in rows.members)

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """That of every electric store, and its segments."""
        return storage_wear.added(super().part(rows, given, mode), rows, given, cls.deciding(rows, mode))

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Limits of every electric store, and of its segments."""
        return [*super().check(rows, given, series), *storage_wear.check(rows, given, series)]

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """That of every electric store, and wear by depth."""
        account = super().account(rows, given, series)
        return replace(account, money=account.money + storage_wear.account(rows, series))

    @classmethod
    def walked(cls, rows: Rows[Self], given: Inputs, wanted: Array, *, back: bool) -> dict[str, Array]:
        """Powers as of every store, out of and into the cheapest segments."""
        out = super().walked(rows, given, wanted, back=back)
        return out | storage_wear.walked(rows, given, out["charge_kw"], out["discharge_kw"])

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """The fill of each segment beside what every store carries."""
        own, plain = storage_wear.carried(rows, series, steps), super().carry(rows, given, series, steps)
        return {m.name: plain.get(m.name, {}) | own.get(m.name, {}) for m in rows.members}
