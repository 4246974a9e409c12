"""Windows of time in which flexible work may be done: once between two moments, or each day by the clock."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Self

import numpy as np
from pydantic import AfterValidator, AwareDatetime, model_validator

from dispatch.fields.frozen import Frozen
from dispatch.signals import Array, Horizon
from dispatch.tariff.calendar import minutes_of

_EPSILON_S = 1e-3


def _clock(text: str) -> str:
    first, _, last = text.partition("-")
    try:
        same = minutes_of(first) % 1440 == minutes_of(last) % 1440 and minutes_of(last) != 1440
    except ValueError:
        raise ValueError(f"'{text}' is not hours like '08:00-18:00', or '22:00-06:00' for a night") from None
    if same:
        raise ValueError(f"'{text}' ends when it starts; write '00:00-24:00' for a whole day")
    return text


class Window(Frozen):
    """``daily`` hours of the local clock (those of a night end on the next day), or from ``start`` to ``end``."""

    daily: Annotated[str, AfterValidator(_clock)] | None = None
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.daily is not None and (self.start is not None or self.end is not None):
            raise ValueError("a window is daily hours, or a start and an end: give one of the two")
        if self.daily is None and self.start is None and self.end is None:
            raise ValueError("a window needs daily hours like '08:00-18:00', or a start or an end")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError(f"end {self.end.isoformat()} must be after start {self.start.isoformat()}")
        return self

    @property
    def _minutes(self) -> tuple[int, int]:
        first, _, last = (self.daily or "00:00-24:00").partition("-")
        begin, end = minutes_of(first), minutes_of(last)
        return begin, end if end > begin else end + 1440

    def slots(self, horizon: Horizon) -> int:
        """How many windows a horizon of this length may touch, wherever it begins."""
        if self.daily is None:
            return 1
        # The day of the clock change in autumn is one day still.
        days = max(math.ceil((horizon.edge_h[-1] - 1.0) / 24), 1) + 1
        return int(days + (self._minutes[1] > 1440))

    def spans(self, horizon: Horizon) -> list[tuple[float, float]]:
        """Start and end of each window [s since 1970], in order; an open side reaches beyond the horizon's."""
        if self.daily is None:
            last = float(horizon.edges[-1].astype("datetime64[s]").astype(np.int64))
            start = -math.inf if self.start is None else self.start.timestamp()
            return [(start, last if self.end is None else self.end.timestamp())]
        first_day = horizon.local_start[0].replace(hour=0, minute=0, second=0, fold=0)
        begin, end = self._minutes
        earlier = int(end > 1440)
        days = [first_day + timedelta(days=d - earlier) for d in range(self.slots(horizon))]
        return [(_at(day, begin), _at(day, end)) for day in days]


def _at(day: datetime, minutes: int) -> float:
    """That many minutes of the clock after a local midnight."""
    return (day + timedelta(minutes=minutes)).timestamp()


@dataclass(frozen=True)
class Slots:
    """The windows of many members, one row each, padded with ones that hold no step.

    Attributes:
        begin_s, end_s: (row, slot) [s since 1970].
        inside: (row, slot, step) the step lies wholly in the window.
        begun: (row, slot) it began before the horizon.
        due: (row, slot) it ends within the horizon, so what is to be done in it is due.
    """

    begin_s: Array
    end_s: Array
    inside: np.ndarray
    begun: np.ndarray
    due: np.ndarray


def distinct(windows: Sequence[Window | None]) -> tuple[list[Window | None], np.ndarray]:
    """Windows without repetition, and (row,) which one is whose: many loads share few windows."""
    found = list(dict.fromkeys(windows))
    return found, np.array([found.index(window) for window in windows])


def edges_s(horizon: Horizon) -> Array:
    """(T + 1,) edges of the steps [s since 1970]."""
    return horizon.edges.astype("datetime64[s]").astype(np.int64).astype(np.float64)


def slots(windows: Sequence[Window | None], horizon: Horizon) -> Slots:
    """The windows of members; None is the whole horizon, as one that has begun."""
    edge = edges_s(horizon)
    spans = [[(-math.inf, edge[-1])] if w is None else w.spans(horizon) for w in windows]
    width = max(len(s) for s in spans)
    padded = np.array([s + [(math.inf, -math.inf)] * (width - len(s)) for s in spans])
    begin, end = padded[:, :, 0], padded[:, :, 1]
    late, early = edge[:-1] >= begin[:, :, None] - _EPSILON_S, edge[1:] <= end[:, :, None] + _EPSILON_S
    ends_inside = (end > edge[0] + _EPSILON_S) & (end <= edge[-1] + _EPSILON_S)
    return Slots(begin, end, late & early, begin < edge[0] - _EPSILON_S, ends_inside)
