"""Periods of a quota: which step belongs to which, and how much of each comes after the horizon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from dispatch.carbon_wanted.settings import Period
from dispatch.errors import DataError
from dispatch.signals import Array, Horizon

SLOTS = 2
"""Periods that a horizon may touch; as many slots on every date, so that no window needs a problem of its own."""
_DAY_S = 86_400


@dataclass(frozen=True)
class Periods:
    """The period of the horizon's start, and the one after it.

    Attributes:
        mask: (step, slot) 1 where a step belongs to the slot's period.
        touched: (slot,) does any.
        days_after: (slot,) days of the period after the horizon, 0 where it ends before.
    """

    mask: Array
    touched: np.ndarray
    days_after: Array


def periods(horizon: Horizon, per: Period) -> Periods:
    """The periods of a horizon, on the local clock.

    Raises:
        DataError: it touches more than two.
    """
    if per == "horizon":
        return Periods(np.ones((horizon.steps, 1)), np.ones(1, bool), np.zeros(1))
    names = [_of(start, per) for start in horizon.local_start]
    known = sorted(set(names))
    if len(known) > SLOTS:
        raise DataError(f"carbon.quota.per {per}: the horizon touches {len(known)}; accepted: a horizon of {SLOTS}")
    mask = np.array([[name == other for other in known] for name in names], dtype=np.float64)
    mask = np.pad(mask, ((0, 0), (0, SLOTS - len(known))))
    left = np.zeros(SLOTS)
    end = horizon.local_end[-1]
    until = _end(horizon.local_start[-1], per, horizon.time_zone)
    left[len(known) - 1] = max((until.timestamp() - end.timestamp()) / _DAY_S, 0.0)
    return Periods(mask, np.arange(SLOTS) < len(known), left)


def same_period(one: datetime, other: datetime, per: Period) -> bool:
    """Do two local times lie in one period?"""
    return _of(one, per) == _of(other, per)


def _of(moment: datetime, per: Period) -> tuple[int, int]:
    return (moment.year, moment.month if per == "month" else 0)


def _end(moment: datetime, per: Period, zone: str) -> datetime:
    """When the period of a moment ends."""
    month = moment.month if per == "month" else 12
    return datetime(moment.year + month // 12, month % 12 + 1, 1, tzinfo=ZoneInfo(zone))
