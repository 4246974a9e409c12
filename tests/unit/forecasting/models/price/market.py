"""A market that is made up but behaves: demand and wind are forecast, their difference and yesterday make the price."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive import MEASURED_NS, Archive, Rows
from forecasting.clock import DAY_NS
from forecasting.models.price.boosting import Boosting
from forecasting.models.price.days import local_hours, midnight_ns
from forecasting.models.price.members import Member
from forecasting.models.price.mix import Mix
from forecasting.models.price.model import PriceModel
from forecasting.targets import Place, Target

BERLIN = Place(52.5, 13.4, "Europe/Berlin", holidays=("2023-10-03",))
PRICE = Target("price", "price", float("inf"), "market")
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
PROCESSES = Mix((Member("long", 100, 0.4), Member("short", 42, 0.2, level=True)), ())
PLAIN = PriceModel(PROCESSES, shown_days=40)
TREES = Boosting("trees", "short", window_days=60, rounds=5, depth=3, least_days=40)
BOOSTED = PriceModel(Mix(PROCESSES.members, (TREES,)), shown_days=40)


def table(first: str = "2023-06-01", days: int = 150, step_min: int = 60, seed: int = 0) -> pd.DataFrame:
    """Prices [EUR/MWh], demand and wind [MW] at interval starts, in Berlin."""
    start = pd.date_range(
        pd.Timestamp(first, tz=BERLIN.time_zone), periods=days * 1440 // step_min, freq=f"{step_min}min"
    )
    rng = np.random.default_rng(seed)
    ns = start.tz_convert("UTC").as_unit("ns").asi8
    day, hour = local_hours(ns, BERLIN)
    row = day - day[0]
    demand = 50 + 10 * np.sin((hour - 8) / 24 * 2 * np.pi) + rng.normal(0, 4, row.max() + 1)[row]
    wind = rng.uniform(5, 40, row.max() + 1)[row] + rng.normal(0, 1, len(ns))
    price = 30 + 0.8 * (demand - 50) - 0.9 * (wind - 20) + rng.normal(0, 2, len(ns)) + 3 * (ns % 3_600_000_000_000 > 0)
    return pd.DataFrame({"start_ns": ns, "day": day, "price": price, "demand": demand, "wind": wind})


def archive(of: pd.DataFrame) -> Archive:
    """Prices known as their interval ends, demand and wind issued at noon of the day before."""
    start = of["start_ns"].to_numpy()
    end = start + int(np.diff(start)[0])
    noon = midnight_ns(of["day"].to_numpy(), BERLIN) - DAY_NS // 2
    never = np.full(len(end), MEASURED_NS)
    found = {("market", "price"): rows(never, end, end, of["price"])}
    for name in of.columns.drop(["start_ns", "day", "price"]):
        found["market", name] = rows(noon, end, noon, of[name])
    return Archive.of_rows(found)


def rows(issue: NDArray[np.int64], valid: NDArray[np.int64], available: NDArray[np.int64], value: pd.Series) -> Rows:
    return Rows(issue, valid, available, np.zeros(len(valid), np.int32), value.to_numpy(dtype=np.float64)).sorted()


def edges(day: str, days: int = 1, step: str = "1h") -> NDArray[np.int64]:
    """Edges [ns] of local days."""
    first = pd.Timestamp(day, tz=BERLIN.time_zone)
    last = first + pd.DateOffset(days=days)
    return pd.date_range(first.tz_convert("UTC"), last.tz_convert("UTC"), freq=step).as_unit("ns").asi8


def forecast(
    model: PriceModel, of: Archive, edges_ns: NDArray[np.int64], target: Target = PRICE
) -> NDArray[np.float64]:
    """Quantiles (T, Q) issued as the first day begins."""
    known = of.as_of(pd.Timestamp(int(edges_ns[0]), tz="UTC"))
    trained = model.train(known, [target], BERLIN, edges_ns - known.time_ns, LEVELS)
    return trained.quantiles(known, edges_ns)[target.name]
