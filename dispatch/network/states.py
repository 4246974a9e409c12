"""The conditions of a network that a plan must hold in: intact, with a branch out, as an island.

A state is a network with limits, what acts on it by itself, and the steps in which it counts. It solves a plan's
injections, says what they break, and turns that into linear limits around the AC point. It also remembers which of its
limits the park hardly moves: they are given up, so that a plan is not bent for what others cause.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dispatch.fields.grid import Island
from dispatch.fields.inverter import VoltageDroop
from dispatch.network.injections import injections
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site

if TYPE_CHECKING:
    from grid_models.contingency import Reduced
    from grid_models.control import Controlled, Controls, Droop
    from grid_models.injections import Injections
    from grid_models.limits import Breach, Limits, LinearLimits
    from grid_models.network import Network
    from grid_models.power_flow import Flows
    from grid_models.slopes import Slopes

TOLERANCE_PU = 1e-4
# A limit is given up where all that the park does brings it less than this share of the way.
_WORTH_WHILE = 0.1
_UNSOLVED = 1e-12
_HALF = 0.5

Key = tuple[int, int, int]  # kind, element, step


@dataclass(frozen=True)
class Trial:
    """A plan in one state.

    Attributes:
        injections: of the park, at buses that are still supplied.
        found: violations, elements by their names in the network.
        path: (T,) the scenario of each step.
        controls: what acted, with the plan's active powers; None: nothing.
        controlled: what it came to.
    """

    injections: Injections
    flows: Flows
    found: Sequence[Breach]
    path: np.ndarray
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

    def check(self, schedule: Schedule, path: np.ndarray | None = None) -> Trial:
        """The plan on the batch engine, each step in the scenario of ``path``; default: the published path."""
        from grid_models.control import solve_controlled
        from grid_models.power_flow import solve_batch

        path = np.zeros(self.steps.size, int) if path is None else path
        own = self.reduced.supplied(injections(self.site, schedule, path))
        controls = self.controls(schedule, path)
        assert own is not None
        if controls is None:
            flows = solve_batch(self.network, own, self.neighbours)
            return Trial(own, flows, self.breaches(schedule, flows, path), path)
        done = solve_controlled(self.network, own, self.neighbours, controls)
        return Trial(own, done.flows, self.breaches(schedule, done.flows, path), path, controls, done)

    def worst(self, schedule: Schedule, published: Trial) -> Trial:
        """The plan with each step in the scenario that passes its limits the furthest, of those that can be mended.

        Rows around such a point hold for all scenarios: they are the same function of what is injected.
        """
        if schedule.scenarios == 1:
            return published
        size = self.steps.size
        others = (self.check(schedule, np.full(size, s)) for s in range(1, schedule.scenarios))
        path = np.argmax([self._over(trial) for trial in (published, *others)], axis=0)
        return self.check(schedule, path) if path.any() else published

    def _over(self, trial: Trial) -> Array:
        """(T,) the largest share by which a limit that can be mended is passed; next to nothing: no solution."""
        out = np.where(trial.flows.converged | ~self.steps, 0.0, _UNSOLVED)
        for breach in self.mendable(trial):
            out[breach.step] = max(out[breach.step], breach.margin / breach.limit)
        return out

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

    def controls(self, schedule: Schedule, path: np.ndarray) -> Controls | None:
        """Tap changers, and inverters at their active powers; None where nothing acts."""
        from grid_models.control import Controls, TapChanger

        grid, there = self.site.grid, set(self.network.branch_names)
        assert grid is not None
        taps = tuple(
            TapChanger(band.transformer, band.voltage_min_pu, band.voltage_max_pu)
            for band in grid.tap_changers
            if not self.label or band.transformer in there
        )
        droops = tuple(droop for _, droop in self.droops(schedule, path))
        return Controls(droops, taps) if taps or droops else None

    def droops(self, schedule: Schedule, path: np.ndarray) -> Iterator[tuple[str, Droop]]:
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
                        schedule.power_kw(asset.name, (bus,))[path, np.arange(path.size)],
                        asked.power_factor_min,
                    ),
                )

    def breaches(self, schedule: Schedule, flows: Flows, path: np.ndarray) -> list[Breach]:
        """Violations in the steps that count, and what is too much for the unit that holds an island."""
        from grid_models.limits import violations

        found = violations(self.network, flows, self.limits, tolerance_pu=TOLERANCE_PU)
        own = [breach for breach in found if self.steps[breach.step]]
        if self.island is None:
            return own
        unit = schedule, flows, path, self.island
        return [*own, *self._idle(*unit), *self._too_much(*unit)]

    def island_kw(self, schedule: Schedule, flows: Flows, path: np.ndarray) -> Array:
        """(T,) what the reference unit really gives: as planned, and what the network lacks."""
        assert self.island is not None
        bus = next(str(getattr(a, "bus", "")) for a in self.site.assets if a.name == self.island.reference)
        planned = schedule.power_kw(self.island.reference, (bus,))[path, np.arange(path.size)]
        return np.asarray(planned + flows.slack_p_kw)

    def _idle(self, schedule: Schedule, flows: Flows, path: np.ndarray, island: Island) -> Iterator[Breach]:
        """Steps in which the unit that is to hold the voltage does not run; of plant that starts and stops."""
        from grid_models.limits import Breach

        if "on" not in schedule.find(island.reference).series:
            return
        every = [schedule.asset(island.reference, "on", s) for s in range(schedule.scenarios)]
        on, given = np.stack(every)[path, np.arange(path.size)], self.island_kw(schedule, flows, path)
        for step in np.flatnonzero(self.steps & (on < _HALF)):
            value = float(np.nan_to_num(given[step]))
            yield Breach(island.reference, "unit_off", int(step), value, island.rated_kw, "kW", abs(value))

    def _too_much(self, schedule: Schedule, flows: Flows, path: np.ndarray, island: Island) -> Iterator[Breach]:
        from grid_models.limits import Breach

        asked = [(self.island_kw(schedule, flows, path), island.rated_kw, "kW")]
        if island.rated_kvar is not None:
            asked.append((self._island_kvar(schedule, flows, path, island), island.rated_kvar, "kvar"))
        for given, rated, unit in asked:
            over = np.abs(given) - rated
            for step in np.flatnonzero(self.steps & (over > TOLERANCE_PU * rated)):
                value, margin = float(given[step]), float(over[step])
                yield Breach(island.reference, "island_power", int(step), value, rated, unit, margin)

    def _island_kvar(self, schedule: Schedule, flows: Flows, path: np.ndarray, island: Island) -> Array:
        """(T,) likewise reactive: by its power factor or as chosen, and what the network lacks."""
        unit = next(asset for asset in self.site.assets if asset.name == island.reference)
        step = np.arange(path.size)
        planned = unit.kvar_per_kw * schedule.power_kw(unit.name, (str(getattr(unit, "bus", "")),))[path, step]
        if unit.name in schedule.reactive_kvar:
            planned = planned + schedule.reactive_kvar[unit.name][path, step]
        return np.asarray(planned + flows.slack_q_kvar)

    def unsolved(self, trial: Trial) -> int:
        """How many of the steps that count have no solution."""
        return int((~trial.flows.converged & self.steps).sum())

    def mendable(self, trial: Trial) -> list[Breach]:
        """Violations that limits may still be made of."""
        from grid_models.limits import OF_NO_ELEMENT

        of_limits = [b for b in trial.found if b.kind not in OF_NO_ELEMENT]
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
        from grid_models.limits import OF_NO_ELEMENT

        if breach.kind in OF_NO_ELEMENT:
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

    def limited(self, rows: LinearLimits) -> np.ndarray:
        """(slot, step) in words, what each row limits; "" in an empty slot."""
        from grid_models.limits import KINDS

        out = np.full(rows.kind.shape, "", object)
        for (kind, element, _), place in places(rows):
            branch = KINDS[kind] == "branch_loading"
            name = (self.network.branch_names if branch else self.network.bus_names)[element]
            out[place] = f"{'loading' if branch else 'voltage'} of {name} {self.label}".strip()
        return out

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
        from grid_models.limits import KINDS, OF_NO_ELEMENT

        if breach.kind == "branch_loading":
            element = int(self.network.branch_index([breach.element])[0])
        elif breach.kind in OF_NO_ELEMENT:
            element = -1
        else:
            fused = self.network.ac.bus_node
            element = int(np.flatnonzero(fused == fused[self.network.bus_index([breach.element])[0]])[0])
        return KINDS.index(breach.kind), element, breach.step


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
