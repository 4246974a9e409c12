"""The stock equation that every store shares; the kinds in ``assets/`` say what is stored and how it ages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import (
    Account,
    Asset,
    Exclusive,
    Given,
    Inputs,
    Mode,
    Part,
    Port,
    Rows,
    Ruling,
    Violation,
    breaches,
    full,
    shifted,
)
from dispatch.frozen import Efficiency, Fraction, NonNegative, Positive
from dispatch.signals import Array, Horizon

_LEFT_KW = 0.01


class Storage(Asset):
    r"""A stock e with charge c and discharge d, both measured at the bus [kW].

    Equations, for row r and step t of length Δt [h]:

    .. math::
        e_t = (1-σ)^{Δt} e_{t-1} + Δt (η_c c_t - d_t / η_d) \\
        c_t ≤ (C - R) z_t, \quad d_t ≤ (D - R)(1 - z_t), \quad 0 ≤ z_t ≤ 1 \\
        e^{min} + R τ/η_d ≤ e_t ≤ e^{max} - R τ η_c

    z is left continuous (then c/C + d/D ≤ 1) and made integral where a solution charges and discharges in one step.
    R is a fast-power reserve that must be deliverable for τ in both directions at every moment.
    A start level outside the band is brought back by the soonest feasible path. The level at the end of the horizon is
    a wish: every kWh below ``end_fill_min`` (default: the level at the start) costs ``end_penalty_per_kwh``.

    Where commitment is shared across scenarios, so are the powers of electric stores (``here_and_now``): they are
    published set-points, and what they leave to chance is for the grid connection and for curtailment to meet.

    Source: storage formulation with the always-valid cut of arXiv 2506.21470.
    """

    bus: str
    energy_kwh: Positive = Field(description="usable content between fill 0 and fill 1")
    charge_kw: Positive = Field(description="largest charging power at the bus")
    discharge_kw: Positive = Field(description="largest discharging power at the bus")
    charge_efficiency: Efficiency = 0.95
    discharge_efficiency: Efficiency = 0.95
    loss_fraction_per_h: Fraction = Field(default=0.0, description="share of the content lost per hour standing")
    min_fill: Fraction = 0.0
    max_fill: Fraction = 1.0
    start_fill: Fraction = 0.5
    end_fill_min: Fraction | None = Field(default=None, description="wish for the last step; default: start_fill")
    end_penalty_per_kwh: NonNegative = Field(default=10.0, description="price of a kWh missing at the end")
    wear_cost_per_kwh: NonNegative = Field(default=0.0, description="ageing cost per kWh discharged")
    fast_reserve_kw: NonNegative = Field(default=0.0, description="power kept free in both directions")
    fast_reserve_minutes: NonNegative = Field(default=1.0, description="how long that power must last")

    rule_order: ClassVar[int] = 5
    port_name: ClassVar[str] = "electricity"
    here_and_now: ClassVar[bool] = True

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.min_fill >= self.max_fill:
            raise ValueError(f"min_fill {self.min_fill:g} must be below max_fill {self.max_fill:g}")
        if self.fast_reserve_kw >= min(self.charge_kw, self.discharge_kw):
            raise ValueError("fast_reserve_kw must be below charge_kw and discharge_kw")
        return self

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Coefficients of the stock equation, (row, step)."""
        hours = horizon.hours
        reserve = rows.field("fast_reserve_kw")
        return {
            "retention": (1 - rows.field("loss_fraction_per_h")) ** hours,
            "gain_kwh_per_kw": hours * rows.field("charge_efficiency"),
            "drain_kwh_per_kw": hours / rows.field("discharge_efficiency"),
            "charge_kw": full(rows, horizon, rows.field("charge_kw") - reserve),
            "discharge_kw": full(rows, horizon, rows.field("discharge_kw") - reserve),
            "wear_per_kw": hours * rows.field("wear_cost_per_kwh"),
            "end_penalty": rows.field("end_penalty_per_kwh"),
        }

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """What the stock holds at the start, and the band it must keep from there."""
        capacity, start_fill = rows.field("energy_kwh"), rows.state(inputs, "start_fill")
        start = capacity * start_fill
        end_fill = rows.field("end_fill_min")
        end_fill = np.where(np.isnan(end_fill), start_fill, end_fill)
        lower, upper = cls._band_kwh(rows, inputs.horizon, start)
        retention = (1 - rows.field("loss_fraction_per_h")) ** inputs.horizon.hours[0]
        return {
            "start_kwh": start,
            "carried_kwh": np.hstack([retention * start, np.zeros((rows.count, inputs.horizon.steps - 1))]),
            "lower_kwh": lower,
            "upper_kwh": upper,
            "end_kwh": capacity * np.clip(end_fill, rows.field("min_fill"), rows.field("max_fill")),
        }

    @classmethod
    def _band_kwh(cls, rows: Rows[Self], horizon: Horizon, start_kwh: Array) -> tuple[Array, Array]:
        """(row, step) lowest and highest content; where the start lies outside, opened until it can be reached."""
        capacity, reserve = rows.field("energy_kwh"), rows.field("fast_reserve_kw")
        tau = rows.field("fast_reserve_minutes") / 60
        lowest = capacity * rows.field("min_fill") + reserve * tau / rows.field("discharge_efficiency")
        highest = capacity * rows.field("max_fill") - reserve * tau * rows.field("charge_efficiency")
        elapsed = horizon.edge_h[1:]
        kept = (1 - rows.field("loss_fraction_per_h")) ** elapsed
        # Kept content decays all the while and what is charged decays from its step on, so the product is a bound from
        # below on what full power reaches.
        filling = (rows.field("charge_kw") - reserve) * rows.field("charge_efficiency") * elapsed
        emptying = (rows.field("discharge_kw") - reserve) / rows.field("discharge_efficiency") * elapsed
        lower = np.minimum(lowest, (start_kwh + filling) * kept)
        upper = np.maximum(highest, start_kwh * kept - emptying * kept)
        return np.where(start_kwh >= lowest, full(rows, horizon, lowest), lower), np.where(
            start_kwh <= highest, full(rows, horizon, highest), np.maximum(upper, highest)
        )

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The equations above for all rows."""
        import cvxpy as cp

        shape = (rows.count, given.horizon.steps)
        charge, discharge = cp.Variable(shape, nonneg=True), cp.Variable(shape, nonneg=True)
        stored, switch = cp.Variable(shape, nonneg=True), cp.Variable(shape, bounds=[0, 1])
        short = cp.Variable((rows.count, 1), nonneg=True)
        before = shifted(np.zeros((rows.count, 1)), stored)
        inflow = cp.multiply(given["gain_kwh_per_kw"], charge) - cp.multiply(given["drain_kwh_per_kw"], discharge)
        band = {
            "content below its band": stored >= given["lower_kwh"],
            "content above its band": stored <= given["upper_kwh"],
        }
        constraints = [
            stored == given["carried_kwh"] + cp.multiply(given["retention"], before) + inflow,
            *band.values(),
            charge <= cp.multiply(given["charge_kw"], switch),
            discharge <= cp.multiply(given["discharge_kw"], 1 - switch),
            short >= given["end_kwh"] - stored[:, -1:],
        ]
        if mode.shared and cls.here_and_now and rows.scenarios > 1:
            first = len(rows.members)
            # Content and switch follow from the powers; no presolve sees that: saying so halves ten scenarios' time.
            shared = (charge, discharge, stored, switch)
            constraints += [x == rows.spread @ x[:first] for x in shared]
        last = np.zeros((1, given.horizon.steps))
        last[0, -1] = 1.0
        return Part(
            ports={cls.port_name: Port(rows.bus(), discharge - charge)},
            constraints=constraints,
            cost_step=cp.multiply(given["wear_per_kw"], discharge),
            penalty_step=cp.multiply(given["end_penalty"], short) @ last,
            series={
                "charge_kw": charge,
                "discharge_kw": discharge,
                "stored_kwh": stored,
                "short_kwh": short,
                "switch": switch,
            },
            exclusive=[Exclusive(switch, charge, discharge)],
            relaxable=band,
        )

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Walks the stock step by step from the start level and holds it against its band and its powers."""
        charge, discharge, stored = series["charge_kw"], series["discharge_kw"], series["stored_kwh"]
        walked, low, high = _walk(rows, given, charge, discharge)
        names, reserve = rows.names, rows.field("fast_reserve_kw")
        both = np.minimum(charge / rows.field("charge_kw"), discharge / rows.field("discharge_kw"))
        return [
            *breaches(
                names,
                "content differs from its powers",
                np.abs(walked - stored),
                1e-4 * rows.field("energy_kwh"),
                "kWh",
            ),
            *breaches(names, "content above its band", walked, high, "kWh"),
            *breaches(names, "content below its band", -walked, -low, "kWh"),
            *breaches(names, "charge above rating", charge, rows.field("charge_kw") - reserve, "kW"),
            *breaches(names, "discharge above rating", discharge, rows.field("discharge_kw") - reserve, "kW"),
            *breaches(names, "negative power", -np.minimum(charge, discharge), 0.0, "kW"),
            *breaches(names, "charges and discharges at once", both, 1e-3, "of rating"),
        ]

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Net discharge, wear per kWh discharged, and what is missing of the content wished for at the end."""
        charge, discharge = series["charge_kw"], series["discharge_kw"]
        start = rows.state(given, "start_fill")
        wished = np.where(np.isnan(rows.field("end_fill_min")), start, rows.field("end_fill_min"))
        wished = np.clip(wished, rows.field("min_fill"), rows.field("max_fill")) * rows.field("energy_kwh")
        short = np.maximum(wished[:, 0] - series["stored_kwh"][:, -1], 0)
        wear = (discharge @ given.horizon.hours) * rows.field("wear_cost_per_kwh")[:, 0]
        return Account(
            {cls.port_name: discharge - charge}, money=wear, penalty=short * rows.field("end_penalty_per_kwh")[:, 0]
        )

    @classmethod
    def wanted_kw(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> Array:
        """(row, step) what the store would do without a plan: charge +, discharge −. Own use of surplus."""
        return state.share(rows.bus(), rows.field("charge_kw"))

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Takes surplus and gives it back at once when there is a deficit, within band and ratings."""
        return cls._walked(rows, given, cls.wanted_kw(rows, given, state))

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """The powers wanted, within band and ratings."""
        nothing = np.zeros((rows.count, given.horizon.steps))
        return cls._walked(rows, given, wanted.get("charge_kw", nothing) - wanted.get("discharge_kw", nothing))

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Charges more of what is left over and discharges more of what lacks, as far as band and ratings let it."""
        left = state.share(rows.bus(), rows.field("charge_kw"))
        if np.abs(left).max() < _LEFT_KW:
            return values
        return cls._walked(rows, given, values["charge_kw"] - values["discharge_kw"] + left)

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """The fill after the last of these steps."""
        level = series["stored_kwh"][: len(rows.members), steps - 1]
        return {
            member.name: {"start_fill": float(np.clip(kwh / member.energy_kwh, 0.0, 1.0))}
            for member, kwh in zip(rows.members, level, strict=True)
        }

    @classmethod
    def _walked(cls, rows: Rows[Self], given: Inputs, wanted: Array) -> dict[str, Array]:
        """All decisions that follow from wanting to charge (+) or discharge (−) so much, step by step."""
        signals = cls.signals(rows, given)
        ratings = cls.ratings(rows, given.horizon)
        level = signals["start_kwh"][:, 0]
        out: dict[str, Any] = {n: np.zeros(wanted.shape) for n in ("charge_kw", "discharge_kw", "stored_kwh", "switch")}
        for step in range(wanted.shape[1]):
            gain, drain = ratings["gain_kwh_per_kw"][:, step], ratings["drain_kwh_per_kw"][:, step]
            kept = level * ratings["retention"][:, step]
            room = np.maximum(signals["upper_kwh"][:, step] - kept, 0) / gain
            need = np.maximum(signals["lower_kwh"][:, step] - kept, 0) / gain
            stock = np.maximum(kept - signals["lower_kwh"][:, step], 0) / drain
            charge = np.clip(np.maximum(wanted[:, step], need), 0, np.minimum(ratings["charge_kw"][:, step], room))
            excess = np.maximum(kept - signals["upper_kwh"][:, step], 0) / drain
            most = np.minimum(ratings["discharge_kw"][:, step], stock)
            discharge = np.where(charge > 0, 0, np.clip(np.maximum(-wanted[:, step], excess), 0, most))
            level = kept + gain * charge - drain * discharge
            out["charge_kw"][:, step], out["discharge_kw"][:, step] = charge, discharge
            out["stored_kwh"][:, step], out["switch"][:, step] = level, (charge > 0).astype(float)
        out["short_kwh"] = np.maximum(signals["end_kwh"] - level[:, None], 0)
        return out


def _walk(rows: Rows[Any], given: Inputs, charge: Array, discharge: Array) -> tuple[Array, Array, Array]:
    """(row, step) content that follows from the powers, and its band, from the members' fields along the clock."""
    capacity, reserve, loss, into, out = (
        rows.field(name)[:, 0]
        for name in (
            "energy_kwh",
            "fast_reserve_kw",
            "loss_fraction_per_h",
            "charge_efficiency",
            "discharge_efficiency",
        )
    )
    lasting = reserve * rows.field("fast_reserve_minutes")[:, 0] / 60
    floor = capacity * rows.field("min_fill")[:, 0] + lasting / out
    ceiling = capacity * rows.field("max_fill")[:, 0] - lasting * into
    start = capacity * rows.state(given, "start_fill")[:, 0]
    level, filled, emptied, kept = start, start, start, np.ones_like(start)
    walked, low, high = (np.empty_like(charge) for _ in range(3))
    for step, hours in enumerate(given.horizon.hours):
        level = level * (1 - loss) ** hours + hours * (charge[:, step] * into - discharge[:, step] / out)
        kept = kept * (1 - loss) ** hours
        filled = filled + hours * (rows.field("charge_kw")[:, 0] - reserve) * into
        emptied = emptied - hours * (rows.field("discharge_kw")[:, 0] - reserve) / out
        walked[:, step] = level
        # A start outside the band must come back at full power; inside it, the band holds at once.
        low[:, step] = np.where(start < floor, np.minimum(floor, filled * kept), floor)
        high[:, step] = np.where(start > ceiling, np.maximum(ceiling, emptied * kept), ceiling)
    return walked, low, high
