"""On, start and stop of plant that is committed: minimum times, start costs by hours off; kinds share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Asset, Given, Inputs, Mode, Rows, full, shifted
from dispatch.fields.frozen import Frozen, NonNegative, Positive
from dispatch.fields.grid import HOLDS_VOLTAGE
from dispatch.part import Violation, breaches, mistakes
from dispatch.signals import Array, Horizon, spans
from dispatch.units import matched_starts

if TYPE_CHECKING:
    import cvxpy as cp
    from scipy.sparse import csr_array

_SHOWN = ("on", "start", "stop")
_TRIPPED = ("on_before_h", "power_before_kw", "load_before_kw", "input_before_kw")
OFF_ALONE = "off although it is to hold the voltage"


class StartTier(Frozen):
    """What a start costs after less than ``below_off_h`` hours off; the last tier holds for all longer ones."""

    below_off_h: Positive | None = None
    cost: NonNegative


@dataclass(frozen=True)
class Decision:
    """Commitment of all rows.

    Attributes:
        on, start, stop: (row, step) expressions; one decision for all scenarios where commitment is shared.
        constraints: their logic.
        start_money: (row, step) cost of starts.
        series: the decision variables, (row or member, step), by the names that ``rule`` returns.
        inner: the variables of matched starts.
        relaxable: that it is on where it holds the voltage of an island, of units that do so.
    """

    on: cp.Expression
    start: cp.Expression
    stop: cp.Expression
    constraints: list[cp.Constraint]
    start_money: cp.Expression
    series: dict[str, cp.Expression]
    inner: dict[str, cp.Variable]
    relaxable: dict[str, cp.Constraint]


class Committed(Asset):
    r"""Plant that is on (u), starts (v) and stops (w): minimum up and down time, start cost by hours off.

    .. math::
        u_t - u_{t-1} = v_t - w_t \\
        Σ_{τ: t - τ < UT} v_τ ≤ u_t, \quad Σ_{τ: t - τ < DT} w_τ ≤ 1 - u_t \\
        cost_t = c^{cold} v_t - Σ_{τ<t} (c^{cold} - c(t-τ)) x_{τt}, \quad
        Σ_τ x_{τt} ≤ v_t, \quad Σ_t x_{τt} ≤ w_τ

    x matches a start with the stop before it while the plant is not yet cold; the stop before the horizon is one of
    them. v, w and x may be continuous: with integral u they come out integral. Windows are in hours of the actual
    steps. Minimum times and hours of the tiers are structure: sites that share one compiled problem share them.

    In the plain form minimum times are v_t ≤ u_t and Σ_{τ: τ - t < UT} u_τ ≥ n_t v_t, n_t the steps in the sum, with
    the like for w: the same whole numbers in a wider relaxation (Carrión & Arroyo 2006,
    doi 10.1109/TPWRS.2006.876672).

    Sources: Rajan & Takriti 2005 (windows); Knueven, Ostrowski & Watson 2020, doi 10.1287/ijoc.2019.0944 (matching).
    """

    start_cost: NonNegative = Field(default=0.0, description="money per start, whatever the hours off")
    start_tiers: tuple[StartTier, ...] = Field(
        default=(), description="money per start by hours off, instead of start_cost; hottest first"
    )
    must_run: bool = Field(default=False, description="on in every step")
    min_up_h: NonNegative = 0.0
    min_down_h: NonNegative = 0.0
    on_before_h: NonNegative = Field(default=0.0, description="hours it has been on at the start; 0 = off")
    off_before_h: NonNegative = Field(default=1000.0, description="hours it has been off at the start, if off")

    @property
    def units(self) -> int:
        """How many identical units a row stands for: on, start and stop count them."""
        return 1

    @property
    def on_before(self) -> int:
        """How many of them were on just before the start, where ``on_before_h`` says that it was on."""
        return self.units

    @property
    def asked(self) -> tuple[str, float] | None:
        """The series that it can be told to hold, and its rating [kW]; None: it has none."""
        rating = getattr(self, "max_kw", None)
        return None if rating is None else ("power_kw", float(rating))

    @property
    def structure(self) -> tuple[object, ...]:
        """Buses, minimum times and the hours of the start tiers."""
        return (*super().structure, self.min_up_h, self.min_down_h, tuple(self._tier_ends))

    @model_validator(mode="after")
    def _tiers(self) -> Self:
        if self.start_tiers and self.start_cost:
            raise ValueError("start_cost and start_tiers are two ways to say one thing: give one of them")
        ends, costs = self._tier_ends, [tier.cost for tier in self.start_tiers]
        if self.start_tiers and self.start_tiers[-1].below_off_h is not None:
            raise ValueError("the last of start_tiers has no below_off_h: it holds for every longer time off")
        if len(ends) != max(len(costs) - 1, 0) or ends != sorted(set(ends)) or costs != sorted(costs):
            raise ValueError(
                "start_tiers must rise in below_off_h and never fall in cost: a colder start is not cheaper"
            )
        return self

    @property
    def _tier_ends(self) -> list[float]:
        return [tier.below_off_h for tier in self.start_tiers if tier.below_off_h is not None]

    def start_money(self, off_h: Array) -> Array:
        """What a start costs after so many hours off."""
        if not self.start_tiers:
            return np.full(np.shape(off_h), self.start_cost)
        money = np.array([tier.cost for tier in self.start_tiers])
        return np.asarray(money[np.searchsorted(self._tier_ends, np.asarray(off_h) + 1e-9, side="right")])

    @property
    def cold_h(self) -> float:
        """Hours off after which a start costs the most; 0: every start costs the same."""
        return self._tier_ends[-1] if self._tier_ends else 0.0

    def before_start(self, inputs: Inputs, name: str) -> Any:
        """As of every asset; one that is out of service when the horizon begins has tripped, if it was on."""
        value = super().before_start(inputs, name)
        if not self.out_of_service or not self.stands(inputs.horizon)[0]:
            return value
        if name == "off_before_h" and super().before_start(inputs, "on_before_h") > 0:
            return 0.0
        return 0.0 if name in _TRIPPED else value

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Cost of a cold start, (row, step), and what each match saves of it, (match, 1)."""
        cold = np.array([float(member.start_money(np.array(np.inf))) for member in rows.members])
        matches = matched_starts.matches(rows, horizon)
        return {
            "start_cost": full(rows, horizon, np.tile(cold, rows.scenarios)[:, None]),
            "match_saves": matched_starts.savings(rows, matches.member, matches.lag_h)[:, None],
            "must_run": np.where(rows.standing(horizon), 0.0, rows.field("must_run") * rows.field("units")),
        }

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """State before the horizon, (row, 1), where it dictates u, (row, step), and what its stop saves, (match, 1)."""
        on_h, off_h = rows.state(inputs, "on_before_h"), rows.state(inputs, "off_before_h")
        starts, out = inputs.horizon.edge_h[:-1], rows.standing(inputs.horizon)
        early = (on_h <= 0) & (starts < rows.field("min_down_h") - off_h - 1e-9)
        # On/off decided elsewhere, which mode *given* reads; (name, "commitment") is there for all members or none.
        decided = all((m.name, "commitment") in inputs.series for m in rows.members)
        known = {"commitment": rows.series(inputs, "commitment")} if decided else {}
        if any((m.name, HOLDS_VOLTAGE) in inputs.series for m in rows.members):
            known[HOLDS_VOLTAGE] = holding(rows, inputs)
        row, step = matched_starts.warm_starts(rows, inputs.horizon)
        lag = off_h[row, 0] + starts[step]
        warm = matched_starts.savings(rows, row, lag) * (on_h[row, 0] <= 0)
        return {
            "was_on": cls.counted_before(rows, inputs),
            "must_on": ((on_h > 0) & (starts < rows.field("min_up_h") - on_h - 1e-9) & ~out).astype(float),
            "must_off": np.where(out, rows.field("units"), early),
            "warm_saves": warm[:, None],
            **known,
        }

    @classmethod
    def decide(cls, rows: Rows[Self], given: Given, mode: Mode) -> Decision:
        """On, start and stop with their logic; one row per decision, spread over scenarios where it is shared."""
        import cvxpy as cp

        single = Rows(rows.members, 1, rows.buses) if mode.shared else rows
        shape, decided = (single.count, given.horizon.steps), single.count
        units = full(single, given.horizon, single.field("units"))
        on = cp.Variable(shape, bounds=[0, units]) if mode.commitment == "given" else counted(units)
        start, stop = cp.Variable(shape, bounds=[0, units]), cp.Variable(shape, bounds=[0, units])
        constraints = [
            on - shifted(given["was_on"][:decided], on) == start - stop,
            *_minimum_times(single, given.horizon, (on, start, stop), mode),
            on >= given["must_on"][:decided],
            on >= given["must_run"][:decided],
            on <= units - given["must_off"][:decided],
        ]
        if mode.commitment == "given":
            constraints.append(on == given["commitment"][:decided])
        relaxable = {OFF_ALONE: on >= given[HOLDS_VOLTAGE][:decided]} if HOLDS_VOLTAGE in given else {}
        for held in relaxable.values():
            held.set_label("on to hold the voltage without a connection")
        constraints += relaxable.values()
        money, extra, matched = matched_starts.start_money(single, given, start, stop)
        spread = rows.spread if mode.shared and rows.scenarios > 1 else None
        parts = [(spread @ x) if spread is not None else x for x in (on, start, stop, money)]
        series = {"committed": on, "started": start, "stopped": stop}
        return Decision(parts[0], parts[1], parts[2], constraints + extra, parts[3], series, matched, relaxable)

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """Starts, stops and their matches, as the on/off pattern has them."""
        on = values["committed"]
        starts, stops = cls.pattern(rows, given, on)
        was_off = ~(rows.state(given, "on_before_h") > 0)
        first = starts & (np.cumsum(starts, axis=1) == 1) & (np.cumsum(stops, axis=1) == 0) & was_off
        found = matched_starts.matches(rows, given.horizon)
        between = np.cumsum(starts, axis=1) - starts  # starts before each step: a match spans none
        row = np.concatenate([found.member + s * len(rows.members) for s in range(rows.scenarios)])
        begin, end = np.tile(found.start, rows.scenarios), np.tile(found.stop, rows.scenarios)
        match = starts[row, begin] & stops[row, end] & (between[row, begin] == between[row, end])
        change = cls.changes(rows, given, on)
        started, stopped = np.where(starts, change, 0.0), np.where(stops, -change, 0.0)
        # Of one scenario, what is shown is the decision itself: a plan's own must not undo what has become of it.
        shown = {name: value for name, value in zip(_SHOWN, (on, started, stopped), strict=True) if name in values}
        values = values | shown | {"started": started, "stopped": stopped}
        return values | {
            "warm_start": first[matched_starts.warm_starts(rows, given.horizon)][:, None].astype(float),
            "match": match[:, None].astype(float),
        }

    @classmethod
    def counted_before(cls, rows: Rows[Self], given: Inputs) -> Array:
        """(row, 1) how many units were on just before the horizon."""
        return np.where(rows.state(given, "on_before_h") > 0, rows.state(given, "on_before"), 0.0)

    @classmethod
    def changes(cls, rows: Rows[Self], given: Inputs, on: Array) -> Array:
        """(row, step) by how many units more than in the step before are on."""
        return np.diff(np.hstack([cls.counted_before(rows, given), np.round(on)]), axis=1)

    @classmethod
    def pattern(cls, rows: Rows[Self], given: Inputs, on: Array) -> tuple[np.ndarray, np.ndarray]:
        """(row, step) whether it starts and whether it stops, read off the on/off pattern."""
        change = cls.changes(rows, given, on)
        return change > 0, change < 0

    @classmethod
    def check_commitment(cls, rows: Rows[Self], given: Inputs, on: Array, started: Array) -> list[Violation]:
        """Whole numbers, minimum times walked along the clock, must-run, islands, and no start that is not counted."""
        starts, stops = cls.pattern(rows, given, on)
        out = rows.standing(given.horizon)
        return [
            *breaches(rows.names, "on although it is out of service", on * out, 0.0, "-"),
            *breaches(rows.names, "on/off is not 0 or 1", np.abs(on - np.round(on)), 0.0, "-"),
            *breaches(rows.names, "more on than there are", on, rows.field("units"), "-"),
            *breaches(
                rows.names,
                "off although it must run",
                np.where(out, 0.0, np.maximum(rows.field("must_run") * rows.field("units") - on, 0)),
                0.0,
                "-",
            ),
            *breaches(rows.names, OFF_ALONE, holding(rows, given) - on, 0.0, "-"),
            *_short_runs(rows, starts, stops, given),
            *mistakes(
                rows.names, "start not counted", np.where(starts, cls.changes(rows, given, on), 0.0) - started, 0.0, "-"
            ),
        ]

    @classmethod
    def counted_starts(cls, rows: Rows[Self], given: Inputs, on: Array) -> Array:
        """(row,) money of all starts: hours off walked along the clock, priced one by one."""
        starts, stops = cls.pattern(rows, given, on)
        members, clock = rows.members * rows.scenarios, given.horizon.edge_h
        since, change = -rows.state(given, "off_before_h")[:, 0], cls.changes(rows, given, on)
        money = np.zeros(rows.count)
        for row, step in np.argwhere(starts | stops):
            if stops[row, step]:
                since[row] = clock[step]
            else:
                money[row] += change[row, step] * float(members[row].start_money(np.array(clock[step] - since[row])))
        return money

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """Hours on or off after the first ``steps`` steps of scenario 0."""
        members, on = len(rows.members), np.round(series["on"])
        state, hours = on[:members, :steps] > 0.5, given.horizon.hours[:steps]
        before = np.where(rows.state(given, "on_before_h") > 0, rows.state(given, "on_before_h"), 0.0)[:members, 0]
        off = rows.state(given, "off_before_h")[:members, 0]
        out = {}
        for position, name in enumerate(rows.names[:members]):
            last = state[position, -1]
            changes = np.flatnonzero(state[position] != last)
            lasting = hours[changes[-1] + 1 if changes.size else 0 :].sum()
            if not changes.size and (before[position] > 0) == last:
                lasting += before[position] if last else off[position]
            on_h, off_h = (float(lasting), 0.0) if last else (0.0, float(lasting))
            out[name] = {"on_before_h": on_h, "off_before_h": off_h}
        return out


def _minimum_times(
    single: Rows[Any], horizon: Horizon, states: tuple[Any, Any, Any], mode: Mode
) -> list[cp.Constraint]:
    """How long it stays on or off at least; in the plain form one row per start or stop, over all steps after it."""
    import cvxpy as cp

    on, start, stop = (cp.vec(state, order="C") for state in states)
    units = full(single, horizon, single.field("units")).ravel()
    windows = {x: window(single.field(f"min_{x}_h"), horizon) for x in ("up", "down")}
    if mode.formulation == "tight":
        return [windows["up"] @ start <= on, windows["down"] @ stop <= units - on]
    after = {x: mask.T.tocsr() for x, mask in windows.items()}  # of a step, those that it still binds
    lasts = {x: np.asarray(mask.sum(axis=1)).ravel() for x, mask in after.items()}
    return [
        start <= on,
        stop <= units - on,
        after["up"] @ on >= cp.multiply(lasts["up"], start),
        after["down"] @ (units - on) >= cp.multiply(lasts["down"], stop),
    ]


def holding(rows: Rows[Any], given: Inputs) -> Array:
    """(row, step) 1 where a unit holds the voltage of an island, as the park's file says."""
    nobody = np.zeros((1, given.horizon.steps))
    each = [given.series.get((member.name, HOLDS_VOLTAGE), nobody) for member in rows.members]
    return np.tile(np.vstack(each), (rows.scenarios, 1))


def counted(units: Array) -> cp.Variable:
    """(row, step) whole numbers from 0 to ``units``."""
    import cvxpy as cp

    if (units == 1).all():
        return cp.Variable(units.shape, boolean=True)
    return cp.Variable(units.shape, integer=True, bounds=[np.zeros(units.shape), units])


def later(stop: Any) -> Any:
    """(row, step) what happens one step later; nothing beyond the horizon."""
    import scipy.sparse as sp

    return stop @ sp.eye_array(stop.shape[1], k=-1, format="csr")


def window(length_h: Array, horizon: Horizon) -> csr_array:
    """(row·step, row·step) ones where step τ lies at most ``length_h`` before the start of step t (τ ≤ t)."""
    from scipy.sparse import csr_array

    starts, steps = horizon.edge_h[:-1], horizon.steps
    earliest = starts - np.maximum(length_h, horizon.hours.min() / 2) + 1e-9
    first = np.searchsorted(starts, earliest, side="right")
    own = steps * np.arange(length_h.shape[0])[:, None]
    at, tau = spans((own + first).ravel(), (own + np.arange(1, steps + 1)).ravel())
    size = length_h.shape[0] * steps
    return csr_array((np.ones(at.size), (at, tau)), shape=(size, size))


def _short_runs(rows: Rows[Any], started: np.ndarray, stopped: np.ndarray, given: Inputs) -> list[Violation]:
    """Runs and pauses that end before their minimum time, walked along the clock."""
    clock, out = given.horizon.edge_h, rows.standing(given.horizon)
    found: list[Violation] = []
    for what, begins, ends, least, history in (
        ("minimum up time", started, stopped, "min_up_h", "on_before_h"),
        ("minimum down time", stopped, started, "min_down_h", "off_before_h"),
    ):
        shortest, since = rows.field(least)[:, 0], -rows.state(given, history)[:, 0]
        for step in range(begins.shape[1]):
            length = clock[step] - since
            # Nothing can keep a plant on that is out of service.
            late = np.flatnonzero(ends[:, step] & (length < shortest - 1e-6) & ~out[:, step])
            found += [
                Violation(rows.names[r], what, step, float(length[r]), float(shortest[r]), "h", among=begins.shape[1])
                for r in late
            ]
            since = np.where(begins[:, step], clock[step], since)
    return found
