"""Templates of the kinds that concern the whole site: pipes, outages and direct lines; see ``templates``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tests.parks import battery, grid, load, unit
from tests.unit.dispatch.assets.templates import DEMAND, ELECTRIC, PRICE, STEPS, Template, hourly_tariff, priced


def _pipe(**fields: Any) -> Template:
    """Demand at the far end, two hours away; a panel there whose surplus a pipe of two ways brings back."""
    asset = {"kind": "pipe", "name": "it", "bus": "main", "far_bus": "far", "capacity_kw": 70.0, "delay_h": 2}
    asset |= {"loss_fraction": 0.1, "under_way_kwh": [30.0, 90.0], "cost_per_kwh": 0.01, "two_way": False}
    asset |= {"spill_penalty_per_kwh": 5.0, "end_penalty_per_kwh": 3.0}
    roof = {"kind": "pv", "name": "roof", "bus": "far", "peak_kw": 90}
    series = {("load", "demand_kw"): DEMAND, ("base", "demand_kw"): 10.0}
    series |= {("roof", "available_kw"): np.array([0.0, 0, 0, 90, 90, 0, 0, 0])}
    return Template(asset | fields, (grid(export_kw=0), load(bus="far"), load("base"), roof), series)


def _full() -> Template:
    """Demand above what the pipe takes."""
    template = _pipe(capacity_kw=35.0, under_way_kwh=[])
    return replace(template, series=template.series | {("roof", "available_kw"): np.zeros(STEPS)})


def _outage(**fields: Any) -> Template:
    """A battery that also trades, a unit that is on or off or can be started, a panel that is counted on for half."""
    asset = {"kind": "outage", "name": "it", "survival_h": 2.5, "loads": ["load"], "critical_share": 0.6}
    asset |= {"critical_kw": 5.0, "generation": ["roof"], "generation_share": 0.5, "penalty_per_kwh": 3.0}
    asset |= {"black_start_store": "battery", "black_start_kwh": 8.0, "black_start_kw": 15.0}
    store = battery(min_fill=0.1, loss_fraction_per_h=0.01, start_fill=0.5, discharge_efficiency=0.9)
    store |= {"discharge_limit": [{"fill": 0.0, "share": 0.8}, {"fill": 0.3, "share": 1.0}]}
    engine = unit(min_kw=5, max_kw=20, cost_per_kwh=0.45, black_start_h=1.5, ramp_up_kw_per_h=10)
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 20}
    series = {("load", "demand_kw"): DEMAND, ("roof", "available_kw"): np.linspace(0, 16, STEPS)}
    pcc = grid(export_kw=500, tariff=hourly_tariff(PRICE, first_hour=6))
    return Template(asset | fields, (pcc, load(), store, engine, roof), series)


def _direct(**fields: Any) -> Template:
    """More than the site takes at noon, less than a third of its use over the day."""
    asset = {"kind": "direct_line", "name": "it", "bus": "main", "technology": "wind", "rated_kw": 90.0}
    asset |= {"price_per_kwh": 0.2, "export_kw": 40.0, "export_price_per_kwh": 0.25, "loads": ["load"]}
    asset |= {"own_use_share_min": 0.6, "supply_share_min": 0.5, "export_share_max": 0.2, "penalty_per_kwh": 0.3}
    asset |= {"to_date_available_kwh": 300.0, "to_date_own_use_kwh": 90.0, "to_date_export_kwh": 50.0}
    asset |= {"to_date_consumed_kwh": 400.0}
    sun_or_wind = {("it", "available_kw"): np.linspace(5, 90, STEPS)}
    return Template(asset | fields, (priced() | {"export_kw": 10}, load()), ELECTRIC | sun_or_wind)


TEMPLATES: dict[str, tuple[Template, ...]] = {
    "direct_line": (
        _direct(),
        _direct(technology="pv", tilt_deg=30.0, azimuth_deg=170.0, system_losses=0.1),
        _direct(technology="pv", inverter_kw=70.0, inverter_efficiency=0.96, tracking={}),
        _direct(technology="pv", temperature_coefficient_per_k=-0.004),
    ),
    "pipe": (_pipe(), _pipe(two_way=True, under_way_back_kwh=[8.0, 4.0]), _full()),
    "outage": (_outage(), _outage(critical_share=1.0, critical_kw=30.0)),
}
