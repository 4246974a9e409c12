"""What is run: parks, days, methods. The days stand in the spec before anything is measured."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from dispatch.errors import ConfigError, Problem
from dispatch.fields.frozen import Frozen, Positive

SPEC = Path(__file__).with_name("days.yaml")
QUICK_DAYS = 2


class Spec(Frozen):
    """The frozen spec of the study.

    ``days`` local days, ``every_days`` apart, are run from ``first`` on, each by itself from the park's state.
    """

    title: str
    parks: tuple[str, ...] = Field(min_length=1)
    first: date
    every_days: int = Field(ge=1)
    days: int = Field(ge=2)
    rolling_every_h: dict[str, Positive]
    lead_days: int = Field(ge=1, le=14)
    retrain_days: Positive
    resamples: int = Field(ge=100)
    seed: int = Field(ge=0)

    @property
    def dates(self) -> tuple[date, ...]:
        """The days, in order."""
        return tuple(self.first + timedelta(days=k * self.every_days) for k in range(self.days))

    def every_h(self, park: str) -> float:
        """How often a park's rolling plans are made anew [h]."""
        return self.rolling_every_h.get(park, self.rolling_every_h["default"])

    def chosen(self, count: int | None) -> tuple[date, ...]:
        """All days, or ``count`` of them spread evenly over the same span.

        Raises:
            ValueError: more are asked for than there are.
        """
        if count is None:
            return self.dates
        if not 1 <= count <= self.days:
            raise ValueError(f"--days {count}: the spec has {self.days} days; give 1 to {self.days}")
        return tuple(self.dates[int((k + 0.5) * self.days / count)] for k in range(count))

    def told(self, days: tuple[date, ...]) -> str:
        """The days in words."""
        if days == self.dates:
            return f"{len(days)} days, every {self.every_days}th from {days[0]} to {days[-1]}"
        return f"{len(days)} of the {self.days} days of the study, {days[0]} to {days[-1]}: a trial, no result"


def read_spec(path: Path = SPEC) -> Spec:
    """The spec of a file.

    Raises:
        ConfigError: it is not valid; every problem is named.
    """
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return Spec.model_validate(raw)
    except ValidationError as error:
        problems = [Problem(".".join(map(str, one["loc"])) or "file", one["msg"]) for one in error.errors()]
        raise ConfigError(str(path), problems) from error
