"""``parkwatt fetch``: the services a park names, asked once, and what they said in an archive."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.cli.folders import cache_folder
from dispatch.cli.planning import weather_named
from dispatch.cli.studies import bar
from dispatch.config.park import find_config, load_site
from dispatch.errors import DataError
from dispatch.fields.feeds import (
    EntsoeZonePrices,
    FileFeed,
    GbIntensity,
    IntensityFeed,
    MapsIntensity,
    MixIntensity,
    PriceFeed,
)
from dispatch.site import Site

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.archive import Archive
    from forecasting.archive.revisions import Counts
    from forecasting.series_run import SeriesProvider

SUBJECTS = ("weather", "prices", "carbon_intensity", "marginal_intensity")
_BACK_DAYS = 7


@dataclass(frozen=True)
class Request:
    """The options of the command."""

    config: str
    into: Path | None
    since: str | None
    ahead_days: int
    only: str | None


@dataclass(frozen=True)
class Span:
    """What is asked for, and when."""

    start: pd.Timestamp
    end: pd.Timestamp
    now: pd.Timestamp


@dataclass
class Gathered:
    """What came, who gave it, and what went wrong."""

    archive: Archive
    given: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def run(request: Request) -> None:
    """Ask all, store what came, then say what did not.

    Raises:
        DataError: options are wrong, or a service did not answer; what others gave is stored.
    """
    began = time.perf_counter()
    site = load_site(request.config)
    subjects = _subjects(site, request.only)
    span = _span(site, request)
    folder = find_config(request.config, "parks").parent
    into = _into(request.into, site, folder)
    with bar(Console(stderr=True)) as progress:
        found = _gathered(site, subjects, span, folder, progress)
        counts = _stored(into, found, span.now)
    console = Console()
    _show(found, console)
    rows = f"{sum(count.new for count in counts.values()):,} new rows"
    seconds = f"{time.perf_counter() - began:.1f} s"
    console.print(f"\n{rows}; archive: [bold]{escape(str(into))}[/bold] ({seconds})")
    if found.failures:
        raise DataError("not everything came: " + "; ".join(found.failures))


def _into(given: Path | None, site: Site, folder: Path) -> Path:
    if given is not None:
        return given
    if site.archive is None:
        raise DataError(f"fetch: give the archive's folder with --into, or 'archive' in the file of '{site.name}'")
    return folder / site.archive.folder


def _asked_of_services(site: Site) -> tuple[str, ...]:
    """Weather providers without files: what a file says needs no archive, and a typical year is no forecast."""
    return tuple(name for name in site.feeds.weather if ":" not in name)


def _subjects(site: Site, only: str | None) -> tuple[str, ...]:
    named = {
        "weather": bool(_asked_of_services(site)),
        "prices": bool(site.feeds.prices),
        "carbon_intensity": bool(site.feeds.carbon_intensity),
        "marginal_intensity": bool(site.feeds.marginal_intensity),
    }
    if only is None:
        chosen = tuple(name for name in SUBJECTS if named[name])
        if not chosen:
            raise DataError(
                f"'{site.name}' names no service: give 'feeds' in its file, such as feeds: {{weather: [open-meteo]}}"
            )
        return chosen
    asked = tuple(only.split(","))
    for name in asked:
        if name not in SUBJECTS:
            raise DataError(f"--only '{name}' is not known; accepted: {', '.join(SUBJECTS)}")
        if not named[name]:
            raise DataError(f"--only {name}: '{site.name}' names no service for it under feeds.{name}")
    return asked


def _span(site: Site, request: Request) -> Span:
    import pandas as pd

    now = datetime.now(UTC)
    today = now.astimezone(ZoneInfo(site.time_zone)).date()
    try:
        first = today - timedelta(days=_BACK_DAYS) if request.since is None else date.fromisoformat(request.since)
    except ValueError as error:
        raise DataError(f"--since '{request.since}' is not a date ({error}); write it like 2025-10-14") from None
    if first > today:
        raise DataError(f"--since {first}: is in the future; days ahead are asked for with --ahead-days")
    start = pd.Timestamp(first, tz=site.time_zone)
    end = pd.Timestamp(today + timedelta(days=request.ahead_days + 1), tz=site.time_zone)
    return Span(start.tz_convert("UTC"), end.tz_convert("UTC"), pd.Timestamp(now).floor("s"))


def _gathered(
    site: Site, subjects: tuple[str, ...], span: Span, folder: Path, progress: Callable[[str, float], None]
) -> Gathered:
    from forecasting.archive import Archive
    from forecasting.intensity.base import MARGINAL

    found = Gathered(Archive.empty())
    for number, subject in enumerate(subjects):
        progress("asking", number / len(subjects))
        if subject == "weather":
            _weather(site, span, folder, found)
        elif subject == "prices":
            _series(site, tuple(_prices(site, feed, folder) for feed in site.feeds.prices), span, found)
        elif subject == "marginal_intensity":
            marginal = (_file(site, feed, folder, "intensity", MARGINAL) for feed in site.feeds.marginal_intensity)
            _series(site, tuple(marginal), span, found)
        else:
            for providers in _intensities(site, folder):
                _series(site, providers, span, found)
            _mix(site, folder, span, found)
    progress("asking", 1.0)
    return found


def _weather(site: Site, span: Span, folder: Path, found: Gathered) -> None:
    """The latest run, and where previous runs are named those of each day before."""
    from forecasting.errors import ForecastError
    from forecasting.weather.base import stored
    from forecasting.weather.open_meteo_previous import PreviousRuns

    if site.latitude_deg is None or site.longitude_deg is None:
        raise DataError("feeds.weather needs 'latitude_deg' and 'longitude_deg' in the park's file")
    where = site.latitude_deg, site.longitude_deg
    names, url = _asked_of_services(site), site.feeds.weather_url
    try:
        latest = weather_named(names, "feeds.weather", folder, url).fetch(*where, span.now, span.end, span.now)
        found.archive = stored(found.archive, site.name, latest)
        found.given.append(("weather", latest.provider))
        found.notes += latest.notes
        if "previous-runs" in names and span.start < span.now:
            earlier = weather_named(("previous-runs",), "feeds.weather", folder, url)
            assert isinstance(earlier, PreviousRuns)
            for made in earlier.runs(*where, span.start, span.end, span.now):
                found.archive = stored(found.archive, site.name, made)
                found.notes += made.notes
            found.given.append(("weather of earlier days", earlier.name))
    except ForecastError as error:
        found.failures.append(str(error))


def _series(site: Site, providers: tuple[SeriesProvider, ...], span: Span, found: Gathered) -> None:
    from forecasting.errors import ForecastError
    from forecasting.series_run import InOrder, stored

    try:
        series = InOrder(providers).fetch(span.start, span.end, span.now)
    except ForecastError as error:
        found.failures.append(str(error))
        return
    found.archive = stored(found.archive, site.name, series)
    found.given.append((series.variable, series.provider))
    found.notes += series.notes


def _mix(site: Site, folder: Path, span: Span, found: Gathered) -> None:
    """Who generated, where a service computes the intensity from that: the marginal one is estimated from it."""
    from forecasting.errors import ForecastError
    from forecasting.intensity.base import VARIABLE
    from forecasting.intensity.mix import EntsoeMix
    from forecasting.series_run import stored

    for feed in site.feeds.carbon_intensity:
        provider = _past(site, feed, folder)
        if not isinstance(provider, EntsoeMix) or (VARIABLE, provider.name) not in found.given:
            continue
        try:
            powers = provider.powers(span.start, span.end, span.now)
        except ForecastError as error:
            found.failures.append(f"{provider.name}: {error}")
            return
        for run in powers:
            found.archive = stored(found.archive, site.name, run)
        found.given.append(("generation and imports", provider.name))
        return


def _file(site: Site, feed: FileFeed, folder: Path, kind: str, intensity: str | None = None) -> SeriesProvider:
    from forecasting.intensity.base import VARIABLE
    from forecasting.series_file import SeriesFile

    made = SeriesFile(
        folder / feed.file,
        feed.column,
        feed.unit,
        time_zone=feed.time_zone or site.time_zone,
        time_column=feed.time_column,
        stamp=feed.stamp,
        intensity=intensity or VARIABLE,
    )
    if made.kind != kind:
        raise DataError(f"feeds: unit '{feed.unit}' of {feed.file} is none of a {kind}")
    return made


def _prices(site: Site, feed: PriceFeed, folder: Path) -> SeriesProvider:
    from forecasting import entsoe_platform
    from forecasting.prices import energy_charts
    from forecasting.prices.entsoe import EntsoePrices

    if isinstance(feed, FileFeed):
        return _file(site, feed, folder, "price")
    kept = cache_folder() / "prices"
    if isinstance(feed, EntsoeZonePrices):
        return EntsoePrices(feed.url or entsoe_platform.PUBLIC_URL, kept, zone=feed.zone)
    return energy_charts.EnergyCharts(feed.zone, feed.url or energy_charts.PUBLIC_URL, kept)


def _intensities(site: Site, folder: Path) -> Iterator[tuple[SeriesProvider, ...]]:
    """Providers in order of what was, and of what is forecast, as far as the park's services give either."""
    past = [made for feed in site.feeds.carbon_intensity if (made := _past(site, feed, folder)) is not None]
    ahead = [made for feed in site.feeds.carbon_intensity if (made := _ahead(feed)) is not None]
    yield from (tuple(part) for part in (past, ahead) if part)


def _past(site: Site, feed: IntensityFeed, folder: Path) -> SeriesProvider | None:
    from forecasting import entsoe_platform
    from forecasting.intensity import electricity_maps, gb
    from forecasting.intensity.mix import LIFECYCLE, EntsoeMix

    kept = cache_folder() / "intensity"
    match feed:
        case FileFeed():
            return _file(site, feed, folder, "intensity")
        case GbIntensity():
            return None if feed.region else gb.GreatBritain("actual", None, feed.url or gb.PUBLIC_URL, kept)
        case MapsIntensity():
            url = feed.url or electricity_maps.PUBLIC_URL
            return electricity_maps.ElectricityMaps(feed.zone, "history", feed.factors, url, kept)
        case MixIntensity():
            return EntsoeMix(
                feed.url or entsoe_platform.PUBLIC_URL,
                kept,
                zone=feed.zone,
                neighbours_g_per_kwh=feed.neighbours_g_per_kwh,
                factors_g_per_kwh=LIFECYCLE | feed.factors_g_per_kwh,
            )


def _ahead(feed: IntensityFeed) -> SeriesProvider | None:
    from forecasting.intensity import electricity_maps, gb

    kept = cache_folder() / "intensity"
    if isinstance(feed, GbIntensity):
        return gb.GreatBritain("forecast", feed.region, feed.url or gb.PUBLIC_URL, kept)
    if isinstance(feed, MapsIntensity):
        url = feed.url or electricity_maps.PUBLIC_URL
        return electricity_maps.ElectricityMaps(feed.zone, "forecast", feed.factors, url, kept)
    return None


def _stored(into: Path, found: Gathered, now: pd.Timestamp) -> Mapping[tuple[str, str], Counts]:
    from forecasting.archive.store import Store
    from forecasting.errors import ForecastError

    if not len(found.archive):
        return {}
    try:
        return Store(into).append(found.archive, now=now)
    except ForecastError as error:
        raise DataError(str(error)) from error


def _show(found: Gathered, console: Console) -> None:
    table = Table(box=None, header_style="bold")
    for heading in ("what", "from"):
        table.add_column(heading)
    for what, provider in found.given:
        table.add_row(what, escape(provider))
    if found.given:
        console.print(table)
    for note in dict.fromkeys(found.notes):
        console.print(f"- {escape(note)}", highlight=False)
