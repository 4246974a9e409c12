"""A steam turbine that heat is drawn off: the kind that the drop-in test adds as one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from dispatch.asset import Asset, Carriers, Given, Inputs, Mode, Rows, full
from dispatch.fields.frozen import NonNegative, Positive
from dispatch.part import Account, Part, Port, Violation, breaches
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon


class ExtractionTurbine(Asset):
    """Steam turbine on two buses: P ≥ c_b Q and P + c_v Q ≤ P_max [kW]; fuel cost on P + c_v Q."""

    kind: Literal["extraction_turbine"] = "extraction_turbine"
    bus: str
    heat_bus: str
    max_kw: Positive
    power_to_heat: NonNegative = 1.0
    power_loss: NonNegative = 0.17
    cost_per_kwh: NonNegative = 0.0

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": "electricity", "heat_bus": "heat"}
    rule_order: ClassVar[int] = 3

    @classmethod
    def ratings(cls, rows: Rows[ExtractionTurbine], horizon: Horizon) -> dict[str, Array]:
        names = ("max_kw", "power_to_heat", "power_loss")
        values = {name: full(rows, horizon, rows.field(name)) for name in names}
        cost = rows.field("cost_per_kwh") * horizon.hours
        return values | {"cost": cost, "heat_cost": cost * rows.field("power_loss")}

    @classmethod
    def part(cls, rows: Rows[ExtractionTurbine], given: Given, mode: Mode) -> Part:
        import cvxpy as cp

        shape = (rows.count, given.horizon.steps)
        power, heat = cp.Variable(shape, nonneg=True), cp.Variable(shape, nonneg=True)
        return Part(
            ports={"electricity": Port(rows.bus(), power), "heat": Port(rows.bus("heat_bus"), heat)},
            constraints=[
                power >= cp.multiply(given["power_to_heat"], heat),
                power + cp.multiply(given["power_loss"], heat) <= given["max_kw"],
            ],
            cost_step=cp.multiply(given["cost"], power) + cp.multiply(given["heat_cost"], heat),
            supply_kw=power,
            unclean_kw=power,
            series={"power_kw": power, "heat_kw": heat},
        )

    @classmethod
    def check(cls, rows: Rows[ExtractionTurbine], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        power, heat = series["power_kw"], series["heat_kw"]
        limit = rows.field("max_kw") - rows.field("power_loss") * heat
        back_pressure = rows.field("power_to_heat") * heat
        return [
            *breaches(rows.names, "above the extraction line", power, limit, "kW"),
            *breaches(rows.names, "below the back-pressure line", back_pressure, power, "kW"),
        ]

    @classmethod
    def account(cls, rows: Rows[ExtractionTurbine], given: Inputs, series: Mapping[str, Array]) -> Account:
        power, heat = series["power_kw"], series["heat_kw"]
        fuel = (power + rows.field("power_loss") * heat) @ given.horizon.hours
        money = fuel * rows.field("cost_per_kwh")[:, 0]
        return Account({"electricity": power, "heat": heat}, money=money, supply_kw=power, unclean_kw=power)

    @classmethod
    def rule(cls, rows: Rows[ExtractionTurbine], given: Inputs, state: Ruling) -> dict[str, Array]:
        wanted = np.maximum(-state.share(rows.bus("heat_bus"), rows.field("max_kw")), 0)
        heat = np.minimum(wanted, rows.field("max_kw") / (rows.field("power_to_heat") + rows.field("power_loss")))
        return {"heat_kw": heat, "power_kw": rows.field("power_to_heat") * heat}
