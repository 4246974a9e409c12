"""A study's file: what is compared, where, when, and what is shown of it.

::

    title: What a plan is worth
    cases: [yizhuang, {case: ordos, days: {first_day: 2016-10-14, last_day: 2016-10-20}}]
    methods: [rule_based, day_ahead, rolling, perfect]
    baseline: rule_based              # differences are against it
    days: {first_day: 2016-10-14, last_day: 2016-10-15}
    apart: false                      # true: every day stands alone and begins as the park's file says
    seeds: [0]
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from benchmarks.cases.folder import Days
from benchmarks.methods.found import methods as known_methods
from benchmarks.study.metrics import METRICS
from dispatch.config.documents import read_document
from dispatch.config.mistakes import field_problems, near_miss
from dispatch.config.park import find_config
from dispatch.errors import ConfigError, Problem
from dispatch.fields.frozen import Finite, Fraction, Frozen, NonNegative, Positive

FOLDER = "studies"


class CaseAsked(Frozen):
    """A case by name, with days of its own where they are not the study's."""

    case: str = Field(min_length=1, description="a shipped park, a case folder's name, or a path")
    days: Days | None = None


def _one_of(valid: Callable[[], list[str]]) -> AfterValidator:
    def known(name: str) -> str:
        if name not in valid():
            raise ValueError(f"'{name}' is not known: {near_miss(name, valid())}")
        return name

    return AfterValidator(known)


MethodName = Annotated[str, _one_of(lambda: list(known_methods()))]
MetricName = Annotated[str, _one_of(lambda: list(METRICS))]


_LEDGERS: tuple[MetricName, ...] = ("co2_traced_kg", "co2_marginal_kg", "co2_contracts_kg", "co2_game_kg")
_NETWORK: tuple[MetricName, ...] = ("network_violations",)


def _case(value: Any) -> Any:
    return {"case": value} if isinstance(value, str) else value


class Settings(Frozen):
    """How methods plan, where the park's file is not to say it."""

    every_h: Positive = Field(default=1.0, description="time between the plans of 'rolling'")
    step_minutes: Positive | None = Field(default=None, description="default: the park's")
    window_h: Positive | None = Field(default=None, description="length of a plan; default: the park's")
    scenarios: int | None = Field(
        default=None, ge=1, le=200, description="beside the central path; default: the park's"
    )
    cvar_weight: Fraction = Field(default=0.5, description="of 'cvar': 0 is the expected cost, 1 the worst tail alone")
    cvar_level: Annotated[Finite, Field(ge=0, lt=1)] = Field(default=0.9, description="the tail is the worst 1 − level")
    exact_gap: Annotated[Finite, Field(ge=0, le=0.05)] = Field(default=1e-6, description="to which 'exact' is proved")
    single_solve_days: NonNegative = Field(default=14.1, description="up to so many days 'perfect' is one solve")


class Statistics(Frozen):
    """How differences are judged."""

    metrics: tuple[MetricName, ...] = ("objective",)
    confidence: Annotated[Finite, Field(gt=0.5, lt=1)] = 0.95
    resamples: int = Field(default=5000, ge=200, le=1_000_000, description="of the bootstrap")
    few_days: int = Field(default=10, ge=2, description="below so many days the page warns")


class Show(Frozen):
    """What tables and pictures show, in this order."""

    metrics: tuple[MetricName, ...] = ("objective", "cost", "co2_kg", "peak_kw", "clean_share", "violations")
    pictures: tuple[MetricName, ...] = ("objective",)
    accounts: bool = Field(default=False, description="the four carbon ledgers of every day; minutes per fortnight")
    network: bool = Field(default=False, description="hold what was executed against the park's network")

    @property
    def columns(self) -> tuple[MetricName, ...]:
        """Metrics of the tables: those that are named, then what ``accounts`` and ``network`` add."""
        more = (*(_LEDGERS if self.accounts else ()), *(_NETWORK if self.network else ()))
        return tuple(dict.fromkeys((*self.metrics, *more)))


class Study(Frozen):
    """A frozen spec; see the module's docstring."""

    title: str = Field(min_length=1)
    about: str = ""
    cases: tuple[Annotated[CaseAsked, BeforeValidator(_case)], ...] = Field(min_length=1)
    methods: tuple[MethodName, ...] = Field(min_length=1)
    baseline: str
    days: Days | None = Field(default=None, description="of cases that have none of their own")
    apart: bool = Field(default=False, description="every day stands alone, from the state of the park's file")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(0,), min_length=1)
    settings: Settings = Settings()
    statistics: Statistics = Statistics()
    show: Show = Show()

    @field_validator("cases")
    @classmethod
    def _cases_once(cls, cases: tuple[CaseAsked, ...]) -> tuple[CaseAsked, ...]:
        _once([one.case for one in cases])
        return cases

    @field_validator("seeds")
    @classmethod
    def _seeds_once(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        _once([str(seed) for seed in seeds])
        return seeds

    @field_validator("methods")
    @classmethod
    def _methods_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        _once(list(names))
        return names

    @field_validator("baseline")
    @classmethod
    def _baseline_among_them(cls, name: str, info: ValidationInfo) -> str:
        asked = info.data.get("methods")
        if asked is not None and name not in asked:
            raise ValueError(f"'{name}' is not among the study's methods: {near_miss(name, list(asked))}")
        return name

    @model_validator(mode="after")
    def _are_worked_out(self) -> Self:
        asked = (*self.show.metrics, *self.show.pictures, *self.statistics.metrics)
        for names, given, field in (
            (_LEDGERS, self.show.accounts, "accounts"),
            (_NETWORK, self.show.network, "network"),
        ):
            if not given and (lacking := [name for name in asked if name in names]):
                raise ValueError(f"{lacking[0]} is worked out with show.{field}: true alone")
        return self


def _once(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)}: named twice; give each once")


def load_study(name: str | Path) -> Study:
    """A study's file by path, or by the name of one that ships.

    Raises:
        ConfigError: the file is missing or describes no valid study; lists all problems found, with their lines.
    """
    document = read_document(find_config(name, FOLDER), str(name))
    found = [Problem(path, "is written twice in one mapping", "one of the two", n) for path, n in document.repeated]
    try:
        study = Study.model_validate(document.raw)
    except ValidationError as error:
        found += field_problems(error, document.raw, Study)
        located = [Problem(p.path, p.message, p.accepted, p.line or document.line(p.path)) for p in found]
        raise ConfigError(str(name), sorted(located, key=lambda p: (p.line or 0, p.path))) from error
    if found:
        raise ConfigError(str(name), found)
    return study


def schema() -> str:
    """The JSON schema of a study's file."""
    return json.dumps(Study.model_json_schema(), indent=1, ensure_ascii=False)
