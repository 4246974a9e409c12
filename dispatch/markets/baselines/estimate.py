r"""A baseline of an event from metered days.

.. math:: b_h = Σ_d w_d \, P_{d,h}, \qquad Σ_d w_d = 1, \qquad
          b'_h = b_h · \min(\max(P_{0,A} / b_A, l), u) \quad or \quad b'_h = b_h + P_{0,A} - b_A

with P_{d,h} the power on day d at time h [kW], w the method's weights of days, 0 the event day and A the hours before
the event by which the day's level is judged. Days are those of the event day's type (working day, or weekend and
holiday) without an event; a day of which a reading is missing does not count, for that meter. Power may be negative
(feed-in): a ratio is taken only where b_A is positive.

Sources: the methods' own, in ``configs/markets/baselines.yaml``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch.errors import DataError
from dispatch.markets.baselines.days import Days, Event
from dispatch.markets.baselines.methods import Method
from dispatch.signals import Array

Index = NDArray[np.intp]


@dataclass(frozen=True)
class Beside:
    """What some methods need beside the meters: temperature (D, H) [degC], and meters of a control group."""

    temperature_degc: Array | None = None
    control: Days | None = None


NOTHING = Beside()
_TOLD = 5  # meters that a message names


def baseline(method: Method, days: Days, event: Event, beside: Beside = NOTHING) -> Array:
    """(S, n) mean power [kW] that the meters would have shown during the event.

    Raises:
        DataError: too few days, no readings, no temperature or no control group; says which.
    """
    found = estimate(method, days, event, beside)
    if np.isnan(found).any():
        missing = np.flatnonzero(np.isnan(found).any(axis=1))
        first = [f"'{days.names[n]}'" if days.names else f"number {n}" for n in missing[:_TOLD]]
        raise DataError(
            f"baseline {method.name} of {event.day}: too few readings for {missing.size} of {days.meters} meters "
            f"({', '.join(first)}{' …' * (missing.size > _TOLD)}); accepted: {_needs(method)}"
        )
    return found


def _needs(method: Method) -> str:
    if method.kind == "same_day":
        return "all readings in the hours beside the event"
    like = f"{method.pool} days of the event day's type without an event within {method.look_back_days} days before it"
    return like if method.adjust == "none" else f"{like}, and all readings in the hours of the adjustment"


def estimate(method: Method, days: Days, event: Event, beside: Beside = NOTHING) -> Array:
    """(S, n) as :func:`baseline`; NaN for meters of which too little is known."""
    if method.kind == "same_day":
        return np.repeat(_beside_event(method, days, event)[:, None], event.last - event.first, axis=1)
    past = _like_days(method, days, event)
    if not past.size:
        return np.full((days.meters, event.last - event.first), np.nan)
    if method.kind == "same_hour":
        return _same_hour(method, days, event, past)
    if method.kind == "regression":
        return _regression(method, days, event, past, beside)
    weight = _weights(method, days, event, past)
    made = _mean(weight, days.at(past, event.slots))
    if method.kind == "control":
        made = made * _others(weight, days, event, past, beside)
    return _adjusted(method, days, event, (weight, past), made)


def _like_days(method: Method, days: Days, event: Event) -> Index:
    """(C,) days it may choose from, the youngest first."""
    today = days.place(event.day)
    first = max(today - method.look_back_days, 0)
    before = np.arange(today - 1, first - 1, -1)
    fits = (days.rest[before] == days.rest[today]) & ~days.events[before]
    return np.asarray(before[fits])


def _weights(method: Method, days: Days, event: Event, past: Index) -> Array:
    """(S, C) of each day; all NaN where there are too few."""
    power = days.at(past, event.slots)
    known = np.asarray(~np.isnan(power).any(axis=2))
    if method.kind == "exponential":
        return _exponential(method, known)
    level = np.where(known, np.nan_to_num(power).mean(axis=2), 0.0)
    inside = _youngest(known, method.pool)
    if method.low_use_share > 0:
        mean = (level * inside).sum(axis=1) / np.maximum(inside.sum(axis=1), 1)
        ordinary = (level >= method.low_use_share * mean[:, None]) | (mean <= 0)[:, None]
        inside = _youngest(known & ordinary, method.pool)
    if method.kind == "match":
        score = -_distance(method, days, event, past)
        inside &= np.isfinite(score)
        keep = _ranked(score, inside, method.keep)
    elif method.pick == "middle":
        cut = (method.pool - method.keep) // 2
        keep = inside & ~_ranked(level, inside, cut) & ~_ranked(-level, inside, method.pool - method.keep - cut)
    elif method.pick == "recent":
        keep = _youngest(inside, method.keep)
    else:
        keep = _ranked(level if method.pick == "high" else -level, inside, method.keep)
    return _shared(keep, min(method.pool, method.keep) if method.kind != "match" else method.keep)


def _youngest(known: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    return np.asarray(known & (np.cumsum(known, axis=1) <= count))


def _ranked(score: Array, among: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """(S, C) the so many highest; of equal ones the younger."""
    order = np.argsort(np.where(among, -score, np.inf), axis=1, kind="stable")
    first = np.zeros(score.shape, dtype=bool)
    np.put_along_axis(first, order[:, :count], True, axis=1)
    return np.asarray(first & among)


def _shared(keep: NDArray[np.bool_], least: int) -> Array:
    """Equal weights; NaN where fewer days are left than the method averages."""
    count = keep.sum(axis=1, keepdims=True)
    return np.asarray(np.where(count >= least, keep / np.maximum(count, 1), np.nan))


def _exponential(method: Method, known: NDArray[np.bool_]) -> Array:
    """The oldest days begin with their mean; each younger one takes its weight of what there is."""
    weight, count = np.zeros(known.shape), np.zeros(known.shape[0])
    for column in range(known.shape[1] - 1, -1, -1):
        new = known[:, column]
        share = np.where(count < method.pool, 1 / (count + 1), method.weight)
        weight[new] *= (1 - share)[new, None]
        weight[new, column] = share[new]
        count += new
    return np.where(count[:, None] >= method.pool, weight, np.nan)


def _distance(method: Method, days: Days, event: Event, past: Index) -> Array:
    """(S, C) mean distance from the event day outside the event [kW]."""
    margin = round(method.margin_h / days.slot_h)
    slots = np.arange(days.slots)
    rest = slots[(slots < event.first - margin) | (slots >= event.last + margin)]
    if not rest.size:
        raise DataError(
            f"baseline {method.name}: the event takes all of {event.day}; accepted: hours beside it to compare"
        )
    today = days.at(np.array([days.place(event.day)]), rest)
    away = np.abs(days.at(past, rest) - today)
    known = ~np.isnan(away)
    enough = known.mean(axis=2) > 0.9
    return np.where(enough, np.where(known, away, 0).sum(axis=2) / np.maximum(known.sum(axis=2), 1), np.nan)


def _mean(weight: Array, power: Array) -> Array:
    """(S, n) over days; those without weight may be unknown."""
    used = np.where(weight[:, :, None] > 0, power, 0.0)
    return np.asarray(np.einsum("sc,scn->sn", weight, used))


def _adjusted(method: Method, days: Days, event: Event, chosen: tuple[Array, Index], made: Array) -> Array:
    if method.adjust == "none":
        return made
    weight, past = chosen
    window = _window(event.first, -method.adjust_from_h, -method.adjust_to_h, days)
    today = days.at(np.array([days.place(event.day)]), window)[:, 0].mean(axis=1)
    usual = _mean(weight, days.at(past, window)).mean(axis=1)
    if method.adjust == "add":
        more = np.maximum(today - usual, 0.0) if method.adjust_up_only else today - usual
        return np.asarray(made + more[:, None])
    positive = usual > 0
    ratio = np.where(positive, today / np.where(positive, usual, 1.0), np.where(np.isnan(usual + today), np.nan, 1.0))
    ratio = np.clip(ratio, 1.0 if method.adjust_up_only else method.adjust_low, method.adjust_high)
    return np.asarray(made * ratio[:, None])


def _window(at: int, from_h: float, to_h: float, days: Days) -> Index:
    """Times of day from so many hours after ``at`` to so many; may reach into the days beside."""
    first, last = (at + round(hours / days.slot_h) for hours in (from_h, to_h))
    return np.arange(first, max(last, first + 1))


def _beside_event(method: Method, days: Days, event: Event) -> Array:
    """(S,) mean of the hours before and after."""
    windows = []
    if method.before_from_h > method.before_to_h:
        windows.append(_window(event.first, -method.before_from_h, -method.before_to_h, days))
    if method.after_to_h > method.after_from_h:
        windows.append(_window(event.last, method.after_from_h, method.after_to_h, days))
    return np.asarray(days.at(np.array([days.place(event.day)]), np.concatenate(windows))[:, 0].mean(axis=1))


def _same_hour(method: Method, days: Days, event: Event, past: Index) -> Array:
    """(S, n) one level: the window's mean over the event day and the last like days."""
    window = _window(event.first, -method.before_from_h, -method.before_to_h, days)
    power = days.at(past, window)
    known = np.asarray(~np.isnan(power).any(axis=2))
    weight = _shared(_youngest(known, method.keep), method.keep)
    before = _mean(weight, power).mean(axis=1)
    today = days.at(np.array([days.place(event.day)]), window)[:, 0].mean(axis=1)
    level = (method.keep * before + today) / (method.keep + 1)
    return np.repeat(level[:, None], event.last - event.first, axis=1)


def _regression(method: Method, days: Days, event: Event, past: Index, beside: Beside) -> Array:
    """(S, n) least squares on [1, degrees of heating, degrees of cooling], each time of day for itself."""
    if beside.temperature_degc is None:
        raise DataError(f"baseline {method.name} needs temperatures; accepted: a series of them over the metered days")
    warmth = beside.temperature_degc
    out = np.full((days.meters, event.last - event.first), np.nan)
    today = days.place(event.day)
    for place, slot in enumerate(event.slots):
        terms = _degrees(method, warmth[past, slot])
        now = _degrees(method, warmth[[today], slot])[0]
        power = days.at(past, np.array([slot]))[:, :, 0]
        usable = _youngest(~np.isnan(power) & np.isfinite(terms).all(axis=1), method.pool)
        for mask in np.unique(usable, axis=0):
            alike = (usable == mask).all(axis=1)
            if mask.sum() >= min(method.pool, 10):
                solved = np.linalg.lstsq(terms[mask], power[alike][:, mask].T, rcond=None)[0]
                out[alike, place] = now @ solved
    return out


def _degrees(method: Method, warmth: Array) -> Array:
    heating = np.maximum(method.heating_below_degc - warmth, 0.0)
    return np.column_stack([np.ones_like(warmth), heating, np.maximum(warmth - method.cooling_above_degc, 0.0)])


def _others(weight: Array, days: Days, event: Event, past: Index, beside: Beside) -> Array:
    """(S, n) the control group's mean during the event over its mean on the days of the weights."""
    if beside.control is None:
        raise DataError(
            "a baseline from a control group needs its meters; accepted: a table of them over the same days"
        )
    if beside.control.dates != days.dates or beside.control.slots != days.slots:
        raise DataError("the control group is metered on other days or steps than the sites; accepted: the same")
    group = beside.control
    then = np.broadcast_to(group.at(past, event.slots).mean(axis=0), (days.meters, past.size, event.slots.size))
    now = group.at(np.array([group.place(event.day)]), event.slots)[:, 0].mean(axis=0)
    usual = _mean(weight, then)
    if not (usual > 0)[np.isfinite(usual)].all():
        raise DataError("the control group's mean power is not positive; accepted: meters that draw power")
    return np.asarray(now / usual)
