"""A problem's best schedule.

It leaves the values in the problem's variables and reads the schedule from the same expressions as
:mod:`dispatch.rules` does, so money and carbon of a plan and of its baseline are counted alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from dispatch.errors import SolveError
from dispatch.problem import Problem
from dispatch.schedule import Proof, Schedule
from dispatch.search.portfolio import convex
from dispatch.signals import Array
from dispatch.solver.highs import Answer, Limits, Matrices, Run
from dispatch.solver.highs import run as search
from dispatch.units import sharing

_MOST_ROUNDS = 12
_PATIENT_ROUNDS = 5
BOTH_KW = 1e-3
_FEW_SWITCHES = 16
_LEAST_SHARE = 0.3  # of a solver's time for all rounds: what each has at least
_OWN_SHARE = 0.1  # of a plan's gap, what moving flows apart may take
_ROUNDED = 1e-6


def solve(problem: Problem, limits: Limits | None = None, *, run: Run | None = None, even: bool = False) -> Schedule:
    """The best schedule for the problem's present data.

    Relaxed switches of exclusive flows are made integral where the solution uses both flows, and the problem is solved
    again until none is left; every round's bound is valid, and the last one's is the tightest. Where that is often, or
    goes on elsewhere, all switches of the rows concerned become integral at once. Decisions that a kind's part allows
    and the kind cannot follow are held at some that it can, and the rest is solved around the best; the bound stays.
    In convex mode the plan is recovered from the relaxation, whose bound certifies its gap.

    Args:
        problem: compiled, with its data up to date.
        limits: gap and nodes at which the search ends.
        run: what solves the matrices; the default is the solver, and in convex mode the recovery.
        even: equal units share their load where nothing else changes; not for a ``run`` that holds one of them.

    Raises:
        SolveError: no feasible point was found.
    """
    limits = limits or Limits()
    if run is None:
        run = partial(convex, layout=problem.layout()) if problem.mode.commitment == "convex" else search
    asked, began = _Round(problem.compiled.matrices(), np.zeros(0, int)), time.perf_counter()
    while asked.place <= _MOST_ROUNDS:
        left = _left(limits, began)
        answer, both, asked = _answered(problem, asked, left, run)
        if both.size:
            asked = _branched(problem, asked, both)
            continue
        prices = _prices(problem, answer)
        again = _around_what_can_be_followed(problem, asked, answer, prices, partial(run, limits=left))
        if again is None:
            if even:
                _share_loads(problem)
            stated = _stated(problem, _bounded(answer, asked.outer, limits))
            made = problem.read(_proof(stated, asked.place + asked.more), prices, _cap_prices(problem, answer))
            return replace(made, reserve_price_per_kwh=_reserve_prices(problem, answer))
        asked = again
    raise SolveError("exclusive flows still overlap after branching: the kind's switch does not separate them")


def _share_loads(problem: Problem) -> None:
    """Equal units of the present point give equal power where that changes nothing else."""
    rows = problem.rows.get("thermal")
    if rows is None or rows.outage_h:
        return  # what a unit gives in an outage follows from its own load
    part = problem.parts["thermal"]
    series = {name: np.array(term.value, float) for name, term in part.series.items()}
    limited = frozenset(name for group in problem.site.groups for name in group.assets)
    for name, values in sharing.shared(rows, problem.inputs, series, limited).items():
        if name in problem.decisions("thermal") or name in part.inner:
            problem.variable("thermal", name).save_value(values)


@dataclass(frozen=True)
class _Round:
    """What one round of :func:`solve` asks.

    Attributes:
        matrices: the problem's, or with decisions that a kind cannot follow held at some that it can.
        whole: columns of switches that must be integral.
        start: a point to begin from, where there is one.
        outer: the bound before anything was held; None as long as nothing is.
        place: which round it is, counted from 1.
        more: searches that stood in for a round.
    """

    matrices: Matrices
    whole: np.ndarray
    start: Array | None = None
    outer: float | None = None
    place: int = 1
    more: int = 0


def _answered(problem: Problem, asked: _Round, limits: Limits, run: Run) -> tuple[Answer, np.ndarray, _Round]:
    """A round's answer, columns of switches whose flows run together in it, and the round with what it has taught.

    The answer's values are those of the problem's variables; where flows ran together and moving them apart costs less
    than the gap, it is the point in which they are apart.
    """
    answer = run(asked.matrices, limits, also_integer=asked.whole, start=asked.start)
    problem.take(answer.x)
    both, none = both_flows(problem), np.zeros(0, int)
    if not np.setdiff1d(both, asked.whole).size:
        return answer, none, asked
    every = np.union1d(asked.whole, _whole_rows(problem, both, every=True))
    apart = _apart(problem, asked.matrices, answer, every, limits, run)
    if apart is not None and apart.within(limits.gap):
        problem.take(apart.x)
        return apart, none, replace(asked, whole=every, start=apart.x, more=1)
    return answer, both, replace(asked, start=None if apart is None else apart.x)


def _branched(problem: Problem, asked: _Round, both: np.ndarray) -> _Round:
    """The next round, with the switches of flows that ran together integral."""
    # Where one step is forbidden, the next takes its place. A price that is negative for an hour is burnt in that
    # hour; one that is so all day in any step left relaxed: chasing that took 25 s, not 2 (4 stores, 96 steps).
    few = asked.place == 1 and both.size <= _FEW_SWITCHES
    columns = both if few else _whole_rows(problem, both, asked.place > _PATIENT_ROUNDS)
    return replace(asked, whole=np.union1d(asked.whole, columns), place=asked.place + 1)


def _around_what_can_be_followed(
    problem: Problem, asked: _Round, answer: Answer, prices: Array | None, run: Callable[..., Answer]
) -> _Round | None:
    """The next round around decisions that kinds can follow; None where they can follow the answer's, or it was one."""
    ways = [] if asked.outer is not None else _repaired(problem, asked.matrices, prices)
    if not ways:
        return None
    held = _best(ways, partial(run, also_integer=asked.whole))
    return replace(asked, matrices=held, outer=answer.bound, place=asked.place + 1)


def _left(limits: Limits, began: float) -> Limits:
    """The limits with what is left of the time for all rounds together, and never less than each round's share."""
    if limits.seconds is None:
        return limits
    return replace(limits, seconds=max(limits.seconds - (time.perf_counter() - began), _LEAST_SHARE * limits.seconds))


def _apart(
    problem: Problem, matrices: Matrices, answer: Answer, switches: np.ndarray, limits: Limits, run: Run
) -> Answer | None:
    """The best point with the answer's whole numbers in which flows that exclude each other are apart.

    Flows often run together only because it costs nothing: power that nobody needs may be burnt or left. A search in
    which the whole numbers are settled says so in a fraction of the time that another round takes. Where it does cost
    more than the gap allows, the point is what the next round begins from: with it a round takes a tenth of its time.

    First each switch stands where the greater of its two flows is, which leaves hardly more than a linear program: on a
    week of 336 steps 2 s, where a search near the relaxation had switches in each other's way and load shed after 5 s.
    """
    if problem.mode.commitment != "exact" or not matrices.integer.any():
        return None
    settled = _fixed(matrices, np.flatnonzero(matrices.integer), np.round(answer.x[matrices.integer]))
    own = replace(limits, gap=_OWN_SHARE * limits.gap)
    columns, side = _sides(problem, switches)
    sided: Answer | None = None
    with suppress(SolveError):
        sided = _parted(problem, answer, run(_fixed(settled, columns, side), own, also_integer=switches), switches)
    if sided is not None and sided.gap <= limits.gap:
        return sided
    try:
        found = run(settled, own, also_integer=switches, start=None if sided is None else sided.x)
    except SolveError:
        return sided
    return _parted(problem, answer, found, switches) or sided


def _parted(problem: Problem, answer: Answer, found: Answer, switches: np.ndarray) -> Answer | None:
    """``found`` as an answer to what ``answer`` is one to, if flows run together nowhere but at ``switches``."""
    problem.take(found.x)
    if np.setdiff1d(both_flows(problem), switches).size:
        return None
    bound, nodes = min(answer.bound, found.objective), answer.nodes + found.nodes
    return replace(found, quality=answer.quality, bound=bound, nodes=nodes)


def _fixed(matrices: Matrices, columns: np.ndarray, values: Array) -> Matrices:
    """The matrices with columns at values."""
    lower, upper = matrices.col_lower.copy(), matrices.col_upper.copy()
    lower[columns] = upper[columns] = values
    return replace(matrices, col_lower=lower, col_upper=upper)


def _sides(problem: Problem, switches: np.ndarray) -> tuple[np.ndarray, Array]:
    """Those of ``switches`` whose pair flows at present, and where they stand for the greater of both flows."""
    columns, sides = [np.zeros(0, int)], [np.zeros(0)]
    for pair in (pair for part in problem.parts.values() for pair in part.exclusive if pair.overlap is None):
        own, first, second = problem.compiled.columns(pair.switch), pair.first.value, pair.second.value
        flows = np.isin(own, switches) & (np.maximum(first, second) > BOTH_KW)
        columns.append(own[flows])
        sides.append((first >= second)[flows].astype(float))
    return np.concatenate(columns), np.concatenate(sides)


def both_flows(problem: Problem) -> np.ndarray:
    """Columns of switches whose two flows are both positive."""
    pairs = [pair for part in problem.parts.values() for pair in part.exclusive]
    found = [problem.compiled.columns(pair.switch)[pair.both_kw() > BOTH_KW] for pair in pairs]
    return np.concatenate([np.zeros(0, int), *found])


def _repaired(problem: Problem, matrices: Matrices, prices: Array | None) -> list[Matrices]:
    """The matrices with decisions that their kinds cannot follow held at values that they can, in each way there is."""
    ways: list[Matrices] = []
    for kind, rows in problem.rows.items():
        cls, part = type(rows.members[0]), problem.parts[kind]
        series = {name: np.array(x.value, float) for name, x in part.series.items()}
        price = None
        if prices is not None and all(getattr(member, "bus", None) is not None for member in rows.members):
            # Here-and-now decisions see what scenarios pay on average.
            price = prices.mean(axis=0)[rows.bus() % prices.shape[1]]
        made = cls.repaired(rows, problem.inputs, series, price)
        before = ways or [matrices]
        ways = [_held(one, problem, kind, values) for values in made for one in before] or ways
    return ways


def _best(ways: Sequence[Matrices], run: Callable[[Matrices], Answer]) -> Matrices:
    """The one whose optimum is lowest; the first where none has a point."""
    found = [(np.inf, 0)]
    for place, matrices in enumerate(ways):
        with suppress(SolveError):
            found.append((run(matrices).objective, place))
    return ways[min(found)[1]]


def _held(matrices: Matrices, problem: Problem, kind: str, values: Mapping[str, Array]) -> Matrices:
    """A kind's decisions held at values, with room for what rounding does to them."""
    lower, upper = matrices.col_lower.copy(), matrices.col_upper.copy()
    for name, value in values.items():
        at = problem.compiled.columns(problem.variable(kind, name))
        own = value[: at.shape[0]]
        lower[at] = np.maximum(own - _ROUNDED, lower[at])
        upper[at] = np.minimum(np.maximum(own + _ROUNDED, lower[at]), upper[at])
    return replace(matrices, col_lower=lower, col_upper=upper)


def _stated(problem: Problem, answer: Answer) -> Answer:
    """The answer with the objective that is documented: no less than the one that was minimised, so the bound holds."""
    total = problem.total
    return answer if total.stated is total.expression else replace(answer, objective=float(total.stated.value))


def _bounded(answer: Answer, outer: float | None, limits: Limits) -> Answer:
    """The answer with a bound found before something was held, if that is lower; a gap of rounding is none."""
    found = answer if outer is None else replace(answer, bound=min(answer.bound, outer))
    return replace(found, quality="incumbent") if found.quality == "optimal" and not found.within(limits.gap) else found


def _whole_rows(problem: Problem, columns: np.ndarray, every: bool = False) -> np.ndarray:
    """Columns of all steps of the switches that ``columns`` belong to; of every row of their kind, if told so."""
    found = [np.zeros(0, int)]
    for part in problem.parts.values():
        for pair in part.exclusive:
            own = problem.compiled.columns(pair.switch)
            mine = np.isin(own, columns).any(axis=1)
            found.append(own[mine | (every and mine.any())].ravel())
    return np.concatenate(found)


def _proof(answer: Answer, rounds: int, relaxed: tuple[str, ...] = ()) -> Proof:
    reached = (answer.objective, answer.bound, answer.gap, answer.nodes, rounds, answer.clock_fired)
    return Proof(answer.quality, *reached, relaxed)


def _prices(problem: Problem, answer: Answer) -> Array | None:
    """(scenario, bus, step) money per kWh: what one more kWh of demand at the bus would cost in its scenario.

    None where the answer has no duals, because its search was stopped on the way, and where money does not count.

    The dual of the bus's balance, less that of its injection into the network where limits hold, freed of the weight
    that the scenario's cost has in the objective (its probability, or more in the tail), of that which money has in
    it, and of the step's length.
    """
    shape = (problem.scenarios, len(problem.site.bus_names), problem.horizon.steps)
    objective = problem.site.objective
    if not objective.money or not np.isfinite(answer.row_dual).all():
        return None
    # cvxpy writes a row as −(left − right) = 0, so its dual is what one more kW of demand, negative at the left, costs.
    dual = answer.row_dual[problem.compiled.rows(problem.balance)].reshape(shape)
    for bus, constraint in problem.network.injected.items():
        dual[:, problem.site.bus_names.index(bus)] -= answer.row_dual[problem.compiled.rows(constraint)]
    scale = _weights(problem, answer)[:, None, None] * problem.horizon.hours
    return np.asarray(objective.in_money(dual) / scale)


def _weights(problem: Problem, answer: Answer) -> Array:
    """(scenario,) what a scenario's cost counts in the objective: its probability, or more in the tail."""
    if problem.total.priced is None:
        return np.ones(problem.scenarios)
    return np.asarray(np.maximum(np.abs(answer.row_dual[problem.compiled.rows(problem.total.priced)]), 1e-12))


def _reserve_prices(problem: Problem, answer: Answer) -> dict[str, Array]:
    """By direction, (scenario, step) money for a kW more that must be held for an hour; none without duals.

    A row is offered − asked ≥ 0, so its dual, however it is signed, is what asking for one kW more costs.
    """
    objective = problem.site.objective
    if not np.isfinite(answer.row_dual).all() or not objective.money:
        return {}
    scale = _weights(problem, answer)[:, None] * problem.horizon.hours
    shape = (problem.scenarios, problem.horizon.steps)
    duals = {name: answer.row_dual[problem.compiled.rows(row)] for name, row in problem.reserve.items()}
    return {name: objective.in_money(np.abs(dual)).reshape(shape) / scale for name, dual in duals.items()}


def _cap_prices(problem: Problem, answer: Answer) -> dict[str, Array]:
    """By cap on emissions, (scenario, window) by how much the objective falls per tonne that it is raised there.

    A row is emissions − excess ≤ cap, so its dual is never above zero; no more than the wish's penalty, weighted.
    """
    if not np.isfinite(answer.row_dual).all():
        return {}
    rows = zip(problem.total.breaches, problem.total.constraints, strict=False)
    found = {b.text: answer.row_dual[problem.compiled.rows(c)] for b, c in rows if b.limit is not None}
    return {text: np.abs(dual) * 1000 for text, dual in found.items()}


def recall(problem: Problem, schedule: Schedule) -> None:
    """Give the problem's variables the schedule's decisions; what is shared by all scenarios is one row of each."""
    for kind, solved in schedule.kinds.items():
        count, decided = solved.rows.count, {name: solved.series[name] for name in problem.decisions(kind)}
        problem.put(kind, {name: np.tile(v, (count // v.shape[0], 1)) for name, v in decided.items()})
