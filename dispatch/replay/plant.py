"""The park as it really runs: published decisions meet what came, and the state they leave is handed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dispatch.accounts import carbon_carry
from dispatch.asset import Asset, Inputs, Rows
from dispatch.carbon_wanted.settings import ACCOUNT
from dispatch.carbon_wanted.wishes import EmissionsWish
from dispatch.emissions.position import CarbonPosition
from dispatch.ladder.earlier import EarlierPlan
from dispatch.problem import Problem
from dispatch.replay.case import Case
from dispatch.replay.pieces import Piece, State, came, cut, without_end
from dispatch.rules import guards, rule_based
from dispatch.schedule import Proof, Schedule, Solved
from dispatch.signals import Array
from dispatch.site import Site

Decisions = Mapping[str, Mapping[str, Array]]
"""By kind and decision: (asset, step) from a plan's first step on."""


@dataclass
class Plant:
    """Executes windows one after the other.

    Attributes:
        state: by asset name, what the next window starts from; empty: the park's file.
    """

    case: Case
    state: State = field(default_factory=dict)
    _problems: dict[int, Problem] = field(default_factory=dict)

    def run(self, first: int, steps: int, planned: Decisions | None, notes: Mapping[str, float] | None = None) -> Piece:
        """Execute steps of the span; what no plan decides follows the park's rules, step by step.

        Args:
            planned: decisions from step ``first`` on, at least ``steps`` long; None: the park's rules alone.
            notes: figures of the plan, kept beside the piece.
        """
        before, inputs = self.state, came(self.case, first, steps, self.state)
        problem = self._problem(steps, inputs)
        done = rule_based(problem) if planned is None else executed(problem, planned)
        self.state = carried(done, steps)
        return cut(done, first, steps, before or {}, notes or {})

    def _problem(self, steps: int, inputs: Inputs) -> Problem:
        """Of this length, compiled at its first use; days of 23 and 25 hours have their own."""
        if steps not in self._problems:
            self._problems[steps] = Problem(without_end(self.case.site), inputs)
        self._problems[steps].update(inputs)
        return self._problems[steps]


def executed(problem: Problem, planned: Decisions) -> Schedule:
    """What following a plan comes to on the problem's data; no billed peak rises while a store can give instead."""
    own = {kind: _of_window(problem, by) for kind, by in planned.items()}
    return rule_based(problem, obeyed(problem, planned), guards(problem, own))


def _of_window(problem: Problem, planned: Mapping[str, Array]) -> dict[str, Array]:
    return {name: values[:, : problem.horizon.steps] for name, values in planned.items()}


def obeyed(problem: Problem, planned: Decisions) -> dict[str, Mapping[str, Array]]:
    """What published decisions come to from the problem's state, by kind; kinds that follow none are left out."""
    out: dict[str, Mapping[str, Array]] = {}
    for kind, rows in problem.rows.items():
        if kind not in planned:
            continue
        cls: type[Asset] = type(rows.members[0])
        followed = cls.follow(rows, problem.inputs, _of_window(problem, planned[kind]))
        if followed is not None:
            out[kind] = followed
    return out


def decisions(problem: Problem, schedule: Schedule) -> Decisions:
    """The decisions by step of a schedule's scenario 0, and what it says beside them of how it is followed."""
    steps, out = schedule.inputs.horizon.steps, {}
    for kind, solved in schedule.kinds.items():
        cls: type[Asset] = type(solved.rows.members[0])
        said = {name: solved.series[name] for name in problem.decisions(kind)}
        said |= cls.published(solved.rows, schedule.inputs, solved.series)
        out[kind] = {
            name: np.array(values[: len(solved.rows.members)])
            for name, values in said.items()
            if values.shape[-1] == steps
        }
    return out


def later(planned: Decisions, steps: int) -> dict[str, dict[str, Array]]:
    """The decisions from ``steps`` steps later on."""
    return {kind: {name: values[:, steps:] for name, values in by.items()} for kind, by in planned.items()}


def carried_from(site: Site, before: EarlierPlan, steps: int) -> dict[str, dict[str, float]]:
    """State after the first ``steps`` steps of a plan that was kept, of the assets that the site still has."""
    inputs = Inputs(before.horizon, 1, before.inputs, before.state)
    kinds = {}
    for kind, rows in site.rows(1).items():
        had = before.names.get(kind, ())
        here = tuple(member for member in rows.members if member.name in had)
        if here:
            at = [had.index(member.name) for member in here]
            kinds[kind] = _kept(replace(rows, members=here), {n: v[at] for n, v in before.series[kind].items()},
                                before.co2_step_kg[kind][at])  # fmt: skip
    caps = tuple(wish for wish in site.wishes if isinstance(wish, EmissionsWish))
    position = CarbonPosition(settings=site.carbon, followed=caps)
    proof = Proof("last_good", 0.0, -np.inf, np.inf, 0, 0, False)
    zero = np.zeros(1)
    return carried(Schedule(inputs, np.ones(1), kinds, zero, zero, zero, {}, proof, carbon=position), steps)


def _kept(rows: Rows[Any], series: Mapping[str, Array], co2_step_kg: Array) -> Solved:
    """What is known of a kind's published path; its money and powers are not asked for again."""
    none = np.zeros_like(co2_step_kg)
    return Solved(rows, {}, {}, series, none, none[:, :1], co2_step_kg, none, none, none, none, none)


def carried(schedule: Schedule, steps: int) -> dict[str, dict[str, float]]:
    """State after the first ``steps`` steps, of every kind and account that hand one on; the rest keeps what it had."""
    out: dict[str, dict[str, float]] = {name: dict(of) for name, of in schedule.inputs.state.items()}
    for solved in schedule.kinds.values():
        cls: type[Asset] = type(solved.rows.members[0])
        own: Rows[Asset] = solved.rows
        for name, values in cls.carry(own, schedule.inputs, solved.series, steps).items():
            out[name] = {**({} if cls.transient else out.get(name, {})), **values}
    account = carbon_carry.carried(schedule, steps)
    return out | {ACCOUNT: account} if account else out
