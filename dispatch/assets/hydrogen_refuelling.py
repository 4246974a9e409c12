"""Stations at which vehicles fill up with hydrogen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Asset, Carriers, Given, Inputs, Mode, Rows
from dispatch.errors import DataError
from dispatch.fields.fluids import HYDROGEN_KWH_PER_KG
from dispatch.fields.frozen import NonNegative, Positive
from dispatch.fields.series import History, Need, Signal, per_step
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon


class HydrogenRefuelling(Asset):
    r"""Vehicles ask for d [kg/h] in each step; what the dispensers or the hydrogen do not give is unserved.

    .. math:: f_t + n_t = d_t · LHV, \quad 0 ≤ f_t ≤ F · LHV, \quad n_t ≥ 0, \quad penalty_t = Δt \, c \, n_t / LHV

    The demand is that of a timetable (``demand_kg_per_h``) or a forecast like that of any load (``history``, as kW of
    lower heating value). Who is not served does not come again: a vehicle that waits is demand of a later step.
    """

    kind: Literal["hydrogen_refuelling"] = "hydrogen_refuelling"
    bus: str
    demand_kg_per_h: Signal | None = Field(default=None, description="what vehicles ask for; none: it is forecast")
    history: History | None = Field(default=None, description="measured demand in kW, from which a forecast learns")
    dispensers_kg_per_h: Positive | None = Field(default=None, description="most that all dispensers give together")
    unserved_cost_per_kg: NonNegative = Field(default=100.0, description="price of a kg that vehicles do not get")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": "hydrogen"}

    @model_validator(mode="after")
    def _one_demand(self) -> Self:
        if self.demand_kg_per_h is not None and self.history is not None:
            raise ValueError("give demand_kg_per_h, or a history from which it is forecast, not both")
        return self

    @property
    def needs(self) -> tuple[Need, ...]:
        """The demand, where no timetable says it."""
        if self.demand_kg_per_h is not None:
            return ()
        return (Need("demand_kw", "load", math.inf, self.history),)

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """(1, step) the demand of the timetable [kW]."""
        if self.demand_kg_per_h is None:
            return {}
        asked = per_step(self.demand_kg_per_h, horizon, f"demand of '{self.name}'")
        return {"demand_kw": asked[None, :] * HYDROGEN_KWH_PER_KG}

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Demand, what the dispensers give at most, and the price of a kW unserved for a step."""
        demand = inputs.horizon.require("demand_kw", rows.series(inputs, "demand_kw"))
        if (demand < 0).any():
            name = rows.names[int(np.argwhere(demand < 0)[0][0])]
            raise DataError(f"demand of '{name}' is negative ({demand.min() / HYDROGEN_KWH_PER_KG:g} kg/h)")
        return {
            "demand_kw": demand,
            "least_unserved_kw": demand - _most_kw(rows, demand),
            "unserved_per_kw": rows.field("unserved_cost_per_kg") / HYDROGEN_KWH_PER_KG * inputs.horizon.hours,
        }

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The equations above for all rows."""
        import cvxpy as cp

        unserved = cp.Variable((rows.count, given.horizon.steps), nonneg=True)
        served = given["demand_kw"] - unserved
        return Part(
            ports={"hydrogen": Port(rows.bus(), -served)},
            constraints=[unserved <= given["demand_kw"], unserved >= given["least_unserved_kw"]],
            penalty_step=cp.multiply(given["unserved_per_kw"], unserved),
            series={"served_kw": served, "unserved_kw": unserved, "served_kg_per_h": served / HYDROGEN_KWH_PER_KG},
        )

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Demand is served or not, and by dispensers that can."""
        demand, served = rows.series(given, "demand_kw"), series["served_kw"]
        most = rows.field("dispensers_kg_per_h", np.inf) * HYDROGEN_KWH_PER_KG
        return [
            *mistakes(rows.names, "served and unserved differ from demand",
                      np.abs(served + series["unserved_kw"] - demand), 0.0, "kW"),
            *breaches(rows.names, "more than its dispensers give", served, most, "kW"),
            *breaches(rows.names, "serves more than is asked for", served, demand, "kW"),
            *breaches(rows.names, "serves less than nothing", -served, 0.0, "kW"),
        ]  # fmt: skip

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """What is served, and the price of what is not."""
        unserved = rows.series(given, "demand_kw") - series["served_kw"]
        missing_kg = unserved @ given.horizon.hours / HYDROGEN_KWH_PER_KG
        return Account(
            {"hydrogen": -series["served_kw"]}, penalty=missing_kg * rows.field("unserved_cost_per_kg")[:, 0]
        )

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Asks for all that its dispensers give."""
        demand = rows.series(given, "demand_kw")
        return {"unserved_kw": demand - _most_kw(rows, demand)}

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Does without what nobody could make."""
        demand = rows.series(given, "demand_kw")
        lacking = np.maximum(-state.share(rows.bus(), demand - values["unserved_kw"]), 0)
        return {"unserved_kw": np.minimum(values["unserved_kw"] + lacking, demand)}


def _most_kw(rows: Rows[Any], demand: Array) -> Array:
    """(row, step) what is asked for, as far as dispensers give it."""
    return np.minimum(demand, rows.field("dispensers_kg_per_h", np.inf) * HYDROGEN_KWH_PER_KG)
