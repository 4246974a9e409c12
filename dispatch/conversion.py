"""Electricity turned into heat or cold in proportion; heat pumps and chillers say what the proportion is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np

from dispatch.asset import Asset, Given, Inputs, Mode, Rows, Ruling, full
from dispatch.frozen import Positive
from dispatch.part import Account, Part, Port, Violation, breaches
from dispatch.signals import Array, Horizon


class Conversion(Asset):
    """Output q = k · p on a second bus, 0 ≤ p ≤ electric_kw; k is ``yield_kw_per_kw`` (COP or EER)."""

    bus: str
    electric_kw: Positive

    rule_order: ClassVar[int] = 3
    output_bus: ClassVar[str] = "heat_bus"
    output_name: ClassVar[str] = "heat"

    @property
    @abstractmethod
    def yield_kw_per_kw(self) -> float:
        """Output per electric power at the configured temperatures."""

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Yield and rating, (row, step)."""
        return {
            "yield": full(rows, horizon, rows.field("yield_kw_per_kw")),
            "electric_kw": full(rows, horizon, rows.field("electric_kw")),
        }

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """Electricity in, heat or cold out."""
        import cvxpy as cp

        power = cp.Variable((rows.count, given.horizon.steps), nonneg=True)
        output = cp.multiply(given["yield"], power)
        return Part(
            ports={
                "electricity": Port(rows.bus(), -power),
                cls.output_name: Port(rows.bus(cls.output_bus), output),
            },
            constraints=[power <= given["electric_kw"]],
            series={"power_kw": power, f"{cls.output_name}_kw": output},
        )

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Rating, and output against power."""
        power, output = series["power_kw"], series[f"{cls.output_name}_kw"]
        expected = rows.field("yield_kw_per_kw") * power
        return [
            *breaches(rows.names, "electric power above rating", power, rows.field("electric_kw"), "kW"),
            *breaches(rows.names, "negative power", -power, 0.0, "kW"),
            *breaches(rows.names, "output is not yield times power", np.abs(output - expected), 0.0, "kW"),
        ]

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Electricity in, output out."""
        power = series["power_kw"]
        return Account({"electricity": -power, cls.output_name: rows.field("yield_kw_per_kw") * power})

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Follows the demand on its output bus."""
        ratings = cls.ratings(rows, given.horizon)
        wanted = np.maximum(-state.share(rows.bus(cls.output_bus), rows.field("electric_kw")), 0)
        return {"power_kw": np.minimum(wanted / ratings["yield"], ratings["electric_kw"])}

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Draws less where electricity lacks or nobody takes the output; demand that then lacks is shed."""
        power, output = values["power_kw"], rows.field("yield_kw_per_kw")
        lacking = np.maximum(-state.share(rows.bus(), power), 0)
        unused = np.maximum(state.share(rows.bus(cls.output_bus), power * output), 0) / output
        return {"power_kw": np.maximum(power - np.maximum(lacking, unused), 0)}
