"""``parkwatt cleaning``: how dirty the park's photovoltaic plants are, and whether cleaning them pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from dispatch.cli.planning import Asked, Request, asked, reported
from dispatch.config.park import find_config
from dispatch.errors import DataError

if TYPE_CHECKING:
    from dispatch.sources import Sources
    from forecasting.soiling import Cleaning, Soiling
    from forecasting.targets import Target


@dataclass(frozen=True)
class Terms:
    """What a cleaning costs per kW of peak power, and what its energy is worth; None: the mean price of imports."""

    cost_per_kw: float
    price_per_kwh: float | None
    days: int


def run(request: Request, terms: Terms) -> None:
    """Judge every plant and print.

    Raises:
        ParkwattError: config or data are wrong, or no plant can be judged; the message says why.
    """
    import pandas as pd

    from dispatch.planning.outlook import targets_of
    from dispatch.sources import gather, user_errors

    what = asked(request)
    if not any(need.kind == "pv" for asset in what.site.assets for need in asset.needs):
        raise DataError(f"{what.site.name} has no photovoltaic plant")
    folder = find_config(request.config, "parks").parent
    with reported(Console(stderr=True), {}) as progress:
        try:
            sources = gather(
                what.site, what.horizon, folder, weather=what.weather, now=pd.Timestamp(what.now),
                with_network=False, progress=progress,
            )  # fmt: skip
            plants = [target for target in targets_of(what.site, sources.weather) if target.kind == "pv"]
            progress("judging " + ", ".join(plant.name for plant in plants))
            judged = [(plant, *_judged(what, sources, plant, terms)) for plant in plants]
        except user_errors() as error:
            raise DataError(str(error)) from error
    console = Console()
    console.print(_table(judged))
    for plant, _, found in judged:
        console.print(f"{plant.name}: {found.text(pd.Timestamp(what.issue), what.site.currency)}")


def _judged(what: Asked, sources: Sources, plant: Target, terms: Terms) -> tuple[Soiling, Cleaning]:
    import pandas as pd

    from dispatch.planning.outlook import place_of
    from forecasting.models.solar.dirt import cleaning_of

    price = _mean_price(what) if terms.price_per_kwh is None else terms.price_per_kwh
    known = sources.archive.as_of(pd.Timestamp(what.issue))
    return cleaning_of(known, plant, place_of(what.site), terms.cost_per_kw * plant.capacity_kw, price, terms.days)


def _mean_price(what: Asked) -> float:
    """Mean price of imports over the horizon; energy that is not made is bought."""
    series = what.site.known_series(what.horizon)
    prices = [float(np.mean(values)) for (_, name), values in series.items() if name == "import_price_per_kwh"]
    if not prices:
        raise DataError(f"{what.site.name} has no connection that tells what energy is worth; give --price")
    return prices[0]


def _table(judged: list[tuple[Target, Soiling, Cleaning]]) -> Table:
    shown = Table(box=None, header_style="bold")
    heads = ("", "lost to dirt", "5 % to 95 %", "more a dry day", "dry days", "cleaning brings", "costs")
    for number, head in enumerate(heads):
        shown.add_column(head, justify="right" if number else "left")
    for plant, state, found in judged:
        shown.add_row(
            plant.name,
            f"{state.loss:.1%}",
            f"{state.loss_low:.1%} to {state.loss_high:.1%}",
            f"{state.rate_per_day:.2%}",
            f"{state.dirt_days:.0f}",
            f"{found.gain:,.0f}",
            f"{found.cost:,.0f}",
        )
    return shown
