"""The least move of a time that resolves a contradiction: as few steps later or earlier as are enough."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dispatch.explain.diagnosis import Diagnosis
from dispatch.explain.times import Movable, Moved, movable
from dispatch.signals import Array

_MOST_TIMES = 6
_NOTHING = 1e-4


def in_time(diagnosis: Diagnosis) -> Iterator[Moved]:
    """Per time and way the move by the fewest steps, those times first that lie near what cannot be."""
    site, horizon = diagnosis.problem.site, diagnosis.problem.horizon
    given = diagnosis.problem.mode.commitment == "given"
    assets = set(diagnosis.owners()) | {member.named.asset for member in diagnosis.set}
    found = list(movable(site, diagnosis.twin.given, assets, given))
    moments_s, offset_s = _concerned(diagnosis)
    found.sort(key=lambda time: time.from_s(moments_s, offset_s))
    for time in found[:_MOST_TIMES]:
        for way in time.ways:
            steps = _enough(diagnosis, time, way)
            if steps:
                yield time.moved(way * steps, horizon)
    diagnosis.twin.fill(site)


def _concerned(diagnosis: Diagnosis) -> tuple[Array, float]:
    """Starts of the steps in which the contradiction is, of all if it is everywhere [s], and the clock's offset [s]."""
    starts = diagnosis.problem.horizon.local_start
    steps = sorted({step for member in diagnosis.set for step in member.steps if step >= 0})
    chosen = [starts[step] for step in steps] or list(starts)
    offset = chosen[0].utcoffset()
    assert offset is not None
    return np.array([moment.timestamp() for moment in chosen]), offset.total_seconds()


def _enough(diagnosis: Diagnosis, time: Movable, way: int) -> int:
    """By how few steps a time must be moved one way; 0 where no move found is enough.

    Twice as far each time, up to half of the horizon, then halving back. What is missing falls the further a time is
    moved, or rises again beyond where it helps; a short way that helps between two long ones is overlooked.
    """
    near, far = 0, 1
    while far <= max(diagnosis.problem.horizon.steps // 2, 1):
        missing = _missing(diagnosis, time, way * far)
        if missing is None and far - near > 1:
            far = near + (far - near) // 2  # the file takes only a shorter way
            continue
        if missing is None:
            return 0
        if missing <= _NOTHING:
            break
        near, far = far, 2 * far
    else:
        return 0
    while far - near > 1:
        middle = (near + far) // 2
        missing = _missing(diagnosis, time, way * middle)
        near, far = (near, middle) if missing is not None and missing <= _NOTHING else (middle, far)
    return far


def _missing(diagnosis: Diagnosis, time: Movable, steps: int) -> float | None:
    """What is missing with a time so many steps later; None where there is no such time."""
    try:
        change = time.moved(steps, diagnosis.problem.horizon)
        site = change.apply(diagnosis.problem.site)
    except ValueError:
        return None
    return diagnosis.missing_at(site, change.told(diagnosis.twin.given))
