"""What the proof on the network says of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from dispatch.signals import Array

if TYPE_CHECKING:
    from grid_models.limits import Breach, Limits
    from grid_models.power_flow import Flows

# Planned losses are right where they differ from those of the AC power flow by no more than this share of them.
LOSS_SHARE = 0.01
_MOST_NAMES = 6


@dataclass(frozen=True)
class GridProof:
    """Outcome of the loop.

    Attributes:
        flows: AC solution of the final plan by the reference engine; as an island where the connection is out.
        breaches: violations left, steps without a solution first, then worst first; of a branch out or an island
            the element says so.
        before: number of violations of the first plan.
        rounds: how often the plan was solved.
        to_hold: after how many of them nothing was left to mend; the others give back what limits took too much.
        engine_gap_pu: largest voltage difference between batch and reference engine; NaN if no step has a solution.
        limits: what voltages and loadings were held against on the intact network.
        stopped: why the loop ended with violations left, and what the worst one lacks; empty if it left none.
        unsupplied: by state, buses of the network that lose their supply in it.
        own_buses: those of the network that the park stands on.
        kvar: by asset on Q(V), (T,) what it injects.
        taps: by transformer, (T,) position of its tap changer.
        unsettled: controls that found no rest, in words.
        loss_kw: (T,) losses that the plan pays for; None where it pays for none. ``flows.losses_kw`` has the real ones.
        island_kw: (T,) what the reference unit of the island gives, NaN in other steps; None without one.
        certificate: of the worst steps with violations left, whether any plan could mend them, in words.
    """

    flows: Flows
    breaches: tuple[Breach, ...]
    before: int
    rounds: int
    engine_gap_pu: float
    limits: Limits
    stopped: str = ""
    unsupplied: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    own_buses: tuple[str, ...] = ()
    kvar: Mapping[str, Array] = field(default_factory=dict)
    taps: Mapping[str, Array] = field(default_factory=dict)
    unsettled: tuple[str, ...] = ()
    loss_kw: Array | None = None
    island_kw: Array | None = None
    certificate: tuple[str, ...] = ()
    to_hold: int = 1

    def remarks(self) -> Iterator[tuple[Literal["warning", "info"], str]]:
        """What a reader should know beside the violations, and how much it matters."""
        if self.stopped:
            yield "warning", self.stopped
        yield from (("info", text) for text in self.certificate)
        yield from (("warning", text) for text in self.unsettled)
        yield from self._without_supply()
        if self.loss_kw is not None:
            solved = np.isfinite(self.flows.losses_kw)
            planned, real = self.loss_kw[solved].sum(), self.flows.losses_kw[solved].sum()
            if abs(planned - real) > LOSS_SHARE * abs(real):
                yield "warning", f"the plan pays for losses of {planned:.4g} kW over its steps, they are {real:.4g} kW"

    def _without_supply(self) -> Iterator[tuple[Literal["warning", "info"], str]]:
        """What is dark in a state; that of the park itself is more than a remark."""
        for state, buses in self.unsupplied.items():
            own = [bus for bus in buses if bus in self.own_buses]
            others = [bus for bus in buses if bus not in self.own_buses]
            if own:
                yield "warning", f"{state}: the park has no supply at {_some(own)}"
            if others:
                yield "info", f"{state}: no supply for {_some(others)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"
