"""Day-ahead prices of several markets, hourly, with two forecasts each that were there before the auction.

The markets are the files of the folder. Their clock is the market's with 24 hours on every day, read as a clock that
never changes. The prices of a day are published before those of the next are asked for: they stand as measured at the
end of their hour, and a day's forecast is issued as the day begins, which shows all days before it and nothing of it.
The forecasts of load, wind or generation stand as runs issued at noon of the day before. The last two years, 728 days,
are the test years. Source: J. Lago et al. 2021, doi:10.1016/j.apenergy.2021.116983. The forecasts published with it
are read by `opponents` only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.datasets import registry
from forecasting.archive import MEASURED_NS, Archive, Rows
from forecasting.clock import DAY_NS, HOUR_NS
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
NAME = "epf_dayahead_prices"
OPPONENTS = "forecasts_"
TEST_DAYS = 728
PLACE = Place(0.0, 0.0, "UTC")  # nothing but the clock is asked of it
TARGET = Target("price", "price", float("inf"), "market")


@dataclass(frozen=True, eq=False)
class Market:
    """The archive of one market, and the number (days since 1970) of its last day."""

    archive: Archive
    last: int


def markets() -> tuple[str, ...]:
    """Names of the markets; CannotMeasure where the set is not there."""
    found = registry.folder(NAME).glob("*.parquet")
    return tuple(sorted(path.stem for path in found if not path.stem.startswith(OPPONENTS)))


def archive_of(table: pd.DataFrame, step_ns: int = HOUR_NS) -> Market:
    """Prices as measurements, every other column as a run a day."""
    start = pd.DatetimeIndex(table["timestamp"]).as_unit("ns").asi8
    end, day = start + step_ns, start // DAY_NS
    rows = {(TARGET.site, TARGET.name): _rows(np.full(len(end), MEASURED_NS), end, end, table["price"])}
    noon = (day - 1) * DAY_NS + DAY_NS // 2
    for name in table.columns.drop(["timestamp", "price"]):
        rows[TARGET.site, str(name)] = _rows(noon, end, noon, table[name])
    return Market(Archive.of_rows(rows), int(day.max()))


def _rows(
    issue: NDArray[np.int64], valid: NDArray[np.int64], available: NDArray[np.int64], value: pd.Series[float]
) -> Rows:
    found = value.to_numpy(dtype=np.float64)
    return Rows(issue, valid, available, np.zeros(len(valid), np.int32), found).sorted()


@cache
def load(market: str) -> Market:
    """One market as an archive."""
    return archive_of(pd.read_parquet(registry.folder(NAME) / f"{market}.parquet"))


def opponents(market: str, folder: Path | None = None) -> Mapping[str, Floats]:
    """Published forecasts of the test years by model, (D, 24), with "Real price": to score against, never an input."""
    table = pd.read_parquet((folder or registry.folder(NAME)) / f"{OPPONENTS}{market}.parquet")
    return {
        str(name): table[name].to_numpy(dtype=np.float64).reshape(-1, 24) for name in table.columns.drop("timestamp")
    }
