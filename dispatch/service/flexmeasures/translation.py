"""A trigger of FlexMeasures as a site to plan, on numbers that the request and its sensors give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dispatch.service.flexmeasures.contexts import assets, context
from dispatch.service.flexmeasures.devices import Device, device
from dispatch.service.flexmeasures.quantities import Refused, duration, whole_steps
from dispatch.service.flexmeasures.sources import Sensor, Source, Span, the_sensor

MOST_STEPS = 3000
MOST_DEVICES = 50
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Trigger:
    """What a client asks for.

    Attributes:
        start: UTC.
        duration: of the schedule.
        flex_model: an entry for each device.
        flex_context: of the site, with what its asset holds already filled in.
        resolution: of the schedule; None: that of the finest power sensor.
        models: by sensor, what its asset holds of a flex-model already.
    """

    start: datetime
    duration: timedelta
    flex_model: Sequence[Mapping[str, Any]]
    flex_context: Mapping[str, Any]
    resolution: str | None = None
    models: Mapping[int, Mapping[str, Any]] | None = None


def translated(asked: Trigger, source: Source) -> dict[str, Any]:
    """The request of a job of kind ``given``: site, steps, series, and which series is whose schedule.

    Raises:
        Refused: something cannot be said in our kinds, or a value is missing.
    """
    where = "/flex-model"
    if not 1 <= len(asked.flex_model) <= MOST_DEVICES:
        raise Refused(where, f"{len(asked.flex_model)} devices; accepted: 1 to {MOST_DEVICES}")
    sensors = [
        the_sensor(source, entry.get("sensor"), f"{where}/{place}/sensor")
        for place, entry in enumerate(asked.flex_model)
    ]
    if len({sensor.id for sensor in sensors}) < len(sensors):
        raise Refused(where, "a sensor is listed twice")
    span = _span(asked, sensors)
    site = context(asked.flex_context, "/flex-context", span, source)
    devices = [
        device(
            {**(asked.models or {}).get(sensor.id, {}), **entry}, f"{where}/{place}", sensor, span, source, site.most_kw
        )
        for place, (sensor, entry) in enumerate(zip(sensors, asked.flex_model, strict=True))
    ]
    around = assets(site, span, sum(d.most_kw for d in devices), sooner=any(d.sooner for d in devices))
    series = [
        {"asset": "inflexible", "quantity": "demand_kw", "values": [max(kw, 0.0) for kw in site.net_kw]},
        {"asset": "inflexible-production", "quantity": "available_kw", "values": [max(-kw, 0.0) for kw in site.net_kw]},
    ]
    named = {str(one["name"]) for one in around}
    return {
        "site": {
            "name": "flex-context",
            "time_zone": span.time_zone,
            "currency": site.currency,
            "buses": [{"name": "site"}],
            "assets": [*around, *(dict(d.asset) for d in devices)],
            "planning": {"step_minutes": span.step / timedelta(minutes=1), "scenarios": 0},
        },
        "start": span.start.isoformat(),
        "step_s": round(span.step.total_seconds()),
        "steps": span.count,
        "series": [one for one in series if one["asset"] in named],
        "schedules": [_read(one) for one in devices],
    }


def _span(asked: Trigger, sensors: Sequence[Sensor]) -> Span:
    step = min((s.resolution for s in sensors if s.resolution), default=timedelta(minutes=15))
    if asked.resolution is not None:
        step = duration(asked.resolution, "/resolution")
    if asked.duration > 5 * _WEEK:
        raise Refused("/duration", "accepted: at most five weeks")
    count = whole_steps(asked.duration, step, "/duration", MOST_STEPS)
    since = asked.start.timestamp()
    if since % step.total_seconds():
        raise Refused("/start", f"{asked.start.isoformat()} is not on a whole step of {step}")
    for sensor in sensors:
        if sensor.resolution and (sensor.resolution % step or asked.duration % sensor.resolution):
            raise Refused("/duration", f"does not fit the resolution of sensor {sensor.id}, {sensor.resolution}")
    return Span(asked.start, step, count, sensors[0].time_zone)


def _read(one: Device) -> dict[str, Any]:
    return {
        "sensor": one.sensor.id,
        "asset": one.asset["name"],
        "content_sensor": one.content_sensor.id if one.content_sensor else None,
        "start_kwh": one.start_kwh,
    }
