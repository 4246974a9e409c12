"""Markets of a fleet: how far baselines are off on measured load, settlement to the cent, and what it takes."""

from __future__ import annotations

import time
from datetime import date
from functools import cache

import numpy as np

from benchmarks.datasets import gefcom2014_load, openstef_examples, registry
from benchmarks.rows import Measured, row
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
FEEDERS = (*INPUTS, "benchmarks/datasets/openstef_examples.py", "benchmarks/datasets/holidays.py")
UTILITY = (*INPUTS, "benchmarks/datasets/gefcom2014_load.py", "benchmarks/datasets/holidays.py")
SITES, DAYS = 500, 31
FIRST = date(2026, 7, 1)  # of the settled month
ZONE = "Asia/Shanghai"
FOUR_FEEDERS = "baselines, four feeders with solar power, 72 winter days, 17 to 20 h"
ONE_UTILITY = "baselines, a utility's load, working days of two years, 15 to 19 h"


def _judged(kw: Array, warmth: Array, steps: Horizon, off: tuple[str, ...], hours: tuple[float, float]) -> Placebo:
    """All methods that need no control group."""
    chosen = [one for one in methods().values() if not one.wants_control]
    holidays = [date.fromisoformat(day) for day in off]
    return placebo(by_day(kw, steps, holidays), chosen, hours, Beside(by_day(warmth, steps).kw[0]))


@cache
def feeders() -> Placebo:
    """Four Dutch feeders, October 2020 to January 2021, the lockdown of December among it."""
    data = openstef_examples.feeders()
    index = data[0].table.index
    starts = index.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[s]")
    steps = Horizon(np.append(starts, starts[-1] + np.timedelta64(900, "s")), openstef_examples.ZONE)
    kw = np.array([feeder.table["load"].reindex(index).to_numpy(dtype=float) * 1000.0 for feeder in data])
    warmth = data[0].table["temp"].to_numpy(dtype=float)
    return _judged(kw, warmth, steps, data[0].place.holidays, (17, 20))


@cache
def utility() -> Placebo:
    """2010 and 2011; the mean of 25 stations is its temperature."""
    import pandas as pd

    table = pd.read_parquet(registry.folder("gefcom2014_load") / "load.parquet")
    table = table[table["timestamp"] > pd.Timestamp("2010-01-01")]
    ends = pd.DatetimeIndex(table["timestamp"]).tz_localize(gefcom2014_load.ZONE).tz_convert("UTC").tz_localize(None)
    edges = np.append(ends[0] - pd.Timedelta("1h"), ends).astype("datetime64[s]")
    stations = [name for name in table.columns if name not in ("timestamp", "load")]
    warmth = (table[stations].to_numpy(dtype=float).mean(axis=1) - 32) / 1.8
    kw = table["load"].to_numpy(dtype=float) * gefcom2014_load.KW_PER_MW
    off = gefcom2014_load.load().place.holidays
    return _judged(kw, warmth, Horizon(edges, gefcom2014_load.ZONE), off, (15, 19))


def _of(found: Placebo, name: str, values: Array) -> float:
    return float(values[[one.name for one in found.methods].index(name)])


def _bias(found: Placebo) -> Measured:
    """Of the mean of ten days; beside it the five highest of the ten, as it is."""
    bias = np.abs(found.bias())
    return Measured(_of(found, "ten_of_ten_unadjusted", bias), _of(found, "high_five_of_ten_unadjusted", bias))


@row("fleet", name=f"{FOUR_FEEDERS}: bias of the mean of 10 days; beside it the 5 highest of 10", unit="of mean power",
     bar="<= 0.1", inputs=FEEDERS)  # fmt: skip
def feeders_bias() -> Measured:
    return _bias(feeders())


@row("fleet", name=f"{FOUR_FEEDERS}: MAE of the best method; beside it the mean of 10 days with a same-day ratio",
     unit="of mean power", bar="<= 0.4", inputs=FEEDERS)  # fmt: skip
def feeders_error() -> Measured:
    found = feeders()
    return Measured(float(found.mae().min()), _of(found, "ten_of_ten", found.mae()))


@row("fleet", name=f"{ONE_UTILITY}: bias of the mean of 10 days; beside it the 5 highest of 10", unit="of mean power",
     bar="<= 0.02", inputs=UTILITY)  # fmt: skip
def utility_bias() -> Measured:
    return _bias(utility())


@row("fleet", name=f"{ONE_UTILITY}: MAE of the mean of 10 days with a same-day ratio over that without", unit="ratio",
     bar="<= 0.5", inputs=UTILITY)  # fmt: skip
def utility_error() -> float:
    found = utility()
    return _of(found, "ten_of_ten", found.mae()) / _of(found, "ten_of_ten_unadjusted", found.mae())


@row("fleet", name=f"{ONE_UTILITY}: methods compared", unit="methods", bar=">= 12", inputs=UTILITY)
def compared() -> int:
    found = utility()
    return sum(bool(np.isfinite(value)) for value in found.bias())


def _month() -> tuple[Metered, list[Award], Array]:
    """500 invented sites of 15 minutes over three months, a response of two hours on each working day of the last."""
    rng = np.random.default_rng(0)
    steps = Horizon.local_day(date(2026, 5, 1), ZONE, 15, days=DAYS + 61)
    clock = np.array([t.hour + t.minute / 60 for t in steps.local_start])
    level = rng.uniform(50, 3000, (SITES, 1))
    kw = (
        level
        * (1 + 0.3 * np.sin((clock - rng.uniform(0, 24, (SITES, 1))) * np.pi / 12))
        * rng.normal(1, 0.02, (SITES, 1))
    )
    awards, setpoint = [], np.full(kw.shape, np.nan)
    one = product("guangdong_demand_response", FIRST)
    starts = np.array([t.date().toordinal() for t in steps.local_start])
    for ahead in range(DAYS):
        day = date.fromordinal(FIRST.toordinal() + ahead)
        if day.isoweekday() > 5:
            continue
        event = (starts == day.toordinal()) & (clock >= 15) & (clock < 17)
        share = level * rng.uniform(0.05, 0.2, (SITES, 1))
        setpoint[:, event] = share
        kw[:, event] -= share * rng.uniform(0.6, 1.3, (SITES, 1))
        hours = periods(one, day).local_start
        price = float(np.round(rng.uniform(300, 900)))
        rows = tuple(AwardPeriod(start=hours[h], quantity_kw=float(share.sum()), price=price) for h in (15, 16))
        awards.append(Award(product=one.name, day=day, side="up", periods=rows))
    return Metered(tuple(f"site_{n}" for n in range(SITES)), steps, kw), awards, setpoint


@cache
def settled() -> tuple[Settled, float]:
    """The month, settled and shared out, and the seconds of the processor for it."""
    metered, awards, setpoint = _month()
    one = product("guangdong_demand_response", FIRST)
    begin = time.process_time()
    base = baselines(method("ten_of_ten"), metered, asked(one, awards), ())
    made = settle_awards(one, awards, metered, base, setpoint)
    made.split("delivered")
    return made, time.process_time() - begin


@row("fleet", name=f"settlement of {SITES} sites, a month of responses from 15-minute meters: baselines, lines, split",
     unit="CPU s", bar="<= 30", inputs=INPUTS)  # fmt: skip
def settlement_seconds() -> float:
    return settled()[1]


@row("fleet", name=f"settlement of {SITES} sites, a month: invoice against its lines, and three splits",
     unit="cents", bar="== 0", inputs=INPUTS)  # fmt: skip
def settlement_cents() -> int:
    made, _ = settled()
    require_sums(invoice(made.settlement), made.settlement.cents)
    few = Settled(made.settlement, ("first", "others"), *_halves(made))
    splits = [made.split("delivered"), made.split("marginal"), few.split("shapley")]
    return sum(abs(int(one.total.sum()) - made.settlement.cents) for one in splits)


def _halves(made: Settled) -> tuple[Array, Array]:
    def two(kw: Array) -> Array:
        return np.stack([kw[:250].sum(axis=0), kw[250:].sum(axis=0)])

    return two(made.delivered_kw), two(made.award_kw)


@row("fleet", name="bids made of the flexibility of 200 sites for every product of today: refused by their own market",
     unit="bids", bar="== 0", inputs=INPUTS)  # fmt: skip
def refused() -> int:
    rng = np.random.default_rng(1)
    day, found = date(2026, 11, 30), 0
    for one in (p for every in shipped().values() for p in every if p.holds(day)):
        over = Horizon.local_day(date(2026, 11, 29), one.time_zone, 15, days=3)
        offers = []
        for _ in range(200):
            width = rng.uniform(0, 400, (2, 3, over.steps))
            cost = np.cumsum(rng.uniform(0.01, 0.2, (2, 3, over.steps)), axis=1)
            offers.append(Flexibility(over.hours, width[0], width[1], cost[0], cost[1]))
        for side in one.sides:
            made = curve(offers, side, over, one, periods(one, day), 0.01)
            bid = bids.bid_of(made, one, day)
            if bid.periods:
                found += any(bids.refusals(bid, one, one.opens.on(day, one.time_zone)))
    return found
