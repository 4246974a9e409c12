"""What a backtest asks: when a model learns, when it is asked, and for which intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_text
from forecasting.errors import ForecastError, LookAheadError


@dataclass(frozen=True, eq=False)
class Task:
    """One forecast: trained on what was known at `train_ns`, issued at `issue_ns`, for the intervals of `edges_ns`.

    Raises:
        LookAheadError: the model would have learnt after its issue, or the first interval begins before it.
    """

    train_ns: int
    issue_ns: int
    edges_ns: Ns

    def __post_init__(self) -> None:
        if self.train_ns > self.issue_ns:
            raise LookAheadError(
                f"a model trained at {utc_text(self.train_ns)} cannot forecast at {utc_text(self.issue_ns)}: "
                "training comes first"
            )
        if len(self.edges_ns) < 2 or not (np.diff(self.edges_ns) > 0).all():
            raise ForecastError(f"the task of {utc_text(self.issue_ns)}: edges must rise, two at least")
        if int(self.edges_ns[0]) < self.issue_ns:
            raise LookAheadError(
                f"the task of {utc_text(self.issue_ns)} begins {utc_text(int(self.edges_ns[0]))}, before its issue"
            )


def daily(
    first: date, last: date, time_zone: str, *, before_h: float, days: float = 1.0, step_min: float = 15.0
) -> tuple[Task, ...]:
    """A task for each local day from the first to the last: issued so long before its midnight, so many days ahead.

    Trained at its own issue; see `retrained`. Days of 23 and 25 hours keep their length.
    """
    zone = ZoneInfo(time_zone)
    step_ns = round(step_min * HOUR_NS / 60)
    tasks = []
    for number in range((last - first).days + 1):
        start = first + timedelta(days=number)
        begin, end = (
            int(datetime.combine(day, time(), zone).timestamp()) * 1_000_000_000
            for day in (start, start + timedelta(days=int(days)))
        )
        edges = np.arange(begin, end + round(days % 1 * DAY_NS) + 1, step_ns, dtype=np.int64)
        issue = begin - round(before_h * HOUR_NS)
        tasks.append(Task(issue, issue, edges))
    return tuple(tasks)


def retrained(tasks: Sequence[Task], every_days: float) -> tuple[Task, ...]:
    """The same tasks on a schedule: learning at the first issue, and again at the first one so many days later."""
    found: list[Task] = []
    train: int | None = None
    for task in sorted(tasks, key=lambda t: t.issue_ns):
        if train is None or task.issue_ns >= train + round(every_days * DAY_NS):
            train = task.issue_ns
        found.append(Task(train, task.issue_ns, task.edges_ns))
    return tuple(found)
