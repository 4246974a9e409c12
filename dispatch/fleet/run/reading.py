"""From files to members: parks' YAML or a table of sites, and what is forecast of each site's day.

Sites are read and forecast by the executor's workers, each by itself, as ``parkwatt plan`` does for one: what was known
at the issue time, the middle of the forecast.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from dispatch.config import find_config, load_site
from dispatch.errors import ConfigError, DataError, ParkwattError, Problem
from dispatch.executor import Executor, Failure
from dispatch.fleet.fields import SITE_FIELDS, changed, split
from dispatch.fleet.members import Member
from dispatch.signals import Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    import pandas as pd

_SITE, _PARK, _LABEL = "site", "park", "label."


@dataclass(frozen=True)
class Row:
    """A site as it is asked for.

    Attributes:
        park: a park's file, or the name of one that ships.
        name: another name than the park's; empty: the park's own.
        changes: by path inside the park, other values.
    """

    park: str
    name: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str | float] = field(default_factory=dict)

    def site(self) -> Site:
        """The site.

        Raises:
            ConfigError: the park's file, or a change, is wrong.
        """
        site = load_site(self.park)
        by_asset: dict[str, dict[str, Any]] = {}
        for path, value in self.changes.items():
            asset, inside = split(path)
            by_asset.setdefault(asset, {})[inside] = value
        own = by_asset.pop("", {}) | ({"name": self.name} if self.name else {})
        unknown = sorted(by_asset.keys() - {asset.name for asset in site.assets})
        if unknown:
            names = ", ".join(asset.name for asset in site.assets)
            raise ConfigError(self.name, [Problem(unknown[0], f"'{self.park}' has no such asset", names)])
        try:
            assets = tuple(changed(a, by_asset[a.name]) if a.name in by_asset else a for a in site.assets)
            return changed(site, own | {"assets": assets})
        except ValueError as error:
            raise ConfigError(self.name or self.park, [Problem("changes", str(error).splitlines()[-1])]) from None


def rows(sources: Sequence[str]) -> list[Row]:
    """Parks' files as they are, the rows of a table of sites.

    Raises:
        DataError: a table cannot be read.
    """
    found: list[Row] = []
    for source in sources:
        found += _table(Path(source)) if source.endswith(".parquet") else [Row(source)]
    return found


def _table(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read as a table of sites: {error}") from error
    if not {_SITE, _PARK} <= set(table.column_names):
        have = ", ".join(table.column_names)
        raise DataError(f"{path}: is no table of sites; accepted has columns 'site' and 'park', this has {have}")
    for row in table.to_pylist():
        values = {k: v for k, v in row.items() if v is not None and k not in (_SITE, _PARK)}
        labels = {k.removeprefix(_LABEL): v for k, v in values.items() if k.startswith(_LABEL)}
        changes = {k: v for k, v in values.items() if k in SITE_FIELDS or ("." in k and not k.startswith(_LABEL))}
        beside = path.parent / row[_PARK]
        yield Row(str(beside) if beside.exists() else row[_PARK], row[_SITE], changes, labels)


@dataclass(frozen=True)
class When:
    """Which day, and what was known.

    Attributes:
        issue: plans are made then, or earlier where a park's file says so.
    """

    day: str
    issue: datetime

    @classmethod
    def of(cls, day: str | None, first: Site, now: datetime | None = None) -> When:
        """The day that is asked for, the first park's embedded one, else tomorrow.

        Raises:
            DataError: it is no date.
        """
        now = now or datetime.now(UTC)
        if day is None:
            tomorrow = now.astimezone(ZoneInfo(first.time_zone)).date() + timedelta(days=1)
            day = first.embedded.day if first.embedded is not None else tomorrow.isoformat()
        try:
            return cls(date.fromisoformat(day).isoformat(), now)
        except ValueError as error:
            raise DataError(f"--day '{day}' is not a date ({error}); write it like 2016-10-14") from None

    def horizon(self, site: Site) -> Horizon:
        """The day's steps as a park's file has them."""
        planning = site.planning
        finer = [(block.hours, block.minutes) for block in planning.first_steps]
        day = date.fromisoformat(self.day)
        return Horizon.local_day(day, site.time_zone, planning.step_minutes, planning.days, finer)


@dataclass(frozen=True)
class Read:
    """Reads and forecasts sites; what is wrong with one is its answer.

    Attributes:
        horizon: of the fleet.
    """

    when: When
    horizon: Horizon

    def __call__(self, wanted: Sequence[Row]) -> list[Member | ConfigError | DataError]:
        """A member each, or what is wrong with its file or its data."""
        return [self._one(row) for row in wanted]

    def _one(self, row: Row) -> Member | ConfigError | DataError:
        try:
            site = row.site()
            own = self.when.horizon(site)
            if own.time_zone != self.horizon.time_zone or own.edges.tobytes() != self.horizon.edges.tobytes():
                what = f"{own.steps} steps in {own.time_zone}"
                accepted = f"that of the fleet's first site: {self.horizon.steps} steps in {self.horizon.time_zone}"
                raise ConfigError(row.park, [Problem("planning", f"its day has {what}", accepted)])
            return self._forecast(site, row)
        except (ConfigError, DataError) as error:
            return error

    def _forecast(self, site: Site, row: Row) -> Member:
        from dispatch.outlook import look_ahead
        from dispatch.sources import gather, user_errors

        if not any(asset.needs for asset in site.assets):
            return Member(site, {}, labels=row.labels)
        site = site.model_copy(update={"planning": site.planning.model_copy(update={"scenarios": 0})})
        issue = min(self.horizon.start - timedelta(hours=site.planning.issue_before_h), self.when.issue)
        folder = find_config(row.park, "parks").parent
        try:
            sources = gather(site, self.horizon, folder, now=_stamp(self.when.issue), with_network=False)
            ahead = look_ahead(site, self.horizon, sources.archive, issue, weather_site=sources.weather)
        except user_errors() as error:
            raise DataError(f"'{site.name}': {error}") from error
        return Member(ahead.site or site, dict(ahead.inputs.series), ahead.inputs.state, row.labels)


def _stamp(moment: datetime) -> pd.Timestamp:
    import pandas as pd

    return pd.Timestamp(moment)


def read(wanted: Sequence[Row], when: When, runs_on: Executor, chunk: int) -> tuple[list[Member], Horizon]:
    """All sites of a fleet.

    Raises:
        ConfigError: some parks' files are wrong; lists what is found in all of them.
        DataError: a site cannot be forecast, or a worker died over it.
    """
    if not wanted:
        raise DataError("the fleet has no site")
    horizon = when.horizon(wanted[0].site())
    parts = {f"{at:06d}": wanted[at : at + chunk] for at in range(0, len(wanted), chunk)}
    found: dict[str, list[Member | ConfigError | DataError]] = {}
    for name, answer in runs_on.map(Read(when, horizon), list(parts.items())):
        if isinstance(answer, Failure):
            raise DataError(f"sites {', '.join(row.name or row.park for row in parts[name])}: {answer.text}")
        found[name] = answer.value
    every = [one for name in sorted(found) for one in found[name]]
    _refuse([one for one in every if not isinstance(one, Member)])
    return [one for one in every if isinstance(one, Member)], horizon


def _refuse(wrong: Sequence[ParkwattError]) -> None:
    problems = [
        Problem(f"{error.source}: {problem.path}", problem.message, problem.accepted, problem.line)
        for error in wrong
        if isinstance(error, ConfigError)
        for problem in error.problems
    ]
    problems += [Problem("data", str(error)) for error in wrong if not isinstance(error, ConfigError)]
    if problems:
        raise ConfigError("fleet", problems)
