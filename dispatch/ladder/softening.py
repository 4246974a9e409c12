"""The problem with soft limits: what no plan can keep is passed, as little as can be, and named.

Soft becomes what a kind calls ``relaxable`` (bands of stores, limits of a connection) and what groups share: each such
row gets an excess, dearer than anything the objective knows, shed load included. Wishes, reserve and network limits
have a shortfall of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dispatch.errors import SolveError
from dispatch.part import Violation
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.solver.highs import Answer, Limits, Matrices, Run
from dispatch.terms.called import NO_ROOM

_DEARER = 10.0


@dataclass(frozen=True)
class Softened:
    """A run whose relaxable rows are soft; its point is without the excess, and ``named`` says what may be passed."""

    problem: Problem
    run: Run

    def __call__(
        self,
        matrices: Matrices,
        limits: Limits,
        *,
        also_integer: np.ndarray | None = None,
        start: Array | None = None,
    ) -> Answer:
        """The point of the wider problem, without its excess.

        Raises:
            SolveError: nothing here can be relaxed, or that does not help either.
        """
        rows = self._rows()
        if not rows.size:
            raise SolveError("no asset has a limit that could be relaxed")
        # A point to begin from is one without excess: the solver works out what that must be.
        wider = _widened(matrices, rows, self._price(matrices))
        answer = self.run(wider, limits, also_integer=also_integer, start=start)
        return replace(answer, x=answer.x[: matrices.cost.size])

    def named(self, schedule: Schedule) -> Schedule:
        """The schedule on its rung; bound and gap are those of the problem with soft limits."""
        names = {
            (member.name, what)
            for kind, part in self.problem.parts.items()
            for what in part.relaxable
            for member in self.problem.rows[kind].members
        } | set(self.problem.group_limits)
        names |= {("site", NO_ROOM[direction]) for direction in self.problem.called}
        return replace(schedule, proof=replace(schedule.proof, quality="relaxed", may_pass=frozenset(names)))

    def _rows(self) -> np.ndarray:
        compiled = self.problem.compiled
        soft = [c for part in self.problem.parts.values() for c in part.relaxable.values()]
        found = [
            compiled.rows(c).ravel()
            for c in (*soft, *self.problem.group_limits.values(), *self.problem.called.values())
        ]
        return np.concatenate([np.zeros(0, int), *found])

    def _price(self, matrices: Matrices) -> float:
        """Above the dearest coefficient; with several scenarios costs stand in rows, not in the objective."""
        price = float(np.abs(matrices.cost).max())
        if self.problem.total.priced is not None:
            own = matrices.rows.tocsr()[self.problem.compiled.rows(self.problem.total.priced).ravel()]
            price = max(price, float(np.abs(own.data).max()))
        return _DEARER * price


def _widened(matrices: Matrices, rows: np.ndarray, price: float) -> Matrices:
    """a·x ≤ b becomes a·x − s ≤ b with s ≥ 0 at ``price``."""
    from scipy.sparse import csc_array, hstack

    count = rows.size
    excess = csc_array((np.full(count, -1.0), (rows, np.arange(count))), shape=(matrices.row_upper.size, count))

    def beside(values: Array, more: float) -> Array:
        return np.concatenate([values, np.full(count, more)])

    return replace(
        matrices,
        cost=beside(matrices.cost, price),
        rows=hstack([matrices.rows, excess], format="csc"),
        col_lower=beside(matrices.col_lower, 0.0),
        col_upper=beside(matrices.col_upper, np.inf),
        integer=np.concatenate([matrices.integer, np.zeros(count, bool)]),
    )


def passed(violations: Sequence[Violation]) -> tuple[str, ...]:
    """Each limit that was passed, in how many steps and by how much at most."""
    texts = []
    for asset, what in dict.fromkeys((v.asset, v.what) for v in violations):
        mine = [v for v in violations if (v.asset, v.what) == (asset, what)]
        worst = max(mine, key=lambda v: v.margin)
        steps = len({v.step for v in mine})
        text = f"{asset}: {what} in {steps} step{'s' if steps > 1 else ''}"
        texts.append(f"{text}, most{worst.place} by {worst.excess}")
    return tuple(texts)
