"""Sensors that are made up, and a trigger to change in places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatch.service.flexmeasures.sources import Sensor, Span
from dispatch.service.flexmeasures.translation import Trigger, translated

START = datetime(2026, 3, 28, 23, tzinfo=UTC)
POWER, PRICE, PV, CONTENT, LOAD = 1, 2, 3, 4, 5
MODEL = {
    "sensor": POWER,
    "soc-at-start": 20,
    "soc-min": 10,
    "soc-max": 100,
    "soc-unit": "kWh",
    "power-capacity": "25 kW",
}
CONTEXT = {"consumption-price": {"sensor": PRICE}}


def sensor(number: int, unit: str, minutes: float, **attributes: Any) -> Sensor:
    return Sensor(number, 1, f"sensor {number}", unit, timedelta(minutes=minutes), "Europe/Amsterdam", attributes)


@dataclass
class Made:
    """Every value that a sensor has is the same; none where it is not listed."""

    sensors: Mapping[int, Sensor] = field(
        default_factory=lambda: {
            POWER: sensor(POWER, "kW", 15),
            PRICE: sensor(PRICE, "EUR/MWh", 60),
            PV: sensor(PV, "kW", 15),
            CONTENT: sensor(CONTENT, "kWh", 0),
            LOAD: sensor(LOAD, "MW", 15, consumption_is_positive=True),
        }
    )
    means: dict[int, float | None] = field(default_factory=lambda: {PRICE: 0.1, PV: 4.0, LOAD: 7.0, CONTENT: 33.0})

    def sensor(self, sensor_id: int) -> Sensor | None:
        return self.sensors.get(sensor_id)

    def values(self, sensor: Sensor, span: Span) -> list[float | None]:
        return [self.means.get(sensor.id)] * span.count

    def latest(self, sensor: Sensor, until: datetime) -> float | None:
        del until
        return self.means.get(sensor.id)


def request(model: Mapping[str, Any] = MODEL, context: Mapping[str, Any] = CONTEXT, **more: Any) -> dict[str, Any]:
    """The job's request for a trigger of four hours."""
    return translated(Trigger(START, timedelta(hours=4), [model], context, **more), Made())


def device(made: Mapping[str, Any]) -> dict[str, Any]:
    return next(one for one in made["site"]["assets"] if one["name"] == f"sensor-{POWER}")


def connection(made: Mapping[str, Any]) -> dict[str, Any]:
    return next(one for one in made["site"]["assets"] if one["name"] == "grid")
