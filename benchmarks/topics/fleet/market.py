"""Markets of a fleet: how far baselines are off on measured load, settlement to the cent, and what it takes."""

from __future__ import annotations

import time
from datetime import date, timedelta
from functools import cache

import numpy as np

from benchmarks.datasets import gefcom2014_load, openstef_examples
from benchmarks.rows import CannotMeasure, Measured, row
from dispatch.flexibility.offers import Flexibility
from dispatch.markets import bids
from dispatch.markets.awards import Award, AwardPeriod
from dispatch.markets.baselines.days import by_day
from dispatch.markets.baselines.estimate import Beside
from dispatch.markets.baselines.methods import method, methods
from dispatch.markets.baselines.placebo import Placebo, placebo
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product, shipped
from dispatch.markets.curves import curve
from dispatch.markets.invoice import invoice, require_sums
from dispatch.markets.portfolio import Metered, Settled, asked, baselines, settle_awards
from dispatch.signals import Array, Horizon

INPUTS = ("benchmarks/topics/fleet/market.py", "configs/markets", "dispatch/markets")
FEEDERS = (*INPUTS, "benchmarks/datasets/openstef_examples.py")
UTILITY = (*INPUTS, "benchmarks/datasets/gefcom2014_load.py")
SITES, DAYS = 500, 31
FIRST = date(2026, 7, 1)  # the settled month
ZONE = "Asia/Shanghai"


def _judged(kw: Array, warmth: Array, steps: Horizon, holidays: tuple[date, ...], hours: tuple[float, float]) -> Placebo:
    """All methods that need no control group."""
    chosen = [one for one in methods().values() if not one.wants_control]
    return placebo(by_day(kw, steps, holidays), chosen, hours, Beside(by_day(warmth, steps).kw[0]))


@cache
def feeders() -> Placebo:
    """Four Dutch feeders with solar power, October to January, 17 to 20 h."""
    data = openstef_examples.feeders()
    if not data:
        raise CannotMeasure("the feeders' files are not there")
    index = data[0].table.index
    edges = np.append(index, index[-1] + openstef_examples.STEP).tz_localize(None) if False else None
    starts = index.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[s]")
    edges = np.append(starts, starts[-1] + np.timedelta64(900, "s"))
    steps = Horizon(edges, openstef_examples.ZONE)
    kw = np.array([feeder.table["load"].reindex(index).to_numpy() * 1000.0 for feeder in data])
    off = tuple(date.fromisoformat(str(day)[:10]) for day in data[0].place.holidays)
    return _judged(kw, data[0].table["temp"].to_numpy(dtype=float), steps, off, (17, 20))


@cache
def utility() -> Placebo:
    """A utility's load, 2010 and 2011, 15 to 19 h."""
    data = gefcom2014_load.load()
    load = data.load_kw[data.load_kw.index >= "2010-01-01"]
    ends = load.index.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[s]")
    hour = np.timedelta64(3600, "s")
    steps = Horizon(np.append(ends - hour, ends[-1]), gefcom2014_load.ZONE)
    first = data.archive.series((data.target.weather[0], "temperature_2m")) if False else None
    del first
    warmth = _station()[-load.size :]
    off = tuple(date.fromisoformat(str(day)[:10]) for day in data.place.holidays)
    return _judged(load.to_numpy(), warmth, steps, off, (15, 19))


def _station() -> Array:
    """Mean temperature of the utility's stations [degC]."""
    import pandas as pd

    from benchmarks.datasets import registry

    table = pd.read_parquet(registry.folder("gefcom2014_load") / "load.parquet")
    names = [name for name in table.columns if name not in ("timestamp", "load")]
    return np.asarray((table[names].to_numpy(dtype=float).mean(axis=1) - 32) / 1.8)
