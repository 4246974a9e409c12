r"""Which carbon contracts and certificates leave on a meter, hour by hour and by the year; and how clean its hours are.

.. math:: CFE = \frac{Σ_t \min(L_t, C_t) + (L_t - C_t)^+ g_t}{Σ_t L_t}, \quad
          R_{hourly} = Σ_t (L_t - C_t)^+ f_t, \quad
          R_{annual} = (Σ L - Σ C)^+ \frac{Σ L f}{Σ L}

with load L, contracted carbon-free supply C, carbon-free share g and residual factor f of the grid. A MWh of a
certificate is used once; what is left over in an hour stands for nothing in another. Several contracts are used in
their order; several meters share a contract in proportion to the load that it has not met yet.

Source: GHG Protocol Scope 2 Guidance 2015; "24/7 Carbon-Free Energy: Methodologies and Metrics", Google, 2021.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dispatch.carbon.named import numbers
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
    """One account over a period; energies in the unit of the load, carbon in that unit times the factor's.

    The shares, scores and carbon are of all meters together; ``meters`` has the account of each.

    Attributes:
        matched: (T,) or (M, T) contracted energy that met load in its own step.
        unmatched: (T,) or (M, T) load that nothing contracted met.
        excess: (T,) contracted energy beyond the load of its step.
        hourly_share: of the load that is matched step by step.
        annual_share: of the load that the contracts cover by volume, at most 1.
        cfe: carbon-free share with the grid's own.
        location: carbon at the grid's average factor.
        market_hourly, market_annual: carbon of what certificates do not cover, step by step and by volume.
        used: (C, T) or (C, M, T) energy of each contract that met load; a kWh once.
        unused: (C, T) the rest of each contract.
        meters: the account of each meter, where there are several; of the contracts' volume a meter has what it used
            and of the excess as much as its load is of all load.
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
    used: Array
    unused: Array
    meters: tuple[Matching, ...] = field(default=(), repr=False)


def matching(
    load: ArrayLike,
    contracts: ArrayLike,
    factor: ArrayLike | None = None,
    *,
    grid_cfe: ArrayLike = 0.0,
    residual: ArrayLike | None = None,
) -> Matching:
    """Account one meter, or several that share their contracts.

    Args:
        load: (T,) energy used, or (M, T) by meter.
        contracts: (T,) contracted carbon-free energy, or (C, T) by contract in the order in which they are used.
        factor: (T,) or one number, average carbon per unit of the grid's energy; without it carbon is NaN.
        grid_cfe: (T,) or one number, carbon-free share of the grid.
        residual: (T,) or one number, factor of what no certificate covers; the average by default.

    Raises:
        AlignmentError: numbers of steps differ.
        DataError: a negative energy, or a share outside 0 to 1.
    """
    use, supply = numbers(load, "load"), numbers(contracts, "contracts")
    if supply.size == 0 and use.ndim in (1, 2):
        supply = np.zeros((0, use.shape[-1]))  # no contracts at all
    if use.ndim not in (1, 2) or supply.ndim not in (1, 2) or use.shape[-1] != supply.shape[-1]:
        raise AlignmentError(f"load is {use.shape} and contracts {supply.shape}; give one value per step of each")
    grid, share, rest = _factors(use.shape[-1], factor, grid_cfe, residual)
    if (use < 0).any() or (supply < 0).any() or not (np.isfinite(use).all() and np.isfinite(supply).all()):
        raise DataError("matching: loads and contracts are energies of 0 or more")
    if not ((share >= 0) & (share <= 1)).all():
        raise DataError(f"grid_cfe: from {share.min():g} to {share.max():g}; accepted: shares from 0 to 1")
    used = _used(np.atleast_2d(use), np.atleast_2d(supply))
    unused = np.atleast_2d(supply) - used.sum(axis=1)
    if use.ndim == 1:
        return _account(use, used[:, 0], unused, (grid, share, rest))
    weight = use.sum(axis=1) / use.sum() if use.sum() > 0 else np.full(len(use), 1 / len(use))
    own = [_account(use[m], used[:, m], unused * weight[m], (grid, share, rest)) for m in range(len(use))]
    return _account(use, used, unused, (grid, share, rest), tuple(own))


def _factors(
    steps: int, factor: ArrayLike | None, grid_cfe: ArrayLike, residual: ArrayLike | None
) -> tuple[Array, Array, Array]:
    """(T,) average factor, clean share and residual factor of the grid."""
    average = np.nan if factor is None else factor
    given = (average, grid_cfe, average if residual is None else residual)
    arrays = [numbers(series, "factor, grid_cfe and residual") for series in given]
    try:
        made = tuple(np.broadcast_to(series, (steps,)) for series in arrays)
    except ValueError as error:
        raise AlignmentError(f"factor, grid_cfe and residual: one number or {steps} each") from error
    for value, series in ((factor, made[0]), (residual, made[2])):
        if value is not None and not (np.isfinite(series) & (series >= 0)).all():
            raise DataError("factor and residual: accepted are finite numbers of 0 or more")
    return made[0], made[1], made[2]


def _used(load: Array, supply: Array) -> Array:
    """(C, M, T) of each contract by meter: in the contracts' order, in proportion to the load still to be met."""
    out, left = np.zeros((len(supply), *load.shape)), load.copy()
    for contract, energy in enumerate(supply):
        open_load = left.sum(axis=0)
        met = np.divide(np.minimum(energy, open_load), open_load, out=np.zeros_like(energy), where=open_load > 0)
        out[contract] = left * met
        left = np.maximum(left - out[contract], 0.0)
    return out


def _account(
    use: Array, used: Array, unused: Array, factors: tuple[Array, Array, Array], meters: tuple[Matching, ...] = ()
) -> Matching:
    grid, share, rest = factors
    # The least of load and supply themselves, where they are one number each: no rounding of sums.
    matched = np.minimum(used.sum(axis=0), use)
    whole, met = (np.atleast_2d(one).sum(axis=0) for one in (use, matched))
    total, covered = float(whole.sum()), float(met.sum() + unused.sum())
    mean = float(whole @ rest) / total if total > 0 else 0.0
    carbon: dict[str, Any] = {
        "location": float(whole @ grid),
        "market_hourly": float((whole - met) @ rest),
        "market_annual": max(total - covered, 0.0) * mean,
    }
    return Matching(
        matched=matched,
        unmatched=use - matched,
        excess=unused.sum(axis=0),
        hourly_share=float(met.sum()) / total if total > 0 else float("nan"),
        annual_share=min(covered / total, 1.0) if total > 0 else float("nan"),
        cfe=cfe_score(whole, met, share),
        **carbon,
        used=used,
        unused=unused,
        meters=meters,
    )
