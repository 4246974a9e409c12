"""Steps of a year on a network: what is injected at which bus, for all who solve AC power flows of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from grid_models.injections import Injections
from grid_models.library import load
from grid_models.network import Network

CIGRE = "pandapower:create_cigre_network_mv"
STEPS = 35040
CLOCK = pd.date_range("2016-01-01", periods=STEPS, freq="15min")


@dataclass(frozen=True)
class Flows:
    """The first steps of the year on a network; what is compared is the lowest voltage [p.u.]."""

    network: str
    steps: int

    @property
    def clock(self) -> pd.DatetimeIndex:
        return CLOCK[: self.steps]

    def loaded(self) -> tuple[Network, Injections]:
        network = load(self.network)
        return network, part_of(year_of(network), slice(0, self.steps))


def part_of(injections: Injections, part: slice) -> Injections:
    return Injections(injections.bus, injections.p_kw[:, part], injections.q_kvar[:, part])


def year_of(network: Network) -> Injections:
    """What is injected over the year.

    SimBench networks have profiles. CIGRE has none: each bus follows a day and a year of its own phase, between a
    fifth of its nameplate and all of it.
    """
    background = network.background(CLOCK)
    if network.profiles.factor.shape[0] > 1:
        return background
    phase = np.random.default_rng(5).random((len(network.bus_names), 2, 1))
    day, year = (np.cos(2.0 * np.pi * (np.arange(STEPS) / n + phase[:, k])) for k, n in ((0, 96), (1, STEPS)))
    factor = 0.6 + 0.3 * day + 0.1 * year
    return Injections(background.bus, background.p_kw * factor, background.q_kvar * factor)
