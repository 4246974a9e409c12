r"""Carbon emission flow: the carbon of sources, followed along the power to loads and losses by proportional sharing.

With :math:`P_B[i,j] ≥ 0` the flow from i to j as received at j, :math:`P_G[k,i]` what source k injects at i, and the
throughput :math:`P_{N,i} = Σ_j P_B[j,i] + Σ_k P_G[k,i]`,

.. math:: e_N = (\mathrm{diag}(P_N) - P_B^T)^{-1} P_G^T e_G, \quad S = (\mathrm{diag}(P_N) - P_B^T)^{-1} P_G^T

are the intensity at every node and the share of each source in it (rows of S sum to 1). *Net*: a load takes over its
power times the intensity of its node, a branch its loss times that of its sending end. *Gross*: loads take over the
losses, too; with :math:`A_u = I - [P_{ij,send} / P_{N,i}]^T` and :math:`P_N` counted by what leaves, source k sends
:math:`x_k = A_u^{-1} P_G[k]` through the nodes, and a load at i gets :math:`x_{k,i} \, P_{L,i} / P_{N,i}`.

Both are one sparse solve per group of steps; nothing is followed branch by branch, so loops of flow do no harm. A node
without throughput has no intensity (NaN). A branch that takes up power at both ends carries nothing: each end's node
loses what it gives. Sinks are whatever is given as such: loads, exports, charging stores, shunts.

Sources: Bialek, IEE Proc. Gener. Transm. Distrib. 143 (4), 1996; Zhou et al. 2012; Kang et al., IEEE Trans. Smart Grid
6 (5), 2015; existence and uniqueness: arXiv 2308.03240.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse.linalg import splu

from dispatch.carbon.flows import Flows, ends, per_step, with_sources
from dispatch.carbon.named import Labels, sources
from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array

__all__ = ["Flows", "Losses", "Traced", "tracing"]

Losses = Literal["net", "gross"]
# Below this share of the step's greatest throughput a node counts as dead: what is left of a flow is rounding.
_DEAD = 1e-12
_UNKNOWNS = 40_000  # of one factorisation: several steps at once, side by side in one matrix


@dataclass(frozen=True, eq=False)
class Traced:
    """Where the carbon went. In units of power times intensity: kW and kg/kWh give kg/h.

    Attributes:
        throughput: (n, T) power through each node: received or injected (net), leaving with all losses (gross).
        intensity: (n, T) of what leaves each node; NaN where nothing passes. Gross: per unit of metered power.
        share: (K, n, T) of each source in it; None unless asked for.
        load: (n, T) carbon that loads take over.
        branch_loss: (M, T) carbon that branches take up; zero when gross.
        injected: (T,) carbon that sources bring.
        demand: (n, T) power that loads at each node answer for: as metered (net), with their share of losses (gross).
        labels: (n,) names of the nodes.
    """

    throughput: Array
    intensity: Array
    share: Array | None
    load: Array
    branch_loss: Array
    injected: Array
    demand: Array
    labels: Labels = ()

    @property
    def from_source(self) -> Array:
        """(K, n, T) power of each source that ends at each node's loads; adds up to ``demand``.

        Raises:
            DataError: traced without ``shares=True``.
        """
        if self.share is None:
            raise DataError("the shares of sources were not asked for; trace with shares=True")
        return np.asarray(np.nan_to_num(self.share) * self.demand)

    @property
    def residual(self) -> Array:
        """(T,) what loads and losses take over less what sources bring, as a share of the latter."""
        left = self.load.sum(axis=0) + self.branch_loss.sum(axis=0) - self.injected
        return np.asarray(left / np.maximum(np.abs(self.injected), np.finfo(float).tiny))


def tracing(
    flows: Flows | Iterable[Sequence[Any]],
    injections: ArrayLike | Mapping[Any, Any],
    intensities: ArrayLike | Mapping[Any, Any],
    *,
    at: ArrayLike | Iterable[Hashable] | None = None,
    losses: Losses = "net",
    shares: bool = False,
) -> Traced:
    """Trace the carbon of K sources through n nodes over T steps.

    Args:
        flows: the branches; or their rows, see :meth:`Flows.of`.
        injections: (K,) or (K, T) power of each source, not negative: generators, imports, discharging stores; or by
            node, one number or (T,) each.
        intensities: (K,) or (K, T) carbon per unit of energy of each source, or by node; one number for all.
        at: (K,) node of each source, by name where the flows have names; several may stand at one. By default the
            nodes in their order, one source per node.
        losses: who bears them: the branches (net) or the loads (gross).
        shares: also give each source's share at every node.

    Raises:
        DataError: a negative or missing number, a node that does not exist, or more that leaves a node than reaches it.
        AlignmentError: sources or steps differ in number.
    """
    injections, intensities, named = sources(injections, intensities)
    names = named if at is None else list(at)  # type: ignore[arg-type]  # an array is gone through as well
    if not isinstance(flows, Flows):
        flows = with_sources(list(flows), names or [])
    power = per_step(injections, "injections")
    if (power < 0).any() or not np.isfinite(power).all():
        source, step = np.argwhere(~(power >= 0))[0]
        raise DataError(f"injections: source {source} in step {step} is {power[source, step]}; accepted: 0 or more")
    node = _source_nodes(flows, names, len(power))
    if power.shape[1] != flows.steps:
        raise AlignmentError(f"injections have {power.shape[1]} steps and flows {flows.steps}; give the same")
    intensity = _source_intensities(intensities, power)
    wanted = _Wanted(flows, power, node, intensity, losses, shares)
    size = max(_UNKNOWNS // flows.nodes, 1)
    parts = [wanted.part(slice(first, first + size)) for first in range(0, flows.steps, size)]
    joined = [np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in _JOINED]
    share = np.concatenate([part.share for part in parts if part.share is not None], axis=-1) if shares else None
    throughput, at_nodes, *rest = joined
    return Traced(throughput, at_nodes, share, *rest, labels=flows.labels or tuple(range(flows.nodes)))


_JOINED = ("throughput", "intensity", "load", "branch_loss", "injected", "demand")


def _source_nodes(flows: Flows, names: list[Any] | None, count: int) -> np.ndarray:
    """(K,) position of each source's node."""
    if names is None:
        return ends(np.arange(count), flows.nodes, count)
    numbered = not flows.labels and not any(isinstance(name, str) for name in names)
    return ends(np.asarray(names) if numbered else flows.place(names), flows.nodes, count)


def _source_intensities(intensities: Any, power: Array) -> Array:
    given = per_step(np.atleast_1d(np.asarray(intensities, dtype=np.float64)), "intensities")
    if given.shape[0] not in (1, len(power)) or given.shape[1] not in (1, power.shape[1]):
        raise AlignmentError(f"intensities are {given.shape} for injections {power.shape}; give one for each source")
    if not np.isfinite(given).all():
        raise DataError("intensities: one is no number; accepted: finite numbers")
    return np.broadcast_to(given, power.shape)


@dataclass(frozen=True, eq=False)
class _Wanted:
    """One question, answered for some steps at a time."""

    flows: Flows
    power: Array
    node: np.ndarray
    source_intensity: Array
    losses: Losses
    shares: bool

    def part(self, steps: slice) -> Traced:
        """All steps of the slice in one factorisation."""
        n, power = self.flows.nodes, self.power[:, steps]
        sender, taker, sent, received = self.flows.directed(steps)
        lesser, lost_too = self.flows.given_away(steps)
        own = _onto(n, np.broadcast_to(self.node[:, None], power.shape), power)
        arrived = own + _onto(n, taker, received)
        sinks = arrived - _onto(n, sender, sent) - _onto(n, lesser, lost_too)
        alive = arrived > _DEAD * arrived.max(axis=0, initial=0.0)
        _refuse_from_nowhere(alive, sender, sent, arrived, steps.start)
        _refuse_more_than_came(sinks, arrived, steps.start)
        # Gross: what leaves a node is shared out among what is sent on and the sinks, so that no loss is left over;
        # what a branch takes up without giving any is borne where it is taken.
        moved = received if self.losses == "net" else np.where(received > 0, sent, 0.0)
        through = arrived if self.losses == "net" else _onto(n, sender, moved) + np.maximum(sinks, 0.0)
        solve = self._factors(alive, through, sender, taker, moved)
        carbon = power * self.source_intensity[:, steps]
        brought = _onto(n, np.broadcast_to(self.node[:, None], power.shape), carbon)
        held = solve(brought)  # net: intensity; gross: carbon through the node
        shares = self._shares(solve, power, through) if self.shares else None
        injected = carbon.sum(axis=0)
        if self.losses == "gross":
            per_unit = np.divide(held, through, out=np.full_like(held, np.nan), where=alive & (through > 0))
            load = np.where(alive, np.nan_to_num(per_unit) * np.maximum(sinks, 0.0), 0.0)
            gross = solve(own)
            borne = np.divide(gross * np.maximum(sinks, 0.0), through, out=np.zeros_like(gross), where=through > 0)
            return Traced(gross, per_unit, shares, load, np.zeros_like(sent), injected, borne)
        column = np.arange(sent.shape[1])
        known = np.where(alive, held, 0.0)
        lost = known[sender, column] * (sent - received) + known[lesser, column] * lost_too
        return Traced(arrived, np.where(alive, held, np.nan), shares, known * sinks, lost, injected, sinks)

    def _factors(
        self, alive: np.ndarray, through: Array, sender: np.ndarray, taker: np.ndarray, moved: Array
    ) -> _Solve:
        """What solves for one value per node and step; the steps stand side by side in one matrix."""
        n, t = alive.shape
        place = np.arange(t) * n
        row = (taker + place).ravel(order="F")
        column = (sender + place).ravel(order="F")
        size = through.ravel(order="F")
        diagonal = np.where(alive.ravel(order="F"), size if self.losses == "net" else 1.0, 1.0)
        value = moved.ravel(order="F")
        if self.losses == "gross":
            value = np.divide(value, size[column], out=np.zeros_like(value), where=size[column] > 0)
        value = np.where(alive.ravel(order="F")[row] & alive.ravel(order="F")[column], value, 0.0)
        matrix = sparse.csc_array(
            (np.append(-value, diagonal), (np.append(row, np.arange(n * t)), np.append(column, np.arange(n * t)))),
            shape=(n * t, n * t),
        )
        return _Solve(splu(matrix), alive)

    def _shares(self, solve: _Solve, power: Array, through: Array) -> Array:
        """(K, n, t): one right-hand side per source."""
        out = np.empty((len(power), *through.shape))
        for source, own in enumerate(power):
            alone = np.zeros_like(through)
            alone[self.node[source]] = own
            out[source] = solve(alone)
        if self.losses == "gross":
            total = out.sum(axis=0)
            out = np.divide(out, total, out=np.full_like(out, np.nan), where=total > 0)
        return np.where(solve.alive, out, np.nan)


@dataclass(frozen=True, eq=False)
class _Solve:
    """Factors of the steps' matrix, and which nodes are alive."""

    factors: Any
    alive: np.ndarray

    def __call__(self, right: Array) -> Array:
        """(n, t) for a right-hand side (n, t)."""
        kept = np.where(self.alive, right, 0.0).ravel(order="F")
        return np.asarray(self.factors.solve(kept)).reshape(right.shape, order="F")


def _onto(nodes: int, node: np.ndarray, values: Array) -> Array:
    """(n, t) sums of values (M, t) at their nodes (M, t)."""
    out = np.zeros((nodes, values.shape[1]))
    np.add.at(out, (node, np.broadcast_to(np.arange(values.shape[1]), node.shape)), values)
    return out


def _refuse_from_nowhere(alive: np.ndarray, sender: np.ndarray, sent: Array, arrived: Array, first: int) -> None:
    """A node that nothing reaches cannot send anything on."""
    column = np.broadcast_to(np.arange(sent.shape[1]), sent.shape)
    lost = ~alive[sender, column] & (sent > 1e-9 * np.maximum(arrived.max(axis=0, initial=0.0), 1e-9))
    if lost.any():
        branch, step = np.argwhere(lost)[0]
        raise DataError(
            f"step {first + step}: node {sender[branch, step]} sends {sent[branch, step]:g} into branch {branch}, "
            "but no source and no branch brings it any power; give every source of power as an injection"
        )


def _refuse_more_than_came(sinks: Array, arrived: Array, first: int) -> None:
    """More leaves a node than reaches it: a source is missing, and carbon would not add up."""
    short = sinks < -1e-6 * arrived.max(axis=0, initial=0.0)
    if short.any():
        node, step = np.argwhere(short)[0]
        raise DataError(
            f"step {first + step}: {arrived[node, step]:g} reaches node {node} and {-sinks[node, step]:g} more leaves "
            "it; give every source of power as an injection"
        )
