"""One compiled problem at many caps of its emissions, each solved from where the last one ended.

The problem's linear program stands in a solver with two rows more: expected emissions at most the cap, and expected
penalties at most those of the cheapest plan. From cap to cap only a bound changes, so the dual simplex method goes on
from its last basis. A second copy keeps the whole numbers of the plan before: where the relaxation is torn, it says
what these numbers cost under the new cap, and the relaxation how much better others could be at the most. Only where
that is more than the gap asked for, others are searched, beginning with these.

Source: Laumanns, Thiele & Zitzler 2006, doi 10.1016/j.ejor.2004.08.029 (caps one after the other); Mavrotas 2009,
doi 10.1016/j.amc.2009.03.037 (a little of the second aim in the first keeps points efficient).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, vstack

from dispatch.errors import SolveError
from dispatch.front.branching import MOST_BRANCHES, branched
from dispatch.front.points import How
from dispatch.search.hunt import hunt
from dispatch.search.recovery import by_plants, planned
from dispatch.signals import Array
from dispatch.solver.highs import Answer, Layout, Limits, Matrices
from dispatch.solver.highs import run as search
from dispatch.solver.program import Program

if TYPE_CHECKING:
    pass

# Of the cost, what the emissions weigh beside it: far above the solver's tolerance, far below the gap.
BESIDE = 1e-5
_REMEMBERED = 3
ALL = _REMEMBERED + 1  # points to take whole numbers from: the plans remembered, and the relaxation's
_WHOLE = 1e-6
_FEW = 12  # branches that settle flows which must not run together, once all else is settled
_OWN_GAP = 1e-6
_MOST_TORN = 24  # columns: of more, a few branches settle too few


@dataclass(frozen=True)
class Aim:
    """What one solve minimises, and under which caps.

    Attributes:
        cost: (column,) money, with a little of the emissions.
        cap_kg: of expected emissions that the columns decide about.
        penalty_most: of expected penalties likewise.
        near_kg: about what it will emit.
        still: columns that stay at nothing.
        reusing: from how many points whole numbers are tried: the last plans', then the relaxation's, rounded. At the
            edge of what can be reached they hardly ever fit, and to see that takes long.
        searching: without it, a SolveError stands for whole numbers that would have to be searched for.
    """

    cost: Array
    near_kg: float
    cap_kg: float = np.inf
    penalty_most: float = np.inf
    still: tuple[int, ...] = ()
    reusing: int = ALL
    searching: bool = True


class Walk:
    """What solves a problem's matrices at one cap after another; takes the place of a search in :mod:`dispatch.solve`.

    Attributes:
        aim: what the next solve is for.
        how: where the last point's whole numbers come from.
        price_per_kg: the last point's dual of the cap [money/kg], ≥ 0.
        at_whole: is that price of a program with its whole numbers settled, instead of one without any to settle?
        x: (column,) the last point.
    """

    def __init__(
        self,
        matrices: Matrices,
        layout: Layout,
        carbon_kg: Array,
        penalty: Array,
        overlapping: Callable[[Array], np.ndarray],
        *,
        exact: bool,
    ) -> None:
        self._size = matrices.row_upper.size
        self._exact, self._overlapping = exact, overlapping
        self._layout = Layout(np.concatenate([layout.coupling, self._size + np.arange(2)]), layout.step)
        self._rows = vstack([matrices.rows, csr_array(np.vstack([carbon_kg, penalty]))], format="csc")
        self._known: list[Array] = []
        self._whole = np.flatnonzero(matrices.integer)
        self._relaxed: Program | None = None
        self._settled: Program | None = None
        self.aim = Aim(matrices.cost, np.inf)
        self.how: How = "relaxation"
        self.price_per_kg, self.at_whole = 0.0, False
        self.x = np.zeros(0)

    def __call__(
        self, matrices: Matrices, limits: Limits, *, also_integer: np.ndarray | None = None, start: Array | None = None
    ) -> Answer:
        """The problem's matrices at the aim; the duals that come back are those of the problem's own rows.

        Raises:
            SolveError: nothing keeps the cap.
        """
        del start
        asked = self._asked(matrices, also_integer)
        found = self._found(asked, self._relax(asked), limits)
        self.price_per_kg = max(-float(found.row_dual[self._size]), 0.0)
        self.x = found.x
        return replace(found, row_dual=found.row_dual[: self._size])

    def relaxed(self, matrices: Matrices) -> Array:
        """(column,) the point of the aim without whole numbers.

        Raises:
            SolveError: nothing keeps the cap.
        """
        return self._relax(self._asked(matrices, None)).x

    def _relax(self, asked: Matrices) -> Answer:
        self._relaxed = self._relaxed or Program(asked)
        relaxed = self._relaxed.solve(asked, self.aim.near_kg)
        if relaxed is None:
            raise SolveError("no plan emits so little")
        return relaxed

    def _asked(self, matrices: Matrices, also_integer: np.ndarray | None) -> Matrices:
        """The matrices with the aim's cost and the two rows more."""
        integer = matrices.integer.copy()
        integer[[] if also_integer is None else also_integer] = True
        still = list(self.aim.still)
        lower, upper = matrices.col_lower.copy(), matrices.col_upper.copy()
        lower[still], upper[still] = np.minimum(lower[still], 0), np.minimum(upper[still], 0)
        return replace(
            matrices,
            cost=self.aim.cost,
            col_lower=lower,
            col_upper=upper,
            rows=self._rows,
            row_lower=np.concatenate([matrices.row_lower, [-np.inf, -np.inf]]),
            row_upper=np.concatenate([matrices.row_upper, [self.aim.cap_kg, self.aim.penalty_most]]),
            integer=integer,
        )

    def _torn(self, x: Array) -> np.ndarray:
        """Columns that must be whole and are not, and switches whose two flows run together."""
        whole = self._whole[np.abs(x[self._whole] - np.round(x[self._whole])) > _WHOLE]
        return np.concatenate([whole, self._overlapping(x)])

    def _found(self, asked: Matrices, relaxed: Answer, limits: Limits) -> Answer:
        self.at_whole = False
        if not self._torn(relaxed.x).size:
            self.how = "relaxation"
            self._remember(relaxed.x)
            return relaxed
        self.at_whole = True
        self.how, best = "reused", self._reused(asked, relaxed, limits) if self.aim.reusing else None
        if best is None or not best.within(limits.gap):
            self.how, best = "branched", self._branched(asked, relaxed, best, limits)
        if best is None or not best.within(limits.gap):
            if not self.aim.searching:
                raise SolveError("no whole numbers at hand emit so little")
            self.how, best = "searched", self._searched(asked, relaxed, limits, best)
        self._remember(best.x)
        return best

    def _reused(self, asked: Matrices, relaxed: Answer, limits: Limits) -> Answer | None:
        """The best of the plans before with their whole numbers kept; the first that is good enough."""
        best: Answer | None = None
        for known in (*reversed(self._known), relaxed.x)[: self.aim.reusing]:
            found = self._with(asked, known)
            if found is not None and (best is None or found.objective < best.objective):
                best = replace(found, quality="convex_recovery", bound=min(relaxed.bound, found.objective))
                if best.within(limits.gap):
                    break
        return best

    def _with(self, asked: Matrices, known: Array) -> Answer | None:
        """The best there is once every whole number is that of ``known``, rounded."""
        assert self._relaxed is not None
        kept = np.round(known[self._whole])
        if (kept < asked.col_lower[self._whole]).any() or (kept > asked.col_upper[self._whole]).any():
            return None  # held elsewhere since
        fixed = _held(asked, self._whole, kept)
        self._settled = self._settled or self._relaxed.copy(fixed)
        found = self._settled.solve(fixed, self.aim.near_kg)
        if found is None or not self._overlapping(found.x).size:
            return found
        return branched(self._settled.solve, fixed, self._overlapping, found, None, _OWN_GAP, _FEW)

    def _branched(self, asked: Matrices, relaxed: Answer, best: Answer | None, limits: Limits) -> Answer | None:
        """A few branches from the relaxation's last basis."""
        if self._relaxed is None or self._torn(relaxed.x).size > _MOST_TORN:
            return best
        # At the edge of what can be reached hardly any branch has a point, and what is given up there is searched for.
        most = MOST_BRANCHES if self.aim.reusing or self.aim.searching else _FEW
        found = branched(self._relaxed.solve, asked, self._torn, relaxed, best, limits.gap, most)
        return None if found is None else replace(found, quality="convex_recovery")

    def _searched(self, asked: Matrices, relaxed: Answer, limits: Limits, best: Answer | None) -> Answer:
        """Other whole numbers, from the best there are."""
        if self._exact:
            if best is None:
                return hunt(asked, limits)
            found = search(asked, limits, start=best.x, searching=False)
            return replace(found, bound=max(found.bound, min(relaxed.objective, found.objective)))
        plants = by_plants(asked, self._layout, limits, time.perf_counter())
        if best is not None and not self._left(asked, best.x).size:
            plants.take(best.objective, best.x)
        plants.first()
        plants.around()
        return planned(asked, plants)

    def _left(self, asked: Matrices, x: Array) -> np.ndarray:
        """Columns that the search takes for whole and are not in a point: switches of flows that stand still."""
        return np.flatnonzero(asked.integer & (np.abs(x - np.round(x)) > _WHOLE))

    def _remember(self, x: Array) -> None:
        """The latest whole numbers last, each once."""
        own = np.round(x[self._whole])
        others = [one for one in self._known if not np.array_equal(np.round(one[self._whole]), own)]
        self._known = [*others, x][-_REMEMBERED:]


def _held(matrices: Matrices, columns: np.ndarray, values: Array) -> Matrices:
    lower, upper = matrices.col_lower.copy(), matrices.col_upper.copy()
    lower[columns] = upper[columns] = values
    return replace(matrices, col_lower=lower, col_upper=upper)
