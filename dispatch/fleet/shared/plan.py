"""A fleet planned under what its sites share: audited schedules, prices, and a certificate for the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from dispatch.asset import Mode
from dispatch.assets.grid_connection import GridConnection
from dispatch.audit import Audit, audit
from dispatch.errors import ConfigError, Problem
from dispatch.fleet.coupling import Coupling
from dispatch.fleet.members import Member
from dispatch.fleet.outcomes import penalty_words
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.coordinated import Coordination
from dispatch.fleet.shared.gathered import Gathered, Templates, gathered
from dispatch.fleet.shared.kinds.demand_meter import DemandMeter
from dispatch.fleet.shared.kinds.park import Park
from dispatch.fleet.shared.meter import KIND, Meter
from dispatch.fleet.shared.model import compiled, fleet_problems, quantities_of
from dispatch.fleet.shared.recount import recounted
from dispatch.fleet.shared.results import Uses, uses
from dispatch.fleet.shared.scope import Compiled
from dispatch.fleet.shared.whole import Solution, whole
from dispatch.part import Violation, breaches, dated, mistakes
from dispatch.ruling import Ruling
from dispatch.schedule import Proof, Schedule, Solved
from dispatch.signals import Array, Horizon
from dispatch.solver.highs import Limits

MOST_WHOLE = 50
_SAME = 1e-4
_BOTH_KW = 1e-6


class Method(Protocol):
    """What solves a fleet under its coupling: :func:`~dispatch.fleet.shared.whole.whole`, or a coordination."""

    def __call__(self, fleet: Gathered, coupling: Coupling, limits: Limits | None = None) -> Solution:
        """Raises SolveError where nothing keeps all rows."""
        ...


@dataclass(frozen=True, eq=False)
class Metered:
    """A joint connection after a plan.

    Attributes:
        solved: its flows, money and carbon.
        objective: its share of the fleet's.
        money: of its bill, counted by the tariff apart from the optimiser.
        co2_kg: of what it imports.
        price_per_kwh: (T,) price behind it; NaN where the plan has none.
        violations: what its own check and bill find wrong.
    """

    solved: Solved
    objective: float
    money: float
    co2_kg: float
    price_per_kwh: Array
    violations: tuple[Violation, ...]


@dataclass(frozen=True, eq=False)
class SharedPlan:
    """What a fleet does under what it shares.

    Attributes:
        fleet: the sites as they were planned.
        shared: the things that they share, and their rows.
        solution: of the whole, with bound and prices.
        schedules, audits: by site.
        meters: by name, joint connections.
        uses: of each shared thing.
        violations: of rows, from the schedules' own numbers.
    """

    fleet: Gathered
    shared: tuple[Shared, ...]
    made: Compiled
    solution: Solution
    schedules: Mapping[str, Schedule]
    audits: Mapping[str, Audit]
    meters: Mapping[str, Metered]
    uses: Uses
    violations: tuple[Violation, ...]

    @property
    def passed(self) -> bool:
        """Does every audit pass, of the sites and of what they share?"""
        apart = [found.passed for found in self.audits.values()]
        return all(apart) and not self.violations and not any(m.violations for m in self.meters.values())

    @property
    def money(self) -> float:
        """Of all sites and joint connections; penalties and imbalance of shared limits apart."""
        sites = sum(float(schedule.money.sum()) for schedule in self.schedules.values())
        return sites + sum(meter.money for meter in self.meters.values())

    @property
    def co2_kg(self) -> float:
        """Of all sites and joint connections."""
        sites = sum(float(schedule.co2_kg.sum()) for schedule in self.schedules.values())
        return sites + sum(meter.co2_kg for meter in self.meters.values())

    def words(self) -> list[str]:
        """The whole in short."""
        own, unit = self.solution, self.fleet.scope.currency
        names = list(self.schedules)
        fined = penalty_words(names, [float(self.schedules[name].penalty[0]) for name in names])
        return [
            f"{len(self.schedules)} sites: {own.objective:,.2f} {unit}, proved to {own.gap:.2e} of the optimum",
            f"money {self.money:,.2f} {unit}, emissions {self.co2_kg:,.1f} kg",
            *([fined] if fined else []),
            *self.uses.words(),
            *(str(v) for v in self.violations),
        ]


def plan_shared(
    members: Sequence[Member],
    shared: Sequence[Shared],
    horizon: Horizon,
    *,
    state: Mapping[str, Mapping[str, float]] | None = None,
    limits: Limits | None = None,
    mode: Mode | None = None,
    method: Method | None = None,
    templates: Templates | None = None,
) -> SharedPlan:
    """Plan a fleet under what its sites share.

    Args:
        members: the sites and what is known of them.
        shared: what they share.
        horizon: the steps.
        state: by the name of a joint connection, what is known of the time before.
        limits: gap at which a search ends.
        mode: how commitment is decided; by default as each site asks.
        method: what solves the whole; by default one program of up to fifty sites, and coordination of more.
        templates: compiled problems of an earlier fleet with the same horizon, quantities and mode.

    Raises:
        ConfigError: something shared does not fit the sites.
        SolveError: nothing keeps all hard limits.
    """
    fleet, made = prepared(members, shared, horizon, state=state, mode=mode, templates=templates)
    solve = method or (whole if len(fleet.members) <= MOST_WHOLE else Coordination())
    solution = _with_clean_meters(solve(fleet, made.coupling, limits), fleet, made, shared)
    schedules = dict(_schedules(fleet, solution))
    return SharedPlan(
        fleet,
        tuple(shared),
        made,
        solution,
        schedules,
        {name: audit(schedule) for name, schedule in schedules.items()},
        dict(_metered(fleet, made, shared, solution)),
        uses(made, solution, horizon, fleet.scope.currency),
        dated(_violations(fleet, made, solution, schedules), fleet.scope.horizon),
    )


def prepared(
    members: Sequence[Member],
    shared: Sequence[Shared],
    horizon: Horizon,
    *,
    state: Mapping[str, Mapping[str, float]] | None = None,
    mode: Mode | None = None,
    templates: Templates | None = None,
) -> tuple[Gathered, Compiled]:
    """The sites as they are when all is shared, and the rows that join them.

    Raises:
        ConfigError: something shared does not fit the sites.
    """
    names, labels = [m.name for m in members], [m.labels for m in members]
    problems = fleet_problems(shared, names, labels)
    currencies = sorted({m.site.currency for m in members})
    if len(currencies) > 1:
        text = f"sites count in {', '.join(currencies)}"
        problems.append(Problem("sites", text, "one currency: money of different ones does not add up"))
    if problems:
        raise ConfigError("fleet", problems)
    changed = [as_shared(member, shared) for member in members]
    known = templates or Templates(horizon, quantities_of(shared), mode)
    fleet = gathered(changed, known, currency=currencies[0], state=state)
    return fleet, compiled(shared, fleet.scope)


def as_shared(member: Member, shared: Sequence[Shared]) -> Member:
    """A member with what the shared things change in its site and state."""
    for thing in shared:
        if thing.members([member.name], [member.labels])[0]:
            member = thing.member(member)
    return member


def _schedules(fleet: Gathered, solution: Solution) -> Iterator[tuple[str, Schedule]]:
    """Each site's, read from its own problem's expressions; on its own a site's part has no bound."""
    for n, group, k in fleet.sites():
        problem, member = group.template.problem, group.members[k]
        problem.update(member.inputs(fleet.scope.horizon), site=member.site)
        problem.take(solution.points[n])
        objective = float(problem.total.expression.value)
        proof = Proof(
            "optimal" if solution.gap <= _SAME else "incumbent",
            objective,
            np.nan,
            solution.gap,
            solution.nodes,
            solution.rounds,
            solution.clock_fired,
            reason=f"part of a fleet's plan that is proved to {solution.gap:.2e}",
        )
        yield member.name, problem.read(proof, None)


def meters_of(shared: Sequence[Shared]) -> list[DemandMeter | Park]:
    """Shared things that have a connection of their own."""
    return [thing for thing in shared if isinstance(thing, DemandMeter | Park)]


def _columns(made: Compiled, name: str) -> np.ndarray:
    """Columns of a joint connection."""
    owner, column = (np.array(v, dtype=object) for v in (made.facts.belongs, made.facts.column))
    return np.flatnonzero((owner == name) & (column == "connection"))


def _with_clean_meters(solution: Solution, fleet: Gathered, made: Compiled, shared: Sequence[Shared]) -> Solution:
    """Joint connections that import and export at once, which costs nothing where both prices are one, do neither."""
    y = solution.y.copy()
    for thing in meters_of(shared):
        meter, at = thing.meter(fleet.scope), _columns(made, thing.name)
        solved = meter.solved(y[at])
        if np.minimum(solved.series["import_kw"], solved.series["export_kw"]).max() <= _BOTH_KW:
            continue
        problem = meter.problem
        flows = {name: np.asarray(solved.series[name]) for name in ("import_kw", "export_kw")}
        balanced = Ruling(np.zeros((1, fleet.scope.horizon.steps)))
        problem.put(KIND, GridConnection.settle(solved.rows, problem.inputs, balanced, flows))
        y[at] = problem.point()
    if np.array_equal(y, solution.y):
        return solution
    cheaper = float(made.coupling.rest.cost @ (y - solution.y))
    return replace(solution, y=y, objective=solution.objective + cheaper)


def _metered(
    fleet: Gathered, made: Compiled, shared: Sequence[Shared], solution: Solution
) -> Iterator[tuple[str, Metered]]:
    rows = np.array(made.facts.owner, dtype=object)
    for thing in meters_of(shared):
        meter, at = thing.meter(fleet.scope), _columns(made, thing.name)
        solved = meter.solved(solution.y[at])
        objective = float(made.coupling.rest.cost[at] @ solution.y[at]) + meter.problem.compiled.matrices().offset
        price = (solution.price / made.facts.per)[rows == thing.name]
        yield thing.name, _checked(meter, solved, objective, price)


def _checked(meter: Meter, solved: Solved, objective: float, price: Array) -> Metered:
    """A joint connection held against its own limits and its bill."""
    billed = meter.money(solved)
    said = float(solved.cost_step.sum() + solved.cost_period.sum())
    found = [*GridConnection.check(solved.rows, meter.problem.inputs, solved.series)]
    apart = np.array([[abs(billed - said)]])
    room = _SAME * max(1.0, abs(billed))
    found += mistakes((meter.connection.name,), "bill differs from what was optimised", apart, room, "money")
    return Metered(
        solved, objective, billed, float(solved.co2_step_kg.sum()), price, dated(found, meter.problem.horizon)
    )


def _violations(
    fleet: Gathered, made: Compiled, solution: Solution, schedules: Mapping[str, Schedule]
) -> Iterator[Violation]:
    """Rows that the schedules' own numbers break, and quantities that are not what the schedules say."""
    counted = recounted(fleet, schedules)
    for place, name in enumerate(fleet.scope.names):
        apart = np.abs(counted[place] - solution.effects[place])[None, :]
        size = np.maximum(1.0, np.abs(counted[place]))[None, :]
        yield from breaches((name,), "does something else than was agreed", apart / size, 0.0, "share", 10 * _SAME)
    over = made.coupling.residual(counted, solution.y)
    for row in np.flatnonzero(np.abs(over) > 10 * _SAME * np.maximum(1.0, np.abs(made.coupling.used(counted)))):
        facts = made.facts
        limit = made.coupling.upper[row] if over[row] > 0 else made.coupling.lower[row]
        value = float(limit + over[row])
        what, step, unit = f"{facts.what[row]} beyond its limit", int(facts.step[row]), facts.unit[row]
        among = fleet.scope.horizon.steps if step >= 0 else 1
        yield Violation(facts.owner[row], what, step, value, float(limit), unit, among=among)
