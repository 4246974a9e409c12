r"""Vehicles at their chargers as arrays, and which of them charges when so that a fleet's power comes about.

A *visit* n is a session within a horizon. While it lasts, content e moves by charge c and discharge d at the bus:

.. math::
    e_{nt} = e_{n,t-1} + Δt (η_c c_{nt} - d_{nt} / η_d), \quad e^{least}_n ≤ e_{nt} ≤ e^{most}_n \\
    c_{nt} ≤ C_n a_{nt} z_{nt}, \quad d_{nt} ≤ D_n a_{nt} (1 - z_{nt}), \quad e_{n,last} + u_n ≥ e^{wanted}_n

with a the share of the step in which the vehicle is there, and u what it lacks when it leaves. Summed over visits,
power and content lie in bands that every fleet's plan keeps; not every plan in the bands can be shared out (arXiv
2306.16824, 2406.12755), so :mod:`dispatch.loads.ev_disaggregation` does it, and says by how much it fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from dispatch.loads.sessions import Session
from dispatch.signals import Array, Horizon


@dataclass(frozen=True)
class Visits:
    """The visits of one fleet, N of them, some of which may be empty places.

    Attributes:
        keys: names of visits; "" for an empty place.
        share: (N, T) part of the step in which the vehicle is there.
        charge_kw, discharge_kw: (N,) most power.
        start_kwh, least_kwh, most_kwh, wanted_kwh: (N,) content at the start (or on arrival), its limits, and what is
            wanted in the last step of the visit.
        last: (N,) the step it ends in; the horizon's last one where it goes on.
        goes_on: (N,) does it last beyond the horizon?
    """

    keys: tuple[str, ...]
    share: Array
    charge_kw: Array
    discharge_kw: Array
    start_kwh: Array
    least_kwh: Array
    most_kwh: Array
    wanted_kwh: Array
    last: np.ndarray
    goes_on: np.ndarray

    @property
    def charge_most_kw(self) -> Array:
        """(N, T) most mean power of charge in each step."""
        return self.charge_kw[:, None] * self.share

    @property
    def discharge_most_kw(self) -> Array:
        """(N, T) likewise of discharge."""
        return self.discharge_kw[:, None] * self.share

    @cached_property
    def leaves(self) -> Array:
        """(N, T) 1 in the last step of each visit."""
        return np.asarray(np.arange(self.share.shape[1]) == self.last[:, None], float)


def visits(sessions: Sequence[Session], horizon: Horizon, state: Mapping[str, float], gain: float) -> Visits:
    """The visits of ``sessions`` in a horizon, and empty places up to the most that any horizon so long can have.

    A vehicle that stays beyond the horizon must be able to leave in time, and holds by then at least the share of what
    it wants that its time within the horizon is of its stay: nobody gains by leaving the charge to the next plan.

    Args:
        sessions: as the user wrote them.
        horizon: the steps.
        state: content of vehicles that came before the horizon, by key.
        gain: content per kWh of charge.
    """
    edges = horizon.edges.astype("datetime64[s]").astype(np.int64).astype(float)
    every = [v for n, s in enumerate(sessions) for v in _dated(s, n, horizon)]
    found = [v for v in every if v.end_s > edges[0] and v.begin_s < edges[-1]]
    count = places(sessions, (edges[-1] - edges[0]) / 3600)
    begin, end = (np.array([getattr(v, name) for v in found]).reshape(-1, 1) for name in ("begin_s", "end_s"))
    inside = np.minimum(edges[1:], end) - np.maximum(edges[:-1], begin)
    share = np.maximum(inside, 0) / np.diff(edges)
    own = [v.session for v in found]
    start = np.array([np.clip(state.get(v.key, v.session.arrival_kwh), 0, v.session.most_kwh) for v in found])
    least = np.array([min(s.least_kwh, e) for s, e in zip(own, start, strict=True)])
    charge = np.array([s.charge_kw for s in own])
    wanted, goes_on = np.array([s.wanted_kwh for s in own]), end[:, 0] > edges[-1]
    if found:
        left_h = np.maximum(end[:, 0] - edges[-1], 0) / 3600
        came = np.array([s.arrival_kwh for s in own])
        stayed = (edges[-1] - begin[:, 0]) / (end[:, 0] - begin[:, 0])
        so_far = np.minimum(came + (wanted - came) * stayed, start + gain * charge * (share @ horizon.hours))
        wanted = np.where(goes_on, np.maximum(wanted - gain * charge * left_h, so_far), wanted)
    last = np.minimum(np.searchsorted(edges, end[:, 0]) - 1, horizon.steps - 1)
    pad = count - len(found)

    def padded(values: Array) -> Array:
        return np.concatenate([values, np.zeros((pad, *values.shape[1:]))])

    return Visits(
        (*(v.key for v in found), *[""] * pad),
        padded(share),
        padded(charge),
        padded(np.array([s.discharge_kw for s in own])),
        padded(start),
        padded(least),
        padded(np.array([s.most_kwh for s in own])),
        padded(np.maximum(wanted, 0)),
        padded(last).astype(int),
        padded(goes_on).astype(bool),
    )


@dataclass(frozen=True)
class _Visit:
    """A session with its times [s since 1970]."""

    key: str
    session: Session
    begin_s: float
    end_s: float


def _dated(session: Session, number: int, horizon: Horizon) -> list[_Visit]:
    """The session itself, or what it is on each day from before the horizon to its end."""
    name = session.name or f"session_{number + 1}"
    begin, end = session.arrival, session.departure
    if isinstance(begin, datetime) and isinstance(end, datetime):
        return [_Visit(name, session, begin.timestamp(), end.timestamp())]
    assert isinstance(begin, time)
    assert isinstance(end, time)
    zone, out = ZoneInfo(horizon.time_zone), []
    day, last = horizon.local_start[0].date() - timedelta(days=1), horizon.local_end[-1].date()
    while day <= last:
        leaves = day if end > begin else day + timedelta(days=1)
        times = [_at(d, t, zone) for d, t in ((day, begin), (leaves, end))]
        out.append(_Visit(f"{name}@{day.isoformat()}", session, times[0], times[1]))
        day += timedelta(days=1)
    return out


def _at(day: date, clock: time, zone: ZoneInfo) -> float:
    return datetime.combine(day, clock, zone).timestamp()


def places(sessions: Sequence[Session], length_h: float) -> int:
    """The most visits that overlap any horizon of a length: so the shape of a problem does not follow from its date."""
    daily = [s for s in sessions if isinstance(s.arrival, time)]
    once = [s for s in sessions if isinstance(s.arrival, datetime) and isinstance(s.departure, datetime)]
    begin = np.sort([s.arrival.timestamp() for s in once if isinstance(s.arrival, datetime)])
    end = np.sort([s.departure.timestamp() for s in once if isinstance(s.departure, datetime)])
    # The count grows only where a horizon's end passes an arrival.
    at = begin - length_h * 3600 + 1
    counts = np.searchsorted(begin, at + length_h * 3600, "left") - np.searchsorted(end, at, "right")
    # A day may have 23 hours, and a visit lasts less than one.
    return int(counts.max(initial=0)) + len(daily) * (int((length_h + 25) // 23) + 1)


@dataclass(frozen=True)
class Bands:
    """What no plan of a fleet can leave, (T,): an outer bound, summed over its visits.

    Attributes:
        charge_kw, discharge_kw: most power.
        lower_kwh, upper_kwh: content added since the start, all visits together.
        least_unserved_kwh, most_unserved_kwh: what those that leave in a step lack at least, and what they can lack.
    """

    charge_kw: Array
    discharge_kw: Array
    lower_kwh: Array
    upper_kwh: Array
    least_unserved_kwh: Array
    most_unserved_kwh: Array


def bands(parked: Visits, hours: Array, gain: float, drain: float) -> Bands:
    """The bands of power and content of a fleet, from those of each visit.

    A visit's content is at most what charging at once gives and at least what charging as late as possible or
    discharging at once leaves; what it wants beyond its reach it lacks.
    """
    rise = gain * parked.charge_most_kw * hours
    fall = drain * parked.discharge_most_kw * hours
    start = parked.start_kwh[:, None]
    upper = np.minimum(np.cumsum(rise, axis=1), parked.most_kwh[:, None] - start)
    beyond = np.maximum(parked.wanted_kwh - parked.start_kwh - upper[:, -1], 0)
    within = (parked.wanted_kwh - parked.start_kwh - beyond)[:, None]
    to_come = rise.sum(axis=1, keepdims=True) - np.cumsum(rise, axis=1)
    emptied = np.maximum(-np.cumsum(fall, axis=1), parked.least_kwh[:, None] - start)
    lower = np.maximum(within - to_come, emptied)
    lacking = np.maximum(parked.wanted_kwh - parked.least_kwh, 0)
    return Bands(
        parked.charge_most_kw.sum(axis=0),
        parked.discharge_most_kw.sum(axis=0),
        lower.sum(axis=0),
        upper.sum(axis=0),
        beyond @ parked.leaves,
        lacking @ parked.leaves,
    )
