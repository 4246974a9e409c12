"""Water split with electricity: states, production curve and waste heat that all electrolysers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from dispatch.asset import Carriers, Given, Inputs, Mode, Rows, full, shifted
from dispatch.fields.frozen import Fraction, NonNegative, Positive
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.units import electrolysis_states, production_curve
from dispatch.units.commitment import Committed, counted
from dispatch.units.conversion import bus_or
from dispatch.units.electrolysis_states import HIGHER_PER_LOWER
from dispatch.units.production_curve import LoadPoint, Pieces
from dispatch.worth import Activity, Worth

_LACKING_KW = 0.01


class Electrolyser(Committed):
    r"""Electricity into hydrogen and heat; on (producing or standing by) or off, on a concave curve while producing.

    u says that a module is warm, as in :class:`~dispatch.units.commitment.Committed`, x that it produces, u − x that it
    stands by; p is what it draws to produce, h the hydrogen (LHV), q the heat used, Δr the distance of two steps'
    middles:

    .. math::
        x_t ≤ u_t, \quad x_t = u_t \text{ where it cannot stand by} \\
        p_t = P x_t + Σ_l s_{lt}, \quad h_t = H(P) x_t + Σ_l a_l s_{lt} \quad (\text{segments: production\_curve}) \\
        drawn_t = p_t + P^{sb} (u_t - x_t), \quad q_t ≤ k (p_t - \tfrac{HHV}{LHV} h_t) \\
        (p_t - P x_t) - (p_{t-1} - P x_{t-1}) ≤ RU Δr_t, \quad \text{down likewise} \\
        cost_t = c^{start} v_t + c^{warm} (x_t - x_{t-1} - v_t)^+

    A start from off costs ``start_cost`` or what the tiers say, and ``start_cost_per_mw`` of its rating; producing
    again after standby ``warm_start_cost``. Minimum times hold for being warm. Ramps begin and end at the lowest load.
    ``count`` identical modules are planned as one row: u, x and v count them, and each may run at a load of its own.
    Modules with a memory (minimum times, start tiers, ramps, warm starts) or a curve that is not concave are planned
    one by one, as ``name_1``, ``name_2``, ….

    Source: Baumhof, Raheli, Johnsen & Kazempour 2023, arXiv 2301.05310 (states, curve, hull of on and off).
    """

    bus: str
    hydrogen_bus: str
    heat_bus: str | None = Field(default=None, description="where its waste heat may be used; it need not be")
    count: int = Field(default=1, ge=1, description="identical modules; the other numbers are those of one")
    electric_kw: Positive = Field(description="rated draw of one module")
    min_load: Fraction = Field(description="lowest draw while producing, as a share of the rating")
    curve: tuple[LoadPoint, ...] = Field(description="yield by load; below the first point its yield holds")
    can_stand_by: bool = Field(default=True, description="may stay warm and under pressure without producing")
    standby_share: Fraction = Field(default=0.01, description="draw while standing by, as a share of the rating")
    start_cost_per_mw: NonNegative = Field(default=0.0, description="money per start from off and MW of the rating")
    warm_start_cost: NonNegative = Field(default=0.0, description="money when it produces again after standby")
    ramp_up_kw_per_h: NonNegative | None = None
    ramp_down_kw_per_h: NonNegative | None = None
    heat_share: Fraction = Field(default=0.8, description="of the losses (by higher heating value), at most usable")
    power_before_kw: NonNegative = Field(
        default=0.0, description="draw just before the start, if it was on; below the lowest load: standing by"
    )

    bus_fields: ClassVar[Mapping[str, Carriers]] = {
        "bus": "electricity",
        "hydrogen_bus": "hydrogen",
        "heat_bus": "heat",
    }
    rule_order: ClassVar[int] = 3

    @field_validator("curve")
    @classmethod
    def _curve(cls, points: tuple[LoadPoint, ...]) -> tuple[LoadPoint, ...]:
        return production_curve.require_curve(points)

    @model_validator(mode="after")
    def _standby(self) -> Self:
        if self.can_stand_by and self.min_load > 0 and self.standby_share >= self.min_load:
            raise ValueError(f"standby_share {self.standby_share:g} must be below min_load {self.min_load:g}")
        return self

    @property
    def structure(self) -> tuple[object, ...]:
        """That of commitment, and which rows there are of segments, ramps, heat and warm starts."""
        some = (self.ramp_up_kw_per_h is None, self.ramp_down_kw_per_h is None, self.heat_bus is None)
        return (*super().structure, self.points().shape[0], *some, self.warm_start_cost > 0, self.count)

    @property
    def units(self) -> int:
        """Modules of its row."""
        return self.count

    @property
    def annuity(self) -> float:
        """Of all modules; ``capital`` is that of one, like the other numbers."""
        return self.count * super().annuity

    @property
    def max_kw(self) -> float:
        """Rating of all modules."""
        return self.count * self.electric_kw

    @property
    def min_kw(self) -> float:
        """Draw at the lowest load."""
        return self.min_load * self.electric_kw

    @property
    def standby_kw(self) -> float:
        """Draw while standing by."""
        return self.standby_share * self.electric_kw

    def points(self) -> Array:
        """(point, 2) draw and hydrogen [kW] where the curve bends."""
        return production_curve.table(self.curve, self.min_load, self.electric_kw)

    def hydrogen_kw(self, power_kw: Array) -> Array:
        """What it makes of a draw at or above its lowest load."""
        points = self.points()
        return np.asarray(np.interp(power_kw, points[:, 0], points[:, 1]))

    def start_money(self, off_h: Array) -> Array:
        """By hours off, and by rating."""
        return super().start_money(off_h) + self.start_cost_per_mw * self.electric_kw / 1000

    def modules(self) -> tuple[Self, ...]:
        """Itself, or one asset for each module where a module has a memory or a curve that is not concave."""
        timed = self.min_up_h or self.min_down_h or self.start_tiers or self.warm_start_cost
        ramped = (self.ramp_up_kw_per_h, self.ramp_down_kw_per_h) != (None, None)
        slopes = np.diff(self.points()[:, 1]) / np.diff(self.points()[:, 0])
        if self.count == 1 or not (timed or ramped or (np.diff(slopes) > 1e-9).any()):
            return (self,)
        return tuple(self.model_copy(update={"name": f"{self.name}_{n + 1}", "count": 1}) for n in range(self.count))

    def worth(self, inputs: Inputs) -> Worth:
        """Hydrogen of its last point."""
        draw_kw, hydrogen_kw = self.points()[-1]
        return Worth((Activity({self.bus: 1.0}, {self.hydrogen_bus: float(hydrogen_kw / draw_kw)}),))

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Those of commitment and of the equations above, (row, step); of segments, (segment · row, step)."""
        pieces = _pieces(rows)
        share = rows.field("heat_share") * [[m.heat_bus is not None] for m in rows.members * rows.scenarios]
        of_segments = pieces.ratings(horizon)
        ramps = {x: rows.field(f"ramp_{x}_kw_per_h", np.inf) * horizon.ramp_h for x in ("up", "down")}
        values = {
            "min_kw": pieces.least_in,
            "hydrogen_at_min_kw": pieces.least_out,
            "range_kw": rows.field("electric_kw") - pieces.least_in,
            "standby_kw": rows.field("standby_kw"),
            "stands_by": rows.field("can_stand_by"),
            "warm_start_cost": rows.field("warm_start_cost"),
            "heat_at_min_kw": share * (pieces.least_in - HIGHER_PER_LOWER * pieces.least_out),
            "ramp_up_kw": np.minimum(ramps["up"], rows.field("electric_kw")),
            "ramp_down_kw": np.minimum(ramps["down"], rows.field("electric_kw")),
        }
        heat = np.tile(share, (pieces.count, 1)) * (1 - HIGHER_PER_LOWER * of_segments["segment_yield"])
        written = {name: full(rows, horizon, value) for name, value in values.items()}
        return super().ratings(rows, horizon) | of_segments | written | {"segment_heat": heat}

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Those of commitment, and whether and how it produced before the horizon."""
        produced, before = electrolysis_states.before(rows, inputs)
        above = np.where(produced, before - rows.field("min_kw"), 0.0)
        return super().signals(rows, inputs) | {"produced": produced.astype(float), "above_before_kw": above}

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The equations above for all rows."""
        import cvxpy as cp

        made, shape = cls.decide(rows, given, mode), (rows.count, given.horizon.steps)
        units = rows.field("units")
        producing, above = counted(full(rows, given.horizon, units)), cp.Variable(shape, nonneg=True)
        segments = production_curve.filled(given, producing, units)
        together = production_curve.gather(given, rows.count)
        power = cp.multiply(given["min_kw"], producing) + above
        yielded = cp.multiply(given["segment_yield"], segments.taken)
        hydrogen = cp.multiply(given["hydrogen_at_min_kw"], producing) + together @ yielded
        standing = made.on - producing
        drawn = power + cp.multiply(given["standby_kw"], standing)
        heat, heat_limits = _heat(rows, given, producing, segments.taken, together)
        again, again_limits, again_money = _warm_starts(rows, given, producing, made.start)
        constraints = [
            *made.constraints,
            producing <= made.on,
            standing <= cp.multiply(given["stands_by"], units @ np.ones((1, given.horizon.steps))),
            above == together @ segments.taken,
            *segments.constraints,
            *_ramps(rows, given, above),
            *heat_limits,
            *again_limits,
        ]
        made_of_it = {"hydrogen": Port(rows.bus("hydrogen_bus"), hydrogen)}
        made_of_it |= {"heat": Port(bus_or(rows, "heat_bus", "bus"), heat["heat_kw"])} if heat else {}
        states = {"on": made.on, "start": made.start, "producing": producing, **made.series, **again}
        switch = {} if segments.switch is None else {"switch": segments.switch}
        return Part(
            ports={"electricity": Port(rows.bus(), -drawn), **made_of_it},
            constraints=constraints,
            cost_step=made.start_money + again_money,
            series={"power_kw": drawn, "hydrogen_kw": hydrogen, **heat, "above_min_kw": above, **states, **switch},
            inner=made.inner | {"segment_kw": segments.taken},
            exclusive=segments.exclusive,
            relaxable=made.relaxable,
        )

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """States, the draw in each of them, hydrogen against the curve, ramps between steps that produce, and heat."""
        on, producing = np.round(series["on"]), np.round(series["producing"])
        names, rated, hydrogen = rows.names, rows.field("electric_kw"), series["hydrogen_kw"]
        units = rows.field("units")
        power = series["power_kw"] - rows.field("standby_kw") * (on - producing)
        produced, before = electrolysis_states.before(rows, given)
        lowest = rows.field("min_kw")
        above = np.hstack([np.where(produced, before - lowest, 0), power - lowest * producing])
        up, down = (rows.field(f"ramp_{x}_kw_per_h", np.inf) * given.horizon.ramp_h for x in ("up", "down"))
        heat = series.get("heat_kw", np.zeros_like(power))
        idle = np.maximum(on - producing, 0) * (1 - rows.field("can_stand_by"))
        most, least = (electrolysis_states.curved(rows, power, producing, even=even) for even in (True, False))
        whole = np.abs(series["producing"] - producing)
        return [
            *breaches(names, "producing is not 0 or 1", whole, 0.0, "-"),
            *breaches(names, "produces while it is off", producing, on, "-"),
            *breaches(names, "stands by although it cannot", idle, 0.0, "-"),
            *breaches(names, "draws more than its rating", power, rated * producing, "kW"),
            *breaches(names, "draws less than its lowest load", lowest * producing, power, "kW"),
            *mistakes(names, "hydrogen is not that of its curve",
                      np.maximum(hydrogen - most, least - hydrogen), 1e-5 * rated * units, "kW"),
            *breaches(names, "rises faster than it can", np.diff(above, axis=1), up, "kW"),
            *breaches(names, "falls faster than it can", -np.diff(above, axis=1), down, "kW"),
            *breaches(names, "more heat than its losses", heat,
                      electrolysis_states.usable_kw(rows, power, hydrogen), "kW"),
            *breaches(names, "negative heat", -heat, 0.0, "kW"),
            *cls.check_commitment(rows, given, series["on"], series["start"]),
        ]  # fmt: skip

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Draw, the curve's hydrogen, heat used; starts and warm starts off the pattern of states."""
        on, producing, power = np.round(series["on"]), np.round(series["producing"]), series["power_kw"]
        made = electrolysis_states.curved(rows, power - rows.field("standby_kw") * (on - producing), producing)
        # Several modules may share a draw unevenly: what they make is between two limits, which ``check`` knows.
        made = np.where(rows.field("units") > 1, series["hydrogen_kw"], made)
        warm = electrolysis_states.restarts(rows, given, on, producing).sum(axis=1)
        again = warm * rows.field("warm_start_cost")[:, 0]
        ports = {"electricity": -power, "hydrogen": made}
        if "heat_kw" in series:
            ports["heat"] = series["heat_kw"]
        at = {"hydrogen": "hydrogen_bus", "heat": "heat_bus"}
        return Account(ports, money=cls.counted_starts(rows, given, on) + again, at=at)

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """Starts, warm starts, and the segments that make up the draw."""
        on, producing = np.round(values["committed"]), values["producing"]
        on = np.tile(on[: len(rows.members)], (rows.scenarios, 1)) if on.shape[0] < rows.count else on
        again = electrolysis_states.restarts(rows, given, on, producing).astype(float)
        filled = _pieces(rows).filled(values["above_min_kw"], np.round(producing))
        return super().complete(rows, given, values) | {"restarted": again, **filled}

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """Hours on or off, and the draw of the last step, 0 where it stood by."""
        state, at = super().carry(rows, given, series, steps), steps - 1
        warm, producing = (np.round(series[name][:, at]) for name in ("on", "producing"))
        last = series["power_kw"][:, at] * (producing > 0) / np.maximum(warm, 1)
        many = {m.name: {"on_before": warm[row]} for row, m in enumerate(rows.members) if m.units > 1}
        return {
            name: has | {"power_before_kw": float(last[row])} | many.get(name, {})
            for row, (name, has) in enumerate(state.items())
        }

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Follows what is asked for on its hydrogen bus; makes no heat that anybody counts on."""
        asked = np.maximum(-state.share(rows.bus("hydrogen_bus"), rows.field("electric_kw")), 0)
        return electrolysis_states.walked(rows, given, electrolysis_states.draw_kw(rows, asked), np.zeros_like(asked))

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """Warm and producing where that is wanted and allowed, with the draw that ramps let it reach."""
        nothing = np.zeros((rows.count, given.horizon.steps))
        warm, producing = (np.round(wanted.get(name, nothing)) for name in ("on", "producing"))
        above = np.where(producing > 0, wanted.get("above_min_kw", nothing), 0.0)
        drawn = rows.field("min_kw") * producing + above
        return electrolysis_states.walked(rows, given, drawn, warm, producing)

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Makes more hydrogen where it lacks, less where electricity lacks or nobody takes it; heat as asked."""
        producing, rated = values["producing"], rows.field("electric_kw")
        power = rows.field("min_kw") * producing + values["above_min_kw"]
        lacking = np.maximum(-state.share(rows.bus(), power + 1e-9), 0)
        made = electrolysis_states.curved(rows, power, producing)
        left = state.share(rows.bus("hydrogen_bus"), np.where(producing > 0, np.maximum(made, 1e-9), 1e-9 * rated))
        wanted = power
        if np.abs(left).max() > _LACKING_KW:
            wanted = electrolysis_states.draw_kw(rows, np.maximum(made - left, 0), producing)
        wanted = np.where(wanted - lacking < rows.field("min_kw") * (1 - 1e-9), 0.0, wanted - lacking)
        out = dict(values)
        if np.abs(wanted - power).max() > _LACKING_KW:
            out = electrolysis_states.walked(rows, given, wanted, values["committed"], producing)
        power = rows.field("min_kw") * out["producing"] + out["above_min_kw"]
        most = electrolysis_states.usable_kw(rows, power, electrolysis_states.curved(rows, power, out["producing"]))
        unused = state.share(bus_or(rows, "heat_bus", "bus"), np.maximum(most, 0))
        heat = values.get("heat_kw", np.zeros_like(most))  # a plan without a heat bus has none
        return out | {"heat_kw": np.clip(heat - unused, 0, most)}


def _pieces(rows: Rows[Any]) -> Pieces:
    return Pieces.of([m.points() for m in rows.members] * rows.scenarios)


def _heat(rows: Rows[Any], given: Given, producing: Any, taken: Any, together: Any) -> tuple[dict[str, Any], list[Any]]:
    """Heat used and its limit; nothing where no row has a bus for it."""
    import cvxpy as cp

    if all(member.heat_bus is None for member in rows.members):
        return {}, []
    heat = cp.Variable((rows.count, given.horizon.steps), nonneg=True)
    most = cp.multiply(given["heat_at_min_kw"], producing) + together @ cp.multiply(given["segment_heat"], taken)
    return {"heat_kw": heat}, [heat <= most]


def _warm_starts(rows: Rows[Any], given: Given, producing: Any, start: Any) -> tuple[dict[str, Any], list[Any], Any]:
    """Producing again after standby, its limits, and its money; nothing where that is free."""
    import cvxpy as cp

    if not any(member.warm_start_cost > 0 for member in rows.members):
        return {}, [], 0
    most = full(rows, given.horizon, rows.field("units"))
    again = cp.Variable((rows.count, given.horizon.steps), bounds=[np.zeros(most.shape), most])
    limit = again >= producing - shifted(given["produced"], producing) - start
    return {"restarted": again}, [limit], cp.multiply(given["warm_start_cost"], again)


def _ramps(rows: Rows[Any], given: Given, above: Any) -> list[Any]:
    """Limits of change between steps, for the rows that have one."""
    before, constraints = shifted(given["above_before_kw"], above), []
    for name, change in (("up", above - before), ("down", before - above)):
        limited = np.flatnonzero(np.isfinite(rows.field(f"ramp_{name}_kw_per_h")[:, 0]))
        if limited.size:
            constraints.append(change[limited] <= given[f"ramp_{name}_kw"][limited])
    return constraints
