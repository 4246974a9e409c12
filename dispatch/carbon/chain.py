r"""Carbon that moves from node to node by shares, all steps side by side in one factorisation, stores through time.

A node passes the carbon C that comes to it on to other nodes by shares f; what is not passed on stays where it is read:
at loads, in losses, in stores. With own carbon b put in at nodes,

.. math:: C_j = b_j + Σ_i f_{ij} C_i, \qquad C = (I - F^T)^{-1} b .

Loops do no harm. A store is a node, too: in each step what it holds is put in, and what it does not pass on it holds
after the step. So b is known but for the few stores' content. The chain is solved once for everything else and once
for a unit of each store, at all nodes and steps at once; then the contents follow each other through time in arrays as
small as the number of stores. A queue gives back first what came first.

Contents at the start enter linearly and are carried along as unknowns, so that they may be stated afterwards: given, or
as clean as what the store is charged with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from dispatch.signals import Array

_UNKNOWNS = 20_000  # of one factorisation
# Carbon goes round a loop that nothing leaves for ever; so little of it is let go that no sum shows it.
_STAYS = 1 - 1e-15


@dataclass(frozen=True, eq=False)
class Stores:
    """K stores.

    Attributes:
        node: (K,) at which a store's carbon is put in and passed on.
        inlet: (K,) node at which its carbon arrives: its own, but for a queue.
        taken: (K, T) share of what comes to the inlet that is in the store after the step.
        kept: (K, T) share of the content's carbon that is put in; the rest is lost standing. All of a mixed store is
            put in, and what is left of it is counted again; of a queue, what leaves.
        queue: (K,) whether it is one.
        reach: (K, T + 1) energy that has left a queue by each edge [kWh]; what was in it at the start comes first.
        entered: (K, T + 1) energy that has entered, from its first content on [kWh].
    """

    node: np.ndarray
    inlet: np.ndarray
    taken: Array
    kept: Array
    queue: np.ndarray
    reach: Array
    entered: Array

    @property
    def count(self) -> int:
        """K."""
        return int(self.node.size)


@dataclass(frozen=True, eq=False)
class Carried:
    """Carbon through a chain.

    Attributes:
        node_kg: (N, T) that comes to each node.
        held_kg: (K, T + 1) in stores at the edges.
        put_in_kg: (K, T) of stores, put in at their nodes.
    """

    node_kg: Array
    held_kg: Array
    put_in_kg: Array


@dataclass(frozen=True, eq=False)
class Chain:
    """Nodes and the shares that they pass on.

    Attributes:
        nodes: N.
        source, target: (A,) nodes of each arc.
        share: (A, T) of the source's carbon that goes to the target; those of a node add up to 1 at most.
        own_kg: (N, T) carbon put in.
        stores: nodes that remember.
    """

    nodes: int
    source: np.ndarray
    target: np.ndarray
    share: Array
    own_kg: Array
    stores: Stores

    @property
    def steps(self) -> int:
        """T."""
        return int(self.own_kg.shape[1])

    def carried(self, start: Start) -> Carried:
        """All carbon, once it is known what stores held at the start."""
        if not self.stores.count:
            joined = [solve(self.own_kg[:, steps]) for steps, solve in self._solvers()]
            empty = np.zeros((0, self.steps))
            return Carried(np.concatenate(joined, axis=1), np.zeros((0, self.steps + 1)), empty)
        responses = [self._response(steps, solve) for steps, solve in self._solvers()]
        follow = _Follow(self.stores, *(np.concatenate(part, axis=-1) for part in zip(*responses, strict=True)))
        known = np.append(1.0, start.content_kg(self.stores, follow))
        put_in = np.tensordot(follow.put_in, known, axes=([1], [0]))
        held = np.tensordot(follow.held, known, axes=([1], [0]))
        own = self.own_kg.copy()
        np.add.at(own, self.stores.node, put_in)
        joined = [solve(own[:, steps]) for steps, solve in self._solvers()]
        return Carried(np.concatenate(joined, axis=1), held, put_in)

    def _solvers(self) -> Iterator[tuple[slice, _Solve]]:
        """Factors of some steps at a time; those of a short chain are made once."""
        size = max(_UNKNOWNS // max(self.nodes, 1), 1)
        if self.steps <= size:
            yield slice(0, self.steps), self._only
            return
        for first in range(0, self.steps, size):
            steps = slice(first, min(first + size, self.steps))
            yield steps, self._factors(steps)

    @cached_property
    def _only(self) -> _Solve:
        return self._factors(slice(0, self.steps))

    def _factors(self, steps: slice) -> _Solve:
        share = self.share[:, steps] * _STAYS
        count, n = share.shape[1], self.nodes
        arc, step = np.nonzero(share)
        place = np.arange(n * count)
        row, column = (np.append(step * n + nodes[arc], place) for nodes in (self.target, self.source))
        value = np.append(-share[arc, step], np.ones(n * count))
        matrix = sparse.csc_array((value, (row, column)), shape=(n * count, n * count))
        # Shares add up to 1 at most, so the diagonal needs no pivoting.
        return _Solve(splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0))

    def _response(self, steps: slice, solve: _Solve) -> tuple[Array, Array]:
        """What arrives at stores' inlets of own carbon (K, t), and of a unit put in at each store (K, K, t)."""
        at = self.stores.inlet
        base = solve(self.own_kg[:, steps])[at]
        unit = np.empty((at.size, self.stores.count, base.shape[1]))
        for k, node in enumerate(self.stores.node):
            alone = np.zeros((self.nodes, base.shape[1]))
            alone[node] = 1.0
            unit[:, k] = solve(alone)[at]
        return base, unit


@dataclass(frozen=True)
class _Solve:
    """Factors of one matrix."""

    factors: Any

    def __call__(self, right: Array) -> Array:
        """(N, t) for own carbon (N, t)."""
        return np.asarray(self.factors.solve(right.ravel(order="F"))).reshape(right.shape, order="F")


@dataclass(frozen=True, eq=False)
class _Follow:
    """Stores through time; every carbon is affine in the contents at the start, so it has 1 + K columns.

    Attributes:
        base: (K, T) what arrives at inlets of own carbon.
        unit: (K, K, T) of a unit put in at each store.
    """

    stores: Stores
    base: Array
    unit: Array

    @cached_property
    def _walked(self) -> tuple[Array, Array, Array]:
        stores, (count, steps), queue = self.stores, self.base.shape, self.stores.queue
        held, put_in = np.zeros((count, 1 + count, steps + 1)), np.zeros((count, 1 + count, steps))
        brought = np.zeros((count, 1 + count, steps))
        held[:, 1:, 0] = np.eye(count)
        lines = {int(k): _Line(stores.entered[k], stores.reach[k], count, int(k)) for k in np.flatnonzero(queue)}
        for t in range(steps):
            given = stores.kept[:, t, None] * held[:, :, t]
            for k, line in lines.items():
                given[k] = line.leaving(t)
            arrived = self.unit[:, :, t] @ given
            arrived[:, 0] += self.base[:, t]
            taken = stores.taken[:, t, None] * arrived
            put_in[:, :, t] = given
            brought[:, :, t] = np.where(queue[:, None], taken, arrived - given)
            held[:, :, t + 1] = np.where(queue[:, None], held[:, :, t] + taken - given, taken)
            for k, line in lines.items():
                line.enters(t, taken[k])
        return held, put_in, brought

    @property
    def held(self) -> Array:
        """(K, 1 + K, T + 1) at the edges."""
        return self._walked[0]

    @property
    def put_in(self) -> Array:
        """(K, 1 + K, T)."""
        return self._walked[1]

    @property
    def brought(self) -> Array:
        """(K, 1 + K, T) what enters from outside."""
        return self._walked[2]


class _Line:
    """A queue's carbon by the energy that has entered: leaving is reading it off further along."""

    def __init__(self, entered: Array, reach: Array, count: int, own: int) -> None:
        first = float(entered[0])
        self._edges = np.append(0.0, entered)
        self._carbon = np.zeros((entered.size + 1, 1 + count))
        self._carbon[1, 1 + own] = float(first > 0)  # what is in it at the start
        place = np.clip(np.searchsorted(self._edges, reach, side="left") - 1, 0, entered.size - 1)
        width = self._edges[place + 1] - self._edges[place]
        inside = np.divide(reach - self._edges[place], width, out=np.ones_like(reach), where=width > 0)
        self._place, self._inside = place, np.clip(inside, 0.0, 1.0)

    def _until(self, edge: int) -> Array:
        low, high = self._carbon[self._place[edge]], self._carbon[self._place[edge] + 1]
        return np.asarray(low + self._inside[edge] * (high - low))

    def leaving(self, step: int) -> Array:
        """(1 + K,) carbon that leaves in a step."""
        return self._until(step + 1) - self._until(step)

    def enters(self, step: int, carbon: Array) -> None:
        """Carbon that entered in a step joins behind."""
        self._carbon[step + 2] = self._carbon[step + 1] + carbon


@dataclass(frozen=True, eq=False)
class Start:
    """Content of stores at the start.

    Attributes:
        energy_kwh: (K,) held.
        gained_kwh: (K,) that enter the content over all steps.
        kg_per_kwh: (K,) its intensity; NaN: that of what enters.
        otherwise: intensity where nothing enters either.
    """

    energy_kwh: Array
    gained_kwh: Array
    kg_per_kwh: Array
    otherwise: float

    def content_kg(self, stores: Stores, follow: _Follow) -> Array:
        """(K,): with w the carbon of what enters, x = e w(x) / gained, which is linear."""
        given = np.isfinite(self.kg_per_kwh)
        asked = ~given & (self.gained_kwh > 0) & (self.energy_kwh > 0)
        stated = np.where(given, self.kg_per_kwh, self.otherwise) * self.energy_kwh
        if not asked.any():
            return np.asarray(stated)
        brought = follow.brought.sum(axis=2)
        per = np.where(asked, self.energy_kwh / np.where(asked, self.gained_kwh, 1.0), 0.0)
        matrix = np.eye(stores.count) - per[:, None] * brought[:, 1:]
        right = np.where(asked, per * brought[:, 0], stated)
        try:
            found = np.linalg.solve(matrix, right)
        except np.linalg.LinAlgError:
            return np.asarray(stated)
        sound = np.isfinite(found).all() and (found >= -1e-9 * np.abs(found).max(initial=0.0)).all()
        return np.asarray(np.maximum(found, 0.0) if sound else stated)
