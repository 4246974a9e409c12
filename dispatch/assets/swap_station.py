"""Stations where vehicles swap an empty battery for a full one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Asset, Given, Inputs, Mode, Rows, full, shifted
from dispatch.errors import DataError
from dispatch.fields.frozen import Efficiency, Fraction, NonNegative, Positive
from dispatch.fields.inverter import Inverter
from dispatch.fields.series import Signal, signal_values
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon

_LEFT_KW = 0.01
_FEW = 0.05
_SERIES = ("charge_kw", "swaps", "full", "few", "short_at_end")


class SwapStation(Asset):
    r"""An inventory f of full batteries out of B, charge c at the bus, and swaps s of a demand D.

    .. math::
        f_t = f_{t-1} + Δt η c_t / K - s_t, \quad 0 ≤ f_t ≤ B, \quad 0 ≤ s_t ≤ D_t Δt, \quad s_t ≤ f_{t-1} \\
        0 ≤ c_t ≤ \min(C, p (B - f_{t-1} + s_t))

    Arrays are (row, step); f and s count batteries, c is in kW. A battery that comes in holds ``returned_fill``, so
    that K = battery_kwh · (1 − returned_fill) makes it full. Batteries under way count by their content, so f is in
    equivalents of full ones; p is what one battery takes and C what the station's chargers take together. A swap takes
    a battery that was full when the step began. The charge is published: the same in every scenario.

    Soft, at prices that are no money: a swap that nobody serves (``unserved_penalty``), full ones below ``full_min``
    for an hour (``few_penalty_per_h``), and full ones below ``end_full_min`` at the end (default: as at the start).

    Source: inventory models of swap stations with a pooled stock, as in Worley & Klabjan 2011 and Sarker et al. 2015.
    """

    kind: Literal["swap_station"] = "swap_station"
    bus: str
    batteries: Positive = Field(description="that belong to the station, full and empty ones together")
    battery_kwh: Positive = Field(description="content of a full one")
    returned_fill: Fraction = Field(default=0.2, lt=1, description="what a battery still holds that comes in")
    charge_kw: Positive = Field(description="all chargers together")
    battery_charge_kw: Positive = Field(description="the most that one battery takes")
    charge_efficiency: Efficiency = 0.92
    swaps_per_h: Signal = Field(description="vehicles that come for a swap")
    start_full: NonNegative = Field(description="full batteries at the start")
    full_min: NonNegative = Field(default=0.0, description="full ones to be kept")
    end_full_min: NonNegative | None = Field(default=None, description="wish for the last step; default: start_full")
    unserved_penalty: NonNegative = Field(default=200.0, description="price of a swap that is not served")
    few_penalty_per_h: NonNegative = Field(default=20.0, description="price of a full one missing for an hour")
    end_penalty: NonNegative = Field(default=50.0, description="price of a full one missing at the end")

    rule_order: ClassVar[int] = 4
    inverter: ClassVar[Inverter | None] = Inverter()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name in ("start_full", "full_min", "end_full_min"):
            value = getattr(self, name)
            if value is not None and value > self.batteries:
                raise ValueError(f"{name} {value:g} must be at most the station's {self.batteries:g} batteries")
        return self

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """The demand."""
        what = f"swaps_per_h of '{self.name}'"
        values = np.array(signal_values(self.swaps_per_h, horizon.local_start, horizon.local_end, what))
        if (values < 0).any():
            raise DataError(f"{what} is {values.min():g}: nobody brings a full battery")
        return {"swaps_per_h": values[None, :]}

    @classmethod
    def ratings(cls, rows: Rows[SwapStation], horizon: Horizon) -> dict[str, Array]:
        """Batteries per kW and limits, (row, step)."""
        makes_full = rows.field("battery_kwh") * (1 - rows.field("returned_fill"))
        return {
            "full_per_kw": horizon.hours * rows.field("charge_efficiency") / makes_full,
            "batteries": full(rows, horizon, rows.field("batteries")),
            "charge_kw": np.where(rows.standing(horizon), 0.0, rows.field("charge_kw")),
            "battery_charge_kw": full(rows, horizon, rows.field("battery_charge_kw")),
            "full_min": full(rows, horizon, rows.field("full_min")),
            "unserved_penalty": full(rows, horizon, rows.field("unserved_penalty")),
            "few_penalty": rows.field("few_penalty_per_h") * horizon.hours,
            "end_penalty": rows.field("end_penalty"),
        }

    @classmethod
    def signals(cls, rows: Rows[SwapStation], inputs: Inputs) -> dict[str, Array]:
        """Swaps asked for in each step, and what is full at the start and wished for at the end."""
        start, end = rows.state(inputs, "start_full"), rows.field("end_full_min")
        return {
            "asked": rows.series(inputs, "swaps_per_h") * inputs.horizon.hours,
            "start_full": start,
            "end_full": np.where(np.isnan(end), start, end),
        }

    @classmethod
    def part(cls, rows: Rows[SwapStation], given: Given, mode: Mode) -> Part:
        """The equations above for all rows."""
        import cvxpy as cp

        shape = (rows.count, given.horizon.steps)
        charge, swaps, stock, few = (cp.Variable(shape, nonneg=True) for _ in range(4))
        short = cp.Variable((rows.count, 1), nonneg=True)
        before = shifted(given["start_full"], stock)
        empty = given["batteries"] - before + swaps
        last = np.eye(1, given.horizon.steps, given.horizon.steps - 1)
        unserved = given["asked"] - swaps
        members = len(rows.members)
        together = [charge == rows.spread @ charge[:members]] if mode.shared and members < rows.count else []
        return Part(
            ports={"electricity": Port(rows.bus(), -charge)},
            constraints=[
                *together,
                stock == before + cp.multiply(given["full_per_kw"], charge) - swaps,
                stock <= given["batteries"],
                swaps <= given["asked"],
                swaps <= before,
                charge <= given["charge_kw"],
                charge <= cp.multiply(given["battery_charge_kw"], empty),
                few >= given["full_min"] - stock,
                short >= given["end_full"] - stock[:, -1:],
            ],
            penalty_step=cp.multiply(given["unserved_penalty"], unserved)
            + cp.multiply(given["few_penalty"], few)
            + cp.multiply(given["end_penalty"], short) @ last,
            series=dict(zip(_SERIES, (charge, swaps, stock, few, short), strict=True)) | {"unserved": unserved},
        )

    @classmethod
    def check(cls, rows: Rows[SwapStation], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Walks the inventory and holds it, the swaps and the chargers against their limits."""
        charge, swaps, names = series["charge_kw"], series["swaps"], rows.names
        start, count = rows.state(given, "start_full"), rows.field("batteries")
        filled_kwh = charge * given.horizon.hours * rows.field("charge_efficiency")
        filled = filled_kwh / rows.field("battery_kwh") / (1 - rows.field("returned_fill"))
        stock = start + np.cumsum(filled - swaps, axis=1)
        before = np.hstack([start, stock[:, :-1]])
        asked = rows.series(given, "swaps_per_h") * given.horizon.hours
        takes = rows.field("battery_charge_kw") * (count - before + swaps)
        missing = rows.field("full_min") - stock - series["few"]
        apart = np.abs(asked - swaps - series["unserved"])
        return [
            *mistakes(names, "inventory differs from its flows", np.abs(stock - series["full"]), 0.0, "batteries"),
            *breaches(names, "more full ones than there are batteries", stock, count, "batteries"),
            *breaches(names, "swaps more than were full", swaps, before, "batteries"),
            *breaches(names, "swaps more than are asked for", swaps, asked, "batteries"),
            *mistakes(names, "unserved differs from what is asked for", apart, 0.0, "batteries"),
            *breaches(names, "negative charge or swap", -np.minimum(charge, swaps), 0.0, "-"),
            *breaches(names, "charge above rating", charge, rows.field("charge_kw"), "kW"),
            *breaches(names, "charge above what its empty batteries take", charge, takes, "kW"),
            *mistakes(names, "fewer full ones than stated", missing, 0.0, "batteries"),
        ]

    @classmethod
    def account(cls, rows: Rows[SwapStation], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Charge at the bus, and the price of what was not served or kept."""
        hours, wished = given.horizon.hours, rows.field("end_full_min")
        wished = np.where(np.isnan(wished), rows.state(given, "start_full"), wished)[:, 0]
        unserved = (rows.series(given, "swaps_per_h") * hours - series["swaps"]).sum(axis=1)
        penalty = unserved * rows.field("unserved_penalty")[:, 0]
        penalty = penalty + series["few"] @ hours * rows.field("few_penalty_per_h")[:, 0]
        short = np.maximum(wished - series["full"][:, -1], 0)
        return Account({"electricity": -series["charge_kw"]}, penalty=penalty + short * rows.field("end_penalty")[:, 0])

    @classmethod
    def missed(cls, rows: Rows[SwapStation], given: Inputs, series: Mapping[str, Array]) -> list[str]:
        """Swaps that are not served, and full batteries that were to be kept."""
        out = []
        for row, member in enumerate(rows.members):
            missed, few = float(series["unserved"][row].sum()), float(series["few"][row].max())
            if missed > _FEW:
                out.append(f"{member.name}: {missed:,.1f} swaps not served")
            if few > _FEW:
                out.append(f"{member.name}: up to {few:,.1f} full batteries fewer than {member.full_min:g} to be kept")
        return out

    @classmethod
    def rule(cls, rows: Rows[SwapStation], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Charges what comes in at once."""
        return cls.walked(rows, given, full(rows, given.horizon, rows.field("charge_kw")))

    @classmethod
    def follow(cls, rows: Rows[SwapStation], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """The charge wanted, as far as empty batteries take it."""
        return cls.walked(rows, given, wanted.get("charge_kw", np.zeros((rows.count, given.horizon.steps))))

    @classmethod
    def settle(
        cls, rows: Rows[SwapStation], given: Inputs, state: Ruling, values: dict[str, Array]
    ) -> dict[str, Array]:
        """Charges less where electricity lacks."""
        lacking = np.maximum(-state.share(rows.bus(), values["charge_kw"]), 0)
        if lacking.max() < _LEFT_KW:
            return values
        return cls.walked(rows, given, np.maximum(values["charge_kw"] - lacking, 0))

    @classmethod
    def walked(cls, rows: Rows[SwapStation], given: Inputs, wanted: Array) -> dict[str, Array]:
        """All decisions that follow from wanting to charge so much; every swap is served that can be."""
        ratings, signals = cls.ratings(rows, given.horizon), cls.signals(rows, given)
        stock, count = signals["start_full"][:, 0], rows.field("batteries")[:, 0]
        out = {name: np.zeros(wanted.shape) for name in ("charge_kw", "swaps", "full")}
        for step in range(wanted.shape[1]):
            swaps = np.minimum(signals["asked"][:, step], np.maximum(stock, 0))
            empty, gain = np.maximum(count - stock + swaps, 0), ratings["full_per_kw"][:, step]
            most = np.minimum(ratings["charge_kw"][:, step], ratings["battery_charge_kw"][:, step] * empty)
            charge = np.clip(wanted[:, step], 0, np.minimum(most, empty / gain))
            stock = stock + gain * charge - swaps
            out["charge_kw"][:, step], out["swaps"][:, step], out["full"][:, step] = charge, swaps, stock
        out["few"] = np.maximum(rows.field("full_min") - out["full"], 0)
        out["short_at_end"] = np.maximum(signals["end_full"] - out["full"][:, -1:], 0)
        return out

    @classmethod
    def carry(
        cls, rows: Rows[SwapStation], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """Full batteries after the last of these steps."""
        level = series["full"][: len(rows.members), steps - 1]
        return {
            member.name: {"start_full": float(np.clip(count, 0.0, member.batteries))}
            for member, count in zip(rows.members, level, strict=True)
        }
