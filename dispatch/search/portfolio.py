"""Two processes on one problem: one proves the bound, the other improves the plan; each hands the other what it finds.

The prover is a plain branch and bound that leaves looking for plans to its partner and prunes with the plans it gets.
The partner is :class:`~dispatch.search.recovery.Search`. Bound and plan may come from either. It needs a deadline, and
because two clocks run, two runs can end differently: the answer says that a clock fired.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from dispatch.errors import SolveError
from dispatch.search.blocks import simplified
from dispatch.search.neighbourhoods import Search
from dispatch.search.recovery import by_plants, planned, recover, with_whole
from dispatch.signals import Array
from dispatch.solver.highs import Answer, Layout, Limits, Matrices, load

_REPORT_S = 0.5
# Below, one process is done before a second one has started; above, its search never leaves the root.
_FEW_ENTRIES, _MOST_ENTRIES = 50_000, 400_000
_FINISHING = 0.03
_GRACE_S = 5.0


@dataclass
class _Told:
    """What the prover has said so far, and the objective of the last plan it was given."""

    bound: float = -np.inf
    given: float = np.inf
    nodes: int = 0
    done: bool = False


def convex(
    matrices: Matrices,
    limits: Limits,
    *,
    also_integer: np.ndarray | None = None,
    start: Array | None = None,
    layout: Layout | None = None,
) -> Answer:
    """The recovery; with a deadline, and where searching the whole may get somewhere, both at once."""
    if limits.seconds is None or not _FEW_ENTRIES < matrices.rows.nnz < _MOST_ENTRIES:
        return recover(matrices, limits, also_integer=also_integer, layout=layout)
    answer = improve_and_prove(matrices, limits, also_integer=also_integer, start=start, layout=layout)
    return replace(answer, quality="convex_recovery")


def improve_and_prove(
    matrices: Matrices,
    limits: Limits,
    *,
    also_integer: np.ndarray | None = None,
    start: Array | None = None,
    layout: Layout | None = None,
) -> Answer:
    """The best plan and bound that both processes find before ``limits.seconds`` are over.

    Args:
        matrices: the whole problem.
        limits: gap at which both stop; the deadline is required.
        also_integer: columns that must be integral beside those the model declares.
        start: a plan that is already there.
        layout: what joins the blocks, and when columns are.

    Raises:
        SolveError: neither found a plan.
    """
    if limits.seconds is None:
        raise SolveError("a portfolio needs a deadline: without one its answer would depend on the machine alone")
    began = time.perf_counter()
    whole = with_whole(matrices, also_integer)
    working = replace(limits, seconds=limits.seconds * (1 - _FINISHING))
    with _companion(_prove, simplified(whole), working) as pipe:
        told, box = _Told(), _Mailbox(pipe)
        search = by_plants(whole, layout, working, began)
        if start is not None:
            search.take(float(whole.cost @ start + whole.offset), start)
        else:
            search.first()
        _exchange(pipe, box, told, search)
        while not (search.late() or told.done or search.gap <= limits.gap):
            search.around(rounds=1)
            _exchange(pipe, box, told, search)
    found = planned(whole, search)
    proven = found.within(limits.gap)
    clock = search.late() and not proven
    nodes = search.nodes + told.nodes
    return replace(found, quality="optimal" if proven else "incumbent", nodes=nodes, clock_fired=clock)


class _Mailbox:
    """What comes through a pipe, read at once by a thread of its own: a pipe that nobody reads stops its writer."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._waiting, self.gone = pipe, deque[Any](), False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while True:
                self._waiting.append(self._pipe.recv())
        except (EOFError, OSError, TypeError):  # TypeError: closed from this side in the midst of a read
            self.gone = True

    def taken(self) -> Iterator[Any]:
        """Everything that has come since the last time."""
        while self._waiting:
            yield self._waiting.popleft()


def _exchange(pipe: Connection, box: _Mailbox, told: _Told, search: Search) -> None:
    """Take what the prover has said; give it the best plan."""
    for bound, plan, told.nodes, told.done in box.taken():
        told.bound = max(told.bound, bound)
        if plan is not None:
            search.take(*plan)
    search.bound = max(search.bound, told.bound)
    if search.best is not None and search.objective < told.given and not box.gone:
        told.given = search.objective
        with suppress(OSError):  # the prover is gone; what it proved stands, and the search goes on alone
            pipe.send((search.objective, search.best))


@contextmanager
def _companion(target: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    """``target(*arguments, pipe)`` in a process of its own; the other end of the pipe here. It ends with the block."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=target, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield mine
    finally:
        mine.close()
        process.join(0.1)
        if process.is_alive():
            process.kill()
            process.join(_GRACE_S)


class _Partner:
    """The prover's end of the pipe, asked by the solver's callbacks."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe, self.box = pipe, _Mailbox(pipe)
        self.said = 0.0
        self.given = np.inf
        self.waiting: Array | None = None
        self.gone = False

    def interrupt(self, event: Any) -> None:
        """Called often: say the bound now and then, and stop when nobody listens any more."""
        if time.perf_counter() - self.said > _REPORT_S:
            self.said = time.perf_counter()
            self.say(event.data_out.mip_dual_bound, None, event.data_out.mip_node_count)
        if self.gone:
            event.data_in.user_interrupt = True

    def improved(self, event: Any) -> None:
        """A better plan: hand it over, unless it is the partner's own."""
        out = event.data_out
        if out.objective_function_value < self.given - 1e-9 * abs(self.given):
            plan = (float(out.objective_function_value), np.array(out.mip_solution))
            self.say(out.mip_dual_bound, plan, out.mip_node_count)

    def offer(self, event: Any) -> None:
        """Give the solver the partner's plan."""
        self.listen()
        if self.waiting is not None:
            event.data_in.setSolution(self.waiting)
            self.waiting = None

    def say(self, bound: float, plan: tuple[float, Array] | None, nodes: int, done: bool = False) -> None:
        """To the partner."""
        try:
            self.pipe.send((float(bound), plan, int(nodes), done))
        except OSError:
            self.gone = True

    def listen(self) -> None:
        """Take the partner's latest plan."""
        for objective, plan in self.box.taken():
            if objective < self.given - 1e-9 * abs(objective):
                self.given, self.waiting = objective, plan
        self.gone = self.gone or self.box.gone


def _prove(matrices: Matrices, limits: Limits, pipe: Connection) -> None:
    """In the child: branch and bound that leaves most of the looking for plans to the partner."""
    import highspy

    solver, partner = load(matrices), _Partner(pipe)
    solver.setOptionValue("mip_rel_gap", limits.gap)
    solver.setOptionValue("time_limit", float(limits.seconds or np.inf))
    for option in ("mip_heuristic_run_rens", "mip_heuristic_run_rins", "mip_heuristic_run_root_reduced_cost"):
        solver.setOptionValue(option, False)
    solver.cbMipInterrupt.subscribe(partner.interrupt)
    solver.cbMipImprovingSolution.subscribe(partner.improved)
    solver.cbMipUserSolution.subscribe(partner.offer)
    solver.run()
    info, plan = solver.getInfo(), None
    if info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
        plan = (float(info.objective_function_value), np.array(solver.getSolution().col_value))
    partner.say(info.mip_dual_bound, plan, info.mip_node_count, done=True)
