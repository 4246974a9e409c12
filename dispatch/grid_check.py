"""The proof on the network: AC power flow of every step, violations turned into linear limits, solved again.

Loop: schedule → AC (batch engine) → violations → linear limits at the AC point as parameter data → schedule …, until
there is no violation or nothing more can be gained; then the reference engine solves the chosen plan step by step.

A limit that the park hardly moves is given up, so that a plan is not bent for a violation that others cause: it stays
reported, but no longer steers. Only schedules that pass the audit count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from dispatch.audit import audit
from dispatch.errors import SolveError
from dispatch.problem import NetworkLimits, Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.solve import solve

if TYPE_CHECKING:
    from grid_models.injections import Injections
    from grid_models.limits import Breach, Limits, LinearLimits
    from grid_models.network import Network
    from grid_models.power_flow import Flows

SLOTS = 4
_MOST_ROUNDS = 6
_TOLERANCE_PU = 1e-4
_EXCESS_KW = 1e-3
# A limit is given up where all that the park does brings it less than this share of the way.
_WORTH_WHILE = 0.1

_Key = tuple[int, int, int]  # kind, element, step


@dataclass(frozen=True)
class GridProof:
    """Outcome of the loop.

    Attributes:
        flows: AC solution of the final plan by the reference engine.
        breaches: violations left, steps without a solution first, then worst first.
        before: number of violations of the first plan.
        rounds: how often the plan was solved.
        engine_gap_pu: largest voltage difference between batch and reference engine; NaN if no step has a solution.
        limits: what voltages and loadings were held against.
        stopped: why the loop ended with violations left; empty if it left none.
    """

    flows: Flows
    breaches: tuple[Breach, ...]
    before: int
    rounds: int
    engine_gap_pu: float
    limits: Limits
    stopped: str = ""


@dataclass(frozen=True)
class _Trial:
    """A schedule and what the network says about it."""

    schedule: Schedule
    injections: Injections
    flows: Flows
    found: Sequence[Breach]


@dataclass(frozen=True)
class _Loop:
    """The network of one proof, and what the rounds have learned about it."""

    site: Site
    network: Network
    neighbours: Injections | None
    limits: Limits
    given_up: set[_Key] = field(default_factory=set)
    reach_kw: dict[int, float] = field(default_factory=dict)  # step → most that a limit was moved there in vain

    def check(self, schedule: Schedule) -> _Trial:
        """The schedule on the batch engine."""
        from grid_models.limits import violations
        from grid_models.power_flow import solve_batch

        injections = _injections(self.site, schedule)
        flows = solve_batch(self.network, injections, self.neighbours)
        return _Trial(
            schedule,
            injections,
            flows,
            violations(self.network, flows, self.limits, tolerance_pu=_TOLERANCE_PU),
        )

    def mendable(self, trial: _Trial) -> list[Breach]:
        """Violations that limits may still be made of."""
        return [b for b in trial.found if b.kind != "no_solution" and self._key(b) not in self.given_up]

    def rows(self, first: _Trial, last: _Trial, previous: LinearLimits | None) -> LinearLimits:
        """Limits around the last trial, without those out of reach by what earlier rounds have moved."""
        while True:
            rows = self._linear(last, previous)
            needed = _used(rows, first) - rows.bound
            far = {
                key
                for key, (k, t) in _places(rows)
                if t in self.reach_kw and self.reach_kw[t] < _WORTH_WHILE * needed[k, t]
            }
            if not far:
                return rows
            self.given_up.update(far)

    def learn(self, rows: LinearLimits, first: _Trial, last: _Trial) -> bool:
        """Give up the limits that the new schedule is hardly nearer to than the first; true if there are any."""
        needed = _used(rows, first) - rows.bound
        moved = _used(rows, first) - _used(rows, last)
        left = {self._key(breach) for breach in last.found}
        lost = {
            key: (t, float(moved[k, t]))
            for key, (k, t) in _places(rows)
            if key in left and needed[k, t] > 0 and moved[k, t] < _WORTH_WHILE * needed[k, t]
        }
        for t, gained in lost.values():
            self.reach_kw[t] = max(self.reach_kw.get(t, 0.0), gained)
        self.given_up.update(lost)
        return bool(lost)

    def best(self, trials: Sequence[_Trial]) -> _Trial:
        """Fewest steps without a solution, then the smallest violations within reach, then the cheapest."""

        def rank(trial: _Trial) -> tuple[int, float, float]:
            unsolved = int((~trial.flows.converged).sum())
            over = sum(b.margin / b.limit for b in self.mendable(trial))
            return unsolved, round(over, 4), _cost(self.site, trial.schedule)

        return min(trials, key=rank)

    def _linear(self, trial: _Trial, previous: LinearLimits | None) -> LinearLimits:
        from grid_models.limits import linear_limits

        if previous is not None:
            kind = previous.kind.copy()
            for key, place in _places(previous):
                kind[place] = -1 if key in self.given_up else kind[place]
            previous = replace(previous, kind=kind)
        nodes = trial.injections.bus
        # Only dispatchable power moves when limits bind, and it runs at unity power factor.
        return linear_limits(
            self.network,
            trial.injections,
            self.neighbours,
            trial.flows,
            self.mendable(trial),
            nodes,
            SLOTS,
            previous=previous,
            kvar_per_kw=np.zeros(len(nodes)),
        )

    def _key(self, breach: Breach) -> _Key:
        """As in the rows: buses that closed switches make one count as the first of them."""
        from grid_models.limits import KINDS

        if breach.kind == "branch_loading":
            element = int(self.network.branch_index([breach.element])[0])
        elif breach.kind == "no_solution":
            element = -1
        else:
            fused = self.network.ac.bus_node
            element = int(np.flatnonzero(fused == fused[self.network.bus_index([breach.element])[0]])[0])
        return KINDS.index(breach.kind), element, breach.step


def prove(
    site: Site,
    problem: Problem,
    schedule: Schedule,
    network: Network,
    progress: Callable[[str], None] = lambda _: None,
    again: Callable[[Problem], Schedule] | None = None,
) -> tuple[Schedule, GridProof]:
    """A schedule that holds on the network, or the best one found with what is left to mend.

    Args:
        again: solves under the limits that were found; a SolveError of it ends the loop. Default: ``solve``.
        schedule: one that passes the audit; it comes back where nothing better is found.
    """
    from grid_models.limits import Limits, violations
    from grid_models.power_flow import solve_reference

    assert site.grid is not None
    limits = Limits.of(network, voltage_min_pu=site.grid.voltage_min_pu, voltage_max_pu=site.grid.voltage_max_pu)
    loop = _Loop(site, network, _neighbours(site, network, schedule.inputs.horizon), limits)
    trials = [loop.check(schedule)]
    stopped = _improve(loop, problem, trials, progress, again or solve)
    chosen = loop.best(trials)
    progress("checking every step with the reference engine")
    reference = solve_reference(network, chosen.injections, loop.neighbours)
    left = tuple(violations(network, reference, limits, tolerance_pu=_TOLERANCE_PU))
    apart = np.abs(reference.vm_pu - chosen.flows.vm_pu)
    gap = float(np.nanmax(apart)) if np.isfinite(apart).any() else float("nan")
    proof = GridProof(reference, left, len(trials[0].found), len(trials), gap, limits, stopped if left else "")
    return _relaxed(chosen.schedule), proof


def _improve(
    loop: _Loop,
    problem: Problem,
    trials: list[_Trial],
    progress: Callable[[str], None],
    again: Callable[[Problem], Schedule],
) -> str:
    """Solve again under limits until nothing is left to mend; adds to ``trials``, returns why it stopped."""
    rows: LinearLimits | None = None
    bent = False  # the last plan was bent by limits that have been given up since
    while bent or loop.mendable(trials[-1]):
        if len(trials) == _MOST_ROUNDS:
            return f"no plan without violations within {_MOST_ROUNDS} rounds"
        rows = loop.rows(trials[0], trials[-1], rows)
        if not bent and not _places(rows):
            break
        progress(f"network round {len(trials)}: {len(trials[-1].found)} violations, solving again")
        problem.update(limits=_by_site_bus(loop.site, rows))
        try:
            schedule = again(problem)
        except SolveError as error:
            return str(error)
        if not (found := audit(schedule)).passed:
            return f"audit: {found.violations[0]}"
        trials.append(loop.check(schedule))
        bent = loop.learn(rows, trials[0], trials[-1])
        if not bent and np.allclose(trials[-1].injections.p_kw, trials[-2].injections.p_kw, atol=_EXCESS_KW):
            break
    if not trials[-1].flows.converged.all():
        return "steps without an AC solution give no limits to plan by"
    return "nothing within this park's reach mends what is left"


def _places(rows: LinearLimits) -> list[tuple[_Key, tuple[int, int]]]:
    """The rows in use: what they limit, and their slot and step."""
    return [
        ((int(rows.kind[k, t]), int(rows.element[k, t]), int(t)), (int(k), int(t)))
        for k, t in np.argwhere(rows.kind >= 0)
    ]


def _used(rows: LinearLimits, trial: _Trial) -> Array:
    """(slot, step) left-hand sides of the limits [kW]."""
    return np.asarray((rows.coefficient * trial.injections.p_kw).sum(axis=1))


def _by_site_bus(site: Site, rows: LinearLimits) -> NetworkLimits:
    """The limits for the problem, which knows the site's buses: those on one network bus share its coefficient."""
    assert site.grid is not None
    at = [rows.buses.index(node) for node in site.grid.bus_of.values()]
    return NetworkLimits(rows.coefficient[:, at], rows.bound)


def _cost(site: Site, schedule: Schedule) -> float:
    """What the objective counts, but for what it pays for limits."""
    wanted, hours = site.objective, schedule.inputs.horizon.hours
    limits = wanted.limit_penalty_per_kwh * (schedule.limit_excess_kw @ hours)
    carbon = wanted.carbon_price_per_t / 1000 * schedule.co2_kg
    return float(schedule.weights @ (wanted.money * schedule.money + carbon + schedule.penalty - limits))


def _relaxed(schedule: Schedule) -> Schedule:
    """The schedule on its rung: where the published path passes a limit, the limit was relaxed."""
    over = schedule.limit_excess_kw[0]
    if not (over > _EXCESS_KW).any():
        return schedule
    steps = int((over > _EXCESS_KW).sum())
    text = f"network limits in {steps} of {over.size} steps, by up to {over.max():.4g} kW"
    quality = "relaxed" if schedule.proof.quality in ("optimal", "incumbent") else schedule.proof.quality
    return replace(schedule, proof=replace(schedule.proof, quality=quality, relaxed=(*schedule.proof.relaxed, text)))


def _neighbours(site: Site, network: Network, horizon: Horizon) -> Injections | None:
    """The other customers at the park's standard time, in which their profiles of 2016 are written."""
    import pandas as pd

    if site.grid is None or not site.grid.neighbours:
        return None
    return network.background(pd.DatetimeIndex([_standard(t) for t in horizon.local_start]), horizon.hours)


def _standard(start: datetime) -> datetime:
    """The clock without daylight saving, so that a profile's noon is the sun's on every day."""
    # The lesser of the winter and summer offsets: tzinfo.dst() is negative in some zones (Europe/Dublin).
    seasons = [datetime(start.year, month, 1, tzinfo=start.tzinfo).utcoffset() or timedelta(0) for month in (1, 7)]
    return start.astimezone(UTC).replace(tzinfo=None) + min(seasons)


def _injections(site: Site, schedule: Schedule) -> Injections:
    """Net power of the site's assets by network bus, reactive by each asset's power factor."""
    from grid_models.injections import Injections

    assert site.grid is not None
    buses, nodes = tuple(site.grid.bus_of), tuple(dict.fromkeys(site.grid.bus_of.values()))
    # Site buses that stand on one network bus add up.
    onto = np.array([[float(site.grid.bus_of[bus] == node) for bus in buses] for node in nodes])
    return Injections(nodes, onto @ schedule.injection_kw(buses), onto @ _reactive(schedule, buses))


def _reactive(schedule: Schedule, buses: tuple[str, ...]) -> Array:
    """(bus, step) reactive injection [kvar]: minus what the assets draw."""
    out = np.zeros((len(buses), schedule.inputs.horizon.steps))
    for solved in schedule.kinds.values():
        if type(solved.rows.members[0]).is_network:
            continue
        names = solved.rows.buses
        factor = np.array([member.kvar_per_kw for member in solved.rows.members] * solved.rows.scenarios)
        for port, power in solved.power_kw.items():
            for position, name in enumerate(buses):
                here = (solved.rows.scenario == 0) & (solved.bus[port] % len(names) == names.index(name))
                out[position] += factor[here] @ power[here]
    return out
