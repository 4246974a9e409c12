"""Schedules: a trigger becomes a job of kind ``given``, whose plan each power sensor's schedule is read from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from dispatch.service.errors import InvalidError, NotFoundError
from dispatch.service.flexmeasures.assets import AssetId, the_asset
from dispatch.service.flexmeasures.bodies import Length, ScheduleTrigger, Unit
from dispatch.service.flexmeasures.door import API, answer, problem, processed
from dispatch.service.flexmeasures.quantities import Refused, duration, factor, iso_duration, moment
from dispatch.service.flexmeasures.records import Recorder
from dispatch.service.flexmeasures.sensors import SensorId, the_sensor
from dispatch.service.flexmeasures.translation import Trigger, translated
from dispatch.service.http.call import Call, allowed
from dispatch.service.http.problem import problems
from dispatch.service.store import files, flexmeasures, jobs
from dispatch.service.store.flexmeasures import Sensor
from dispatch.service.store.jobs import Job
from dispatch.service.store.transaction import Tx

routes = APIRouter(tags=["schedules"])
Reader = Annotated[Call, Depends(allowed("plans:read"))]
Writer = Annotated[Call, Depends(allowed("plans:write", "measurements:read"))]
Uuid = Annotated[str, Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
KIND = "given"
SCHEDULER = "parkwatt"
_AHEAD = timedelta(minutes=15)
_WAITING = {"queued": "Scheduling job waiting to be processed.", "running": "Scheduling job in progress."}


@routes.post(f"{API}/assets/{{asset_id}}/schedules/trigger", responses=problems(401, 403, 404, 422, 429))
def trigger(asset_id: AssetId, body: ScheduleTrigger, call: Writer) -> Response:
    """Plan the devices of a flex-model, which name their power sensors."""

    def work(tx: Tx) -> str:
        the_asset(tx, asset_id)
        model = body.flex_model
        entries = model if isinstance(model, list) else [model] if isinstance(model, dict) else []
        inside = {one.id for one in flexmeasures.below(tx, asset_id)}
        for place, entry in enumerate(entries):
            _require_inside(tx, entry, inside, f"/flex-model/{place}")
        return _submitted(tx, body, entries, asset_id)

    return call.once(lambda tx: _accepted(work(tx)))


def _require_inside(tx: Tx, entry: Any, inside: set[int], where: str) -> None:
    if not isinstance(entry, Mapping):
        raise Refused(where, "accepted: an object")
    found = entry.get("sensor")
    sensor = flexmeasures.sensor(tx, found) if isinstance(found, int) and not isinstance(found, bool) else None
    if sensor is None or sensor.asset not in inside:
        raise Refused(f"{where}/sensor", f"{found!r} is no sensor of the asset or of a part of it")


@routes.post(f"{API}/sensors/{{sensor_id}}/schedules/trigger", responses=problems(401, 403, 404, 422, 429))
def trigger_sensor(sensor_id: SensorId, body: ScheduleTrigger, call: Writer) -> Response:
    """Plan the one device whose power the sensor measures."""

    def work(tx: Tx) -> str:
        sensor = the_sensor(tx, sensor_id)
        model = body.flex_model if body.flex_model is not None else {}
        if not isinstance(model, dict):
            raise Refused("/flex-model", "a list; accepted: the one of this sensor")
        return _submitted(tx, body, [{"sensor": sensor_id, **model}], sensor.asset)

    return call.once(lambda tx: _accepted(work(tx)))


def _accepted(uuid: str) -> Response:
    return answer(processed(schedule=uuid, job=uuid))


def _submitted(tx: Tx, body: ScheduleTrigger, entries: list[Any], asset_id: int) -> str:
    prior = None if body.prior is None else moment(body.prior, "/prior")
    if prior is not None and prior > datetime.now(UTC) + _AHEAD:
        raise Refused("/prior", "lies in the future")
    asked = Trigger(
        start=moment(body.start, "/start"),
        duration=duration(body.duration, "/duration"),
        flex_model=entries,
        flex_context=_context(tx, asset_id) | (body.flex_context or {}),
        resolution=body.resolution,
        models=_models(tx, entries),
    )
    request = translated(asked, Recorder(tx, prior))
    job = jobs.submit(tx, KIND, request, subject=f"flexmeasures asset {asset_id}")
    tx.audit("flexmeasures.schedule", job.id, {"asset": asset_id})
    read = [one["sensor"] for one in request["schedules"]]
    read += [one["content_sensor"] for one in request["schedules"] if one["content_sensor"] is not None]
    return flexmeasures.ask(tx, job.id, "schedule", read)


def _context(tx: Tx, asset_id: int) -> dict[str, Any]:
    """What an asset and those above it hold of a flex-context; the nearest wins."""
    found: dict[str, Any] = {}
    for one in reversed(flexmeasures.ancestors(tx, asset_id)):
        found |= one.flex_context
    return found


def _models(tx: Tx, entries: list[Any]) -> dict[int, Mapping[str, Any]]:
    """By sensor, what its asset holds of a flex-model."""
    found: dict[int, Mapping[str, Any]] = {}
    for entry in entries:
        sensor = flexmeasures.sensor(tx, entry["sensor"])
        asset = flexmeasures.asset(tx, sensor.asset) if sensor else None
        if sensor is not None and asset is not None:
            found[sensor.id] = asset.flex_model
    return found


@routes.get(f"{API}/sensors/{{sensor_id}}/schedules/{{uuid}}", responses=problems(400, 401, 403, 404, 422))
def get(
    sensor_id: SensorId, uuid: Uuid, call: Reader, duration: Length | None = None, unit: Unit | None = None
) -> Response:
    """The schedule of a sensor; 400 with the state of its job as long as it is not there, as FlexMeasures answers."""

    def work(tx: Tx) -> Response:
        sensor = the_sensor(tx, sensor_id)
        asked = flexmeasures.find(tx, uuid, "schedule")
        if asked is None or sensor_id not in asked.sensors:
            raise NotFoundError(f"there is no schedule {uuid} of sensor {sensor_id}")
        job = jobs.get(tx, asked.job)
        if (told := waiting(job)) is not None:
            return told
        if job.state != "done":
            detail = (job.problem or {}).get("detail", "it was cancelled")
            return problem(InvalidError(f"the schedule was not made: {detail}"), call.request.url.path)
        return answer(_told(json.loads(files.read(tx, _file(job))), sensor, unit, duration))

    return call.read(work)


def waiting(job: Job) -> Response | None:
    """As FlexMeasures answers where a result is not there yet; None where its job has ended."""
    if job.state not in _WAITING:
        return None
    return answer({"result": "Rejected", "status": "UNKNOWN_SCHEDULE", "message": _WAITING[job.state]}, 400)


def _file(job: Job) -> str:
    return str((job.result or {})["files"]["application/json"])


def _told(plan: Mapping[str, Any], sensor: Sensor, unit: str | None, wanted: str | None) -> dict[str, Any]:
    """A plan's numbers for one sensor, in its resolution; consumption is positive unless the sensor says otherwise."""
    step = timedelta(seconds=plan["step_s"])
    powers, contents = plan["consumption_kw"].get(str(sensor.id)), plan["content_kwh"].get(str(sensor.id))
    values, base = (powers, "kW") if powers is not None else (contents, "kWh")
    if powers is not None and sensor.resolution_s:
        each = sensor.resolution // step
        values = [sum(values[at : at + each]) / each for at in range(0, len(values), each)]
        step = sensor.resolution
    sign = -1.0 if powers is not None and sensor.attributes.get("consumption_is_positive", True) is False else 1.0
    into = sensor.unit if unit is None else unit
    scale = sign * factor(base, into, "/unit")
    if wanted is not None:
        values = values[: max(int(duration(wanted, "/duration") / step), 1)]
    return processed(
        values=[value * scale + 0.0 for value in values],
        start=plan["start"],
        duration=iso_duration(len(values) * step),
        unit=into,
        scheduler_info={
            "scheduler": SCHEDULER, "quality": plan["quality"], "gap": plan["gap"], "costs": plan["money"],
            "reason": plan["reason"], "relaxed": plan["relaxed"], "unmet": plan["unmet"],
        },
    )  # fmt: skip
