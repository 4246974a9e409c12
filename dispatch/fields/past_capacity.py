"""What a plant could give before it was extended or reduced, so that its history is read as one plant's."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from dispatch.fields.frozen import Frozen, Positive

_NS = 1_000_000_000


class PastCapacity(Frozen):
    """A capacity that a plant had until a day: what was measured then is scaled to the capacity that it has now.

    The first entry holds from the beginning of the history, each other one from the day after the one before it; after
    the last the plant is as the asset says.
    """

    valid_to: date = Field(description="last day, inclusive")
    capacity_kw: Positive = Field(description="of all that was built then; of PV the modules' peak, as peak_kw")


def _rising(values: tuple[PastCapacity, ...]) -> tuple[PastCapacity, ...]:
    for one, other in pairwise(values):
        if other.valid_to <= one.valid_to:
            raise ValueError(
                f"valid_to {other.valid_to} must be later than {one.valid_to}, that of the entry before it: "
                "list past capacities from the oldest to the newest"
            )
    return values


CapacityHistory = Annotated[tuple[PastCapacity, ...], AfterValidator(_rising)]


def shares_of(values: tuple[PastCapacity, ...], present_kw: float) -> tuple[tuple[date, float], ...]:
    """Last day and share of the present capacity of each."""
    return tuple((one.valid_to, one.capacity_kw / present_kw) for one in values)


def until_ns(day: date, time_zone: str) -> int:
    """End of a local day [ns since 1970]."""
    return int(datetime.combine(day + timedelta(days=1), time(), ZoneInfo(time_zone)).timestamp()) * _NS
