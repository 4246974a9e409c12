"""A made-up park with electricity, gas, heat and hydrogen, and what its meters say over any number of days."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from dispatch.config.documents import read_document
from dispatch.config.park import CONFIGS
from dispatch.signals import Array, Horizon
from dispatch.site import Site

_FLAT = {
    "name": "flat",
    "currency": "CNY",
    "components": [{"name": "energy", "basis": "energy", "price_per_kwh": 0.6, "source": "made up"}],
}
_LOAD = {"kind": "load", "bus": "mv", "history": {"file": "meters.parquet", "column": "unused"}}
PARK: dict[str, Any] = {
    "name": "metered",
    "title": "Metered park",
    "time_zone": "Asia/Shanghai",
    "currency": "CNY",
    "latitude_deg": 31.2,
    "longitude_deg": 121.5,
    "buses": [
        {"name": "mv"},
        {"name": "roof"},
        {"name": "gas", "carrier": "gas"},
        {"name": "heat", "carrier": "heat"},
        {"name": "h2", "carrier": "hydrogen"},
    ],
    "assets": [
        {"kind": "pv", "name": "pv", "bus": "roof", "peak_kw": 3000, "history": _LOAD["history"]},
        {"kind": "cable", "name": "riser", "bus": "mv", "far_bus": "roof", "rating_kw": 4000},
        _LOAD | {"name": "production"},
        _LOAD | {"name": "offices"},
        _LOAD | {"name": "heating", "bus": "heat"},
        {"kind": "battery", "name": "li", "bus": "mv", "energy_kwh": 2000, "charge_kw": 500, "discharge_kw": 500},
        {"kind": "heat_pump", "name": "hp", "use": "ground_source_heat_pump", "bus": "mv", "heat_bus": "heat",
         "electric_kw": 300},
        {"kind": "fuel_supply", "name": "gas_main", "bus": "gas", "price_per_kwh": 0.3, "co2_kg_per_kwh": 0.2,
         "source": "made up"},
        {"kind": "chp", "name": "chp", "use": "gas_engine_chp", "bus": "mv", "fuel_bus": "gas", "heat_bus": "heat",
         "max_kw": 400},
        {"kind": "pem_electrolyser", "name": "ely", "use": "pem_electrolyser", "bus": "mv", "hydrogen_bus": "h2",
         "electric_kw": 600},
        {"kind": "hydrogen_tank", "name": "tank", "use": "hydrogen_vessel_250_bar", "bus": "h2", "energy_kwh": "500 kg",
         "charge_kw": "20 kg/h", "discharge_kw": "20 kg/h"},
        {"kind": "product_offtake", "name": "trucks", "bus": "h2", "product": "hydrogen", "max_kg_per_h": 15,
         "price_per_t": 30000},
        {"kind": "grid_connection", "name": "pcc", "bus": "mv", "import_kw": 6000, "export_kw": 2000, "tariff": _FLAT,
         "carbon_intensity_kg_per_kwh": 0.55, "source": "factor made up",
         "green_power": [{"name": "ppa", "price_per_kwh": 0.02, "share_max": 1.0}]},
    ],
    "claims": {
        "lots": [{"name": "gec_2025", "energy_kwh": 200000, "source": "made up"}],
        "disposals": [{"of": "pv", "share": 0.25}],
    },
}  # fmt: skip


def site(**changes: Any) -> Site:
    """The park, with its library entries filled in."""
    assets = []
    for asset in (PARK | changes)["assets"]:
        own = {key: value for key, value in asset.items() if key != "use"}
        library = CONFIGS / "assets" / f"{asset.get('use')}.yaml"
        assets.append({**(read_document(library, library.name).raw if "use" in asset else {}), **own})
    return Site.model_validate({**PARK, **changes, "assets": assets})


def horizon(days: int, step_minutes: float = 15, first: date = date(2025, 1, 1)) -> Horizon:
    """Whole days from the first of a year on."""
    return Horizon.local_day(first, "Asia/Shanghai", step_minutes, days=days)


def series(span: Horizon) -> dict[str, Array]:
    """Every meter's mean power, which agree with each other to rounding, and two fills."""
    t = span.edge_h[:-1] + 8.0  # hours of the local clock: the first edge is midnight in Shanghai
    day = (t - 8.0) % 24
    noise = np.random.default_rng(7)
    pv = np.round(3000 * np.clip(np.sin(np.pi * (day - 6) / 12), 0, None) * (0.4 + 0.6 * noise.random(t.size)), 3)
    production = np.round(900 + 500 * ((day > 7) & (day < 19)) + 80 * noise.random(t.size), 3)
    offices = np.round(120 + 200 * ((day > 8) & (day < 18)) + 20 * noise.random(t.size), 3)
    charge, discharge = 400.0 * ((day >= 11) & (day < 14)), 360.0 * ((day >= 18) & (day < 21))
    heat_pump = np.round(120 + 60 * np.cos(2 * np.pi * day / 24), 3)
    chp = 300.0 * ((day >= 6) & (day < 22))
    electrolyser = np.where((day >= 10) & (day < 15), 500.0, 100.0)
    hydrogen = np.round(0.58 * electrolyser, 3)
    trucks = np.full(t.size, float(np.round((hydrogen @ span.hours) / span.hours.sum(), 3)))
    net = production + offices + charge + heat_pump + electrolyser - pv - discharge - chp
    imported = np.maximum(net, 0.0)
    return {
        "pv_kw": pv,
        "production_kw": production,
        "offices_kw": offices,
        "li.charge_kw": charge,
        "li.discharge_kw": discharge,
        "hp.electricity_kw": heat_pump,
        "hp.heat_kw": 3.5 * heat_pump,
        "heating_kw": 3.5 * heat_pump + 1.2 * chp,
        "gas_main_kw": 2.5 * chp,
        "chp.fuel_kw": 2.5 * chp,
        "chp.electricity_kw": chp,
        "chp.heat_kw": 1.2 * chp,
        "ely.electricity_kw": electrolyser,
        "ely.hydrogen_kw": hydrogen,
        "tank.charge_kw": np.maximum(hydrogen - trucks, 0.0),
        "tank.discharge_kw": np.maximum(trucks - hydrogen, 0.0),
        "trucks_kw": trucks,
        "pcc.import_kw": imported,
        "pcc.export_kw": np.maximum(-net, 0.0),
        "pcc.ppa_kw": np.minimum(imported, 250.0),
    }


def table(span: Horizon, **changes: Array | None) -> pd.DataFrame:
    """The same as a table with a column ``time`` of starts (UTC); ``None`` leaves a column out."""
    start = pd.DatetimeIndex(span.edges[:-1]).tz_localize("UTC")
    columns = {name: values for name, values in {**series(span), **changes}.items() if values is not None}
    return pd.DataFrame({"time": start, **columns})
