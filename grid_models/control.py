"""Q(V) inverters and tap changers inside the AC solution: an outer fixed point over the batch engine.

All steps are solved at once. Inside, for given taps, every inverter's reactive power meets its characteristic
q = S · f(v): Newton's method on q − S · f(v(q)) with the network's ∂v/∂q of one point, damped where a kink of f makes
it overshoot. Outside, every transformer whose controlled voltage leaves its band steps one tap, as slow as tap
changers are against inverters; steps with equal positions share one engine.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grid_models.injections import Injections
from grid_models.network import Array, Index, Network
from grid_models.power_flow import Flows, solve_batch, solve_reference, unsolved
from grid_models.taps import tapped, tapped_reference, taps_of

_MOST_ROUNDS = 60
# Of the rating. A millionth of a megavolt-ampere moves no voltage by more than 1e-8 p.u. on the networks tested.
_TOLERANCE = 1e-6
_PERTURBATION_KVAR = 10.0
_LEAST_GAIN = 0.1  # of the error, by a full step (Armijo's rule)


@dataclass(frozen=True, eq=False)
class Droop:
    """An inverter whose reactive power follows its voltage: q = rated_kva · f(v), f through the points given.

    vm_pu, kvar_per_kva  (J,) corners of f at rising voltage; constant beyond the first and the last
    p_kw                 (T,) the inverter's active power: q stays within √(S² − p²) and, where
                         ``power_factor_min`` is given, within tan φ · |p|; None: f alone counts
    """

    bus: str
    vm_pu: Array
    kvar_per_kva: Array
    rated_kva: float
    p_kw: Array | None = None
    power_factor_min: float | None = None

    def most_kvar(self, steps: Index) -> Array:
        """(len(steps),) what the inverter can give beside its active power."""
        if self.p_kw is None:
            return np.full(steps.size, self.rated_kva)
        p_kw = self.p_kw[steps]
        circle = np.sqrt(np.maximum(self.rated_kva**2 - p_kw**2, 0.0))
        if self.power_factor_min is None:
            return np.asarray(circle)
        return np.asarray(np.minimum(circle, np.tan(np.arccos(self.power_factor_min)) * np.abs(p_kw)))


@dataclass(frozen=True)
class TapChanger:
    """A transformer that steps while the voltage of its to (low-voltage) side is outside vm_low_pu … vm_high_pu."""

    transformer: str
    vm_low_pu: float
    vm_high_pu: float


@dataclass(frozen=True, eq=False)
class Controls:
    """What acts on the network by itself."""

    droops: tuple[Droop, ...] = ()
    taps: tuple[TapChanger, ...] = ()


@dataclass(frozen=True)
class Unsettled:
    """A step in which a control finds no rest, and where."""

    step: int
    element: str
    reason: str


@dataclass(frozen=True, eq=False)
class Controlled:
    """A power flow under control.

    flows      as of ``solve_batch``; a step that did not settle is NaN and not converged
    kvar       (D, T) injected by the droops
    position   (C, T) of the tap changers
    unsettled  the steps that did not settle, apart from those without an AC solution
    """

    flows: Flows
    kvar: Array
    position: Index
    unsettled: tuple[Unsettled, ...] = ()


def solve_controlled(
    network: Network,
    injections: Injections,
    background: Injections | None,
    controls: Controls,
    *,
    columns: Index | None = None,
    position: Index | None = None,
) -> Controlled:
    """Solve all steps under ``controls``.

    columns   (T,) step of ``Droop.p_kw`` that each step of the injections is; default: one by one
    position  (C, T) taps that stay where they are, for slopes around a solution; default: they step from the
              network's own position

    Raises GridError for unknown buses and transformers, and for a transformer without a tap changer.
    """
    run = Run(network, injections, background, controls, columns)
    start = run.tap_rows() if controls.taps else np.zeros((0, injections.steps), dtype=np.int64)
    out = _Solution.empty(network, controls, start if position is None else position.copy())
    moving, moves = np.arange(injections.steps), np.zeros((len(controls.taps), 0), dtype=np.int64)
    for _ in range(_MOST_ROUNDS):
        run.settle(out, moving)
        moves = run.moves(out, moving) if controls.taps and position is None else np.zeros_like(out.position[:, moving])
        out.position[:, moving] += moves
        stepping = moves.any(axis=0)
        moving, moves = moving[stepping], moves[:, stepping]
        if not moving.size:
            return run.done(out)
    for at, step in enumerate(moving):
        name = controls.taps[int(np.flatnonzero(moves[:, at])[0])].transformer
        out.unsettled.append(Unsettled(int(step), name, "its tap changer hunts: the band is narrower than a step"))
    return run.done(out)


def solve_controlled_reference(
    network: Network, injections: Injections, background: Injections | None, controls: Controls, found: Controlled
) -> Flows:
    """The reference engine at the reactive powers and taps that were found: no control acts, so nothing is assumed.

    A step that did not settle has no solution here either.
    """
    droops = tuple(droop.bus for droop in controls.droops)
    transformers = [changer.transformer for changer in controls.taps]
    whole = with_kvar(injections, droops, found.kvar)
    flows: Flows | None = None
    for taps, steps in by_position(found.position):
        at = tapped_reference(network, transformers, taps) if transformers else network
        part = solve_reference(at, whole.at_steps(steps), None if background is None else background.at_steps(steps))
        flows = _put(flows or _blank(part, injections.steps), steps, part)
    assert flows is not None
    return _without(flows, found.unsettled)


def _without(flows: Flows, unsettled: Sequence[Unsettled]) -> Flows:
    """No numbers for steps that did not settle."""
    lost = np.array(sorted({one.step for one in unsettled}), dtype=np.int64)
    return _put(flows, lost, _blank(flows, lost.size)) if lost.size else flows


def by_position(position: Index) -> list[tuple[Index, Index]]:
    """(positions, steps) of equal positions."""
    unique, group = np.unique(position.T, axis=0, return_inverse=True)
    return [(row, np.flatnonzero(group.ravel() == k)) for k, row in enumerate(unique)]


def with_kvar(injections: Injections, buses: tuple[str, ...], kvar: Array) -> Injections:
    """The injections with reactive power at more buses; one named twice adds up."""
    return Injections(
        (*injections.bus, *buses),
        np.vstack([injections.p_kw, np.zeros_like(kvar)]),
        np.vstack([injections.q_kvar, kvar]),
    )


def _blank(like: Flows, steps: int) -> Flows:
    """Flows without a solution, shaped as ``like`` but for the number of steps."""
    made: dict[str, Any] = {}
    for one in dataclasses.fields(like):
        value = getattr(like, one.name)
        if isinstance(value, np.ndarray):
            made[one.name] = unsolved((*value.shape[:-1], steps), value.dtype)
    return dataclasses.replace(like, **made)


def _put(flows: Flows, steps: Index, part: Flows) -> Flows:
    """``part`` written into the steps of ``flows``."""
    for one in dataclasses.fields(flows):
        value = getattr(flows, one.name)
        if isinstance(value, np.ndarray):
            value[..., steps] = getattr(part, one.name)
    return flows


@dataclass(eq=False)
class _Solution:
    """What has been found so far; steps are written as they settle."""

    kvar: Array
    position: Index
    flows: Flows | None = None
    unsettled: list[Unsettled] = field(default_factory=list)

    @classmethod
    def empty(cls, network: Network, controls: Controls, position: Index) -> _Solution:
        network.bus_index([droop.bus for droop in controls.droops])
        return cls(np.zeros((len(controls.droops), position.shape[1])), position)

    def put(self, steps: Index, part: Flows) -> None:
        self.flows = _put(self.flows or _blank(part, self.position.shape[1]), steps, part)


@dataclass(eq=False)
class Run:
    """One call: what is given, and the networks at the tap positions seen so far."""

    network: Network
    injections: Injections
    background: Injections | None
    controls: Controls
    columns: Index | None
    at_taps: dict[tuple[int, ...], Network] = field(default_factory=dict)
    slopes: dict[tuple[int, ...], Array] = field(default_factory=dict)

    def tap_rows(self) -> Index:
        """(C, T) the network's own positions."""
        names = tuple(changer.transformer for changer in self.controls.taps)
        position = taps_of(self.network, names).position[self.network.branch_index(names)]
        return np.tile(np.round(position).astype(np.int64)[:, None], (1, self.injections.steps))

    def at(self, taps: Index) -> Network:
        """The network with its tap changers at these positions."""
        key = tuple(int(t) for t in taps)
        if key not in self.at_taps:
            names = [changer.transformer for changer in self.controls.taps]
            self.at_taps[key] = tapped(self.network, dict(zip(names, key, strict=True))) if key else self.network
        return self.at_taps[key]

    def settle(self, out: _Solution, steps: Index) -> None:
        """Solve the steps at their taps, inverters on their characteristics."""
        for taps, group in by_position(out.position[:, steps]):
            _settle(self, out, self.at(taps), steps[group])

    def flows(self, network: Network, steps: Index, kvar: Array) -> Flows:
        """The steps with the droops' reactive power."""
        buses = tuple(droop.bus for droop in self.controls.droops)
        around = None if self.background is None else self.background.at_steps(steps)
        return solve_batch(network, with_kvar(self.injections.at_steps(steps), buses, kvar), around)

    def wanted(self, steps: Index, vm_pu: Array) -> tuple[Array, Array]:
        """(D, S) reactive power by the characteristics, and its slope [kvar/p.u.]."""
        columns = steps if self.columns is None else self.columns[steps]
        kvar, slope = np.zeros_like(vm_pu), np.zeros_like(vm_pu)
        for d, droop in enumerate(self.controls.droops):  # a handful of inverters, not steps
            most = droop.most_kvar(columns)
            free = droop.rated_kva * np.interp(vm_pu[d], droop.vm_pu, droop.kvar_per_kva)
            kvar[d] = np.clip(free, -most, most)
            gains = np.concatenate([[0.0], np.diff(droop.kvar_per_kva) / np.diff(droop.vm_pu), [0.0]])
            gain = droop.rated_kva * gains[np.searchsorted(droop.vm_pu, vm_pu[d])]
            slope[d] = np.where(np.abs(free) <= most, gain, 0.0)
        return kvar, slope

    def sensitivity(self, network: Network, step: int) -> Array:
        """(D, D) ∂v/∂q among the droops' buses [p.u./kvar] at one step: central differences."""
        count = len(self.controls.droops)
        steps = np.full(2 * count, step)
        eye = _PERTURBATION_KVAR * np.eye(count)
        flows = self.flows(network, steps, np.hstack([eye, -eye]))
        vm_pu = flows.vm_pu[network.bus_index([droop.bus for droop in self.controls.droops])]
        slope = (vm_pu[:, :count] - vm_pu[:, count:]) / (2 * _PERTURBATION_KVAR)
        return np.asarray(np.nan_to_num(slope))

    def moves(self, out: _Solution, steps: Index) -> Index:
        """(C, S) the step that each tap changer takes: −1, 0 or 1."""
        assert out.flows is not None
        names = tuple(changer.transformer for changer in self.controls.taps)
        branch, taps = self.network.branch_index(names), taps_of(self.network, names)
        vm_pu = out.flows.vm_pu[self.network.branch_to[branch]][:, steps]
        low = np.array([changer.vm_low_pu for changer in self.controls.taps])[:, None]
        high = np.array([changer.vm_high_pu for changer in self.controls.taps])[:, None]
        # More turns at the from side lower the voltage of the to side; a negative step turns the scale round.
        sense = np.where(taps.at_from[branch], 1, -1) * np.sign(taps.step_pu[branch])
        wanted = sense[:, None] * ((vm_pu > high).astype(np.int64) - (vm_pu < low))
        now = out.position[:, steps]
        least, most = taps.minimum[branch][:, None], taps.maximum[branch][:, None]
        return np.asarray(np.clip(now + wanted, least, most) - now).astype(np.int64)

    def done(self, out: _Solution) -> Controlled:
        """The result; steps that did not settle have no numbers."""
        assert out.flows is not None
        return Controlled(_without(out.flows, out.unsettled), out.kvar, out.position, tuple(out.unsettled))


def _settle(run: Run, out: _Solution, network: Network, steps: Index) -> None:
    """Newton's method on q − S f(v(q)) for all steps at once, each with a damping of its own."""
    buses = network.bus_index([droop.bus for droop in run.controls.droops])
    kvar, damping = out.kvar[:, steps].copy(), np.ones(steps.size)
    open_, best = np.arange(steps.size), np.full(steps.size, np.inf)
    direction, rest = np.zeros_like(kvar), np.zeros_like(kvar)
    rated = np.array([droop.rated_kva for droop in run.controls.droops])[:, None]
    effect: Array | None = None
    for _ in range(_MOST_ROUNDS):
        flows = run.flows(network, steps[open_], kvar[:, open_])
        out.put(steps[open_], flows)
        if not buses.size:
            return
        wanted, slope = run.wanted(steps[open_], flows.vm_pu[buses])
        rest = kvar[:, open_] - wanted
        error = np.max(np.abs(rest) / rated, axis=0)
        # A step without a solution (NaN) goes no further either: it is reported as that.
        go_on = error > _TOLERANCE
        if not go_on.any():
            break
        effect = run.sensitivity(network, int(steps[open_[go_on][0]])) if effect is None else effect
        open_, rest, slope, error = open_[go_on], rest[:, go_on], slope[:, go_on], error[go_on]
        # Flat ends of a characteristic throw a full step to and fro without making it worse: it must gain something.
        worse = error > (1.0 - _LEAST_GAIN * damping[open_]) * best[open_]
        fresh = _newton(effect, rest, slope)
        # Where the last step made it worse, half of it is taken back; elsewhere the next one is taken.
        damping[open_] = np.where(worse, damping[open_] / 2, np.minimum(1.0, 2 * damping[open_]))
        kvar[:, open_] += np.where(worse, -direction[:, open_] / 2, damping[open_] * fresh)
        direction[:, open_] = np.where(worse, direction[:, open_] / 2, damping[open_] * fresh)
        best[open_] = np.where(worse, best[open_], error)
    else:
        where = np.argmax(np.abs(rest) / rated, axis=0)
        names = [run.controls.droops[d].bus for d in where]
        out.unsettled += [
            Unsettled(int(step), name, "its Q(V) characteristic is not met")
            for step, name in zip(steps[open_], names, strict=True)
        ]
    out.kvar[:, steps] = kvar


def _newton(effect: Array, rest: Array, slope: Array) -> Array:
    """(D, S) −(I − diag(f′) ∂v/∂q)⁻¹ · rest for every step."""
    matrix = np.eye(effect.shape[0]) - slope.T[:, :, None] * effect
    return np.asarray(-np.linalg.solve(matrix, rest.T[:, :, None])[:, :, 0].T)
