"""A backtest of a park's forecasts: what is asked, read from a park or from a file of its own.

::

    park: yizhuang          # a park's file, or the name of one that ships
    from: 2016-06-01        # first and last local day that is forecast
    to: 2016-06-30
    days: 1                 # how far each forecast reaches; 4 days of 15 min are 384 steps
    step_minutes: 15
    issue_before_h: 12      # issued so long before the first midnight
    retrain_days: 7
    retrain_on_drift: true  # and at once where a model has drifted; default: on the schedule alone
    models: [parkwatt, climatology, persistence, smart persistence]
    series: [wind_1, roof]  # default: all that the park needs
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from dispatch.config.documents import Document, read_document
from dispatch.config.mistakes import shown
from dispatch.config.park import find_config, load_site
from dispatch.errors import ConfigError, DataError, Problem
from dispatch.fields.frozen import Frozen, Positive
from dispatch.planning.outlook import place_of, targets_of
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.sources import gather, user_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from dispatch.executor import Executor
    from forecasting.archive import Archive
    from forecasting.backtest import Backtest, Results
    from forecasting.backtest.tables import Scored
    from forecasting.models.base import Model
    from forecasting.retraining import Policy
    from forecasting.targets import Target

MODELS = ("parkwatt", "climatology", "persistence", "smart persistence")


class Spec(Frozen):
    """What is asked of a park's forecasts; see the module's docstring."""

    park: str = Field(min_length=1)
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    days: int = Field(default=1, ge=1, le=14)
    step_minutes: Positive | None = Field(default=None, description="default: the park's")
    issue_before_h: float | None = Field(default=None, ge=0, le=72, description="default: the park's")
    retrain_days: Positive = 7.0
    retrain_on_drift: bool = Field(default=False, description="learn at once where drift is found, beside the schedule")
    models: tuple[str, ...] = MODELS
    series: tuple[str, ...] | None = None

    @field_validator("models")
    @classmethod
    def _known(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in models if name not in MODELS]:
            raise ValueError(f"{', '.join(unknown)}: no such model; accepted: {', '.join(MODELS)}")
        if not models:
            raise ValueError(f"none given; accepted: {', '.join(MODELS)}")
        return models

    @model_validator(mode="after")
    def _forward(self) -> Spec:
        if self.last < self.first:
            raise ValueError(f"to {self.last} is before from {self.first}")
        return self


@dataclass(frozen=True, eq=False)
class Asked:
    """A backtest ready to run."""

    site: Site
    spec: Spec
    backtest: Backtest
    archive: Archive


def read_spec(name: str, first: str | None, last: str | None, on_drift: bool | None = None) -> Spec:
    """The spec in a file that has a key ``park``, else that of a park by its file or name; options that are given win.

    Raises:
        ConfigError: the file describes no valid backtest.
        DataError: a date is missing or wrong.
    """
    path = find_config(name, "parks")
    document = read_document(path, name)
    raw = dict(document.raw)
    if "park" in raw and "buses" not in raw:
        beside = path.parent / str(raw["park"])
        raw["park"] = str(beside) if beside.exists() else raw["park"]
    else:
        raw = {"park": name}
    options_given = (("from", first), ("to", last), ("retrain_on_drift", on_drift))
    raw |= {key: value for key, value in options_given if value is not None}
    if missing := [key for key in ("from", "to") if key not in raw]:
        options = " and ".join(f"--{key}" for key in missing)
        raise DataError(f"give {options}: first and last local day of the backtest, such as 2016-06-01")
    return spec_of(name, raw, document)


def spec_of(name: str, raw: dict[str, Any], document: Document | None = None) -> Spec:
    """The spec of a mapping with the keys of a file.

    Raises:
        ConfigError: it describes no valid backtest.
    """
    try:
        return Spec.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(name, list(_problems(error, document))) from error


def _problems(error: ValidationError, document: Document | None) -> Iterator[Problem]:
    for one in error.errors(include_url=False):
        place = ".".join(map(str, one["loc"])) or "file"
        given = "" if isinstance(one["input"], dict) else f" (found {shown(one['input'])})"
        unknown = one["type"] == "extra_forbidden"
        keys = ", ".join(f.alias or n for n, f in Spec.model_fields.items())
        text = "is no key of a backtest" if unknown else one["msg"].removeprefix("Value error, ") + given
        yield Problem(place, text, keys if unknown else "", document.line(place) if document else None)


def prepare(spec: Spec, progress: Callable[[str], None] = lambda _: None) -> Asked:
    """Read the park and its data, and lay out the tasks.

    Raises:
        ParkwattError: park or data are wrong; the message says which.
    """
    return prepare_park(spec, load_site(spec.park), find_config(spec.park, "parks").parent, progress)


def prepare_park(spec: Spec, site: Site, folder: Path, progress: Callable[[str], None] = lambda _: None) -> Asked:
    """The same for a park that is there already, whose data lie in a folder.

    Raises:
        DataError: they cannot be read, or nothing is to be forecast.
    """
    from forecasting.backtest import Backtest, daily, retrained
    from forecasting.quantiles import LEVELS

    _chosen(site, spec, ())  # before anything slow
    step = spec.step_minutes or site.planning.step_minutes
    before = site.planning.issue_before_h if spec.issue_before_h is None else spec.issue_before_h
    horizon = Horizon.local_day(spec.first, site.time_zone, step, days=(spec.last - spec.first).days + 1)
    try:
        sources = gather(site, horizon, folder, with_network=False, progress=progress)
        tasks = daily(spec.first, spec.last, site.time_zone, before_h=before, days=spec.days, step_min=step)
        targets = _chosen(site, spec, sources.weather)
        asked = Backtest(
            tuple(map(_model, spec.models)),
            targets,
            place_of(site),
            retrained(tasks, spec.retrain_days),
            LEVELS,
            policy_of(spec) if spec.retrain_on_drift else None,
        )
    except user_errors() as error:
        raise DataError(str(error)) from error
    return Asked(site, spec, asked, sources.archive)


def policy_of(spec: Spec) -> Policy:
    """When models learn where drift counts: not within a week of the last time, or the schedule where it is shorter."""
    from forecasting.retraining import Policy

    return Policy(spec.retrain_days, min(Policy.at_least_days, spec.retrain_days))


@dataclass(frozen=True, eq=False)
class Tested:
    """A finished backtest, for a notebook."""

    asked: Asked
    results: Results

    @property
    def scored(self) -> Scored:
        """Its series, ready to score."""
        from forecasting.backtest.tables import Scored

        backtest = self.asked.backtest
        return Scored(self.results.series(), {t.name: t for t in backtest.targets}, backtest.place)

    def trainings(self) -> pd.DataFrame:
        """When each model learnt, and why then."""
        import pandas as pd

        return pd.DataFrame(self.results.trainings())

    def lead_days(self) -> pd.DataFrame:
        """Errors and scores by model, series, kind of hours and lead day."""
        import pandas as pd

        from forecasting.backtest import tables

        return pd.DataFrame(tables.by_lead_day(self.scored))

    def skill(self) -> pd.DataFrame:
        """Skill over climatology and the better persistence, with the test of Diebold and Mariano."""
        import pandas as pd

        from forecasting.backtest import tables

        return pd.DataFrame(tables.skills(self.scored))


def run_asked(asked: Asked, executor: Executor | None = None, **how: Any) -> Tested:
    """Run it; ``how`` is handed to :func:`forecasting.backtest.run`.

    Raises:
        DataError: a chunk failed; what is done is kept where there is a folder.
    """
    from forecasting.backtest import run

    try:
        return Tested(asked, run(asked.backtest, asked.archive, executor, **how))
    except user_errors() as error:
        raise DataError(str(error)) from error


def _chosen(site: Site, spec: Spec, weather: tuple[str, ...]) -> tuple[Target, ...]:
    targets = targets_of(site, weather)
    if not targets:
        raise DataError(f"{site.name} needs no forecast: it has no wind, PV or load with a history")
    names = [target.name for target in targets]
    if unknown := [name for name in spec.series or () if name not in names]:
        raise DataError(f"series {', '.join(unknown)}: not forecast in {site.name}; accepted: {', '.join(names)}")
    return tuple(target for target in targets if spec.series is None or target.name in spec.series)


def _model(name: str) -> Model:
    from forecasting.backtest.product import Product
    from forecasting.backtest.references import Reference

    return Product() if name == "parkwatt" else Reference(name)


def default_folder(spec: Spec, site: Site) -> Path:
    """Where results go by default."""
    return Path("backtests") / f"{site.name}-{spec.first}-{spec.last}"
