r"""How the carbon of a meter changes with what ran: slopes of the traced account by unit and step, stores included.

What a meter gets over the steps of a window is :math:`G = Σ_{it} R_{it} C_{it}` with the carbon C at the nodes of a
chain (:mod:`dispatch.carbon.chain`) and the meter's shares R. The *worth* of a kg at a node is what of it the meter
gets in the end,

.. math:: λ_i = R_i + Σ_j f_{ij} λ_j, \quad v_{k,t} = κ_{kt} λ_{k,t}, \quad λ_{k,t} ∋ τ_{kt} v_{k,t+1}

solved backward through time, because what stores hold is worth what it will be worth when it leaves. A power, an
emission or a content only changes shares f, R, τ, κ and own carbon b of its own step, so that the slope is the change
of

.. math:: φ_t = Σ_{ij} λ_j f_{ij} C_i + Σ_i λ_i b_i + Σ_k v_{k,t+1} τ_k C_k + Σ_k λ_k κ_k E_k + Σ_i R_i C_i

with λ, C, v and E held. The chain is built once more for each port and each direction with all of its powers moved a
little, which gives the slopes of all steps at once. A limit on intensity takes its kg per kWh of the meter off.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from dispatch.carbon.build import Builder, Read
from dispatch.carbon.carriers import started
from dispatch.carbon.operation import Operation
from dispatch.carbon.rerouting import Rerouting
from dispatch.carbon.units import Unit
from dispatch.signals import Array

_A_LITTLE = 1e-7
# What stands idle gives so many times the little by which powers are moved.
_IDLE = 1e3


@dataclass(frozen=True, eq=False)
class Ways:
    """Slopes (W, T) of W windows' carbon by what a unit does in each step.

    Attributes:
        gives, takes: by port, per kW more given and taken.
        emitted: per kg of own emissions.
        held: per kWh in the content when the step begins; None of what is no store.
    """

    gives: Mapping[str, Array]
    takes: Mapping[str, Array]
    emitted: Array
    held: Array | None = None


_There = tuple[str, Array]


@dataclass(frozen=True)
class Efficiency:
    """Of a store with one port: kWh of content per kWh taken, and per kWh given."""

    enters: float
    leaves: float


class Slopes:
    """One meter of an operation.

    Args:
        operation: what ran. On a network a power that a unit gives takes its way there, and upstream gives less.
        meter: its name in the traced ledger with losses apart.
        windows: (W, T) which steps count.
        kg_per_kwh: that a kWh of the meter may have; 0 for a limit on the amount.
    """

    def __init__(self, operation: Operation, meter: str, windows: Array, kg_per_kwh: float) -> None:
        self._operation, self._meter, self._windows, self._kg_per_kwh = operation, meter, windows, kg_per_kwh
        self._base, self._rerouting = Builder(operation, borne=False), Rerouting.of(operation)
        self._chain = self._base.chain
        carried = self._chain.carried(started(operation, self._base, None))
        self._node_kg, self._held_kg = carried.node_kg, carried.held_kg
        self._idle = self._nothing_leaves()
        self._worth, self._later = self._backward()
        self._level = self._phi(self._base)
        flows = [np.abs(s.power_kw).max(initial=0.0) for unit in operation.units for s in unit.ports.values()]
        self._step_kw = _A_LITTLE * max(1.0, float(np.max(flows, initial=0.0)))

    def of(self, unit: Unit, efficiency: Efficiency | None, may_give: Collection[str]) -> Ways:
        """What one unit does.

        Args:
            unit: of the operation.
            efficiency: of a store with one port, whose content follows its powers.
            may_give: ports that could give; what stands idle is taken to give a little there, or what it took and
                emitted would be nobody's.
        """
        running = self._running(unit, may_give)
        emitted = self._change(running, replace(running, emitted_kg=running.emitted_kg + self._step_kw))
        if unit.stock is not None and unit.stock.rule == "queue":
            nothing = {port: np.zeros_like(self._windows) for port in unit.ports}
            return Ways(nothing, nothing, emitted)
        base = running if unit.role in ("conversion", "link") else unit
        gives, takes = {}, {}
        for port, side in unit.ports.items():
            up, down = (self._port(base, port, sign, efficiency) for sign in (1.0, -1.0))
            # At zero power both directions stand open; elsewhere one slope holds for more and for less, and is that of
            # less given: a store that is drawn empty cannot give more.
            gives[port] = np.where(side.power_kw == 0, up, -down)
            takes[port] = down
        held = None if unit.stock is None or efficiency is None else self._content(unit)
        return Ways(gives, takes, emitted, held)

    def _running(self, unit: Unit, may_give: Collection[str]) -> Unit:
        """The unit with a little power out of the ports that could give in the steps in which it gives none."""
        if unit.stock is not None or not unit.ports:
            return unit
        idle = ~np.any([side.power_kw > 0 for side in unit.ports.values()], axis=0)
        little = _IDLE * self._step_kw
        ports = {
            port: replace(side, power_kw=np.where(idle, little, side.power_kw)) if port in may_give else side
            for port, side in unit.ports.items()
        }
        return replace(unit, ports=ports)

    def _port(self, unit: Unit, port: str, sign: float, efficiency: Efficiency | None) -> Array:
        """(W, T) per kW that a port gives more (sign 1) or takes more (−1), content following."""
        side = unit.ports[port]
        more = replace(unit, ports={**unit.ports, port: replace(side, power_kw=side.power_kw + sign * self._step_kw)})
        there = side.bus, np.full(side.power_kw.size, sign * self._step_kw)
        if unit.stock is None or efficiency is None:
            return self._change(unit, more, there)
        # What the store does decides what a kWh is: a charge that is cut short enters no content.
        giving = side.power_kw > 0 if sign < 0 else side.power_kw >= 0
        per_kw = np.where(giving, -efficiency.leaves, -efficiency.enters) * sign
        return self._every_other(more, np.zeros(side.power_kw.size), per_kw * self._base.hours, there)

    def _content(self, unit: Unit) -> Array:
        """(W, T) per kWh more at the beginning of a step and, as far as it stays, at the end."""
        assert unit.stock is not None
        return self._every_other(unit, np.ones(self._base.hours.size), unit.stock.retention)

    def _every_other(self, unit: Unit, before_kwh: Array, after_kwh: Array, there: _There | None = None) -> Array:
        """With contents that are changed at the edges of even steps, then of odd ones: only those steps are read."""
        assert unit.stock is not None
        out, place = np.zeros_like(self._windows), np.arange(before_kwh.size)
        for odd in (0, 1):
            energy = unit.stock.energy_kwh.copy()
            mine = place[place % 2 == odd]
            energy[mine] += before_kwh[mine] * self._step_kw
            energy[mine + 1] += after_kwh[mine] * self._step_kw
            found = self._change(self._own(unit), replace(unit, stock=replace(unit.stock, energy_kwh=energy)), there)
            out[:, mine] = found[:, mine]
        return out

    def _own(self, unit: Unit) -> Unit:
        return next(own for own in self._operation.units if own.name == unit.name)

    def _change(self, before: Unit, after: Unit, there: _There | None = None) -> Array:
        """(W, T) change of φ from one form of a unit to another, by (T,) kW at a bus, per unit of what was moved."""
        return np.asarray((self._with(after, there) - self._with(before)) / self._step_kw)

    def _with(self, unit: Unit, there: _There | None = None) -> Array:
        """(W, T) φ with another unit in its place, and power that takes another way."""
        if unit is self._own(unit):
            return self._level
        units = tuple(unit if own.name == unit.name else own for own in self._operation.units)
        operation = replace(self._operation, units=units)
        if there is not None and self._rerouting is not None:
            operation = self._rerouting.moved(operation, *there)
        return self._phi(Builder(operation, borne=False))

    def _read(self, made: Builder) -> Read | None:
        return next((read for read in made.reads if read.meter.name == self._meter), None)

    def _phi(self, made: Builder) -> Array:
        """(W, T) φ of a chain with the worths and the carbon of this one."""
        chain, stores, worth = made.chain, made.chain.stores, self._worth
        moved = np.einsum("atw,at->wt", worth[chain.target], chain.share * self._node_kg[chain.source])
        moved += np.einsum("ntw,nt->wt", worth, chain.own_kg)
        taken = stores.taken * self._node_kg[stores.inlet]
        moved += np.einsum("ktw,kt->wt", self._later[:, 1:], taken)
        kept = np.where(stores.queue[:, None], 0.0, stores.kept * self._held_kg[:, :-1])
        moved += np.einsum("ktw,kt->wt", worth[stores.node], kept)
        read = self._read(made)
        if read is not None:
            counted = read.carbon_kg(self._node_kg) - self._kg_per_kwh * read.energy_kwh
            moved += self._windows * counted
        return np.asarray(moved)

    def _backward(self) -> tuple[Array, Array]:
        """(N, T, W) worth of a kg at each node, and (K, T + 1, W) of a kg held at each edge."""
        chain, stores = self._chain, self._chain.stores
        steps, windows = chain.steps, len(self._windows)
        read, worth = self._read(self._base), np.zeros((chain.nodes, steps, windows))
        later = np.zeros((stores.count, steps + 1, windows))
        leaves = _leaves(stores.entered, stores.reach)
        for t in reversed(range(steps)):
            right = np.zeros((chain.nodes, windows))
            if read is not None and read.shares is not None:
                np.add.at(right, read.nodes, np.outer(read.shares[:, t], self._windows[:, t]))
            for k in np.flatnonzero(stores.queue):
                later[k, t + 1] = leaves[k, t, t + 1 :] @ worth[stores.node[k], t + 1 :]
            np.add.at(right, stores.inlet, stores.taken[:, t, None] * later[:, t + 1])
            passes = np.eye(chain.nodes)
            np.add.at(passes, (chain.source, chain.target), -chain.share[:, t])
            worth[:, t] = _solved(passes, right)
            self._foreseen(worth[:, t], self._idle[:, t])
            mixed = ~stores.queue
            later[mixed, t] = stores.kept[mixed, t, None] * worth[stores.node[mixed], t]
        return worth, later

    def _nothing_leaves(self) -> np.ndarray:
        """(N, T) nodes that pass nothing on, keep nothing and are read by no meter."""
        chain, leaving = self._chain, np.zeros((self._chain.nodes, self._chain.steps))
        np.add.at(leaving, chain.source, chain.share)
        np.add.at(leaving, chain.stores.inlet, chain.stores.taken)
        for read in self._base.reads:
            if read.shares is not None and read.meter.role != "residual":
                np.add.at(leaving, read.nodes, read.shares)
        return np.asarray(leaving <= 0)

    def _foreseen(self, worth: Array, idle: np.ndarray) -> None:
        """A kg that comes to where nothing leaves is worth what it would be at the best place that it could go to.

        Without that, whatever stands idle would seem to be nobody's, and a plan would turn to it in vain.
        """
        source, target = self._chain.source, self._chain.target
        for _ in range(len(worth)):
            before = worth.copy()
            ahead = np.zeros_like(worth)
            np.maximum.at(ahead, source, worth[target])
            worth[idle] = np.maximum(worth, ahead)[idle]
            if np.array_equal(before, worth):
                return


def _solved(passes: Array, right: Array) -> Array:
    """In a loop that nothing leaves a kg is worth nothing definite: the least."""
    try:
        return np.asarray(np.linalg.solve(passes, right))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(passes, right, rcond=None)[0])


def _leaves(entered: Array, reach: Array) -> Array:
    """(K, T, T) share of what enters a queue in a step that leaves it in another."""
    low, high = np.maximum(entered[:, :-1, None], reach[:, None, :-1]), np.minimum(
        entered[:, 1:, None], reach[:, None, 1:]
    )  # fmt: skip
    width = np.diff(entered, axis=1)[:, :, None]
    return np.asarray(np.divide(np.maximum(high - low, 0.0), width, out=np.zeros_like(high), where=width > 0))
