"""Which of the rows that come in are new, which are there already, and which restate what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from forecasting.archive.rows import MEASURED_NS, Rows, concatenated
from forecasting.clock import utc_text
from forecasting.errors import ForecastError

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """Of the rows of one series that came in: new ones, those already there, and of the new those that restate."""

    new: int
    duplicate: int
    restated: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.new + other.new, self.duplicate + other.duplicate, self.restated + other.restated)


@dataclass(frozen=True, eq=False)
class Fresh:
    """Rows to add, and how they were counted."""

    rows: Rows
    counts: Counts


def fresh(held: Rows, incoming: Rows, now_ns: int, place: str) -> Fresh:
    """The rows of `incoming` that `held` lacks.

    A row is there already if all of it is. Where a row comes with the availability of a held one and another value,
    the rule that gave its availability cannot be true of it: it became known now, and gets `now_ns`. A value that is
    the latest held one anyway is not added once more.

    Raises ForecastError where rows of `incoming` contradict each other.
    """
    new = incoming.sorted()
    _refuse_contradictions(new, place)
    repeated = len(incoming) - len(new)
    if not len(held):
        return Fresh(new, Counts(len(new), repeated, 0))
    both, own = concatenated([held.sorted(), new]), len(held.sorted())
    same_row = _among(_ids(both, value=True), own)
    same_moment = _among(_ids(both), own)
    key = _ids(both, available=False)
    last = np.full(int(key.max()) + 1, -1)
    last[key[:own]] = np.arange(own)  # held rows rise in availability: the latest is written last
    before = last[key[own:]]
    changes = (before >= 0) & (_bits(new.value) != _bits(both.value[before]))
    keep = ~same_row & (~same_moment | changes)
    late = keep & same_moment
    available = np.where(late, np.maximum(now_ns, both.available_ns[before] + 1), new.available_ns)
    rows = Rows(new.issue_ns, new.valid_ns, available, new.member, new.value).take(keep).sorted()
    counts = Counts(len(rows), repeated + int((~keep).sum()), int((keep & changes).sum()))
    return Fresh(rows, counts)


def _bits(value: NDArray[np.float64]) -> Ids:
    """Whole numbers that are equal where values are, missing ones among themselves included."""
    return cast("Ids", np.where(np.isnan(value), np.nan, value + 0.0).view(np.int64))


def _ids(rows: Rows, *, available: bool = True, value: bool = False) -> Ids:
    """Number of the group of each row: same valid and issue time and member, same availability, same value."""
    keys: list[NDArray[np.int64] | NDArray[np.int32]] = [rows.valid_ns, rows.issue_ns, rows.member]
    if available:
        keys.append(rows.available_ns)
    if value:
        keys.append(_bits(rows.value))
    order = np.lexsort(keys)
    step = np.zeros(len(order), dtype=np.int64)
    for key in keys:
        step[1:] |= key[order][1:] != key[order][:-1]
    ids = np.empty(len(order), dtype=np.int64)
    ids[order] = np.cumsum(step)
    return ids


def _among(ids: Ids, own: int) -> NDArray[np.bool_]:
    """Mask of the rows after the first `own` whose group has one of the first `own`."""
    seen = np.zeros(int(ids.max()) + 1, dtype=bool)
    seen[ids[:own]] = True
    return cast("NDArray[np.bool_]", seen[ids[own:]])


def _refuse_contradictions(rows: Rows, place: str) -> None:
    tied = np.ones(max(len(rows) - 1, 0), dtype=bool)
    for data in (rows.valid_ns, rows.issue_ns, rows.member, rows.available_ns):
        tied &= data[1:] == data[:-1]
    if tied.any():
        at = int(np.argmax(tied))
        issue = int(rows.issue_ns[at])
        run = "" if issue == MEASURED_NS else f", run of {utc_text(issue)}, member {rows.member[at]}"
        raise ForecastError(
            f"{place} at {utc_text(int(rows.valid_ns[at]))}{run}: {rows.value[at]:g} and {rows.value[at + 1]:g} are "
            f"both said to be known at {utc_text(int(rows.available_ns[at]))} ({int(tied.sum())} such pairs); give a "
            "restated value the time it became known"
        )
