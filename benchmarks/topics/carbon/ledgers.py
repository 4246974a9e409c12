"""The ledgers of the reference parks: what tracing leaves over, and what it takes of the day's plan."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmarks.cases.known_days import known_day
from benchmarks.rows import row
from dispatch.carbon.carriers import Bearing, traced
from dispatch.carbon.ledger import Ledger
from dispatch.carbon.on_network import on_network
from dispatch.carbon.operation import Operation
from dispatch.config.park import CONFIGS
from dispatch.network.carbon_flows import grid_intensity, placed_flows
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.sources import gather

PARKS = {"A": "yizhuang", "B": "ordos", "C": "chifeng", "D": "sino_german", "E": "campus"}
ON_NETWORK = ("A", "B", "E")
INPUTS = ("benchmarks/topics/carbon/ledgers.py", "benchmarks/cases/known_days.py", "configs/parks", "dispatch/carbon")


@dataclass(frozen=True)
class Day:
    """The embedded day of a park as its rules run it, without a solver: every kind of plant works and waits in it."""

    site: Site
    schedule: Schedule

    @property
    def operation(self) -> Operation:
        return Operation.from_schedule(self.site, self.schedule)

    def on_network(self) -> Operation:
        """On the AC flows of its network."""
        horizon = self.schedule.inputs.horizon
        network = gather(self.site, horizon, CONFIGS / "parks").network
        assert network is not None
        placed = placed_flows(self.site, self.schedule, network)
        assert placed is not None
        standing = {asset.name for asset in self.site.assets if asset.is_network}
        return on_network(self.operation, placed, standing, grid_intensity(self.site, self.schedule))


@cache
def day(letter: str) -> Day:
    """Once per process."""
    site, inputs = known_day(PARKS[letter])
    return Day(site, rule_based(Problem(site, inputs)))


def ledgers(losses: Bearing) -> Iterator[Ledger]:
    """Of all parks, those that stand on a network also on its flows."""
    for letter in PARKS:
        yield traced(day(letter).operation, losses)
    for letter in ON_NETWORK:
        yield traced(day(letter).on_network(), losses)


def untraced(letter: str) -> float:
    """What meters and stores got less what the plan says was emitted, as a share of that."""
    ledger, planned = traced(day(letter).operation), float(day(letter).schedule.co2_kg[0])
    ends = [meter.role != "store" for meter in ledger.meters]
    gained = sum(float(one.carbon_kg[-1] - one.carbon_kg[0]) for one in ledger.stores.values())
    return abs(float(ledger.carbon_kg[ends].sum()) + gained - planned) / max(abs(planned), 1.0)


for _losses in ("apart", "borne"):

    def _worst(losses: Bearing = _losses) -> float:
        return max(ledger.residual for ledger in ledgers(losses))

    row(
        "carbon", name=f"reference parks A to E, traced with losses {_losses}: worst left over in a step", unit="share",
        bar="<= 1e-9", slow=True, inputs=INPUTS,
    )(_worst)  # fmt: skip


@row(
    "carbon", name="reference parks A to E: traced total less the plan's own, worst", unit="share", bar="<= 1e-9",
    slow=True, inputs=INPUTS,
)  # fmt: skip
def worst_total() -> float:
    return max(untraced(letter) for letter in PARKS)


@row(
    "carbon", name="park A: three traced ledgers of the daily plan, AC flows included", unit="s", bar="<= 3", slow=True,
    inputs=INPUTS,
)  # fmt: skip
def seconds_of_a_day() -> float:
    """The median of five."""
    ran, taken = day("A"), []
    for _ in range(5):
        began = time.perf_counter()
        on = ran.on_network()
        for ledger in (traced(ran.operation, "borne"), traced(on, "apart"), traced(on, "borne")):
            ledger.to_arrow()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))
