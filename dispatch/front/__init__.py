r"""The cost–CO₂ front of a park's plan: what each tonne less costs, from the cheapest plan to the cleanest.

Every point is a plan of its own, audited, and solves

.. math:: V(ε) = \min_x C(x) \quad \text{s.t.} \quad E(x) ≤ ε, \; P(x) ≤ P(x^0)

with C the money and the price of broken wishes, E the expected emissions, P that price alone and x⁰ the cheapest plan:
a plan must not be clean because it serves less. The carbon price of the park's objective and the caps among its wishes
are left out, so that −dV/dε is the whole price of a tonne; what quota and allowances cost is money and stays. A sum of
cost and weighted emissions would miss points of a problem with whole numbers that lie above the chord of their
neighbours; a cap finds them.

The price of a point is the dual of its cap. Where whole numbers are settled, it is that of the linear program around
them, and the slope to the next point stands beside it. Caps are even between the ends first; the others go where the
front may bend.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from dispatch.audit import audit
from dispatch.carbon.park import expected
from dispatch.carbon_wanted.wishes import EmissionsWish
from dispatch.errors import DataError, SolveError
from dispatch.front.points import Choice, Front, FrontPoint, Reference, efficient, next_cap_t
from dispatch.front.walk import ALL, BESIDE, Aim, Walk
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.solve import both_flows, solve
from dispatch.solver.highs import Limits
from dispatch.stores.stock import Storage

__all__ = ["Choice", "Front", "FrontPoint", "front"]

LEAST_POINTS = 3
_EVEN = 0.6  # of the points, how many are even between the ends
_MOST_TRIES = 2  # times the points asked for, where some are no better than a cleaner one
_ROOM = 1e-9
_NEAR = 1e-5  # of the front's width, how far the cleanest point may be from the least emissions
_LITTLE = 1e-4  # of the emissions, what money weighs beside them where the cleanest plan is looked for
_KG = 1000.0
_FAR_KG = 1e12


def front(
    problem: Problem,
    points: int = 15,
    *,
    choice: Choice | None = None,
    limits: Limits | None = None,
    progress: Callable[[str, float], None] = lambda _, __: None,
) -> Front:
    """The front of a problem's present data; the problem itself is left as it is.

    Args:
        problem: compiled, with its data up to date.
        points: how many.
        choice: the point to mark; default: at the park's own carbon price.
        limits: gap and nodes at which a search ends.
        progress: told of what is being done and the share of it that is done.

    Raises:
        DataError: the park has no emissions, fewer points than three are asked for, or less than can be reached.
        SolveError: no plan keeps every limit.
    """
    if points < LEAST_POINTS:
        raise DataError(f"points {points}: a front needs at least {LEAST_POINTS}")
    began = time.thread_time()
    tracer = _Tracer(problem, limits or Limits(gap=problem.site.planning.gap))
    made = tracer.trace(points, lambda share: progress("the front", share))
    kept = efficient(made)
    taken_s = time.thread_time() - began
    chosen, why = tracer.chosen(choice or Choice(price_per_t=problem.site.objective.carbon_price_per_t), kept, choice)
    progress("the front", 1.0)
    return Front(
        *(problem.site.name, problem.site.currency, problem.mode.commitment, kept, chosen, why),
        references=tuple(tracer.references()),
        dominated=len(made) - len(kept),
        seconds=taken_s,
    )


class _Tracer:
    """A park's problem without its price of carbon, at one cap after another."""

    def __init__(self, problem: Problem, limits: Limits) -> None:
        self.problem, self.limits = problem.twin(_for_money(problem.site)), limits
        self.problem.take(np.zeros(self.problem.compiled.size))  # slopes are asked for at a point
        total, matrices = self.problem.total, self.problem.compiled.matrices()
        self.money, self.offset = matrices.cost, matrices.offset
        self.carbon_kg, self.standing_kg = expected(self.problem, total.co2_kg)
        self.penalty, _ = expected(self.problem, total.penalty)
        if not self.carbon_kg.any():
            raise DataError(
                f"'{problem.site.name}' has no front: nothing that a plan decides about emits; give a connection its "
                "carbon_intensity_kg_per_kwh, or a fuel its factor"
            )
        exact = problem.mode.commitment == "exact"
        layout = self.problem.layout()
        self.walk = Walk(matrices, layout, self.carbon_kg, self.penalty, self._overlapping, exact=exact)
        self.cost, self.penalty_most = self.money, np.inf

    def _overlapping(self, x: Array) -> np.ndarray:
        self.problem.take(x)
        return both_flows(self.problem)

    def trace(self, points: int, progress: Callable[[float], None]) -> list[FrontPoint]:
        """The ends, even caps between them, and caps where the front may bend."""
        cheapest = self._cheapest()
        progress(1 / points)
        least_t = self._least_t()
        if not cheapest.co2_t - least_t > _ROOM * max(cheapest.co2_t, 1.0):
            return [cheapest]
        made = [cheapest]
        for cap_t in np.linspace(cheapest.co2_t, least_t, max(round(_EVEN * points), 2))[1:-1]:
            try:
                made.append(self.at(float(cap_t)))
            except SolveError:  # the least without whole numbers was far off
                break
            progress(len(made) / points)
        made.append(self._cleanest(least_t + _NEAR * (cheapest.co2_t - least_t)))
        while len(efficient(made)) < points and len(made) < _MOST_TRIES * points:
            cap_t = next_cap_t(made)
            if cap_t is None:
                break
            made.append(self.at(cap_t))
            progress(min(len(efficient(made)) / points, 1.0))
        return made

    def _cheapest(self) -> FrontPoint:
        """The cheapest plan, and of those that cost the same the cleanest; it fixes what wishes may cost."""
        began = time.thread_time()
        self.walk.aim = Aim(self.money, _FAR_KG)
        x = self.walk.relaxed(self.problem.compiled.matrices())
        cost, emitted = abs(float(self.money @ x) + self.offset), float(self.carbon_kg @ x)
        # A little of the emissions in the cost: of two plans that cost the same the cleaner one.
        size = max(abs(emitted), _ROOM * float(np.abs(self.carbon_kg).max()))
        self.cost = self.money + BESIDE * max(cost, _ROOM) / size * self.carbon_kg
        found = self._point(Aim(self.cost, emitted), np.inf, began)
        broken = float(self.penalty @ self.walk.x)
        self.penalty_most = broken + _ROOM * (1 + abs(broken) + cost)
        return replace(found, price_per_t=0.0)

    def _least_t(self) -> float:
        """What no plan emits less than [t]: the least without whole numbers."""
        self.walk.aim = self._least()
        return self._emitted_t(self.walk.relaxed(self.problem.compiled.matrices()))

    def _least(self) -> Aim:
        # A little of the money beside it: else power that costs no carbon is burnt, and stores move it to and fro.
        x = self.walk.x
        rate = _LITTLE * abs(float(self.carbon_kg @ x)) / max(abs(float(self.money @ x)), _ROOM)
        return Aim(self.carbon_kg + rate * self.money, 0.0, penalty_most=self.penalty_most, reusing=0)

    def _cleanest(self, cap_t: float) -> FrontPoint:
        """The cheapest of the plans that emit the least.

        The least without whole numbers is a bound that plans nearly always reach; where none does, their own is looked
        for.
        """
        began = time.thread_time()
        try:
            found = self.at(cap_t, reusing=0, searching=False)
        except SolveError:
            self._solved(self._least())
            found = self.at(self._emitted_t(self.walk.x) * (1 + _NEAR), reusing=1)
        return replace(found, seconds=time.thread_time() - began)

    def _emitted_t(self, x: Array) -> float:
        return (float(self.carbon_kg @ x) + self.standing_kg) / _KG

    def at(self, cap_t: float, *, reusing: int = ALL, searching: bool = True) -> FrontPoint:
        """The cheapest plan that emits no more."""
        room = _ROOM * max(abs(cap_t), 1.0)
        cap_kg = _KG * (cap_t + room) - self.standing_kg
        aim = Aim(self.cost, cap_kg, cap_kg, self.penalty_most, reusing=reusing, searching=searching)
        return self._point(aim, cap_t, time.thread_time())

    def priced(self, price_per_t: float, points: Sequence[FrontPoint]) -> FrontPoint:
        """The best plan where a tonne costs so much."""
        near_t = min(points, key=lambda point: abs(point.price_per_t - price_per_t)).co2_t
        cost = self.money + price_per_t / _KG * self.carbon_kg
        aim = Aim(cost, _KG * near_t - self.standing_kg, penalty_most=self.penalty_most)
        found = self._point(aim, np.inf, time.thread_time())
        return replace(found, price_per_t=price_per_t)

    def _solved(self, aim: Aim) -> Schedule:
        self.walk.aim = aim
        return solve(self.problem, self.limits, run=self.walk)

    def _point(self, aim: Aim, cap_t: float, began: float) -> FrontPoint:
        schedule = self._solved(aim)
        found, walk, weights = audit(schedule), self.walk, schedule.weights
        if not found.passed:
            raise SolveError(f"a plan of the front does not pass the audit: {found.violations[0]}")
        beside = float((aim.cost - self.money) @ self.carbon_kg) / float(self.carbon_kg @ self.carbon_kg)
        return FrontPoint(
            cap_t=cap_t,
            co2_t=float(weights @ schedule.co2_kg) / _KG,
            cost=float(self.money @ walk.x) + self.offset,
            money=float(weights @ schedule.money),
            penalty=float(weights @ schedule.penalty),
            price_per_t=_KG * (walk.price_per_kg + beside),
            dual_at_whole=walk.at_whole,
            gap=schedule.proof.gap,
            how=walk.how,
            schedule=schedule,
            audit=found,
            seconds=time.thread_time() - began,
        )

    def chosen(self, choice: Choice, points: Sequence[FrontPoint], said: Choice | None) -> tuple[FrontPoint, str]:
        """The point wanted, and by what.

        Raises:
            DataError: less is asked for than can be reached.
        """
        if choice.co2_t is None:
            price = choice.price_per_t or 0.0
            own = "the park's own carbon price" if said is None else "a carbon price"
            return self.priced(price, points), f"{own} of {price:,.10g} {self.problem.site.currency}/t"
        least = points[-1].co2_t
        if choice.co2_t < least - _ROOM * max(least, 1.0):
            raise DataError(
                f"{choice.co2_t:g} t: no plan emits so little; accepted: {least:.4g} t, the cleanest plan, or more; "
                f"from {points[0].co2_t:.4g} t on the cheapest plan keeps it"
            )
        return self.at(choice.co2_t), f"a cap of {choice.co2_t:,.10g} t"

    def references(self) -> Iterator[Reference]:
        """The cheapest plan in which no store moves, where there is one, and what the park does without a plan."""
        if still := self._moves():
            with suppress(SolveError):
                aim = Aim(self.cost, 0.0, still=still, searching=False)
                plan = self._point(aim, np.inf, time.thread_time())
                yield Reference("stores at rest", plan.co2_t, plan.cost)
        made = rule_based(self.problem)
        if audit(made).passed:
            emitted = float(made.weights @ made.co2_kg) / _KG
            yield Reference("rules of the park", emitted, made.proof.objective)

    def _moves(self) -> tuple[int, ...]:
        """Columns of what stores take and give."""
        found: list[int] = []
        for kind, rows in self.problem.rows.items():
            if isinstance(rows.members[0], Storage):
                for name in {"charge_kw", "discharge_kw"} & {*self.problem.decisions(kind)}:
                    found += self.problem.compiled.columns(self.problem.variable(kind, name)).ravel().tolist()
        return tuple(sorted(found))


def _for_money(site: Site) -> Site:
    """The park where carbon has neither a price nor a cap of its own; what it pays for quota and allowances stays."""
    wishes = tuple(w for w in site.wishes if not (isinstance(w, EmissionsWish) and w.covers == "all"))
    objective = site.objective.model_copy(update={"money": 1.0, "carbon_price_per_t": 0.0})
    return site.model_copy(update={"objective": objective, "wishes": wishes})
