"""``parkwatt plan``: clock and files around the pure plan, progress and tables for a person."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from dispatch.config import find_config, load_site
from dispatch.errors import DataError
from dispatch.signals import Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    import pandas as pd

    from dispatch.plan import Plan
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


def run(request: Request) -> None:
    """Plan, print, write."""
    from dispatch.cli.tables import show

    console = Console()
    began = time.perf_counter()
    site = _site(request)
    now = datetime.now(UTC)
    day = _day(request.day, site, now)
    horizon = Horizon.local_day(day, site.time_zone, site.planning.step_minutes, site.planning.days)
    issue = _issue_time(site, horizon, now)
    timings: dict[str, float] = {}
    with _reported(console, timings) as progress:
        made = _plan(request, site, horizon, issue, now, progress)
        progress("writing the report")
        folder = request.out or Path("plans") / f"{site.name}-{day.isoformat()}"
        write(made, folder)
    timings["total"] = time.perf_counter() - began
    (folder / "timings.json").write_text(json.dumps({k: round(v, 3) for k, v in timings.items()}, indent=1) + "\n")
    show(made, console)
    console.print(
        f"\nReport: [bold]{folder / 'report.html'}[/bold]   all files in {folder}   ({timings['total']:.0f} s)"
    )


def write(plan: Plan, folder: Path) -> None:
    """schedule.parquet, forecast.parquet, report.html and certificate.json; the same plan gives the same bytes."""
    from dispatch.presentation import report_data
    from dispatch.report import render
    from dispatch.tables import schedule_table
    from dispatch.tables import write as write_table

    folder.mkdir(parents=True, exist_ok=True)
    write_table(schedule_table(plan.schedule, plan.site.currency), folder / "schedule.parquet")
    if plan.outlook.forecast is not None:
        write_table(plan.outlook.forecast.table(), folder / "forecast.parquet")
    (folder / "report.html").write_text(render(report_data(plan)), encoding="utf-8")
    text = json.dumps(plan.certificate, indent=1, ensure_ascii=False)
    (folder / "certificate.json").write_text(text + "\n", encoding="utf-8")


def _site(request: Request) -> Site:
    site = load_site(request.config)
    if request.scenarios is None:
        return site
    return site.model_copy(update={"planning": site.planning.model_copy(update={"scenarios": request.scenarios})})


def _day(text: str | None, site: Site, now: datetime) -> date:
    if text is None:
        if site.embedded is not None:
            return date.fromisoformat(site.embedded.day)
        return now.astimezone(ZoneInfo(site.time_zone)).date() + timedelta(days=1)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise DataError(f"--day '{text}' is not a date; write it like 2016-10-14") from None
    if site.embedded is not None and day.year != 2016:
        raise DataError(
            f"--day {text}: the embedded data are of 2016; give a day of 2016, or own data in the park's file"
        )
    return day


def _issue_time(site: Site, horizon: Horizon, now: datetime) -> datetime:
    """When the plan is made: ``issue_before_h`` before its first step, but never later than now."""
    return min(horizon.start - timedelta(hours=site.planning.issue_before_h), now)


def _plan(
    request: Request,
    site: Site,
    horizon: Horizon,
    issue: datetime,
    now: datetime,
    progress: Callable[[str], None],
) -> Plan:
    from dispatch.plan import plan
    from dispatch.sources import gather

    weather = _weather(request, site)
    if weather is not None:
        issue = now  # weather of today is known now, not at an hour before
    folder = find_config(request.config, "parks").parent
    asked = _timestamp(now)
    sources = gather(site, horizon, folder, weather=weather, now=asked, with_network=request.network, progress=progress)
    return plan(
        site,
        horizon,
        sources.archive,
        issue,
        network=sources.network,
        actual=sources.actual,
        weather_site=sources.weather_site,
        hashes=sources.hashes,
        notes=sources.notes,
        progress=progress,
    )


def _timestamp(now: datetime) -> pd.Timestamp:
    import pandas as pd

    return pd.Timestamp(now)


def _weather(request: Request, site: Site) -> WeatherProvider | None:
    if request.weather is None:
        return None
    if request.weather != "open-meteo":
        raise DataError(f"--weather '{request.weather}' is not known; accepted: open-meteo")
    if site.embedded is not None:
        raise DataError(
            "--weather is for real days; this park plans on embedded data of 2016. Remove 'embedded' and give own data"
        )
    from forecasting.weather.open_meteo import OpenMeteo

    cache = Path.home() / ".cache" / "parkwatt" / "weather"
    if request.weather_url:
        return OpenMeteo(base_url=request.weather_url, cache_folder=cache)
    return OpenMeteo(cache_folder=cache)


@contextmanager
def _reported(console: Console, timings: dict[str, float]) -> Iterator[Callable[[str], None]]:
    """A line that says what is being done and for how long; keeps the seconds of each stage."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        stage, since = "reading the park", time.perf_counter()
        task = bar.add_task(stage)

        def say(text: str) -> None:
            nonlocal stage, since
            now = time.perf_counter()
            timings[stage] = timings.get(stage, 0.0) + now - since
            stage, since = text, now
            bar.update(task, description=text)
            if not console.is_terminal:
                console.print(text)

        yield say
        say("done")
