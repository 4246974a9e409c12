"""Work that may wait: runs of a fixed profile, or energy that is wanted within a window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Asset, Carrier, Given, Inputs, Mode, Rows, full
from dispatch.fields.flexible_devices import Devices
from dispatch.fields.frozen import NonNegative, Positive
from dispatch.loads import flexible
from dispatch.loads.deferrable_walk import due_kwh, flow, walked
from dispatch.loads.windows import Window, distinct, edges_s, slots
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_SOME_KW = 1e-6
_SOME_KWH = 0.05


class Deferrable(Asset):
    r"""Runs that start when it suits, or energy taken when it suits, within each window.

    A profile π of length D [h] that starts at the edge of step τ draws its mean over each step, so steps may be
    unequal and need not be those of the profile. With x_τ ∈ {0, 1} for a start, and f for work without a profile:

    .. math::
        P_t = Σ_τ π_{tτ} x_τ + f_t, \quad Σ_{τ: τ ≤ t < τ + D} x_τ ≤ 1, \quad
        Σ_{τ ∈ W} x_τ + skipped_W = N_W \\
        \underline P ≤ f_t ≤ \bar P, \quad Σ_{t ∈ W} Δt f_t + missing_W = E_W

    One run at a time; a run ends within its window. Only runs need binaries: energy without a profile is linear, and
    one run in a window has an integral relaxation where nothing but its price bears on it. What is skipped or missing
    costs ``skip_penalty_per_kwh`` in the objective, never in the reported money. A window that ends beyond the horizon
    is for a later plan. Starts are one decision for all scenarios where commitment is shared.

    Source: one start per window over discrete steps as in Sou et al., CDC 2011 (smart appliances as a MILP).
    """

    kind: Literal["deferrable"] = "deferrable"
    bus: str
    profile_kw: tuple[NonNegative, ...] = Field(default=(), description="power of a run, a value per profile_step_h")
    profile_step_h: Positive = Field(default=1.0, description="how long each value of profile_kw lasts")
    runs: int = Field(default=1, ge=0, description="runs of the profile in each window")
    energy_kwh: NonNegative = Field(default=0.0, description="wanted in each window, when does not matter")
    max_kw: NonNegative = Field(default=0.0, description="largest power of energy_kwh")
    min_kw: NonNegative = Field(default=0.0, description="smallest power of energy_kwh while its window lasts")
    window: Window | None = Field(default=None, description="earliest start and latest end; default: the horizon")
    skip_penalty_per_kwh: NonNegative = Field(default=1000.0, description="price of what is not done in its window")
    runs_done: int = Field(default=0, ge=0, description="runs begun in the window in which the horizon begins")
    underway_h: NonNegative = Field(
        default=0.0, description="hours since the start of a run that is under way; 0: none"
    )
    done_kwh: NonNegative = Field(default=0.0, description="energy taken in the window in which the horizon begins")

    bus_fields: ClassVar[Mapping[str, Carrier | None]] = {"bus": None}

    @model_validator(mode="after")
    def _something_to_do(self) -> Self:
        if bool(self.profile_kw) == bool(self.energy_kwh):
            raise ValueError(
                "give either profile_kw (runs as they are) or energy_kwh with max_kw (when does not matter)"
            )
        if self.energy_kwh and self.max_kw <= self.min_kw:
            raise ValueError(f"max_kw {self.max_kw:g} must be above min_kw {self.min_kw:g} to choose when to draw")
        if self.profile_kw and not any(self.profile_kw):
            raise ValueError("profile_kw is zero throughout: give the power of a run in kW")
        return self

    @property
    def structure(self) -> tuple[object, ...]:
        """Bus, length of the profile, and the window."""
        return (*super().structure, len(self.profile_kw), self.profile_step_h, self.window)

    @property
    def lasting_h(self) -> float:
        """Length of a run."""
        return len(self.profile_kw) * self.profile_step_h

    @property
    def run_kwh(self) -> float:
        """Energy of a run."""
        return sum(self.profile_kw) * self.profile_step_h

    def drawn_kwh(self, since_h: Array) -> Array:
        """What a run has drawn so many hours after its start."""
        at = np.arange(len(self.profile_kw) + 1) * self.profile_step_h
        energy = np.concatenate([[0.0], np.cumsum(self.profile_kw) * self.profile_step_h])
        return np.asarray(np.interp(since_h, at, energy))

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Mean power of runs, (pair of a step and a start before it, 1), and what skipping one saves, (row, step)."""
        row, step, start = _pairs(rows, horizon)
        edge, members = horizon.edge_h, rows.members * rows.scenarios
        drawn = np.zeros(row.size)
        for position in np.unique(row):
            mine = row == position
            since = edge[step[mine]] - edge[start[mine]]
            until = since + horizon.hours[step[mine]]
            member = members[position]
            drawn[mine] = (member.drawn_kwh(until) - member.drawn_kwh(since)) / horizon.hours[step[mine]]
        return {
            "draw_kw": drawn[:, None],
            "run_penalty": full(rows, horizon, rows.field("skip_penalty_per_kwh") * rows.field("run_kwh")),
            "penalty_per_kw": rows.field("skip_penalty_per_kwh") * horizon.hours,
        }

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Where runs may start and energy may flow, what each window still asks for, and the run that is under way."""
        found, horizon = _wanted(rows, inputs), inputs.horizon
        underway_kw, busy = _underway(rows, inputs)
        out = {
            "may_start": found.start.any(axis=1).astype(float),
            "most_kw": found.flow.any(axis=1) * rows.field("max_kw"),
            "least_kw": found.least_kw,
            "underway_kw": underway_kw,
            "free": 1.0 - busy,
            "wanted_penalty": np.zeros((rows.count, horizon.steps)),
        }
        # What is wanted, priced at one step; what is done takes its price off again. The sum counts.
        price = rows.field("skip_penalty_per_kwh")
        due = found.runs * rows.field("run_kwh") + found.energy_kwh
        out["wanted_penalty"][:, -1] = (price * due).sum(axis=1)
        masks = _masks(rows, horizon)
        out |= {"steps_in": masks, "hours_in": masks * horizon.hours[:, None]}
        return out | {"runs_wanted": found.runs, "wanted_kwh": found.energy_kwh}

    @classmethod
    def flexible(cls, rows: Rows[Self], inputs: Inputs) -> Devices | None:
        """Energy of each window by itself; None where there are runs of a profile, which are there or not."""
        if any(member.profile_kw for member in rows.members):
            return None
        found = _wanted(rows, inputs)
        row, slot = np.nonzero(found.flow.any(axis=2))
        inside, names = (
            found.flow[row, slot],
            [f"{rows.names[r]}/window_{s + 1}" for r, s in zip(row, slot, strict=True)],
        )
        least = np.where(inside, found.least_kw[row], 0.0)
        energy = found.energy_kwh[row, slot][:, None]
        over = np.logical_or.accumulate(inside[:, ::-1], axis=1)[:, ::-1]  # not yet at the window's end
        done = ~np.hstack([over[:, 1:], np.zeros((row.size, 1), bool)])
        most = np.maximum(inside * rows.field("max_kw")[row], least)
        return Devices.of(
            inputs.horizon.hours, least_kw=least, most_kw=most, least_kwh=np.where(done, energy, 0.0),
            most_kwh=np.broadcast_to(energy, inside.shape), names=names,
        ).opened()  # fmt: skip

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """Starts and free power, window by window."""
        import cvxpy as cp

        single, horizon = flexible.deciding(rows, mode), given.horizon
        runs = any(member.profile_kw for member in rows.members)
        count, shape = single.count, (rows.count, horizon.steps)
        starts = cp.Variable((count, horizon.steps), boolean=True) if runs else cp.Variable(
            (count, horizon.steps), bounds=[0, 0])  # fmt: skip
        power = cp.Variable(shape, nonneg=True)
        row, step, start = _pairs(single, horizon)
        into, out_of = _ones(row, step, single, horizon), _ones(row, start, single, horizon).T
        begun = out_of @ cp.vec(starts, order="C")
        drawn = into @ cp.multiply(given["draw_kw"][: row.size, 0], begun)
        constraints = [
            starts <= given["may_start"][:count],
            cp.reshape(into @ begun, (count, horizon.steps), order="C") <= given["free"][:count],
            power <= given["most_kw"],
            power >= given["least_kw"],
        ]
        _, whose = distinct([m.window for m in rows.members * rows.scenarios])
        width = given["runs_wanted"].shape[1]
        own = whose[:, None] * width + np.arange(width)
        one = np.arange(rows.count)[:, None]
        constraints += [
            (starts @ given["steps_in"])[one[:count], own[:count]] <= given["runs_wanted"][:count],
            (power @ given["hours_in"])[one, own] <= given["wanted_kwh"],
        ]
        drawn = flexible.spread(rows, cp.reshape(drawn, (count, horizon.steps), order="C"))
        total = drawn + power + given["underway_kw"]
        saved = cp.multiply(given["run_penalty"], flexible.spread(rows, starts)) + cp.multiply(
            given["penalty_per_kw"], power)  # fmt: skip
        return Part(
            ports={"demand": Port(rows.bus(), -total)},
            constraints=constraints,
            penalty_step=given["wanted_penalty"] - saved,
            series={"starts": starts, "free_kw": power, "power_kw": total},
        )

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Walks each run along the clock and holds it against its window, its number and the runs beside it."""
        starts, free = flexible.per_row(rows, series["starts"]), series["free_kw"]
        names, power = rows.names, np.zeros_like(free)
        walk = [walked(m, given, starts[i]) for i, m in enumerate(rows.members * rows.scenarios)]
        power = np.array([w[0] for w in walk]) + free
        busy, outside, over = (np.array([w[k] for w in walk]) for k in (1, 2, 3))
        flows = [flow(m, given, free[i]) for i, m in enumerate(rows.members * rows.scenarios)]
        stray, above, least = (np.array([f[k] for f in flows]) for k in range(3))
        return [
            *breaches(names, "a start is not 0 or 1", np.abs(starts - np.round(starts)), 0.0, "-"),
            *breaches(names, "two runs at once", busy, 1.0, "-", 1e-3),
            *breaches(names, "a run outside its window", outside, 0.0, "-", 1e-3),
            *breaches(names, "more runs than wanted", over, 0.0, "-", 1e-3),
            *breaches(names, "draws outside its window", stray, 0.0, "kW"),
            *breaches(names, "draws more than is wanted", above, 0.0, "kWh", 1e-3),
            *breaches(names, "draws more than it can", free, rows.field("max_kw"), "kW"),
            *breaches(names, "draws less than it must", least - free, 0.0, "kW"),
            *mistakes(names, "power differs from its runs", np.abs(power - series["power_kw"]), 0.0, "kW", 1e-3),
        ]

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """The power of runs walked along the clock, and the price of what is not done."""
        starts, free, hours = flexible.per_row(rows, series["starts"]), series["free_kw"], given.horizon.hours
        members = rows.members * rows.scenarios
        power = np.array([walked(m, given, starts[i])[0] for i, m in enumerate(members)]) + free
        wanted = np.array([due_kwh(m, given) for m in members])
        done = np.round(starts).sum(axis=1) * np.array([m.run_kwh for m in members]) + free @ hours
        return Account({"demand": -power}, penalty=(wanted - done) * rows.field("skip_penalty_per_kwh")[:, 0])

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """As early as may be, at full power."""
        return _earliest(
            rows, given, np.ones((rows.count, given.horizon.steps)), np.full((rows.count, given.horizon.steps), np.inf)
        )

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """Starts and power as wanted, as far as windows and numbers let them."""
        nothing = np.zeros((rows.count, given.horizon.steps))
        starts = np.round(wanted.get("starts", nothing))
        return _earliest(rows, given, starts, wanted.get("free_kw", nothing))

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Draws less where power lacks; a run that would need what is lacking is not begun."""
        lacking = np.maximum(-state.share(rows.bus(), np.ones((rows.count, given.horizon.steps))), 0)
        if lacking.max() < _SOME_KW:
            return values
        least = cls.signals(rows, given)["least_kw"]
        free = np.maximum(values["free_kw"] - lacking, least)
        still = lacking - (values["free_kw"] - free)
        row, step, start = _pairs(rows, given.horizon)
        harmed = np.zeros_like(free)
        np.maximum.at(harmed, (row, start), still[row, step])
        # One decision for all scenarios: a run that lacks power in any of them is not begun.
        worst = harmed.reshape(rows.scenarios, len(rows.members), -1).max(axis=0)
        return {"starts": values["starts"] * (np.tile(worst, (rows.scenarios, 1)) < _SOME_KW), "free_kw": free}

    @classmethod
    def missed(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[str]:
        """What is skipped or missing of each member's work."""
        out, hours = [], given.horizon.hours
        for row, member in enumerate(rows.members):
            done = float(np.round(series["starts"][row]).sum()) * member.run_kwh + float(series["free_kw"][row] @ hours)
            if (left := due_kwh(member, given) - done) > _SOME_KWH:
                out.append(f"{member.name}: {left:,.1f} kWh of its work not done in time")
        return out

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """Runs and energy of the window that goes on, and the run that is under way."""
        now, edge = edges_s(given.horizon)[steps], edges_s(given.horizon)
        out = {}
        for row, member in enumerate(rows.members):
            starts = np.flatnonzero(np.round(series["starts"][row, :steps]))
            before = given.state.get(member.name, {})
            since = [(now - edge[s]) / 3600 for s in starts]
            old = float(before.get("underway_h", member.underway_h))
            since += [old + (now - edge[0]) / 3600] if old > 0 else []
            going = [h for h in since if h < member.lasting_h - 1e-9]
            found = slots([member.window], given.horizon)
            here = [k for k in range(found.begin_s.shape[1]) if found.begin_s[0, k] < now < found.end_s[0, k]]
            mine = found.inside[0, here[0], :steps] if here else np.zeros(steps, bool)
            again = bool(here) and bool(found.begun[0, here[0]])
            done = float(before.get("runs_done", member.runs_done)) * again + mine[starts].sum()
            taken = float(before.get("done_kwh", member.done_kwh)) * again
            taken += float(series["free_kw"][row, :steps] @ (given.horizon.hours[:steps] * mine))
            out[member.name] = {"runs_done": float(done), "done_kwh": taken, "underway_h": min(going, default=0.0)}
        return out


class _Wanted:
    """What is wanted of each row in each window: (row, slot, step) where, (row, slot) how much, (row, step) least."""

    def __init__(self, start: np.ndarray, flow: np.ndarray, runs: Array, energy_kwh: Array, least_kw: Array) -> None:
        self.start, self.flow, self.runs, self.energy_kwh, self.least_kw = start, flow, runs, energy_kwh, least_kw


def _wanted(rows: Rows[Any], inputs: Inputs) -> _Wanted:
    horizon, members = inputs.horizon, rows.members * rows.scenarios
    found, edge = slots([m.window for m in members], horizon), edges_s(inputs.horizon)
    lasting_s = 3600 * rows.field("lasting_h")
    in_time = edge[:-1] + lasting_s[:, :, None] <= found.end_s[:, :, None] + 1e-3
    not_early = edge[:-1] >= found.begin_s[:, :, None] - 1e-3
    has_runs = (rows.field("lasting_h") > 0)[:, :, None]
    due = found.due[:, :, None]
    runs = np.where(
        found.begun, np.maximum(rows.field("runs") - rows.state(inputs, "runs_done"), 0), rows.field("runs")
    )
    energy = rows.field("energy_kwh")
    energy = np.where(found.begun, np.maximum(energy - rows.state(inputs, "done_kwh"), 0), energy)
    out = rows.standing(horizon)
    flow = found.inside & due & ~has_runs & ~out[:, None, :]
    left_h = flow @ horizon.hours
    least = np.minimum(rows.field("min_kw"), np.divide(energy, left_h, out=np.zeros_like(left_h), where=left_h > 0))
    start = in_time & not_early & due & has_runs & ~_broken_off(rows, horizon, out)[:, None, :]
    return _Wanted(
        start,
        flow,
        np.where(start.any(axis=2) | (found.due & has_runs[:, :, 0]), runs, 0.0),
        np.where(found.due & ~has_runs[:, :, 0], energy, 0.0),
        (flow * least[:, :, None]).max(axis=1),
    )


def _broken_off(rows: Rows[Any], horizon: Horizon, out: np.ndarray) -> np.ndarray:
    """(row, step) whether a run that starts then would not be over when its plant goes out of service."""
    broken = np.zeros(out.shape, bool)
    row, step, start = _pairs(rows, horizon)
    np.logical_or.at(broken, (row, start), out[row, step])
    return broken


def _masks(rows: Rows[Any], horizon: Horizon) -> Array:
    """(step, window · slot) 1 where a step begins in a window that is due; windows that members share stand once."""
    found, edge = slots(distinct([m.window for m in rows.members])[0], horizon), edges_s(horizon)[:-1]
    within = (edge >= found.begin_s[:, :, None] - 1e-3) & (edge < found.end_s[:, :, None] - 1e-3)
    return np.asarray((within & found.due[:, :, None]).reshape(-1, horizon.steps).T, float)


def _pairs(rows: Rows[Any], horizon: Horizon) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(pair,) row, step and start: a run that starts then is under way in that step."""
    edge = horizon.edge_h[:-1]
    since = edge[:, None] - edge[None, :]  # (step, start)
    lasting = rows.field("lasting_h")[:, :, None]
    return np.nonzero((since >= -1e-9) & (since < lasting - 1e-9))  # type: ignore[return-value]


def _ones(row: np.ndarray, step: np.ndarray, rows: Rows[Any], horizon: Horizon) -> csr_array:
    """(row · step, pair) ones."""
    from scipy.sparse import csr_array

    place = (row * horizon.steps + step, np.arange(row.size))
    return csr_array((np.ones(row.size), place), shape=(rows.count * horizon.steps, row.size))


def _underway(rows: Rows[Any], inputs: Inputs) -> tuple[Array, Array]:
    """(row, step) power of the run under way at the start, and 1 in the steps that it reaches into."""
    since, hours = rows.state(inputs, "underway_h"), inputs.horizon.hours
    begin = np.where(since > 0, since + inputs.horizon.edge_h[:-1], np.inf)
    reaches = begin < rows.field("lasting_h") - 1e-9
    begin = np.where((reaches & rows.standing(inputs.horizon)).any(axis=1, keepdims=True), np.inf, begin)  # broken off
    members = rows.members * rows.scenarios
    energy = [m.drawn_kwh(b + hours) - m.drawn_kwh(b) for m, b in zip(members, begin, strict=True)]
    return np.array(energy) / hours, (begin < rows.field("lasting_h") - 1e-9).astype(float)


def _earliest(rows: Rows[Any], given: Inputs, wanted: Array, power: Array) -> dict[str, Array]:
    """Starts where they are wanted and allowed, one after the other, and power up to ``power``; along the clock."""
    found, (_, busy) = _wanted(rows, given), _underway(rows, given)
    most = found.flow.any(axis=1) * rows.field("max_kw")
    starts, free = np.zeros(wanted.shape), np.zeros(wanted.shape)
    edge, lasting = given.horizon.edge_h, rows.field("lasting_h")[:, 0]
    left, energy = found.runs.copy(), found.energy_kwh.copy()
    clear = np.where(busy.any(axis=1), edge[np.minimum(busy.sum(axis=1).astype(int), edge.size - 1)], 0.0)
    for step, hours in enumerate(given.horizon.hours):
        open_slot = found.start[:, :, step] & (left > 0.5)
        slot = open_slot.argmax(axis=1)
        begins = open_slot.any(axis=1) & (clear <= edge[step] + 1e-9) & (wanted[:, step] > 0.5)
        starts[:, step] = begins
        left[np.arange(rows.count), slot] -= begins
        clear = np.where(begins, edge[step] + lasting, clear)
        at = found.flow[:, :, step]
        # What must be drawn later in the window is not drawn now.
        later = found.least_kw[:, None, step + 1 :] * found.flow[:, :, step + 1 :] @ given.horizon.hours[step + 1 :]
        room = (at * np.maximum(energy - later, 0)).sum(axis=1) / hours
        free[:, step] = np.minimum(np.minimum(np.maximum(power[:, step], found.least_kw[:, step]), most[:, step]), room)
        energy = np.maximum(energy - at * (free[:, step] * hours)[:, None], 0.0)
    return {"starts": starts, "free_kw": free}
