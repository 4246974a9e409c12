"""Sun and clear sky over one plant, worked out once per fortnight of steps and kept.

A day-ahead forecast needs some months of them, and its neighbours ask for the same again: the position of the sun
takes .8 s for a year of quarter-hours, a look into what is kept takes none.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from forecasting.clock import Ns, utc_index
from forecasting.physics import NIGHT_ELEVATION_DEG, PvPlant, clear_sky_w_m2, pv_power_at_kw, sun_at

Floats = NDArray[np.float64]
STEPS_KEPT = 1344
BLOCKS_KEPT = 1024  # of 75 kB


@dataclass(frozen=True, eq=False)
class Sun:
    """At interval middles, any shape: angles [deg], irradiance [W/m²], power under a clear sky [kW]."""

    elevation: Floats
    zenith: Floats
    apparent_zenith: Floats
    azimuth: Floats
    clear_ghi: Floats
    clear_kw: Floats

    @property
    def dark(self) -> NDArray[np.bool_]:
        """Where the sun's centre stands below −1°: no daylight reaches a module."""
        return self.elevation < NIGHT_ELEVATION_DEG

    def at(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Sun:
        """The same for chosen positions (or a mask), in their shape."""
        return Sun(*(getattr(self, f.name)[chosen] for f in fields(self)))

    def angles(self) -> dict[str, Floats]:
        """As `physics.sun_at` gives them, flat."""
        names = ("elevation", "zenith", "apparent_zenith", "azimuth")
        return {name: getattr(self, name).ravel() for name in names}


@lru_cache(maxsize=BLOCKS_KEPT)
def _block(plant: PvPlant, phase_ns: int, step_ns: int, number: int) -> Sun:
    middle = utc_index(phase_ns + (number * STEPS_KEPT + np.arange(STEPS_KEPT)) * step_ns + step_ns // 2)
    angles = sun_at(plant, middle)
    clear = clear_sky_w_m2(plant, middle, angles)
    return Sun(**angles, clear_ghi=clear["ghi"], clear_kw=pv_power_at_kw(plant, middle, sun=angles))


def sun_over(plant: PvPlant, start_ns: Ns, step_ns: int) -> Sun:
    """Sun over a plant in the steps that start then (any shape); the starts differ by whole steps."""
    if not start_ns.size:
        return Sun(*(np.empty(start_ns.shape) for _ in fields(Sun)))
    phase = int(start_ns.flat[0]) % step_ns
    position = (start_ns - phase) // step_ns
    first, last = int(position.min()) // STEPS_KEPT, int(position.max()) // STEPS_KEPT
    blocks = [_block(plant, phase, step_ns, number) for number in range(first, last + 1)]
    joined = Sun(*(np.concatenate([getattr(block, f.name) for block in blocks]) for f in fields(Sun)))
    return joined.at(position - first * STEPS_KEPT)
