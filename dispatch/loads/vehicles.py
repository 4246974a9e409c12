r"""Vehicles at their chargers as arrays, and which of them charges when so that a fleet's power comes about.

A *visit* n is a session within a horizon. While it lasts, content e moves by charge c and discharge d at the bus:

.. math::
    e_{nt} = e_{n,t-1} + Δt (η_c c_{nt} - d_{nt} / η_d), \quad e^{least}_n ≤ e_{nt} ≤ e^{most}_n \\
    c_{nt} ≤ C_n a_{nt} z_{nt}, \quad d_{nt} ≤ D_n a_{nt} (1 - z_{nt}), \quad e_{n,last} + u_n ≥ e^{wanted}_n

with a the share of the step in which the vehicle is there, and u what it lacks when it leaves.

A visit in progress at the start of a horizon begins with what the state says; else with ``start_kwh``; else with its
share, e_arrival + (e_wanted - e_arrival) · (time gone / stay), as far as its charger could have brought it. One that
goes on beyond the end must hold what it then needs to leave in time at full power, and beyond that:

* ``cyclic``: where horizon is whole days and the session is one of every day, what the same session's visit held at the
  start. If nothing says what that was, it is *decided*: one number for both, so that a night's energy is bought once,
  before or after midnight as prices and other limits have it.
* ``as_at_start``: likewise, but the visit in progress at the start begins with its share: levels are numbers.
* ``in_time``: nothing more: windows that are executed, whose ends are none.

Else (other horizons, sessions of one date) it holds its share at the end, too. Summed over visits,
power and content lie in bands that every fleet's plan keeps; not every plan in the bands can be shared out (arXiv
2306.16824, 2406.12755), so :mod:`dispatch.loads.ev_disaggregation` does it, and says by how much it fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from dispatch.loads.sessions import Session
from dispatch.signals import Array, Horizon

AtEnd = Literal["cyclic", "as_at_start", "in_time"]


@dataclass(frozen=True)
class Visits:
    """The visits of one fleet, N of them, some of which may be empty places.

    Attributes:
        keys: names of visits; "" for an empty place.
        share: (N, T) part of the step in which the vehicle is there.
        charge_kw, discharge_kw: (N,) most power.
        start_kwh, least_kwh, most_kwh, wanted_kwh: (N,) content at the start (or on arrival), its limits, and what is
            wanted in the last step of the visit.
        departure_kwh, left_h: (N,) what is wanted at departure, and how long that is after the horizon's end.
        last: (N,) the step it ends in; the horizon's last one where it goes on.
        goes_on: (N,) does it last beyond the horizon?
        after: (N,) the visit whose content at the end is that of this one at the start (its ``start_kwh`` is then what
            charging at once leaves); -1: none.
    """

    keys: tuple[str, ...]
    share: Array
    charge_kw: Array
    discharge_kw: Array
    start_kwh: Array
    least_kwh: Array
    most_kwh: Array
    wanted_kwh: Array
    departure_kwh: Array
    left_h: Array
    last: np.ndarray
    goes_on: np.ndarray
    after: np.ndarray

    def plugged(self, served: np.ndarray) -> Visits:
        """The same vehicles at chargers that give and take only in some of the steps, (T,)."""
        return replace(self, share=self.share * served)

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


def visits(
    sessions: Sequence[Session], horizon: Horizon, state: Mapping[str, float], gain: float, at_end: AtEnd = "cyclic"
) -> Visits:
    """The visits of ``sessions`` in a horizon, and empty places up to the most that any horizon so long can have.

    Of a session of every day the first places are for the visit in progress at the start, the last for the one in
    progress at the end, so that a problem of any date can tie one to the other.

    Args:
        sessions: as the user wrote them.
        horizon: the steps.
        state: content of vehicles that came before the horizon, by key.
        gain: content per kWh of charge.
        at_end: what is asked of a visit that goes on beyond the end, as :mod:`dispatch.loads.vehicles` says.
    """
    edges = horizon.edges.astype("datetime64[s]").astype(np.int64).astype(float)
    placed, pairs = _placed(sessions, horizon, edges)
    at = sorted(placed)
    found = [placed[n] for n in at]
    own, stay = [v.session for v in found], _Stay.of(found, edges)
    known = [state.get(v.key, v.session.start_kwh if v.begin_s < edges[0] else None) for v in found]
    start, wanted, after = _levels(own, stay, known, [(at.index(a), at.index(b)) for a, b in pairs], gain, at_end)
    came, leaving, most, charge = _arrays(own)
    least = np.minimum([s.least_kwh for s in own], np.where(after >= 0, np.minimum(came, start), start))
    after = np.array([at[n] if n >= 0 else -1 for n in after], int)
    giving = np.array([s.discharge_kw for s in own], float)
    own_values = (stay.share, charge, giving, start, least, most, wanted, leaving, stay.left_h, stay.last, stay.goes_on)
    count = places(sessions, (edges[-1] - edges[0]) / 3600)
    return _padded(count, at, {n: placed[n].key for n in at}, after, own_values)


def _levels(
    own: Sequence[Session],
    stay: _Stay,
    known: Sequence[float | None],
    pairs: Sequence[tuple[int, int]],
    gain: float,
    at_end: AtEnd,
) -> tuple[Array, Array, np.ndarray]:
    """(N,) what visits begin with, what they must hold in their last step, and the visit whose end one begins with."""
    came, leaving, most, charge = _arrays(own)
    begun = np.minimum(came + (leaving - came) * stay.before, came + gain * charge * stay.before_h)
    start = np.clip([value if k is None else k for k, value in zip(known, begun, strict=True)], 0, most)
    reach = start + gain * charge * stay.inside_h
    asked = np.minimum(came + (leaving - came) * stay.by_end, reach)
    after = np.full(len(own), -1)
    for former, latter in pairs:
        if at_end == "cyclic" and known[former] is None:
            after[former], asked[latter] = latter, 0.0
            start[former] = min(max(leaving[former], came[former]), reach[latter], most[former])
        else:
            asked[latter] = min(start[former], reach[latter])
    least = np.maximum(leaving - gain * charge * stay.left_h, 0 if at_end == "in_time" else asked)
    return start, np.where(stay.goes_on, np.maximum(least, 0), leaving), after


def _arrays(own: Sequence[Session]) -> tuple[Array, Array, Array, Array]:
    came, leaving, most, charge = (np.array([getattr(s, name) for s in own], float) for name in _OF_A_SESSION)
    return came, leaving, most, charge


_OF_A_SESSION = ("arrival_kwh", "wanted_kwh", "most_kwh", "charge_kw")


@dataclass(frozen=True)
class _Stay:
    """Of N visits: (N, T) share of steps, last step, and (N,) hours and shares before, within and after a horizon."""

    share: Array
    last: np.ndarray
    goes_on: np.ndarray
    before_h: Array
    inside_h: Array
    left_h: Array
    before: Array
    by_end: Array

    @classmethod
    def of(cls, found: Sequence[_Visit], edges: Array) -> _Stay:
        begin, end = (np.array([getattr(v, name) for v in found], float) for name in ("begin_s", "end_s"))
        length = end - begin
        inside = np.maximum(np.minimum(edges[1:], end[:, None]) - np.maximum(edges[:-1], begin[:, None]), 0)
        before, by_end = np.maximum(edges[0] - begin, 0), np.minimum(edges[-1], end) - begin
        return cls(
            inside / np.diff(edges),
            np.minimum(np.searchsorted(edges, end) - 1, edges.size - 2),
            end > edges[-1],
            before / 3600,
            inside.sum(axis=1) / 3600,
            np.maximum(end - edges[-1], 0) / 3600,
            before / length,
            by_end / length,
        )


def _placed(
    sessions: Sequence[Session], horizon: Horizon, edges: Array
) -> tuple[dict[int, _Visit], list[tuple[int, int]]]:
    """Visits by place, and pairs of places of the same session in progress at both ends of a whole number of days."""
    first, last = horizon.local_start[0].time(), horizon.local_end[-1].time()
    room, begin = each_day((edges[-1] - edges[0]) / 3600), 0
    placed: dict[int, _Visit] = {}
    pairs: list[tuple[int, int]] = []
    once: list[_Visit] = []
    for number, session in enumerate(sessions):
        found = [v for v in _dated(session, number, horizon) if v.end_s > edges[0] and v.begin_s < edges[-1]]
        if not session.every_day:
            once += found
            continue
        former = [v for v in found if v.begin_s < edges[0]]
        latter = [v for v in found if v.end_s > edges[-1] and v not in former]
        slots = list(range(begin, begin + room))
        placed |= dict(zip(slots, former, strict=False)) | dict(zip(slots[::-1], latter, strict=False))
        free = [slot for slot in slots if slot not in placed]
        placed |= dict(zip(free, (v for v in found if v not in former and v not in latter), strict=False))
        if former and latter and first == last:
            pairs.append((slots[0], slots[-1]))
        begin += room
    return placed | dict(enumerate(once, begin)), pairs


def each_day(length_h: float) -> int:
    """The most visits of a session of every day that overlap a horizon: a day may have 23 hours, a visit lasts less."""
    return int((length_h + 25) // 23) + 1


def pair_places(sessions: Sequence[Session], length_h: float) -> tuple[list[int], list[int]]:
    """Places of visits in progress at the start and at the end, by session of every day."""
    room = each_day(length_h)
    begins = [n * room for n in range(sum(s.every_day for s in sessions))]
    return begins, [begin + room - 1 for begin in begins]


def _padded(
    count: int, at: Sequence[int], keys: Mapping[int, str], after: np.ndarray, values: Sequence[np.ndarray]
) -> Visits:
    """Visits in their places, and zeros between them."""
    out = [np.zeros((count, *v.shape[1:]), v.dtype) for v in values]
    for array, of in zip(out, values, strict=True):
        array[list(at)] = of
    link = np.full(count, -1)
    link[list(at)] = after
    out.append(link)
    return Visits(tuple(keys.get(n, "") for n in range(count)), *out)


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
    return int(counts.max(initial=0)) + len(daily) * each_day(length_h)


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
