"""What is forecast or known of each site's day, by the executor's workers.

Each is forecast by itself, as ``parkwatt plan`` does for one: what was known at the issue time, the middle of the
forecast. What cannot be forecast is that site's failure.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from dispatch.errors import ConfigError, DataError, Problem
from dispatch.executor import Executor, Failure
from dispatch.fleet.given import read_inputs
from dispatch.fleet.members import Member
from dispatch.fleet.read import Listed
from dispatch.signals import Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    import pandas as pd

    from dispatch.sources import Sources

Tell = Callable[[int], None]


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
    """Forecasts sites.

    Attributes:
        horizon: of the fleet.
    """

    when: When
    horizon: Horizon

    def __call__(self, wanted: Sequence[Listed]) -> list[Member]:
        """A member each; one that cannot be forecast says why it has no series."""
        found = []
        for one in wanted:
            try:
                found.append(self._forecast(one.site, one))
            except (ConfigError, DataError) as error:
                found.append(Member(one.site, {}, labels=one.labels, failure=str(error)))
        return found

    def _forecast(self, site: Site, row: Listed) -> Member:
        from dispatch.sources import gather, user_errors

        if not any(asset.needs for asset in site.assets):
            return Member(site, {}, labels=row.labels)
        try:
            sources = gather(site, self.horizon, row.folder, now=_stamp(self.when.issue), with_network=False)
        except user_errors() as error:
            raise DataError(f"'{site.name}': {error}") from error
        return foreseen(row, self.horizon, self.when, sources)


def foreseen(one: Listed, horizon: Horizon, when: When, sources: Sources) -> Member:
    """A site with the middle of what is forecast of its day, from what its sources knew when plans are made.

    Raises:
        DataError: something cannot be forecast.
    """
    from dispatch.planning.outlook import look_ahead
    from dispatch.sources import user_errors

    site = one.site.model_copy(update={"planning": one.site.planning.model_copy(update={"scenarios": 0})})
    horizon = replace(horizon, time_zone=site.time_zone)  # its past days are on its own clock
    issue = min(horizon.start - timedelta(hours=site.planning.issue_before_h), when.issue)
    try:
        ahead = look_ahead(site, horizon, sources.archive, issue, weather_site=sources.weather)
    except user_errors() as error:
        raise DataError(f"'{site.name}': {error}") from error
    return Member(ahead.site or site, dict(ahead.inputs.series), ahead.inputs.state, one.labels)


def _stamp(moment: datetime) -> pd.Timestamp:
    import pandas as pd

    return pd.Timestamp(moment)


def common_horizon(wanted: Sequence[Listed], when: When) -> Horizon:
    """The day of all sites; their clocks may have other names, if they show the same time all through it.

    Raises:
        ConfigError: some plan it in other steps, or on another clock, than the first.
    """
    first = when.horizon(wanted[0].site)
    known = {_steps_of(wanted[0].site): ""}
    problems = []
    for one in wanted:
        key = _steps_of(one.site)
        if key not in known:
            known[key] = _unlike(when.horizon(one.site), first)
        if known[key]:
            accepted = f"that of the fleet's first site, '{wanted[0].site.name}': {_told(first)}; or a fleet of its own"
            problems.append(Problem(one.source, f"the day of '{one.site.name}' has {known[key]}", accepted))
    if problems:
        raise ConfigError("fleet", problems)
    return first


def _unlike(own: Horizon, first: Horizon) -> str:
    """What a day has that is not as the first site's; nothing where all is."""
    alike = own.edges.tobytes() == first.edges.tobytes() and _offsets(own) == _offsets(first)
    return "" if alike else _told(own)


def _told(steps: Horizon) -> str:
    return f"{steps.steps} steps from {steps.local_start[0].isoformat(timespec='minutes')} in {steps.time_zone}"


def _offsets(steps: Horizon) -> list[timedelta | None]:
    return [start.utcoffset() for start in steps.local_start]


def _steps_of(site: Site) -> Hashable:
    return site.time_zone, site.planning.step_minutes, site.planning.days, site.planning.first_steps


def read(
    wanted: Sequence[Listed], when: When, runs_on: Executor, chunk: int, tell: Tell = lambda _: None
) -> tuple[list[Member], Horizon]:
    """All sites of a fleet, with what is forecast of their day.

    Raises:
        ConfigError: they are planned in different steps.
    """
    horizon = common_horizon(wanted, when)
    return forecast(wanted, when, horizon, runs_on, chunk, tell), horizon


def forecast(
    wanted: Sequence[Listed], when: When, horizon: Horizon, runs_on: Executor, chunk: int, tell: Tell = lambda _: None
) -> list[Member]:
    """Sites with what is forecast of a horizon; one that kills its worker is told apart from the others.

    Args:
        tell: of how many sites that is known by now.
    """
    work, found = Read(when, horizon), dict[int, Member]()
    parts = {f"{at:06d}": range(at, min(at + chunk, len(wanted))) for at in range(0, len(wanted), chunk)}
    singles: dict[str, range] = {}
    for name, answer in runs_on.map(work, [(name, [wanted[n] for n in part]) for name, part in parts.items()]):
        if isinstance(answer, Failure):
            singles |= {f"{n:06d}": range(n, n + 1) for n in parts[name]}
            continue
        found |= dict(zip(parts[name], answer.value, strict=True))
        tell(len(found))
    for name, answer in runs_on.map(work, [(name, [wanted[part[0]]]) for name, part in singles.items()]):
        (n,) = singles[name]
        found[n] = _failed(wanted[n], answer) if isinstance(answer, Failure) else answer.value[0]
        tell(len(found))
    return [found[n] for n in range(len(wanted))]


def _failed(one: Listed, failure: Failure) -> Member:
    why = "its worker died each time" if failure.reason == "died" else failure.text
    return Member(one.site, {}, labels=one.labels, failure=f"cannot be forecast: {why}")


def known(wanted: Sequence[Listed], when: When, table: Path) -> tuple[list[Member], Horizon]:
    """All sites of a fleet, with what a table says of their day.

    Raises:
        ConfigError: the table is wrong, or the sites are planned in different steps.
    """
    horizon = common_horizon(wanted, when)
    given = read_inputs(table, [one.site for one in wanted], horizon)
    return [Member(one.site, given.get(one.site.name, {}), labels=one.labels) for one in wanted], horizon
