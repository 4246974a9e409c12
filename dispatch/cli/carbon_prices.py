"""``parkwatt carbon-price``: allowances a week ahead from the user's own series, with the error of doing so before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from dispatch.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from dispatch.signals import Array

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
NAME = "carbon price"


def run(file: Path, column: str, days: int, time_zone: str) -> None:
    """Forecast and print.

    Raises:
        DataError: the file cannot be read, or holds too few days; the message says which.
    """
    from forecasting.errors import ForecastError

    try:
        ends, quantiles, card = week(file, column, days, time_zone)
    except ForecastError as error:
        raise DataError(str(error)) from error
    Console().print(_table(ends.tz_convert(time_zone), quantiles, card))


def week(file: Path, column: str, days: int, time_zone: str) -> tuple[pd.DatetimeIndex, Array, Mapping[str, object]]:
    """Ends of the days ahead, quantiles (day, level), and what the model says of itself."""
    import pandas as pd

    from forecasting.archive import Archive
    from forecasting.clock import index_ns, utc_index
    from forecasting.importing.files import read_series
    from forecasting.models.carbon_price import CarbonPrice
    from forecasting.targets import Place, Target

    series = read_series(file, column, time_zone=time_zone, stamp="end", by_day=True)
    index = pd.DatetimeIndex(series.index)
    archive = Archive.empty().with_measurements("market", NAME, index, series.to_numpy(), pd.Timedelta(0))
    known = archive.as_of(index[-1])
    last = index[-1].tz_convert(time_zone)
    edges_ns = index_ns(pd.DatetimeIndex([last + pd.DateOffset(days=n) for n in range(days + 1)]), "days ahead")
    target = Target(NAME, "price", np.inf, "market")
    place = Place(0.0, 0.0, time_zone)  # a price stands nowhere
    trained = CarbonPrice().train(known, [target], place, edges_ns - known.time_ns, np.array(LEVELS))
    targets = trained.card["targets"]
    return utc_index(edges_ns[1:]), trained.quantiles(known, edges_ns)[NAME], targets[NAME]


def _table(ends: pd.DatetimeIndex, quantiles: Array, card: Mapping[str, object]) -> Table:
    candidate = str(card["candidate"])
    errors = card["error by lead day"]
    assert isinstance(errors, dict)
    title = f"carbon price by '{candidate}', the best on {card['origins']} past days"
    shown = Table(box=None, header_style="bold", title=title)
    for number, head in enumerate(("day", *(f"{level:.0%}" for level in LEVELS), "mean error so far")):
        shown.add_column(head, justify="right" if number else "left")
    for end, row, error in zip(ends, quantiles, errors[candidate], strict=False):
        shown.add_row(f"{end:%Y-%m-%d}", *(f"{value:.2f}" for value in row), f"{error:.1%}")
    return shown
