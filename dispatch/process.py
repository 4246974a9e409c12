"""Conversions with a minimum load, ramps and start costs; whole numbers only for plant that has need of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Given, Inputs, Mode, Rows, Ruling, shifted
from dispatch.commitment import Committed
from dispatch.conversion import Conversion
from dispatch.frozen import Fraction, NonNegative, Positive
from dispatch.part import Part, Violation, breaches
from dispatch.signals import Array, Horizon

_SERVED_KW = 0.01


class Process(Conversion, Committed):
    r"""A conversion whose activity x is zero or at least a share m of its rating, and changes only so fast.

    .. math::
        m X_t u_t ≤ x_t ≤ X_t u_t \\
        x_t - x_{t-1} ≤ R_t u_t + (\max(R_t, m X_t) - R_t) v_t \\
        x_{t-1} - x_t ≤ F_t u_{t-1} + (\max(F_t, m X_{t-1}) - F_t) w_t

    u, v, w are on, start and stop of :class:`~dispatch.commitment.Committed`. R and F are the ramp over the distance of
    two steps' middles; where the limits of x themselves move faster than that (X may change in time), x may follow.

    Plant with neither minimum load nor start cost nor minimum times is always on (u = 1): it stays linear, and where
    all plant of a kind is such, there are no u, v, w at all. Without a ramp there are no rows for it.
    """

    min_load_fraction: Fraction = Field(default=0.0, description="least input while on, as a share of the rating")
    ramp_fraction_per_h: Positive | None = Field(
        default=None, description="fastest change of the input, as a share of the rating per hour"
    )
    input_before_kw: NonNegative | None = Field(
        default=None, description="input just before the start; default: the first step is free of ramps"
    )

    committed_only: ClassVar[tuple[str, ...]] = ("must_run", "on_before_h")

    @model_validator(mode="after")
    def _whole_number_fields_have_a_use(self) -> Self:
        idle = [name for name in self.committed_only if getattr(self, name)]
        if idle and not self.is_committed:
            reasons = "min_load_fraction, start_cost or a minimum time"
            raise ValueError(f"{idle[0]} says nothing of plant that is always on: give {reasons}")
        return self

    @property
    def is_committed(self) -> bool:
        """Is there a reason to decide whether it is on?"""
        reasons = (self.min_load_fraction, self.start_cost, self.start_tiers, self.min_up_h, self.min_down_h)
        return any(reasons)

    @property
    def structure(self) -> tuple[object, ...]:
        """Those of commitment, whether there is any, and whether there is a ramp."""
        return (*super().structure, self.is_committed, self.ramp_fraction_per_h is None)

    @classmethod
    def free(cls, rows: Rows[Self]) -> Array:
        """(row, 1) 1 for plant that is always on."""
        return 1 - rows.field("is_committed")

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Those of the conversion, and of commitment where any plant has it."""
        values = super().ratings(rows, horizon)
        if not cls.free(rows).all():
            on = super(Conversion, cls).ratings(rows, horizon)
            values |= on | {"must_run": np.maximum(on["must_run"], cls.free(rows))}
        return values

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Limits of the activity and of its change, (row, step); what was before."""
        values = super().signals(rows, inputs)
        was_on = np.ones((rows.count, 1))
        if not cls.free(rows).all():
            values |= super(Conversion, cls).signals(rows, inputs)
            was_on = values["was_on"] = np.maximum(values["was_on"], cls.free(rows))
        values["least_kw"] = rows.field("min_load_fraction") * values["most_kw"]
        return values | (cls._ramps(rows, inputs, values, was_on) if _ramped(rows).size else {})

    @classmethod
    def _ramps(cls, rows: Rows[Self], inputs: Inputs, values: Mapping[str, Array], was_on: Array) -> dict[str, Array]:
        most, least = values["most_kw"], values["least_kw"]
        rise, fall = ramp_kw(rows, inputs, most, least)
        before = rows.state(inputs, "input_before_kw")
        least_before = np.hstack([least[:, :1], least[:, :-1]])
        first = np.zeros_like(most)
        # F · u before the horizon: both would be parameters, so their product is made here.
        first[:, :1] = fall[:, :1] * was_on
        return {
            "rise_kw": rise,
            "start_rise_kw": np.maximum(least - rise, 0),
            "fall_kw": fall,
            "stop_fall_kw": np.maximum(least_before - fall, 0),
            "first_fall_kw": first,
            "highest_before_kw": np.where(np.isnan(before), most[:, :1], before) * was_on,
            "lowest_before_kw": np.where(np.isnan(before), 0.0, before) * was_on,
        }

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The equations above for all rows."""
        import cvxpy as cp

        made = super().part(rows, given, mode)
        flow = made.series[cls.input_series]
        if cls.free(rows).all():
            return replace(made, constraints=[*made.constraints, *_ramp_limits(rows, given, flow, None)])
        decided = cls.decide(rows, given, mode)
        limits = [
            flow <= cp.multiply(given["most_kw"], decided.on),
            flow >= cp.multiply(given["least_kw"], decided.on),
            *_ramp_limits(rows, given, flow, decided),
        ]
        return replace(
            made,
            constraints=[*made.constraints, *decided.constraints, *limits],
            cost_step=made.cost_step + decided.start_money,
            series={**made.series, **decided.series, "on": decided.on, "start": decided.start, "stop": decided.stop},
            inner=decided.inner,
        )

    @classmethod
    def pattern(cls, rows: Rows[Self], given: Inputs, on: Array) -> tuple[np.ndarray, np.ndarray]:
        """Starts and stops; plant that is always on has none."""
        starts, stops = super().pattern(rows, given, on)
        held = cls.free(rows) > 0
        return starts & ~held, stops & ~held

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Those of the conversion; minimum load, ramps and commitment from the fields, walked along the clock."""
        flow, names, most = series[cls.input_series], rows.names, cls.most_kw(rows, given)
        on = np.round(series.get("on", np.ones_like(flow)))
        started, stopped = cls.pattern(rows, given, on)
        low = rows.field("min_load_fraction") * most
        rise, fall = ramp_kw(rows, given, most, low)
        before = np.where(rows.state(given, "on_before_h") > 0, 1.0, cls.free(rows))
        first = rows.state(given, "input_before_kw")
        change = np.diff(flow, axis=1, prepend=np.where(before > 0, first, 0.0))
        change[:, :1] = np.where(np.isnan(change[:, :1]) & np.isfinite(flow[:, :1]), 0.0, change[:, :1])
        low_before = np.hstack([low[:, :1], low[:, :-1]])
        found = [
            *breaches(names, "runs although it is off", flow, most * on, "kW"),
            *breaches(names, "below its minimum load", low * on, flow, "kW"),
            *breaches(names, "rises faster than it can", change, np.where(started, np.maximum(rise, low), rise), "kW"),
            *breaches(
                names, "falls faster than it can", -change, np.where(stopped, np.maximum(fall, low_before), fall), "kW"
            ),
        ]
        if "on" in series:
            found += cls.check_commitment(rows, given, series["on"], series["start"])
        return super().check(rows, given, series) + found

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Any:
        """Those of the conversion, and the starts read off the on/off pattern."""
        counted = super().account(rows, given, series)
        if "on" not in series:
            return counted
        return replace(counted, money=counted.money + cls.counted_starts(rows, given, np.round(series["on"])))

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """Starts and stops, where anything is decided of them."""
        return values if cls.free(rows).all() else super().complete(rows, given, values)

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """Hours on or off, and the input of the last step."""
        last = series[cls.input_series][:, steps - 1]
        state = super().carry(rows, given, series, steps) if "on" in series else {}
        return {m.name: state.get(m.name, {}) | {"input_before_kw": float(last[i])} for i, m in enumerate(rows.members)}

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Follows the demand on the bus of its first output, as far as minimum load, times and ramps let it."""
        return cls._within(rows, given, state, super().rule(rows, given, state))

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Draws less where an input lacks or nobody takes the output, within the same limits."""
        return cls._within(rows, given, state, super().settle(rows, given, state, values))

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array] | None:
        """On where that is wanted and allowed, with the input that ramps let it reach."""
        if cls.free(rows).all() and not _ramped(rows).size:
            return None
        nothing = np.zeros((rows.count, given.horizon.steps))
        flow, on = _walked(cls, rows, given, wanted.get(cls.input_series, nothing))
        spilled = {f"{port}_spilled_kw": wanted.get(f"{port}_spilled_kw", nothing) for port in cls.spillable}
        return {cls.input_series: flow, **spilled, **({} if cls.free(rows).all() else {"committed": on})}

    @classmethod
    def _within(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        wanted = values[cls.input_series]
        if cls.free(rows).all() and not _ramped(rows).size:
            return values
        flow, on = _walked(cls, rows, given, wanted)
        out = {**values, cls.input_series: flow, **({} if cls.free(rows).all() else {"committed": on})}
        for port in cls.spillable:  # what the ramp or the minimum load makes beyond what was wanted
            more = rows.series(given, f"{port}_kw_per_kw") * (flow - wanted)
            out[f"{port}_spilled_kw"] = np.maximum(values[f"{port}_spilled_kw"] + more, 0)
        return out


def _ramped(rows: Rows[Any]) -> np.ndarray:
    """Rows that have a ramp."""
    return np.flatnonzero(np.isfinite(rows.field("ramp_fraction_per_h")))


def ramp_kw(rows: Rows[Any], given: Inputs, most: Array, least: Array) -> tuple[Array, Array]:
    """(row, step) largest rise and fall while on; infinity is written as more than the plant can do."""
    widest = most.max(axis=1, keepdims=True)
    per_h = np.minimum(rows.field("ramp_fraction_per_h", np.inf) * given.horizon.ramp_h, 1.0)
    first = np.full_like(widest, -np.inf)
    lifted, lowered = (np.hstack([first, x]) for x in (np.diff(least, axis=1), -np.diff(most, axis=1)))
    return np.maximum(per_h * widest, lifted), np.maximum(per_h * widest, lowered)


def _ramp_limits(rows: Rows[Any], given: Given, flow: Any, made: Any) -> list[Any]:
    """Rows of the ramp, only for plant that has one."""
    import cvxpy as cp

    at = _ramped(rows)
    if not at.size:
        return []
    rise, fall = given["rise_kw"], given["fall_kw"]
    up = flow - shifted(given["highest_before_kw"], flow)
    down = shifted(given["lowest_before_kw"], flow) - flow
    if made is not None:
        rise = cp.multiply(rise, made.on) + cp.multiply(given["start_rise_kw"], made.start)
        was_on = shifted(np.zeros((rows.count, 1)), made.on)
        fall = cp.multiply(fall, was_on) + given["first_fall_kw"] + cp.multiply(given["stop_fall_kw"], made.stop)
    return [(up - rise)[at] <= 0, (down - fall)[at] <= 0]


def _walked(cls: type[Process], rows: Rows[Any], given: Inputs, wanted: Array) -> tuple[Array, Array]:
    """(row, step) input and on/off, one for all scenarios, as near to ``wanted`` as limits allow, along the clock."""
    most, free = cls.most_kw(rows, given), cls.free(rows)[:, 0] > 0
    least = rows.field("min_load_fraction") * most
    rise, fall = ramp_kw(rows, given, most, least)
    on_h, off_h = (rows.state(given, f"{x}_before_h")[:, 0] for x in ("on", "off"))
    state, last = (on_h > 0) | free, rows.state(given, "input_before_kw")[:, 0]
    since, last = np.where(state, on_h, off_h), np.where(state, last, 0.0)
    shape = (rows.scenarios, len(rows.members), -1)
    asked = ((wanted > _SERVED_KW) & (wanted >= least - 1e-6)).reshape(shape).any(axis=0)
    asked = np.tile(asked, (rows.scenarios, 1)) | (rows.field("must_run") > 0) | free[:, None]
    flow, on = np.zeros_like(wanted), np.zeros_like(wanted)
    for step, hours in enumerate(given.horizon.hours):
        low = least[:, step]
        reach_up = np.where(
            state, np.where(np.isnan(last), np.inf, last) + rise[:, step], np.maximum(low, rise[:, step])
        )
        reach_down = np.where(state, np.where(np.isnan(last), 0.0, last) - fall[:, step], 0.0)
        low_before = least[:, max(step - 1, 0)]
        high = np.where(np.isnan(last), 0.0, last) > np.maximum(fall[:, step], low_before) + 1e-9
        tied = state & ((since < rows.field("min_up_h")[:, 0] - 1e-9) | high)
        blocked = ~state & (since < rows.field("min_down_h")[:, 0] - 1e-9)
        now = ((asked[:, step] | tied) & ~blocked) | free
        level = np.clip(wanted[:, step], np.maximum(reach_down, low), np.minimum(reach_up, most[:, step]))
        flow[:, step] = np.where(now, level, 0.0)
        since = np.where(now == state, since, 0.0) + hours
        on[:, step], state, last = now, now, flow[:, step]
    return flow, on
