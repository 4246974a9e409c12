r"""The linear system of proportional sharing for several steps at once, ready for any carbon that sources bring.

The steps stand side by side in one sparse matrix. Net, its rows are scaled by the throughput, :math:`I - W` with
:math:`W_{ji} = P_B[i,j] / P_{N,j}`; gross, its columns by what leaves usefully, :math:`I - U` with
:math:`U_{ji} = P_{ij,send} / P_{N,i}`. Both are M-matrices with a diagonal of ones whatever the scale of the powers, so
that the factorisation needs no pivoting away from it.

*Alive* is a node that sources reach: one without throughput, or in which power circulates that no source brings, has no
intensity. *Useful* (gross) is a node from which power reaches a load: what a branch takes towards others is borne where
it is taken, and what a source gives that reaches no load at all is a loss of its node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from dispatch.carbon.flows import Flows
from dispatch.errors import DataError
from dispatch.signals import Array

Losses = Literal["net", "gross"]
# Shares of the step's greatest throughput. Below the first neither a node is alive nor a load one: it is rounding.
_DEAD = 1e-12
# What an AC solution leaves unbalanced: below it nothing counts as power from nowhere.
_ROUNDING = 1e-9
# A node may send on so much more than it gets, of its own and of the step's greatest throughput: rounded figures.
_UNBALANCED, _UNBALANCED_OF_ALL = 0.05, 0.01


@dataclass(frozen=True, eq=False)
class FlowSystem:
    """t steps of a network; powers as in the flows, carbon in the same times intensity.

    Attributes:
        losses: who bears them.
        alive: (n, t) which nodes have an intensity.
        through: (n, t) power through the nodes: received or injected (net), leaving usefully (gross).
        own: (n, t) of it, what sources inject.
        solve: (n, t) of a right-hand side (n, t): per unit of power (net), power or carbon through the node (gross).
    """

    losses: Losses
    alive: np.ndarray
    through: Array
    own: Array
    solve: Callable[[Array], Array]
    _sinks: Array
    _branches: _Branches

    def per_unit(self, brought: Array) -> Array:
        """(n, t) intensity of what leaves each node, for carbon (n, t) that sources bring there; NaN of dead nodes."""
        held = self.solve(brought / self._size if self.losses == "net" else brought)
        return np.asarray(np.where(self.alive, held / (1.0 if self.losses == "net" else self._size), np.nan))

    def throughput(self) -> Array:
        """(n, t) power through each node; gross: with all losses that its loads bear."""
        return self.through if self.losses == "net" else np.asarray(self.solve(self.own))

    def demand(self, throughput: Array) -> Array:
        """(n, t) power that loads answer for; gross: as much of what passes their node as they take of what leaves."""
        if self.losses == "net":
            return self._sinks
        return np.asarray(np.where(self.alive, throughput * self._sinks / self._size, 0.0))

    @property
    def _size(self) -> Array:
        return np.asarray(np.where(self.alive, self.through, 1.0))

    def borne(self, per_unit: Array, brought: Array) -> tuple[Array, Array, Array]:
        """Carbon of loads (n, t), branches (M, t) and losses at nodes (n, t) at some intensities."""
        known = np.where(self.alive, per_unit, 0.0)
        nowhere = np.where(self.alive, 0.0, brought)
        if self.losses == "gross":
            return known * self._sinks, np.zeros_like(self._branches.sent), nowhere
        at, column = self._branches, np.arange(brought.shape[1])
        lost = known[at.sender, column] * (at.sent - at.received) + known[at.lesser, column] * at.lost_too
        return known * self._sinks, lost, nowhere + known * at.shunt

    def shares(self, node: np.ndarray, power: Array) -> Array:
        """(K, n, t) of each source in what leaves the nodes: one right-hand side per source."""
        out = np.empty((len(power), *self.alive.shape))
        for source, own in enumerate(power):
            alone = np.zeros(self.alive.shape)
            alone[node[source]] = own
            out[source] = self.per_unit(alone)
        if self.losses == "gross":
            total = out.sum(axis=0)
            out = np.divide(out, total, out=np.full_like(out, np.nan), where=total > 0)
        return out

    @classmethod
    def of(cls, flows: Flows, steps: np.ndarray, node: np.ndarray, power: Array, losses: Losses) -> FlowSystem:
        """For some steps with a solution, of sources (K, t) at nodes (K,).

        Raises:
            DataError: power from nowhere.
        """
        at = _Branches.of(flows, steps)
        own = np.asarray(onto(node, flows.nodes) @ power)
        arrived = own + at.sums(at.taker, at.received)
        most = arrived.max(axis=0, initial=0.0)
        left = arrived - at.sums(at.sender, at.sent) - at.sums(at.lesser, at.lost_too)
        alive = arrived > _DEAD * most
        _refuse_from_nowhere(alive, left, arrived, most, steps, at, flows)
        sinks = left - at.shunt
        if losses == "net":
            return cls._net(at, own, arrived, sinks, alive, steps, flows)
        used = np.where(sinks > _DEAD * most, sinks, 0.0)
        reached = at.spread(own > 0, backward=False)
        _refuse_circulating(alive & ~reached, arrived, steps, flows)
        alive &= reached & at.spread(used > 0, backward=True)
        useful = alive[at.taker, np.arange(most.size)]
        moved = np.where((at.received > 0) & useful, at.sent, 0.0)
        through = at.sums(at.sender, moved) + used
        alive &= through > 0
        return cls("gross", alive, through, own, at.factors(alive, moved, through, by="sender"), used, at)

    @classmethod
    def _net(
        cls, at: _Branches, own: Array, arrived: Array, sinks: Array, alive: np.ndarray, steps: np.ndarray, flows: Flows
    ) -> FlowSystem:
        """Where sources reach all that is alive, which one more right-hand side tells, or else what they reach."""
        solve: Callable[[Array], Array] | None = None
        try:
            solve = at.factors(alive, at.received, arrived, by="taker")
            whole = solve(np.where(alive, own / np.where(alive, arrived, 1.0), 0.0))
            reached = bool(np.abs(whole - 1.0)[alive].max(initial=0.0) < 1e-6)
        except RuntimeError:  # scipy's word for a matrix that is singular
            reached = False
        if solve is None or not reached:
            of_all = alive & at.spread(own > 0, backward=False)
            _refuse_circulating(alive & ~of_all, arrived, steps, flows)
            alive, solve = of_all, at.factors(of_all, at.received, arrived, by="taker")
        return cls("net", alive, arrived, own, solve, sinks, at)


@dataclass(frozen=True, eq=False)
class _Branches:
    """What branches do in t steps, (M, t) each; shunts (n, t)."""

    nodes: int
    sender: np.ndarray
    taker: np.ndarray
    sent: Array
    received: Array
    lesser: np.ndarray
    lost_too: Array
    shunt: Array

    @classmethod
    def of(cls, flows: Flows, steps: np.ndarray) -> _Branches:
        shunt = np.zeros((flows.nodes, steps.size)) if flows.shunt is None else flows.shunt[:, steps]
        return cls(flows.nodes, *flows.directed(steps), *flows.given_away(steps), shunt)

    def sums(self, node: np.ndarray, values: Array) -> Array:
        """(n, t) sums of values (M, t) at their nodes (M, t)."""
        steps = values.shape[1]
        place = node * steps + np.arange(steps)
        found = np.bincount(place.ravel(), values.ravel(), minlength=self.nodes * steps)
        return np.asarray(found.reshape(self.nodes, steps))

    def spread(self, seen: np.ndarray, *, backward: bool) -> np.ndarray:
        """(n, t) nodes that power from those seen reaches, or from which power reaches them."""
        column = np.arange(seen.shape[1])
        behind, ahead = (self.taker, self.sender) if backward else (self.sender, self.taker)
        carries, seen = self.received > 0, seen.copy()
        for _ in range(self.nodes):
            found = self.sums(ahead, (carries & seen[behind, column]).astype(float)) > 0
            if not (found & ~seen).any():
                break
            seen |= found
        return seen

    def factors(
        self, alive: np.ndarray, moved: Array, size: Array, *, by: Literal["sender", "taker"]
    ) -> Callable[[Array], Array]:
        """What solves I − (moved as a share of the size of its sender or taker) among the nodes alive."""
        n, t = alive.shape
        place, column = np.arange(t) * n, np.arange(t)
        of = getattr(self, by)
        kept = (moved > 0) & alive[self.sender, column] & alive[self.taker, column]
        value = (moved / np.where(kept, size[of, column], 1.0))[kept]
        row, col = (self.taker + place)[kept], (self.sender + place)[kept]
        every = np.arange(n * t)
        matrix = sparse.csc_array(
            (np.append(-value, np.ones(n * t)), (np.append(row, every), np.append(col, every))), shape=(n * t, n * t)
        )
        return _Solve(splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0), alive)


@dataclass(frozen=True, eq=False)
class _Solve:
    """Factors of the steps' matrix, and which nodes are alive."""

    factors: Any
    alive: np.ndarray

    def __call__(self, right: Array) -> Array:
        """(n, t) for a right-hand side (n, t)."""
        kept = np.where(self.alive, right, 0.0).ravel(order="F")
        return np.asarray(self.factors.solve(kept)).reshape(right.shape, order="F")


def onto(node: np.ndarray, nodes: int) -> sparse.csr_array:
    """(n, K) what sums values of K sources at their nodes."""
    return sparse.csr_array((np.ones(node.size), (node, np.arange(node.size))), shape=(nodes, node.size))


def _refuse_from_nowhere(
    alive: np.ndarray, left: Array, arrived: Array, most: Array, steps: np.ndarray, at: _Branches, flows: Flows
) -> None:
    """A node cannot send on what no source and no branch brings."""
    lacking = -left
    known = np.where(alive, np.maximum(_UNBALANCED * arrived, _UNBALANCED_OF_ALL * most), 0.0)
    wrong = lacking > np.maximum(known, _ROUNDING * np.maximum(most, _ROUNDING))
    if not wrong.any():
        return
    node, step = np.argwhere(wrong)[0]
    mine = np.flatnonzero(at.sender[:, step] == node)
    branch = int(mine[np.argmax(at.sent[mine, step])]) if mine.size else -1
    where = (
        f"sends {at.sent[branch, step]:g} into branch {flows.branch_name(branch)}"
        if mine.size
        else f"loses {lacking[node, step]:g}"
    )
    some = f"but only {arrived[node, step]:g} arrives there"
    brought = some if arrived[node, step] > 0 else "but no source and no branch brings it any power"
    called = f"step {steps[step]}: node {flows.name(int(node))}"
    raise DataError(f"{called} {where}, {brought}; give every source of power as an injection")


def _refuse_circulating(unreached: np.ndarray, arrived: Array, steps: np.ndarray, flows: Flows) -> None:
    """Power that goes in a circle and comes from no source has no carbon; rounding that does so is dead."""
    large = unreached & (arrived > _ROUNDING * arrived.max(axis=0, initial=0.0))
    if large.any():
        node, step = np.argwhere(large)[0]
        raise DataError(
            f"step {steps[step]}: {arrived[node, step]:g} passes node {flows.name(int(node))}, but no source reaches "
            "it; give every source of power as an injection"
        )
