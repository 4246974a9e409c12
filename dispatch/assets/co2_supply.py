"""Carbon dioxide as a feedstock, from outside or from a capture plant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dispatch.asset import Asset, Carriers, Given, Inputs, Mode, Rows, full
from dispatch.fields.frozen import NonNegative
from dispatch.fields.series import Signal, per_step
from dispatch.part import Account, Part, Port, Violation, breaches
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.worth import Worth


class Co2Supply(Asset):
    r"""CO2 onto its bus, whose flows are in kg/h: 0 ≤ f ≤ F; money and carbon per kg.

    .. math:: cost_t = Δt \, c_t f_t, \quad CO_{2,t} = Δt \, e f_t

    e is what counts as emitted per kg taken: 0 for biogenic carbon or carbon from the air, up to 1 for carbon of fossil
    origin that is let out where the product is burnt.
    """

    kind: Literal["co2_supply"] = "co2_supply"
    bus: str
    max_kg_per_h: NonNegative = Field(description="largest flow")
    price_per_t: Signal = Field(default=0.0, description="money per t taken")
    co2_kg_per_kg: NonNegative = Field(default=0.0, description="counted as emitted per kg taken")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": "co2"}
    rule_order: ClassVar[int] = 7

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """(1, step) the price."""
        return {"co2_price_per_t": per_step(self.price_per_t, horizon, f"price of '{self.name}'")[None, :]}

    def worth(self, inputs: Inputs) -> Worth:
        """Its price per kg."""
        return Worth(bought={self.bus: float(inputs.series[self.name, "co2_price_per_t"].mean()) / 1000})

    @classmethod
    def ratings(cls, rows: Rows[Co2Supply], horizon: Horizon) -> dict[str, Array]:
        """Largest flow and carbon per flow, (row, step)."""
        return {
            "max_kg_per_h": full(rows, horizon, rows.field("max_kg_per_h")),
            "co2_per_flow": rows.field("co2_kg_per_kg") * horizon.hours,
        }

    @classmethod
    def signals(cls, rows: Rows[Co2Supply], inputs: Inputs) -> dict[str, Array]:
        """Money per flow, (row, step)."""
        return {"price_per_flow": rows.series(inputs, "co2_price_per_t") / 1000 * inputs.horizon.hours}

    @classmethod
    def part(cls, rows: Rows[Co2Supply], given: Given, mode: Mode) -> Part:
        """The equations above for all rows."""
        import cvxpy as cp

        flow = cp.Variable((rows.count, given.horizon.steps), nonneg=True)
        return Part(
            ports={"co2": Port(rows.bus(), flow)},
            constraints=[flow <= given["max_kg_per_h"]],
            cost_step=cp.multiply(given["price_per_flow"], flow),
            co2_step_kg=cp.multiply(given["co2_per_flow"], flow),
            series={"supplied_kg_per_h": flow},
        )

    @classmethod
    def check(cls, rows: Rows[Co2Supply], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Its limits."""
        flow = series["supplied_kg_per_h"]
        return [
            *breaches(rows.names, "supplies more than it can", flow, rows.field("max_kg_per_h"), "kg/h"),
            *breaches(rows.names, "negative supply", -flow, 0.0, "kg/h"),
        ]

    @classmethod
    def account(cls, rows: Rows[Co2Supply], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Flow, its price, and what counts as emitted of it."""
        mass = series["supplied_kg_per_h"] * given.horizon.hours
        money = (mass * rows.series(given, "co2_price_per_t")).sum(axis=1) / 1000
        emitted = mass * rows.field("co2_kg_per_kg")
        return Account({"co2": series["supplied_kg_per_h"]}, money=money, co2_kg=emitted)

    @classmethod
    def rule(cls, rows: Rows[Co2Supply], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Gives what is asked for."""
        most = full(rows, given.horizon, rows.field("max_kg_per_h"))
        return {"supplied_kg_per_h": np.clip(-state.share(rows.bus(), most), 0, most)}

    @classmethod
    def settle(cls, rows: Rows[Co2Supply], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Gives more or less, as it is asked for."""
        most = full(rows, given.horizon, rows.field("max_kg_per_h"))
        asked = -state.share(rows.bus(), most)
        return {"supplied_kg_per_h": np.clip(values["supplied_kg_per_h"] + asked, 0, most)}
