"""Wakes and the power curve as a farm's own data show them: a speed factor by direction, no layout needed.

Behind another machine the wind is slower, so power follows

    P = C(v_eq · f_s),    v_eq = v (ρ/1.225)^(1/3),    s the sector the wind comes from,

with C the mean power by speed over all directions. f_s minimises the squared error of its sector over a grid of
factors; sectors with few cases are drawn towards 1. A factor on the speed and not on the power leaves rated power
alone, as wakes do. f_s holds hills and masts too, and whatever else slows the wind from one side (IEC 61400-12-1
excludes such sectors).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.physics import STANDARD_DENSITY_KG_PER_M3

Floats = NDArray[np.float64]
SECTORS = 36
SPEED_BIN_M_S = 0.5
LEAST_IN_BIN = 5
FACTORS = np.linspace(0.70, 1.20, 51)
BORROWED = 50.0  # cases at factor 1 that a sector's own are weighed against
ROUNDS = 2  # the curve is learnt again from speeds with their factors


@dataclass(frozen=True, eq=False)
class Sectors:
    """Mean power (B,) [kW] at speeds (B,) [m/s], and speed factors (S,) by sector, the first one centred on north."""

    speed_m_s: Floats
    power_kw: Floats
    factor: Floats

    def predict(self, speed_m_s: Floats, from_deg: Floats) -> Floats:
        """Power [kW] at equivalent speeds and directions (…); NaN stays NaN, an unknown direction has 1."""
        return _curve(self.speed_m_s, self.power_kw, speed_m_s * self.at(from_deg))

    def at(self, from_deg: Floats) -> Floats:
        """Speed factor at directions, linear between the middles of the sectors."""
        place = np.where(np.isfinite(from_deg), from_deg, 0.0) / 360 * len(self.factor)
        low = np.floor(place).astype(np.int64)
        share = place - low
        count = len(self.factor)
        found = (1 - share) * self.factor[low % count] + share * self.factor[(low + 1) % count]
        return np.where(np.isfinite(from_deg), found, 1.0)


def equivalent_speed_m_s(speed_m_s: Floats, density_kg_per_m3: Floats) -> Floats:
    """Speed of the same power at standard density (IEC 61400-12-1); an unknown density counts as standard."""
    density = np.where(np.isfinite(density_kg_per_m3), density_kg_per_m3, STANDARD_DENSITY_KG_PER_M3)
    return np.asarray(speed_m_s * np.cbrt(density / STANDARD_DENSITY_KG_PER_M3))


def learn(speed_m_s: Floats, from_deg: Floats, power_kw: Floats, sectors: int = SECTORS) -> Sectors:
    """Curve and factors from cases (N,) whose speed and power are known; `sectors=1` learns the curve alone.

    A case of unknown direction teaches the curve and no factor.
    """
    known = np.isfinite(speed_m_s) & np.isfinite(power_kw)
    speed, power, direction = speed_m_s[known], power_kw[known], from_deg[known]
    turned = np.isfinite(direction)
    sector = np.where(turned, np.rint(np.nan_to_num(direction) / 360 * sectors) % sectors, sectors).astype(np.int64)
    factor = np.ones(sectors)
    at, mean = _binned(speed, power)
    if sectors == 1 or len(at) < 2:
        return Sectors(at, mean, factor)
    for _ in range(ROUNDS):
        loss = np.stack(
            [
                np.bincount(sector, weights=(power - _curve(at, mean, speed * f)) ** 2, minlength=sectors + 1)
                for f in FACTORS
            ]
        )[:, :sectors]
        best = FACTORS[np.argmin(loss, axis=0)]
        count = np.bincount(sector, minlength=sectors + 1)[:sectors]
        factor = (best * count + BORROWED) / (count + BORROWED)
        factor = factor / (
            factor @ count / count.sum() if count.any() else 1.0
        )  # the curve holds what all directions share
        at, mean = _binned(speed * np.append(factor, 1.0)[sector], power)
    return Sectors(at, mean, factor)


def _binned(speed: Floats, power: Floats) -> tuple[Floats, Floats]:
    """Mean speed and power (B,) of the bins with enough cases."""
    place = np.floor(speed / SPEED_BIN_M_S).astype(np.int64)
    count = np.bincount(place)
    enough = count >= min(LEAST_IN_BIN, max(int(count.max(initial=0)), 1))
    size = np.maximum(count, 1)
    return (np.bincount(place, weights=speed) / size)[enough], (np.bincount(place, weights=power) / size)[enough]


def _curve(at: Floats, mean: Floats, speed: Floats) -> Floats:
    if not len(at):
        return np.full(speed.shape, np.nan)
    return np.where(np.isfinite(speed), np.interp(speed, at, mean), np.nan)
