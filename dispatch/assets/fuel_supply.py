"""What a site buys by pipe or lorry: gas, fuels, hydrogen, steam, heat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dispatch.asset import Asset, Carriers, Given, Inputs, Mode, Rows
from dispatch.fields.frozen import NonNegative, Positive
from dispatch.fields.series import Signal, per_step
from dispatch.part import Account, Part, Port, Violation, breaches
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.worth import Worth

_SHORTEST_DAY_H = 23


class FuelSupply(Asset):
    r"""Purchase f on a bus of any carrier but electricity, at a price that may change from step to step.

    .. math::
        0 ≤ f_t ≤ \bar F, \quad Σ_{t ∈ day} Δt_t f_t ≤ D - bought \\
        cost = Σ_t Δt_t π_t f_t, \quad CO_2 = Σ_t Δt_t e f_t

    Days are local ones; ``day_to_date_kwh`` is what the first of them has taken before the horizon. Here, where it
    enters the site, a fuel's money and carbon are counted, once: what burns it counts neither. ``renewable`` fuel
    (biogas, biomass, green hydrogen) emits nothing that counts.
    """

    kind: Literal["fuel_supply"] = "fuel_supply"
    bus: str
    price_per_kwh: Signal = Field(description="by lower heating value")
    max_kw: Positive | None = Field(default=None, description="largest flow; default: no limit")
    max_day_kwh: Positive | None = Field(default=None, description="most of a local day; default: no limit")
    day_to_date_kwh: NonNegative = Field(default=0.0, description="bought on the first day before the start")
    co2_kg_per_kwh: NonNegative = Field(default=0.0, description="emitted when it is burnt, and on the way here")
    renewable: bool = Field(default=False, description="its emissions do not count")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {
        "bus": ("gas", "fuel", "hydrogen", "ammonia", "methanol", "steam", "heat", "cold", "compressed_air", "co2")
    }
    rule_order: ClassVar[int] = 6
    relieves: ClassVar[bool] = True

    @property
    def structure(self) -> tuple[object, ...]:
        """Its bus, and which limits there are."""
        return (*super().structure, self.max_kw is None, self.max_day_kwh is None)

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """(1, step) price."""
        return {"price_per_kwh": per_step(self.price_per_kwh, horizon, f"price of '{self.name}'")[None, :]}

    def worth(self, inputs: Inputs) -> Worth:
        """Its price."""
        return Worth(bought={self.bus: float(inputs.series[self.name, "price_per_kwh"].mean())})

    @classmethod
    def ratings(cls, rows: Rows[FuelSupply], horizon: Horizon) -> dict[str, Array]:
        """Largest flow, (row, 1), and what a kW emits in a step, (row, step)."""
        counted = rows.field("co2_kg_per_kwh") * (1 - rows.field("renewable"))
        return {
            "most_kw": rows.field("max_kw", 0.0) * np.ones(horizon.steps),
            "co2_per_kw": counted * horizon.hours,
            "unclean": (1 - rows.field("renewable")) * np.ones(horizon.steps),
        }

    @classmethod
    def signals(cls, rows: Rows[FuelSupply], inputs: Inputs) -> dict[str, Array]:
        """Money per kW and step; hours of each day, (step, day), and what is left of its limit, (row, day)."""
        values = {"cost_per_kw": rows.series(inputs, "price_per_kwh") * inputs.horizon.hours}
        if not _by_day(rows).size:
            return values
        days = int(inputs.horizon.edge_h[-1] // _SHORTEST_DAY_H) + 2  # as many slots on every date
        mask = np.zeros((inputs.horizon.steps, days))
        mask[np.arange(inputs.horizon.steps), _day_of(inputs.horizon)] = inputs.horizon.hours
        left = np.repeat(rows.field("max_day_kwh", 0.0), days, axis=1)
        left[:, :1] -= rows.state(inputs, "day_to_date_kwh")
        return values | {"day_h": mask, "day_left_kwh": np.maximum(left, 0)}

    @classmethod
    def part(cls, rows: Rows[FuelSupply], given: Given, mode: Mode) -> Part:
        """The equations above for all rows."""
        import cvxpy as cp

        flow = cp.Variable((rows.count, given.horizon.steps), nonneg=True)
        limited, by_day = np.flatnonzero(np.isfinite(rows.field("max_kw"))), _by_day(rows)
        constraints = [(flow - given["most_kw"])[limited] <= 0] if limited.size else []
        if by_day.size:
            constraints.append((flow @ given["day_h"] - given["day_left_kwh"])[by_day] <= 0)
        return Part(
            ports={"supply": Port(rows.bus(), flow)},
            constraints=constraints,
            cost_step=cp.multiply(given["cost_per_kw"], flow),
            co2_step_kg=cp.multiply(given["co2_per_kw"], flow),
            fuel_kw=flow,
            unclean_fuel_kw=cp.multiply(given["unclean"], flow),
            series={"bought_kw": flow},
        )

    @classmethod
    def check(cls, rows: Rows[FuelSupply], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Largest flow, and each local day's sum."""
        flow, dates = series["bought_kw"], [start.date() for start in given.horizon.local_start]
        found = [
            *breaches(rows.names, "buys more than its largest flow", flow, rows.field("max_kw", np.inf), "kW"),
            *breaches(rows.names, "buys less than nothing", -flow, 0.0, "kW"),
        ]
        for day in sorted(set(dates)):
            before = rows.state(given, "day_to_date_kwh") if day == dates[0] else 0.0
            today = np.array([date == day for date in dates]) * given.horizon.hours
            total = flow @ today[:, None] + before
            # What was bought too much before the horizon cannot be given back.
            limit = np.maximum(rows.field("max_day_kwh", np.inf), before)
            found += breaches(rows.names, "buys more than its limit of a day", total, limit, "kWh")
        return found

    @classmethod
    def account(cls, rows: Rows[FuelSupply], given: Inputs, series: Mapping[str, Array]) -> Account:
        """What is bought, by price and emissions."""
        flow, hours = series["bought_kw"], given.horizon.hours
        emitted = flow * hours * np.where(rows.field("renewable") > 0, 0.0, rows.field("co2_kg_per_kwh"))
        return Account(
            {"supply": flow},
            money=(flow * rows.series(given, "price_per_kwh")) @ hours,
            co2_kg=emitted,
            fuel_kw=flow,
            unclean_fuel_kw=np.where(rows.field("renewable") > 0, 0.0, flow),
        )

    @classmethod
    def carry(
        cls, rows: Rows[FuelSupply], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """What is bought so far on the day on which the next window begins."""
        horizon = given.horizon
        dates = [start.date() for start in horizon.local_start]
        following = horizon.local_end[steps - 1].date()
        today = np.array([date == following for date in dates[:steps]]) * horizon.hours[:steps]
        before = rows.state(given, "day_to_date_kwh")[:, 0] * (following == dates[0])
        total = series["bought_kw"][:, :steps] @ today + before
        return {member.name: {"day_to_date_kwh": float(total[i])} for i, member in enumerate(rows.members)}

    @classmethod
    def rule(cls, rows: Rows[FuelSupply], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Buys what its bus lacks."""
        return {"bought_kw": _within(rows, given, -state.share(rows.bus(), _weight(rows, given)))}

    @classmethod
    def settle(cls, rows: Rows[FuelSupply], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Buys more of what still lacks, less of what nobody takes."""
        left = state.share(rows.bus(), _weight(rows, given))
        return {"bought_kw": _within(rows, given, values["bought_kw"] - left)}


def _by_day(rows: Rows[FuelSupply]) -> np.ndarray:
    """Rows with a limit of a day."""
    return np.flatnonzero(np.isfinite(rows.field("max_day_kwh")))


def _day_of(horizon: Horizon) -> np.ndarray:
    """(step,) number of the local day, from 0."""
    dates = [start.date() for start in horizon.local_start]
    return np.array([(date - dates[0]).days for date in dates])


def _weight(rows: Rows[FuelSupply], given: Inputs) -> Array:
    """(row, step) by which several supplies on one bus share what it lacks."""
    most = rows.field("max_kw")
    return np.where(np.isnan(most), np.nanmax(most, initial=1.0), most) * np.ones(given.horizon.steps)


def _within(rows: Rows[FuelSupply], given: Inputs, wanted: Array) -> Array:
    """(row, step) what can be had of it, earlier steps first."""
    flow = np.clip(wanted, 0, rows.field("max_kw", np.inf))
    day, hours = _day_of(given.horizon), given.horizon.hours
    limit = rows.field("max_day_kwh", np.inf)
    for number in np.unique(day):
        here = day == number
        left = np.maximum(limit - (rows.state(given, "day_to_date_kwh") if number == 0 else 0.0), 0)
        total = np.minimum(np.cumsum(flow[:, here] * hours[here], axis=1), left)
        flow[:, here] = np.diff(total, axis=1, prepend=0.0) / hours[here]
    return flow
