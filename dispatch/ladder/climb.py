"""Never without an answer: one rung after the other until a schedule passes the audit.

``optimal`` → ``incumbent`` → ``convex_recovery`` → ``relaxed`` → ``last_good`` → ``rule_based`` → ``safe_state``. The
first four need a solver, the rest do not. Which rung it was, and why none above it, goes into the schedule's proof.

Without a deadline everything runs here and limits count nodes, so that the same inputs give the same schedule. With
one, the rungs that need no solver are built first: from then on there is an audited schedule in hand. Only then the
solver starts, in a process of its own that is killed when its share of the time is over; what it has found until then
counts. A caller who can kill this very process may ask for a clock instead: solvers then end by themselves in time, and
what hangs is the caller's to end.

Where a search ends far from its bound, the answer is the cheapest plan of all rungs that pass no limit: what the park
does by itself may be better than what was found so far.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from dispatch.audit import Audit, audit
from dispatch.errors import InfeasibleError, ParkwattError, SolveError, TimeUpError
from dispatch.ladder.earlier import EarlierPlan
from dispatch.ladder.fallback import last_good as from_before
from dispatch.ladder.fallback import safe_state
from dispatch.ladder.plausible import plausible
from dispatch.ladder.softening import Softened, passed
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Attempt, Schedule
from dispatch.search.hunt import hunt
from dispatch.search.recovery import recover
from dispatch.signals import Array
from dispatch.solve import solve
from dispatch.solver.highs import Answer, Layout, Limits, Matrices, Point, Quality, Run
from dispatch.solver.highs import run as search
from dispatch.solver.worker import Worker
from dispatch.units.commitment import OFF_ALONE

# Of the time left for solvers: what the full search may take, then the recovery, then the problem with soft limits.
_SHARES: dict[Quality, float] = {"optimal": 0.6, "convex_recovery": 0.6, "relaxed": 1.0}
# The solver's own clock ends before its process is killed, so that its best point comes with duals and a bound.
_OWN_CLOCK = 0.8
# What reading and auditing one more schedule may take, in times of what the lower rungs took.
_FINISHING = 2.0
_LEAST_S = 0.05
# Kept back of a deadline: killing a process that hangs takes its time, too.
_SPARE = 0.05
# A gap that is no reason to look at other rungs. What the park does by itself is rarely this near the optimum.
_NEAR = 0.01


@dataclass(frozen=True)
class Climbed:
    """The schedule of the highest rung that was reached, its audit, and the better rungs with what kept them away."""

    schedule: Schedule
    audit: Audit
    attempts: tuple[Attempt, ...]


def climb(
    problem: Problem,
    limits: Limits | None = None,
    *,
    deadline_s: float | None = None,
    clock_s: float | None = None,
    last_good: Schedule | EarlierPlan | None = None,
    run: Callable[..., Answer] = search,
    worker: Worker | None = None,
) -> Climbed:
    """The best schedule that passes the audit, before the deadline if there is one.

    Args:
        problem: compiled, with its data up to date.
        limits: gap and nodes at which a search ends.
        deadline_s: time until the answer is there [s]; None: no clock, and the same inputs give the same schedule.
        clock_s: time after which solvers end by themselves [s], in this process; of no meaning beside a deadline.
        last_good: the plan before, whose horizon may have begun earlier.
        run: what solves linear and integer programs; with a deadline it travels to the worker by its module and name.
        worker: a process to reuse; without one, a deadline starts its own.

    Raises:
        SolveError: not even the safe state passes the audit, its own limits named.
    """
    ladder = _Ladder(problem, limits or Limits(), last_good)
    if deadline_s is None:
        until = np.inf if clock_s is None else time.monotonic() + clock_s
        return ladder.best(_Here(run, until))
    until = time.monotonic() + (1 - _SPARE) * deadline_s
    with ExitStack() as stack:
        worker = worker or stack.enter_context(Worker())
        worker.start()  # it loads its libraries while the lower rungs are built
        began = time.monotonic()
        floor = ladder.first(ladder.unsolved())
        finishing_s = _FINISHING * (time.monotonic() - began)
        ladder.attempts.clear()
        return ladder.best(_There(run, worker, until - finishing_s), floor)


def unsolved(problem: Problem, last_good: Schedule | EarlierPlan | None, reason: str) -> Climbed:
    """The best schedule that needs no solver and passes the audit, where there is no time or way for one.

    Args:
        problem: compiled, with its data up to date.
        last_good: the plan before.
        reason: why no solver is asked, for the schedule's proof.

    Raises:
        SolveError: not even the safe state passes the audit, its own limits named.
    """
    ladder = _Ladder(problem, Limits(), last_good)
    ladder.attempts += [Attempt(rung, reason) for rung in ("optimal", "incumbent", "convex_recovery", "relaxed")]
    return ladder.first(ladder.unsolved())


class _Solver(ABC):
    """Where and within which time matrices are solved."""

    def __init__(self, run: Callable[..., Answer], until: float) -> None:
        self.run, self.until = run, until
        self.trouble: SolveError | None = None
        self.rung_until = np.inf

    def __call__(
        self,
        matrices: Matrices,
        limits: Limits,
        *,
        also_integer: np.ndarray | None = None,
        start: Array | None = None,
    ) -> Answer:
        """The full search."""
        found = self.ask(hunt, matrices, limits, also_integer=also_integer, start=start, run=self.run)
        return plausible(matrices, found)

    def recover(
        self,
        matrices: Matrices,
        limits: Limits,
        *,
        also_integer: np.ndarray | None = None,
        start: Array | None = None,
        switches: np.ndarray,
    ) -> Answer:
        """Whole numbers near the relaxation; once exclusive flows have run together, all their switches among them.

        Where the relaxation leads there is no use for ``start``.
        """
        del start
        more = also_integer if also_integer is None or not also_integer.size else switches
        found = self.ask(recover, matrices, limits, also_integer=more, run=self.run)
        return replace(plausible(matrices, found), quality="convex_recovery")

    def relax(
        self,
        matrices: Matrices,
        limits: Limits,
        *,
        also_integer: np.ndarray | None = None,
        start: Array | None = None,
        layout: Layout,
    ) -> Answer:
        """Convex commitment: whole numbers near the relaxation, plant by plant, and its bound; never with a start."""
        del start
        named: dict[str, Any] = {"also_integer": also_integer, "layout": layout, "run": self.run}
        return plausible(matrices, self.ask(recover, matrices, limits, **named))

    def begin(self, share: float) -> None:
        """A rung begins that may take ``share`` of the time left."""
        self.trouble = None
        now = time.monotonic()
        self.rung_until = now + share * (self.until - now)

    def within(self, limits: Limits, left_s: float) -> Limits:
        """The limits with a clock of the solver's own that ends before the time does."""
        return replace(limits, seconds=min(_OWN_CLOCK * left_s, limits.seconds or np.inf))

    @abstractmethod
    def ask(self, function: Callable[..., Answer], matrices: Matrices, limits: Limits, **named: Any) -> Answer:
        """Whatever goes wrong in ``function`` comes out as a SolveError."""


class _Here(_Solver):
    """In this process, without a clock or by the solver's own."""

    def ask(self, function: Callable[..., Answer], matrices: Matrices, limits: Limits, **named: Any) -> Answer:
        if np.isfinite(self.rung_until):
            left_s = self.rung_until - time.monotonic()
            if left_s < _LEAST_S:
                raise TimeUpError("no time was left for it")
            limits = self.within(limits, left_s)
        try:
            return function(matrices, limits, **named)
        except ParkwattError:
            raise
        except Exception as error:  # whatever a solver raises, there are rungs below
            raise SolveError(f"the solver failed with {type(error).__name__}: {error}") from error


class _There(_Solver):
    """In the worker, each rung within its share of the time."""

    def __init__(self, run: Callable[..., Answer], worker: Worker, until: float) -> None:
        super().__init__(run, until)
        self.worker = worker

    def ask(self, function: Callable[..., Answer], matrices: Matrices, limits: Limits, **named: Any) -> Answer:
        left_s = self.rung_until - time.monotonic()
        if left_s < _LEAST_S or not self.worker.ready(left_s - _LEAST_S):
            raise TimeUpError("no time was left for it")
        left_s = self.rung_until - time.monotonic()
        call = self.worker.call(function, matrices, self.within(limits, left_s), seconds=left_s, **named)
        if not call.failed:
            answered: Answer = call.result
            return answered
        error = TimeUpError if call.clock_fired else InfeasibleError if call.infeasible else SolveError
        self.trouble = error(call.failed)
        if not call.improved:
            raise self.trouble
        best = call.improved[-1]
        if not isinstance(best, Point):
            raise SolveError(f"{call.failed}; on its way the solver reported {type(best).__name__}")
        no_duals = np.full(matrices.row_upper.size, np.nan)
        return Answer("incumbent", best.x, no_duals, best.objective, best.bound, 0, call.clock_fired)


Rung = tuple[Quality, Callable[[], Schedule]]


@dataclass
class _Ladder:
    """One climb: what it climbs for, and what kept it from the rungs it has tried."""

    problem: Problem
    limits: Limits
    before: Schedule | EarlierPlan | None
    attempts: list[Attempt] = field(default_factory=list)

    def solved(self, solver: _Solver) -> Iterator[Rung]:
        """Rungs that need a solver, best first."""
        is_convex = self.problem.mode.commitment == "convex"
        recovering: Run = partial(solver.recover, switches=self._switches())
        if is_convex:
            recovering = partial(solver.relax, layout=self.problem.layout())
            self.attempts.append(Attempt("optimal", "the park asks for convex commitment"))
        softened = Softened(self.problem, solver)

        def made(rung: Quality, run: Run) -> Schedule:
            solver.begin(_SHARES[rung])
            schedule = solve(self.problem, self.limits, run=run, even=True)
            if rung == "optimal":
                self._short_of_optimal(schedule, solver)
            return softened.named(schedule) if rung == "relaxed" else schedule

        if not is_convex:
            yield "optimal", lambda: made("optimal", solver)
        yield "convex_recovery", lambda: made("convex_recovery", recovering)
        yield "relaxed", lambda: made("relaxed", softened)

    def unsolved(self) -> Iterator[Rung]:
        """Rungs that need none."""
        before = self.before
        if before is None:
            self.attempts.append(Attempt("last_good", "there is no plan before this one"))
        else:
            yield "last_good", lambda: _honest(from_before(self.problem, before), OFF_ALONE)
        yield "rule_based", lambda: _honest(rule_based(self.problem), OFF_ALONE)
        yield "safe_state", lambda: _honest(safe_state(self.problem))

    def best(self, solver: _Solver, floor: Climbed | None = None) -> Climbed:
        """The first of the solver's rungs that is near its bound; where none is, the cheapest of all that hold.

        A search that ended early may have found less than what the park does by itself.

        Args:
            solver: what solves, and where.
            floor: what the rungs without a solver came to, where they were built before.

        Raises:
            SolveError: no rung passes the audit.
        """
        far: list[Climbed] = []
        for rung, made in self.solved(solver):
            if far and rung == "relaxed":
                break  # nothing has to pass a limit where there are plans that do not
            if far and far[0].schedule.proof.clock_fired and self.limits.seconds is not None:
                # Its time is over: another rung is worth more of it only where the park does better by itself.
                floor = floor or self._own()
                if not _undercuts(floor, far[0]):
                    break
            climbed = self._tried(rung, made)
            if climbed is None:
                continue
            proof = climbed.schedule.proof
            if proof.gap <= max(self.limits.gap, _NEAR) or rung == "relaxed":
                return climbed
            far.append(climbed)
            reason = f"{proof.objective:,.0f}, {proof.gap:.1%} above its bound, costs more than what is below it"
            self.attempts.append(Attempt(proof.quality, reason, proof.clock_fired))
        return self._cheapest(far, floor)

    def first(self, rungs: Iterable[Rung]) -> Climbed:
        """The first rung whose schedule passes the audit; those above it are added to ``attempts``.

        Raises:
            SolveError: none does.
        """
        for rung, made in rungs:
            climbed = self._tried(rung, made)
            if climbed is not None:
                return climbed
        raise SolveError("no plan: " + "; ".join(f"{a.rung}: {a.reason}" for a in self.attempts))

    def _own(self) -> Climbed | None:
        """The first of the rungs without a solver that holds, if any; what kept it from others goes with it."""
        tried, self.attempts = self.attempts, []
        try:
            return self.first(self.unsolved())
        except SolveError:
            return None
        finally:
            self.attempts = tried

    def _cheapest(self, far: list[Climbed], floor: Climbed | None) -> Climbed:
        """Of plans far from their bounds and the highest rung without a solver, the one of the least objective."""
        if floor is None and not far:
            return self.first(self.unsolved())
        floor = floor or self._own()
        best = min(far, key=lambda climbed: climbed.schedule.proof.objective, default=None)
        if best is not None and not _undercuts(floor, best):
            return best
        assert floor is not None
        return _placed(floor.schedule, floor.audit, (*self.attempts, *floor.attempts))

    def _tried(self, rung: Quality, made: Callable[[], Schedule]) -> Climbed | None:
        """A rung's schedule, if it passes the audit; else why not is added to ``attempts``."""
        try:
            schedule = made()
        except SolveError as error:
            self._missed(rung, str(error), isinstance(error, TimeUpError), isinstance(error, InfeasibleError))
            return None
        found = audit(schedule)
        if found.passed:
            return _placed(schedule, found, tuple(self.attempts))
        self._missed(rung, f"audit: {found.violations[0]}", schedule.proof.clock_fired)
        return None

    def _missed(self, rung: Quality, reason: str, clock_fired: bool, infeasible: bool = False) -> None:
        self.attempts.append(Attempt(rung, reason, clock_fired, infeasible))
        if rung == "optimal":  # one search stands for both
            self.attempts.append(Attempt("incumbent", "the search left no point that passes the audit", clock_fired))

    def _short_of_optimal(self, schedule: Schedule, solver: _Solver) -> None:
        """Where the search ended early, why."""
        if schedule.proof.quality == "incumbent":
            ended = str(solver.trouble or ("the clock" if schedule.proof.clock_fired else "a limit of the search"))
            reason = f"ended by {ended}" if solver.trouble is None else ended
            gap = f"gap {schedule.proof.gap:.2%}"
            self.attempts.append(Attempt("optimal", f"{reason}; {gap}", schedule.proof.clock_fired))

    def _switches(self) -> np.ndarray:
        """Columns of the switches of all exclusive flows."""
        compiled = self.problem.compiled
        found = [compiled.columns(p.switch).ravel() for part in self.problem.parts.values() for p in part.exclusive]
        return np.concatenate([np.zeros(0, int), *found])


def _undercuts(below: Climbed | None, above: Climbed) -> bool:
    """Does it cost less, and not for the reason that it passes limits?"""
    if below is None or below.schedule.proof.relaxed or below.schedule.proof.may_pass:
        return False
    return below.schedule.proof.objective < above.schedule.proof.objective


def _honest(schedule: Schedule, *what: str) -> Schedule:
    """The schedule with leave to pass what limits it cannot hold, or ``what`` of them; the audit then lists them."""
    broken = [v for v in audit(schedule).violations if v.fault == "limit" and (not what or v.what in what)]
    allowed = frozenset((v.asset, v.what) for v in broken)
    return replace(schedule, proof=replace(schedule.proof, may_pass=allowed))


def _placed(schedule: Schedule, found: Audit, attempts: tuple[Attempt, ...]) -> Climbed:
    """The schedule with its place on the ladder written into its proof."""
    proof = schedule.proof
    placed = replace(
        proof,
        relaxed=(*proof.relaxed, *(text for text in passed(found.relaxed) if text not in proof.relaxed)),
        reason="; ".join(f"{a.rung.replace('_', ' ')}: {a.reason}" for a in attempts),
        attempts=attempts,
        clock_fired=proof.clock_fired or any(a.clock_fired for a in attempts),
    )
    return Climbed(replace(schedule, proof=placed), found, attempts)
