"""Batch work of data centres: where in time each batch may be done, how much of it is left, and who does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from dispatch.asset import Inputs, Rows
from dispatch.fields.frozen import Frozen, NonNegative, Positive
from dispatch.loads.windows import Window, edges_s, slots
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_DONE = "done_kwh:"
MOVES_ACROSS = "moves_across"
"""State of a data centre: 1 where a fleet plans what it sends to other sites and receives from them."""


class Batch(Frozen):
    """Work of one class: it arrives when its window begins and must be done when that ends.

    What is not done by its deadline costs ``penalty_per_kwh``: classes of deadlines differ in window and penalty.
    """

    name: str = Field(min_length=1)
    window: Window
    energy_kwh: NonNegative = Field(description="IT energy of the work")
    max_kw: Positive = Field(description="largest IT power for it")
    penalty_per_kwh: NonNegative = Field(default=1000.0, description="price of what is not done in time")
    done_kwh: NonNegative = Field(default=0.0, description="done of the window in which the horizon begins")


@dataclass(frozen=True)
class Work:
    """One batch window of each row; rows with fewer are padded with empty ones.

    Attributes:
        names: by member, whose batch it is; "" where there is none.
        most_kw: (row, step) largest power where it may be done, 0 elsewhere.
        wanted_kwh: (row, 1) what is left to do.
        penalty: (row, 1) price of a kWh not done.
        movable: (row, step) 1 where it has been there long enough to be sent elsewhere.
        ends_s, begins_s: by member.
    """

    names: tuple[str, ...]
    most_kw: Array
    wanted_kwh: Array
    penalty: Array
    movable: Array
    begins_s: tuple[float, ...]
    ends_s: tuple[float, ...]

    @staticmethod
    def slots(rows: Rows[Any], horizon: Horizon) -> int:
        """How many batch windows the member with the most has over a horizon of this length."""
        return int(max(sum(batch.window.slots(horizon) for batch in member.batches) for member in rows.members))


def work(rows: Rows[Any], inputs: Inputs) -> list[Work]:
    """All batch windows, the same place in each row's list at a time."""
    horizon = inputs.horizon
    lists = [_of_member(member, inputs) for member in rows.members]
    out = []
    for slot in range(Work.slots(rows, horizon)):
        found = [one[slot] if slot < len(one) else _none(horizon) for one in lists]
        table = {
            name: np.tile(np.array([f[name] for f in found]), (rows.scenarios, 1))
            for name in ("most_kw", "wanted_kwh", "penalty", "movable")
        }
        out.append(
            Work(
                tuple(f["name"] for f in found),
                begins_s=tuple(f["begin_s"] for f in found),
                ends_s=tuple(f["end_s"] for f in found),
                **table,
            )
        )
    return out


def penalties(rows: Rows[Any], horizon: Horizon) -> list[Array]:
    """(row, 1) price of a kWh not done, for each place in the list of batch windows."""
    lists = [[b.penalty_per_kwh for b in m.batches for _ in range(b.window.slots(horizon))] for m in rows.members]
    count = Work.slots(rows, horizon)
    table = np.array([prices + [0.0] * (count - len(prices)) for prices in lists]).reshape(len(rows.members), count)
    return [np.tile(table[:, slot], rows.scenarios)[:, None] for slot in range(count)]


def _none(horizon: Horizon) -> dict[str, Any]:
    zero = np.zeros(horizon.steps)
    empty = {"name": "", "begin_s": np.inf, "end_s": -np.inf}
    return empty | {"most_kw": zero, "wanted_kwh": [0.0], "penalty": [0.0], "movable": zero}


def _of_member(member: Any, inputs: Inputs) -> list[dict[str, Any]]:
    """A member's batches, each with all its windows."""
    horizon, state = inputs.horizon, inputs.state.get(member.name, {})
    edge, out = edges_s(horizon), []
    for batch in member.batches:
        found = slots([batch.window], horizon)
        done = float(state.get(f"{_DONE}{batch.name}", batch.done_kwh))
        for k in range(found.begin_s.shape[1]):
            begin, inside = found.begin_s[0, k], found.inside[0, k] & found.due[0, k]
            left = max(batch.energy_kwh - done * found.begun[0, k], 0.0)
            out.append(
                {
                    "name": batch.name,
                    "begin_s": begin,
                    "end_s": found.end_s[0, k],
                    "most_kw": batch.max_kw * inside,
                    "wanted_kwh": [left * found.due[0, k]],
                    "penalty": [batch.penalty_per_kwh],
                    "movable": (edge[:-1] >= begin + 3600 * member.transfer_delay_h - 1e-3).astype(float),
                }
            )
    return out


def done_early(rows: Rows[Any], inputs: Inputs, room: Array) -> dict[str, Array]:
    """Each batch as soon as it may be, the one with the nearest deadline first, within ``room`` (row, step)."""
    batches, hours = work(rows, inputs), inputs.horizon.hours
    out = {f"batch_{k}_kw": np.zeros_like(room) for k in range(len(batches))}
    left = [one.wanted_kwh[:, 0].copy() for one in batches]
    for step in range(room.shape[1]):
        free = room[:, step].copy()
        for k in sorted(range(len(batches)), key=lambda k: min(batches[k].ends_s)):
            flow = np.minimum(np.minimum(batches[k].most_kw[:, step], left[k] / hours[step]), free)
            out[f"batch_{k}_kw"][:, step] = flow
            left[k], free = left[k] - flow * hours[step], free - flow
    return out


def pooled(rows: Rows[Any], inputs: Inputs) -> Array:
    """(row, 1) 1 where work may be moved: in a pool; in one that reaches over a fleet, where the fleet plans it."""
    across = rows.scenarios * [float(inputs.state.get(m.name, {}).get(MOVES_ACROSS, 0.0)) for m in rows.members]
    members = rows.members * rows.scenarios
    own = [
        float(m.pool is not None) * (moves if _is_across(m) else 1.0) for m, moves in zip(members, across, strict=True)
    ]
    return np.array(own)[:, None]


def _is_across(member: Any) -> bool:
    return bool(member.pool_reach == "fleet")


def pool_matrix(rows: Rows[Any]) -> csr_array:
    """(pool · scenario, row) ones, of pools that balance within the site."""
    from scipy.sparse import csr_array

    pools = sorted({m.pool for m in rows.members if m.pool is not None and not _is_across(m)})
    members = rows.members * rows.scenarios
    own = [row for row, m in enumerate(members) if m.pool is not None and not _is_across(m)]
    place = [rows.scenario[row] * len(pools) + pools.index(members[row].pool) for row in own]
    return csr_array((np.ones(len(own)), (place, own)), shape=(len(pools) * rows.scenarios, rows.count))


def moved_balance(rows: Rows[Any], series: Mapping[str, Array]) -> Array:
    """(row, step) by how much what its pool sends differs from what it receives; outside one, nothing is."""
    sent, received = series["sent_kw"], series["received_kw"]
    out = np.zeros_like(sent)
    members = rows.members * rows.scenarios
    for row, member in enumerate(members):
        if _is_across(member):
            continue  # what leaves the site is the fleet's
        alike = [
            other
            for other, m in enumerate(members)
            if rows.scenario[other] == rows.scenario[row] and m.pool == member.pool
        ]
        mine = [row] if member.pool is None else alike
        out[row] = np.abs((sent - received)[mine].sum(axis=0))
    return out


def carried_kwh(rows: Rows[Any], given: Inputs, series: Mapping[str, Array], steps: int) -> dict[str, dict[str, float]]:
    """By member, what is done of each batch whose window goes on after so many steps."""
    now, hours = edges_s(given.horizon)[steps], given.horizon.hours[:steps]
    out: dict[str, dict[str, float]] = {m.name: {f"{_DONE}{b.name}": 0.0 for b in m.batches} for m in rows.members}
    started = edges_s(given.horizon)[0]
    for slot, one in enumerate(work(rows, given)):
        for row, member in enumerate(rows.members):
            if one.begins_s[row] < now < one.ends_s[row]:
                key = f"{_DONE}{one.names[row]}"
                own = next(b for b in member.batches if b.name == one.names[row])
                before = float(given.state.get(member.name, {}).get(key, own.done_kwh))
                before *= one.begins_s[row] < started - 1e-3
                out[member.name][key] = before + float(series[f"batch_{slot}_kw"][row, :steps] @ hours)
    return out
