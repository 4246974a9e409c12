"""``parkwatt plan``: clock and files around the pure plan, progress and tables for a person."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from dispatch.cli.folders import cache_folder, folder_for
from dispatch.config.data_files import require_files
from dispatch.config.park import find_config, load_site
from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    from dispatch.plan import Plan
    from dispatch.report.data import ReportData, Section
    from dispatch.sources import Sources
    from forecasting.weather.base import WeatherProvider


@dataclass(frozen=True)
class Request:
    """The options of the command."""

    config: str
    day: str | None
    weather: str | None
    out: Path | None
    scenarios: int | None
    network: bool
    weather_url: str | None
    deadline_s: float | None = None
    solver_log: Path | None = None
    front: bool = False
    models: Path | None = None
    after: Path | None = None


@dataclass(frozen=True)
class Asked:
    """What the options come to: a site, its steps, when the plan is made and with which weather."""

    site: Site
    horizon: Horizon
    weather: WeatherProvider | None
    issue: datetime
    now: datetime


def asked(request: Request) -> Asked:
    """Read the park and hold the options against it; nothing slow.

    Raises:
        ParkwattError: config or options are wrong; the message says which.
    """
    site = _site(request)
    now = datetime.now(UTC)
    horizon = _horizon(site, _day(request.day, site, now))
    weather = _weather(request, site, horizon, now)
    # Weather of today is known now, not at an hour before.
    issue = now if weather is not None else _issue_time(site, horizon, now)
    return Asked(site, horizon, weather, issue, now)


def run(request: Request) -> None:
    """Plan, print, write. Whatever a user can mend is said before anything slow starts.

    Raises:
        ParkwattError: config, data or options are wrong; the message says which.
    """
    from dispatch.cli.tables import show

    began = time.perf_counter()
    what = asked(request)
    day = what.horizon.local_start[0].date()
    folder = folder_for(request.out or Path("plans") / f"{what.site.name}-{day.isoformat()}")
    timings: dict[str, float] = {}
    with reported(Console(stderr=True), timings) as progress:
        made = planned(request, what, progress)
        sections = _front(made, progress) if request.front else ()
        progress("writing the report")
        shown = write(made, folder, sections)
        if request.solver_log is not None:
            progress("solving once more for the solver's log")
            write_log(made, request.solver_log)
    timings["total"] = time.perf_counter() - began
    (folder / "timings.json").write_text(json.dumps({k: round(v, 3) for k, v in timings.items()}, indent=1) + "\n")
    console = Console()
    show(made, console, shown)
    seconds = f"{timings['total']:.0f} s"
    console.print(f"\nReport: [bold]{escape(str(folder / 'report.html'))}[/bold] and all files beside it ({seconds})")


def _front(plan: Plan, progress: Callable[[str], None]) -> tuple[Section, ...]:
    """What a tonne less would have cost, for the report."""
    from dispatch.front import front
    from dispatch.studies.front_results import section

    assert plan.problem is not None
    progress("tracing the front of cost and CO2: fifteen more plans")
    return (section(front(plan.problem)),)


def write(plan: Plan, folder: Path, sections: tuple[Section, ...] = ()) -> ReportData:
    """schedule.parquet, forecast.parquet, carbon.parquet, report.html, certificate.json, state.json; what is shown.

    The same plan gives the same bytes. ``sections`` are further ones of the report.
    """
    from dispatch.cli.handed_on import write_state
    from dispatch.presentation.carbon_accounts import accounts
    from dispatch.presentation.page import report_data
    from dispatch.report import render
    from dispatch.tables import schedule_table
    from dispatch.tables import write as write_table

    folder.mkdir(parents=True, exist_ok=True)
    write_table(schedule_table(plan.schedule, plan.site.currency), folder / "schedule.parquet")
    if plan.outlook.forecast is not None:
        write_table(plan.outlook.forecast.table(), folder / "forecast.parquet")
    ledgers = accounts(plan)
    write_table(ledgers.to_arrow(), folder / "carbon.parquet")
    shown = replace(report_data(plan, ledgers), sections=sections)
    (folder / "report.html").write_text(render(shown), encoding="utf-8")
    text = json.dumps(plan.certificate, indent=1, ensure_ascii=False)
    (folder / "certificate.json").write_text(text + "\n", encoding="utf-8")
    write_state(plan.schedule, folder)
    return shown


def _site(request: Request) -> Site:
    site = load_site(request.config)
    asked = {"scenarios": request.scenarios, "deadline_s": request.deadline_s}
    given = {name: value for name, value in asked.items() if value is not None}
    return site.model_copy(update={"planning": site.planning.model_copy(update=given)})


def _day(text: str | None, site: Site, now: datetime) -> date:
    if text is None:
        if site.embedded is not None:
            return date.fromisoformat(site.embedded.day)
        return now.astimezone(ZoneInfo(site.time_zone)).date() + timedelta(days=1)
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"--day '{text}' is not a date ({error}); write it like 2016-10-14") from None
    if site.embedded is not None and day.year != 2016:
        raise DataError(
            f"--day {text}: the embedded data are of 2016; give a day of 2016, or own data in the park's file"
        )
    return day


def _horizon(site: Site, day: date) -> Horizon:
    """The day's steps.

    Raises:
        DataError: the day is no whole number of steps.
    """
    planning = site.planning
    try:
        finer = [(block.hours, block.minutes) for block in planning.first_steps]
        return Horizon.local_day(day, site.time_zone, planning.step_minutes, planning.days, finer)
    except AlignmentError as error:
        raise DataError(
            f"planning.step_minutes {planning.step_minutes:g}: {error}; accepted: such as 15, 30 or 60"
        ) from error
    except DataError as error:
        raise DataError(f"--day {error}") from error


def _issue_time(site: Site, horizon: Horizon, now: datetime) -> datetime:
    """When the plan is made: ``issue_before_h`` before its first step, but never later than now."""
    return min(horizon.start - timedelta(hours=site.planning.issue_before_h), now)


def look_into_files(site: Site, config: str) -> None:
    """Say what is hard to believe in the files that the park names, before anything is made of them.

    Raises:
        ConfigError: files or columns are missing, or hold no numbers.
    """
    for doubt in require_files(site, config):
        Console(stderr=True).print(f"warning: {doubt}", markup=False, highlight=False, soft_wrap=True)


def gathered(request: Request, what: Asked, progress: Callable[[str], None]) -> Sources:
    """Read all that the plan needs.

    Raises:
        DataError: something cannot be read.
    """
    import pandas as pd

    from dispatch.sources import gather, user_errors

    folder, moment = find_config(request.config, "parks").parent, pd.Timestamp(what.now)
    site, horizon, weather = what.site, what.horizon, what.weather
    look_into_files(site, request.config)
    try:
        return gather(
            site, horizon, folder, weather=weather, now=moment, with_network=request.network, progress=progress
        )
    except user_errors() as error:
        raise DataError(str(error)) from error


def planned(request: Request, what: Asked, progress: Callable[[str], None], sources: Sources | None = None) -> Plan:
    """Plan, with what is read already or with what is read here.

    Raises:
        DataError: something cannot be read or forecast.
    """
    from dispatch.cli.handed_on import read_state, state_hash
    from dispatch.cli.kept_models import age_told, kept_model
    from dispatch.plan import Background, plan
    from dispatch.sources import user_errors

    site, horizon = what.site, what.horizon
    state = read_state(request.after, site, horizon)
    sources = sources or gathered(request, what, progress)
    try:
        with kept_model(request.models, site, horizon, what.issue, sources, progress) as model:
            return plan(
                site,
                horizon,
                sources.archive,
                what.issue,
                network=sources.network,
                actual=sources.actual,
                weather_site=sources.weather,
                background=Background(
                    state=state,
                    model=model,
                    hashes={**sources.hashes, **state_hash(request.after)},
                    notes=(*sources.notes, *age_told(model, site, what.issue)),
                ),
                progress=progress,
            )
    except user_errors() as error:
        raise DataError(str(error)) from error


def write_log(plan: Plan, path: Path) -> None:
    """What HiGHS says while it solves the plan's problem.

    Raises:
        DataError: the file cannot be written.
    """
    from dispatch.explain.export import solver_log

    if plan.problem is not None:
        solver_log(plan.problem, path)


def _weather(request: Request, site: Site, horizon: Horizon, now: datetime) -> WeatherProvider | None:
    """The providers of ``--weather``, else those of the park's file where the day lies ahead; None for none."""
    if request.weather is None:
        if request.weather_url is not None:
            raise DataError("--weather-url needs --weather open-meteo beside it")
        if not site.feeds.weather or site.embedded is not None or horizon.start < now:
            return None
        names: tuple[str, ...] = site.feeds.weather
        place, folder = "feeds.weather", find_config(request.config, "parks").parent
    elif request.weather == "none":
        return None
    else:
        names, place, folder = tuple(request.weather.split(",")), "--weather", Path()
        _require_day_ahead(site, horizon, now)
    return weather_named(names, place, folder, request.weather_url or site.feeds.weather_url)


def weather_named(names: Sequence[str], place: str, folder: Path, url: str | None) -> WeatherProvider:
    """The weather providers of these names, in order.

    Raises:
        DataError: a name is unknown; the message begins with ``place``.
    """
    from forecasting.errors import ForecastError
    from forecasting.weather.named import named

    try:
        return named(names, folder=folder, cache_folder=cache_folder() / "weather", base_url=url)
    except ForecastError as error:
        raise DataError(f"{place} {error}") from error


def _require_day_ahead(site: Site, horizon: Horizon, now: datetime) -> None:
    if site.embedded is not None:
        raise DataError(
            "--weather is for real days; this park plans on embedded data of 2016. Remove 'embedded' and give own data"
        )
    if horizon.start < now:
        first = now.astimezone(ZoneInfo(site.time_zone)).date() + timedelta(days=1)
        raise DataError(
            f"--weather with a day that has begun ({horizon.local_start[0]:%Y-%m-%d}): only what lies ahead can be "
            f"forecast; the first whole day is {first.isoformat()}"
        )


@contextmanager
def reported(console: Console, timings: dict[str, float]) -> Iterator[Callable[[str], None]]:
    """A line that says what is being done and for how long; keeps the seconds of each stage."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        stage, since = "reading the park", time.perf_counter()
        task = bar.add_task(stage)

        def say(text: str) -> None:
            nonlocal stage, since
            now = time.perf_counter()
            timings[stage] = timings.get(stage, 0.0) + now - since
            stage, since = text, now
            bar.update(task, description=escape(text))
            if not console.is_terminal:
                console.print(text, markup=False, highlight=False, soft_wrap=True)

        yield say
        timings[stage] = timings.get(stage, 0.0) + time.perf_counter() - since
