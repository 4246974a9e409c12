"""Aluminium pot lines: a power band around the rating, limited interruptions, and pots that must not freeze."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Asset, Given, Inputs, Mode, Rows, full, shifted
from dispatch.fields.frozen import Finite, Fraction, NonNegative, Positive
from dispatch.loads import flexible
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon

_SOME_KW = 1e-6
_HAIR = 1e-7


class Smelter(Asset):
    r"""A pot line at power P, whose bath is θ [°C]; u = 1 while it is interrupted.

    .. math::
        (1 - u_t)(1 - β^-) P_r ≤ P_t ≤ (1 - u_t)(1 + β^+) P_r \\
        u_t - u_{t-1} = v_t - w_t, \quad v_t ≤ 1 - u_{t-1} \\
        θ_t = a θ_{t-1} + (1 - a)(θ_a + (θ_r - θ_a) P_t / P_r), \quad a = e^{-Δt/τ}, \quad θ^{min} ≤ θ_t ≤ θ^{max} \\
        u_t ≤ Σ_{s: e_t - b_s ≤ L} v_s, \quad Σ_{s: e_t - b_s ≤ R} w_s ≤ 1 - v_t \\
        cost_t = c v_t - Δt P_t λ / ε

    At rated power the bath settles at θ_r; b and e are the edges of a step. An interruption (v starts it, w ends it)
    lasts L hours at most, and R hours must pass before the next one. ε is energy per product [kWh/kg], λ its value.
    With L = 0 nothing is integral. A bath that starts outside its limits comes back as fast as its power band allows.
    What the bath lacks at the end of the horizon to ``end_degc_min`` (default: what it had at the start) costs a
    penalty.

    The relaxation interrupts half of a line for twice as long, which the binaries forbid.

    Sources: first-order pot model and power modulation as in Zhang & Hug, "Bidding strategy in energy and spinning
    reserve markets for aluminum smelters' demand response", ISGT 2015.
    """

    never_out: ClassVar[str] = "pots that stand still freeze: say with max_interruption_h how long they may"

    kind: Literal["smelter"] = "smelter"
    bus: str
    rated_kw: Positive
    band_down: Fraction = Field(default=0.1, description="how far below its rating it may run, as a share")
    band_up: Fraction = Field(default=0.05, description="how far above")
    max_interruption_h: NonNegative = Field(default=0.0, description="longest interruption; 0: never interrupted")
    recovery_h: NonNegative = Field(default=4.0, description="least time between two interruptions")
    interruption_cost: NonNegative = Field(default=0.0, description="money for each interruption")
    bath_degc: Finite = Field(default=960.0, description="where the bath settles at rated power")
    ambient_degc: Finite = Field(default=25.0, description="where it would settle without power")
    time_constant_h: Positive = Field(default=60.0, description="of the bath's cooling")
    min_degc: Finite = 945.0
    max_degc: Finite = 975.0
    start_degc: Finite = 960.0
    end_degc_min: Finite | None = Field(default=None, description="wish for the last step; default: start_degc")
    end_penalty_per_degc: NonNegative = Field(default=1000.0, description="price of a degree missing at the end")
    kwh_per_kg: Positive = Field(default=13.5, description="electricity for a kg of metal, direct current")
    value_per_kg: NonNegative = Field(default=0.0, description="what a kg is worth beside its electricity")
    interrupted_h: NonNegative = Field(default=0.0, description="hours interrupted at the start; 0: it runs")
    recovered_h: NonNegative = Field(default=1000.0, description="hours since the last interruption, if it runs")

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if not self.min_degc < self.bath_degc < self.max_degc:
            limits = f"min_degc {self.min_degc:g} and max_degc {self.max_degc:g}"
            raise ValueError(f"bath_degc {self.bath_degc:g} must lie between {limits}")
        if self.ambient_degc >= self.min_degc:
            raise ValueError(f"ambient_degc {self.ambient_degc:g} must be below min_degc {self.min_degc:g}")
        return self

    @property
    def structure(self) -> tuple[object, ...]:
        """Bus, and the windows of interruptions."""
        return (*super().structure, self.max_interruption_h, self.recovery_h)

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Power band, how the bath keeps and gains heat, and money, (row, step)."""
        keep, rated = np.exp(-horizon.hours / rows.field("time_constant_h")), rows.field("rated_kw")
        lift = rows.field("bath_degc") - rows.field("ambient_degc")
        return {
            "least_kw": full(rows, horizon, rated * (1 - rows.field("band_down"))),
            "most_kw": full(rows, horizon, rated * (1 + rows.field("band_up"))),
            "keep": keep,
            "degc_per_kw": (1 - keep) * lift / rated,
            "drift_degc": (1 - keep) * rows.field("ambient_degc"),
            "value_per_kw": horizon.hours * rows.field("value_per_kg") / rows.field("kwh_per_kg"),
            "interruption_cost": full(rows, horizon, rows.field("interruption_cost")),
            "end_penalty": rows.field("end_penalty_per_degc"),
            "kg_per_kw": horizon.hours / rows.field("kwh_per_kg"),
        }

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """The bath at the start and its limits from there; whether and how long it has been interrupted."""
        start, horizon = rows.state(inputs, "start_degc"), inputs.horizon
        off_h, ends = rows.state(inputs, "interrupted_h"), horizon.edge_h[1:]
        ratings, columns = cls.ratings(rows, horizon), np.arange(horizon.steps)
        wished = rows.field("end_degc_min")
        wished = np.where(np.isnan(wished), np.clip(start, rows.field("min_degc"), rows.field("bath_degc")), wished)
        least, most = _limits(rows, start, ratings)
        waits = (off_h <= 0) & (ends - horizon.hours < rows.field("recovery_h") - rows.state(inputs, "recovered_h"))
        longest = rows.field("max_interruption_h")
        return {
            "carried_degc": np.where(columns == 0, ratings["keep"] * start, 0.0),
            "coldest_degc": least,
            "hottest_degc": most,
            "end_degc": wished,
            "was_off": (off_h > 0).astype(float),
            "still": ((off_h > 0) & (off_h + ends <= longest + 1e-9)).astype(float),
            "free": 1.0 - waits,
        }

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """Power, bath and interruptions."""
        import cvxpy as cp

        shape, single = (rows.count, given.horizon.steps), flexible.deciding(rows, mode)
        made = _interruptions(rows, single, given)
        power, bath = cp.Variable(shape, nonneg=True), cp.Variable(shape)
        short = cp.Variable((rows.count, 1), nonneg=True)
        off, begin = (flexible.spread(rows, made[name]) for name in ("off", "begin"))
        kept = given["carried_degc"] + cp.multiply(given["keep"], shifted(np.zeros((rows.count, 1)), bath))
        limits = {
            "pots colder than they may be": bath >= given["coldest_degc"],
            "pots hotter than they may be": bath <= given["hottest_degc"],
        }
        constraints = [
            power <= cp.multiply(given["most_kw"], 1 - off),
            power >= cp.multiply(given["least_kw"], 1 - off),
            bath == kept + cp.multiply(given["degc_per_kw"], power) + given["drift_degc"],
            short >= given["end_degc"] - bath[:, -1:],
            *limits.values(),
            *_logic(single, given, made),
        ]
        last = np.eye(1, given.horizon.steps, given.horizon.steps - 1)
        return Part(
            ports={"electricity": Port(rows.bus(), -power)},
            constraints=constraints,
            cost_step=cp.multiply(given["interruption_cost"], begin) - cp.multiply(given["value_per_kw"], power),
            penalty_step=cp.multiply(given["end_penalty"], short) @ last,
            series={
                "power_kw": power,
                "bath_degc": bath,
                "off": made["off"],
                "interrupted": off,
                "metal_kg": cp.multiply(given["kg_per_kw"], power),
            },
            inner={"begin": made["begin"], "end": made["end"], "short_degc": short},
            relaxable=limits,
        )

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """Where interruptions begin and end, and the bath that follows from the power."""
        state = np.hstack([rows.state(given, "interrupted_h") > 0, values["off"] > 0.5])
        signals, bath = cls.signals(rows, given), _bath(rows, given, values["power_kw"])
        return values | {
            "begin": (state[:, 1:] & ~state[:, :-1]).astype(float),
            "end": (~state[:, 1:] & state[:, :-1]).astype(float),
            "bath_degc": bath,
            "short_degc": np.maximum(signals["end_degc"] - bath[:, -1:], 0),
        }

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Walks the bath and the interruptions along the clock."""
        power, names, off = series["power_kw"], rows.names, flexible.per_row(rows, series["off"])
        running, rated = 1 - np.round(off), rows.field("rated_kw")
        bath, start = _bath(rows, given, power), rows.state(given, "start_degc")
        least, most = _reach(rows, given, start)
        walk = [_lengths(m, given, off[i] > 0.5) for i, m in enumerate(rows.members * rows.scenarios)]
        lasting, rested = (np.array([w[k] for w in walk]) for k in (0, 1))
        return [
            *breaches(names, "draws more than its band", power, rated * (1 + rows.field("band_up")) * running, "kW"),
            *breaches(names, "draws less than its band", rated * (1 - rows.field("band_down")) * running, power, "kW"),
            *breaches(names, "an interruption is not 0 or 1", np.abs(off - np.round(off)), 0.0, "-"),
            *breaches(names, "interrupted for too long", lasting, rows.field("max_interruption_h"), "h"),
            *breaches(names, "interrupted again too soon", -rested, -rows.field("recovery_h"), "h"),
            *mistakes(names, "bath differs from its power", np.abs(bath - series["bath_degc"]), 0.0, "degC", 1e-3),
            *breaches(names, "pots colder than they may be", -series["bath_degc"], -least, "degC", 1e-6),
            *breaches(names, "pots hotter than they may be", series["bath_degc"], most, "degC", 1e-6),
        ]

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Power, interruptions counted off their pattern, metal by the energy, and what the bath lacks at the end."""
        power, off = series["power_kw"], flexible.per_row(rows, series["off"]) > 0.5
        state = np.hstack([rows.state(given, "interrupted_h") > 0, off])
        begun = (state[:, 1:] & ~state[:, :-1]).sum(axis=1)
        metal_kg = (power @ given.horizon.hours) / rows.field("kwh_per_kg")[:, 0]
        start, wished = rows.state(given, "start_degc"), rows.field("end_degc_min")
        own = np.clip(start, rows.field("min_degc"), rows.field("bath_degc"))
        short = np.maximum(np.where(np.isnan(wished), own, wished)[:, 0] - series["bath_degc"][:, -1], 0)
        money = begun * rows.field("interruption_cost")[:, 0] - metal_kg * rows.field("value_per_kg")[:, 0]
        return Account({"electricity": -power}, money=money, penalty=short * rows.field("end_penalty_per_degc")[:, 0])

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Rated power."""
        return _walked(rows, given, full(rows, given.horizon, rows.field("rated_kw")))

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """The power wanted within its band, never interrupted."""
        return _walked(rows, given, wanted.get("power_kw", np.zeros((rows.count, given.horizon.steps))))

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Draws less where power lacks, as far as its band and its bath let it."""
        lacking = np.maximum(-state.share(rows.bus(), values["power_kw"]), 0)
        return _walked(rows, given, values["power_kw"] - lacking) if lacking.max() > _SOME_KW else values

    @classmethod
    def told(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[str]:
        """When each line is interrupted."""
        off, hours = np.round(series["interrupted"]) > 0, given.horizon.hours
        begun = off & ~np.hstack([rows.state(given, "interrupted_h") > 0, off[:, :-1]])
        return [
            f"{member.name}: interrupted from "
            + ", ".join(f"{given.horizon.local_start[step]:%H:%M}" for step in np.flatnonzero(begun[row]))
            + f", {off[row] @ hours:g} h in all"
            for row, member in enumerate(rows.members)
            if begun[row].any()
        ]

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """The bath, and how long it has been interrupted or has run since."""
        off = np.round(flexible.per_row(rows, series["off"])[: len(rows.members), :steps]) > 0.5
        out = {}
        for row, member in enumerate(rows.members):
            before = given.state.get(member.name, {})
            was = float(before.get("interrupted_h", member.interrupted_h))
            last = off[row, -1]
            changes = np.flatnonzero(off[row] != last)
            lasting = float(given.horizon.hours[:steps][changes[-1] + 1 if changes.size else 0 :].sum())
            if not changes.size and (was > 0) == last:
                lasting += was if last else float(before.get("recovered_h", member.recovered_h))
            state = {"interrupted_h": lasting if last else 0.0, "recovered_h": 0.0 if last else lasting}
            out[member.name] = state | {"start_degc": float(series["bath_degc"][row, steps - 1])}
        return out


def _interruptions(rows: Rows[Any], single: Rows[Any], given: Given) -> dict[str, Any]:
    """(deciding row, step) variables; integral only where some member may be interrupted."""
    import cvxpy as cp

    shape = (single.count, given.horizon.steps)
    may = any(member.max_interruption_h for member in rows.members)
    off = cp.Variable(shape, boolean=True) if may else cp.Variable(shape, bounds=[0, 0])
    most = 1 if may else 0
    begin, end = cp.Variable(shape, bounds=[0, most]), cp.Variable(shape, bounds=[0, 1])
    return {"off": off, "begin": begin, "end": end}


def _logic(single: Rows[Any], given: Given, made: Mapping[str, Any]) -> list[Any]:
    """Beginnings and ends, longest interruption and least time between two."""
    import cvxpy as cp
    import scipy.sparse as sp

    count, horizon = single.count, given.horizon
    off, begin, end = (made[name] for name in ("off", "begin", "end"))
    members, starts = single.members * single.scenarios, horizon.edge_h[:-1]
    longest = sp.block_diag([flexible.within(horizon, m.max_interruption_h) for m in members])
    # Running since an end is not long enough to be interrupted again.
    resting = sp.block_diag([flexible.since(starts, m.recovery_h) for m in members])
    flat = {name: cp.vec(x, order="C") for name, x in made.items()}
    before = shifted(given["was_off"][:count], off)
    return [
        off - before == begin - end,
        # Else an interruption that goes on could begin and end by halves.
        begin <= 1 - before,
        flat["off"] <= longest.tocsr() @ flat["begin"] + cp.vec(given["still"][:count], order="C"),
        resting.tocsr() @ flat["end"] <= 1 - flat["begin"],
        begin <= given["free"][:count],
    ]


def _limits(rows: Rows[Any], start: Array, ratings: Mapping[str, Array]) -> tuple[Array, Array]:
    """(row, step) coldest and hottest bath allowed; a start outside comes back at the end of its power band."""
    cold, hot, made = start, start, []
    for step in range(ratings["keep"].shape[1]):
        keep, gain, drift = (ratings[n][:, step : step + 1] for n in ("keep", "degc_per_kw", "drift_degc"))
        cold = np.minimum(rows.field("min_degc"), keep * cold + gain * ratings["most_kw"][:, :1] + drift)
        hot = np.maximum(rows.field("max_degc"), keep * hot + gain * ratings["least_kw"][:, :1] + drift)
        made.append((cold, hot))
    # A hair of room: the path of full power itself must fit.
    return np.hstack([c for c, _ in made]) - _HAIR, np.hstack([h for _, h in made]) + _HAIR


def _bath(rows: Rows[Any], given: Inputs, power: Array) -> Array:
    """(row, step) the bath that follows from the power, from the fields along the clock."""
    level, out = rows.state(given, "start_degc")[:, 0], np.zeros_like(power)
    ambient, rated = rows.field("ambient_degc")[:, 0], rows.field("rated_kw")[:, 0]
    lift, time_h = rows.field("bath_degc")[:, 0] - ambient, rows.field("time_constant_h")[:, 0]
    for step, hours in enumerate(given.horizon.hours):
        settles = ambient + lift * power[:, step] / rated
        level = settles + (level - settles) * np.exp(-hours / time_h)
        out[:, step] = level
    return out


def _reach(rows: Rows[Any], given: Inputs, start: Array) -> tuple[Array, Array]:
    """(row, step) the limits, or for a start outside them the path back at the end of the power band."""
    rated, steps = rows.field("rated_kw"), given.horizon.steps
    up, down = (np.repeat(rated * f, steps, axis=1) for f in (1 + rows.field("band_up"), 1 - rows.field("band_down")))
    fastest, slowest = _bath(rows, given, up), _bath(rows, given, down)
    low, high = rows.field("min_degc"), rows.field("max_degc")
    least = np.where((start < low) & (np.maximum.accumulate(fastest, axis=1) < low), fastest, low)
    most = np.where((start > high) & (np.minimum.accumulate(slowest, axis=1) > high), slowest, high)
    return least - 1e-4, most + 1e-4


def _lengths(member: Any, given: Inputs, off: np.ndarray) -> tuple[Array, Array]:
    """(step,) how long the interruption has lasted by its end, and how long it ran before one began there."""
    state = given.state.get(member.name, {})
    lasting = float(state.get("interrupted_h", member.interrupted_h))
    rested = float(state.get("recovered_h", member.recovered_h)) if lasting <= 0 else 0.0
    out, before = np.zeros(off.size), np.full(off.size, 1e6)
    for step, hours in enumerate(given.horizon.hours):
        if off[step]:
            if lasting <= 0:
                before[step] = rested
            lasting, rested = lasting + hours, 0.0
        else:
            lasting, rested = 0.0, rested + hours
        out[step] = lasting
    return out, before


def _walked(rows: Rows[Any], given: Inputs, wanted: Array) -> dict[str, Array]:
    """Power as near to ``wanted`` as its band and its bath let it, never interrupted."""
    ratings = Smelter.ratings(rows, given.horizon)
    cold, hot = _limits(rows, rows.state(given, "start_degc"), ratings)
    level, power = rows.state(given, "start_degc")[:, 0], np.zeros_like(wanted)
    for step in range(wanted.shape[1]):
        keep, gain, drift = (ratings[n][:, step] for n in ("keep", "degc_per_kw", "drift_degc"))
        idle = keep * level + drift
        chosen = np.clip(wanted[:, step], (cold[:, step] - idle) / gain, (hot[:, step] - idle) / gain)
        power[:, step] = np.clip(chosen, ratings["least_kw"][:, step], ratings["most_kw"][:, step])
        level = idle + gain * power[:, step]
    return {"power_kw": power, "off": np.zeros_like(wanted)}
