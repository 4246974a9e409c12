"""One model for several modelling layers: a fleet of units and a row of batteries that cover one demand.

The numbers stand here as plain arrays, so that every layer starts from the same and none has to read another's form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.cases import commitment
from benchmarks.cases.commitment import Array, Fleet
from dispatch.asset import Inputs
from dispatch.assets.battery import Battery
from dispatch.assets.load import Load
from dispatch.assets.thermal import Thermal
from dispatch.site import Site

LEAST_FILL, MOST_FILL, START_FILL = 0.1, 0.95, 0.5


@dataclass(frozen=True)
class Batteries:
    """One entry per battery in every array."""

    energy_kwh: Array
    power_kw: Array
    efficiency: Array  # one way
    least_kwh: Array
    most_kwh: Array
    start_kwh: Array  # also the level wished for at the end
    wear_cost_per_kwh: Array
    end_penalty_per_kwh: float = 10.0


@dataclass(frozen=True)
class Case:
    """Units and batteries on one bus with a demand that may be shed at the value of lost load; steps of one hour."""

    fleet: Fleet
    batteries: Batteries
    lost_load_per_kwh: float = 1000.0

    @property
    def steps(self) -> int:
        return self.fleet.demand_kw.size


def case(units: int = 50, batteries: int = 20, steps: int = 96, seed: int = 0) -> Case:
    """Same arguments, same bits."""
    fleet = commitment.fleet(units, steps, seed)
    random = np.random.default_rng(seed + 1)
    power = random.uniform(5e3, 50e3, batteries).round(-2)
    energy = power * random.uniform(1, 4, batteries)
    stores = Batteries(
        energy_kwh=energy,
        power_kw=power,
        efficiency=random.uniform(0.90, 0.96, batteries),
        least_kwh=LEAST_FILL * energy,
        most_kwh=MOST_FILL * energy,
        start_kwh=START_FILL * energy,
        wear_cost_per_kwh=random.uniform(0.001, 0.01, batteries),
    )
    return Case(fleet, stores)


def coefficients(fleet: Fleet) -> dict[str, Array]:
    """Of the tight form, (unit,): the arithmetic before any model, given to every peer alike."""
    low, high = fleet.minimum_kw, fleet.maximum_kw
    first, ramp = np.minimum(fleet.start_ramp_kw, high), np.minimum(fleet.ramp_kw_per_h, high)
    up_steps, down_steps = np.maximum(fleet.minimum_up_h, 1), np.maximum(fleet.minimum_down_h, 1)
    return {
        "minimum": low,
        "range": high - low,
        "cut": high - first,  # at a start and before a stop: both ramps are the same
        "stop_cut": np.where(up_steps > 1, high - first, 0.0),
        "ramp": ramp,
        "ramp_at_change": first - low - ramp,
        "cost": fleet.cost_per_kwh,
        "cost_at_minimum": fleet.no_load_cost_per_h + fleet.cost_per_kwh * low,
        "start_cost": fleet.start_cost,
        "was_on": fleet.on_before,
        "up_steps": up_steps,
        "down_steps": down_steps,
        "tied_steps": np.maximum(fleet.minimum_up_h - fleet.hours_in_state, 0) * fleet.on_before,
        "barred_steps": np.maximum(fleet.minimum_down_h - fleet.hours_in_state, 0) * (1 - fleet.on_before),
    }


def later_cuts(fleet: Fleet) -> list[Array]:
    """For a start 1, 2 … steps ago, and a stop as far after the next step, (unit,): what it denies; 8 steps at most."""
    c = coefficients(fleet)
    lags = range(1, int(min(8, fleet.demand_kw.size - 1, c["up_steps"].max() - 2)) + 1)
    cuts = [np.where(lag <= c["up_steps"] - 2, np.maximum(c["cut"] - lag * c["ramp"], 0), 0.0) for lag in lags]
    return [cut for cut in cuts if cut.any()]


def site(made: Case) -> tuple[Site, Inputs]:
    """The same as parkwatt reads it."""
    described, inputs = commitment.site(made.fleet)
    stores = made.batteries
    batteries = [
        Battery(
            name=f"battery_{i}",
            bus="bus",
            energy_kwh=stores.energy_kwh[i],
            charge_kw=stores.power_kw[i],
            discharge_kw=stores.power_kw[i],
            charge_efficiency=stores.efficiency[i],
            discharge_efficiency=stores.efficiency[i],
            min_fill=LEAST_FILL,
            max_fill=MOST_FILL,
            start_fill=START_FILL,
            wear_cost_per_kwh=stores.wear_cost_per_kwh[i],
            end_penalty_per_kwh=stores.end_penalty_per_kwh,
        )
        for i in range(stores.power_kw.size)
    ]
    # Reserve is left out: the question here is how fast one model is stated, not how much it holds.
    kept = tuple(a for a in described.assets if isinstance(a, Thermal | Load))
    return described.model_copy(update={"assets": (*kept, *batteries)}), inputs
