"""Bodies to begin with, for the OpenAPI document: one for each operation that takes JSON; a test holds them valid."""

from __future__ import annotations

from typing import Any

JSON = "application/json"
_SITE: dict[str, Any] = {
    "name": "works", "title": "Works north", "time_zone": "Europe/Berlin", "currency": "EUR", "latitude_deg": 52.5,
    "longitude_deg": 13.4, "buses": [{"name": "mv"}],
    "assets": [
        {"kind": "load", "name": "offices", "bus": "mv"},
        {"kind": "pv", "name": "roof", "bus": "mv", "peak_kw": 800, "tilt_deg": 15, "azimuth_deg": 180},
        {
            "kind": "battery", "name": "battery", "bus": "mv", "use": "li_ion_lfp_2030", "energy_kwh": 1000,
            "charge_kw": 500, "discharge_kw": 500,
        },
        {
            "kind": "grid_connection", "name": "pcc", "bus": "mv", "import_kw": 2000, "export_kw": 2000,
            "tariff": "block_tariff_example",
        },
    ],
    "labels": {"region": "north"},
}  # fmt: skip
_FLEXIBILITY = "flx_01kb0m9n2c5d8e7f6g5h4j3k2m"
_DAY = "2026-07-01"

BODIES: dict[str, Any] = {
    "PUT /sites/{site}": _SITE,
    "POST /sites:validate": _SITE,
    "POST /sites:batch": {"sites": [{"site": "works", "body": _SITE}], "on_reject": "refuse"},
    "POST /measurements": {
        "rows": [{"site": "works", "series": "offices", "time": "2026-07-01T08:15:00Z", "value": 412.5}],
    },
    "POST /sites/{site}/forecasts": {"day": _DAY},
    "POST /sites/{site}/schedules": {"day": _DAY, "mode": "day_ahead", "deadline_s": 60},
    "POST /sites/{site}/overrides": {
        "asset": "battery", "quantity": "charge_kw", "value": 0, "until": "2026-07-01T12:00:00Z",
    },
    "POST /sites/{site}/carbon-accounts": {"first": "2026-06-01", "last": "2026-06-30"},
    "PUT /fleets/{fleet}": {"title": "Northern works", "sites": ["works"]},
    "POST /fleets/{fleet}/forecasts": {"day": _DAY},
    "POST /fleets/{fleet}/plans": {"day": _DAY},
    "POST /fleets/{fleet}/flexibility": {"day": _DAY, "blocks": 4},
    "POST /fleets/{fleet}/flexibility:evaluate": {"flexibility": _FLEXIBILITY, "profile_kw": [-50, -50, 0, 0]},
    "POST /fleets/{fleet}/bids": {"flexibility": _FLEXIBILITY, "product": "hainan_demand_response", "side": "up"},
    "POST /bids/{bid}/awards": {
        "periods": [{"start": "2026-07-01T18:00:00+08:00", "quantity_kw": 120, "price": 0.8}],
    },
    "POST /awards/{award}/settlements": {"baseline": "ten_of_ten", "split_by": "delivered"},
    "POST /keys": {"name": "control room", "scopes": ["sites:read", "plans:read"]},
    "POST /keys/{key_id}/rotation": {"overlap_minutes": 60},
}  # fmt: skip


def add(document: dict[str, Any], api: str) -> None:
    """Give each operation of the API its example."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            body = BODIES.get(f"{method.upper()} {path.removeprefix(api)}")
            if body is not None and "requestBody" in operation:
                operation["requestBody"]["content"][JSON]["example"] = body
