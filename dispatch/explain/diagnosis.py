"""Why something cannot be: the limits that contradict each other, and the least change that would resolve them.

HiGHS alone, in three steps. An elastic program finds how little must be missed (of one wish, or of all limits where
there is no plan at all); its duals say which limits are to blame. A deletion filter leaves those none of which can go.
Then each number of the park's file that moves these limits is changed by Newton's method until nothing is missed any
more, and the changed park is solved again: only what then really works is suggested, the cheapest day first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from dispatch.asset import Inputs
from dispatch.errors import ParkwattError
from dispatch.explain import naming
from dispatch.explain.fields import Twin
from dispatch.explain.figures import figure
from dispatch.explain.irreducible import filtered
from dispatch.explain.linear import Point, bounded, feasible, optimum, with_common_slack, with_slack, without_rows
from dispatch.explain.moments import spans
from dispatch.explain.naming import Entries, Named
from dispatch.explain.unmet import Elastic, Unmet, elastics, left_short
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solver.highs import Matrices

_TINY = 1e-7
_TOLERANCE = 1e-4
# Relaxing a decision by all of it is as much as this many kW: rather give way in powers.
_DECISION_KW = 1e4
_MOST_SINGLE = 200


@dataclass(frozen=True)
class Member:
    """One limit of an irreducible set.

    Attributes:
        rows: which rows of the twin's matrices are in the set.
        short: by how much the limit would have to give way in its worst step if nothing else did, in its unit; None
            where that alone is not enough.
        needs: steps in which it would have to.
    """

    named: Named
    steps: tuple[int, ...]
    rows: np.ndarray
    short: float | None = None
    needs: tuple[int, ...] = ()

    def text(self, horizon: Horizon) -> str:
        """``pcc: import at its upper limit (18:00–19:00, 6 kW too little)``."""
        amount = f"{figure(self.short, 3)} {self.named.unit} too little" if self.short and self.named.unit else ""
        if self.short and not self.named.unit:
            amount = f"would have to change at {spans(horizon, self.needs)}"
        inside = ", ".join(text for text in (spans(horizon, self.steps), amount) if text)
        return f"{self.named} ({inside})" if inside else str(self.named)


class Diagnosis:
    """One contradiction in a problem.

    Args:
        problem: with its data up to date; it is not touched, a twin of it is.
        wish: what a schedule leaves undone; None where there is no schedule at all.
        schedule: what else may stay undone, as far as it is there.
        twin: the problem's twin, where there already is one.

    Attributes:
        undecided: a search for the smallest set ended on its limit, so that ``set`` may hold a limit too many.
    """

    def __init__(
        self,
        problem: Problem,
        wish: Unmet | None = None,
        schedule: Schedule | None = None,
        *,
        twin: Twin | None = None,
    ) -> None:
        self.problem, self.wish, self.schedule = problem, wish, schedule
        self.twin = twin or Twin(problem)
        same = self.twin.problem
        self.base = same.compiled.matrices()
        self.columns: Entries = naming.columns(same)
        self.rows: Entries = naming.rows(same, self.base, self.columns)
        self.elastics = list(elastics(same))
        self.undecided = False

    @cached_property
    def _by_row(self) -> Any:
        return self.base.rows.tocsr()

    @cached_property
    def soft(self) -> np.ndarray:
        """Rows that could give way: an asset's inequalities, and equalities that only repeat what was given."""
        single = np.diff(self._by_row.indptr) == 1
        equal = np.isfinite(self.base.row_lower)
        owned = np.array([named.kind not in {"site", "bus"} for named in self.rows.names])
        return np.flatnonzero((self.rows.name >= 0) & owned[self.rows.name] & (~equal | single))

    def program(self, matrices: Matrices) -> Matrices:
        """How little must be missed, with these matrices: of the wish alone, or of every limit."""
        if self.wish is None:
            soft = self.soft
            weight = np.array([1.0 if self.rows.names[n].unit else _DECISION_KW for n in self.rows.name[soft]])
            return with_slack(matrices, soft, weight)
        wanted = self._wanted()
        cost = np.zeros_like(matrices.cost)
        cost[wanted.columns] = wanted.energy
        return bounded(replace(matrices, cost=cost, offset=0.0), self._others())

    def demanded(self, matrices: Matrices) -> Matrices:
        """The program in which nothing of the wish may be missed: contradictory as long as something is."""
        if self.wish is None:
            return matrices
        none = {int(c): (0.0, 0.0) for c in self._wanted().columns.ravel()}
        return bounded(matrices, self._others() | none)

    @cached_property
    def least(self) -> Point | None:
        """What must be missed at least, as things are."""
        return self.missing(self.base)[1]

    def missing(self, matrices: Matrices) -> tuple[float, Point | None]:
        """What must be missed at least with these matrices; infinity where even that has no answer.

        Without whole numbers first: if that alone says no, its duals tell more.
        """
        asked = self.program(matrices)
        point = optimum(replace(asked, integer=np.zeros_like(asked.integer)))
        if point is not None and point.objective <= _TOLERANCE:
            whole = asked.integer.copy()
            whole[self._switches] = True  # flows that exclude each other would burn in each other what is too much
            point = optimum(replace(asked, integer=whole)) if whole.any() else point
        return (np.inf if point is None else point.objective), point

    def missing_now(self, site: Site) -> float:
        """The same for a site of the same structure."""
        if site is self.problem.site and self.least is not None:
            return self.least.objective
        matrices = self.twin.fill(site)
        return np.inf if matrices is None else self.missing(matrices)[0]

    def at(self, site: Site, inputs: Inputs) -> Diagnosis | None:
        """The same question of a park that may differ in structure; None where that cannot be asked.

        Where the structure is this one's the twin is filled with it, else it is compiled anew.
        """
        if self.twin.fill(site, inputs) is not None:
            return self
        try:
            there = Problem(site, self.twin.inputs(site, inputs), self.problem.mode)
            there.update(weights=self.problem.weights)
            return Diagnosis(there, self.wish, self.schedule, twin=Twin(there, same=there))
        except (ParkwattError, ValueError):
            return None

    def missing_at(self, site: Site, inputs: Inputs) -> float:
        """What must be missed at least by such a park; infinity where it cannot be."""
        there = self.at(site, inputs)
        try:
            return np.inf if there is None else there.missing(there.twin.problem.compiled.matrices())[0]
        except ValueError:  # it has other windows than the schedule of what may stay undone
            return np.inf

    @property
    def contradictory(self) -> bool:
        """False where the wish could be met and the plan only finds it too dear."""
        return self.least is None or self.least.objective > _TOLERANCE

    @cached_property
    def set(self) -> list[Member]:
        """An irreducible set of limits: together with the balances they contradict, without any of them they do not."""
        if not self.contradictory:
            return []
        demanded, soft = self.demanded(self.base), self.soft

        def contradicts(rows: np.ndarray) -> bool:
            return self._impossible(without_rows(demanded, np.setdiff1d(soft, rows)))

        blamed = self._blamed()
        if blamed.size and self._alone(demanded, blamed)(np.intersect1d(soft, blamed)):
            # Rows with a dual contradict by themselves: the filter runs on them alone, a small part of the program.
            found = self._filtered(np.intersect1d(soft, blamed), self._alone(demanded, blamed))
        else:
            found = self._filtered(soft, contradicts)
        # Beside all other rows again, one limit of the set may have become needless.
        return self._grouped(np.concatenate([np.zeros(0, int), *filtered(self._by_name(found), contradicts)]))

    def _impossible(self, matrices: Matrices) -> bool:
        """Has it been proved that there is no point; a search that ends undecided is noted, and leaves limits in."""
        found = feasible(matrices)
        self.undecided = self.undecided or found == "unknown"
        return found == "no"

    def _filtered(self, rows: np.ndarray, contradicts: Callable[[np.ndarray], bool]) -> np.ndarray:
        """Whole limits first, then their single steps as long as these are few."""
        groups = filtered(self._by_name(rows), contradicts)
        left = np.concatenate([np.zeros(0, int), *groups])
        if left.size > _MOST_SINGLE:
            return left
        return np.concatenate([np.zeros(0, int), *filtered([np.array([row]) for row in left], contradicts)])

    def _by_name(self, rows: np.ndarray) -> list[np.ndarray]:
        return [rows[self.rows.name[rows] == n] for n in np.unique(self.rows.name[rows])]

    def _blamed(self) -> np.ndarray:
        """Rows, of whatever sort, that a dual of the elastic program points at."""
        if self.least is None:
            return np.zeros(0, int)
        return np.flatnonzero(np.abs(self.least.row_dual) > _TINY)

    def _alone(self, demanded: Matrices, blamed: np.ndarray) -> Callable[[np.ndarray], bool]:
        """Do some of the blamed rows contradict, with the hard ones among these and nothing else."""
        hard = np.setdiff1d(blamed, self.soft)
        by_row = demanded.rows.tocsr()

        def contradicts(rows: np.ndarray) -> bool:
            kept = np.concatenate([hard, rows])
            low, high = demanded.row_lower[kept], demanded.row_upper[kept]
            return self._impossible(replace(demanded, rows=by_row[kept].tocsc(), row_lower=low, row_upper=high))

        return contradicts

    @cached_property
    def _switches(self) -> np.ndarray:
        """Columns of the relaxed switches of flows that exclude each other."""
        same = self.twin.problem
        pairs = [pair for part in same.parts.values() for pair in part.exclusive]
        return np.concatenate([np.zeros(0, int), *(same.compiled.columns(pair.switch).ravel() for pair in pairs)])

    @cached_property
    def of_whole_numbers(self) -> bool:
        """Only on/off decisions stand in the way: with parts of a unit it could be."""
        asked = self.program(self.base)
        point = optimum(replace(asked, integer=np.zeros_like(asked.integer)))
        return self.contradictory and point is not None and point.objective <= _TOLERANCE

    def owners(self) -> list[str]:
        """Assets that a dual of the elastic program points at; those with on/off decisions where these are to blame."""
        if self.least is None:
            return []
        if self.of_whole_numbers:
            deciding = self.columns.name[self.base.integer]
            return sorted({self.columns.names[n].asset for n in deciding if n >= 0})
        names = {self.rows.names[n].asset for n in self.rows.name[self._blamed()] if n >= 0}
        return [asset.name for asset in self.problem.site.assets if asset.name in names]

    def _grouped(self, rows: np.ndarray) -> list[Member]:
        by_name: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            by_name[int(self.rows.name[row])].append(int(row))
        return [self._member(n, np.array(found)) for n, found in by_name.items()]

    def _member(self, name: int, rows: np.ndarray) -> Member:
        """A limit, and how far it would have to give way, alone and as little as possible."""
        alone = np.flatnonzero(self.rows.name == name)
        steps = tuple(sorted({int(step) for step in self.rows.step[rows] if step >= 0}))
        point = optimum(with_common_slack(self.demanded(self.base), alone))
        if point is None:
            return Member(self.rows.names[name], steps, rows)
        over = np.abs(np.maximum(self._by_row[alone] @ point.x[:-1] - self.base.row_upper[alone], 0.0))
        needs = tuple(sorted({int(step) for step in self.rows.step[alone[over > _TOLERANCE]] if step >= 0}))
        return Member(self.rows.names[name], steps, rows, float(point.objective), needs)

    def _wanted(self) -> Elastic:
        assert self.wish is not None
        key = self.wish.elastic.key
        return next(elastic for elastic in self.elastics if elastic.key == key)

    def _others(self) -> dict[int, tuple[float, float]]:
        """Everything else that is as dear to leave undone is left so no more than it is now."""
        return dict(self._bounds())

    def _bounds(self) -> Iterator[tuple[int, tuple[float, float]]]:
        wanted = self._wanted()
        assert self.schedule is not None
        for elastic in self.elastics:
            if elastic is wanted or elastic.price_per_kwh < wanted.price_per_kwh * (1 - _TINY):
                continue
            left = left_short(elastic, self.schedule)
            for column, value in zip(elastic.columns.ravel(), left.ravel(), strict=True):
                yield int(column), (0.0, max(float(value), 0.0) + _TINY)
