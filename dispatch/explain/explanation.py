"""What is said about something that cannot be: what, why, and what to do about it, the cheapest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dispatch.errors import SolveError
from dispatch.explain.diagnosis import Diagnosis, Member
from dispatch.explain.fixes import Fix, fixes, running_cost
from dispatch.explain.unmet import Unmet, unmet
from dispatch.highs import Limits
from dispatch.highs import run as highs_run
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import CleanShareWish, Site
from dispatch.solve import solve

_MOST = 3
_LIMITS = Limits(gap=1e-4, nodes=2_000)


@dataclass(frozen=True)
class Explanation:
    """One thing that cannot be, or that the plan leaves undone.

    Attributes:
        unmet: what is left undone; None where there is no plan at all.
        members: limits that contradict it, none of which can be left out of the set; empty where it could be met.
        fixes: changes that were tried and work, the cheapest day first.
        extra_cost: where it could be met as things are, what that would cost more, in money and carbon.
        accepted: what is paid for leaving it undone, in the objective alone.
        lowered: the wish that could be kept instead, where there is one.
    """

    unmet: Unmet | None
    members: tuple[Member, ...]
    fixes: tuple[Fix, ...]
    extra_cost: float | None = None
    accepted: float | None = None
    lowered: str = ""

    def lines(self, horizon: Horizon, currency: str) -> Iterator[str]:
        """Sentences for a person: what, why, what to do."""
        yield "there is no plan that keeps every limit" if self.unmet is None else self.unmet.text(horizon)
        if self.members:
            yield "because of " + "; ".join(member.text(horizon) for member in self.members)
        if self.extra_cost is not None:
            yield f"it could be met for {self.extra_cost:,.2f} {currency} more: the plan finds leaving it cheaper"
        for number, fix in enumerate(self.fixes, 1):
            cost = f"{fix.cost + 0.0:,.2f}" if self.unmet is None else f"{round(fix.cost, 2) + 0.0:+,.2f}"
            day = "the day then costs" if self.unmet is None else "cost of the day"
            yield f"fix {number}: {fix} ({day} {cost} {currency})"
        if self.lowered:
            yield f"or: {self.lowered}"
        if not self.fixes and self.members and not self.lowered:
            yield "no change of a power, energy or fill of these assets alone resolves it"

    def text(self, horizon: Horizon, currency: str) -> str:
        """The same on one line."""
        return "; ".join(self.lines(horizon, currency))


def why_no_plan(problem: Problem) -> Explanation:
    """Why the problem has no solution at all.

    Raises:
        SolveError: it has one.
    """
    diagnosis = Diagnosis(problem)
    if not diagnosis.contradictory:
        raise SolveError("nothing contradicts: the problem has a plan")
    return Explanation(None, tuple(diagnosis.set), tuple(fixes(diagnosis)))


def explain_unmet(problem: Problem, schedule: Schedule) -> list[Explanation]:
    """What the schedule leaves undone, each with its reason; the three with the most energy."""
    return [_explained(problem, schedule, wish) for wish in unmet(problem, schedule)[:_MOST]]


def _explained(problem: Problem, schedule: Schedule, wish: Unmet) -> Explanation:
    diagnosis = Diagnosis(problem, wish, schedule)
    if not diagnosis.contradictory:
        return Explanation(wish, (), (), _cost_of_meeting(diagnosis, problem, schedule))
    lowered = _lowered(diagnosis, problem, wish)
    return Explanation(wish, tuple(diagnosis.set), tuple(fixes(diagnosis)), lowered=lowered)


def _cost_of_meeting(diagnosis: Diagnosis, problem: Problem, schedule: Schedule) -> float:
    twin = diagnosis.twin
    met = solve(twin, _LIMITS, run=lambda m, limits, **rest: highs_run(diagnosis.demanded(m), limits, **rest))
    return running_cost(met, problem.site.objective) - running_cost(schedule, problem.site.objective)


def _lowered(diagnosis: Diagnosis, problem: Problem, wish: Unmet) -> str:
    """A clean share that can be kept, solved again to be sure; for other wishes, how much must be given up."""
    least = diagnosis.least
    if wish.elastic.kind or least is None:
        return "" if least is None else f"accept that {least.objective / _scenarios(wish):,.4g} kWh are missed"
    site = _with_lower_share(problem.site, wish, least.x, diagnosis)
    return site


def _scenarios(wish: Unmet) -> int:
    return max(int((wish.missing_kwh > 0).sum()), 1)


def _with_lower_share(site: Site, wish: Unmet, x: np.ndarray, diagnosis: Diagnosis) -> str:
    found = [w for w in site.wishes if isinstance(w, CleanShareWish)]
    asked = next((w for w in found if f"{w.clean_share_min:.0%} per {w.over}" in wish.elastic.words), None)
    if asked is None:
        return ""
    low, high = 0.0, asked.clean_share_min
    del x
    while high - low > 5e-4:
        middle = (low + high) / 2
        wishes = tuple(asked.model_copy(update={"clean_share_min": middle}) if w is asked else w for w in site.wishes)
        there = site.model_copy(update={"wishes": wishes})
        if _kept(diagnosis, there):
            low = middle
        else:
            high = middle
    return f"lower clean_share_min from {asked.clean_share_min:.1%} to {low:.1%}"


def _kept(diagnosis: Diagnosis, site: Site) -> bool:
    problem = Problem(site, diagnosis.problem.inputs, diagnosis.problem.mode)
    problem.update(weights=diagnosis.problem.weights)
    schedule = solve(problem, replace(_LIMITS))
    return all(short.sum() < 1e-3 for short in schedule.wish_short_kwh.values())
