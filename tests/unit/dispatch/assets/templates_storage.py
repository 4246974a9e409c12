"""Templates of stores and vehicles: see ``templates``."""

from __future__ import annotations

from typing import Any

from tests.parks import load
from tests.unit.dispatch.assets.templates import ELECTRIC, Template, any_store, holding, priced


def _cold(**fields: Any) -> Template:
    """Between two points of its table, out in the weather."""
    table = [
        {"degc": -20.0, "power_share": 0.6, "capacity_share": 0.7, "efficiency_share": 0.9},
        {"degc": 20.0, "power_share": 1.0, "capacity_share": 1.0, "efficiency_share": 0.99},
    ]
    asset = any_store("battery", temperature_table=table, ambient_degc=-10.0) | fields
    return Template(asset, (priced(), load()), ELECTRIC)


def _flow(**fields: Any) -> Template:
    asset = any_store("flow_battery", power_loss_share=0.06, pump_kw=1.0, energy_kwh=60.0) | fields
    return Template(asset, (priced(), load()), ELECTRIC)


def _smoothing(**fields: Any) -> Template:
    """Changes of wind and PV for which little energy is left at times."""
    asset = any_store("supercapacitor", ramp_sigma_kw=4.0, ramp_factor=2.5, ramp_penalty_per_kwh=0.3, energy_kwh=60.0)
    return Template(asset | fields, (priced(), load()), ELECTRIC)


def _swaps(**fields: Any) -> Template:
    """Chargers that are short at noon, when more vehicles come than batteries are full."""
    asset = {"kind": "swap_station", "name": "it", "bus": "main", "batteries": 12.0, "battery_kwh": 60.0}
    asset |= {"returned_fill": 0.25, "charge_kw": 150.0, "battery_charge_kw": 30.0, "charge_efficiency": 0.9}
    asset |= {"start_full": 6.0, "full_min": 4.0, "end_full_min": 5.0, "unserved_penalty": 40.0}
    asset |= {"few_penalty_per_h": 9.0, "end_penalty": 8.0}
    asset["swaps_per_h"] = [
        {"start": "2024-03-01T06:00Z", "end": "2024-03-01T10:00Z", "value": 2.0},
        {"start": "2024-03-01T10:00Z", "end": "2024-03-01T12:00Z", "value": 6.0},
        {"start": "2024-03-01T12:00Z", "end": "2024-03-01T14:00Z", "value": 1.0},
    ]
    return Template(asset | fields, (priced(), load()), ELECTRIC)


def _vehicles(**fields: Any) -> Template:
    """One that can leave with what it needs, one that cannot, one that gives back and stays beyond the horizon."""
    day = "2024-03-01T"
    first = {"arrival": f"{day}06:30Z", "departure": f"{day}10:15Z", "charge_kw": 11.0, "needed_kwh": 25.0}
    first |= {"arrival_kwh": 5.0, "least_kwh": 2.0}
    short = {"arrival": f"{day}05:00Z", "departure": f"{day}08:00Z", "charge_kw": 7.0, "needed_kwh": 30.0}
    short |= {"arrival_kwh": 5.0, "least_kwh": 2.0}
    giving = {"arrival": f"{day}07:00Z", "departure": f"{day}16:00Z", "charge_kw": 20.0, "discharge_kw": 15.0}
    giving |= {"arrival_kwh": 30.0, "departure_kwh": 45.0, "capacity_kwh": 60.0, "least_kwh": 12.0}
    asset = {"kind": "ev_fleet", "name": "it", "bus": "main", "sessions": [first, short, giving]}
    asset |= {"chargers_kw": 25.0, "charge_efficiency": 0.9, "discharge_efficiency": 0.92}
    asset |= {"wear_cost_per_kwh": 0.02, "unserved_penalty_per_kwh": 1.5, "aggregate": False}
    return Template(asset | fields, (priced(), load()), ELECTRIC)


TEMPLATES: dict[str, tuple[Template, ...]] = {
    "battery": (_cold(), holding(_cold(), 60.0)),
    "ev_fleet": (_vehicles(), _vehicles(aggregate=True)),
    "flow_battery": (_flow(), _flow(fast_reserve_kw=0.0)),
    "swap_station": (_swaps(), _swaps(swaps_per_h=2.5)),
    "supercapacitor": (_smoothing(), holding(_smoothing(), 30.0)),
}
