"""GEFCom2014 price: hourly zonal prices with forecasts of the zonal and the whole load.

Columns and protocol as in `epf_dayahead_prices`: a day is forecast as it begins. The dates of the fifteen official
tasks are not in the files, so the last half year is forecast day by day. Source: T. Hong et al. 2016,
doi:10.1016/j.ijforecast.2016.02.001.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from benchmarks.datasets import registry
from benchmarks.datasets.epf_dayahead_prices import Market, archive_of

LEVELS = np.arange(1, 100) / 100
SCORED_DAYS = 182


@cache
def load() -> Market:
    """The zone as an archive."""
    return archive_of(pd.read_parquet(registry.folder("gefcom2014_price") / "price.parquet"))
