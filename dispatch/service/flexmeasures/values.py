"""Values of sensors, in and out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, NoReturn

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from dispatch.service.errors import ConflictError
from dispatch.service.flexmeasures import records
from dispatch.service.flexmeasures.bodies import MOST_VALUES, Length, Moment, Unit, Values
from dispatch.service.flexmeasures.door import API, answer, processed
from dispatch.service.flexmeasures.quantities import Refused, duration, factor, iso_duration, moment, whole_steps
from dispatch.service.flexmeasures.sensors import SensorId, the_sensor
from dispatch.service.http.call import Call, allowed
from dispatch.service.http.problem import problems
from dispatch.service.store.transaction import Tx

routes = APIRouter(tags=["data"])
Reader = Annotated[Call, Depends(allowed("measurements:read"))]
Writer = Annotated[Call, Depends(allowed("measurements:write"))]
_AHEAD = timedelta(minutes=15)


@routes.post(f"{API}/sensors/{{sensor_id}}/data", responses=problems(401, 403, 404, 422))
def post(sensor_id: SensorId, body: Values, call: Writer) -> Response:
    """Values from a time on, each over an equal part of the duration.

    They are known from when they arrive: ``prior`` may say that they were known before, and is not believed.
    """
    start, length = moment(body.start, "/start"), duration(body.duration, "/duration")
    if body.horizon is not None:
        raise Refused("/horizon", "values are known from when they arrive; accepted: nothing, or a prior in the past")
    if body.prior is not None and moment(body.prior, "/prior") > datetime.now(UTC) + _AHEAD:
        raise Refused("/prior", "lies in the future")

    def work(tx: Tx) -> int:
        sensor = the_sensor(tx, sensor_id)
        scale = factor(body.unit, sensor.unit, "/unit")
        scaled = [None if value is None else float(value) * scale for value in body.values]
        try:
            found = records.spread(scaled, start, length, sensor.resolution)
        except ValueError as error:
            raise Refused("/duration", str(error)) from None
        if len(found) > MOST_VALUES:
            raise Refused("/duration", f"{len(found)} values; accepted: at most {MOST_VALUES}")
        return records.keep(tx, sensor, found)

    return call.once(lambda tx: answer(processed(new_values=work(tx))))


@dataclass(frozen=True)
class Asked:
    """Which values are asked for.

    Attributes:
        prior: as they were known then.
        source, horizon, most_recent_beliefs_only: named to be refused where they ask for what is not kept here.
    """

    start: Moment
    duration: Length
    unit: Unit | None = None
    resolution: Length | None = None
    prior: Moment | None = None
    horizon: Length | None = None
    source: Annotated[int | None, Query()] = None


@routes.get(f"{API}/sensors/{{sensor_id}}/data", responses=problems(401, 403, 404, 422))
def get(sensor_id: SensorId, asked: Annotated[Asked, Depends()], call: Reader) -> Response:
    """Means over equal steps; null where some of a step is not known."""
    start, length = moment(asked.start, "/start"), duration(asked.duration, "/duration")
    as_of = None if asked.prior is None else moment(asked.prior, "/prior")
    for name in ("horizon", "source"):
        if getattr(asked, name) is not None:
            raise Refused(f"/{name}", "is not kept by sensor; accepted: prior")

    def work(tx: Tx) -> Response:
        sensor = the_sensor(tx, sensor_id)
        step = duration(asked.resolution, "/resolution") if asked.resolution else sensor.resolution or length
        count = whole_steps(length, step, "/duration", MOST_VALUES)
        unit = sensor.unit if asked.unit is None else asked.unit
        scale = factor(sensor.unit, unit, "/unit")
        known = records.held(tx, sensor, start, start + length, as_of)
        values = _told(records.stepped(known, sensor.resolution, start, step, count), scale)
        return answer({"values": values, "start": start.isoformat(), "duration": iso_duration(length), "unit": unit})

    return call.read(work)


def _told(values: Sequence[float | None], scale: float) -> list[float | None]:
    return [None if value is None else value * scale for value in values]


@routes.delete(f"{API}/sensors/{{sensor_id}}/data", response_model=None, responses=problems(401, 403, 404, 409))
def delete(sensor_id: SensorId, call: Writer) -> NoReturn:
    """Nothing that was acknowledged is ever lost: values are restated, not deleted."""
    _require(call, sensor_id)
    raise ConflictError("what was acknowledged is kept; send null for values that nobody knows any more")


@routes.post(f"{API}/sensors/{{sensor_id}}/data/upload", response_model=None, responses=problems(401, 403, 404, 422))
def upload(sensor_id: SensorId, call: Writer) -> NoReturn:
    """Files are read by the service's own measurements."""
    _require(call, sensor_id)
    raise Refused("/uploaded-files", "files are not read here; accepted: values as JSON, or POST /api/v1/measurements")


def _require(call: Call, sensor_id: int) -> None:
    """Raise where there is no such sensor."""
    with call.store.read(call.tenant, call.actor) as tx:
        the_sensor(tx, sensor_id)
