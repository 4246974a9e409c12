"""The proof on the network: AC power flow of every step, violations turned into linear limits, solved again.

Loop: schedule → AC (batch engine) in every state of the network → violations → linear limits at the AC point as
parameter data → schedule …, until there is no violation or nothing more can be gained; then the reference engine solves
the chosen plan step by step. States are the intact network, each branch out that the site names, and the island while
its connection is planned out. Where the park pays for losses, every round adds their tangent at its AC point.

A limit that the park hardly moves is given up, so that a plan is not bent for a violation that others cause: it stays
reported, but no longer steers. Only schedules that pass the audit count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.audit import audit
from dispatch.errors import SolveError
from dispatch.network.asked import SLOTS, kept_rounds, slots, states
from dispatch.network.certificate import certified
from dispatch.network.injections import every_scenario, neighbours
from dispatch.network.proof import LOSS_SHARE, GridProof
from dispatch.network.settling import settle
from dispatch.network.states import State, Trial, loading_only, places
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.terms.network import LossTangent, NetworkLimits

if TYPE_CHECKING:
    from grid_models.injections import Injections
    from grid_models.limits import Breach, LinearLimits
    from grid_models.network import Network

__all__ = ["SLOTS", "GridProof", "broken", "hold", "prove", "slots"]

_MOST_ROUNDS = 6
_EXCESS_KW = 1e-3
_LEAST_LOSS_KW = 0.1


@dataclass(frozen=True)
class _Round:
    """A schedule and what the network says about it, state by state.

    Attributes:
        published: on the published path.
        trials: with each step in the scenario that is worst there; what the loop mends.
        injections: of all scenarios, one after the other; two plans with the same are one.
    """

    schedule: Schedule
    published: tuple[Trial, ...]
    trials: tuple[Trial, ...]
    injections: Injections

    @property
    def found(self) -> int:
        """How many violations."""
        return sum(len(trial.found) for trial in self.trials)


@dataclass(frozen=True)
class _Loop:
    """The states of one proof."""

    site: Site
    states: tuple[State, ...]

    def check(self, schedule: Schedule) -> _Round:
        """The schedule on the batch engine, in every state and scenario."""
        published = tuple(state.check(schedule) for state in self.states)
        worst = tuple(state.worst(schedule, trial) for state, trial in zip(self.states, published, strict=True))
        return _Round(schedule, published, worst, every_scenario(self.site, schedule))

    def mendable(self, made: _Round) -> bool:
        """Whether limits may still be made of any violation."""
        return any(state.mendable(trial) for state, trial in zip(self.states, made.trials, strict=True))

    def rows(self, first: _Round, last: _Round, previous: Sequence[LinearLimits | None]) -> list[LinearLimits]:
        """Limits around the last round, state by state."""
        each = zip(self.states, first.trials, last.trials, previous, strict=True)
        return [state.rows(one, other, rows) for state, one, other, rows in each]

    def learn(self, rows: Sequence[LinearLimits], first: _Round, last: _Round) -> bool:
        """Whether any state gives up a limit, now that the park has tried."""
        each = zip(self.states, rows, first.trials, last.trials, strict=True)
        given_up = [state.learn(own, one, other) for state, own, one, other in each]
        return any(given_up)

    def best(self, rounds: Sequence[_Round]) -> _Round:
        """Fewest steps without a solution, smallest violations within reach, losses paid for, then the cheapest."""

        def rank(made: _Round) -> tuple[int, float, float, float]:
            pairs = list(zip(self.states, made.trials, strict=True))
            unsolved = sum(state.unsolved(trial) for state, trial in pairs)
            over = sum(b.margin / b.limit for state, trial in pairs for b in state.mendable(trial))
            unpaid = self.unpaid(made)
            return unsolved, round(over, 4), round(unpaid, 2) if unpaid > LOSS_SHARE else 0.0, _cost(self.site, made)

        return min(rounds, key=rank)

    def unpaid(self, made: _Round) -> float:
        """Share of the losses that the plan's own differ by; 0 where it pays for none."""
        planned, hours = made.schedule.loss_kw, made.schedule.inputs.horizon.hours
        if planned is None:
            return 0.0
        real = made.published[0].flows.losses_kw
        counts = np.isfinite(real) & self.states[0].steps
        apart = np.abs(planned[0] - real)[counts] @ hours[counts]
        return float(apart / max(np.abs(real[counts]) @ hours[counts], _LEAST_LOSS_KW * hours.sum()))

    def tangent(self, made: _Round) -> LossTangent | None:
        """Of the losses, around the round's AC point; None where nobody pays for them."""
        if made.schedule.loss_kw is None:
            return None
        state, trial = self.states[0], made.published[0]
        there = trial.flows.converged & state.steps
        onto = self._onto(trial.injections.bus)
        by_kw, by_kvar = (np.where(there, onto @ values, 0.0) for values in state.losses(trial))
        loss = np.where(there, trial.flows.losses_kw, 0.0)
        buses = tuple(self.site.grid.bus_of) if self.site.grid else ()
        point = made.schedule.injection_kw(buses), made.schedule.injection_kvar(buses)
        return LossTangent(loss, by_kw, by_kvar, point[0], point[1])

    def _onto(self, nodes: Sequence[str]) -> Array:
        """(site bus, network bus) 1 where the one stands on the other; site buses on one network bus share it."""
        assert self.site.grid is not None
        on = self.site.grid.bus_of.values()
        return np.array([[float(node == own) for node in nodes] for own in on]).reshape(len(on), len(nodes))

    def limits(self, rows: Sequence[LinearLimits], earlier: Sequence[Sequence[LinearLimits]] = ()) -> NetworkLimits:
        """The limits for the problem, which knows the site's buses; one that is not supplied moves nothing.

        Those on currents stay from earlier rounds too, as far as there is room.
        """
        kw, kvar, bound, limited = [], [], [], []
        room = kept_rounds(self.site)
        kept = [
            (state, loading_only(own, state.given_up))
            for before in list(earlier)[-room:]
            for state, own in zip(self.states, before, strict=True)
            if room
        ]
        for state, own in (*zip(self.states, rows, strict=True), *kept):
            onto = self._onto(own.buses)
            kw.append(np.einsum("bn,knt->kbt", onto, own.coefficient))
            kvar.append(np.einsum("bn,knt->kbt", onto, own.coefficient_kvar))
            bound.append(own.bound)
            limited.append(state.limited(own))
        made = NetworkLimits(*(np.concatenate(each) for each in (kw, bound, kvar, limited)))
        return made.widened(slots(self.site))


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
        problem: with room for ``slots(site)`` linear limits per step.
        again: solves under the limits that were found; a SolveError of it ends the loop. Default: ``solve``.
        schedule: one that passes the audit; it comes back where nothing better is found.

    Raises:
        GridError: the network has no bus or branch of a name that the site's file gives.
    """
    horizon = schedule.inputs.horizon
    loop = _Loop(site, states(site, network, neighbours(site, network, horizon), horizon))
    rounds = [loop.check(schedule)]
    stopped = _improve(loop, problem, rounds, progress, again or solve)
    to_hold = len(rounds)
    if to_hold > 1:
        progress("giving back what the network does not ask for")
        settle(loop, problem, rounds, again or solve, len(loop.states))
    chosen = loop.best(rounds)
    progress("checking every step with the reference engine")
    proof = replace(_proof(loop, chosen, rounds, network), to_hold=to_hold)
    if proof.breaches:
        proof = replace(proof, stopped=f"{stopped}{_worst(loop, chosen)}")
        if site.grid is not None and site.grid.certificate:
            progress("asking the relaxation what could be mended")
            intact = loop.states[0]
            told = certified(problem, network, intact.limits, intact.neighbours, proof.breaches)
            proof = replace(proof, certificate=told)
    return _relaxed(chosen.schedule), proof


def hold(
    site: Site,
    problem: Problem,
    schedule: Schedule,
    network: Network,
    again: Callable[[Problem], Schedule] | None = None,
) -> tuple[Schedule, tuple[Breach, ...]]:
    """As ``prove``, by the batch engine alone: for studies of many days. With the violations that are left."""
    horizon = schedule.inputs.horizon
    loop = _Loop(site, states(site, network, neighbours(site, network, horizon), horizon))
    rounds = [loop.check(schedule)]
    _improve(loop, problem, rounds, lambda _: None, again or solve)
    if len(rounds) > 1:
        settle(loop, problem, rounds, again or solve, len(loop.states))
    chosen = loop.best(rounds)
    return _relaxed(chosen.schedule), tuple(breach for trial in chosen.trials for breach in trial.found)


def broken(site: Site, schedule: Schedule, network: Network) -> tuple[Breach, ...]:
    """What the published path, left as it is, breaks on the network by the batch engine."""
    horizon = schedule.inputs.horizon
    every = states(site, network, neighbours(site, network, horizon), horizon)
    return tuple(breach for state in every for breach in state.check(schedule).found)


def _improve(
    loop: _Loop,
    problem: Problem,
    rounds: list[_Round],
    progress: Callable[[str], None],
    again: Callable[[Problem], Schedule],
) -> str:
    """Solve again under limits until nothing is left to mend; adds to ``rounds``, returns why it stopped."""
    made: list[list[LinearLimits]] = []  # by round
    bent = False  # the last plan was bent by limits that have been given up since
    while bent or loop.mendable(rounds[-1]) or loop.unpaid(rounds[-1]) > LOSS_SHARE:
        if len(rounds) == _MOST_ROUNDS:
            return f"no plan without violations within {_MOST_ROUNDS} rounds"
        rows = loop.rows(rounds[0], rounds[-1], made[-1] if made else [None] * len(loop.states))
        tangent = loop.tangent(rounds[-1])
        if not bent and tangent is None and not any(places(own) for own in rows):
            break
        progress(f"network round {len(rounds)}: {rounds[-1].found} violations, solving again")
        problem.update(limits=loop.limits(rows, made), losses=tangent)
        made.append(rows)
        try:
            schedule = again(problem)
        except SolveError as error:
            return str(error)
        if not (found := audit(schedule)).passed:
            return f"audit: {found.violations[0]}"
        rounds.append(loop.check(schedule))
        bent = loop.learn(rows, rounds[0], rounds[-1])
        if not bent and _same(rounds[-1], rounds[-2]):
            break
    if any(state.unsolved(trial) for state, trial in zip(loop.states, rounds[-1].trials, strict=True)):
        return "steps without an AC solution give no limits to plan by"
    return "nothing within this park's reach mends what is left"


def _same(one: _Round, other: _Round) -> bool:
    """The plan has come to rest."""
    pairs = [(r.injections.p_kw, r.injections.q_kvar) for r in (one, other)]
    return all(np.allclose(a, b, atol=_EXCESS_KW) for a, b in zip(*pairs, strict=True))


def _proof(loop: _Loop, chosen: _Round, rounds: Sequence[_Round], network: Network) -> GridProof:
    """The chosen plan by the reference engine, and what the controls do in it."""
    from grid_models.contingency import expanded, merged

    parts, breaches, gaps = [], [], []
    for state, trial, worst in zip(loop.states, chosen.published, chosen.trials, strict=True):
        breaches += [_named(b, state, worst) for b in worst.found if worst.path[b.step]]
        # Of a branch out, whose every step the batch engine has solved, the reference looks at the worst.
        steps = np.flatnonzero(state.steps) if state.island or not state.label else _worst_step(state, trial)
        if not steps.size:
            continue
        seen = state.reference(trial, steps)
        gaps.append(np.abs(seen.vm_pu - trial.flows.vm_pu[:, steps]).ravel())
        if state.island or not state.label:
            whole = expanded(seen, network, state.steps.size, steps)
            parts.append((steps, whole))
            found = state.breaches(chosen.schedule, expanded(seen, state.network, state.steps.size, steps), trial.path)
        else:
            found = list(trial.found)
        breaches += [_named(b, state, trial) for b in found]
    apart = np.concatenate(gaps)
    return GridProof(
        merged(parts),
        tuple(sorted(breaches, key=_worst_first)),
        rounds[0].found,
        len(rounds),
        float(np.nanmax(apart)) if np.isfinite(apart).any() else float("nan"),
        loop.states[0].limits,
        **_told(loop, chosen),
    )


def _named(breach: Breach, state: State, trial: Trial) -> Breach:
    """With the state and the scenario that it is of beside the element."""
    scenario = f"in scenario {trial.path[breach.step]}" if trial.path[breach.step] else ""
    return replace(breach, element=" ".join(x for x in (breach.element, state.label, scenario) if x))


def _worst_step(state: State, trial: Trial) -> np.ndarray:
    """(1,) the step with the highest loading, of those that count and have a solution; empty if there is none."""
    counts = np.flatnonzero(trial.flows.converged & state.steps)
    if not counts.size:
        return counts
    highest = np.nan_to_num(trial.flows.branch_loading_pu[:, counts]).max(axis=0, initial=0.0)
    return counts[[int(np.argmax(highest))]]


def _worst_first(breach: Breach) -> tuple[bool, float]:
    solved = breach.kind != "no_solution"
    return solved, -breach.margin / breach.limit if solved else 0.0


def _told(loop: _Loop, chosen: _Round) -> dict[str, Any]:
    """What the controls do in the chosen plan, and what the states leave without supply."""
    schedule = chosen.schedule
    kvar: dict[str, Array] = {}
    taps: dict[str, Array] = {}
    unsettled: list[str] = []
    island: Array | None = None
    for state, trial in zip(loop.states, chosen.published, strict=True):
        if state.island is not None:
            island = np.where(state.steps, state.island_kw(schedule, trial.flows, trial.path), np.nan)
        if trial.controlled is None or trial.controls is None:
            continue
        unsettled += [
            f"{one.element} {state.label} at {_when(schedule, one.step)}: {one.reason}".replace("  ", " ")
            for one in trial.controlled.unsettled
            if state.steps[one.step]
        ]
        if state.label and state.island is None:
            continue
        names = [name for name, _ in state.droops(schedule, trial.path)]
        for name, values in zip(names, trial.controlled.kvar, strict=True):
            kvar[name] = np.where(state.steps, values, kvar.get(name, np.nan))
        for changer, positions in zip(trial.controls.taps, trial.controlled.position, strict=True):
            taps[changer.transformer] = np.where(state.steps, positions, taps.get(changer.transformer, np.nan))
    return {
        "own_buses": () if loop.site.grid is None else tuple(loop.site.grid.bus_of.values()),
        "unsupplied": {s.label: s.reduced.lost_buses for s in loop.states if s.reduced.lost_buses},
        "kvar": kvar,
        "taps": taps,
        "unsettled": tuple(unsettled),
        "loss_kw": None if schedule.loss_kw is None else schedule.loss_kw[0],
        "island_kw": island,
    }


def _worst(loop: _Loop, chosen: _Round) -> str:
    """The violation that is worst, where, when, and how much power would mend it."""
    pairs = [*zip(loop.states, chosen.published, strict=True), *zip(loop.states, chosen.trials, strict=True)]
    found = [(b, s, t) for s, t in pairs for b in t.found]
    if not found:
        return ""  # of the reference engine alone: its list names them
    breach, state, trial = min(found, key=lambda one: _worst_first(one[0]))
    where = _named(breach, state, trial).element
    what, when = breach.kind.replace("_", " "), _when(chosen.schedule, breach.step)
    if breach.kind == "no_solution":
        controls = [] if trial.controlled is None else trial.controlled.unsettled
        why = next((f" ({c.element}: {c.reason})" for c in controls if c.step == breach.step), "")
        drawn = -float(trial.injections.p_kw[:, breach.step].sum())
        return f"; worst: {where}, {what} at {when}, with {drawn:.4g} kW drawn by the park{why}"
    if breach.kind == "unit_off":
        return f"; worst: {where}, off at {when}, though it is to hold the voltage: no plan in which it is on was found"
    over = f"; worst: {where}, {what} at {when}, over by {breach.margin:.4g} {breach.unit}"
    if breach.kind == "island_power":
        return f"{over}: what the others and the losses take of the reference unit"
    lacking = state.lacking_kw(trial, breach)
    if lacking is None:
        return f"{over}, which no bus of the park moves"
    more = "more" if lacking[0] > 0 else "less"
    return f"{over}: it takes {abs(lacking[0]):.4g} kW {more} from the park at {lacking[1]}"


def _when(schedule: Schedule, step: int) -> str:
    return schedule.inputs.horizon.local_start[step].strftime("%H:%M on %Y-%m-%d")


def _cost(site: Site, made: _Round) -> float:
    """What the objective counts, but for what it pays for limits."""
    schedule = made.schedule
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
