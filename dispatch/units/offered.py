"""What a process beside the plan gives off, and the plan may use or leave: waste heat, by-product gas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Asset, Given, Inputs, Mode, Rows
from dispatch.fields.frozen import NonNegative, Positive
from dispatch.fields.series import History, Need, Signal, per_step
from dispatch.part import Account, Part, Port, Violation, breaches
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.worth import Worth

_SOME_SHARE = 1e-3


class Offered(Asset):
    r"""0 ≤ q_t ≤ min(available_t, largest flow); what is left, available − q, leaves the site unused.

    .. math:: cost = Σ_t Δt_t c q_t, \quad CO_2 = Σ_t Δt_t (e q_t + e' (available_t - q_t))

    What is available comes from the configuration (``offered_kw``) or is forecast from its ``history``.
    """

    bus: str
    offered_kw: Signal | None = Field(default=None, description="what is available, by step; default: forecast")
    history: History | None = Field(default=None, description="measured past of it, from which the forecast learns")
    max_kw: Positive = Field(description="largest flow that can be taken")
    cost_per_kwh: NonNegative = Field(default=0.0, description="price or upkeep of what is taken")

    rule_order: ClassVar[int] = 2  # before boilers and heat pumps, which then see what is still wanted
    gives_more: ClassVar[bool] = True
    port_name: ClassVar[str] = "heat"
    left_word: ClassVar[str] = "left"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.offered_kw is not None and self.history is not None:
            raise ValueError("offered_kw and history are two ways to say one thing: give one of them")
        return self

    @property
    def used_co2_kg_per_kwh(self) -> float:
        """Emitted by what is taken."""
        return 0.0

    @property
    def unused_co2_kg_per_kwh(self) -> float:
        """Emitted by what is not."""
        return 0.0

    @property
    def needs(self) -> tuple[Need, ...]:
        """What is available, where the configuration does not say it."""
        return () if self.offered_kw is not None else (Need("available_kw", "load", np.inf, self.history),)

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """What is available, where the configuration says it."""
        if self.offered_kw is None:
            return {}
        return {"available_kw": per_step(self.offered_kw, horizon, f"what '{self.name}' offers")[None, :]}

    @classmethod
    def available(cls, rows: Rows[Self], inputs: Inputs) -> Array:
        """(row, step) what is available; a forecast or signal below zero is zero."""
        return np.maximum(inputs.horizon.require("available_kw", rows.series(inputs, "available_kw")), 0)

    def worth(self, inputs: Inputs) -> Worth:
        """Nothing: what is offered is there or not."""
        return Worth()

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Money and carbon per kW taken and step; what it takes rather than leaves (row, step)."""
        saved = rows.field("used_co2_kg_per_kwh") - rows.field("unused_co2_kg_per_kwh")
        return {"cost_per_kw": rows.field("cost_per_kwh") * horizon.hours, "co2_per_kw": saved * horizon.hours}

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """What can be taken, and what leaving all of it would emit, (row, step)."""
        available = cls.available(rows, inputs)
        return {
            "available_kw": available,
            "most_kw": np.minimum(available, rows.field("max_kw")),
            "left_co2_kg": available * rows.field("unused_co2_kg_per_kwh") * inputs.horizon.hours,
        }

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The equations above for all rows."""
        import cvxpy as cp

        taken = cp.Variable((rows.count, given.horizon.steps), nonneg=True)
        return Part(
            ports={cls.port_name: Port(rows.bus(), taken)},
            constraints=[taken <= given["most_kw"]],
            cost_step=cp.multiply(given["cost_per_kw"], taken),
            co2_step_kg=cp.multiply(given["co2_per_kw"], taken) + given["left_co2_kg"],
            series={"taken_kw": taken, "unused_kw": given["available_kw"] - taken},
        )

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Between nothing and what is available, and within the largest flow."""
        taken, available = series["taken_kw"], cls.available(rows, given)
        return [
            *breaches(rows.names, "takes more than is available", taken, available, "kW"),
            *breaches(rows.names, "takes more than its largest flow", taken, rows.field("max_kw"), "kW"),
            *breaches(rows.names, "takes less than nothing", -taken, 0.0, "kW"),
        ]

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """What is taken and what is left, each with its emissions."""
        taken, hours = series["taken_kw"], given.horizon.hours
        left = cls.available(rows, given) - taken
        emitted = taken * rows.field("used_co2_kg_per_kwh") + left * rows.field("unused_co2_kg_per_kwh")
        return Account(
            {cls.port_name: taken},
            money=(taken @ hours) * rows.field("cost_per_kwh")[:, 0],
            co2_kg=emitted * hours,
        )

    @classmethod
    def told(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[str]:
        """How much of what is available is taken, where some is left."""
        out, hours = [], given.horizon.hours
        for row, member in enumerate(rows.members):
            taken, left = (float(series[name][row] @ hours) for name in ("taken_kw", "unused_kw"))
            if left > _SOME_SHARE * (taken + left):
                share = left / (taken + left)
                out.append(f"{member.name}: {taken:,.0f} kWh taken, {left:,.0f} kWh {cls.left_word} ({share:.1%})")
        return out

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Takes what is asked for on its bus so far; the rest as others turn out to need it."""
        most = cls.signals(rows, given)["most_kw"]
        return {"taken_kw": np.clip(-state.share(rows.bus(), most + 1e-9), 0, most)}

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Takes more where its bus lacks, less where nobody takes it."""
        most = cls.signals(rows, given)["most_kw"]
        left = state.share(rows.bus(), most + 1e-9)
        return {**values, "taken_kw": np.clip(values["taken_kw"] - left, 0, most)}
