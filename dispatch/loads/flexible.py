"""What flexible loads share: fields that vary in time, decisions taken once for all scenarios, days of the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Mode, Rows
from dispatch.fields.series import Signal, signal_values
from dispatch.signals import Array, Horizon, spans

if TYPE_CHECKING:
    import cvxpy as cp
    from scipy.sparse import csr_array


def steps_of(asset: Any, fields: tuple[str, ...], horizon: Horizon) -> dict[str, Array]:
    """(1, step) by field: what a member's signals are in each step, for ``known``."""
    starts, ends, out = horizon.local_start, horizon.local_end, {}
    for name in fields:
        signal: Signal = getattr(asset, name)
        out[name] = np.array([signal_values(signal, starts, ends, f"{name} of '{asset.name}'")])
    return out


def deciding(rows: Rows[Any], mode: Mode) -> Rows[Any]:
    """The rows that decide: one per member where a decision is taken before the scenario is known."""
    return Rows(rows.members, 1, rows.buses) if mode.shared else rows


def spread(rows: Rows[Any], decided: cp.Expression) -> Any:
    """(row, step) what the deciding rows have decided."""
    return decided if decided.shape[0] == rows.count else rows.spread @ decided


def per_row(rows: Rows[Any], values: Array) -> Array:
    """(row, step) the same in numbers."""
    return values if values.shape[0] == rows.count else np.tile(values, (rows.scenarios, 1))


def where_whole(rows: np.ndarray, steps: int) -> tuple[list[int], list[int]]:
    """Places in (row, step), as cvxpy takes them, of the steps of those rows whose decisions must be whole numbers."""
    at = np.nonzero(np.repeat(rows[:, None], steps, axis=1))
    return at[0].tolist(), at[1].tolist()


def day_masks(horizon: Horizon) -> list[Array]:
    """(T,) ones in the steps of each local day; as many masks as a horizon of this length may touch, from any hour."""
    dates = [start.date() for start in horizon.local_start]
    days = sorted(set(dates))
    width = int(np.ceil(max(horizon.edge_h[-1] - 1.0, 0.5) / 24)) + 1
    masks = [np.array([date == day for date in dates], float) for day in days]
    return masks + [np.zeros(horizon.steps)] * (width - len(masks))


def within(horizon: Horizon, hours: float) -> csr_array:
    """(step, step) ones [t, τ]: step τ is t or before it, and the time from the start of τ to the end of t fits."""
    edge = horizon.edge_h
    return _band(np.searchsorted(edge[:-1], edge[1:] - hours - 1e-9, side="left"))


def since(moment_h: Array, hours: float) -> csr_array:
    """(step, step) ones [t, τ]: step τ is t or before it, and less time lies between their moments."""
    return _band(np.searchsorted(moment_h, moment_h - hours + 1e-9, side="right"))


def _band(first: np.ndarray) -> csr_array:
    """(step, step) ones [t, τ] from the first τ of each t on, up to t itself."""
    from scipy.sparse import csr_array

    at, tau = spans(first, np.arange(1, first.size + 1))
    return csr_array((np.ones(at.size), (at, tau)), shape=(first.size, first.size))
