"""What forecasts are worth to a small park: money and carbon above perfect foresight, plans made day ahead.

A works with PV on its roofs and a battery behind a connection that exports nothing, under energy prices by time of use:
the battery must leave room for noon and keep enough for the evening. PV and its weather forecasts are a station's of
PVOD, scaled to the roof, planned at local midnight when the day's weather product is there; the load is a measured
profile of the embedded year, moved by whole weeks to the station's year. The first three weeks of PVOD's test.

Twice: under energy prices alone, and with a price on the month's highest hour on top. In the second case a plan
of one path, followed whatever comes, can lose more money than a forecast that is worse in every other respect: a single
step decides a month. Rows of both stand beside each other; plans over scenarios are for the second, not means.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.datasets import pvod
from benchmarks.rows import CannotMeasure, Measured, row
from dispatch.config.park import load_site
from dispatch.executor import executor
from dispatch.replay import Case, Settings
from dispatch.replay.worth import AS_IT_CAME, PERFECT, Worth, worth
from dispatch.signals import Horizon
from forecasting import embedded
from forecasting.archive import Archive
from forecasting.backtest.product import NAME, Product
from forecasting.backtest.references import REFERENCES
from forecasting.backtest.run import observed
from forecasting.clock import DAY_NS, utc_index
from forecasting.targets import Target

INPUTS = ("benchmarks/topics/forecasting/value.py", "benchmarks/datasets/pvod.py", "configs", "dispatch", "forecasting")
STEP_MIN, ROOF_KW, PROFILE = 60, 3000.0, "G3-M_pload"
WEEKS_OF_YEAR, YEAR_KWH = 52, 8e6
DAYS = 21
RETRAIN_DAYS = 28.0
DEMAND_CNY_PER_KW_MONTH = 40.0
PARK = """
name: works
time_zone: Asia/Shanghai
currency: CNY
latitude_deg: {latitude}
longitude_deg: {longitude}
buses: [{{name: main, carrier: electricity}}]
assets:
  - {{kind: load, name: works, bus: main, history: {{simbench: G3-M_pload, year_kwh: "8 GWh"}}}}
  - kind: pv
    name: roof
    bus: main
    peak_kw: {roof}
    tilt_deg: {tilt}
    azimuth_deg: {azimuth}
    history: {{simbench: PV3}}
  - kind: battery
    name: battery
    bus: main
    use: li_ion_lfp_2030
    energy_kwh: "4 MWh"
    charge_kw: "2 MW"
    discharge_kw: "2 MW"
    start_fill: 0.3
    wear_cost_per_kwh: 0.05
  - kind: grid_connection
    name: pcc
    bus: main
    import_kw: "4 MW"
    tariff:
      name: by time of use
      currency: CNY
      components:
        - {{name: valley, basis: energy, price_per_kwh: 0.40, calendar: {{hours: ["10:00-15:00"]}}, source: {source}}}
        - {{name: peak, basis: energy, price_per_kwh: 1.00, calendar: {{hours: ["16:00-22:00"]}}, source: {source}}}
        - name: flat
          basis: energy
          price_per_kwh: 0.68
          calendar: {{hours: ["00:00-10:00", "15:00-16:00", "22:00-24:00"]}}
          source: {source}
        - {{name: demand, basis: demand, price_per_kw_month: {demand}, source: {source}}}
    carbon_intensity_kg_per_kwh: cn_north_2023
objective: {{money: 1, carbon_price_per_t: 80}}
planning: {{step_minutes: {step}, scenarios: 0, issue_before_h: 0}}
"""


def works(demand: float) -> Case:
    """The park over its weeks, with the weather of the station; ``demand`` is the price of a kW and month."""
    if not embedded.is_installed():
        raise CannotMeasure("the embedded profiles are not installed: pip install parkwatt[simbench]")
    data = pvod.load()
    station = data.targets[0]
    plant = station.plant
    assert plant is not None
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "works.yaml"
        where: dict[str, float | str] = {
            "latitude": plant.latitude_deg,
            "longitude": plant.longitude_deg,
            "tilt": plant.tilt_deg,
        }
        where |= {
            "azimuth": plant.azimuth_deg,
            "roof": ROOF_KW,
            "step": STEP_MIN,
            "demand": demand,
            "source": "energy prices of qingdao_tou_two_part",
        }
        path.write_text(PARK.format(**where), encoding="utf-8")
        site = load_site(path)
    archive = _archive(data, station, site.name, site.time_zone)
    first = utc_index(np.array([data.train_until_ns + pvod.HALF_STEP_NS]))[0].tz_convert(site.time_zone).date()
    span = Horizon.local_day(first, site.time_zone, STEP_MIN, days=DAYS)
    edges_ns = span.edges.astype("datetime64[ns]").astype(np.int64)
    actual = {name: observed(archive, Target(name, "load", np.inf, site.name), edges_ns) for name in ("works", "roof")}
    return Case(site, span, actual, archive, Settings(every_h=1.0, single_solve_days=DAYS + 1), station.weather)


def _archive(data: pvod.Pvod, station: Target, site: str, time_zone: str) -> Archive:
    """The set's archive, with the roof's and the works' powers under the park's name."""
    power = data.archive.as_of("2100-01-01T00:00Z").measurements(station.site, station.name)
    roof = np.clip(power.value / station.capacity_kw, 0.0, 1.0) * ROOF_KW
    archive = data.archive.with_measurements(site, "roof", utc_index(power.end_ns), roof)
    whole = WEEKS_OF_YEAR * 7 * 24 * 4
    ends = (embedded.wall_clock_index(time_zone) + pd.Timedelta(minutes=15))[:whole]
    profile = np.maximum(embedded.profile(PROFILE), 0.0)
    kw = (profile * YEAR_KWH / (profile.sum() * embedded.STEP_H))[:whole]
    first, last = power.end_ns[0], power.end_ns[-1]
    for years in range(-(-int(last - ends[0].value) // (WEEKS_OF_YEAR * 7 * DAY_NS))):
        moved = ends + pd.Timedelta(weeks=WEEKS_OF_YEAR * years)
        if moved[-1].value > first:
            archive = archive.with_measurements(site, "works", moved, kw)
    return archive


@cache
def found(demand: float) -> dict[str, Worth]:
    """All forecasts, once for all rows."""
    models = (Product(), *REFERENCES)
    return {one.forecast: one for one in worth(works(demand), models, executor("serial"), retrain_days=RETRAIN_DAYS)}


def of(name: str, demand: float = 0.0) -> Worth:
    """One forecast's figures; an unproved path is no measure."""
    one = found(demand)[name]
    if one.unproved or found(demand)[PERFECT].unproved:
        raise RuntimeError(f"the path under '{name}' does not pass its audit")
    return one


def persistence(demand: float = 0.0) -> Worth:
    """The better of the two."""
    return min((of(model.name, demand) for model in REFERENCES[1:]), key=lambda one: one.lost_cost)


@row("forecasting", name="value: money lost to the forecast / cost under perfect foresight", unit="", bar="<= 0.1",
     slow=True, inputs=INPUTS)  # fmt: skip
def money() -> Measured:
    """The reference: the same for plans made on what really came, day ahead."""
    best = of(PERFECT).cost
    return Measured(of(NAME).lost_cost / best, of(AS_IT_CAME).lost_cost / best)


@row("forecasting", name="value: money lost / lost under climatology", unit="", bar="<= 1", slow=True, inputs=INPUTS)
def money_against_climatology() -> Measured:
    """Beside it, the money lost itself [CNY]."""
    return Measured(of(NAME).lost_cost / of("climatology").lost_cost, of(NAME).lost_cost)


@row("forecasting", name="value: money lost / lost under the better persistence", unit="", bar="<= 1", slow=True,
     inputs=INPUTS)  # fmt: skip
def money_against_persistence() -> float:
    return of(NAME).lost_cost / persistence().lost_cost


@row("forecasting", name="value: carbon lost to the forecast / emissions under perfect foresight", unit="",
     bar="<= 0.1", slow=True, inputs=INPUTS)  # fmt: skip
def carbon() -> Measured:
    """The reference: the same under climatology."""
    best = of(PERFECT).co2_kg
    return Measured(of(NAME).lost_co2_kg / best, of("climatology").lost_co2_kg / best)


@row("forecasting", name="value with a demand charge: money lost / lost under climatology", unit="", bar="<= 1",
     slow=True, inputs=INPUTS)  # fmt: skip
def money_with_demand_charge() -> Measured:
    """Beside it, the money lost itself [CNY]."""
    ours = of(NAME, DEMAND_CNY_PER_KW_MONTH).lost_cost
    return Measured(ours / of("climatology", DEMAND_CNY_PER_KW_MONTH).lost_cost, ours)


@row("forecasting", name="value with a demand charge: money lost / lost under the better persistence", unit="",
     bar="<= 1", slow=True, inputs=INPUTS)  # fmt: skip
def money_with_demand_charge_against_persistence() -> float:
    return of(NAME, DEMAND_CNY_PER_KW_MONTH).lost_cost / persistence(DEMAND_CNY_PER_KW_MONTH).lost_cost
