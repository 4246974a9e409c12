"""Thermal units: gensets, gas, coal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import (
    Account,
    Asset,
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
from dispatch.frozen import NonNegative, Positive
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    from scipy.sparse import csr_array


_LACKING_KW = 0.01


class Thermal(Asset):
    r"""A unit that is on or off: minimum output, minimum up and down time, ramps, start cost.

    Three-binary form: u on, v start, w stop (v, w continuous), p' output above minimum, all per member when commitment
    is shared across scenarios; output is per row. For steps of length Δt and ramp distances Δr (middle to middle) [h]:

    .. math::
        u_t - u_{t-1} = v_t - w_t \\
        Σ_{τ: t - τ < UT} v_τ ≤ u_t, \quad Σ_{τ: t - τ < DT} w_τ ≤ 1 - u_t \\
        p'_t ≤ (P̄-P)u_t - (P̄-SU)v_t - (P̄-SD)w_{t+1} \quad (UT ≥ 2 \text{ steps}) \\
        p'_t ≤ (P̄-P)u_t - (P̄-SU)v_t - \max(SU-SD, 0)w_{t+1} \quad (UT = 1) \\
        p'_t ≤ (P̄-P)u_t - (P̄-SD)w_{t+1} - \max(SD-SU, 0)v_t \quad (UT = 1) \\
        p'_t - p'_{t-1} ≤ (SU-P-RU)v_t + RU u_t \\
        p'_{t-1} - p'_t ≤ (SD-P-RD)w_t + RD u_{t-1}

    Windows are in hours of the actual steps. w beyond the horizon is dropped; SU, SD are capped at P̄. Minimum times and
    their history are structure: sites that share one compiled problem share them.

    Sources: Rajan & Takriti 2005 (windows); Morales-España, Latorre & Ramos 2013, doi 10.1109/TPWRS.2013.2251373, and
    Gentile, Morales-España & Ramos 2017, doi 10.1007/s13675-016-0066-y (generation limits and ramps).
    """

    kind: Literal["thermal"] = "thermal"
    bus: str
    min_kw: NonNegative
    max_kw: Positive
    cost_per_kwh: NonNegative = Field(description="fuel and running cost of electricity produced")
    no_load_cost_per_h: NonNegative = 0.0
    start_cost: NonNegative = Field(default=0.0, description="money per start")
    co2_kg_per_kwh: NonNegative = 0.0
    no_load_co2_kg_per_h: NonNegative = 0.0
    clean: bool = Field(default=False, description="counts as clean supply (biomass, biogas)")
    ramp_up_kw_per_h: Positive | None = None
    ramp_down_kw_per_h: Positive | None = None
    start_up_kw: Positive | None = Field(default=None, description="most it can give in its first step")
    shut_down_kw: Positive | None = Field(default=None, description="most it can give in its last step")
    min_up_h: NonNegative = 0.0
    min_down_h: NonNegative = 0.0
    on_before_h: NonNegative = Field(default=0.0, description="hours it has been on at the start; 0 = off")
    off_before_h: NonNegative = Field(default=1000.0, description="hours it has been off at the start, if off")
    power_before_kw: NonNegative = Field(default=0.0, description="output just before the start, if on")

    rule_order: ClassVar[int] = 1  # its rule looks at nothing else; stores then see what it gives

    @property
    def structure(self) -> tuple[object, ...]:
        """Buses and minimum times."""
        return (*super().structure, self.min_up_h, self.min_down_h)

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.min_kw > self.max_kw:
            raise ValueError(f"min_kw {self.min_kw:g} is above max_kw {self.max_kw:g}")
        for name in ("start_up_kw", "shut_down_kw"):
            limit = getattr(self, name)
            if limit is not None and limit < self.min_kw:
                raise ValueError(f"{name} {limit:g} is below min_kw {self.min_kw:g}: it could never run")
        return self

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Coefficients of the equations above, (row, step)."""
        low, high = rows.field("min_kw"), rows.field("max_kw")
        start = np.minimum(rows.field("start_up_kw", np.inf), high)
        stop = np.minimum(rows.field("shut_down_kw", np.inf), high)
        # A missing ramp limit is one that never binds; infinity would not survive compilation.
        up = np.minimum(rows.field("ramp_up_kw_per_h", np.inf) * horizon.ramp_h, high)
        down = np.minimum(rows.field("ramp_down_kw_per_h", np.inf) * horizon.ramp_h, high)
        short = cls._shortest(rows, horizon)
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
            "ramp_stop_kw": stop - low - down,
            "cost_per_kw": rows.field("cost_per_kwh") * horizon.hours,
            "cost_at_min": (rows.field("no_load_cost_per_h") + rows.field("cost_per_kwh") * low) * horizon.hours,
            "start_cost": rows.field("start_cost"),
            "co2_per_kw": rows.field("co2_kg_per_kwh") * horizon.hours,
            "co2_at_min": (rows.field("no_load_co2_kg_per_h") + rows.field("co2_kg_per_kwh") * low) * horizon.hours,
            "unclean": 1 - rows.field("clean"),
            "unclean_at_min_kw": (1 - rows.field("clean")) * low,
        }
        return {name: full(rows, horizon, value) for name, value in values.items()}

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """State before the horizon, (row, 1), and steps in which it still dictates u, (row, step)."""
        on_h, off_h = rows.state(inputs, "on_before_h"), rows.state(inputs, "off_before_h")
        was_on = (on_h > 0).astype(float)
        low, high = rows.field("min_kw"), rows.field("max_kw")
        power = np.where(on_h > 0, np.clip(rows.state(inputs, "power_before_kw"), low, high), 0.0)
        starts = inputs.horizon.edge_h[:-1]
        down = np.minimum(rows.field("ramp_down_kw_per_h", np.inf) * inputs.horizon.ramp_h, high)
        # A unit that runs above its shut-down limit cannot stop until it has ramped down to it.
        fallen = np.hstack([np.zeros((rows.count, 1)), np.cumsum(down, axis=1)[:, :-1]])
        tied = power - fallen > np.minimum(rows.field("shut_down_kw", np.inf), high) + 1e-9
        values = {
            "must_on": (on_h > 0) & ((starts < rows.field("min_up_h") - on_h - 1e-9) | tied),
            "must_off": (on_h <= 0) & (starts < rows.field("min_down_h") - off_h - 1e-9),
        }
        above = np.clip(power - low, 0, high - low)
        # RD · u before the horizon: both would be parameters in a template, so their product is made here.
        first_down = np.zeros((rows.count, inputs.horizon.steps))
        first_down[:, :1] = down[:, :1] * was_on
        # On/off decided elsewhere, which mode *given* reads; (name, "commitment") is there for all members or none.
        decided = all((m.name, "commitment") in inputs.series for m in rows.members)
        known = {"commitment": rows.series(inputs, "commitment")} if decided else {}
        return {
            "was_on": was_on,
            "above_before_kw": above,
            "first_ramp_down_kw": first_down,
            **{name: value.astype(float) for name, value in values.items()},
            **known,
        }

    @classmethod
    def _shortest(cls, rows: Rows[Self], horizon: Horizon) -> np.ndarray:
        """(row, step) minimum up time is no longer than the step: a start in it may be followed by a stop at once."""
        return np.asarray(rows.field("min_up_h") <= horizon.hours + 1e-9)

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The equations above for all rows."""
        import cvxpy as cp

        single = Rows(rows.members, 1, rows.buses) if mode.shared else rows
        on, start, stop, commitment = _commitment(single, given, mode)
        spread = rows.spread if mode.shared and rows.scenarios > 1 else None
        on, start, stop = ((spread @ x) if spread is not None else x for x in (on, start, stop))
        above = cp.Variable((rows.count, given.horizon.steps), nonneg=True)
        power = cp.multiply(given["min_kw"], on) + above
        constraints = [*commitment.pop("constraints"), *_output(rows, given, on, start, stop, above)]
        # Written over minimum and above apart: min_kw · cost is one coefficient, so that both may be parameters.
        cost = cp.multiply(given["cost_per_kw"], above) + cp.multiply(given["cost_at_min"], on)
        return Part(
            ports={"electricity": Port(rows.bus(), power)},
            constraints=constraints,
            cost_step=cost + cp.multiply(given["start_cost"], start),
            co2_step_kg=cp.multiply(given["co2_per_kw"], above) + cp.multiply(given["co2_at_min"], on),
            supply_kw=power,
            unclean_kw=cp.multiply(given["unclean"], above) + cp.multiply(given["unclean_at_min_kw"], on),
            series={
                "power_kw": power,
                "above_min_kw": above,
                **commitment,
                "on": on,
                "start": start,
                "stop": stop,
            },
        )

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Reads starts and stops off the on/off pattern and holds powers, ramps and windows against the fields."""
        on, power = np.round(series["on"]), series["power_kw"]
        names, hours = rows.names, given.horizon.hours
        before_on = rows.state(given, "on_before_h") > 0
        state = np.hstack([before_on, on > 0.5])
        started, stopped = ~state[:, :-1] & state[:, 1:], state[:, :-1] & ~state[:, 1:]
        first = np.clip(rows.state(given, "power_before_kw"), rows.field("min_kw"), rows.field("max_kw")) * before_on
        previous = np.hstack([first, power[:, :-1]])
        start_cap = np.minimum(rows.field("start_up_kw", np.inf), rows.field("max_kw"))
        stop_cap = np.minimum(rows.field("shut_down_kw", np.inf), rows.field("max_kw"))
        up = np.where(started, start_cap, previous + rows.field("ramp_up_kw_per_h", np.inf) * given.horizon.ramp_h)
        fall = rows.field("ramp_down_kw_per_h", np.inf) * given.horizon.ramp_h
        return [
            *breaches(names, "output above maximum", power, rows.field("max_kw") * on, "kW"),
            *breaches(names, "output below minimum", rows.field("min_kw") * on, power, "kW"),
            *breaches(names, "on/off is not 0 or 1", np.abs(series["on"] - on), 0.0, "-"),
            *breaches(names, "rises faster than it can", power, up, "kW"),
            *breaches(names, "falls faster than it can", previous - np.where(stopped, 0, power),
                      np.where(stopped, stop_cap, fall), "kW"),
            *_short_runs(rows, started, stopped, hours, given),
            *breaches(names, "start not counted", started - series["start"], 0.0, "-"),
        ]  # fmt: skip

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Output, its fuel and running cost, starts read off the on/off pattern, and emissions."""
        power, on = series["power_kw"], np.round(series["on"])
        before = (rows.state(given, "on_before_h") > 0).astype(float)
        starts = np.maximum(np.diff(np.hstack([before, on]), axis=1), 0).sum(axis=1)
        energy_kwh, on_h = power @ given.horizon.hours, on @ given.horizon.hours
        money = energy_kwh * rows.field("cost_per_kwh")[:, 0] + on_h * rows.field("no_load_cost_per_h")[:, 0]
        co2 = energy_kwh * rows.field("co2_kg_per_kwh")[:, 0] + on_h * rows.field("no_load_co2_kg_per_h")[:, 0]
        return Account(
            {"electricity": power},
            money=money + starts * rows.field("start_cost")[:, 0],
            co2_kg=co2,
            supply_kw=power,
            unclean_kw=np.where(rows.field("clean") > 0, 0.0, power),
        )

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Off units stay off; running ones go down and stop as soon as ramps and minimum up time let them."""
        signals = cls.signals(rows, given)
        fallen = np.cumsum(rows.field("ramp_down_kw_per_h", np.inf) * given.horizon.ramp_h, axis=1)
        on = signals["must_on"]
        before = np.hstack([signals["was_on"], on[:, :-1]])
        return {
            "above_min_kw": np.maximum(signals["above_before_kw"] - fallen, 0) * on,
            "committed": on,
            "started": np.maximum(on - before, 0),
            "stopped": np.maximum(before - on, 0),
        }

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Runs where power lacks that nobody else can give, within minimum times and ramps; else gives less."""
        left = state.share(rows.bus(), rows.field("max_kw"))
        lacking = np.maximum(-left, 0)
        if lacking.max() < _LACKING_KW:
            return values | {"above_min_kw": np.maximum(values["above_min_kw"] - np.maximum(left, 0), 0)}
        on, power = _followed(rows, given, values["committed"], values["above_min_kw"], lacking)
        before = np.hstack([cls.signals(rows, given)["was_on"], on[:, :-1]])
        return {
            "above_min_kw": power - rows.field("min_kw") * on,
            "committed": on,
            "started": np.maximum(on - before, 0),
            "stopped": np.maximum(before - on, 0),
        }

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, planned: Mapping[str, Array]) -> dict[str, Array]:
        """The published commitment and output, as far as minimum times and ramps let the unit that really is."""
        above = planned["above_min_kw"]
        on, power = _followed(rows, given, planned["committed"], above, np.zeros_like(above))
        before = np.hstack([cls.signals(rows, given)["was_on"], on[:, :-1]])
        return {
            "above_min_kw": power - rows.field("min_kw") * on,
            "committed": on,
            "started": np.maximum(on - before, 0),
            "stopped": np.maximum(before - on, 0),
        }

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """Hours on or off up to the last of these steps, those before the horizon counted in, and the output in it."""
        hours, out = given.horizon.hours[:steps], {}
        for row, member in enumerate(rows.members):
            on = series["on"][row, :steps] > 0.5
            was = {n: float(rows.state(given, n)[row, 0]) for n in ("on_before_h", "off_before_h")}
            changes = np.flatnonzero(on != on[-1])
            lasted = float(hours[changes[-1] + 1 :].sum() if changes.size else hours.sum())
            if not changes.size and on[-1] == (was["on_before_h"] > 0):
                lasted += was["on_before_h" if on[-1] else "off_before_h"]
            out[member.name] = {
                "on_before_h": lasted if on[-1] else 0.0,
                "off_before_h": 0.0 if on[-1] else lasted,
                "power_before_kw": float(series["power_kw"][row, steps - 1]) if on[-1] else 0.0,
            }
        return out


def _window(length_h: Array, horizon: Horizon) -> csr_array:
    """(row·step, row·step) ones where step τ lies at most ``length_h`` before the start of step t (τ ≤ t)."""
    from scipy.sparse import csr_array

    starts = horizon.edge_h[:-1]
    lag = starts[:, None] - starts[None, :]
    mask = (lag >= 0) & (lag < np.maximum(length_h, horizon.hours.min() / 2)[:, :, None] - 1e-9)
    row, step, tau = np.nonzero(mask)
    steps = horizon.steps
    size = length_h.shape[0] * steps
    return csr_array((np.ones(row.size), (row * steps + step, row * steps + tau)), shape=(size, size))


def _commitment(single: Rows[Any], given: Given, mode: Mode) -> tuple[Any, Any, Any, dict[str, Any]]:
    """On, start and stop with their logic; one row per decision."""
    import cvxpy as cp

    shape, decided = (single.count, given.horizon.steps), single.count
    on = cp.Variable(shape, boolean=True) if mode.commitment == "exact" else cp.Variable(shape, bounds=[0, 1])
    start, stop = cp.Variable(shape, bounds=[0, 1]), cp.Variable(shape, bounds=[0, 1])
    windows = {x: _window(single.field(f"min_{x}_h"), given.horizon) for x in ("up", "down")}
    flat = {"start": cp.vec(start, order="C"), "stop": cp.vec(stop, order="C"), "on": cp.vec(on, order="C")}
    constraints = [
        on - shifted(given["was_on"][:decided], on) == start - stop,
        windows["up"] @ flat["start"] <= flat["on"],
        windows["down"] @ flat["stop"] <= 1 - flat["on"],
        on >= given["must_on"][:decided],
        on <= 1 - given["must_off"][:decided],
    ]
    if mode.commitment == "given":
        constraints.append(on == given["commitment"][:decided])
    return on, start, stop, {"constraints": constraints, "committed": on, "started": start, "stopped": stop}


def _output(rows: Rows[Any], given: Given, on: Any, start: Any, stop: Any, above: Any) -> list[Any]:
    """Generation limits and ramps of the tight form."""
    import cvxpy as cp
    import scipy.sparse as sp

    steps = given.horizon.steps
    ahead = sp.eye_array(steps, k=-1, format="csr")  # x @ ahead is x one step later, 0 beyond the horizon
    stop_next = stop @ ahead
    room = cp.multiply(given["range_kw"], on)
    short = Thermal._shortest(rows, given.horizon).any(axis=1)
    constraints = [
        above <= room - cp.multiply(given["start_cut_kw"], start) - cp.multiply(given["stop_cut_kw"], stop_next),
        above - shifted(given["above_before_kw"], above)
        <= cp.multiply(given["ramp_start_kw"], start) + cp.multiply(given["ramp_up_kw"], on),
        shifted(given["above_before_kw"], above) - above
        <= cp.multiply(given["ramp_stop_kw"], stop)
        + cp.multiply(given["ramp_down_kw"], shifted(np.zeros((rows.count, 1)), on))
        + given["first_ramp_down_kw"],
    ]
    if short.any():
        # Only the rows it holds for, picked by a constant matrix so that coefficients may stay parameters.
        pick = sp.eye_array(rows.count, format="csr")[np.flatnonzero(short)]
        limit = (
            room - cp.multiply(given["start_cut_short_kw"], start) - cp.multiply(given["stop_cut_short_kw"], stop_next)
        )
        constraints.append(pick @ (above - limit) <= 0)
    return constraints


def _short_runs(
    rows: Rows[Any], started: np.ndarray, stopped: np.ndarray, hours: Array, given: Inputs
) -> list[Violation]:
    """Runs and pauses that end before their minimum time, walked along the clock."""
    clock = np.concatenate([[0.0], np.cumsum(hours)])
    found: list[Violation] = []
    for what, begins, ends, least, history in (
        ("minimum up time", started, stopped, "min_up_h", "on_before_h"),
        ("minimum down time", stopped, started, "min_down_h", "off_before_h"),
    ):
        shortest, since = rows.field(least)[:, 0], -rows.state(given, history)[:, 0]
        for step in range(begins.shape[1]):
            length = clock[step] - since
            late = np.flatnonzero(ends[:, step] & (length < shortest - 1e-6))
            found += [Violation(rows.names[r], what, step, float(length[r]), float(shortest[r]), "h") for r in late]
            since = np.where(begins[:, step], clock[step], since)
    return found


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
    on, power = np.zeros_like(lacking), np.zeros_like(lacking)
    for step, hours in enumerate(given.horizon.hours):
        ramp = given.horizon.ramp_h[step]
        tied = state & ((since < rows.field("min_up_h")[:, 0] - 1e-9) | (last > stop + 1e-9))
        blocked = ~state & (since < rows.field("min_down_h")[:, 0] - 1e-9)
        now = (wanted_on[:, step] | tied) & ~blocked
        most = np.where(state, last + up * ramp, start)
        least = np.where(state, last - down * ramp, low)
        power[:, step] = np.where(now, np.clip(target[:, step], np.maximum(least, low), np.minimum(most, high)), 0)
        since = np.where(now == state, since, 0.0) + hours
        on[:, step], state, last = now, now, power[:, step]
    return on, power
