"""Conversions with a minimum load, ramps and start costs; whole numbers only for plant that has need of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch import ramping
from dispatch.asset import Given, Inputs, Mode, Rows, Ruling
from dispatch.commitment import Committed
from dispatch.conversion import Conversion
from dispatch.frozen import Fraction, NonNegative, Positive
from dispatch.part import Part, Violation, breaches
from dispatch.signals import Array, Horizon

_SERVED_KW = 0.01


class Process(Conversion, Committed):
    r"""A conversion whose activity x is zero or at least a share m of its rating, and changes only so fast.

    .. math:: m X_t u_t ≤ x_t ≤ X_t u_t

    u, v, w are on, start and stop of :class:`~dispatch.commitment.Committed`; the ramp is :mod:`dispatch.ramping`'s.

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
        limits = (values["least_kw"], values["most_kw"])
        return values | ramping.signals(rows, inputs, limits, was_on, rows.state(inputs, "input_before_kw"))

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The equations above for all rows."""
        import cvxpy as cp

        made = super().part(rows, given, mode)
        flow = made.series[cls.input_series]
        if cls.free(rows).all():
            return replace(made, constraints=[*made.constraints, *ramping.constraints(rows, given, flow, None)])
        decided = cls.decide(rows, given, mode)
        limits = [
            flow <= cp.multiply(given["most_kw"], decided.on),
            flow >= cp.multiply(given["least_kw"], decided.on),
            *ramping.constraints(rows, given, flow, decided),
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
        was_on = np.maximum(rows.state(given, "on_before_h") > 0, cls.free(rows))
        rise, fall = ramping.bounds(rows, given.horizon, (low, most), started, stopped)
        change = ramping.changes(flow, was_on, rows.state(given, "input_before_kw"))
        found = [
            *breaches(names, "runs although it is off", flow, most * on, "kW"),
            *breaches(names, "below its minimum load", low * on, flow, "kW"),
            *breaches(names, "rises faster than it can", change, rise, "kW"),
            *breaches(names, "falls faster than it can", -change, fall, "kW"),
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
        if cls.free(rows).all() and not ramping.ramped(rows).size:
            return None
        nothing = np.zeros((rows.count, given.horizon.steps))
        flow, on = _walked(cls, rows, given, wanted.get(cls.input_series, nothing))
        spilled = {f"{port}_spilled_kw": wanted.get(f"{port}_spilled_kw", nothing) for port in cls.spillable}
        return {cls.input_series: flow, **spilled, **({} if cls.free(rows).all() else {"committed": on})}

    @classmethod
    def _within(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        wanted = values[cls.input_series]
        if cls.free(rows).all() and not ramping.ramped(rows).size:
            return values
        flow, on = _walked(cls, rows, given, wanted)
        out = {**values, cls.input_series: flow, **({} if cls.free(rows).all() else {"committed": on})}
        for port in cls.spillable:  # what the ramp or the minimum load makes beyond what was wanted
            more = rows.series(given, f"{port}_kw_per_kw") * (flow - wanted)
            out[f"{port}_spilled_kw"] = np.maximum(values[f"{port}_spilled_kw"] + more, 0)
        return out


def _walked(cls: type[Process], rows: Rows[Any], given: Inputs, wanted: Array) -> tuple[Array, Array]:
    """(row, step) input and on/off, one for all scenarios, as near to ``wanted`` as its limits allow."""
    most, free = cls.most_kw(rows, given), cls.free(rows)
    least = rows.field("min_load_fraction") * most
    shape = (rows.scenarios, len(rows.members), -1)
    asked = ((wanted > _SERVED_KW) & (wanted >= least - 1e-6)).reshape(shape).any(axis=0)
    held = np.maximum(rows.field("must_run"), free)
    asked = np.maximum(np.tile(asked, (rows.scenarios, 1)), held)
    was_on = np.maximum(rows.state(given, "on_before_h") > 0, free)
    before = (was_on, rows.state(given, "input_before_kw"))
    return ramping.walked(rows, given, wanted, asked, (least, most), before)
