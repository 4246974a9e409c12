"""Equal units that run side by side share their load: what one gives more than the other follows from nothing.

Where equal units cost the same per kWh, a solver's point is any of many, and from step to step another: two gensets
change places between full and least output. The mean of what they give, and of the reserve that they hold, keeps
limits and ramps of each (these are convex while all of them are on), and their sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dispatch.asset import Inputs, Rows
from dispatch.signals import Array
from dispatch.units import spinning
from dispatch.units.segments import Segments

_SAME_MONEY = 1e-6
_APART_KW = 1e-3
_MOVED = frozenset({"power_kw", "above_min_kw", *spinning.RESERVE.values()})
_OWN = ("name", "source", "verified", "capital")


def shared(rows: Rows[Any], given: Inputs, series: Mapping[str, Array], apart: frozenset[str]) -> dict[str, Array]:
    """Series with the load of equal units shared, by name; none where nothing changes.

    Spans of steps in which all of them are on are shared one by one, where that keeps every limit and the money.

    Args:
        series: (row, step) of thermal units.
        apart: names of units that a limit of their own holds, beside others.
    """
    by_row = {name: values.copy() for name, values in series.items() if values.shape[0] == rows.count}
    moved = False
    for group in _equal(rows, apart):
        own = replace(rows, members=tuple(rows.members[row % len(rows.members)] for row in group), scenarios=1)
        now = {name: values[group] for name, values in by_row.items()}
        for steps in _side_by_side(np.round(now["on"])):
            if np.ptp(now["power_kw"][:, steps], axis=0).max() < _APART_KW:
                continue
            tried = now | _mean(now, steps)
            if _holds(own, given, now, tried):
                now, moved = tried, True
        for name in _MOVED & now.keys():
            by_row[name][group] = now[name]
    if not moved:
        return {}
    made = {name: by_row[name] for name in _MOVED & by_row.keys()}
    return made | {"segment_kw": Segments(rows).fill(made["above_min_kw"])}


def _equal(rows: Rows[Any], apart: frozenset[str]) -> Iterator[np.ndarray]:
    """Rows of one scenario whose members differ in nothing that a plan knows of."""
    like: dict[str, list[int]] = {}
    for place, member in enumerate(rows.members):
        if member.name not in apart:
            like.setdefault(repr(member.model_dump(exclude=set(_OWN))), []).append(place)
    for scenario in range(rows.scenarios):
        for places in like.values():
            if len(places) > 1:
                yield np.array(places) + scenario * len(rows.members)


def _side_by_side(on: Array) -> Iterator[np.ndarray]:
    """Spans of steps in which all are on, and neither begin nor end to be."""
    all_on = (on > 0).all(axis=0)
    changes = np.flatnonzero(np.diff(np.concatenate([[0], all_on.astype(int), [0]])))
    for first, stop in changes.reshape(-1, 2):
        inner = np.arange(first + (first > 0), stop - (stop < all_on.size))
        if inner.size:
            yield inner


def _mean(series: Mapping[str, Array], steps: np.ndarray) -> dict[str, Array]:
    out = {name: series[name].copy() for name in _MOVED & series.keys()}
    for values in out.values():
        values[:, steps] = values[:, steps].mean(axis=0)
    return out


def _holds(rows: Rows[Any], given: Inputs, before: Mapping[str, Array], after: Mapping[str, Array]) -> bool:
    """No limit is broken that was not, and the money is the same."""
    cls = type(rows.members[0])
    broken = [{(v.asset, v.what, v.step) for v in cls.check(rows, given, one)} for one in (before, after)]
    money = [cls.account(rows, given, one).money for one in (before, after)]
    scale = 1 + np.abs(money[0]).sum()
    return broken[1] <= broken[0] and abs(float(np.sum(money[1] - money[0]))) < _SAME_MONEY * scale
