"""A small fleet and what it shares as one program: the reference that coordination is held against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import block_diag, coo_array, csc_array, csr_array, hstack, vstack

from dispatch.errors import SolveError
from dispatch.fleet.coordination.rounds import Round
from dispatch.fleet.coupling import Coupling
from dispatch.fleet.shared.gathered import Gathered
from dispatch.signals import Array
from dispatch.solve import both_flows
from dispatch.solver.highs import Answer, Limits, Matrices, continuous, run

_MOST_ROUNDS = 40


@dataclass(frozen=True, eq=False)
class Solution:
    """A plan of a fleet under what it shares.

    Attributes:
        points: (N,) of each site, its columns' values.
        effects: (N, Q) its quantities.
        y: (Y,) the columns of no site.
        price: (K,) money per unit of each row's activity; NaN where the plan has none.
        objective, bound: of the fleet, and a proven lower bound of it.
        nodes: of the search; rounds: how often it was begun.
        history: of a coordination, the bounds after each round.
        clock_fired: a clock ended it.
    """

    points: tuple[Array, ...]
    effects: Array
    y: Array
    price: Array
    objective: float
    bound: float
    nodes: int = 0
    rounds: int = 1
    clock_fired: bool = False
    history: tuple[Round, ...] = ()

    @property
    def gap(self) -> float:
        """Relative distance between objective and bound."""
        return max(self.objective - self.bound, 0.0) / max(abs(self.objective), 1e-9)


def whole(fleet: Gathered, coupling: Coupling, limits: Limits | None = None, *, relaxed: bool = False) -> Solution:
    """The fleet's optimum by one program of all sites.

    Switches of flows that exclude each other become whole numbers where a solution uses both, as in a site's own plan.

    Args:
        relaxed: whole numbers may be anything between their bounds.

    Raises:
        SolveError: nothing keeps all rows.
    """
    joined = _Whole(fleet, coupling)
    branched = np.zeros(0, int)
    for rounds in range(1, _MOST_ROUNDS + 1):
        answer = joined.solve(limits or Limits(), branched, relaxed=relaxed)
        both = np.zeros(0, int) if relaxed else np.setdiff1d(joined.both(answer.x), branched)
        if not both.size:
            return joined.solution(answer, rounds)
        branched = np.union1d(branched, both)
    raise SolveError("exclusive flows still overlap after branching: the kind's switch does not separate them")


class _Whole:
    """Sites side by side, then the columns of none; rows of the sites, the coupling's, the rest's own."""

    def __init__(self, fleet: Gathered, coupling: Coupling) -> None:
        self.fleet, self.coupling = fleet, coupling
        self.sites = [(group, k, group.stack.matrices(k)) for _, group, k in fleet.sites()]
        sizes = [matrices.cost.size for *_, matrices in self.sites]
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
        self.matrices = self._joined()
        count = self.matrices.row_upper.size
        first = count - len(coupling.names) - coupling.rest.rows.shape[0]
        self.coupling_rows = np.arange(first, first + len(coupling.names))

    def _joined(self) -> Matrices:
        own, rest = [matrices for *_, matrices in self.sites], self.coupling.rest
        zeros = csr_array((rest.rows.shape[0], int(self.starts[-1])))
        sites = block_diag([m.rows for m in own])
        rows = vstack(
            [
                hstack([sites, csr_array((sites.shape[0], len(rest.names)))]),
                hstack([self._effect(), rest.reach]),
                hstack([zeros, rest.rows]),
            ]
        )
        joined = self.coupling

        def all_of(name: str, *more: Array) -> Array:
            return np.concatenate([*[getattr(m, name) for m in own], *more])

        return Matrices(
            all_of("cost", rest.cost),
            sum(m.offset for m in own) + rest.offset,
            csc_array(rows),
            all_of("row_lower", joined.lower, rest.row_lower),
            all_of("row_upper", joined.upper, rest.row_upper),
            all_of("col_lower", rest.lower),
            all_of("col_upper", rest.upper),
            np.concatenate([*[m.integer for m in own], rest.integer]),
        )

    def _effect(self) -> csr_array:
        """(K, columns of all sites) what each column adds to each coupling row."""
        share = coo_array(self.coupling.share)
        places = np.array([self.starts[n] + group.entries for n, (group, *_) in enumerate(self.sites)])
        places = places.reshape(len(self.sites), -1)
        column = places[share.col, self.coupling.entry[share.row]]
        shape = (share.shape[0], int(self.starts[-1]))
        return csr_array(coo_array((share.data, (share.row, column)), shape=shape))

    def solve(self, limits: Limits, branched: np.ndarray, *, relaxed: bool) -> Answer:
        """One search."""
        if relaxed or not (self.matrices.integer.any() or branched.size):
            answer = continuous(self.matrices)
            if answer.quality != "optimal":
                raise SolveError("HiGHS stopped without the fleet's optimum")
            return answer
        return run(self.matrices, limits, also_integer=branched)

    def both(self, x: Array) -> np.ndarray:
        """Columns of switches whose two flows are both used."""
        found = [np.zeros(0, int)]
        for n, (_, group, k) in enumerate(self.fleet.sites()):
            problem = group.template.problem
            problem.update(group.members[k].inputs(self.fleet.scope.horizon), site=group.members[k].site)
            problem.take(self.point(x, n))
            found.append(self.starts[n] + both_flows(problem))
        return np.concatenate(found)

    def point(self, x: Array, n: int) -> Array:
        """One site's columns."""
        return x[self.starts[n] : self.starts[n + 1]]

    def solution(self, answer: Answer, rounds: int) -> Solution:
        """The program's answer, site by site."""
        points = tuple(self.point(answer.x, n) for n in range(len(self.sites)))
        effects = np.array(list(self._effects(points))).reshape(len(self.sites), self.coupling.quantities)
        y = answer.x[self.starts[-1] :]
        # A row's dual is what one more unit of its side costs; a unit of use costs as much as one unit less of it.
        price = -answer.row_dual[self.coupling_rows]
        return Solution(
            points, effects, y, price, answer.objective, answer.bound, answer.nodes, rounds, answer.clock_fired
        )

    def _effects(self, points: tuple[Array, ...]) -> Iterator[Array]:
        for (group, *_), point in zip(self.sites, points, strict=True):
            yield point[group.entries]
