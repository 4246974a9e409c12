r"""Batch work of data centres: where in time each batch may be done, how much of it is left, and who does it.

A horizon may end before a batch's window does, as every executed window of a rolling replay does. Of what is left L of
the batch, what the time after the horizon cannot hold is due within it,

.. math:: D = \max(L - \bar F · (t_{end} - t_{horizon})^+, 0)

and no more than L may be done. What is due and not done is missing for good: it is priced once, where it fell due, and
handed on as such, so that windows of any length come to what one horizon over all of them comes to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from dispatch.asset import Given, Inputs, Rows
from dispatch.fields.frozen import Frozen, NonNegative, Positive
from dispatch.loads.windows import Window, edges_s, slots
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_DONE, _MISSING = "done_kwh:", "missing_kwh:"
_LACKING_KW = 1e-6
_MOST_TRIES = 3
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
    """One batch of each row, with the windows of it that the horizon may touch; rows with fewer have empty ones.

    Windows of a batch do not overlap, so one power by step is enough for all of them, and its name does not depend on
    how many there are: windows of a replay are joined by it.

    Attributes:
        names: by member, whose batch it is; "" where there is none.
        most_kw: (row, step) largest power where it may be done, 0 elsewhere.
        hours_in: (window, row, step) hours of the steps that lie in each window.
        wanted_kwh: (row, window) what is due within the horizon.
        most_kwh: (row, window) what is left to do, due or not.
        movable: (row, step) 1 where it has been there long enough to be sent elsewhere.
        begins_s, ends_s: (member, window).
    """

    names: tuple[str, ...]
    most_kw: Array
    hours_in: Array
    wanted_kwh: Array
    most_kwh: Array
    movable: Array
    begins_s: Array
    ends_s: Array

    def done_kwh(self, flow_kw: Array) -> Array:
        """(row, window) what a power by step comes to."""
        return np.asarray(np.einsum("wrt,rt->rw", self.hours_in, flow_kw))


def batches_of(rows: Rows[Any]) -> int:
    """How many batches the member with the most has."""
    return max(len(member.batches) for member in rows.members)


def windows_of(rows: Rows[Any], horizon: Horizon) -> int:
    """How many windows of one batch a horizon of this length may touch at the most."""
    return max((batch.window.slots(horizon) for m in rows.members for batch in m.batches), default=1)


def work(rows: Rows[Any], inputs: Inputs) -> list[Work]:
    """All batches, the same place in each row's list at a time."""
    width, out = windows_of(rows, inputs.horizon), []
    for place in range(batches_of(rows)):
        found = [
            _of_batch(m, m.batches[place], inputs, width) if place < len(m.batches) else _none(inputs.horizon, width)
            for m in rows.members
        ]
        table = {
            name: np.tile(np.array([f[name] for f in found]), (rows.scenarios, 1))
            for name in ("most_kw", "wanted_kwh", "most_kwh", "movable")
        }
        hours_in = np.tile(np.array([f["hours_in"] for f in found]), (rows.scenarios, 1, 1)).swapaxes(0, 1)
        times = {name: np.array([f[name] for f in found]) for name in ("begins_s", "ends_s")}
        out.append(Work(tuple(f["name"] for f in found), hours_in=hours_in, **table, **times))
    return out


def penalties(rows: Rows[Any], horizon: Horizon) -> list[Array]:
    """(row, window) price of a kWh that is due and not done, for each place in the list of batches."""
    lists = [[b.penalty_per_kwh for b in m.batches] for m in rows.members]
    table = np.array([prices + [0.0] * (batches_of(rows) - len(prices)) for prices in lists])
    return [np.tile(own[:, None], (rows.scenarios, windows_of(rows, horizon))) for own in table.T]


def _none(horizon: Horizon, width: int) -> dict[str, Any]:
    by_step = {name: np.zeros(horizon.steps) for name in ("most_kw", "movable")}
    by_window = {name: np.zeros(width) for name in ("wanted_kwh", "most_kwh")}
    times = {"begins_s": np.full(width, np.inf), "ends_s": np.full(width, -np.inf)}
    return {"name": "", "hours_in": np.zeros((width, horizon.steps)), **by_step, **by_window, **times}


def _of_batch(member: Any, batch: Batch, inputs: Inputs, width: int) -> dict[str, Any]:
    """A batch of a member with all its windows."""
    horizon, state = inputs.horizon, inputs.state.get(member.name, {})
    edge, found = edges_s(horizon), slots([batch.window], horizon)
    out = _none(horizon, width) | {"name": batch.name}
    count = found.begin_s.shape[1]
    begin, end, inside = found.begin_s[0], found.end_s[0], found.inside[0]
    gone = float(state.get(f"{_DONE}{batch.name}", batch.done_kwh)) + float(state.get(f"{_MISSING}{batch.name}", 0.0))
    touched = (begin < edge[-1] - 1e-3) & (end > edge[0] + 1e-3)
    left = touched * np.maximum(batch.energy_kwh - gone * found.begun[0], 0.0)
    out["begins_s"][:count], out["ends_s"][:count] = begin, end
    out["hours_in"][:count], out["most_kwh"][:count] = inside * horizon.hours, left
    out["wanted_kwh"][:count] = np.maximum(left - _afterwards_kwh(batch, end, edge[-1]), 0.0)
    arrived = edge[:-1] >= begin[:, None] + 3600 * member.transfer_delay_h - 1e-3
    out["most_kw"], out["movable"] = batch.max_kw * inside.any(axis=0), (inside & arrived).any(axis=0).astype(float)
    return out


def _afterwards_kwh(batch: Batch, end_s: Any, now_s: float) -> Any:
    """The most that can be done of windows after a moment."""
    return batch.max_kw * np.maximum(end_s - now_s, 0.0) / 3600


def missing_kwh(rows: Rows[Any], inputs: Inputs, series: Mapping[str, Array]) -> list[Array]:
    """(row, window) what is due and not done, for each place in the list of batches."""
    return [
        np.maximum(one.wanted_kwh - one.done_kwh(series[f"batch_{place}_kw"]), 0.0)
        for place, one in enumerate(work(rows, inputs))
    ]


def amounts(given: Given, place: int, flow: Any, missing: Any) -> list[Any]:
    """Rows of the model: of each window of a batch no more is done than is left, and what is due is done or missing."""
    import cvxpy as cp

    out, most, wanted = [], given[f"batch_{place}_most_kwh"], given[f"batch_{place}_wanted_kwh"]
    for window in range(missing.shape[1]):
        done = cp.sum(cp.multiply(given[f"batch_{place}_window_{window}_h"], flow), axis=1)
        out += [done <= most[:, window], missing[:, window] >= wanted[:, window] - done]
    return out


def done_early(rows: Rows[Any], inputs: Inputs, room: Array, planned: Array | None = None) -> dict[str, Array]:
    """Each batch as soon as it may be, the one with the nearest deadline first, within ``room`` (row, step).

    Args:
        planned: (row, step) power that a plan has for all batches together. What it has had so far and finds no room
            is made up for later; what would be late with it is done at the last moment. Without one, all that is due
            within the horizon is done at once, and what can wait beyond it waits.
    """
    batches, hours = work(rows, inputs), inputs.horizon.hours
    out = {f"batch_{place}_kw": np.zeros_like(room) for place in range(len(batches))}
    slots_of = [(place, window) for place, one in enumerate(batches) for window in range(one.hours_in.shape[0])]
    in_turn = sorted(slots_of, key=lambda slot: float(batches[slot[0]].ends_s[:, slot[1]].min()))
    fits = {(b, w): batches[b].most_kw * batches[b].hours_in[w] for b, w in in_turn}
    later = {slot: np.cumsum(kwh[:, ::-1], axis=1)[:, ::-1] - kwh for slot, kwh in fits.items()}
    due = {(b, w): batches[b].wanted_kwh[:, w] for b, w in in_turn}
    left = dict(due) if planned is None else {(b, w): batches[b].most_kwh[:, w] for b, w in in_turn}
    ahead = np.full(room.shape[0], np.inf if planned is None else 0.0)
    for step, lasting_h in enumerate(hours):
        free, here = room[:, step] * lasting_h, {slot: kwh[:, step] for slot, kwh in fits.items()}
        ahead = ahead if planned is None else ahead + planned[:, step] * lasting_h
        for is_late in (True, False):
            for slot in in_turn:
                wanted = np.maximum(due[slot] - later[slot][:, step], 0) if is_late else np.clip(ahead, 0, left[slot])
                done = np.maximum(np.minimum(np.minimum(wanted, here[slot]), free), 0)
                out[f"batch_{slot[0]}_kw"][:, step] += done / lasting_h
                due[slot], left[slot], here[slot] = due[slot] - done, left[slot] - done, here[slot] - done
                free, ahead = free - done, ahead - done
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


def moved(
    rows: Rows[Any], inputs: Inputs, wanted: Mapping[str, Array], done: Mapping[str, Array], room: Array
) -> dict[str, Array]:
    """Work that is sent and received as a plan wants it, as far as it is being done and the other site has room.

    Each member has room for its own work, so that what is not taken elsewhere stays where it is.
    """
    nothing, pools = np.zeros_like(room), pool_matrix(rows)
    movable = sum((one.movable * done[f"batch_{k}_kw"] for k, one in enumerate(work(rows, inputs))), nothing)
    free = np.maximum(room - sum((done[f"batch_{k}_kw"] for k in range(batches_of(rows))), nothing), 0)
    sent = np.minimum(wanted.get("sent_kw", nothing), movable * rows.field("movable_share") * pooled(rows, inputs))
    received = np.minimum(wanted.get("received_kw", nothing), free * pooled(rows, inputs))
    both = np.minimum(pools @ sent, pools @ received)
    out = {}
    for name, flow in (("sent_kw", sent), ("received_kw", received)):
        total = pools @ flow
        out[name] = flow * (pools.T @ np.divide(both, total, out=np.zeros_like(total), where=total > 0))
    return out


def done_as_planned(
    rows: Rows[Any], inputs: Inputs, wanted: Mapping[str, Array], room: Array, planned: Array
) -> dict[str, Array]:
    """As :func:`done_early`, with more than its own ``room`` where a plan sends so much of it elsewhere.

    Where what is done could not be sent after all, because it has not been there long enough, each does its own.
    """
    share, elsewhere = rows.field("movable_share"), _sent_elsewhere_kw(rows, inputs, wanted, room)
    batches = work(rows, inputs)
    for _ in range(_MOST_TRIES):
        done = done_early(rows, inputs, room + elsewhere, planned)
        total = sum(done.values(), np.zeros_like(room))
        movable = sum((one.movable * done[f"batch_{k}_kw"] for k, one in enumerate(batches)), np.zeros_like(room))
        beyond = total > room + np.minimum(elsewhere, share * movable) + _LACKING_KW
        if not beyond.any():
            return done
        elsewhere = np.where(beyond, 0.0, elsewhere)
    return done_early(rows, inputs, room, planned)


def _sent_elsewhere_kw(rows: Rows[Any], inputs: Inputs, wanted: Mapping[str, Array], room: Array) -> Array:
    """(row, step) what a plan sends and those that receive it have room for beside all they could do of their own."""
    nothing, pools = np.zeros_like(room), pool_matrix(rows)
    sent, received = (wanted.get(name, nothing) * pooled(rows, inputs) for name in ("sent_kw", "received_kw"))
    own = sum((one.most_kw for one in work(rows, inputs)), nothing)
    asked, free = pools @ sent, pools @ np.minimum(received, np.maximum(room - own, 0))
    part = np.divide(np.minimum(asked, free), asked, out=np.zeros_like(asked), where=asked > 0)
    return np.asarray(sent * (pools.T @ part) * (received <= 0))


def left_undone(
    rows: Rows[Any], state: Ruling, values: Mapping[str, Array], weight: Array
) -> tuple[dict[str, Array], Array]:
    """Decisions with less batch work where power lacks, of whichever member has some, and (row, step) what lacks still.

    Where it does, nothing is moved: what is sent is work that may have to be left.
    """
    flows, bus = [f"batch_{k}_kw" for k in range(batches_of(rows))], rows.bus()
    waiting = sum((values[name] for name in flows), np.zeros_like(weight))
    lacking = np.maximum(-state.share(bus, waiting + 1e-9), 0)
    short = np.zeros((rows.scenarios, weight.shape[1]))
    np.maximum.at(short, rows.scenario, lacking)
    stays = short[rows.scenario] <= _LACKING_KW
    out = dict(values) | {name: values[name] * stays for name in ("sent_kw", "received_kw")}
    for name in flows:
        left = np.minimum(out[name], lacking)
        out[name], lacking = out[name] - left, lacking - left
    still = np.zeros_like(state.residual_kw)
    np.subtract.at(still, bus, lacking)
    return out, np.maximum(-Ruling(still).share(bus, weight), 0)


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
    """By member, what is done and what is missing for good of each batch whose window goes on after so many steps."""
    now, started = edges_s(given.horizon)[steps], edges_s(given.horizon)[0]
    out: dict[str, dict[str, float]] = {
        m.name: {f"{what}{b.name}": 0.0 for b in m.batches for what in (_DONE, _MISSING)} for m in rows.members
    }
    for place, one in enumerate(work(rows, given)):
        for row, window in np.argwhere((one.begins_s < now) & (now < one.ends_s)):
            member, flow = rows.members[row], series[f"batch_{place}_kw"][row, :steps]
            own, state = member.batches[place], given.state.get(member.name, {})
            goes_on = one.begins_s[row, window] < started - 1e-3
            done = goes_on * float(state.get(f"{_DONE}{own.name}", own.done_kwh))
            done += float(flow @ one.hours_in[window, row, :steps])
            lost = own.energy_kwh - done - float(_afterwards_kwh(own, one.ends_s[row, window], now))
            before = goes_on * float(state.get(f"{_MISSING}{own.name}", 0.0))
            out[member.name] |= {
                f"{_DONE}{own.name}": float(done),
                f"{_MISSING}{own.name}": float(max(before, lost, 0.0)),
            }
    return out
