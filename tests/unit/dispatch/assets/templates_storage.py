"""Templates of stores and vehicles: see ``templates``."""

from __future__ import annotations

from typing import Any

from tests.parks import load
from tests.unit.dispatch.assets.templates import _ELECTRIC, Template, _holding, _priced, _store


def _cold(**fields: Any) -> Template:
    """Between two points of its table, out in the weather."""
    table = [
        {"degc": -20.0, "power_share": 0.6, "capacity_share": 0.7, "efficiency_share": 0.9},
        {"degc": 20.0, "power_share": 1.0, "capacity_share": 1.0, "efficiency_share": 0.99},
    ]
    asset = _store("battery", temperature_table=table, ambient_degc=-10.0) | fields
    return Template(asset, (_priced(), load()), _ELECTRIC)


def _flow(**fields: Any) -> Template:
    asset = _store("flow_battery", power_loss_share=0.06, pump_kw=1.0, energy_kwh=60.0) | fields
    return Template(asset, (_priced(), load()), _ELECTRIC)


def _smoothing(**fields: Any) -> Template:
    """Changes of wind and PV for which little energy is left at times."""
    asset = _store("supercapacitor", ramp_sigma_kw=4.0, ramp_factor=2.5, ramp_penalty_per_kwh=0.3, energy_kwh=60.0)
    return Template(asset | fields, (_priced(), load()), _ELECTRIC)


TEMPLATES: dict[str, tuple[Template, ...]] = {
    "battery": (_cold(), _holding(_cold(), 60.0)),
    "flow_battery": (_flow(), _flow(fast_reserve_kw=0.0)),
    "supercapacitor": (_smoothing(), _holding(_smoothing(), 30.0)),
}
