"""A study cut into cells: one case, one method, one stretch of days, one seed. The spec alone says how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from benchmarks.cases.folder import Days
from benchmarks.methods.base import Method
from benchmarks.study.spec import Study


@dataclass(frozen=True, order=True)
class Stretch:
    """Days that are run one after the other on one case, states handed on."""

    case: str
    first_day: date
    last_day: date

    @property
    def name(self) -> str:
        return f"{self.case.replace('/', '_')}-{self.first_day}-{self.last_day}"


@dataclass(frozen=True)
class Cell:
    """What is run, kept and resumed as one. ``seed`` is None where the method depends on none."""

    stretch: Stretch
    method: str
    seed: int | None

    @property
    def name(self) -> str:
        seed = "any" if self.seed is None else self.seed
        return f"{self.stretch.name}-{self.method}-{seed}"


def stretches(case: str, days: Days, *, apart: bool) -> Iterator[Stretch]:
    """The whole span, or every day of it."""
    if not apart:
        yield Stretch(case, days.first_day, days.last_day)
        return
    for number in range((days.last_day - days.first_day).days + 1):
        day = days.first_day + timedelta(days=number)
        yield Stretch(case, day, day)


def cells(study: Study, days_of: Mapping[str, Days], known: Mapping[str, Method]) -> list[Cell]:
    """All cells of a study, case after case, method after method.

    Args:
        days_of: by case, in the study's order.
    """
    return [
        Cell(stretch, method, seed)
        for case, days in days_of.items()
        for method in study.methods
        for seed in (study.seeds if known[method].random else (None,))
        for stretch in stretches(case, days, apart=study.apart)
    ]
