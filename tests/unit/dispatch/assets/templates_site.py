"""Templates of the kinds that concern the whole site: pipes and outages; see ``templates``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.parks import grid, load

if TYPE_CHECKING:
    from tests.unit.dispatch.assets.templates import Template

STEPS = 8
DEMAND = np.array([30.0, 20.0, 60.0, 30.0, 70.0, 20.0, 40.0, 65.0])


def entries() -> dict[str, tuple[Template, ...]]:
    """By kind."""
    return {"pipe": (_pipe(), _pipe(two_way=True, under_way_back_kwh=[8.0, 4.0]), _full())}


def _pipe(**fields: Any) -> Template:
    """Demand at the far end, two hours away; a panel there whose surplus a pipe of two ways brings back."""
    from tests.unit.dispatch.assets.templates import Template

    asset = {"kind": "pipe", "name": "it", "bus": "main", "far_bus": "far", "capacity_kw": 70.0, "delay_h": 2}
    asset |= {"loss_fraction": 0.1, "under_way_kwh": [30.0, 90.0], "cost_per_kwh": 0.01, "two_way": False}
    asset |= {"spill_penalty_per_kwh": 5.0, "end_penalty_per_kwh": 3.0}
    roof = {"kind": "pv", "name": "roof", "bus": "far", "peak_kw": 90}
    series = {("load", "demand_kw"): DEMAND, ("base", "demand_kw"): 10.0}
    series |= {("roof", "available_kw"): np.array([0.0, 0, 0, 90, 90, 0, 0, 0])}
    return Template(asset | fields, (grid(export_kw=0), load(bus="far"), load("base"), roof), series)


def _full() -> Template:
    """Demand above what the pipe takes."""
    from dataclasses import replace

    template = _pipe(capacity_kw=35.0, under_way_kwh=[])
    return replace(template, series=template.series | {("roof", "available_kw"): np.zeros(STEPS)})
