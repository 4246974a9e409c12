r"""Carbon emission flow: the carbon of sources, followed along the power to loads and losses by proportional sharing.

With :math:`P_B[i,j] ≥ 0` the flow from i to j as received at j, :math:`P_G[k,i]` what source k injects at i, and the
throughput :math:`P_{N,i} = Σ_j P_B[j,i] + Σ_k P_G[k,i]`,

.. math:: e_N = (\mathrm{diag}(P_N) - P_B^T)^{-1} P_G^T e_G, \quad S = (\mathrm{diag}(P_N) - P_B^T)^{-1} P_G^T

are the intensity at every node and the share of each source in it (rows of S sum to 1). *Net*: a load takes over its
power times the intensity of its node, a branch its loss times that of its sending end. *Gross*: loads take over the
losses, too; with :math:`A_u = I - [P_{ij,send} / P_{N,i}]^T` and :math:`P_N` counted by what leaves, source k sends
:math:`x_k = A_u^{-1} P_G[k]` through the nodes, and a load at i gets :math:`x_{k,i} \, P_{L,i} / P_{N,i}`.

Both are one sparse solve per group of steps; nothing is followed branch by branch, so loops of flow do no harm. A node
without throughput has no intensity (NaN); nor has, gross, one from which no power reaches a load. A branch that takes
up power at both ends carries nothing: each end's node loses what it gives. Sinks are whatever leaves a node otherwise:
loads, exports, charging stores. Shunts are losses of their node. A step without a solution (flows NaN throughout) is
NaN throughout.

Sources: Bialek, IEE Proc. Gener. Transm. Distrib. 143 (4), 1996; Zhou et al. 2012; Kang et al., IEEE Trans. Smart Grid
6 (5), 2015; existence and uniqueness: arXiv 2308.03240.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dispatch.carbon.flow_system import FlowSystem, Losses, onto
from dispatch.carbon.flows import Flows, ends, per_step, with_sources
from dispatch.carbon.named import Labels, by_node, numbers
from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array

__all__ = ["Flows", "Losses", "Sources", "Traced", "blank", "fill", "grouped", "known_losses", "tracing"]

_UNKNOWNS = 10_000  # of one factorisation: several steps at once; measured best between 4 000 and 160 000
# A power below zero by no more than this share of the step's greatest is a zero that a solver has rounded.
_ROUNDED = 1e-9


@dataclass(frozen=True, eq=False)
class Traced:
    """Where the carbon went. In units of power times intensity: kW and kg/kWh give kg/h.

    Attributes:
        throughput: (n, T) power through each node: received or injected (net), leaving with all losses (gross).
        intensity: (n, T) of what leaves each node; NaN where nothing passes. Gross: per unit of metered power.
        share: (K, n, T) of each source in it; None unless asked for.
        load: (n, T) carbon that loads take over.
        branch_loss: (M, T) carbon that branches take up; zero when gross.
        node_loss: (n, T) carbon that shunts take up (net), or of power that reaches no load at all (gross).
        injected: (T,) carbon that sources bring.
        demand: (n, T) power that loads at each node answer for: as metered (net), with their share of losses (gross).
        labels: (n,) names of the nodes.
    """

    throughput: Array
    intensity: Array
    share: Array | None
    load: Array
    branch_loss: Array
    node_loss: Array
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
        return np.asarray(np.where(self.demand == 0, 0.0 * self.injected, self.share * self.demand))

    @property
    def residual(self) -> Array:
        """(T,) what loads and losses take over less what sources bring, as a share of the greater."""
        taken = self.load.sum(axis=0) + self.branch_loss.sum(axis=0) + self.node_loss.sum(axis=0)
        size = np.maximum(np.abs(self.injected), np.abs(taken))
        return np.asarray((taken - self.injected) / np.where(size == 0, 1.0, size))

    def taken(self, at: ArrayLike, power: ArrayLike) -> Array:
        """(L, T) carbon of powers (L, T) that are drawn at nodes (L,): of single loads, exports or stores.

        NaN where power is drawn and the node has no intensity.
        """
        drawn = per_step(power, "power")
        found = self.intensity[ends(at, len(self.intensity), len(drawn))]
        if drawn.shape != found.shape:
            raise AlignmentError(f"power is {drawn.shape}; accepted: {found.shape}, one row per named node")
        return np.asarray(np.where(drawn == 0, 0.0 * self.injected, found * drawn))


@dataclass(frozen=True, eq=False)
class Sources:
    """K sources over T steps: node (K,), power and intensity (K, T)."""

    node: np.ndarray
    power: Array
    intensity: Array

    @classmethod
    def of(cls, flows: Flows, injections: ArrayLike, intensities: ArrayLike, at: Any) -> Sources:
        """As given to :func:`tracing`, checked.

        Raises:
            DataError, AlignmentError: as there.
        """
        power = per_step(injections, "injections")
        power = power if len(power) else np.zeros((0, flows.steps))
        if power.shape[1] != flows.steps:
            raise AlignmentError(f"injections have {power.shape[1]} steps and flows {flows.steps}; give the same")
        node = np.arange(len(power)) if at is None else np.asarray(at)
        if at is not None and (flows.labels or node.dtype.kind not in "iuf"):
            node = flows.place(list(at))
        node = ends(node, flows.nodes, len(power))
        return cls(node, _power(power, flows.solved), _intensity(intensities, power, flows.solved))

    @classmethod
    def among(
        cls, flows: Flows | Iterable[Sequence[Any]], injections: Any, intensities: Any, at: Any, also: Any = ()
    ) -> tuple[Flows, Sources]:
        """Flows or their rows, and sources one by one or by node; ``also`` names nodes of other things than sources.

        Raises:
            DataError, AlignmentError: as in :func:`tracing`.
        """
        given, per_unit, named = by_node(injections, intensities)
        if named is not None and at is not None:
            raise DataError("injections by node and `at` both say where sources are; accepted: one of them")
        where: Any = named if at is None else at
        if not isinstance(flows, Flows):
            flows = with_sources(list(flows), [*([] if where is None else where), *also])
        if named is not None and given.shape[1] == 1:
            given = np.broadcast_to(given, (len(given), flows.steps))  # by node, one number holds in every step
        return flows, cls.of(flows, given, per_unit, where)

    @property
    def carbon(self) -> Array:
        """(K, T) that they bring."""
        return np.asarray(self.power * self.intensity)


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
        intensities: (K,) or (K, T) carbon per unit of energy of each source, or by node, or one number for all.
        at: (K,) node of each source, by name where the flows have names; several may stand at one. By default the
            nodes in their order, one source per node.
        losses: who bears them: the branches (net) or the loads (gross).
        shares: also give each source's share at every node.

    Raises:
        DataError: a negative or missing number, a node that does not exist, flows that leave a node which nothing
            reaches or that brings much less, or power that circulates and comes from no source.
        AlignmentError: sources or steps differ in number.
    """
    flows, sources = Sources.among(flows, injections, intensities, at)
    out = blank(flows, len(sources.power) if shares else None)
    for steps in grouped(flows.nodes, np.flatnonzero(flows.solved)):
        power = sources.power[:, steps]
        system = FlowSystem.of(flows, steps, sources.node, power, known_losses(losses))
        gather, carbon = onto(sources.node, flows.nodes), power * sources.intensity[:, steps]
        brought = np.asarray(gather @ carbon)
        fill(out, steps, system, system.per_unit(brought), brought)
        if out.share is not None:
            out.share[..., steps] = system.shares(sources.node, power)
    return out


def grouped(nodes: int, steps: np.ndarray) -> Iterator[np.ndarray]:
    """Steps in groups that one factorisation takes side by side."""
    size = max(_UNKNOWNS // max(nodes, 1), 1)
    return (steps[first : first + size] for first in range(0, len(steps), size))


def blank(flows: Flows, sources: int | None = None) -> Traced:
    """All steps still without a solution."""
    n, branches, steps = flows.nodes, len(flows.start), flows.steps
    share = None if sources is None else np.full((sources, n, steps), np.nan)
    sizes = ((n, steps), (n, steps), (n, steps), (branches, steps), (n, steps), (steps,))
    throughput, intensity, load, lost, at_node, injected = (np.full(size, np.nan) for size in sizes)
    demand, labels = np.full((n, steps), np.nan), flows.labels or tuple(range(n))
    return Traced(throughput, intensity, share, load, lost, at_node, injected, demand, labels)


def fill(out: Traced, steps: np.ndarray, system: FlowSystem, per_unit: Array, brought: Array) -> None:
    """Write what some steps' intensities (n, t) mean where sources bring carbon (n, t)."""
    out.throughput[:, steps] = system.throughput()
    out.demand[:, steps] = system.demand(out.throughput[:, steps])
    out.intensity[:, steps] = per_unit
    out.load[:, steps], out.branch_loss[:, steps], out.node_loss[:, steps] = system.borne(per_unit, brought)
    out.injected[steps] = brought.sum(axis=0)


def _power(power: Array, solved: np.ndarray) -> Array:
    """Not negative and known, but for steps that have no solution anyway."""
    most = np.abs(np.where(np.isfinite(power), power, 0.0)).max(axis=0, initial=0.0)
    wrong = ~((power >= -_ROUNDED * most) & (power < np.inf)) & solved
    if wrong.any():
        source, step = np.argwhere(wrong)[0]
        raise DataError(f"injections: source {source} in step {step} is {power[source, step]}; accepted: 0 or more")
    return np.maximum(power, 0.0)


def _intensity(intensities: ArrayLike, power: Array, solved: np.ndarray) -> Array:
    """(K, T); a source that gives nothing needs none."""
    given = numbers(intensities, "intensities")
    given = given[:, None] if given.ndim == 1 else given
    try:
        every = np.broadcast_to(given, power.shape)
    except ValueError:
        raise AlignmentError(
            f"intensities are {given.shape} for sources and steps {power.shape}; give one per source, or one each step"
        ) from None
    wrong = ~np.isfinite(every) & (power > 0) & solved
    if wrong.any():
        source, step = np.argwhere(wrong)[0]
        raise DataError(
            f"intensities: source {source} in step {step} is {every[source, step]}, and it gives "
            f"{power[source, step]:g}; accepted: a number wherever a source gives power"
        )
    return np.where(np.isfinite(every), every, 0.0)


def known_losses(losses: Losses) -> Losses:
    """One of the two."""
    if losses not in ("net", "gross"):
        raise DataError(f"losses is {losses!r}; accepted: 'net' or 'gross'")
    return losses
