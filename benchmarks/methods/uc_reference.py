"""Unit commitment as pglib-uc states it, solved by itself: what parkwatt's objective is held against on small cuts.

Written from the problem's statement (power-grid-lib/pglib-uc, MODEL.pdf; Knueven, Ostrowski & Watson 2020) and from
nothing of ``dispatch``: other variables (total output), the plainest rows for each condition, loops, and the solver
that comes with SciPy. No row is there to be tight, so it is for small cuts only.

One place differs from the printed model on purpose. A start is paid by the hours its unit was really off. The printed
rows (7) and (15) make a unit that was off before the horizon and restarts within it pay for a colder start than it
makes, as long as the hour is earlier than the category's lag; Egret and the matching form of the paper do not.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

Instance = Mapping[str, Any]
Terms = dict[int, float]


class Model:
    """Rows low ≤ Σ coefficient · column ≤ high over columns that are added one at a time."""

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.bounds: list[tuple[float, float, bool]] = []
        self.rows: list[tuple[Terms, float, float]] = []

    def column(self, low: float = 0.0, high: float = np.inf, *, cost: float = 0.0, whole: bool = False) -> int:
        self.cost.append(cost)
        self.bounds.append((low, high, whole))
        return len(self.cost) - 1

    def row(self, terms: Terms, low: float = -np.inf, high: float = np.inf) -> None:
        self.rows.append((terms, low, high))

    def solve(self, gap: float, seconds: float) -> tuple[float, np.ndarray]:
        """Optimum and point; RuntimeError with the solver's words where there is none within ``gap``."""
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array

        entries = [(i, j, value) for i, (terms, _, _) in enumerate(self.rows) for j, value in terms.items()]
        row, column, values = zip(*entries, strict=True)
        matrix = csr_array((values, (row, column)), shape=(len(self.rows), len(self.cost)))
        low, high, whole = (np.array(each, float) for each in zip(*self.bounds, strict=True))
        least, most = (np.array([entry[i] for entry in self.rows]) for i in (1, 2))
        found = milp(
            np.array(self.cost),
            integrality=whole,
            bounds=Bounds(low, high),
            constraints=LinearConstraint(matrix, least, most),
            options={"mip_rel_gap": gap, "time_limit": seconds},
        )
        if found.status != 0:
            raise RuntimeError(f"no optimum: {found.message}")
        return float(found.fun), np.asarray(found.x)


class Unit:
    """One thermal unit's columns and rows."""

    def __init__(self, model: Model, data: Instance, steps: int, *, priced: bool = True) -> None:
        self.model, self.data, self.steps, self.priced = model, data, steps, priced
        least = float(bool(data["must_run"]))
        self.on = [model.column(least, 1, whole=True) for _ in range(steps)]
        self.start = [model.column(0, 1, whole=True) for _ in range(steps)]
        self.stop = [model.column(0, 1, whole=True) for _ in range(steps)]
        self.output = [model.column() for _ in range(steps)]
        self.reserve = [model.column() for _ in range(steps)]
        for t in range(steps):
            self._status(t)
            self._limits(t)
            self._ramps(t)
        self._history()
        if priced:
            self._production()
            self._starts()

    @property
    def was_on(self) -> bool:
        return bool(self.data["unit_on_t0"])

    def _status(self, t: int) -> None:
        """On follows from starts and stops; what is started stays on, what is stopped off, for the minimum time."""
        on_before, known = ({self.on[t - 1]: -1.0}, 0.0) if t else ({}, float(self.was_on))
        self.model.row({self.on[t]: 1, self.start[t]: -1, self.stop[t]: 1} | on_before, known, known)
        for later in range(t, min(t + max(self.data["time_up_minimum"], 1), self.steps)):
            self.model.row({self.start[t]: 1, self.on[later]: -1}, high=0)
        for later in range(t, min(t + max(self.data["time_down_minimum"], 1), self.steps)):
            self.model.row({self.stop[t]: 1, self.on[later]: 1}, high=1)

    def _limits(self, t: int) -> None:
        """Output and reserve between minimum and maximum, less in the first step and in the last one before a stop."""
        low, high = self.data["power_output_minimum"], self.data["power_output_maximum"]
        both = {self.output[t]: 1.0, self.reserve[t]: 1.0, self.on[t]: -high}
        self.model.row({self.output[t]: 1, self.on[t]: -low}, low=0)
        self.model.row(both, high=0)
        self.model.row(both | {self.start[t]: max(high - self.data["ramp_startup_limit"], 0)}, high=0)
        if t + 1 < self.steps:
            self.model.row(both | {self.stop[t + 1]: max(high - self.data["ramp_shutdown_limit"], 0)}, high=0)

    def _ramps(self, t: int) -> None:
        """Output above minimum changes by no more than its ramps; reserve must be within reach, too."""
        low, before = self.data["power_output_minimum"], 0.0
        change = {self.output[t]: 1.0, self.on[t]: -low}
        if t:
            change |= {self.output[t - 1]: -1.0, self.on[t - 1]: low}
        elif self.was_on:
            before = self.data["power_output_t0"] - low
        self.model.row(change | {self.reserve[t]: 1.0}, high=self.data["ramp_up_limit"] + before)
        self.model.row(change, low=before - self.data["ramp_down_limit"])

    def _history(self) -> None:
        """What was begun before the first step is finished; nobody stops from above the shut-down limit."""
        key = "up" if self.was_on else "down"
        left = self.data[f"time_{key}_minimum"] - self.data[f"time_{key}_t0"]
        for t in range(min(max(left, 0), self.steps)):
            self.model.row({self.on[t]: 1}, float(self.was_on), float(self.was_on))
        if self.was_on and self.data["power_output_t0"] > self.data["ramp_shutdown_limit"]:
            self.model.row({self.stop[0]: 1}, high=0)

    def _production(self) -> None:
        """The cost lies above every line through two neighbouring points; off, all of it is zero."""
        points = [(point["mw"], point["cost"]) for point in self.data["piecewise_production"]]
        lines = [((d - b) / (c - a), a, b) for (a, b), (c, d) in itertools.pairwise(points) if c > a]
        slopes = [slope for slope, _, _ in lines]
        if any(after < before - 1e-9 * abs(before) for before, after in itertools.pairwise(slopes)):
            raise ValueError(f"production cost of {self.data.get('name')} is not convex")
        for on, output in zip(self.on, self.output, strict=True):
            cost = self.model.column(cost=1.0)
            self.model.row({cost: 1, on: -points[0][1]}, low=0)
            for slope, power, value in lines:
                self.model.row({cost: 1, output: -slope, on: slope * power - value}, low=0)

    def _starts(self) -> None:
        """A start belongs to one category, a warm one only after a stop that lies as many hours back."""
        lags = [tier["lag"] for tier in self.data["startup"]]
        for t in range(self.steps):
            chosen = [self.model.column(0, 1, cost=tier["cost"], whole=True) for tier in self.data["startup"]]
            self.model.row({self.start[t]: -1} | dict.fromkeys(chosen, 1.0), 0, 0)
            for category, since, until in zip(chosen, lags, lags[1:], strict=False):
                stops = {self.stop[t - off]: -1.0 for off in range(since, until) if 0 <= t - off < t}
                earlier = not self.was_on and since <= t + self.data["time_down_t0"] < until
                self.model.row({category: 1} | stops, high=float(earlier))


def _stated(instance: Instance, *, priced: bool) -> tuple[Model, list[list[int]], list[Unit]]:
    """The model with its units; not priced, the columns of what is missing or too much: power up, down, reserve."""
    model, steps = Model(), instance["time_periods"]
    units = [Unit(model, data, steps, priced=priced) for data in instance["thermal_generators"].values()]
    renewables = instance["renewable_generators"].values()
    slack = [] if priced else [[model.column(cost=1.0) for _ in range(steps)] for _ in range(3)]
    for t in range(steps):
        supply: Terms = {unit.output[t]: 1.0 for unit in units}
        for data in renewables:
            supply[model.column(data["power_output_minimum"][t], data["power_output_maximum"][t])] = 1.0
        ready: Terms = {unit.reserve[t]: 1.0 for unit in units}
        if slack:
            supply |= {slack[0][t]: 1.0, slack[1][t]: -1.0}
            ready[slack[2][t]] = 1.0
        model.row(supply, instance["demand"][t], instance["demand"][t])
        model.row(ready, low=instance["reserves"][t])
    return model, slack, units


def optimum(instance: Instance, *, gap: float = 1e-9, seconds: float = 600.0) -> float:
    """The least cost of an instance as its file gives it (MW, currency of the file).

    Args:
        instance: what a pglib-uc file holds.
        gap: relative, at which the search may end.
        seconds: after which it gives up.

    Raises:
        RuntimeError: there is no plan, or none was proven in time.
    """
    return _stated(instance, priced=True)[0].solve(gap, seconds)[0]


def cost_of(instance: Instance, on: np.ndarray, *, gap: float = 1e-7, seconds: float = 600.0) -> float:
    """The least cost of an instance whose commitment is given.

    Args:
        instance: what a pglib-uc file holds.
        on: (unit, step) which thermal units are on, in the file's order.
        gap: relative, at which the search may end.
        seconds: after which it gives up.

    Raises:
        RuntimeError: with this commitment there is no plan, or none was proven in time.
    """
    model, _, units = _stated(instance, priced=True)
    for unit, states in zip(units, on, strict=True):
        for column, state in zip(unit.on, states, strict=True):
            least, most, whole = model.bounds[column]
            if not least <= state <= most:
                raise RuntimeError("no plan: a unit that must run is off")
            model.bounds[column] = (float(state), float(state), whole)
    return model.solve(gap, seconds)[0]


def cut(instance: Instance, units: int, hours: int, seed: int = 0) -> dict[str, Any]:
    """A small instance out of a large one: some units, the first hours, everything else in proportion to capacity.

    Demand and reserve are moved by as little as makes the cut solvable at all: a handful of units may not be able to
    follow what hundreds can.

    Args:
        instance: what a pglib-uc file holds.
        units: how many thermal units, chosen by ``seed`` and kept in their order.
        hours: how many steps from the first.
        seed: of the choice; the same one gives the same cut.
    """
    thermal = instance["thermal_generators"]
    chosen = np.sort(np.random.default_rng(seed).choice(len(thermal), min(units, len(thermal)), replace=False))
    kept = {name: copy.deepcopy(thermal[name]) for name in np.array(list(thermal))[chosen].tolist()}
    capacity = [sum(unit["power_output_maximum"] for unit in group.values()) for group in (kept, thermal)]
    share = capacity[0] / capacity[1]

    def scaled(values: list[float]) -> list[float]:
        return [round(value * share, 4) for value in values[:hours]]

    small = {
        "time_periods": min(hours, instance["time_periods"]),
        "demand": scaled(instance["demand"]),
        "reserves": scaled(instance["reserves"]),
        "thermal_generators": kept,
        "renewable_generators": {
            name: {key: scaled(values) for key, values in data.items() if key.startswith("power_output")}
            for name, data in instance["renewable_generators"].items()
        },
    }
    return _solvable(small)


def _solvable(instance: dict[str, Any]) -> dict[str, Any]:
    """The instance with demand and reserve that slightly weaker units could serve: no plan hangs on a last digit."""
    weaker = {name: _weaker(unit) for name, unit in instance["thermal_generators"].items()}
    model, slack, _ = _stated(instance | {"thermal_generators": weaker}, priced=False)
    _, x = model.solve(1e-6, 600.0)
    short, over, unready = (x[columns] for columns in slack)
    demand = np.array(instance["demand"]) - short + over
    reserves = np.maximum(np.array(instance["reserves"]) - unready, 0)
    return instance | {"demand": demand.round(4).tolist(), "reserves": reserves.round(4).tolist()}


def _weaker(unit: dict[str, Any]) -> dict[str, Any]:
    low, high = unit["power_output_minimum"], unit["power_output_maximum"]
    ramps = {name: 0.99 * unit[name] for name in ("ramp_up_limit", "ramp_down_limit")}
    return unit | ramps | {"power_output_maximum": low + 0.99 * (high - low)}
