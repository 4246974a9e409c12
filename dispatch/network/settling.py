"""Giving back what limits around a far point have taken: linear limits again and again around the plan itself.

The loop of the proof ends with the first plan that holds. Limits drawn around a plan far outside may have pushed it
much further than the network asks for: a feeder that is asked for ten times what it carries may be left with nothing.
Here the limits that were passed at first are drawn anew around the last plan, and it is solved again, until it rests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dispatch.audit import audit
from dispatch.errors import SolveError
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.terms.network import NetworkLimits

if TYPE_CHECKING:
    from grid_models.limits import LinearLimits

_MOST_ROUNDS = 8
_REST_KW = 1.0
# A round that gains less than this share of the cost is the last one.
_LEAST_GAIN = 1e-4


class Looping(Protocol):
    """What is needed of the loop of :mod:`dispatch.network.check`."""

    def check(self, schedule: Schedule) -> Any:
        """A round of a schedule: it has that and its ``injections``."""
        ...

    def rows(self, first: Any, last: Any, previous: Sequence[LinearLimits | None]) -> list[LinearLimits]:
        """Limits around the last round."""
        ...

    def limits(self, rows: Sequence[LinearLimits]) -> NetworkLimits:
        """The limits for the problem."""
        ...


def settle(
    loop: Looping, problem: Problem, rounds: list[Any], again: Callable[[Problem], Schedule], states: int
) -> None:
    """Solve under limits drawn around the last plan until it moves no more; adds to ``rounds``."""
    first = rounds[0]
    rows: list[LinearLimits] = loop.rows(first, first, [None] * states)
    for _ in range(_MOST_ROUNDS):
        last = rounds[-1]
        rows = loop.rows(first, last, rows)
        problem.update(limits=loop.limits(rows))
        try:
            schedule = again(problem)
        except SolveError:
            return
        if not audit(schedule).passed:
            return
        rounds.append(loop.check(schedule))
        gained = abs(last.schedule.proof.objective - schedule.proof.objective)
        still = np.allclose(rounds[-1].injections.p_kw, last.injections.p_kw, rtol=0, atol=_REST_KW)
        if still or gained <= _LEAST_GAIN * abs(schedule.proof.objective):
            return
