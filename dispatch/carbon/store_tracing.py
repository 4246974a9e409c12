r"""Carbon traced through a network whose stores hold it: what they give in a step has what they took in steps before.

With M_t the matrix of :mod:`dispatch.carbon.tracing` in step t, :math:`b_t` the carbon of the sources and
:math:`u_{r,t}` the power of store r at its node, the intensities are affine in what the stores deliver,

.. math:: e_t = M_t^{-1} b_t + Σ_r M_t^{-1} u_{r,t} \, d_{r,t},

one right-hand side more per store. So all steps are factorised as without stores, side by side; only the few numbers at
the stores' own nodes are then followed through time (:class:`~dispatch.carbon.store_walk.Walk`), exactly.

A year comes in parts: ``after`` takes over what the stores hold at the end of the part before, and only one part is in
memory. Sources: Kang et al., IEEE Trans. Smart Grid 6 (5), 2015; the rules of a store: :mod:`dispatch.carbon.stores`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dispatch.carbon.flow_system import FlowSystem, onto
from dispatch.carbon.flows import Flows, ends
from dispatch.carbon.named import numbers
from dispatch.carbon.store_walk import Bank, Walk, step_lengths
from dispatch.carbon.stores import Held, Rule
from dispatch.carbon.tracing import Losses, Sources, Traced, blank, fill, grouped, known_losses
from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array


@dataclass(frozen=True, eq=False)
class Stores:
    """R stores at nodes of a network over T steps; one number stands for all stores.

    Attributes:
        at: (R,) their nodes, by name where the flows have names.
        charge_kw, discharge_kw: (R, T) at the node, not negative; part of the flows, and not among the injections.
        start_kwh, start_kg: (R,) held at the beginning.
        charge_efficiency, discharge_efficiency: (R,).
        retention: (R, T) or (R,) share of the content that a step of standing still leaves.
        rule: whose the carbon of losses is, as in :func:`~dispatch.carbon.stores.held`.
    """

    at: ArrayLike
    charge_kw: ArrayLike
    discharge_kw: ArrayLike
    start_kwh: ArrayLike = 0.0
    start_kg: ArrayLike = 0.0
    charge_efficiency: ArrayLike = 1.0
    discharge_efficiency: ArrayLike = 1.0
    retention: ArrayLike = 1.0
    rule: Rule | Sequence[Rule] = "tank"

    def after(self, before: TracedStores) -> Stores:
        """These stores with what they held at the end of the part before."""
        held = before.held
        return replace(self, start_kwh=held.energy_kwh[:, -1], start_kg=held.carbon_kg[:, -1])


@dataclass(frozen=True, eq=False)
class TracedStores:
    """Where the carbon went, and what the stores hold of it.

    Attributes:
        traced: with the discharging stores among the sources (``injected``) and the charging ones among the loads;
            its shares are of the K sources and then of the R stores.
        held: energy and carbon in the stores.
        charged_kg, delivered_kg: (R, T) carbon that stores take in and give.
        sources_kg: (T,) carbon that the sources bring.
        hours: (T,).
    """

    traced: Traced
    held: Held
    charged_kg: Array
    delivered_kg: Array
    sources_kg: Array
    hours: Array

    @property
    def load_kg(self) -> Array:
        """(T,) that all loads but the stores take over."""
        return np.asarray(self.traced.load.sum(axis=0) * self.hours - self.charged_kg.sum(axis=0))

    @property
    def lost_kg(self) -> Array:
        """(T,) of branches, shunts and stores."""
        lost = (self.traced.branch_loss.sum(axis=0) + self.traced.node_loss.sum(axis=0)) * self.hours
        return np.asarray(lost + self.held.lost_kg.sum(axis=0))

    @property
    def left_over_kg(self) -> Array:
        """(T,) sources less loads, losses and what the stores hold more at the end of the step: zero but for rounding.

        NaN in steps without a solution.
        """
        more = np.diff(self.held.carbon_kg.sum(axis=0))
        return np.asarray(self.sources_kg - self.load_kg - self.lost_kg - more)

    @property
    def residual(self) -> float:
        """What is left over in all steps with a solution, regardless of its sign, as a share of what sources bring."""
        solved = np.isfinite(self.left_over_kg)
        brought = float(np.abs(self.sources_kg[solved]).sum())
        return float(np.abs(self.left_over_kg[solved]).sum()) / (brought if brought > 0 else 1.0)


def tracing_with_stores(
    flows: Flows | Iterable[Sequence[Any]],
    injections: ArrayLike | Mapping[Any, Any],
    intensities: ArrayLike | Mapping[Any, Any],
    hours: ArrayLike,
    stores: Stores,
    *,
    at: ArrayLike | Iterable[Hashable] | None = None,
    losses: Losses = "net",
    shares: bool = False,
) -> TracedStores:
    """Trace the carbon of K sources through n nodes and R stores over T steps; kW, kg/kWh and h give kg.

    Args:
        flows: the branches, or their rows, with what the stores take and give in them.
        injections: (K,) or (K, T) power of each source but the stores; or by node.
        intensities: (K,) or (K, T), or by node, or one number.
        hours: (T,) length of the steps, or one number.
        stores: nodes, powers and what they hold at the beginning.
        at: (K,) node of each source, as in :func:`~dispatch.carbon.tracing.tracing`.
        losses: who bears those of the branches: they themselves (net) or the loads (gross).
        shares: also each source's and each store's share at every node.

    Raises:
        DataError: as :func:`~dispatch.carbon.tracing.tracing`; a store draws more than it holds, or moves in a step
            without a solution.
        AlignmentError: shapes do not fit.
    """
    flows, sources = Sources.among(flows, injections, intensities, at, np.atleast_1d(np.asarray(stores.at)).tolist())
    step_h = step_lengths(hours, flows.steps)
    bank, node = _bank(flows, stores, step_h)
    walk = Walk(bank, stores.start_kwh, stores.start_kg)
    out = blank(flows, len(sources.power) + len(node) if shares else None)
    asked = _Asked(flows, sources, bank, node, known_losses(losses))
    solved = flows.solved
    for group in grouped(flows.nodes, np.arange(flows.steps)):
        asked.trace(walk, group, group[solved[group]], out)
    brought = np.where(solved, sources.carbon.sum(axis=0), np.nan) * step_h
    charged = np.where(bank.charge_kw > 0, walk.charged, 0.0) * bank.charge_kw * step_h
    delivered = np.nan_to_num(walk.delivered) * bank.discharge_kw * step_h
    return TracedStores(out, Held.of(walk), charged, delivered, brought, step_h)


def _bank(flows: Flows, stores: Stores, hours: Array) -> tuple[Bank, np.ndarray]:
    """The stores' numbers, checked, and their nodes."""
    into, out = (np.atleast_2d(numbers(power, "stores' powers")) for power in (stores.charge_kw, stores.discharge_kw))
    if into.shape[1] != flows.steps:
        raise AlignmentError(f"the stores' powers have {into.shape[1]} steps and flows {flows.steps}; give the same")
    where = np.atleast_1d(np.asarray(stores.at))
    named = flows.labels or where.dtype.kind not in "iuf"
    node = ends(flows.place(where.tolist()) if named else where, flows.nodes, len(into))
    efficiencies = stores.charge_efficiency, stores.discharge_efficiency
    bank = Bank.of(into, out, hours, efficiencies, stores.retention, np.asarray(stores.rule))
    blind = ((into > 0) | (out > 0)).any(axis=0) & ~flows.solved
    if blind.any():
        step = int(np.argmax(blind))
        store = int(np.argmax((into[:, step] > 0) | (out[:, step] > 0)))
        raise DataError(
            f"store {store} moves in step {step}, which has no flows: what it holds would be unknown from there on; "
            "accepted: flows in every step in which a store is charged or drawn"
        )
    return bank, node


@dataclass(frozen=True, eq=False)
class _Asked:
    """One question, answered for some steps at a time."""

    flows: Flows
    sources: Sources
    bank: Bank
    node: np.ndarray
    losses: Losses

    def trace(self, walk: Walk, group: np.ndarray, steps: np.ndarray, out: Traced) -> None:
        """Lead the walk through a group of steps and fill in those with a solution."""
        node = np.concatenate([self.sources.node, self.node])
        discharge = self.bank.discharge_kw[:, steps]
        power = np.concatenate([self.sources.power[:, steps], discharge])
        system = FlowSystem.of(self.flows, steps, node, power, self.losses)
        gather = onto(self.sources.node, self.flows.nodes)
        brought = np.asarray(gather @ (self.sources.power[:, steps] * self.sources.intensity[:, steps]))
        base, response = system.per_unit(brought), self._response(system, discharge)
        at = np.searchsorted(group, steps)
        known = np.full((len(self.node), group.size), np.nan), np.full((len(self.node),) * 2 + (group.size,), np.nan)
        known[0][:, at], known[1][..., at] = base[self.node], response[:, self.node]
        given = np.nan_to_num(walk.go(group, *known)[:, at])
        per_unit = base + np.einsum("rnt,rt->nt", response, given)
        brought = brought + np.asarray(onto(self.node, self.flows.nodes) @ (discharge * given))
        fill(out, steps, system, per_unit, brought)
        if out.share is not None:
            out.share[..., steps] = system.shares(node, power)

    def _response(self, system: FlowSystem, discharge: Array) -> Array:
        """(R, n, t) of the nodes' intensities to that of what each store gives; no solve where it gives nothing."""
        out = np.zeros((len(self.node), *system.alive.shape))
        for store, own in enumerate(discharge):
            if own.any():
                alone = np.zeros(system.alive.shape)
                alone[self.node[store]] = own
                out[store] = system.per_unit(alone)
        return out
