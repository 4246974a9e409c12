"""Generation that the weather offers and the plan may curtail; wind and PV share it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np

from dispatch.asset import Asset, Given, Inputs, Mode, Rows
from dispatch.fields.flexible_devices import Devices
from dispatch.fields.frozen import NonNegative
from dispatch.fields.inverter import Inverter
from dispatch.part import Account, Part, Port, Violation, breaches
from dispatch.ruling import Ruling
from dispatch.signals import Array
from dispatch.worth import Worth


class VariableGeneration(Asset):
    """0 ≤ p ≤ available, where the input series ``available_kw`` (scenario, step) comes from the forecast.

    Curtailment (available − p) is free unless the plant has a running cost; what is generated counts as clean supply.
    """

    bus: str
    cost_per_kwh: NonNegative = 0.0

    rule_order: ClassVar[int] = 1
    relieves: ClassVar[bool] = True
    inverter: ClassVar[Inverter | None] = Inverter(feeds_only=True)

    def worth(self, inputs: Inputs) -> Worth:
        """Nothing: it is there or not, whatever is kept."""
        return Worth()

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Available power and cost per kW and step, (row, step)."""
        available = inputs.horizon.require("available_kw", rows.series(inputs, "available_kw"))
        return {"available_kw": available, "cost_per_kw": rows.field("cost_per_kwh") * inputs.horizon.hours}

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """Generation up to what is available."""
        import cvxpy as cp

        power = cp.Variable((rows.count, given.horizon.steps), nonneg=True)
        return Part(
            ports={"electricity": Port(rows.bus(), power)},
            constraints=[power <= given["available_kw"]],
            cost_step=cp.multiply(given["cost_per_kw"], power),
            supply_kw=power,
            series={"power_kw": power, "curtailed_kw": given["available_kw"] - power},
        )

    @classmethod
    def flexible(cls, rows: Rows[Self], inputs: Inputs) -> Devices | None:
        """Anything from nothing to what is available."""
        available = rows.series(inputs, "available_kw")
        return Devices.of(inputs.horizon.hours, least_kw=-available, most_kw=np.zeros_like(available), names=rows.names)

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Between zero and what the forecast offers."""
        power = series["power_kw"]
        return [
            *breaches(
                rows.names,
                "generates more than is available",
                power,
                rows.series(given, "available_kw"),
                "kW",
            ),
            *breaches(rows.names, "negative generation", -power, 0.0, "kW"),
        ]

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Generation, all of it clean."""
        power = series["power_kw"]
        cost = (power @ given.horizon.hours) * rows.field("cost_per_kwh")[:, 0]
        return Account({"electricity": power}, money=cost, supply_kw=power)

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Runs free; the grid connection's rule reports what could not be exported."""
        return {"power_kw": rows.series(given, "available_kw")}

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Curtails what nobody could take, and gives it after all where its bus lacks."""
        power = values["power_kw"]
        unused = np.maximum(rows.series(given, "available_kw") - power, 0)
        surplus = np.maximum(state.share(rows.bus(), power), 0)
        lacking = np.maximum(-state.share(rows.bus(), unused), 0)
        return {"power_kw": np.maximum(power - surplus, 0) + np.minimum(lacking, unused)}
