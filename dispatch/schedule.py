"""A schedule: the numbers of every asset in every scenario and step, and how they came about."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Inputs, Rows
from dispatch.emissions.position import CarbonPosition
from dispatch.signals import Array, unit_of
from dispatch.site import Objective
from dispatch.solver.highs import Quality
from dispatch.terms.groups import Shared

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Solved:
    """One kind's values: the fields of :class:`~dispatch.part.Part` as arrays.

    Attributes:
        rows: who the rows are.
        bus: by port, (row,) scenario-stacked bus index.
        power_kw: by port, (row, step) into the bus.
        series: what ``Part.series`` named, (row or member, …).
        cost_step, cost_period, co2_step_kg, penalty_step: (row, …); zeros where the kind has none.
        supply_kw, unclean_kw, reserve_up_kw, reserve_down_kw: (row, step).
    """

    rows: Rows[Any]
    bus: Mapping[str, np.ndarray]
    power_kw: Mapping[str, Array]
    series: Mapping[str, Array]
    cost_step: Array
    cost_period: Array
    co2_step_kg: Array
    penalty_step: Array
    supply_kw: Array
    unclean_kw: Array
    reserve_up_kw: Array
    reserve_down_kw: Array

    def of(self, name: str, series: str, scenario: int = 0) -> Array:
        """(step,) one member's series in one scenario."""
        return self.row(series, [m.name for m in self.rows.members].index(name), scenario)

    def row(self, series: str, place: int, scenario: int = 0) -> Array:
        """(step,) the series of the member at ``place``; what is here-and-now has one row for all scenarios.

        Raises:
            IndexError: there is no such scenario.
        """
        if not 0 <= scenario < self.rows.scenarios:
            raise IndexError(f"scenario {scenario}: accepted are 0 to {self.rows.scenarios - 1}")
        values = self.series[series]
        return np.asarray(values[(scenario * len(self.rows.members) + place) % values.shape[0]])


@dataclass(frozen=True)
class Attempt:
    """A better rung that was not reached, and why.

    Attributes:
        infeasible: a solver proved that the limits contradict each other.
    """

    rung: Quality
    reason: str
    clock_fired: bool = False
    infeasible: bool = False


@dataclass(frozen=True)
class Proof:
    """How good a schedule is and on which rung of the ladder it was found.

    Attributes:
        relaxed: which limits were passed, and by how much.
        reason: why no better rung was reached; empty on the first.
        attempts: the better rungs, best first, each with the reason why it was not reached.
        may_pass: (asset, what) of the limits that this rung may pass; the audit lists what it passed of them.
    """

    quality: Quality
    objective: float
    bound: float
    gap: float
    nodes: int
    rounds: int
    clock_fired: bool
    relaxed: tuple[str, ...] = ()
    reason: str = ""
    attempts: tuple[Attempt, ...] = ()
    may_pass: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Schedule:
    """Values of all kinds over S scenarios and T steps.

    Attributes:
        inputs: what the solve knew.
        weights: (S,) probabilities.
        kinds: values by kind.
        money, co2_kg, penalty: (S,) sums as optimised.
        wish_short_kwh: by wish, (S, window) shortfall.
        wish_over_kg: by cap on emissions, (S, window) what is emitted above it.
        cap_price_per_t: by such a cap, (S, window) by how much the objective falls per tonne that it is raised there: a
            sum over scenarios is its shadow carbon price. Empty without a solver's duals.
        price_per_kwh: (S, bus, T) local price: what one more kWh at the bus would cost in money; None without a solver,
            and where the objective has ``money: 0``.
        reserve_price_per_kwh: by ``reserve_up_kw`` and ``reserve_down_kw`` where the site asks for them, (S, T) what
            one more kW that must be held for an hour would cost; empty without a solver.
        limit_excess_kw: (S, T) excess over all linearised network limits of a step.
        reactive_kvar: by asset, (S, T) injected reactive power that was chosen or controlled; that of a fixed power
            factor follows from the powers.
        groups: limits that several assets share, as the schedule was made under them.
        loss_kw: (S, T) losses of the network that the balance of the bus ``losses_at`` pays for; None: of nobody.
        carbon: quota and certificates, whose cost is part of the money.
    """

    inputs: Inputs
    weights: Array
    kinds: Mapping[str, Solved]
    money: Array
    co2_kg: Array
    penalty: Array
    wish_short_kwh: Mapping[str, Array]
    proof: Proof
    price_per_kwh: Array | None = None
    reserve_price_per_kwh: Mapping[str, Array] = field(default_factory=dict)
    limit_excess_kw: Array = field(default_factory=lambda: np.zeros((1, 1)))
    reactive_kvar: Mapping[str, Array] = field(default_factory=dict)
    groups: tuple[Shared, ...] = ()
    loss_kw: Array | None = None
    losses_at: str | None = None
    wish_over_kg: Mapping[str, Array] = field(default_factory=dict)
    cap_price_per_t: Mapping[str, Array] = field(default_factory=dict)
    carbon: CarbonPosition = field(default_factory=CarbonPosition)

    @property
    def wish_short(self) -> dict[str, tuple[Array, str]]:
        """By wish, (S, window) by how much it is missed, with the unit."""
        energy = {text: (short, "kWh") for text, short in self.wish_short_kwh.items()}
        return energy | {text: (over, "kg") for text, over in self.wish_over_kg.items()}

    @property
    def shadow_price_per_t(self) -> dict[str, Array]:
        """By cap on emissions, (window,) what the objective would fall by per tonne that the cap is raised."""
        return {text: prices.sum(axis=0) for text, prices in self.cap_price_per_t.items()}

    def running_cost(self, objective: Objective) -> float:
        """Expected money, and carbon at its price in money; penalties left out."""
        return float(self.weights @ objective.running_cost(self.money, self.co2_kg))

    @property
    def scenarios(self) -> int:
        """S."""
        return self.weights.size

    def find(self, name: str) -> Solved:
        """The kind that an asset belongs to."""
        for solved in self.kinds.values():
            if any(member.name == name for member in solved.rows.members):
                return solved
        raise KeyError(name)

    def asset(self, name: str, series: str, scenario: int = 0) -> Array:
        """(step,) one asset's series in one scenario."""
        return self.find(name).of(name, series, scenario)

    def to_pandas(self, scenario: int = 0) -> pd.DataFrame:
        """One row per step on the local clock, a column ``asset.series`` for every series that has a value per step.

        Of plant that is on or off, ``asset.on`` is 1 or 0, or between where commitment is relaxed.
        """
        import pandas as pd

        steps = self.inputs.horizon.steps
        columns = {
            f"{member.name}.{series}": solved.row(series, place, scenario)
            for solved in self.kinds.values()
            for series, values in solved.series.items()
            for place, member in enumerate(solved.rows.members)
            if values.ndim == 2 and values.shape[-1] == steps and (unit_of(series) is not None or series == "on")
        }
        index = pd.DatetimeIndex(self.inputs.horizon.local_start, name="start")
        return pd.DataFrame(columns, index=index)

    def per_step(self, quantity: str, scenario: int = 0) -> Array:
        """(step,) sum over assets of supply_kw, unclean_kw, cost_step or co2_step_kg in one scenario."""
        blocks = [getattr(s, quantity)[s.rows.scenario == scenario].sum(axis=0) for s in self.kinds.values()]
        return np.asarray(np.sum(blocks, axis=0))

    def injection_kw(self, buses: tuple[str, ...], scenario: int = 0) -> Array:
        """(bus, step) net injection of all assets that are not the network itself."""
        return self._injection(buses, scenario, reactive=False)

    def injection_kvar(self, buses: tuple[str, ...], scenario: int = 0) -> Array:
        """(bus, step) likewise reactive: by each asset's power factor, and what was chosen."""
        out = self._injection(buses, scenario, reactive=True)
        for name, kvar in self.reactive_kvar.items():
            solved = self.find(name)
            member = next(m for m in solved.rows.members if m.name == name)
            if member.bus in buses:
                out[buses.index(member.bus)] += kvar[scenario]
        return out

    def _injection(self, buses: tuple[str, ...], scenario: int, *, reactive: bool) -> Array:
        names = next(iter(self.kinds.values())).rows.buses
        out = np.zeros((len(buses), self.inputs.horizon.steps))
        for solved in self.kinds.values():
            rows = solved.rows
            if type(rows.members[0]).is_network:
                continue
            factor = np.array([m.kvar_per_kw if reactive else 1.0 for m in rows.members] * rows.scenarios)
            for port, power in solved.power_kw.items():
                for position, name in enumerate(buses):
                    at = (rows.scenario == scenario) & (solved.bus[port] % len(names) == names.index(name))
                    out[position] += factor[at] @ power[at]
        return out

    def power_kw(self, name: str, buses: Collection[str]) -> Array:
        """(scenario, step) what one asset puts into those of ``buses`` that it stands on."""
        solved = self.find(name)
        names, mine = solved.rows.buses, np.array([own == name for own in solved.rows.names])
        out = np.zeros((self.scenarios, self.inputs.horizon.steps))
        for port, power in solved.power_kw.items():
            at = mine & np.array([names[bus % len(names)] in buses for bus in solved.bus[port]])
            np.add.at(out, solved.rows.scenario[at], power[at])
        return out
