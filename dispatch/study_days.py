"""The days that a study of a long span looks at, all or some drawn evenly, and the park by its rules on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from dispatch.errors import DataError
from dispatch.problem import Problem
from dispatch.replay.case import Case
from dispatch.replay.pieces import State, came, without_end
from dispatch.replay.plant import carried
from dispatch.schedule import Schedule
from dispatch.solve import rule_based


@dataclass(frozen=True)
class StudyDay:
    """One local day of a span: its date, first step and number of steps."""

    day: date
    first: int
    steps: int


@dataclass(frozen=True)
class StudyDays:
    """The days that are looked at.

    Attributes:
        days: in order.
        of: how many days the span has.
    """

    days: tuple[StudyDay, ...]
    of: int

    @property
    def whole(self) -> bool:
        """Are all days of the span looked at?"""
        return len(self.days) == self.of

    def told(self) -> str:
        """In words, for results that a reader must not take for the whole."""
        days = f"{self.of} day{'s' if self.of > 1 else ''}"
        if self.whole:
            return f"all {days}"
        return f"{len(self.days)} of {days}, drawn evenly (one in {self.of / len(self.days):.3g})"


def study_days(case: Case, count: int | None = None) -> StudyDays:
    """All days of the case's span, or ``count`` of them, each from the middle of an equal part of the span.

    Raises:
        DataError: there are fewer days than asked for, or an asset lacks measurements over the span.
    """
    if missing := sorted(set(case.needs) - set(case.actual)):
        first, last = case.span.local_start[0], case.span.local_end[-1]
        raise DataError(
            f"no measurement of {', '.join(missing)} from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} without gap: "
            "a study runs on what came; choose a span that the data hold, or give these assets a 'history'"
        )
    every = [StudyDay(day, first, last - first) for day, first, last in case.days]
    if count is None:
        return StudyDays(tuple(every), len(every))
    if not 1 <= count <= len(every):
        raise DataError(f"--days {count}: the span has {len(every)} days; give 1 to {len(every)}")
    return StudyDays(tuple(every[int((k + 0.5) * len(every) / count)] for k in range(count)), len(every))


def by_rules(case: Case, days: StudyDays) -> Iterator[tuple[StudyDay, Schedule]]:
    """What the park does by its rules on what came; the state goes on from one day looked at to the next."""
    problems: dict[int, Problem] = {}
    state: State = {}
    for day in days.days:
        inputs = came(case, day.first, day.steps, state)
        if day.steps not in problems:
            problems[day.steps] = Problem(without_end(case.site), inputs)
        problems[day.steps].update(inputs)
        done = rule_based(problems[day.steps])
        state = carried(done, day.steps)
        yield day, done
