"""Conversions with a minimum load, ramps and start costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
from pydantic import Field

from dispatch.asset import Given, Inputs, Mode, Rows
from dispatch.fields.frozen import NonNegative
from dispatch.part import Account, Part, Violation, breaches
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.units import ramping
from dispatch.units.committable import Committable
from dispatch.units.conversion import Conversion

_SMALL_KW = 1e-6


class Process(Conversion, Committable):
    r"""A conversion whose activity x is zero or at least a share m of its rating, and changes only so fast.

    .. math:: m X_t u_t ≤ x_t ≤ X_t u_t

    u, v, w are on, start and stop of :class:`~dispatch.units.committable.Committable`; ramps are those of
    :mod:`dispatch.units.ramping`.
    """

    input_before_kw: NonNegative | None = Field(
        default=None, description="input just before the start; default: the first step is free of ramps"
    )

    load_before: ClassVar[str] = "input_before_kw"

    @property
    def asked(self) -> tuple[str, float] | None:
        """Its rated flow: the input, or the output that it is rated by."""
        series = f"{self.rated_port}_kw" if self.rated_port else self.input_series
        return series, float(getattr(self, self.rating))

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Those of the conversion, and of commitment where any plant has it."""
        return super().ratings(rows, horizon) | super(Conversion, cls).ratings(rows, horizon)

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Limits of the activity and of its change, (row, step); what was before."""
        values = super().signals(rows, inputs) | super(Conversion, cls).signals(rows, inputs)
        values["least_kw"] = rows.field("min_load_fraction") * values["most_kw"]
        return values | cls.ramps(rows, inputs, values["least_kw"], values["most_kw"])

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
            relaxable=decided.relaxable,
        )

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Those of the conversion; minimum load, ramps and commitment from the fields, walked along the clock."""
        flow, names, most = series[cls.input_series], rows.names, cls.most_kw(rows, given)
        on, least = cls.on_of(series, flow), rows.field("min_load_fraction") * most
        started, stopped = cls.pattern(rows, given, on)
        rise, fall = ramping.bounds(rows, given.horizon, (least, most), started, stopped)
        change = ramping.changes(flow, *cls.before(rows, given))
        found = [
            *breaches(names, "runs although it is off", flow, most * on, "kW"),
            *breaches(names, "below its minimum load", least * on, flow, "kW"),
            *breaches(names, "rises faster than it can", change, rise, "kW"),
            *breaches(names, "falls faster than it can", -change, fall, "kW"),
        ]
        if "on" in series:
            found += cls.check_commitment(rows, given, series["on"], series["start"])
        return super().check(rows, given, series) + found

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Those of the conversion, and the starts read off the on/off pattern."""
        counted = super().account(rows, given, series)
        if "on" not in series:
            return counted
        return replace(counted, money=counted.money + cls.counted_starts(rows, given, np.round(series["on"])))

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """Hours on or off, and the input of the last step."""
        return cls.carried(rows, given, series, steps, series[cls.input_series])

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Follows the demand on the bus of its first output, as far as minimum load, times and ramps let it."""
        values = super().rule(rows, given, state)
        if not cls.spillable:
            values = {**values, cls.input_series: cls._by_fewer(rows, given, values[cls.input_series])}
        return cls._within(rows, given, values)

    @classmethod
    def _by_fewer(cls, rows: Rows[Self], given: Inputs, flow: Array) -> Array:
        """(row, step) input that makes as much with fewer plants, where an even share is below a minimum load.

        Of plants on one bus the one with the largest minimum goes first, as long as the others can make all of it.
        """
        port, field = next(iter(cls.outputs.items()))
        per, bus = rows.series(given, f"{port}_kw_per_kw"), cls.bus_at(rows, field)
        size, count = bus.max(initial=0) + 1, np.bincount(bus, minlength=1).max(initial=1)
        most, made, on = cls.most_kw(rows, given) * per, flow * per, flow > 0
        least, later = rows.field("min_load_fraction") * most, np.arange(rows.count)[:, None] * _SMALL_KW
        wanted, even = _on_bus(np.add, bus, made, size), made
        for _ in range(count - 1):
            unfit = _on_bus(np.add, bus, on & (made < least - _SMALL_KW), size) > 0
            spare = _on_bus(np.add, bus, most * on, size) - most >= wanted - _SMALL_KW
            rank = np.where(on & unfit & spare, least + later, -1.0)
            on &= (rank < 0) | (rank < _on_bus(np.maximum, bus, rank, size))
            able = _on_bus(np.add, bus, most * on, size)
            made = np.where(unfit, np.divide(wanted * most * on, able, out=np.zeros_like(most), where=able > 0), made)
        return np.where(made == even, flow, np.divide(made, per, out=np.zeros_like(made), where=per > 0))

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Draws less where an input lacks or nobody takes the output, within the same limits."""
        return cls._within(rows, given, super().settle(rows, given, state, values))

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array] | None:
        """On where that is wanted and allowed, with the input that ramps let it reach."""
        if not cls.remembers(rows):
            return super().follow(rows, given, wanted)
        nothing = np.zeros((rows.count, given.horizon.steps))
        names = [cls.input_series, *(f"{port}_spilled_kw" for port in cls.spillable)]
        return cls._within(rows, given, {name: wanted.get(name, nothing) for name in names})

    @classmethod
    def _within(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        if not cls.remembers(rows):
            return values
        wanted, most = values[cls.input_series], cls.most_kw(rows, given)
        flow, on = cls.walked(rows, given, wanted, rows.field("min_load_fraction") * most, most)
        out = {**values, cls.input_series: flow, **on}
        for port in cls.spillable:  # what the ramp or the minimum load makes beyond what was wanted
            made = rows.series(given, f"{port}_kw_per_kw") * flow
            more = made - rows.series(given, f"{port}_kw_per_kw") * wanted
            out[f"{port}_spilled_kw"] = np.clip(values[f"{port}_spilled_kw"] + more, 0, made)
        return out


def _on_bus(how: np.ufunc, bus: np.ndarray, values: Array | np.ndarray, size: int) -> Array:
    """(row, step) the sum or the largest of all rows on a row's bus."""
    out = np.full((size, values.shape[1]), 0.0 if how is np.add else -np.inf)
    how.at(out, bus, values)
    return np.asarray(out[bus])
