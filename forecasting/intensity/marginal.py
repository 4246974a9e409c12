"""Marginal intensity from what was measured: by how much emissions change with the demand that thermal plant serves.

With the emissions E = i Σ P [t/h] of a mix P and its intensity i, and the residual load R = Σ P − wind − sun [MW], from
one hour to the next

    ΔE_t = m ΔR_t + ε_t,    m = Σ w ΔE ΔR / Σ w ΔR²        [t/MWh = kg/kWh]

Wind and sun do not follow demand, so that a kWh more of it is what a kWh less of theirs is: what other plant makes up
for. Their own changes are taken off; left in, they would pass for demand (Hawkes 2010, Energy Policy 38, 5977,
regresses on all of it; Siler-Evans et al. 2012, doi:10.1021/es300145v, on that of fossil plant).

m is the mean of the ratios ΔE/ΔR with the weights w ΔR², and quantiles of the same weighted ratios say how far single
hours lie from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecasting.errors import ForecastError

Floats = NDArray[np.float64]
FOLLOW_NOTHING = ("solar", "wind")  # in names of sources whose power no demand moves
SMALLEST = 1e-4  # of the greatest change: what is smaller says nothing of a ratio


@dataclass(frozen=True, eq=False)
class Changes:
    """From one hour to the next: of emissions (N,) [t/h] and of the residual load (N,) [MW]; NaN where unknown.

    The first has no hour before it. `load_mw` (N,) is the change of all demand, wind and sun not taken off.
    """

    emitted_t: Floats
    residual_mw: Floats
    load_mw: Floats

    @property
    def usable(self) -> NDArray[np.bool_]:
        """(N,) known, and large enough to divide by."""
        known = np.isfinite(self.emitted_t) & np.isfinite(self.residual_mw)
        size = np.abs(np.where(known, self.residual_mw, 0.0))
        return np.asarray(known & (size > SMALLEST * size.max(initial=0.0)))


def changes(power_mw: Mapping[str, ArrayLike], g_per_kwh: ArrayLike) -> Changes:
    """Of a mix by source (N,) and its intensity (N,) in consecutive hours; what is negative is no generation.

    Raises:
        ForecastError: there is no source, or all of it is wind and sun.
    """
    power = {name: np.maximum(np.asarray(mw, dtype=np.float64), 0.0) for name, mw in power_mw.items()}
    free = [name for name in power if any(word in name.lower() for word in FOLLOW_NOTHING)]
    if len(free) == len(power):
        has = ", ".join(power) or "nothing"
        raise ForecastError(f"marginal intensity: no source that demand could move; the mix has {has}")
    load = np.sum(list(power.values()), axis=0)
    residual = load - np.sum([power[name] for name in free], axis=0)
    emitted = np.asarray(g_per_kwh, dtype=np.float64) * load / 1000
    return Changes(*(np.diff(values, prepend=np.nan) for values in (emitted, residual, load)))


def slopes(found: Changes, weight: Floats) -> Floats:
    """The slope m (T,) [kg/kWh] for weights (T, N) of the hours."""
    use = found.usable
    x, y = found.residual_mw[use], found.emitted_t[use]
    return np.asarray((weight[:, use] @ (x * y)) / (weight[:, use] @ (x * x)))


def quantiles(found: Changes, weight: Floats, levels: Floats) -> Floats:
    """Quantiles (T, Q) [kg/kWh] of what single hours had, for weights (T, N) of the hours; their mean is the slope."""
    use = found.usable
    ratio = found.emitted_t[use] / found.residual_mw[use]
    order = np.argsort(ratio, kind="stable")
    share = (weight[:, use] * found.residual_mw[use] ** 2)[:, order]
    up_to = np.cumsum(share, axis=1)
    place = (up_to - share / 2) / up_to[:, -1:]
    return np.stack([np.interp(levels, row, ratio[order]) for row in place])
