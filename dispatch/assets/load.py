"""Demand that is served as it comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from dispatch.asset import Carrier, Given, Inputs, Mode, Rows
from dispatch.fields.flexible_devices import Devices
from dispatch.loads.demand import Demand, demand_kw
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array


class Load(Demand):
    """Demand on a bus of any carrier: served = demand − shed, 0 ≤ shed ≤ demand.

    Shedding is the last resort that keeps every plan feasible; each kWh costs ``value_of_lost_load_per_kwh`` in the
    objective, never in the reported money, and is reported as a finding.
    """

    kind: Literal["load"] = "load"

    bus_fields: ClassVar[Mapping[str, Carrier | None]] = {"bus": None}

    @classmethod
    def signals(cls, rows: Rows[Load], inputs: Inputs) -> dict[str, Array]:
        """Demand, and what shedding one kW for a step costs."""
        return {
            "demand_kw": demand_kw(rows, inputs),
            "shed_per_kw": rows.field("value_of_lost_load_per_kwh") * inputs.horizon.hours,
        }

    @classmethod
    def part(cls, rows: Rows[Load], given: Given, mode: Mode) -> Part:
        """Consumption of what is not shed."""
        import cvxpy as cp

        shed = cp.Variable((rows.count, given.horizon.steps), nonneg=True)
        return Part(
            ports={"demand": Port(rows.bus(), shed - given["demand_kw"])},
            constraints=[shed <= given["demand_kw"]],
            penalty_step=cp.multiply(given["shed_per_kw"], shed),
            series={"shed_kw": shed, "served_kw": given["demand_kw"] - shed},
        )

    @classmethod
    def flexible(cls, rows: Rows[Load], inputs: Inputs) -> Devices | None:
        """Its demand, which is fixed: shedding is the last resort and no offer."""
        demand = rows.series(inputs, "demand_kw")
        return Devices.of(inputs.horizon.hours, least_kw=demand, most_kw=demand, names=rows.names)

    @classmethod
    def check(cls, rows: Rows[Load], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """What is served and what is shed make up the demand."""
        demand = rows.series(given, "demand_kw")
        return [
            *mistakes(rows.names, "served and shed differ from demand",
                      np.abs(series["served_kw"] + series["shed_kw"] - demand), 0.0, "kW"),
            *breaches(rows.names, "sheds more than its demand", series["shed_kw"], np.maximum(demand, 0), "kW"),
            *breaches(rows.names, "negative shedding", -series["shed_kw"], 0.0, "kW"),
        ]  # fmt: skip

    @classmethod
    def account(cls, rows: Rows[Load], given: Inputs, series: Mapping[str, Array]) -> Account:
        """What is served, and the value of what is not."""
        lost = (series["shed_kw"] @ given.horizon.hours) * rows.field("value_of_lost_load_per_kwh")[:, 0]
        return Account({"demand": -series["served_kw"]}, penalty=lost)

    @classmethod
    def rule(cls, rows: Rows[Load], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Takes what it wants."""
        return {"shed_kw": np.zeros((rows.count, given.horizon.steps))}

    @classmethod
    def settle(cls, rows: Rows[Load], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Sheds what nobody could serve."""
        demand = rows.series(given, "demand_kw")
        lacking = np.maximum(-state.share(rows.bus(), demand), 0)
        return {"shed_kw": np.minimum(values["shed_kw"] + lacking, demand)}
