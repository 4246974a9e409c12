r"""What a kW more at a node of a network changes: the powers of branches on its way, and what comes from upstream.

With the incidence A of nodes and branches a kW from node n to the node of the upstream grid takes the way D with
:math:`A D = 1_n - 1_{up}`: the only one of a radial network, of a meshed one the shortest by the sum of squares. Losses
stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dispatch.carbon.on_network import UPSTREAM
from dispatch.carbon.operation import Operation
from dispatch.carbon.units import Unit
from dispatch.signals import Array

_REACHED = 1e-6


@dataclass(frozen=True, eq=False)
class Rerouting:
    """Of an operation on a network.

    Attributes:
        node: by bus, its position.
        ways: (M, n) power into branches at their start per kW from each node to upstream; zero of one cut off.
        reached: (n,) whether there is a way.
        bus: at which power comes from upstream.
        kg_per_kwh: (T,) of what comes; zero where power goes back.
        solved: (T,) steps in which the network carries power.
    """

    node: dict[str, int]
    ways: Array
    reached: np.ndarray
    bus: str
    kg_per_kwh: Array
    solved: np.ndarray

    @classmethod
    def of(cls, operation: Operation) -> Rerouting | None:
        """None where the operation stands on no network, or nothing comes from upstream."""
        flows, unit = operation.flows, _upstream(operation)
        if flows is None or unit is None:
            return None
        nodes = list(operation.carriers)
        bus = max(unit.ports.values(), key=lambda side: float(np.abs(side.power_kw).max())).bus
        incidence, column = np.zeros((len(nodes), len(flows.start))), np.arange(len(flows.start))
        np.add.at(incidence, (flows.start, column), 1.0)
        np.add.at(incidence, (flows.end, column), -1.0)
        wanted = np.eye(len(nodes))
        wanted[nodes.index(bus)] -= 1.0
        ways = np.linalg.pinv(incidence) @ wanted
        reached = np.abs(incidence @ ways - wanted).max(axis=0) < _REACHED
        energy = sum(np.maximum(side.power_kw, 0.0) for side in unit.ports.values()) * operation.horizon.hours
        rate = np.divide(unit.emitted_kg, energy, out=np.zeros_like(unit.emitted_kg), where=energy > 0)
        solved = np.asarray((flows.start_in != 0).any(axis=0))
        place = {name: k for k, name in enumerate(nodes)}
        return cls(place, np.where(reached, ways, 0.0), reached, bus, rate, solved)

    def moved(self, operation: Operation, bus: str, kw: Array) -> Operation:
        """The operation with (T,) kW more at a bus of the network and as much less from upstream."""
        node, unit = self.node[bus], _upstream(operation)
        if operation.flows is None or unit is None or not self.reached[node]:
            return operation
        more = np.where(self.solved, kw, 0.0)
        shift = self.ways[:, node, None] * more
        flows = replace(
            operation.flows, start_in=operation.flows.start_in + shift, end_in=operation.flows.end_in - shift
        )
        port, side = next((p, s) for p, s in unit.ports.items() if s.bus == self.bus)
        less = replace(
            unit,
            ports={**unit.ports, port: replace(side, power_kw=side.power_kw - more)},
            emitted_kg=unit.emitted_kg - more * self.kg_per_kwh * operation.horizon.hours,
        )
        units = tuple(less if own is unit else own for own in operation.units)
        return replace(operation, units=units, flows=flows)


def _upstream(operation: Operation) -> Unit | None:
    return next((unit for unit in operation.units if unit.name == UPSTREAM and unit.ports), None)
