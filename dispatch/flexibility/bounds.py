r"""Devices that lose energy: an inner and an outer bound of what they can do together, and the gap between the two.

Going to and fro at different rates makes the set of possible profiles neither convex nor a sum of simple ones. The two
bounds of :mod:`dispatch.flexibility.linear` hold it between: whatever lies in the inner one is possible, device by
device and without burning; whatever lies outside the outer one is not.

The gap is a **volume ratio**: the T-dimensional volume of the inner aggregate over that of the outer. With r(θ) the
distance from a common centre to the border in direction θ, volumes are integrals of r^T over all directions, and the
direction of a point drawn evenly from the outer body falls on θ in proportion to r_out(θ)^T, so that

.. math:: V_{in} / V_{out} = E\,[(r_{in}(θ) / r_{out}(θ))^T]

over points drawn evenly from the outer body. They are drawn by hit-and-run (R. L. Smith, Operations Research 32, 1984),
each border found by a linear program: no bias but the chain's memory, and a standard error from its batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dispatch.errors import DataError
from dispatch.fields.flexible_devices import Devices
from dispatch.flexibility.linear import Linear
from dispatch.flexibility.sharing import Refusal, Sharing, as_profile, share
from dispatch.signals import Array

_BATCHES = 10
_WIDE_KW = 1e-6
_MISSED = 1e-7


@dataclass(frozen=True)
class Gap:
    """How much of the outer bound the inner one fills.

    Attributes:
        volume_ratio: V_in / V_out in ``dimensions`` dimensions, with its standard error.
        dimensions: steps in which the aggregate can move at all.
        samples: points the mean is over.
    """

    volume_ratio: float
    standard_error: float
    dimensions: int
    samples: int

    @property
    def per_dimension(self) -> float:
        """The ratio's root: by what factor each direction would have to shrink for such a ratio."""
        return float(self.volume_ratio ** (1 / max(self.dimensions, 1)))


@dataclass(frozen=True)
class Bounds:
    """Inner and outer bound of an aggregate.

    Attributes:
        devices: whose.
        rate: (N, T) content per kWh, the same for drawing and giving, that the inner bound counts with; between gain
            and drain. The nearer it is to what a device really does in a step, the more room is left for doing it.
    """

    devices: Devices
    rate: Array

    @cached_property
    def inner(self) -> Linear:
        """Everything in it is possible."""
        return Linear(self.devices, self.rate)

    @cached_property
    def outer(self) -> Linear:
        """Everything possible is in it."""
        return Linear(self.devices)

    def share(self, profile_kw: Any) -> Sharing:
        """A profile shared within the inner bound, or the nearest to it there: possible for each device by itself."""
        asked = as_profile(self.devices, profile_kw)
        found = self.inner.track(asked)
        missed = float((found.above_kw + found.below_kw) @ self.devices.hours)
        refusals: tuple[Refusal, ...] = ()
        if missed > _MISSED * (1 + float(np.abs(asked).sum())):
            refusals = share(self.devices, asked).refusals
        return Sharing(self.devices.names, self.devices.hours, asked, found.power_kw, refusals, not missed)

    def reach(self, centre_kw: Any, direction_kw: Any) -> float:
        """How far the inner bound reaches from a profile within it: the greatest s with centre + s · direction."""
        centre, direction = (as_profile(self.devices, x) for x in (centre_kw, direction_kw))
        return self._border.chord(centre, direction)[1]

    @cached_property
    def _border(self) -> _Border:
        return _Border(self.devices, self.rate)

    def centre(self) -> Array:
        """(T,) a profile well within the inner bound: the mean of its ends in many directions."""
        return self._border.centre()

    def gap(self, samples: int = 200, *, seed: int = 0, thin: int | None = None) -> Gap:
        """The volume ratio of the inner bound to the outer.

        Args:
            samples: points to draw; the error falls with their root.
            seed: of the draws: the same seed, the same figure.
            thin: steps of the chain between points; default: one per dimension.

        Raises:
            DataError: the inner bound is empty, so that there is nothing to measure.
        """
        if samples < _BATCHES:
            raise DataError(f"{samples} samples; accepted: {_BATCHES} or more, for the error's sake")
        inner, outer = self._border, _Border(self.devices, None)
        wide = outer.wide()
        if not wide.any():
            return Gap(1.0, 0.0, 0, 0)
        centre = inner.centre()
        rng, point, size = np.random.default_rng(seed), centre.copy(), int(wide.sum())
        scale, ratios = outer.width() * wide, []
        for _ in range(samples):
            for _ in range(size if thin is None else thin):
                direction = rng.normal(size=wide.size) * scale
                low, high = outer.chord(point, direction)
                point = point + rng.uniform(low, high) * direction
            direction = point - centre
            ratios.append((inner.chord(centre, direction)[1] / max(outer.chord(centre, direction)[1], 1e-12)) ** size)
        values = np.minimum(np.array(ratios), 1.0)
        means = np.array([batch.mean() for batch in np.array_split(values, _BATCHES)])
        return Gap(float(values.mean()), float(means.std(ddof=1) / np.sqrt(_BATCHES)), size, samples)


def bounds(devices: Devices, plan_kw: Any = None) -> Bounds:
    """Inner and outer bound of an aggregate with losses.

    Args:
        devices: any, exact ones among them.
        plan_kw: (N, T) what each is expected to do: the inner bound is widest around it. Default: nothing is expected,
            and energy counts at the mean of both rates.
    """
    if plan_kw is None:
        return Bounds(devices, np.sqrt(devices.gain * devices.drain))
    plan = np.asarray(plan_kw, float)
    if plan.shape != (devices.count, devices.steps):
        raise DataError(f"the plan has shape {plan.shape}; accepted: {(devices.count, devices.steps)}")
    mean = np.sqrt(devices.gain * devices.drain)
    return Bounds(devices, np.where(plan > _WIDE_KW, devices.gain, np.where(plan < -_WIDE_KW, devices.drain, mean)))


class _Border:
    """Where lines leave a bound's aggregate: one program, with the line's direction as a column."""

    def __init__(self, devices: Devices, rate: Array | None) -> None:
        self.program = Linear(devices, rate)
        self.devices, solver = devices, self.program.solver
        slack = np.concatenate([self.program.above, self.program.below]).astype(np.int32)
        solver.changeColsBounds(slack.size, slack, np.zeros(slack.size), np.zeros(slack.size))
        self.rows = self.program.sum_rows.astype(np.int32)
        self.column = self.program.size
        solver.addCol(0.0, -np.inf, np.inf, self.rows.size, self.rows, np.ones(self.rows.size))

    def chord(self, point: Array, direction: Array) -> tuple[float, float]:
        """Least and greatest s with point + s · direction in the aggregate."""
        solver = self.program.solver
        for row, start, slope in zip(self.rows, point, direction, strict=True):
            solver.changeCoeff(int(row), self.column, -float(slope))
            solver.changeRowBounds(int(row), float(start), float(start))
        return self._end(1.0), self._end(-1.0)

    def _end(self, cost: float) -> float:
        import highspy

        solver = self.program.solver
        solver.changeColCost(self.column, cost)
        solver.run()
        # From a point on the border rounding may leave nothing to move along.
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return 0.0
        end = float(solver.getSolution().col_value[self.column])
        return min(end, 0.0) if cost > 0 else max(end, 0.0)

    def centre(self) -> Array:
        """A point inside: the mean of the aggregate's ends along axes and random directions."""
        free = Linear(self.devices, self._rate(), tracking=False)
        rng, steps = np.random.default_rng(0), self.devices.steps
        values = [*np.eye(steps), *-np.eye(steps), *rng.normal(size=(2 * steps, steps))]
        return np.asarray(np.mean([free.best(v).power_kw.sum(axis=0) for v in values], axis=0))

    def _rate(self) -> Array | None:
        return self.program.kappa

    def width(self) -> Array:
        """(T,) how far the aggregate reaches in each step."""
        free = Linear(self.devices, self._rate(), tracking=False)
        ends = [[s * -free.best(s * v).objective for s in (1.0, -1.0)] for v in np.eye(self.devices.steps)]
        return np.asarray([high - low for high, low in ends])

    def wide(self) -> np.ndarray:
        """(T,) does it move in the step at all?"""
        return self.width() > _WIDE_KW
