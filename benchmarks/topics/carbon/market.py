"""Accounts by contracts and certificates: golden and hand-worked figures, exact balances, a year from meters."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.cases import published
from benchmarks.datasets import metered_park
from benchmarks.rows import Measured, row
from dispatch.carbon.certificates import Supply, covered
from dispatch.carbon.market import market
from dispatch.carbon.operation import Operation
from dispatch.carbon.units import Side, Unit
from dispatch.carbon_export import certificate_table
from dispatch.fields.claims import Claims
from dispatch.measured.account import Account, account
from dispatch.measured.files import read_measured
from dispatch.signals import Array, Horizon

INPUTS = (
    "benchmarks/datasets/metered_park.py",
    "benchmarks/topics/carbon/market.py",
    "dispatch/carbon",
    "dispatch/fields/claims.py",
    "dispatch/measured/operation.py",
    "dispatch/measured/account.py",
    "dispatch/measured/balance.py",
    "dispatch/measured/files.py",
    "dispatch/measured/units.py",
)


def _operation(loads: Array, factor: Array) -> Operation:
    """Meters (M, T) behind one connection, in steps of an hour."""
    edges = np.arange(loads.shape[1] + 1).astype("datetime64[h]").astype("datetime64[s]")
    bought = loads.sum(axis=0)
    units = [
        Unit(f"m{m}", "load", "sink", {"bus": Side("mv", -load)}, np.zeros(load.size)) for m, load in enumerate(loads)
    ]
    grid = Unit("pcc", "grid_connection", "connection", {"bus": Side("mv", bought)}, bought * factor)
    return Operation(Horizon(edges, "UTC"), {"mv": "electricity"}, (grid, *units))


@row("carbon", name="T9 by contracts on a park: worst difference", unit="t", bar="<= 1e-9", inputs=INPUTS)
def golden_matching() -> Measured:
    case = published.golden("carbon.json")["T9_cfe"]
    load, factor = np.array([case["load"]], float), np.array(case["ef"], float)
    contract = {("pcc", "ppa"): np.array(case["contracted"], float)}
    found = market(_operation(load, factor), Claims(), contract, factor)
    told = {"market_hourly_t": found.hour, "market_annual_t": found.year, "location_t": found.location}
    worst = max(abs(float(ledger.carbon_kg.sum()) - case[name]) for name, ledger in told.items())
    left = found.covered["hour"].balances[0].kwh()["closing_kwh"]
    return Measured(max(worst, abs(left - case["excess"])), 0.0)


@row("carbon", name="two uneven meters by contracts, by hand: worst difference", unit="t", bar="<= 1e-9", inputs=INPUTS)
def uneven_by_hand() -> Measured:
    """Loads of 60 and 20 MWh; 32 MWh are contracted, of which the hours use all.

    By hand: hour 0 is covered; in hour 1 all 4 go to b, 4 are open at .5; in hour 2 16 are shared 3 : 1, so that 18
    and 6 are open at .7; hour 3 has 20 open at .3. By the year 40 % of each is covered, Σ L f being 31 and 11.8.
    """
    load, factor = np.array([[10.0, 0, 30, 20], [2.0, 8, 10, 0]]), np.array([0.4, 0.5, 0.7, 0.3])
    contract = {("pcc", "ppa"): np.array([12.0, 4, 16, 0])}
    found = market(_operation(load, factor), Claims(), contract, factor)
    hourly, annual = np.array([[0, 0, 12.6, 6.0], [0, 2.0, 4.2, 0]]), np.array([0.6 * 31, 0.6 * 11.8])
    hour = np.array([found.hour.of(name)[1] for name in ("m0", "m1")])
    year = np.array([found.year.of(name)[1].sum() for name in ("m0", "m1")])
    return Measured(max(float(np.abs(hour - hourly).max()), float(np.abs(year - annual).max())), 0.0)


@row("carbon", name="certificates: balance left unexplained, 200 made-up years", unit="kWh", bar="== 0", inputs=INPUTS)
def balances_are_exact() -> float:
    """Every kWh counted anew in whole milliwatt-hours from the tables, and none that two loads use."""
    random, worst = np.random.default_rng(20260101), 0.0
    for _ in range(200):
        steps, loads = 200, random.random((5, 200)) * 10.0 ** random.integers(-1, 6, (5, 1))
        supplies = [Supply(f"s{k}", random.random(steps) * 10.0 ** random.integers(-1, 6)) for k in range(3)]
        supplies = [Supply(s.name, s.energy_kwh, sold_kwh=s.energy_kwh * random.random(steps)) for s in supplies]
        for matching in ("hour", "year"):
            found = covered(loads, supplies, list("abcde"), matching=matching)
            for k, (supply, balance) in enumerate(zip(supplies, found.balances, strict=True)):
                came = sum(round(value * 1e6) for value in supply.energy_kwh.tolist())
                went = int(found.used[k].sum()) + balance.sold + balance.retired + balance.closing
                worst = max(worst, abs(came - went) / 1e6, -balance.closing / 1e6)
            twice = (found.used.sum(axis=0) - found.load).max()
            worst = max(worst, float(twice) / 1e6)
    return worst


@dataclass(frozen=True, eq=False)
class _Year:
    done: Account
    seconds: float


@cache
def _year() -> _Year:
    """The made-up park's 35 040 quarter-hours, from a table on disk to all ledgers and goods."""
    site, span = metered_park.site(), metered_park.horizon(365)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "meters.csv"
        metered_park.table(span).to_csv(file, index=False)
        began = time.perf_counter()
        done = account(site, read_measured(site, span, file))
        return _Year(done, time.perf_counter() - began)


@row(
    "carbon", name="a year of quarter-hours from meters to all ledgers", unit="s", bar="<= 60", slow=True, inputs=INPUTS
)
def year_seconds() -> float:
    return _year().seconds


@row("carbon", name="that year: largest residual of its ledgers", unit="share", bar="<= 1e-9", slow=True, inputs=INPUTS)
def year_conserves() -> float:
    return max(ledger.residual for ledger in _year().done.ledgers)


@row("carbon", name="that year: certificates left unexplained", unit="kWh", bar="== 0", slow=True, inputs=INPUTS)
def year_balances() -> float:
    """What the table of uses by meter says, against what came in and went out of each supply."""
    market_ = _year().done.market
    used = certificate_table(market_).to_pandas().groupby(["matching", "supply"])["used_kwh"]
    worst = 0.0
    for matching, cover in market_.covered.items():
        for balance in cover.balances:
            key = (matching, balance.name)
            told = sum(round(value * 1e6) for value in used.get_group(key)) if key in used.groups else 0
            came = balance.opening + balance.issued + balance.bought
            worst = max(worst, abs(came - told - balance.sold - balance.retired - balance.closing) / 1e6)
    return worst
