# ruff: noqa: N803, N806, N815 - symbols of Xu et al. 2018 (IEEE T. Smart Grid 9(2), 1131-1140, doi 10.1109/TSG.2016.2578950)
r"""How much of a battery's life a plan uses, counted after the fact from its content.

Cycles are counted by rainflow (ASTM E1049-85, 5.4.4) and weighed, with calendar ageing, by the semi-empirical model of
Xu, Oudalov, Ulbig, Andersson & Kirschen 2018:

.. math::
    f = Σ_i n_i S_δ(δ_i) S_σ(σ_i) S_T(T) + k_t t S_σ(\bar σ) S_T(T) \\
    S_δ = (k_{δ1} δ^{k_{δ2}} + k_{δ3})^{-1}, \quad S_σ = e^{k_σ (σ - σ_{ref})}, \quad
    S_T = e^{k_T (T - T_{ref}) T_{ref} / T} \\
    L = 1 - α e^{-β f} - (1 - α) e^{-f}

with depth δ and mean fill σ of each cycle of count n (1 or ½), temperatures in kelvin, and capacity lost L.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dispatch.signals import Array

_KELVIN = 273.15


@dataclass(frozen=True)
class Cycle:
    """A cycle or half cycle: its range, its mean, and how often it counts (1 or ½)."""

    depth: float
    mean: float
    count: float


@dataclass(frozen=True)
class Stress:
    """Coefficients of the model; those of the paper's lithium manganese oxide cells."""

    alpha: float = 0.0575
    beta: float = 121.0
    k_delta: tuple[float, float, float] = (1.4e5, -0.501, -1.23e5)
    k_sigma: float = 1.04
    sigma_ref: float = 0.5
    k_T: float = 0.0693
    T_ref_k: float = 298.15
    k_t_per_s: float = 4.14e-10
    end_of_life: float = 0.2  # capacity lost

    def of_depth(self, delta: float) -> float:
        """Life used by one cycle of this depth, at the reference fill and temperature."""
        k1, k2, k3 = self.k_delta
        return float(1 / (k1 * delta**k2 + k3))

    def of_fill(self, sigma: float) -> float:
        """Factor for the mean fill."""
        return math.exp(self.k_sigma * (sigma - self.sigma_ref))

    def of_temperature(self, T_degc: float) -> float:
        """Factor for the cells' temperature, doubling about every ten kelvin."""
        T = T_degc + _KELVIN
        return math.exp(self.k_T * (T - self.T_ref_k) * self.T_ref_k / T)

    @property
    def f_end(self) -> float:
        """Ageing at the end of life, where 1 - α e^(-βf) - (1-α) e^(-f) is lost.

        The first film on the electrodes has long formed by then: e^(-βf) = 0.
        """
        return math.log((1 - self.alpha) / (1 - self.end_of_life))


@dataclass(frozen=True)
class Ageing:
    """What a stretch of operation did to a battery.

    Attributes:
        full_cycles: depths of all cycles, added up by their counts.
        deepest: depth of the deepest cycle or half cycle.
        cycle_ageing, calendar_ageing: their parts of f.
        life_share: f over f at the end of life.
        life_years: how long the battery would last if it were always operated so; infinite if nothing ages it.
    """

    full_cycles: float
    deepest: float
    cycle_ageing: float
    calendar_ageing: float
    life_share: float
    life_years: float


def turning_points(values: Sequence[float] | Array) -> list[float]:
    """First, last, and every peak and valley in between."""
    out: list[float] = []
    for value in map(float, values):
        if out and value == out[-1]:
            continue
        if len(out) > 1 and (out[-1] - out[-2]) * (value - out[-1]) > 0:
            out[-1] = value
        else:
            out.append(value)
    return out


def rainflow(values: Sequence[float] | Array) -> Iterator[Cycle]:
    """Cycles of a history by the three-point rule of ASTM E1049-85, 5.4.4; what does not close counts half."""
    points: list[float] = []
    for value in turning_points(values):
        points.append(value)
        while len(points) >= 3:
            X, Y = abs(points[-1] - points[-2]), abs(points[-2] - points[-3])
            if X < Y:
                break
            holds_start = len(points) == 3
            yield _cycle(points[-3], points[-2], 0.5 if holds_start else 1.0)
            if holds_start:
                del points[0]
            else:
                del points[-3:-1]
    for one, other in pairwise(points):
        yield _cycle(one, other, 0.5)


def _cycle(one: float, other: float, count: float) -> Cycle:
    return Cycle(abs(one - other), (one + other) / 2, count)


def ageing(fill: Array, hours: Array, cell_temperature_degc: float, stress: Stress | None = None) -> Ageing:
    """Ageing of a battery over a plan.

    Args:
        fill: (T + 1,) share of capacity at every edge.
        hours: (T,) length of each step.
        cell_temperature_degc: mean over the plan.
    """
    model = stress or Stress()
    # Less than a thousandth is rounding, and the depth stress of a cycle that is none is not defined.
    cycles = [c for c in rainflow(np.clip(fill, 0, 1)) if c.depth > 1e-3]
    warmth = model.of_temperature(cell_temperature_degc)
    cycled = warmth * sum(c.count * model.of_depth(c.depth) * model.of_fill(c.mean) for c in cycles)
    span_h = float(hours.sum())
    mean_fill = float((fill[:-1] + fill[1:]) / 2 @ hours) / span_h
    standing = model.k_t_per_s * span_h * 3600 * model.of_fill(mean_fill) * warmth
    share = (cycled + standing) / model.f_end
    years = span_h / 8766 / share if share > 0 else math.inf
    full = sum(c.count * c.depth for c in cycles)
    return Ageing(full, max((c.depth for c in cycles), default=0.0), cycled, standing, share, years)
