"""What is said about something that cannot be: what, why, and what to do about it, the cheapest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from dispatch.asset import Inputs, Mode
from dispatch.errors import SolveError
from dispatch.explain.balances import Imbalance, imbalances
from dispatch.explain.diagnosis import Diagnosis, Member
from dispatch.explain.fields import Twin
from dispatch.explain.figures import figure
from dispatch.explain.fixes import Fix, fixes
from dispatch.explain.unmet import DEMAND, Unmet, unmet
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Answer, Limits, Matrices, run

_MOST = 3
_SOME_KWH = 0.05
_LIMITS = Limits(gap=1e-4, nodes=2_000)


@dataclass(frozen=True)
class Reason:
    """Why there is no plan, as sentences, and what would mend it, each with its cost, the best first."""

    why: tuple[str, ...]
    fixes: tuple[str, ...]

    @property
    def first_fix(self) -> str:
        """The best fix; "" where none was found."""
        return self.fixes[0] if self.fixes else ""


@dataclass(frozen=True)
class Explanation:
    """One thing that cannot be, or that the plan leaves undone.

    Attributes:
        unmet: what is left undone; None where there is no plan at all.
        members: limits that contradict it, none of which can be left out of the set; empty where it could be met.
        irreducible: that was proved; else a search ended on its limit, and one of the members may be needless.
        is_searched: reasons and fixes were looked for.
        fixes: changes that were tried and work, the cheapest day first.
        extra_cost: where it could be met as things are, what that would cost more, in money and carbon.
        accepted_kwh: what must be missed at least (kg of emissions above a cap), over all scenarios, as things are.
        imbalances: where there is no plan, buses that nothing can balance.
    """

    unmet: Unmet | None
    members: tuple[Member, ...]
    fixes: tuple[Fix, ...]
    extra_cost: float | None = None
    accepted_kwh: float = 0.0
    imbalances: tuple[Imbalance, ...] = ()
    irreducible: bool = True
    is_searched: bool = True

    def lines(self, horizon: Horizon, currency: str) -> Iterator[str]:
        """Sentences for a person: what, why, what to do."""
        yield "there is no plan that keeps every limit" if self.unmet is None else self.unmet.text(horizon)
        if not self.is_searched:
            return
        yield from (one.text(horizon) for one in self.imbalances[:_MOST])
        if self.members:
            yield "because of " + "; ".join(member.text(horizon) for member in self.members)
            if not self.irreducible:
                yield "a search ended on its limit: some of these may not stand in the way"
        elif self.extra_cost is None:
            yield "no single limit stands in the way: what the assets are does not allow it"
        if self.extra_cost is not None:
            yield f"it could be met for {self.extra_cost:,.2f} {currency} more: the plan finds leaving it cheaper"
        yield from (f"fix {number}: {self._told(fix, currency)}" for number, fix in enumerate(self.fixes, 1))
        if self.accepted_kwh:
            unit = "kWh" if self.unmet is None else self.unmet.elastic.unit
            yield f"or accept it: as things are, at least {figure(self.accepted_kwh)} {unit} are missed"
        if not self.fixes and self.extra_cost is None:
            yield "no change of powers, energies, fills or times of these assets was found that resolves it"

    def _told(self, fix: Fix, currency: str) -> str:
        """A fix with what it costs and leaves."""
        cost = f"{fix.cost + 0.0:,.2f}" if self.unmet is None else f"{round(fix.cost, 2) + 0.0:+,.2f}"
        day = "the day then costs" if self.unmet is None else "cost of the day"
        still = "" if fix.taken else ", where the plan still finds missing it cheaper"
        still += f", and {figure(fix.short_kwh)} kWh of what is wanted are missed" if fix.short_kwh > _SOME_KWH else ""
        return f"{fix} ({day} {cost} {currency}{still})"

    def reason(self, horizon: Horizon, currency: str) -> Reason:
        """What a plan keeps of it."""
        lines = tuple(line for line in self.lines(horizon, currency) if not line.startswith("fix "))
        return Reason(lines, tuple(self._told(fix, currency) for fix in self.fixes))

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
    found = tuple(imbalances(diagnosis))
    members = tuple(diagnosis.set)
    proved = not diagnosis.undecided
    return Explanation(None, members, tuple(fixes(diagnosis)), imbalances=found, irreducible=proved)


def told_why(problem: Problem) -> str:
    """The same in one line; nothing where there is a plan after all, or no reason could be found."""
    try:
        return why_no_plan(problem).text(problem.horizon, problem.site.currency)
    except SolveError:
        return ""


def reason(problem: Problem) -> Reason | None:
    """Why there is no plan and the first fix; None where there is a plan after all."""
    try:
        return why_no_plan(problem).reason(problem.horizon, problem.site.currency)
    except SolveError:
        return None


def reason_of(
    site: Site, inputs: Inputs, mode: Mode, weights: Array, *, improved: Callable[[object], None] | None = None
) -> Reason | None:
    """The same of a problem that is made here: in a process that is ended when its time is over.

    Args:
        site, inputs, mode, weights: of the problem.
        improved: told of nothing, for nothing is known on the way.
    """
    del improved
    problem = Problem(site, inputs, mode)
    problem.update(weights=weights)
    return reason(problem)


def explain_unmet(problem: Problem, schedule: Schedule) -> list[Explanation]:
    """What the schedule leaves undone: demand of every carrier first, then the most energy.

    Demand and the first three are explained; of what then still is missing only the amount is said.
    """
    found = sorted(unmet(problem, schedule), key=lambda wish: wish.elastic.series != DEMAND)  # sorts are stable
    if not found:
        return []
    twin = Twin(problem)
    asked = [n < _MOST or wish.elastic.series == DEMAND for n, wish in enumerate(found)]
    return [
        _explained(problem, schedule, wish, twin) if why else Explanation(wish, (), (), is_searched=False)
        for wish, why in zip(found, asked, strict=True)
    ]


def _explained(problem: Problem, schedule: Schedule, wish: Unmet, twin: Twin) -> Explanation:
    diagnosis = Diagnosis(problem, wish, schedule, twin=twin)
    if not diagnosis.contradictory:
        return Explanation(wish, (), (), _cost_of_meeting(diagnosis, problem, schedule))
    left = 0.0 if diagnosis.least is None else diagnosis.least.objective
    members = tuple(diagnosis.set)
    proved = not diagnosis.undecided
    return Explanation(wish, members, tuple(fixes(diagnosis)), accepted_kwh=left, irreducible=proved)


def _cost_of_meeting(diagnosis: Diagnosis, problem: Problem, schedule: Schedule) -> float:
    def insisting(
        matrices: Matrices, limits: Limits, *, also_integer: np.ndarray | None = None, start: Array | None = None
    ) -> Answer:
        return run(diagnosis.demanded(matrices), limits, also_integer=also_integer, start=start)

    met = solve(diagnosis.twin.problem, _LIMITS, run=insisting)
    objective = problem.site.objective
    return met.running_cost(objective) - schedule.running_cost(objective)
