r"""Which carbon contracts and certificates leave on a meter, hour by hour and by the year; and how clean its hours are.

.. math:: CFE = \frac{Σ_t \min(L_t, C_t) + (L_t - C_t)^+ g_t}{Σ_t L_t}, \quad
          R_{hourly} = Σ_t (L_t - C_t)^+ f_t, \quad
          R_{annual} = (Σ L - Σ C)^+ \frac{Σ L f}{Σ L}

with load L, contracted carbon-free supply C, carbon-free share g and residual factor f of the grid. A MWh of a
certificate is used once; what is left over in an hour stands for nothing in another.

Source: GHG Protocol Scope 2 Guidance 2015; "24/7 Carbon-Free Energy: Methodologies and Metrics", Google, 2021.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array


def cfe_score(load: Array, clean: Array, grid_share: Array | float = 0.0) -> float:
    """Share of a load that is carbon-free step by step; NaN where there is no load.

    Args:
        load: (T,) energy used.
        clean: (T,) carbon-free energy that belongs to the user in the same step; more than the load counts as the load.
        grid_share: (T,) or one number, carbon-free share of what the grid adds.
    """
    used = float(np.sum(load))
    matched = np.minimum(load, clean)
    return float(np.sum(matched + (load - matched) * grid_share) / used) if used > 0 else float("nan")


@dataclass(frozen=True)
class Matching:
    """One meter's account over a period; energies in the unit of the load, carbon in that unit times the factor's.

    Attributes:
        matched: (T,) contracted energy that met load in its own step.
        unmatched: (T,) load that nothing contracted met.
        excess: (T,) contracted energy beyond the load of its step.
        hourly_share: of the load that is matched step by step.
        annual_share: of the load that the contracts cover by volume, at most 1.
        cfe: carbon-free share with the grid's own.
        location: carbon at the grid's average factor.
        market_hourly, market_annual: carbon of what certificates do not cover, step by step and by volume.
    """

    matched: Array
    unmatched: Array
    excess: Array
    hourly_share: float
    annual_share: float
    cfe: float
    location: float
    market_hourly: float
    market_annual: float


def matching(
    load: ArrayLike,
    contracted: ArrayLike,
    factor: ArrayLike,
    *,
    grid_cfe: ArrayLike = 0.0,
    residual: ArrayLike | None = None,
) -> Matching:
    """Account one meter.

    Args:
        load, contracted: (T,) energies.
        factor: (T,) or one number, average carbon per unit of the grid's energy.
        grid_cfe: (T,) or one number, carbon-free share of the grid.
        residual: (T,) or one number, factor of what no certificate covers; the average by default.

    Raises:
        AlignmentError: numbers of steps differ.
        DataError: a negative energy, or a share outside 0 to 1.
    """
    use, supply = (np.asarray(series, dtype=np.float64) for series in (load, contracted))
    if use.ndim != 1 or use.shape != supply.shape:
        raise AlignmentError(f"load is {use.shape} and contracted {supply.shape}; give one value per step of each")
    try:
        grid, share, rest = (
            np.broadcast_to(np.asarray(series, dtype=np.float64), use.shape)
            for series in (factor, grid_cfe, factor if residual is None else residual)
        )
    except ValueError as error:
        raise AlignmentError(f"factor, grid_cfe and residual: one number or {use.size} each") from error
    if (use < 0).any() or (supply < 0).any() or not np.isfinite(np.concatenate([use, supply, grid, rest])).all():
        raise DataError("matching: loads and contracts are energies of 0 or more, factors finite numbers")
    if (share < 0).any() or (share > 1).any():
        raise DataError(f"grid_cfe: from {share.min():g} to {share.max():g}; accepted: shares from 0 to 1")
    matched = np.minimum(use, supply)
    total, covered = float(use.sum()), float(supply.sum())
    mean = float(use @ rest) / total if total > 0 else 0.0
    return Matching(
        matched=matched,
        unmatched=use - matched,
        excess=supply - matched,
        hourly_share=float(matched.sum()) / total if total > 0 else float("nan"),
        annual_share=min(covered / total, 1.0) if total > 0 else float("nan"),
        cfe=cfe_score(use, supply, share),
        location=float(use @ grid),
        market_hourly=float((use - matched) @ rest),
        market_annual=max(total - covered, 0.0) * mean,
    )
