"""The stock equation that every store shares; the kinds in ``assets/`` say what is stored and how it ages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator

from dispatch.asset import Asset, Given, Inputs, Mode, Rows, full, shifted
from dispatch.fields.flexible_devices import Devices
from dispatch.fields.frozen import Efficiency, Fraction, NonNegative, Positive
from dispatch.part import Account, Exclusive, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.stores import limits
from dispatch.stores.band import band
from dispatch.stores.limits import LimitPoint, Lines
from dispatch.stores.movement import Movement, powers
from dispatch.stores.paces import Pace, paces
from dispatch.stores.walk import walk
from dispatch.worth import Worth

_LEFT_KW = 0.01
_OUTSIDE = 1e-3
_SERIES = ("charge_kw", "discharge_kw", "stored_kwh", "short_kwh", "outside_band_kwh", "switch")


@dataclass(frozen=True)
class Moved:
    """What charge and discharge move in the content, with what a kind needs to say so.

    Attributes:
        inflow, outflow: (row, step) kWh.
        constraints, inner, exclusive: as in :class:`~dispatch.part.Part`.
    """

    inflow: Any
    outflow: Any
    constraints: Sequence[Any] = ()
    inner: Mapping[str, Any] = field(default_factory=dict)
    exclusive: Sequence[Exclusive] = ()


class Storage(Asset):
    r"""A stock e with charge c and discharge d, both measured at the bus [kW].

    Equations, for row r and step t of length Δt [h]:

    .. math::
        e_t = (1-σ)^{Δt} e_{t-1} + Δt (η_c c_t - d_t / η_d) \\
        c_t ≤ (C - R) z_t, \quad d_t ≤ (D - R)(1 - z_t), \quad 0 ≤ z_t ≤ 1 \\
        e^{min} + R τ/η_d ≤ (1-σ)^{Δt} e_{t-1} - Δt d_t / η_d, \quad
        (1-σ)^{Δt} e_{t-1} + Δt η_c c_t ≤ e^{max} - R τ η_c

    z is left continuous (then c/C + d/D ≤ 1) and made integral where a solution charges and discharges in one step. The
    band is stated for one direction at a time, which is as true of e_t and leaves a relaxation less to burn.
    R is a fast-power reserve that must be deliverable for τ in both directions at every moment. Powers that depend on
    fill (``charge_limit``, ``discharge_limit``) stand in ``limits``; without them there are none of its rows.

    A start level outside the band is brought back by the soonest path that the store's powers allow. Where the site
    lacks the power for that, the plan lies outside by a stated number of kWh, each of which costs
    ``band_penalty_per_kwh`` for every hour, and never further outside than a store that stands still and leaks. The
    level at the end of the horizon is a wish: every kWh below ``end_fill_min`` (default: the level at the start) costs
    ``end_penalty_per_kwh``.

    Where commitment is shared across scenarios, so are the powers of electric stores (``here_and_now``): they are
    published set-points, and what they leave to chance is for the grid connection and for curtailment to meet.

    Sources: the always-valid rows of arXiv 2411.17484 and 2506.21470.
    """

    bus: str
    energy_kwh: Positive = Field(description="usable content between fill 0 and fill 1")
    charge_kw: Positive = Field(description="largest charging power at the bus")
    discharge_kw: Positive = Field(description="largest discharging power at the bus")
    charge_efficiency: Efficiency = 0.95
    discharge_efficiency: Efficiency = 0.95
    loss_fraction_per_h: Fraction = Field(default=0.0, description="share of the content lost per hour standing")
    charge_limit: tuple[LimitPoint, ...] = Field(default=(), description="share of charge_kw by fill, concave")
    discharge_limit: tuple[LimitPoint, ...] = Field(default=(), description="share of discharge_kw by fill, concave")
    min_fill: Fraction = 0.0
    max_fill: Fraction = 1.0
    band_penalty_per_kwh: NonNegative = Field(
        default=10.0, description="price of a kWh that is missing to the band for an hour, where nothing can bring it"
    )
    start_fill: Fraction = 0.5
    end_fill_min: Fraction | None = Field(default=None, description="wish for the last step; default: start_fill")
    end_penalty_per_kwh: NonNegative = Field(default=10.0, description="price of a kWh missing at the end")
    wear_cost_per_kwh: NonNegative = Field(default=0.0, description="ageing cost per kWh discharged")
    fast_reserve_kw: NonNegative = Field(default=0.0, description="power kept free in both directions")
    fast_reserve_minutes: NonNegative = Field(default=1.0, description="how long that power must last")

    rule_order: ClassVar[int] = 5
    port_name: ClassVar[str] = "electricity"
    here_and_now: ClassVar[bool] = True

    @field_validator("charge_limit", "discharge_limit")
    @classmethod
    def _concave(cls, points: tuple[LimitPoint, ...], info: ValidationInfo) -> tuple[LimitPoint, ...]:
        limits.require_concave(str(info.field_name), points)
        return points

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.min_fill >= self.max_fill:
            raise ValueError(f"min_fill {self.min_fill:g} must be below max_fill {self.max_fill:g}")
        if self.fast_reserve_kw >= min(self.charge_kw, self.discharge_kw):
            raise ValueError("fast_reserve_kw must be below charge_kw and discharge_kw")
        if self.fast_reserve_kw and (self.charge_limit or self.discharge_limit):
            raise ValueError("fast_reserve_kw needs a power that does not depend on fill: leave out one of the two")
        return self

    @property
    def structure(self) -> tuple[object, ...]:
        """Buses, and how many lines limit power by fill."""
        return (*super().structure, *limits.line_counts(self))

    def pace(self, horizon: Horizon) -> Pace:
        """For checks: how it moves, from its fields. A kind with its own ``movement`` or ``by_step`` has this, too."""
        into, out, charge, discharge = np.ones((4, horizon.steps)) * [
            [self.charge_efficiency], [self.discharge_efficiency], [self.charge_kw], [self.discharge_kw]
        ]  # fmt: skip
        most_drain = 1 / self.discharge_efficiency
        return Pace(into, out, charge, discharge, self.min_fill, self.charge_efficiency, most_drain)

    @property
    def most_gain_kwh_per_kwh(self) -> float:
        """The most content that one kWh of charge adds."""
        return self.charge_efficiency

    @property
    def most_drain_kwh_per_kwh(self) -> float:
        """The most content that one kWh of discharge takes."""
        return 1 / self.discharge_efficiency

    @classmethod
    def by_step(cls, rows: Rows[Self], horizon: Horizon, name: str) -> Array:
        """(row, step) powers and efficiencies, where a kind has some that vary."""
        return full(rows, horizon, rows.field(name))

    @classmethod
    def floor_fill(cls, rows: Rows[Self], horizon: Horizon) -> Array:
        """(row, 1) the fill below which nothing comes out; where it is above ``min_fill``, one may stand below it."""
        return rows.field("min_fill")

    @classmethod
    def movement(cls, rows: Rows[Self], horizon: Horizon) -> Movement:
        """Content moved per kW, (row, step)."""
        into, out = (cls.by_step(rows, horizon, f"{side}_efficiency") for side in limits.SIDES)
        return Movement(horizon.hours * into, horizon.hours / out)

    def worth(self, inputs: Inputs) -> Worth:
        """Nothing by itself: what it keeps has the worth of its bus."""
        return Worth()

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Coefficients of the stock equation, (row, step)."""
        hours, moves = horizon.hours, cls.movement(rows, horizon)
        most = powers(rows, horizon)
        return {
            "retention": (1 - rows.field("loss_fraction_per_h")) ** hours,
            "gain_kwh_per_kw": moves.gain,
            "drain_kwh_per_kw": moves.drain,
            "charge_kw": most["charge"],
            "discharge_kw": most["discharge"],
            "wear_per_kw": hours * rows.field("wear_cost_per_kwh"),
            "band_penalty": hours * rows.field("band_penalty_per_kwh"),
            "end_penalty": rows.field("end_penalty_per_kwh"),
            **limits.ratings(rows, horizon.steps),
        }

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """What the stock holds at the start, and the band it must keep from there."""
        capacity, start_fill = rows.field("energy_kwh"), rows.state(inputs, "start_fill")
        start, horizon = capacity * start_fill, inputs.horizon
        end_fill = rows.field("end_fill_min")
        end_fill = np.where(np.isnan(end_fill), start_fill, end_fill)
        held = band(rows, horizon, start)
        retention = (1 - rows.field("loss_fraction_per_h")) ** horizon.hours[0]
        return {
            "carried_kwh": np.hstack([retention * start, np.zeros((rows.count, horizon.steps - 1))]),
            "lower_kwh": held.lower,
            "upper_kwh": held.upper,
            "least_kwh": held.least,
            "most_kwh": held.most,
            "end_kwh": capacity * np.clip(end_fill, rows.field("min_fill"), rows.field("max_fill")),
            **limits.signals(rows, start, horizon.steps),
        }

    @classmethod
    def flexible(cls, rows: Rows[Self], inputs: Inputs) -> Devices | None:
        """The stock within its band, its level at the end as wished.

        None where power depends on fill, where reserve or an outage asks for some of it, or where a kind moves its
        content in a way of its own.
        """
        own_way = any({"movement", "moved"} & vars(base).keys() for base in cls.__mro__[: cls.__mro__.index(Storage)])
        by_fill = any(m.charge_limit or m.discharge_limit for m in rows.members)
        if own_way or by_fill or rows.reserve_h or rows.outage_h:
            return None
        horizon, own = inputs.horizon, cls.signals(rows, inputs)
        moves, rated = cls.movement(rows, horizon), powers(rows, horizon)
        keep = (1 - rows.field("loss_fraction_per_h")) ** horizon.hours
        start = rows.field("energy_kwh") * rows.state(inputs, "start_fill")
        free = start * np.cumprod(keep, axis=1)
        least = own["lower_kwh"] - free
        least[:, -1:] = np.maximum(least[:, -1:], own["end_kwh"] - free[:, -1:])
        gain, drain = moves.gain / horizon.hours, moves.drain / horizon.hours
        return Devices(
            tuple(rows.names), horizon.hours, -rated["discharge"], rated["charge"], least, own["upper_kwh"] - free,
            gain, drain, keep,
        ).opened()  # fmt: skip

    @classmethod
    def deciding(cls, rows: Rows[Self], mode: Mode) -> int:
        """How many rows decide for all: the members' own where their powers are here-and-now."""
        return len(rows.members) if mode.shared and cls.here_and_now else rows.count

    @classmethod
    def _repeated(cls, rows: Rows[Self], mode: Mode, shared: tuple[Any, ...]) -> list[Any]:
        """Rows that repeat the deciding ones, if some decide for all."""
        # Content and switch follow from the powers; no presolve sees that: saying so halves ten scenarios' time.
        lead = cls.deciding(rows, mode)
        return [x == rows.spread @ x[:lead] for x in shared] if lead < rows.count else []

    @classmethod
    def moved(cls, rows: Rows[Self], given: Given, mode: Mode, charge: Any, discharge: Any) -> Moved:
        """Content moved in proportion to power."""
        import cvxpy as cp

        inflow = cp.multiply(given["gain_kwh_per_kw"], charge)
        return Moved(inflow, cp.multiply(given["drain_kwh_per_kw"], discharge))

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The equations above for all rows."""
        import cvxpy as cp

        shape = (rows.count, given.horizon.steps)
        charge, discharge = cp.Variable(shape, nonneg=True), cp.Variable(shape, nonneg=True)
        stored, switch = cp.Variable(shape, nonneg=True), cp.Variable(shape, bounds=[0, 1])
        short = cp.Variable((rows.count, 1), nonneg=True)
        outside = cp.Variable(shape, nonneg=True)
        before = shifted(np.zeros((rows.count, 1)), stored)
        kept = given["carried_kwh"] + cp.multiply(given["retention"], before)
        moved = cls.moved(rows, given, mode, charge, discharge)
        bounds = {
            "content below its band": kept - moved.outflow >= given["least_kwh"],
            "content above its band": kept + moved.inflow <= given["most_kwh"],
        }
        constraints = [
            stored == kept + moved.inflow - moved.outflow,
            stored + outside >= given["lower_kwh"],
            stored - outside <= given["upper_kwh"],
            *bounds.values(),
            charge <= cp.multiply(given["charge_kw"], switch),
            discharge <= cp.multiply(given["discharge_kw"], 1 - switch),
            short >= given["end_kwh"] - stored[:, -1:],
            *moved.constraints,
            *limits.constraints(rows, given, stored, {"charge": charge, "discharge": discharge}),
        ]
        constraints += cls._repeated(rows, mode, (charge, discharge, stored, switch))
        last = np.eye(1, given.horizon.steps, given.horizon.steps - 1)
        return Part(
            ports={cls.port_name: Port(rows.bus(), discharge - charge)},
            constraints=constraints,
            cost_step=cp.multiply(given["wear_per_kw"], discharge),
            penalty_step=cp.multiply(given["end_penalty"], short) @ last + cp.multiply(given["band_penalty"], outside),
            series=dict(zip(_SERIES, (charge, discharge, stored, short, outside, switch), strict=True)),
            inner=moved.inner,
            exclusive=[Exclusive(switch, charge, discharge), *moved.exclusive],
            relaxable=bounds,
        )

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Walks the stock step by step from the start level and holds it against its band and its powers."""
        charge, discharge, stored = series["charge_kw"], series["discharge_kw"], series["stored_kwh"]
        held, start = walk(rows, given, charge, discharge), rows.field("energy_kwh") * rows.state(given, "start_fill")
        names, capacity, reserve = rows.names, rows.field("energy_kwh"), rows.field("fast_reserve_kw")
        most = paces(rows, given.horizon).power_kw
        both = np.minimum(charge / rows.field("charge_kw"), discharge / rows.field("discharge_kw"))
        apart = np.abs(held.content - stored)
        unsaid = np.maximum(held.lower - held.content, held.content - held.upper) - series["outside_band_kwh"]
        flows: dict[limits.Side, Array] = {"charge": charge, "discharge": discharge}
        return [
            *mistakes(names, "content differs from its powers", apart, 1e-4 * capacity, "kWh"),
            *breaches(names, "content above its band", held.content, held.most, "kWh"),
            *breaches(names, "content below its band", -held.content, -held.least, "kWh"),
            *mistakes(names, "further outside its band than stated", unsaid / capacity, 0.0, "of content"),
            *breaches(names, "charge above rating", charge, most["charge"] - reserve, "kW"),
            *breaches(names, "discharge above rating", discharge, most["discharge"] - reserve, "kW"),
            *breaches(names, "negative power", -np.minimum(charge, discharge), 0.0, "kW"),
            *breaches(names, "charges and discharges at once", both, 1e-3, "of rating"),
            *limits.check(rows, start, held.content, flows),
        ]

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Net discharge, wear per kWh discharged, and the price of what is missing to the band and at the end."""
        charge, discharge, hours = series["charge_kw"], series["discharge_kw"], given.horizon.hours
        start = rows.state(given, "start_fill")
        wished = np.where(np.isnan(rows.field("end_fill_min")), start, rows.field("end_fill_min"))
        wished = np.clip(wished, rows.field("min_fill"), rows.field("max_fill")) * rows.field("energy_kwh")
        short = np.maximum(wished[:, 0] - series["stored_kwh"][:, -1], 0)
        outside = series["outside_band_kwh"] @ hours
        return Account(
            {cls.port_name: discharge - charge},
            money=(discharge @ hours) * rows.field("wear_cost_per_kwh")[:, 0],
            penalty=short * rows.field("end_penalty_per_kwh")[:, 0]
            + outside * rows.field("band_penalty_per_kwh")[:, 0],
        )

    @classmethod
    def passed(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Content outside the band for want of power to bring it back."""
        outside = series["outside_band_kwh"]
        limit = _OUTSIDE * rows.field("energy_kwh")
        return breaches(rows.names, "outside its band, with nothing to bring it back", outside, limit, "kWh", 0.0)

    @classmethod
    def wanted_kw(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> Array:
        """(row, step) what the store would do without a plan: charge +, discharge −. Own use of surplus."""
        return state.share(rows.bus(), rows.field("charge_kw"))

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Takes surplus and gives it back at once when there is a deficit, within band and ratings."""
        return cls.walked(rows, given, cls.wanted_kw(rows, given, state), back=True)

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """The powers wanted, within band and ratings."""
        nothing = np.zeros((rows.count, given.horizon.steps))
        power = wanted.get("charge_kw", nothing) - wanted.get("discharge_kw", nothing)
        return cls.walked(rows, given, power, back=True)

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Charges more of what is left over and discharges more of what lacks, as far as band and ratings let it.

        A store that is on its way back into its band waits where there is nothing to bring it back.
        """
        left = state.share(rows.bus(), rows.field("charge_kw"))
        if np.abs(left).max() < _LEFT_KW:
            return values
        return cls.walked(rows, given, values["charge_kw"] - values["discharge_kw"] + left, back=False)

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
    def walked(cls, rows: Rows[Self], given: Inputs, wanted: Array, *, back: bool) -> dict[str, Array]:
        """All decisions that follow from wanting to charge (+) or discharge (−) so much, step by step.

        Args:
            back: return into the band whatever is wanted.
        """
        signals, moves = cls.signals(rows, given), cls.movement(rows, given.horizon)
        rated = powers(rows, given.horizon)
        lines = {side: Lines.of(rows, side) for side in limits.SIDES}
        level = (rows.field("energy_kwh") * rows.state(given, "start_fill"))[:, 0]
        retention = (1 - rows.field("loss_fraction_per_h")) ** given.horizon.hours
        out: dict[str, Any] = {n: np.zeros(wanted.shape) for n in ("charge_kw", "discharge_kw", "stored_kwh", "switch")}
        for step in range(wanted.shape[1]):
            kept = level * retention[:, step]
            below, above = signals["lower_kwh"][:, step] - kept, kept - signals["upper_kwh"][:, step]
            usable = kept - np.maximum(signals["lower_kwh"], signals["least_kwh"])[:, step]
            most_in = lines["charge"].most_kw(level, kept, moves.gain[:, step], rated["charge"][:, step])
            most_out = lines["discharge"].most_kw(level, kept, -moves.drain[:, step], rated["discharge"][:, step])
            most_in = np.minimum(most_in, moves.to_gain(step, np.maximum(-above, 0)))
            most_out = np.minimum(most_out, moves.to_drain(step, np.maximum(usable, 0)))
            need = moves.to_gain(step, np.maximum(below, 0)) * back
            excess = moves.to_drain(step, np.maximum(above, 0)) * back
            charge = np.clip(np.maximum(wanted[:, step], need), 0, most_in)
            discharge = np.where(charge > 0, 0, np.clip(np.maximum(-wanted[:, step], excess), 0, most_out))
            level = kept + moves.gained(step, charge) - moves.drained(step, discharge)
            out["charge_kw"][:, step], out["discharge_kw"][:, step] = charge, discharge
            out["stored_kwh"][:, step], out["switch"][:, step] = level, (charge > 0).astype(float)
        out["short_kwh"] = np.maximum(signals["end_kwh"] - level[:, None], 0)
        stored = out["stored_kwh"]
        out["outside_band_kwh"] = np.maximum(
            np.maximum(signals["lower_kwh"] - stored, stored - signals["upper_kwh"]), 0
        )
        return out
