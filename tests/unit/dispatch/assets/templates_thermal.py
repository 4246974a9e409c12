"""Templates of the kinds that make heat, cold, steam and compressed air, and of what brings fuel; see ``templates``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.unit.dispatch.assets.templates import Template


def processes(template: Template, full_kw: float) -> tuple[Template, ...]:
    """A conversion without whole numbers, then with all that :class:`~dispatch.process.Process` adds.

    Args:
        template: its asset has a rating of ``full_kw`` of input and is asked for about two thirds of it.
    """
    linear = {"cost_per_kwh": 0.01, "co2_kg_per_kwh": 0.02}
    whole = {"min_load_fraction": 0.3, "start_cost": 1.0, "min_up_h": 2.0, "min_down_h": 2.0}
    off = {"on_before_h": 0.0, "off_before_h": 5.0, "ramp_fraction_per_h": 0.5}
    on = {"on_before_h": 1.0, "min_up_h": 3.0, "ramp_fraction_per_h": 0.2, "input_before_kw": 0.4 * full_kw}

    def made(*parts: dict[str, Any]) -> Template:
        asset = template.asset
        for part in parts:
            asset = asset | part
        return replace(template, asset=asset)

    return (
        made(linear),
        made(linear, whole, off),
        made(linear, whole, on),
        made(linear, whole, {"off_before_h": 1.0, "min_down_h": 3.0}),
        made(linear, whole, on, {"must_run": True}),
        made(linear, {"ramp_fraction_per_h": 0.2, "input_before_kw": 0.3 * full_kw}),
    )


def entries() -> dict[str, tuple[Template, ...]]:
    """By kind."""
    from tests.unit.dispatch.assets.templates import conversion

    chiller = conversion("chiller", "cold", energy_efficiency_ratio=4.0)
    pump = conversion("heat_pump", "heat", source_degc=5.0, sink_degc=50.0)
    table = [
        {"outdoor_degc": 20.0, "energy_efficiency_ratio": 5.0},
        {"outdoor_degc": 40.0, "energy_efficiency_ratio": 3.0},
    ]
    warm = conversion("chiller", "cold", efficiency_table=table, outdoor_degc=32.0)
    return {
        "chiller": (*processes(chiller, 40.0), warm),
        "heat_pump": processes(pump, 40.0),
    }
