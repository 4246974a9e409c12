"""A tiny plan without a solver, made before anybody asks for one: the first real one waits for nothing to load."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from dispatch.service.work import outcomes
from dispatch.service.work.basis import Asked
from dispatch.service.work.start import Start
from dispatch.service.work.wanted import Wanted
from dispatch.signals import Horizon
from dispatch.site import Site

_ISSUE = datetime(2026, 1, 1, tzinfo=UTC)
_STEPS = 4
_PARK: dict[str, Any] = {
    "name": "rehearsal",
    "time_zone": "UTC",
    "currency": "EUR",
    "latitude_deg": 52.5,
    "longitude_deg": 13.4,
    "buses": [{"name": "lv"}],
    "assets": [
        {"kind": "battery", "name": "store", "bus": "lv", "energy_kwh": 10, "charge_kw": 5, "discharge_kw": 5},
        {"kind": "load", "name": "hall", "bus": "lv"},
        {
            "kind": "grid_connection", "name": "grid", "bus": "lv", "import_kw": 30, "export_kw": 10,
            "tariff": {
                "name": "flat", "currency": "EUR",
                "components": [
                    {"name": "energy", "direction": "import", "basis": "energy", "price_per_kwh": 0.25, "source": "x"},
                ],
            },
        },
    ],
    "planning": {"scenarios": 0, "step_minutes": 60},
}  # fmt: skip


def asked() -> Wanted:
    """A plan of four hours, its load told."""
    from forecasting.archive import Archive

    edges = np.array([(_ISSUE + timedelta(hours=n)).replace(tzinfo=None) for n in range(_STEPS + 1)], "datetime64[s]")
    what = Asked("rehearsal", 1, Site.model_validate(_PARK), Horizon(edges, "UTC"), _ISSUE, "end")
    told = {"hall": np.full((1, _STEPS), 5.0)}
    return Wanted("rehearsal", what, "day_ahead", Archive.empty(), Start(), 1.0, {}, told, with_network=False)


def held(outcome: Any) -> bool:
    """Is it a plan that would be published?"""
    return isinstance(outcome, outcomes.Outcome) and outcomes.refused(asked(), outcome) is None
