"""Plans of one length, again and again on one compiled problem, with honest ends.

The end of a window is no end of the world. Two ways to say so:

* ``value``: what a store holds at the end is worth v per kWh, so a plan neither empties it for nothing nor hoards.
  −v · e_T is, but for a constant, v · (e_max − e_T): a wish for a full store that costs v per kWh missing, which is how
  the stores' own equations take it. v is what a kWh saves or becomes at mean prices (stored_value.store_values), less
  the wear of discharging it. Stores that no price reaches keep to their band.
* ``band``: the wish for the end that the park's file has, its level at the start unless it says otherwise.

A peak that is paid anyway is free to use up to it, and a plan that does is passed by any error of its forecast, at the
price of a month's demand. ``peak_margin_kw`` keeps plans below; what is billed does not change.

What is to be delivered of a product over the horizon is planned by the day: within a window it could always wait for
the window's end, which the next plan moves on, so that it would never be delivered.

A share that is wished for by the day is held over each window: a window has no whole days. So is a cap on emissions, at
what is left of it (:mod:`dispatch.accounts.carbon_carry`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from dispatch.accounts.carbon_carry import left_kg
from dispatch.asset import Asset, Inputs, Mode
from dispatch.assets.product_offtake import ProductOfftake
from dispatch.audit import audit
from dispatch.carbon_wanted.settings import ACCOUNT
from dispatch.carbon_wanted.wishes import EmissionsWish
from dispatch.errors import SolveError
from dispatch.fed import PREFIX
from dispatch.ladder.climb import climb
from dispatch.planning.stored_value import store_values, unvalued
from dispatch.problem import Problem
from dispatch.replay.case import Case
from dispatch.replay.pieces import State
from dispatch.replay.plant import Decisions, decisions, obeyed
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import FillWish, Site, wish_names
from dispatch.solve import solve
from dispatch.solver.highs import Answer, Limits, Matrices
from dispatch.solver.highs import run as search
from dispatch.stores.stock import Storage

_DAYS = 7
_PEAKS = ("month_to_date_peak_kw", "expected_peak_kw")
_OF_THE_PROBLEM = ("optimal", "incumbent", "convex_recovery")
PUBLISHED = ("charge_kw", "discharge_kw", "committed")
"""Decisions that a published plan ties: powers of stores, on/off of units. The rest follows what comes."""


@dataclass(frozen=True)
class Planned:
    """One plan.

    Attributes:
        decisions: from the window's first step on.
        quality: rung of the ladder.
        objective: what the plan minimised; NaN where the rung is none of the problem itself.
        gap: proved, relative; NaN likewise.
        seconds: to plan, compile left out; never part of a result.
    """

    schedule: Schedule
    decisions: Decisions
    quality: str
    objective: float
    gap: float
    seconds: float


@dataclass
class Planner:
    """Plans windows; compiles once per month at most, when what stores are worth has moved.

    Attributes:
        compiled, compile_s: how often a problem was compiled, and how long that took.
        previous: the plan before, which the ladder falls back on; each day begins without one, so that a replay which
            goes on from a day does as if it had not stopped.
    """

    case: Case
    compiled: int = 0
    compile_s: float = 0.0
    previous: Schedule | None = None
    _problem: Problem | None = None
    _worth: Mapping[str, float] = field(default_factory=dict)

    @property
    def limits(self) -> Limits:
        """The gap that the park's file asks for."""
        return Limits(gap=self.case.site.planning.gap)

    def plan(self, horizon: Horizon, series: Mapping[tuple[str, str], Array], weights: Array, state: State) -> Planned:
        """The best plan for the window: the first rung of the ladder that passes the audit."""
        began, compiling = time.perf_counter(), self.compile_s
        problem = self._with(horizon, series, weights, state)
        found = self.previous = climb(problem, self.limits, last_good=self.previous).schedule
        quality = found.proof.quality
        of_the_problem = quality in _OF_THE_PROBLEM
        objective, gap = (found.proof.objective, found.proof.gap) if of_the_problem else (float("nan"), float("nan"))
        seconds = time.perf_counter() - began - (self.compile_s - compiling)
        return Planned(found, decisions(problem, found), quality, objective, gap, seconds)

    def pinned(self, planned: Decisions) -> Planned | None:
        """The published plan under the data of the last call: tied where it reaches, free beyond; None: impossible."""
        problem = self._problem
        if problem is None:
            raise ValueError("nothing has been planned yet")
        began = time.perf_counter()
        try:
            found = solve(problem, self.limits, run=partial(_tied, ties=_ties(problem, planned)))
        except SolveError:
            return None
        if not audit(found).passed:
            return None
        proof, seconds = found.proof, time.perf_counter() - began
        return Planned(found, decisions(problem, found), proof.quality, proof.objective, proof.gap, seconds)

    def _with(self, horizon: Horizon, series: Mapping[tuple[str, str], Array], weights: Array, state: State) -> Problem:
        """The compiled problem with the window's data."""
        margin_kw = self.case.site.planning.rolling.peak_margin_kw
        fetched = {asset for asset, quantity in series if quantity.startswith(PREFIX)}
        known = self.case.site.known_series(horizon, but=fetched) | dict(series)
        inputs = Inputs(horizon, weights.size, known, below_peak(state, margin_kw))
        worth = store_worth(self.case, horizon)
        fits = self._problem is not None and np.array_equal(self._problem.horizon.hours, horizon.hours)
        if self._problem is None or not fits or worth != self._worth:
            began = time.perf_counter()
            planning = self.case.site.planning
            mode = Mode(planning.commitment, formulation=planning.formulation)
            self._problem, self._worth = Problem(with_ends(self.case, worth), inputs, mode), worth
            self.compiled, self.compile_s = self.compiled + 1, self.compile_s + time.perf_counter() - began
        self._problem.update(inputs, weights=weights, caps=self._caps(self._problem.site, horizon, state))
        return self._problem

    def _caps(self, planned: Site, horizon: Horizon, state: State) -> dict[str, Array]:
        """By the name that a cap has on the site as it is planned, what is left to emit in the window."""
        out: dict[str, Array] = {}
        end_h = float(self.case.span.edge_h[-1])
        gone_h = float((horizon.edges[0] - self.case.span.edges[0]) / np.timedelta64(1, "s")) / 3600
        for wish, names in zip(self.case.site.wishes, wish_names(planned.wishes), strict=True):
            if isinstance(wish, EmissionsWish):
                out[names[0]] = np.array([left_kg(wish, horizon, state.get(ACCOUNT, {}), end_h - gone_h)])
        return out


def below_peak(state: State, margin_kw: float) -> State:
    """The state with peaks so far and to come less the margin: a plan that uses all of one is passed by any error."""
    return {
        asset: {n: max(v - margin_kw, 0.0) if n.startswith(_PEAKS) else v for n, v in of.items()}
        for asset, of in state.items()
    }


def _less(peak_kw: float | Mapping[str, float], margin_kw: float) -> float | dict[str, float]:
    """A peak, or one by component, lowered by the margin."""
    if isinstance(peak_kw, Mapping):
        return {name: max(value - margin_kw, 0.0) for name, value in peak_kw.items()}
    return max(peak_kw - margin_kw, 0.0)


def store_worth(case: Case, horizon: Horizon) -> dict[str, float]:
    """Money per kWh held, by store, at the mean published price of the first days of the month that the window is in.

    To four digits: what differs by less does not compile a problem anew.
    """
    if case.site.planning.rolling.ends == "band":
        return {}
    month = horizon.month[0]
    known = next((a for a, _ in case.months if case.span.month[a] == month), 0)
    steps = min(round(_DAYS * 24 * 3600 / case.step_s), case.span.steps - known)
    return _worth(case.site, case.window(known, steps))


def store_values_of(case: Case) -> dict[str, float]:
    """Money per kWh held that all methods' stores are valued with, whatever their plans thought of ends."""
    steps = min(round(_DAYS * 24 * 3600 / case.step_s), case.span.steps)
    return _worth(case.site, case.window(0, steps))


def not_valued(case: Case) -> str:
    """Which stores' contents count nothing in :func:`store_values_of`, and why; empty where none."""
    horizon = case.window(0, min(round(_DAYS * 24 * 3600 / case.step_s), case.span.steps))
    found = unvalued(case.site, Inputs(horizon, 1, case.site.known_series(horizon)))
    return "; ".join(f"content of {store} not valued: no price reaches {bus}" for store, bus in found.items())


def _worth(site: Site, horizon: Horizon) -> dict[str, float]:
    values = store_values(site, Inputs(horizon, 1, site.known_series(horizon)))
    wear = {a.name: a.wear_cost_per_kwh * a.discharge_efficiency for a in site.assets if isinstance(a, Storage)}
    return {n: float(f"{max(v - wear[n], 0.0) * site.objective.money:.4g}") for n, v in values.items()}


def with_ends(case: Case, worth: Mapping[str, float], *, by_window: bool = True) -> Site:
    """The site as it is planned: stores with their value at the end, wishes over a window that has no whole days."""
    assets: list[Asset] = []
    rolling = case.site.planning.rolling
    for asset in case.site.assets:
        peak_kw = getattr(asset, "expected_peak_kw", None)
        if by_window and peak_kw:
            assets.append(asset.model_copy(update={"expected_peak_kw": _less(peak_kw, rolling.peak_margin_kw)}))
        elif by_window and isinstance(asset, ProductOfftake) and asset.over == "horizon":
            assets.append(asset.model_copy(update={"over": "day"}))
        elif getattr(asset, "at_end", None) == "cyclic":
            # What vehicles hold at the start of a span is a fact, the same for every way to run the park; the executed
            # path owes nothing at its end but leaving in time, so a bound on it must not either.
            assets.append(asset.model_copy(update={"at_end": "as_at_start" if by_window else "in_time"}))
        elif not isinstance(asset, Storage):
            assets.append(asset)
        elif asset.name in worth:
            changes = {"end_fill_min": asset.max_fill, "end_penalty_per_kwh": worth[asset.name]}
            assets.append(asset.model_copy(update=changes))
        else:
            wished = asset.start_fill if asset.end_fill_min is None else asset.end_fill_min
            assets.append(asset.model_copy(update={"end_fill_min": wished}))
    wishes = tuple(
        w.model_copy(update={"over": "horizon"}) if by_window and not isinstance(w, FillWish) else w
        for w in case.site.wishes
    )
    return case.site.model_copy(update={"assets": tuple(assets), "wishes": wishes})


def _ties(problem: Problem, planned: Decisions) -> tuple[np.ndarray, Array]:
    """Columns of published decisions and the values they are held at: what they come to from the present state."""
    reach = next((v.shape[1] for by in planned.values() for v in by.values()), 0)
    padded = {
        kind: {n: np.pad(v, ((0, 0), (0, problem.horizon.steps - v.shape[1])), mode="edge") for n, v in by.items()}
        for kind, by in planned.items()
    }
    columns, values = [np.zeros(0, int)], [np.zeros(0)]
    for kind, by in _obeyed_once(problem, padded).items():
        for name in (n for n in PUBLISHED if n in by and n in problem.decisions(kind)):
            members = len(problem.rows[kind].members)
            columns.append(problem.compiled.columns(problem.variable(kind, name))[:members, :reach].ravel())
            values.append(np.asarray(by[name])[:members, :reach].ravel())
    return np.concatenate(columns), np.concatenate(values)


def _obeyed_once(problem: Problem, planned: Mapping[str, Mapping[str, Array]]) -> Mapping[str, Mapping[str, Array]]:
    """As :func:`obeyed`, with scenario 0 in all scenarios' rows."""
    rows = problem.scenarios
    return obeyed(problem, {k: {n: np.tile(v, (rows, 1)) for n, v in by.items()} for k, by in planned.items()})


def _tied(
    matrices: Matrices,
    limits: Limits,
    *,
    ties: tuple[np.ndarray, Array],
    also_integer: np.ndarray | None = None,
    start: Array | None = None,
) -> Answer:
    lower, upper = matrices.col_lower.copy(), matrices.col_upper.copy()
    lower[ties[0]] = upper[ties[0]] = ties[1]
    held = replace(matrices, col_lower=lower, col_upper=upper)
    return search(held, limits, also_integer=also_integer, start=start)
