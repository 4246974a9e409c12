"""What forecasts are worth to a small park: money and carbon above perfect foresight, plans made day ahead.

A works with PV, wind and a battery behind a connection that exports nothing, under a tariff by time of use with a
demand charge: the battery must know the evening's load and leave room for noon. Three weeks of the embedded year,
measured profiles; each forecast knows what was measured by noon of the day before, and no weather.
"""

from __future__ import annotations

import tempfile
from datetime import date
from functools import cache
from pathlib import Path

from benchmarks.rows import CannotMeasure, Measured, row
from dispatch.config import load_site
from dispatch.executor import executor
from dispatch.replay import Case, Settings
from dispatch.replay.worth import PERFECT, Worth, worth
from dispatch.signals import Horizon
from dispatch.sources import gather
from forecasting.backtest.product import Product
from forecasting.backtest.references import REFERENCES
from forecasting.embedded import is_installed

INPUTS = ("benchmarks/topics/forecasting/value.py", "configs", "dispatch", "forecasting")
FIRST, DAYS, STEP_MIN = date(2016, 9, 5), 21, 60
PARK = """
name: works
time_zone: Asia/Shanghai
currency: CNY
latitude_deg: 36.1
longitude_deg: 120.3
embedded: {day: "2016-09-05"}
buses: [{name: main, carrier: electricity}]
assets:
  - {kind: load, name: works, bus: main, history: {simbench: G3-M_pload, year_kwh: "8 GWh"}}
  - {kind: pv, name: roof, bus: main, peak_kw: 1500, tilt_deg: 15, azimuth_deg: 180, history: {simbench: PV3}}
  - {kind: wind, name: turbine, bus: main, rated_kw: 1000, history: {simbench: WP4}}
  - kind: battery
    name: battery
    bus: main
    use: li_ion_lfp_2030
    energy_kwh: "4 MWh"
    charge_kw: "1.5 MW"
    discharge_kw: "1.5 MW"
    start_fill: 0.5
    wear_cost_per_kwh: 0.05
  - kind: grid_connection
    name: pcc
    bus: main
    import_kw: "4 MW"
    tariff: qingdao_tou_two_part
    expected_peak_kw: 1000
    carbon_intensity_kg_per_kwh: cn_north_2023
objective: {money: 1, carbon_price_per_t: 80}
planning: {step_minutes: 60, scenarios: 0}
"""


def works() -> Case:
    """The park over its weeks."""
    if not is_installed():
        raise CannotMeasure("the embedded profiles are not installed: pip install parkwatt[simbench]")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "works.yaml"
        path.write_text(PARK, encoding="utf-8")
        site = load_site(path)
        span = Horizon.local_day(FIRST, site.time_zone, STEP_MIN, days=DAYS)
        sources = gather(site, span, Path(name), with_network=False)
    return Case(site, span, sources.actual, sources.archive, Settings(every_h=1.0, single_solve_days=DAYS + 1))


@cache
def found() -> dict[str, Worth]:
    """All forecasts, once for all rows."""
    return {one.forecast: one for one in worth(works(), (Product(), *REFERENCES), executor("serial"))}


def of(name: str) -> Worth:
    one = found()[name]
    if one.unproved or found()[PERFECT].unproved:
        raise RuntimeError(f"the path under '{name}' does not pass its audit")
    return one


def best_reference() -> Worth:
    return min((of(model.name) for model in REFERENCES), key=lambda one: one.lost_objective)


@row("forecasting", name="value: cost lost to the forecast / cost under perfect foresight", unit="", bar="<= 0.1",
     slow=True, inputs=INPUTS)  # fmt: skip
def lost() -> Measured:
    """The reference: the same for plans made on climatology."""
    best = of(PERFECT).cost
    return Measured(of("parkwatt").lost_cost / best, of("climatology").lost_cost / best)
