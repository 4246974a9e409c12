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

from dispatch.cli.folders import folder_for
from dispatch.cli.kept_models import kept_model
from dispatch.cli.planning import Asked, Request, asked, look_into_files, reported
from dispatch.config.park import find_config
from dispatch.errors import DataError
from dispatch.signals import Horizon

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatch.signals import Array
    from forecasting.forecast import Forecast


def run(request: Request, days: int | None) -> None:
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
        made, actual = _made(request, what, progress)
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


def _made(request: Request, what: Asked, progress: Callable[[str], None]) -> tuple[Forecast, dict[str, Array]]:
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
    with kept_model(request.models, what.site, what.horizon, what.issue, sources, progress) as model:
        outlook = look_ahead(
            what.site, what.horizon, sources.archive, what.issue, weather_site=sources.weather, model=model,
            progress=progress,
        )  # fmt: skip
    if outlook.forecast is None:
        raise DataError(f"{what.site.name} needs no forecast: it has no wind, PV or load with a history")
    return outlook.forecast, dict(sources.actual)


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
