"""Buses that cannot be balanced: which carrier, at which hours, and how much is missing or too much.

Where there is no plan at all, all limits may be kept if power may appear and vanish at buses. The least energy that has
to, hour by hour, is what cannot be balanced.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dispatch.explain.diagnosis import Diagnosis
from dispatch.explain.figures import figure
from dispatch.explain.linear import optimum, with_slack
from dispatch.explain.moments import clock, spans
from dispatch.signals import Array, Horizon

_SMALL_KW = 0.01


@dataclass(frozen=True)
class Imbalance:
    """What a bus has too little or too much of in one scenario.

    Attributes:
        power_kw: (step,) missing, or too much.
        energy_kwh: in all steps.
    """

    bus: str
    carrier: str
    missing: bool
    power_kw: Array
    energy_kwh: float

    def text(self, horizon: Horizon) -> str:
        """``hydrogen cannot be balanced at bus h2: 12 kW too much at 14:00, 30 kWh at 14:00–17:00``."""
        how, most = "too little" if self.missing else "too much", int(self.power_kw.argmax())
        unit, of_unit = ("kg/h", "kg") if self.carrier == "co2" else ("kW", "kWh")
        worst = f"{figure(self.power_kw[most])} {unit} {how} at {clock(horizon, most)}"
        when = spans(horizon, np.flatnonzero(self.power_kw > _SMALL_KW))
        whole = f"{figure(self.energy_kwh)} {of_unit} at {when}"
        return f"{self.carrier} cannot be balanced at bus {self.bus}: {worst}, {whole}"


def imbalances(diagnosis: Diagnosis) -> list[Imbalance]:
    """The least that must appear or vanish, the most energy first, in the scenario where that is most.

    None where other limits contradict each other whatever the buses do, or nothing contradicts.
    """
    problem, matrices = diagnosis.problem, diagnosis.base
    rows = diagnosis.twin.problem.compiled.rows(diagnosis.twin.problem.balance)
    hours = problem.horizon.hours
    point = optimum(with_slack(matrices, rows.ravel(), np.broadcast_to(hours, rows.shape).ravel()))
    if point is None:
        return []
    # A row is the sum of all ports: what it may exceed zero by is too much, what it may fall short by is missing.
    extra = point.x[matrices.cost.size :].reshape(2, problem.scenarios, -1, problem.horizon.steps)
    worst = int((extra.sum(axis=(0, 2)) @ hours).argmax())
    found = sorted(_found(diagnosis, extra[:, worst]), key=lambda one: -one.energy_kwh)
    return [one for one in found if one.power_kw.max() > _SMALL_KW]


def _found(diagnosis: Diagnosis, extra: Array) -> Iterator[Imbalance]:
    """Of one scenario: (too much or missing, bus, step)."""
    site, hours = diagnosis.problem.site, diagnosis.problem.horizon.hours
    for missing, powers in zip((False, True), extra, strict=True):
        for bus, carrier, power in zip(site.bus_names, site.bus_carriers, powers, strict=True):
            yield Imbalance(bus, carrier, missing, power, float(power @ hours))
