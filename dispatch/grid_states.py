"""The conditions of a network that a plan must hold in: intact, with a branch out, as an island.

A state is a network with limits, what acts on it by itself, and the steps in which it counts. It solves a plan's
injections, says what they break, and turns that into linear limits around the AC point. It also remembers which of its
limits the park hardly moves: they are given up, so that a plan is not bent for what others cause.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dispatch.assets.grid_connection import GridConnection
from dispatch.grid import Island
from dispatch.inverter import FreeReactive, VoltageDroop
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.tariff.contracts import available

if TYPE_CHECKING:
    from grid_models.contingency import Reduced
    from grid_models.control import Controlled, Controls, Droop
    from grid_models.injections import Injections
    from grid_models.limits import Breach, Limits, LinearLimits
    from grid_models.network import Network
    from grid_models.power_flow import Flows
    from grid_models.slopes import Slopes

SLOTS = 4
_CONTINGENCY_SLOTS = 2
_KEPT_ROUNDS = 4
TOLERANCE_PU = 1e-4
# A limit is given up where all that the park does brings it less than this share of the way.
_WORTH_WHILE = 0.1

Key = tuple[int, int, int]  # kind, element, step


def slots(site: Site) -> int:
    """How many linear limits a problem of the site must be able to hold in each step."""
    grid = site.grid
    if grid is None:
        return 0
    outages = len(grid.contingencies.branches) if grid.contingencies else 0
    return (1 + kept_rounds(site)) * (SLOTS * (1 + (grid.island is not None)) + _CONTINGENCY_SLOTS * outages)


def kept_rounds(site: Site) -> int:
    """Of how many earlier rounds loading limits stay as they were.

    A current is convex in active and reactive power, and where both may move it has a minimum: a plan under the last
    tangent alone jumps past it from side to side. Old tangents lie below the current everywhere, so they close it in.
    """
    return _KEPT_ROUNDS if any(isinstance(asset.reactive, FreeReactive) for asset in site.assets) else 0


@dataclass(frozen=True)
class Trial:
    """A plan in one state.

    Attributes:
        injections: of the park, at buses that are still supplied.
        found: violations, elements by their names in the network.
        controls: what acted, with the plan's active powers; None: nothing.
        controlled: what it came to.
    """

    injections: Injections
    flows: Flows
    found: Sequence[Breach]
    controls: Controls | None = None
    controlled: Controlled | None = None


@dataclass(frozen=True)
class State:
    """One condition of the network.

    Attributes:
        label: in words, behind the name of an element; empty for the intact network.
        reduced: the network, and which buses it does not supply.
        steps: (T,) where it counts.
        slots: how many linear limits it may hold per step.
        given_up, reach_kw: limits that no longer steer, and by step the most that one was moved in vain.
    """

    label: str
    reduced: Reduced
    neighbours: Injections | None
    limits: Limits
    steps: np.ndarray
    slots: int
    site: Site
    island: Island | None = None
    given_up: set[Key] = field(default_factory=set)
    reach_kw: dict[int, float] = field(default_factory=dict)

    @property
    def network(self) -> Network:
        """What is still supplied."""
        return self.reduced.network

    def check(self, schedule: Schedule, injections: Injections) -> Trial:
        """The plan on the batch engine."""
        from grid_models.control import solve_controlled
        from grid_models.power_flow import solve_batch

        own, controls = self.reduced.supplied(injections), self.controls(schedule)
        assert own is not None
        if controls is None:
            flows = solve_batch(self.network, own, self.neighbours)
            return Trial(own, flows, self.breaches(schedule, flows))
        done = solve_controlled(self.network, own, self.neighbours, controls)
        return Trial(own, done.flows, self.breaches(schedule, done.flows), controls, done)

    def reference(self, trial: Trial, steps: np.ndarray) -> Flows:
        """The reference engine at some steps of a trial, reactive powers and taps as the batch engine found them."""
        from grid_models.control import Controlled, Unsettled, solve_controlled_reference
        from grid_models.power_flow import solve_reference

        own = trial.injections.at_steps(steps)
        around = None if self.neighbours is None else self.neighbours.at_steps(steps)
        if trial.controlled is None or trial.controls is None:
            return solve_reference(self.network, own, around)
        done = trial.controlled
        restless = {one.step for one in done.unsettled}
        lost = tuple(Unsettled(k, "", "") for k, step in enumerate(steps) if step in restless)
        part = Controlled(done.flows, done.kvar[:, steps], done.position[:, steps], lost)
        return solve_controlled_reference(self.network, own, around, trial.controls, part)

    def controls(self, schedule: Schedule) -> Controls | None:
        """Tap changers, and inverters at the active powers of the published path; None where nothing acts."""
        from grid_models.control import Controls, TapChanger

        grid, there = self.site.grid, set(self.network.branch_names)
        assert grid is not None
        taps = tuple(
            TapChanger(band.transformer, band.voltage_min_pu, band.voltage_max_pu)
            for band in grid.tap_changers
            if not self.label or band.transformer in there
        )
        droops = tuple(droop for _, droop in self.droops(schedule))
        return Controls(droops, taps) if taps or droops else None

    def droops(self, schedule: Schedule) -> Iterator[tuple[str, Droop]]:
        """By asset on Q(V) whose bus is supplied, its characteristic."""
        from grid_models.control import Droop

        assert self.site.grid is not None
        supplied = set(self.network.bus_names)
        for asset in self.site.assets:
            asked = asset.reactive
            if not isinstance(asked, VoltageDroop):
                continue
            bus = str(getattr(asset, "bus", ""))
            if (node := self.site.grid.bus_of[bus]) in supplied:
                yield (
                    asset.name,
                    Droop(
                        node,
                        np.array([point.voltage_pu for point in asked.points]),
                        np.array([point.injected_kvar_per_kva for point in asked.points]),
                        asked.rated_kva,
                        schedule.power_kw(asset.name, (bus,))[0],
                        asked.power_factor_min,
                    ),
                )

    def breaches(self, schedule: Schedule, flows: Flows) -> list[Breach]:
        """Violations in the steps that count, and what is too much for the unit that holds an island."""
        from grid_models.limits import violations

        found = violations(self.network, flows, self.limits, tolerance_pu=TOLERANCE_PU)
        own = [breach for breach in found if self.steps[breach.step]]
        return own if self.island is None else [*own, *self._too_much(schedule, flows, self.island)]

    def island_kw(self, schedule: Schedule, flows: Flows) -> Array:
        """(T,) what the reference unit really gives: as planned, and what the network lacks."""
        assert self.island is not None
        bus = next(str(getattr(a, "bus", "")) for a in self.site.assets if a.name == self.island.reference)
        return np.asarray(schedule.power_kw(self.island.reference, (bus,))[0] + flows.slack_p_kw)

    def _too_much(self, schedule: Schedule, flows: Flows, island: Island) -> Iterator[Breach]:
        from grid_models.limits import Breach

        given = self.island_kw(schedule, flows)
        over = np.abs(given) - island.rated_kw
        for step in np.flatnonzero(self.steps & (over > TOLERANCE_PU * island.rated_kw)):
            value, margin = float(given[step]), float(over[step])
            yield Breach(island.reference, "island_power", int(step), value, island.rated_kw, "kW", margin)

    def unsolved(self, trial: Trial) -> int:
        """How many of the steps that count have no solution."""
        return int((~trial.flows.converged & self.steps).sum())

    def mendable(self, trial: Trial) -> list[Breach]:
        """Violations that limits may still be made of."""
        of_limits = [b for b in trial.found if b.kind not in ("no_solution", "island_power")]
        return [b for b in of_limits if self.key(b) not in self.given_up]

    def rows(self, first: Trial, last: Trial, previous: LinearLimits | None) -> LinearLimits:
        """Limits around the last trial, without those out of reach by what earlier rounds have moved."""
        while True:
            made = self._linear(last, self.mendable(last), previous)
            needed = used(made, first) - made.bound
            far = {
                key
                for key, (k, t) in places(made)
                if t in self.reach_kw and self.reach_kw[t] < _WORTH_WHILE * needed[k, t]
            }
            if not far:
                return made
            self.given_up.update(far)

    def learn(self, rows: LinearLimits, first: Trial, last: Trial) -> bool:
        """Give up the limits that the new schedule is hardly nearer to than the first; true if there are any."""
        needed = used(rows, first) - rows.bound
        moved = used(rows, first) - used(rows, last)
        left = {self.key(breach) for breach in last.found}
        lost = {
            key: (t, float(moved[k, t]))
            for key, (k, t) in places(rows)
            if key in left and needed[k, t] > 0 and moved[k, t] < _WORTH_WHILE * needed[k, t]
        }
        for t, gained in lost.values():
            self.reach_kw[t] = max(self.reach_kw.get(t, 0.0), gained)
        self.given_up.update(lost)
        return bool(lost)

    def lacking_kw(self, trial: Trial, breach: Breach) -> tuple[float, str] | None:
        """By how much power at which bus of the park a violation would be mended; None where none of them moves it."""
        if breach.kind in ("no_solution", "island_power"):
            return None
        rows = self._linear(trial, [breach], None, slots=1)
        t = breach.step
        if rows.kind[0, t] < 0:
            return None
        at = int(np.argmax(np.abs(rows.coefficient[0, :, t])))
        short = float(used(rows, trial)[0, t] - rows.bound[0, t])
        return -short * float(np.sign(rows.coefficient[0, at, t])), rows.buses[at]

    def _linear(
        self, trial: Trial, breaches: Sequence[Breach], previous: LinearLimits | None, slots: int | None = None
    ) -> LinearLimits:
        """Rows on all active and reactive power at the park's buses, as Σ a·p + Σ c·q ≤ bound."""
        from grid_models.limits import linear_limits

        if previous is not None:
            kind = previous.kind.copy()
            for key, place in places(previous):
                kind[place] = -1 if key in self.given_up else kind[place]
            previous = replace(previous, kind=kind)
        made = linear_limits(
            self.network,
            trial.injections,
            self.neighbours,
            trial.flows,
            breaches,
            trial.injections.bus,
            self.slots if slots is None else slots,
            previous=previous,
            slopes=self._slopes(trial),
        )
        moved = (made.coefficient_kvar * trial.injections.q_kvar).sum(axis=1)
        return replace(made, bound=np.where(made.kind >= 0, made.bound + moved, made.bound))

    def _slopes(self, trial: Trial) -> partial[Slopes] | None:
        """With inverters answering; None where nothing acts."""
        from grid_models.control_slopes import controlled_slopes

        if trial.controls is None or trial.controlled is None:
            return None
        point = (self.network, trial.injections, self.neighbours, trial.controls, trial.controlled)
        return partial(controlled_slopes, *point, trial.injections.bus)

    def losses(self, trial: Trial) -> tuple[Array, Array]:
        """(B, T) slopes of the losses by active and reactive power at the park's buses."""
        from grid_models.linear import linearise

        own, every = self._slopes(trial), np.arange(self.steps.size)
        buses = trial.injections.bus
        made = own(every) if own else linearise(self.network, trial.injections, self.neighbours, buses).slopes
        return made.losses_per_kw, made.losses_per_kvar

    def key(self, breach: Breach) -> Key:
        """As in the rows: buses that closed switches make one count as the first of them."""
        from grid_models.limits import KINDS

        if breach.kind == "branch_loading":
            element = int(self.network.branch_index([breach.element])[0])
        elif breach.kind in ("no_solution", "island_power"):
            element = -1
        else:
            fused = self.network.ac.bus_node
            element = int(np.flatnonzero(fused == fused[self.network.bus_index([breach.element])[0]])[0])
        return KINDS.index(breach.kind), element, breach.step


def states(site: Site, network: Network, neighbours: Injections | None, horizon: Horizon) -> tuple[State, ...]:
    """All that the site asks its plans to hold in; the intact network first.

    Raises:
        GridError: the network has no bus or branch of a name that the site's file gives.
    """
    from grid_models.contingency import Reduced, without_branches
    from grid_models.limits import Limits

    grid = site.grid
    assert grid is not None
    band = {"voltage_min_pu": grid.voltage_min_pu, "voltage_max_pu": grid.voltage_max_pu}
    alone = without_connection(site, horizon) if grid.island is not None else np.zeros(horizon.steps, bool)
    out = [State("", Reduced(network, ()), neighbours, Limits.of(network, **band), ~alone, SLOTS, site)]
    asked = grid.contingencies
    for branch in asked.branches if asked is not None else ():
        assert asked is not None
        left = without_branches(network, [branch])
        wider = {
            "voltage_min_pu": asked.voltage_min_pu or grid.voltage_min_pu,
            "voltage_max_pu": asked.voltage_max_pu or grid.voltage_max_pu,
            "branch_loading_max_pu": asked.loading_max_pu,
        }
        limits, others = Limits.of(left.network, **wider), left.supplied(neighbours)
        out.append(State(f"with {branch} out", left, others, limits, ~alone, _CONTINGENCY_SLOTS, site))
    if grid.island is not None and alone.any():
        out.append(_as_island(site, network, grid.island, alone, band))
    return tuple(out)


def _as_island(
    site: Site, network: Network, island: Island, steps: np.ndarray, band: Mapping[str, float | None]
) -> State:
    """The neighbours have lost the grid too, and the island does not feed them."""
    from grid_models.contingency import islanded
    from grid_models.limits import Limits

    assert site.grid is not None
    bus = next(str(getattr(asset, "bus", "")) for asset in site.assets if asset.name == island.reference)
    left = islanded(network, site.grid.bus_of[bus], island.open_branches)
    limits = Limits.of(left.network, **band)
    return State("as an island", left, None, limits, steps, SLOTS, site, island)


def without_connection(site: Site, horizon: Horizon) -> np.ndarray:
    """(T,) whether all connections of the site are planned out; true throughout where it has none."""
    there = np.zeros(horizon.steps)
    for asset in site.assets:
        if isinstance(asset, GridConnection):
            there += available(asset.planned_outages, horizon)
    return np.asarray(there < 1)


def places(rows: LinearLimits) -> list[tuple[Key, tuple[int, int]]]:
    """The rows in use: what they limit, and their slot and step."""
    return [
        ((int(rows.kind[k, t]), int(rows.element[k, t]), int(t)), (int(k), int(t)))
        for k, t in np.argwhere(rows.kind >= 0)
    ]


def loading_only(rows: LinearLimits, given_up: Collection[Key]) -> LinearLimits:
    """The rows that limit currents, but for those that are given up; other slots are empty."""
    from grid_models.limits import KINDS

    keep = rows.kind == KINDS.index("branch_loading")
    for key, place in places(rows):
        keep[place] &= key not in given_up
    factor = keep[:, None, :]
    return replace(
        rows,
        coefficient=rows.coefficient * factor,
        coefficient_kvar=rows.coefficient_kvar * factor,
        bound=np.where(keep, rows.bound, 1.0),
        kind=np.where(keep, rows.kind, -1).astype(rows.kind.dtype),
    )


def used(rows: LinearLimits, trial: Trial) -> Array:
    """(slot, step) left-hand sides of the limits [kW]."""
    by_kw = rows.coefficient * trial.injections.p_kw
    return np.asarray((by_kw + rows.coefficient_kvar * trial.injections.q_kvar).sum(axis=1))
