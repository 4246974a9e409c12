"""A park with more PV than its feeder takes, on days drawn from the year, and what the network says to its plans.

The feeder is the end of a SimBench medium-voltage grid in the scenario with most generation (S. Meinecke et al.,
doi:10.3390/en13123290, ODbL 1.0): on sunny and windy days its other customers alone lift the voltage to the limit or
over it. The park's own day is the sun's height at its latitude under a cloudiness drawn for the day, and a demand that
is higher in working hours.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.rows import CannotMeasure
from dispatch.asset import Inputs, Mode
from dispatch.ladder.climb import climb
from dispatch.network.check import GridProof, prove, slots
from dispatch.planning.outlook import known_inputs
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Limits
from dispatch.terms.network import NetworkLimits

if TYPE_CHECKING:
    from grid_models.network import Network

NETWORK, BUS = "simbench:1-MV-semiurb--2-sw", "MV2.101 Bus 25"
DAYS, SEED = 60, 4
PEAK_KW, DEMAND_KW, STORE_KW = 9000.0, 1500.0, 1500.0
_LATITUDE_DEG = 48.0
_GAP = 1e-4


@dataclass(frozen=True)
class Proved:
    """One day: the plan that sees no network, the one that was proved, and what limits it the network leaves."""

    day: date
    inputs: Inputs
    first: Schedule
    last: Schedule
    proof: GridProof
    seconds: float


def site() -> Site:
    """PV, a battery and a demand behind one connection, all at unity power factor."""
    tariff = {
        "name": "evening",
        "currency": "EUR",
        "components": [
            {"name": "energy", "basis": "energy", "price_per_kwh": 0.2, "source": "assumed"},
            {"name": "feed-in", "basis": "energy", "direction": "export", "price_per_kwh": 0.07, "source": "assumed"},
        ],
    }
    assets = [
        {"kind": "pv", "name": "roof", "bus": "mv", "peak_kw": PEAK_KW},
        {
            "kind": "battery", "name": "store", "bus": "mv", "energy_kwh": 2 * STORE_KW, "charge_kw": STORE_KW,
            "discharge_kw": STORE_KW, "charge_efficiency": 0.95, "discharge_efficiency": 0.95,
        },
        {"kind": "load", "name": "works", "bus": "mv"},
        {
            "kind": "grid_connection", "name": "pcc", "bus": "mv", "import_kw": 9000, "export_kw": 9000,
            "tariff": tariff,
        },
    ]  # fmt: skip
    described = {
        "name": "congested", "time_zone": "Etc/GMT-1", "currency": "EUR", "buses": [{"name": "mv"}],
        "assets": assets, "grid": {"network": NETWORK, "bus_of": {"mv": BUS}},
    }  # fmt: skip
    return Site.model_validate(described)


@cache
def network() -> Network:
    from grid_models.errors import GridError
    from grid_models.library import load

    try:
        return load(NETWORK)
    except GridError as error:
        raise CannotMeasure(str(error)) from error


def days() -> list[date]:
    """Drawn from the year whose profiles the network has."""
    drawn = np.random.default_rng(SEED).choice(364, DAYS, replace=False)
    return [date(2016, 1, 1) + timedelta(days=int(n)) for n in np.sort(drawn)]


def inputs(park: Site, day: date) -> Inputs:
    """What the park knows of a day, which is all of it."""
    random = np.random.default_rng([SEED, day.toordinal()])
    horizon = Horizon.local_day(day, park.time_zone, 15)
    hour = np.array([t.hour + t.minute / 60 for t in horizon.local_start])
    noise = 0.1 * random.standard_normal(hour.size)
    clouds: Array = np.asarray(np.clip(random.uniform(0.25, 1.0) + noise, 0.05, 1.0), dtype=np.float64)
    working = ((hour >= 6) & (hour < 20)).astype(np.float64) * (day.weekday() < 5)
    demand: Array = DEMAND_KW * (0.35 + 0.5 * working) * float(random.uniform(0.8, 1.1))
    came: dict[str, Array] = {"roof": PEAK_KW * _sun(day, hour) * clouds, "works": demand}
    return known_inputs(park, horizon, {a.name: need for a in park.assets for need in a.needs}, came)


def _sun(day: date, hour: Array) -> Array:
    """Sine of the sun's height, at least 0; at noon of the clock, which is winter's all the year, it is highest."""
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day.timetuple().tm_yday) / 365)
    angle, latitude = np.radians(15 * (hour - 12.0)), np.radians(_LATITUDE_DEG)
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(angle)
    return np.asarray(np.maximum(height, 0.0))


@cache
def proved() -> tuple[Proved, ...]:
    """All days through the loop, one compiled problem for all."""
    park, grid = site(), network()
    found: list[Proved] = []
    problem = Problem(park, inputs(park, days()[0]), Mode("exact"), network_slots=slots(park))
    blank = NetworkLimits.none(slots(park), 1, problem.horizon.steps)
    limits = Limits(gap=_GAP)
    for day in days():
        began = time.perf_counter()
        problem.update(inputs(park, day), limits=blank)
        first = climb(problem, limits).schedule
        last, proof = prove(park, problem, first, grid, again=lambda p: solve(p, limits))
        found.append(Proved(day, problem.inputs, first, last, proof, time.perf_counter() - began))
    return tuple(found)
