"""Plans of the sites of one structure.

Where all that a site is held to is a matter of its plant (``is_plain``), everything but the search itself is done for
all sites at once. What counts by site (wishes, quota, reserve, outages, groups) is read and audited site by site, with
the same compiled problem and the same start of the search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dispatch.asset import Asset
from dispatch.audit import audit
from dispatch.errors import ParkwattError, SolveError
from dispatch.fleet import checked
from dispatch.fleet.hot import Hot
from dispatch.fleet.integer.alone import Alone
from dispatch.fleet.joined import Joined
from dispatch.fleet.members import Member
from dispatch.fleet.outcomes import Blocks, Outcome, batch_blocks, schedule_blocks
from dispatch.fleet.stack import Stack
from dispatch.fleet.template import Template
from dispatch.fleet.values import Values
from dispatch.ladder.climb import climb
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.solve import BOTH_KW, solve
from dispatch.solver.highs import Answer, Limits, Matrices
from dispatch.solver.highs import run as search


class Planner:
    """One structure's template and the basis that its searches begin from.

    Args:
        reference: the site whose plan that is.
        horizon: the steps.
        limits: when a search ends.
    """

    def __init__(self, reference: Member, horizon: Horizon, limits: Limits) -> None:
        self.limits = limits
        self.template = Template(reference, horizon, ())
        self.problem = self.template.problem
        matrices = self.template.single(reference)
        self.hot = Hot(matrices)
        self.committed = Alone(matrices) if matrices.integer.any() else None
        compiled = self.problem.compiled
        self._balance = compiled.rows(self.problem.balance)
        self.is_plain = _is_plain(self.template)

    def plan(self, members: Sequence[Member]) -> tuple[list[Outcome], list[Blocks]]:
        """Outcomes in the order of the members, and blocks of values of those that have a plan."""
        try:
            joined = Joined.of(members, self.template.horizon)
            stack = self.template.joined(joined)
        except ParkwattError as error:
            if len(members) == 1:
                return [Outcome.none(members[0].name, str(error))], []
            middle = len(members) // 2
            first, second = self.plan(members[:middle]), self.plan(members[middle:])
            return [*first[0], *second[0]], [*first[1], *second[1]]
        if not self.is_plain:
            return self._each(members)
        return self._together(members, joined, stack)

    def _together(self, members: Sequence[Member], joined: Joined, stack: Stack) -> tuple[list[Outcome], list[Blocks]]:
        answers = [self._answer(stack.matrices(n)) for n in range(len(members))]
        there = np.array([answer is not None for answer in answers])
        if not there.all():
            good = [m for m, is_there in zip(members, there, strict=True) if is_there]
            left = self._each([m for m, is_there in zip(members, there, strict=True) if not is_there])
            made = self.plan(good) if good else ([], [])
            return _merged(members, made, left)
        found = _Found.of([answer for answer in answers if answer is not None])
        values = Values(self.problem, joined)
        values.take(found.x)
        kinds = values.kinds()
        sums = checked.Sums(
            values.by_site(kinds, "cost_step") + values.by_site(kinds, "cost_period"),
            values.by_site(kinds, "co2_step_kg"),
            values.by_site(kinds, "penalty_step"),
            found.objective,
        )
        wrong = set(checked.violations(self.problem, joined, kinds, sums)) | values.overlapping(BOTH_KW)
        passed = values.passed(kinds)
        outcomes = [
            Outcome.of(member.name, answer, sums, n, passed.get(member.name, ()))
            for n, (member, answer) in enumerate(zip(members, found.answers, strict=True))
        ]
        fine = np.array([member.name not in wrong for member in members])
        made = ([o for o, ok in zip(outcomes, fine, strict=True) if ok],
                [batch_blocks(joined, kinds, self._prices(found), fine)])  # fmt: skip
        return _merged(members, made, self._each([m for m, ok in zip(members, fine, strict=True) if not ok]))

    def _answer(self, matrices: Matrices) -> Answer | None:
        """The search's end; None where it has none."""
        try:
            if self.committed is not None:
                return self.committed.run(matrices, self.limits)
            return self.hot.continuous(matrices)[0]
        except SolveError:
            return None

    def _each(self, members: Sequence[Member]) -> tuple[list[Outcome], list[Blocks]]:
        """Site by site."""
        return each(members, self._schedule)

    def _schedule(self, member: Member) -> Schedule:
        """By the short way, and where that is no plan, down the ladder."""
        self.problem.update(member.inputs(self.template.horizon), site=member.site)
        try:
            schedule = solve(self.problem, self.limits, run=self._run)
        except SolveError:
            pass
        else:
            if audit(schedule).passed:
                return schedule
        return climb(self.problem, self.limits).schedule

    def _run(
        self,
        matrices: Matrices,
        limits: Limits,
        *,
        also_integer: np.ndarray | None = None,
        start: Array | None = None,
    ) -> Answer:
        """As the solver does, from the reference's basis where there is nothing to branch on."""
        branched = also_integer is not None and also_integer.size > 0
        if branched or matrices.integer.any():
            return search(matrices, limits, also_integer=also_integer, start=start)
        small = self.template.reduction.apply(matrices)
        answer, reduced_costs = self.hot.continuous(small)
        duals = self.template.reduction.duals(small, answer.x, answer.row_dual, reduced_costs)
        return replace(answer, row_dual=duals)

    def _prices(self, found: _Found) -> Array:
        """(site, bus, step) local price: the dual of the bus's balance per kWh."""
        duals = np.zeros((len(found.answers), self.template.reduction.size))
        duals[:, self.template.reduction.rows] = found.row_dual
        return np.asarray(duals[:, self._balance] / self.template.horizon.hours)


@dataclass(frozen=True)
class _Found:
    """Answers of all sites, as arrays."""

    answers: list[Answer]
    x: Array
    objective: Array
    row_dual: Array

    @classmethod
    def of(cls, answers: list[Answer]) -> _Found:
        x, duals = (np.array([getattr(answer, name) for answer in answers]) for name in ("x", "row_dual"))
        return cls(answers, x, np.array([answer.objective for answer in answers]), duals)


def each(members: Sequence[Member], planned: Callable[[Member], Schedule]) -> tuple[list[Outcome], list[Blocks]]:
    """Outcomes and values site by site; what goes wrong with one is that site's outcome."""
    outcomes, blocks = [], []
    for member in members:
        try:
            schedule = planned(member)
        except ParkwattError as error:
            outcomes.append(Outcome.none(member.name, str(error)))
            continue
        outcomes.append(Outcome.of_schedule(member.name, schedule))
        blocks.append(schedule_blocks(member.name, schedule))
    return outcomes, blocks


def _merged(members: Sequence[Member], *made: tuple[list[Outcome], list[Blocks]]) -> tuple[list[Outcome], list[Blocks]]:
    by_name = {outcome.site: outcome for outcomes, _ in made for outcome in outcomes}
    return [by_name[member.name] for member in members], [block for _, blocks in made for block in blocks]


def _is_plain(template: Template) -> bool:
    """Is all that a site is held to a matter of its plant?"""
    problem, site = template.problem, template.problem.site
    of_site = (
        site.reserve_h, site.outage_h, site.groups, site.grid, problem.total.breaches, problem.total.carbon.money,
        problem.total.carbon.unmatched_kwh, problem.mode.commitment == "convex",
    )  # fmt: skip
    repaired = any(type(a).repaired.__func__ is not Asset.repaired.__func__ for a in site.assets)  # type: ignore[attr-defined]
    by_row = set(problem.rows) <= template.row_by_row
    rows = template.reduction.rows
    priced = np.isin(problem.compiled.rows(problem.balance), rows).all()
    return (
        not any(of_site[:-2]) and of_site[-2] is None and not of_site[-1] and not repaired and by_row and bool(priced)
    )
