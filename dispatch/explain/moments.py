"""Hours on the local clock: from what a person writes to steps, and from steps to what a person reads."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import numpy as np

from dispatch.errors import DataError
from dispatch.signals import Horizon


def steps_at(horizon: Horizon, at: str, lasting_h: float = 1.0) -> np.ndarray:
    """Steps that lie in [``at``, ``at`` + ``lasting_h``); ``at`` is HH:MM, or a date and time, on the local clock.

    An hour that the clock passes twice means both; the step that ``at`` lies in always counts.

    Raises:
        DataError: no step starts or lasts there; the message says what the horizon covers.
    """
    first, last = horizon.local_start[0], horizon.local_end[-1]
    try:
        clock = datetime.fromisoformat(at if "T" in at or "-" in at else f"{first.date()}T{at}")
    except ValueError:
        raise DataError(f"'{at}' is no hour; write it like 18:00, or 2016-10-14T18:00 on another day") from None
    zone = first.tzinfo
    begins = [clock.astimezone(zone)] if clock.tzinfo else [clock.replace(tzinfo=zone, fold=f) for f in (0, 1)]
    edges = horizon.edges.astype("datetime64[s]").astype(np.int64)
    marked = np.zeros(horizon.steps, bool)
    for begin in begins:
        seconds = begin.timestamp()
        if not edges[0] <= seconds < edges[-1]:
            continue
        within = (edges[:-1] >= seconds) & (edges[:-1] < seconds + lasting_h * 3600)
        marked |= within | ((edges[:-1] <= seconds) & (seconds < edges[1:]))
    if not marked.any():
        raise DataError(f"'{at}' is outside the plan, which runs from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}")
    return np.flatnonzero(marked)


def clock(horizon: Horizon, step: int, *, end: bool = False) -> str:
    """A step's start (or end) on the local clock, with as much as a reader needs to find it."""
    return horizon.clock(step, end=end)


def spans(horizon: Horizon, steps: Iterable[int]) -> str:
    """``18:00–19:30, 21:00–21:15``: runs of steps; at most three are named. A step of −1 is the whole horizon."""
    found = np.unique(np.fromiter(steps, int))
    if found.size and found[0] < 0:
        return "all along"
    runs = np.split(found, np.flatnonzero(np.diff(found) > 1) + 1) if found.size else []
    texts = [f"{clock(horizon, int(run[0]))}–{clock(horizon, int(run[-1]), end=True)}" for run in runs]
    more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
    return ", ".join(texts[:3]) + more
