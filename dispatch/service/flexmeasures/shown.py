"""Sensors as a client sees them."""

from __future__ import annotations

import json
from typing import Any

from dispatch.service.flexmeasures.quantities import iso_duration
from dispatch.service.store.flexmeasures import Sensor


def sensor(one: Sensor) -> dict[str, Any]:
    """JSON within is text."""
    return {
        "id": one.id, "name": one.name, "unit": one.unit, "generic_asset_id": one.asset,
        "event_resolution": iso_duration(one.resolution) if one.resolution_s else "PT0M",
        "timezone": one.time_zone, "attributes": json.dumps(one.attributes),
        "entity_address": f"ea1.2026-01.parkwatt:fm1.{one.id}",
    }  # fmt: skip
