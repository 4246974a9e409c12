"""Combined heat and power."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dispatch.asset import Carriers, Given, Inputs, Mode, Rows, full
from dispatch.fields.frozen import NonNegative
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.units.fired import Fired
from dispatch.worth import Activity, Worth


class Chp(Fired):
    r"""Electricity P and heat Q inside a polygon, on a fuel bus, an electricity bus and a heat or steam bus [kW].

    .. math::
        P_t ≥ c_b Q_t, \quad m \bar P u_t ≤ P_t + c_v Q_t ≤ \bar P u_t, \quad H_t = (P_t + c_v Q_t)/η + H_0 u_t

    c_b is the back-pressure ratio, c_v the electricity lost per heat drawn off, H fuel. With u these are the rows of
    the hull: the relaxation of one step is tight. L = P + c_v Q is the load of
    :class:`~dispatch.units.fired.Fired`, whose reserve, raised or lowered at constant heat, keeps to the back-pressure
    line too. An engine, whose heat comes with its electricity, has c_v = 0 and its ratio as c_b; heat that
    nobody takes is let off.

    Typical of gas: η .41, c_b 1, c_v .17 (Danish Energy Agency technology data as used by PyPSA).
    """

    kind: Literal["chp"] = "chp"
    heat_bus: str
    power_to_heat: NonNegative = Field(default=1.0, description="c_b: least electricity per heat")
    power_loss: NonNegative = Field(default=0.17, description="c_v: electricity lost per heat drawn off")
    no_load_fuel_kw: NonNegative = Field(default=0.0, description="fuel that it takes for being on")

    rule_order: ClassVar[int] = 3  # with the heat that exchangers draw
    relieves: ClassVar[bool] = True

    bus_fields: ClassVar[Mapping[str, Carriers]] = {
        "bus": "electricity",
        "heat_bus": ("heat", "steam"),
        "fuel_bus": ("gas", "fuel", "hydrogen", "methanol"),
    }

    @property
    def no_load_kw(self) -> float:
        """Fuel that it takes for being on."""
        return self.no_load_fuel_kw

    @property
    def is_committed(self) -> bool:
        """As for every plant, and fuel at no load."""
        return super().is_committed or self.no_load_fuel_kw > 0

    def worth(self, inputs: Inputs) -> Worth:
        """Per kWh of load: without heat, and with as much as there can be."""
        alone, per_load = super().worth(inputs), self.power_to_heat + self.power_loss
        if per_load <= 0:
            return alone
        drawn = {self.heat_bus: 1 / per_load, self.bus: self.power_to_heat / per_load}
        return Worth((*alone.activities, Activity(self.fuel_kw_per_kw, drawn, self.cost_per_kwh)))

    @classmethod
    def ratings(cls, rows: Rows[Chp], horizon: Horizon) -> dict[str, Array]:
        """Those of the load; electricity lost per heat, load at least per heat, (row, step)."""
        loss, own = rows.field("power_loss"), super().ratings(rows, horizon)
        more = {"loss": loss, "load_per_heat": rows.field("power_to_heat") + loss}
        written = {name: full(rows, horizon, value) for name, value in more.items()}
        return own | written | {"unclean_loss": own["unclean"] * loss}

    @classmethod
    def part(cls, rows: Rows[Chp], given: Given, mode: Mode) -> Part:
        """The polygon on top of the load."""
        import cvxpy as cp

        made = super().part(rows, given, mode)
        load = made.series["load_kw"]
        heat = cp.Variable(load.shape, nonneg=True)
        power = load - cp.multiply(given["loss"], heat)
        lowered = load - made.series["reserve_down_kw"] if "reserve_down_kw" in made.series else load
        return replace(
            made,
            ports={
                **made.ports,
                "electricity": Port(rows.bus(), power),
                "heat": Port(rows.bus("heat_bus"), heat),
            },
            constraints=[*made.constraints, lowered >= cp.multiply(given["load_per_heat"], heat)],
            of_fuel=True,
            supply_kw=power,
            unclean_kw=cp.multiply(given["unclean"], load) - cp.multiply(given["unclean_loss"], heat),
            series={"power_kw": power, "heat_kw": heat, **made.series},
        )

    @classmethod
    def check(cls, rows: Rows[Chp], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Those of the load, and both lines of the polygon."""
        power, heat, names = series["power_kw"], series["heat_kw"], rows.names
        down = series.get("reserve_down_kw", np.zeros_like(power))
        apart = np.abs(power + rows.field("power_loss") * heat - series["load_kw"])
        return [
            *super().check(rows, given, series),
            *breaches(names, "below the back-pressure line", rows.field("power_to_heat") * heat, power - down, "kW"),
            *mistakes(names, "electricity differs from load and heat", apart, 0.0, "kW"),
            *breaches(names, "negative heat", -heat, 0.0, "kW"),
        ]

    @classmethod
    def account(cls, rows: Rows[Chp], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Electricity, heat, fuel, upkeep and starts."""
        fuel, money = cls.spent(rows, given, series)
        power = series["load_kw"] - rows.field("power_loss") * series["heat_kw"]
        return Account(
            {"electricity": power, "heat": series["heat_kw"], "fuel": -fuel},
            at={"heat": "heat_bus", "fuel": "fuel_bus"},
            money=money,
            of_fuel=True,
            supply_kw=power,
            unclean_kw=np.where(rows.field("clean") > 0, 0.0, power),
            reserve_up_kw=series.get("reserve_up_kw", 0.0),
            reserve_down_kw=series.get("reserve_down_kw", 0.0),
        )

    @classmethod
    def rule(cls, rows: Rows[Chp], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Led by heat, at back pressure; below its minimum load it is off."""
        heat = np.maximum(-state.share(rows.bus("heat_bus"), full(rows, given.horizon, rows.field("max_kw"))), 0)
        return cls._with_heat(rows, given, heat * _per_heat(rows), heat)

    @classmethod
    def follow(cls, rows: Rows[Chp], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array] | None:
        """The load wanted, with as much of the heat wanted as it gives."""
        nothing = np.zeros((rows.count, given.horizon.steps))
        return cls._with_heat(rows, given, wanted.get("load_kw", nothing), wanted.get("heat_kw", nothing))

    @classmethod
    def settle(cls, rows: Rows[Chp], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Less heat where nobody takes it, more where it lacks; likewise load; less where fuel lacks."""
        most = full(rows, given.horizon, rows.field("max_kw"))
        heat = np.maximum(values["heat_kw"] - state.apportioned(rows.bus("heat_bus"), values["heat_kw"], most), 0)
        short = np.maximum(-state.share(rows.bus("fuel_bus"), values["load_kw"]), 0) * rows.field("efficiency")
        power = values["load_kw"] - rows.field("power_loss") * values["heat_kw"]
        power = power - state.apportioned(rows.bus(), power, most)
        load = np.maximum(power + rows.field("power_loss") * heat, heat * _per_heat(rows))
        load = np.where(short > 0, np.minimum(load, values["load_kw"] - short), load)
        return cls._with_heat(rows, given, load, heat)

    @classmethod
    def _with_heat(cls, rows: Rows[Chp], given: Inputs, load: Array, heat: Array) -> dict[str, Array]:
        made = cls.at_load(rows, given, load)
        return {**made, "heat_kw": np.minimum(heat, made["load_kw"] / np.maximum(_per_heat(rows), 1e-9))}


def _per_heat(rows: Rows[Chp]) -> Array:
    """(row, 1) least load per heat."""
    return rows.field("power_to_heat") + rows.field("power_loss")
