"""``parkwatt forecast``: what the park will need and give, as a table, Parquet files and a page; no plan is made."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.cli.planning import Asked, Request, asked, folder_for, look_into_files, reported
from dispatch.config.park import find_config
from dispatch.errors import DataError
from dispatch.signals import Horizon

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatch.signals import Array
    from dispatch.sources import Sources
    from forecasting.forecast import Forecast
    from forecasting.ladder import Climber


def run(request: Request, days: int | None, models: Path | None = None) -> None:
    """Forecast, print, write.

    Raises:
        ParkwattError: config, data or options are wrong; the message says which.
    """
    from dispatch.studies.forecast_pages import forecast_page, scenario_table
    from dispatch.tables import write

    began = time.perf_counter()
    what = _longer(asked(request), days)
    day = what.horizon.local_start[0].date()
    folder = folder_for(request.out or Path("forecasts") / f"{what.site.name}-{day.isoformat()}")
    with reported(Console(stderr=True), {}) as progress:
        made, actual = _made(request, what, models, progress)
        progress("writing")
        write(made.table(), folder / "forecast.parquet")
        write(scenario_table(made), folder / "scenarios.parquet")
        page = forecast_page(what.site.title or what.site.name, made, actual, what.site.time_zone)
        (folder / "forecast.html").write_text(page, encoding="utf-8")
    console = Console()
    show(made, what.horizon, console)
    seconds = f"{time.perf_counter() - began:.0f} s"
    console.print(f"\nPage: [bold]{escape(str(folder / 'forecast.html'))}[/bold] and all files beside it ({seconds})")


def _longer(what: Asked, days: int | None) -> Asked:
    if days is None:
        return what
    first, site = what.horizon.local_start[0].date(), what.site
    horizon = Horizon.local_day(first, site.time_zone, site.planning.step_minutes, days)
    return replace(what, horizon=horizon)


def _made(
    request: Request, what: Asked, models: Path | None, progress: Callable[[str], None]
) -> tuple[Forecast, dict[str, Array]]:
    import pandas as pd

    from dispatch.planning.outlook import look_ahead
    from dispatch.sources import gather, user_errors

    folder = find_config(request.config, "parks").parent
    look_into_files(what.site, request.config)
    try:
        sources = gather(
            what.site, what.horizon, folder, weather=what.weather, now=pd.Timestamp(what.now), with_network=False,
            progress=progress,
        )  # fmt: skip
    except user_errors() as error:
        raise DataError(str(error)) from error
    kept = None if models is None else _kept(models, what, sources, progress)
    outlook = look_ahead(
        what.site, what.horizon, sources.archive, what.issue, weather_site=sources.weather,
        model=None if kept is None else kept[0], progress=progress,
    )  # fmt: skip
    if outlook.forecast is None:
        raise DataError(f"{what.site.name} needs no forecast: it has no wind, PV or load with a history")
    if models is not None and kept is not None and kept[1]:
        _keep(models, what, sources, kept[0])
    return outlook.forecast, dict(sources.actual)


def _kept(models: Path, what: Asked, sources: Sources, progress: Callable[[str], None]) -> tuple[Climber, bool]:
    """The model that is kept for this question, or a new one, and whether it is new."""
    import pandas as pd

    from dispatch.planning.outlook import place_of, targets_of
    from forecasting.keeping import ladder_for, told

    known = sources.archive.as_of(pd.Timestamp(what.issue))
    targets, place = targets_of(what.site, sources.weather), place_of(what.site)
    climber, reason = ladder_for(folder_for(models), targets, place, known, _edges_ns(what))
    progress(told(reason, climber.trained_ns))
    return climber, reason is not None


def _keep(models: Path, what: Asked, sources: Sources, climber: Climber) -> None:
    from dispatch.planning.outlook import place_of, targets_of
    from forecasting.keeping import keep

    ahead = _edges_ns(what) - climber.trained_ns
    keep(models, climber, targets_of(what.site, sources.weather), place_of(what.site), ahead)


def _edges_ns(what: Asked) -> np.ndarray:
    return what.horizon.edges.astype("datetime64[ns]").astype(np.int64)


def show(made: Forecast, horizon: Horizon, console: Console) -> None:
    """A row for each series and local day."""
    issued = made.issue_time.tz_convert(horizon.time_zone)
    shown = Table(box=None, header_style="bold", title=f"forecast issued {issued:%Y-%m-%d %H:%M} ({horizon.time_zone})")
    for number, head in enumerate(
        ("", "day", "made by", "expected\n[MWh]", "mean 5 %\n[kW]", "median", "95 %", "highest median")
    ):
        shown.add_column(head, justify="left" if number < 3 else "right")
    days = np.array([start.date() for start in horizon.local_start])
    for name in made.names:
        for day in dict.fromkeys(days):
            on = days == day
            quantiles, hours = made.quantiles[name][on], horizon.hours[on]
            middle = quantiles[:, quantiles.shape[1] // 2]
            means = (hours @ quantiles[:, [0, quantiles.shape[1] // 2, -1]]) / hours.sum()
            energy = float(made.central[name][on] @ hours) / 1000
            cells = (f"{energy:,.1f}", *(f"{v:,.0f}" for v in means), f"{middle.max():,.0f}")
            shown.add_row(escape(name), day.isoformat(), made.quality[name], *cells)
    console.print(shown)
    for note in made.notes:
        console.print(f"  {note}", markup=False, highlight=False)
