"""What starts cost by the hours off before them: each start is matched with the stop that it follows.

The equations stand in :class:`~dispatch.units.commitment.Committed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Given, Rows
from dispatch.signals import Array, Horizon, spans

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class Matches:
    """Pairs of a stop and a later start that is not yet cold: (match,) member, stop step and start step, hours off."""

    member: np.ndarray
    stop: np.ndarray
    start: np.ndarray
    lag_h: Array


def warm_starts(rows: Rows[Any], horizon: Horizon) -> tuple[np.ndarray, np.ndarray]:
    """(match,) row and step of the starts before which a stop before the horizon may still be felt."""
    cold = np.array([member.cold_h for member in rows.members * rows.scenarios])
    row, step = np.nonzero(horizon.edge_h[None, :-1] < cold[:, None] - 1e-9)
    return row, step


def savings(rows: Rows[Any], row: np.ndarray, lag_h: Array) -> Array:
    """(match,) what a start after so many hours off saves against a cold one."""
    out = np.zeros(row.size)
    for position in np.unique(row):
        mine, member = row == position, rows.members[position % len(rows.members)]
        out[mine] = member.start_money(np.array(np.inf)) - member.start_money(lag_h[mine])
    return out


def matches(rows: Rows[Any], horizon: Horizon) -> Matches:
    """All of them, of one scenario."""
    edge = horizon.edge_h[:-1]
    cold = np.array([[member.cold_h] for member in rows.members])
    least = np.array([[member.min_down_h] for member in rows.members])
    first = np.searchsorted(edge, edge + np.maximum(least - 1e-9, 1e-9), side="right")
    own, start = spans(first.ravel(), np.searchsorted(edge, edge + cold - 1e-9, side="left").ravel())
    member, stop = np.divmod(own, edge.size)
    return Matches(member, stop, start, edge[start] - edge[stop])


def start_money(single: Rows[Any], given: Given, start: Any, stop: Any) -> tuple[Any, list[Any], dict[str, Any]]:
    """(row, step) cost of starts, the constraints of matching, and its variables."""
    import cvxpy as cp
    import scipy.sparse as sp
    from scipy.sparse import csr_array

    rows, steps = single.count, given.horizon.steps
    cold = cp.multiply(given["start_cost"][:rows], start)
    row, step = warm_starts(single, given.horizon)
    if not row.size:
        return cold, [], {}
    tiered = np.unique(row)

    def gather(rows_of: np.ndarray, steps_of: np.ndarray) -> csr_array:
        """(row·step, match) ones."""
        place = (rows_of * steps + steps_of, np.arange(rows_of.size))
        return csr_array((np.ones(rows_of.size), place), shape=(rows * steps, rows_of.size))

    # The stop before the horizon: one match at most, for the first start.
    warm = cp.Variable((row.size, 1), nonneg=True)
    owner = csr_array((np.ones(row.size), (row, np.arange(row.size))), shape=(rows, row.size))
    into, saved = gather(row, step) @ warm, gather(row, step) @ cp.multiply(given["warm_saves"][: row.size], warm)
    constraints = [(owner @ warm)[tiered] <= (1 - given["was_on"][:rows])[tiered]]
    inner = {"warm_start": warm}
    found, repeats, members = matches(single, given.horizon), single.scenarios, len(single.members)
    if found.member.size:
        match = cp.Variable((found.member.size * repeats, 1), nonneg=True)
        mine = np.concatenate([found.member + s * members for s in range(repeats)])
        begin, end = (gather(mine, np.tile(x, repeats)) for x in (found.start, found.stop))
        saves = given["match_saves"]
        weight = saves if repeats == 1 else sp.vstack([sp.eye_array(found.member.size)] * repeats) @ saves
        into, saved = into + begin @ match, saved + begin @ cp.multiply(weight, match)
        ended = np.flatnonzero(np.diff(end.indptr))
        constraints.append(end[ended] @ match <= cp.reshape(stop, (rows * steps, 1), order="C")[ended])
        inner["match"] = match
    used = np.flatnonzero(np.isin(np.repeat(np.arange(rows), steps), tiered))
    constraints.append((into - cp.reshape(start, (rows * steps, 1), order="C"))[used] <= 0)
    return cold - cp.reshape(saved, (rows, steps), order="C"), constraints, inner
