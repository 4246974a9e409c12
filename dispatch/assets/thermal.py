"""Thermal units: gensets, gas, coal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Given, Inputs, Mode, Rows, full, shifted
from dispatch.fields.frozen import NonNegative, Positive
from dispatch.part import Account, Part, Port, Violation, breaches
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.units import backup, plain_output, spinning
from dispatch.units.commitment import Committed, Decision, holding, later
from dispatch.units.envelope import cuts, denied, limits_kw, shortest
from dispatch.units.segments import CostPoint, Segments, require_curve
from dispatch.worth import Activity, Worth

_LACKING_KW = 0.01


class Thermal(Committed):
    r"""A unit that is on or off: minimum output, minimum times, ramps, start cost, piecewise-linear fuel cost, reserve.

    On, start and stop (u, v, w) are those of :class:`~dispatch.units.commitment.Committed`. With p' the output above
    minimum, r the reserve offered upwards, d downwards, and ramp distances Δr (middle of a step to the next one's) [h]:

    .. math::
        p'_t + r_t ≤ (P̄-P)u_t - Σ_{i≥0} (P̄-SU-i·RU)^+ v_{t-i} - (P̄-SD)w_{t+1} \quad (UT ≥ 2 \text{ steps}) \\
        p'_t + r_t ≤ (P̄-P)u_t - (P̄-SU)v_t - \max(SU-SD, 0)w_{t+1} \quad (UT = 1) \\
        p'_t + r_t ≤ (P̄-P)u_t - (P̄-SD)w_{t+1} - \max(SD-SU, 0)v_t \quad (UT = 1) \\
        p'_t + r_t - p'_{t-1} ≤ (SU-P-RU)v_t + RU u_t \\
        p'_{t-1} - p'_t + d_t ≤ (SD-P-RD)w_t + RD u_{t-1}, \quad d_t ≤ p'_t \\
        p' = Σ_l s_l, \quad cost = c(P) u + Σ_l c_l s_l, \quad s_l ≤ S_l u - S^v_l v - S^w_l w_{t+1}

    The sum over i takes the starts that cannot be followed by a stop at t + 1 within UT; its like over stops, with SD
    and RD and without r, stands beside it. S^v, S^w are what a segment
    lacks in a first or last step. w beyond the horizon is dropped; SU, SD are capped at P̄. The plain form of the same
    (``planning.formulation``) is that of :mod:`dispatch.units.plain_output`.

    Sources: Morales-España, Latorre & Ramos 2013, doi 10.1109/TPWRS.2013.2251373, and Gentile, Morales-España & Ramos
    2017, doi 10.1007/s13675-016-0066-y (limits, ramps); Pan & Guan, arXiv 1604.02184 (several starts); Knueven,
    Ostrowski & Watson 2020, doi 10.1287/ijoc.2019.0944 (segments).
    """

    kind: Literal["thermal"] = "thermal"
    bus: str
    min_kw: NonNegative
    max_kw: Positive
    cost_per_kwh: NonNegative | None = Field(default=None, description="fuel and running cost of electricity produced")
    cost_curve: tuple[CostPoint, ...] = Field(
        default=(),
        description="cost by power, at least from min_kw to max_kw, convex, instead of cost_per_kwh and no-load cost",
    )
    no_load_cost_per_h: NonNegative = 0.0
    co2_kg_per_kwh: NonNegative = 0.0
    no_load_co2_kg_per_h: NonNegative = 0.0
    clean: bool = Field(default=False, description="counts as clean supply (biomass, biogas)")
    ramp_up_kw_per_h: NonNegative | None = None
    ramp_down_kw_per_h: NonNegative | None = None
    start_up_kw: NonNegative | None = Field(default=None, description="most it can give in its first step")
    shut_down_kw: NonNegative | None = Field(default=None, description="most it can give in its last step")
    power_before_kw: NonNegative = Field(default=0.0, description="output just before the start, if on")
    black_start_h: NonNegative | None = Field(
        default=None, description="from the loss of the grid to its full output, standing; default: it cannot start"
    )
    spinning_reserve: bool = Field(default=True, description="offers what it can raise or lower while it is on")
    reserve_max_kw: NonNegative | None = Field(default=None, description="most it offers; default: what it can move")

    rule_order: ClassVar[int] = 1  # its rule looks at nothing else; stores then see what it gives

    @property
    def structure(self) -> tuple[object, ...]:
        """Those of commitment, how many segments its cost has, and whether and how it offers reserve."""
        segments = len(self.cost_points()) if self.cost_curve else 1
        return (*super().structure, segments, self.spinning_reserve, self.reserve_max_kw is None)

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.min_kw > self.max_kw:
            raise ValueError(f"min_kw {self.min_kw:g} is above max_kw {self.max_kw:g}")
        for name in ("start_up_kw", "shut_down_kw"):
            limit = getattr(self, name)
            if limit is not None and limit < self.min_kw:
                raise ValueError(f"{name} {limit:g} is below min_kw {self.min_kw:g}: it could never run")
        return self

    @model_validator(mode="after")
    def _one_cost(self) -> Self:
        if bool(self.cost_curve) == (self.cost_per_kwh is not None):
            raise ValueError("give either cost_per_kwh or cost_curve, the cost of what it produces")
        if not self.cost_curve:
            return self
        if self.no_load_cost_per_h:
            raise ValueError("cost_curve holds the no-load cost already: leave no_load_cost_per_h out")
        require_curve(self.cost_curve, self.min_kw, self.max_kw)
        return self

    def cost_per_h(self, power_kw: Array) -> Array:
        """Cost of running at a power, from the fields [money/h]."""
        if not self.cost_curve:
            return np.asarray(self.no_load_cost_per_h + (self.cost_per_kwh or 0.0) * power_kw)
        points = np.array([[p.power_kw, p.cost_per_h] for p in self.cost_curve])
        return np.asarray(np.interp(power_kw, points[:, 0], points[:, 1]))

    def cost_points(self) -> Array:
        """(point, 2) power [kW] and cost [money/h] where the slope changes, from minimum to maximum."""
        inner = [p.power_kw for p in self.cost_curve if self.min_kw + 1e-6 < p.power_kw < self.max_kw - 1e-6]
        ends = [self.min_kw, self.max_kw] if self.max_kw - self.min_kw > 1e-6 else [self.min_kw]
        powers = np.array([ends[0], *inner, *ends[1:]])
        return np.column_stack([powers, self.cost_per_h(powers)])

    def worth(self, inputs: Inputs) -> Worth:
        """What it costs at its rating."""
        power_kw, cost_per_h = self.cost_points()[-1]
        return Worth((Activity({}, {self.bus: 1.0}, float(cost_per_h / power_kw)),))

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Coefficients of the equations above, (row, step); those of segments are (segment, step)."""
        low, high = rows.field("min_kw"), rows.field("max_kw")
        start, stop, up, down = limits_kw(rows, horizon)
        short, shut_down = shortest(rows, horizon), rows.field("shut_down_kw", np.inf)
        at_min = np.array([m.cost_per_h(np.array(m.min_kw)) for m in rows.members * rows.scenarios], float)
        values = {
            "min_kw": low,
            "range_kw": high - low,
            "start_cut_kw": high - start,
            "stop_cut_kw": np.where(short, np.maximum(start - stop, 0), high - stop),
            "start_cut_short_kw": np.where(short, np.maximum(stop - start, 0), high - start),
            "stop_cut_short_kw": high - stop,
            "ramp_up_kw": up,
            "ramp_start_kw": start - low - up,
            "ramp_down_kw": down,
            "ramp_stop_kw": np.where(rows.standing(horizon), high, np.minimum(shut_down, high)) - low - down,
            # A ramp that no step can break: room enough for a presolve to see that, which u and v hide from it.
            "free_up_kw": np.where(up >= high - low, high, 0.0),
            "free_down_kw": np.where(down >= high - low, high, 0.0),
            "cost_per_kw": Segments.single_slope(rows) * horizon.hours,
            "cost_at_min": at_min[:, None] * horizon.hours,
            "co2_per_kw": rows.field("co2_kg_per_kwh") * horizon.hours,
            "co2_at_min": (rows.field("no_load_co2_kg_per_h") + rows.field("co2_kg_per_kwh") * low) * horizon.hours,
            "unclean": 1 - rows.field("clean"),
            "unclean_at_min_kw": (1 - rows.field("clean")) * low,
            **cuts(rows, horizon),
        }
        segments = Segments(rows).ratings(horizon, start - low, stop - low, short)
        written = {name: full(rows, horizon, value) for name, value in values.items()}
        island = backup.ratings(rows, horizon) if rows.outage_h else {}
        offered = spinning.ratings(rows, horizon, _ramps(rows), (start - low, np.minimum(shut_down, high) - low))
        return super().ratings(rows, horizon) | written | segments | island | offered

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Those of commitment, and the output before the horizon; above its shut-down limit a unit must ramp first."""
        values = super().signals(rows, inputs)
        low, high = rows.field("min_kw"), rows.field("max_kw")
        was_on = values["was_on"]
        power = np.where(was_on > 0, np.clip(rows.state(inputs, "power_before_kw"), low, high), 0.0)
        down = np.minimum(rows.field("ramp_down_kw_per_h", np.inf) * inputs.horizon.ramp_h, high)
        fallen = np.hstack([np.zeros((rows.count, 1)), np.cumsum(down, axis=1)[:, :-1]])
        tied = (was_on > 0) & (power - fallen > np.minimum(rows.field("shut_down_kw", np.inf), high) + 1e-9)
        # RD · u before the horizon: both would be parameters in a template, so their product is made here.
        first_down = np.zeros((rows.count, inputs.horizon.steps))
        first_down[:, :1] = down[:, :1] * was_on
        above = np.clip(power - low, 0, high - low)
        island = backup.signals(rows, inputs.horizon, was_on, above) if rows.outage_h else {}
        offered = spinning.signals(rows, inputs.horizon, _ramps(rows), (above, above))
        return values | {
            "must_on": np.maximum(values["must_on"], tied & ~rows.standing(inputs.horizon)),
            "above_before_kw": above,
            "first_ramp_down_kw": first_down,
            **island,
            **offered,
        }

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The equations above for all rows."""
        import cvxpy as cp

        made = cls.decide(rows, given, mode)
        above = cp.Variable((rows.count, given.horizon.steps), nonneg=True)
        reserve = spinning.offers(rows, given.horizon)
        power = cp.multiply(given["min_kw"], made.on) + above
        tight = mode.formulation == "tight"
        segments, inner = Segments(rows).part(given, made.on, made.start, later(made.stop), above, tight=tight)
        # Written over minimum and above apart: min_kw · cost is one coefficient, so that both may be parameters.
        cost = cp.multiply(given["cost_per_kw"], above) + cp.multiply(given["cost_at_min"], made.on)
        if inner:
            cost = cost + Segments(rows).cost(given, inner)
        return Part(
            ports={"electricity": Port(rows.bus(), power)},
            constraints=[*made.constraints, *_output(rows, given, made, above, reserve, tight), *segments],
            cost_step=cost + made.start_money,
            co2_step_kg=cp.multiply(given["co2_per_kw"], above) + cp.multiply(given["co2_at_min"], made.on),
            supply_kw=power,
            unclean_kw=cp.multiply(given["unclean"], above) + cp.multiply(given["unclean_at_min_kw"], made.on),
            series={
                "power_kw": power,
                "above_min_kw": above,
                **made.series,
                "on": made.on,
                "start": made.start,
                "stop": made.stop,
                **reserve,
            },
            inner=made.inner | inner,
            relaxable=made.relaxable,
            backup=backup.backup(rows, given, made.on, above) if rows.outage_h else None,
            **reserve,
        )

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Reads starts and stops off the on/off pattern and holds powers, ramps and windows against the fields."""
        on, power = np.round(series["on"]), series["power_kw"]
        zero = np.zeros_like(power)
        raised, lowered = (series.get(f"reserve_{x}_kw", zero) for x in ("up", "down"))
        names = rows.names
        before_on = rows.state(given, "on_before_h") > 0
        started, stopped = cls.pattern(rows, given, on)
        first = np.clip(rows.state(given, "power_before_kw"), rows.field("min_kw"), rows.field("max_kw")) * before_on
        previous = np.hstack([first, power[:, :-1]])
        start_cap = np.minimum(rows.field("start_up_kw", np.inf), rows.field("max_kw"))
        stop_cap = np.minimum(rows.field("shut_down_kw", np.inf), rows.field("max_kw"))
        out = rows.standing(given.horizon)  # what goes out of service may trip
        up = np.where(started, start_cap, previous + rows.field("ramp_up_kw_per_h", np.inf) * given.horizon.ramp_h)
        fall = rows.field("ramp_down_kw_per_h", np.inf) * given.horizon.ramp_h
        last = np.hstack([(stopped & ~out)[:, 1:], np.zeros((rows.count, 1), bool)])
        in_step = started | (not spinning.timed(rows))  # a first step's most holds for output and reserve together
        return [
            *breaches(names, "output above maximum", power + raised, rows.field("max_kw") * on, "kW"),
            *breaches(names, "output below minimum", rows.field("min_kw") * on, power - lowered, "kW"),
            *breaches(names, "rises faster than it can", power + np.where(in_step, raised, 0), up, "kW"),
            *breaches(names, "falls faster than it can",
                      previous - np.where(stopped, 0, power - np.where(in_step, lowered, 0)),
                      np.where(stopped, np.where(out, rows.field("max_kw"), stop_cap), fall), "kW"),
            *breaches(names, "too high to stop next", (power + raised) * last, stop_cap, "kW"),
            *spinning.check(rows, given.horizon, series, _ramps(rows), (power - previous) * ~(started | stopped)),
            *cls.check_commitment(rows, given, series["on"], series["start"]),
        ]  # fmt: skip

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Output, its fuel and running cost off the curve, starts off the on/off pattern, emissions and reserve."""
        power, on, hours = series["power_kw"], np.round(series["on"]), given.horizon.hours
        members = rows.members * rows.scenarios
        running = np.array([(m.cost_per_h(p) * o) @ hours for m, p, o in zip(members, power, on, strict=True)])
        co2 = (power * rows.field("co2_kg_per_kwh") + on * rows.field("no_load_co2_kg_per_h")) * hours
        return Account(
            {"electricity": power},
            money=running + cls.counted_starts(rows, given, on),
            co2_kg=co2,
            supply_kw=power,
            unclean_kw=np.where(rows.field("clean") > 0, 0.0, power),
            reserve_up_kw=series.get("reserve_up_kw", 0.0),
            reserve_down_kw=series.get("reserve_down_kw", 0.0),
            backup=backup.account(rows, given, series) if rows.outage_h else None,
        )

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """Starts and stops, and the segments that make up the output."""
        filled = Segments(rows).fill(values["above_min_kw"])
        return super().complete(rows, given, values) | {"segment_kw": filled}

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """Hours on or off, and the output of the last step."""
        state = super().carry(rows, given, series, steps)
        last = series["power_kw"][:, steps - 1]
        return {name: has | {"power_before_kw": float(last[row])} for row, (name, has) in enumerate(state.items())}

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Off units stay off; running ones go down and stop as soon as ramps and minimum up time let them."""
        signals = cls.signals(rows, given)
        fallen = np.cumsum(rows.field("ramp_down_kw_per_h", np.inf) * given.horizon.ramp_h, axis=1)
        kept = np.maximum(rows.field("must_run"), holding(rows, given))
        on = np.maximum(signals["must_on"], kept * (1 - signals["must_off"]))
        above = np.maximum(signals["above_before_kw"] - fallen, 0) * on
        return {"above_min_kw": above, "committed": on, **spinning.none(rows, given.horizon)}

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """On where that is wanted and allowed, with the output that ramps let it reach."""
        nothing = np.zeros((rows.count, given.horizon.steps))
        committed = np.maximum(np.round(wanted.get("committed", nothing)), rows.field("must_run"))
        committed = np.maximum(committed, holding(rows, given))
        on, power = _followed(rows, given, committed, wanted.get("above_min_kw", nothing), nothing)
        above = np.maximum(power - rows.field("min_kw") * on, 0)
        return {"above_min_kw": above, "committed": on, **spinning.none(rows, given.horizon)}

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Runs where power lacks that nobody else can give, within minimum times and ramps; else gives less."""
        most = full(rows, given.horizon, rows.field("max_kw"))
        left = state.apportioned(rows.bus(), values["above_min_kw"], most)
        lacking, above = np.maximum(-left, 0), np.maximum(values["above_min_kw"] - np.maximum(left, 0), 0)
        if lacking.max() < _LACKING_KW:
            return values | {"above_min_kw": above}
        on, power = _followed(rows, given, values["committed"], above, lacking)
        return values | {"above_min_kw": power - rows.field("min_kw") * on, "committed": on}


def _ramps(rows: Rows[Any]) -> tuple[Array, Array]:
    """(row, 1) rise and fall [kW/h]."""
    return rows.field("ramp_up_kw_per_h", np.inf), rows.field("ramp_down_kw_per_h", np.inf)


def _has_ending(rows: Rows[Any], given: Given) -> np.ndarray:
    """(row,) has a minimum up time long enough for the limits before a stop; others would repeat those of a start."""
    return np.asarray(rows.field("min_up_h")[:, 0] > 2 * given.horizon.hours.min() + 1e-9)


def _output(
    rows: Rows[Any], given: Given, made: Decision, above: Any, reserve: Mapping[str, Any], tight: bool
) -> list[Any]:
    """Generation limits and ramps, and what reserve asks beside them."""
    raised = above + reserve["reserve_up_kw"] if "reserve_up_kw" in reserve else above
    lowered = above - reserve["reserve_down_kw"] if "reserve_down_kw" in reserve else above
    before = shifted(given["above_before_kw"], above)
    # What a called reserve has time for is limited apart from a step's own change, where the site says that time.
    changed = (above, above) if spinning.timed(rows) else (raised, lowered)
    if tight:
        constraints = _tight(rows, given, made, above, (raised, *changed, before))
    else:
        states = (made.on, made.start, made.stop, later(made.stop))
        constraints = plain_output.limits(given, states, raised, *changed, before)
    if "reserve_down_kw" in reserve:
        constraints.append(lowered >= 0)
    return constraints + spinning.constraints(rows, given, reserve, above, (made.on, made.start, made.stop))


def _tight(rows: Rows[Any], given: Given, made: Decision, above: Any, powers: tuple[Any, Any, Any, Any]) -> list[Any]:
    """Generation limits and ramps of the tight form.

    Args:
        powers: with reserve up; with and less the reserve that a ramp holds within the step; of the step before.
    """
    import cvxpy as cp

    raised, rising, falling, before = powers
    stop_next = later(made.stop)
    room = cp.multiply(given["range_kw"], made.on)
    free = room - cp.multiply(given["start_cut_kw"], made.start) - cp.multiply(given["stop_cut_kw"], stop_next)
    begun, ending = denied(rows, given, "start", made.start), denied(rows, given, "stop", stop_next)
    constraints = [
        raised <= (free if begun is None else free - begun),
        rising - before - given["free_up_kw"]
        <= cp.multiply(given["ramp_start_kw"], made.start) + cp.multiply(given["ramp_up_kw"], made.on),
        before - falling - given["free_down_kw"]
        <= cp.multiply(given["ramp_stop_kw"], made.stop)
        + cp.multiply(given["ramp_down_kw"], shifted(np.zeros((rows.count, 1)), made.on))
        + given["first_ramp_down_kw"],
    ]
    if ending is not None:
        # Before a stop the output itself must come down; reserve need not.
        lasting = np.flatnonzero(_has_ending(rows, given))
        constraints.append((above - free + ending)[lasting] <= 0)
    short = np.flatnonzero(shortest(rows, given.horizon).any(axis=1))
    if short.size:
        limit = room - cp.multiply(given["start_cut_short_kw"], made.start)
        constraints.append((raised - limit + cp.multiply(given["stop_cut_short_kw"], stop_next))[short] <= 0)
    return constraints


def _followed(rows: Rows[Any], given: Inputs, committed: Array, above: Array, lacking: Array) -> tuple[Array, Array]:
    """(row, step) on/off, one for all scenarios, and output that covers what lacks; walked along the clock."""
    low, high = rows.field("min_kw")[:, 0], rows.field("max_kw")[:, 0]
    up, down = (rows.field(f"ramp_{x}_kw_per_h", np.inf)[:, 0] for x in ("up", "down"))
    start, stop = (np.minimum(rows.field(f"{x}_kw", np.inf)[:, 0], high) for x in ("start_up", "shut_down"))
    # Commitment is one decision per member: it runs where any scenario needs it.
    needed = lacking.reshape(rows.scenarios, len(rows.members), -1).max(axis=0) > _LACKING_KW
    wanted_on = (committed > 0) | np.tile(needed, (rows.scenarios, 1))
    target = low[:, None] * committed + above + lacking
    state, last = rows.state(given, "on_before_h")[:, 0] > 0, rows.state(given, "power_before_kw")[:, 0]
    since = np.where(state, rows.state(given, "on_before_h")[:, 0], rows.state(given, "off_before_h")[:, 0])
    on, power, out = np.zeros_like(lacking), np.zeros_like(lacking), rows.standing(given.horizon)
    for step, hours in enumerate(given.horizon.hours):
        ramp = given.horizon.ramp_h[step]
        tied = state & ((since < rows.field("min_up_h")[:, 0] - 1e-9) | (last > stop + 1e-9))
        blocked = ~state & (since < rows.field("min_down_h")[:, 0] - 1e-9)
        now = (wanted_on[:, step] | tied) & ~blocked & ~out[:, step]
        most = np.where(state, last + up * ramp, start)
        least = np.where(state, last - down * ramp, low)
        power[:, step] = np.where(now, np.clip(target[:, step], np.maximum(least, low), np.minimum(most, high)), 0)
        since = np.where(now == state, since, 0.0) + hours
        on[:, step], state, last = now, now, power[:, step]
    return on, power
