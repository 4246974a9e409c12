"""Forecasts of a sensor that is a series of a site: the service's own, of all that the site needs and gives."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from dispatch.service.errors import InvalidError, NotFoundError
from dispatch.service.flexmeasures.bodies import Body, Length, Moment
from dispatch.service.flexmeasures.door import API, answer, problem, processed
from dispatch.service.flexmeasures.quantities import Refused, duration, factor, iso_duration, moment, whole_steps
from dispatch.service.flexmeasures.schedules import Uuid, waiting
from dispatch.service.flexmeasures.sensors import SensorId, the_sensor
from dispatch.service.flexmeasures.translation import MOST_STEPS
from dispatch.service.http.call import Call, allowed
from dispatch.service.http.problem import problems
from dispatch.service.store import flexmeasures, forecasts, jobs
from dispatch.service.store.flexmeasures import Sensor
from dispatch.service.store.transaction import Tx
from dispatch.service.work import basis

routes = APIRouter(tags=["forecasts"])
Reader = Annotated[Call, Depends(allowed("plans:read"))]
Writer = Annotated[Call, Depends(allowed("plans:write", "measurements:read"))]
KIND = "forecast"
_DAY = timedelta(days=1)


class ForecastTrigger(Body):
    """A forecast to make; at most two of start, end and duration."""

    start: Moment | None = None
    end: Moment | None = None
    duration: Length | None = None
    probabilistic: bool = Field(default=False, description="quantiles are kept with the service's own forecast anyway")


@routes.post(f"{API}/sensors/{{sensor_id}}/forecasts/trigger", responses=problems(401, 403, 404, 422, 429))
def trigger(sensor_id: SensorId, body: ForecastTrigger, call: Writer) -> Response:
    """Forecast the site that the sensor is of, from all that was measured there."""

    def work(tx: Tx) -> Response:
        sensor = the_sensor(tx, sensor_id)
        request = _request(sensor, body, tx.now)
        what = basis.asked(tx, sensor.site, request)
        values = {"site": sensor.site, "site_version": what.version, "issued": what.issue, "start": what.horizon.start,
                  "end": what.end, "steps": what.horizon.steps, "request": {**request, **basis.kept(what)}}  # fmt: skip
        made = forecasts.create(tx, values)
        job = jobs.submit(tx, KIND, {"site": sensor.site}, subject=made)
        forecasts.name_job(tx, made, job.id)
        tx.audit("flexmeasures.forecast", job.id, {"sensor": sensor_id, "forecast": made})
        uuid = flexmeasures.ask(tx, job.id, "forecast", [sensor_id])
        return answer(processed(forecast=uuid, job=uuid))

    return call.once(work)


def _request(sensor: Sensor, body: ForecastTrigger, now: datetime) -> dict[str, Any]:
    """The steps, as the service's own forecasts are asked for."""
    if not sensor.series or not sensor.resolution_s:
        raise Refused("/sensor", "is no series of a site; accepted: a sensor that is called like an asset of its site")
    if None not in (body.start, body.end, body.duration):
        raise Refused("/duration", "beside start and end; accepted: two of the three")
    step = sensor.resolution
    length = _DAY if body.duration is None else duration(body.duration, "/duration")
    start = None if body.start is None else moment(body.start, "/start")
    if body.end is not None:
        end = moment(body.end, "/end")
        start = end - length if start is None else start
        length = end - start
    if start is None:
        start = now + (step - timedelta(seconds=now.timestamp() % step.total_seconds()))
    if length <= timedelta(0):
        raise Refused("/end", "is not after start")
    steps = whole_steps(length, step, "/duration", MOST_STEPS)
    minutes = step / timedelta(minutes=1)
    if minutes % 1 or start.timestamp() % step.total_seconds():
        raise Refused("/start", f"{start.isoformat()} is not on a whole step of {step}")
    # Clients bring histories: what ended is taken as known since then, whenever it came here.
    return {"horizon": {"start": start.isoformat(), "steps": steps, "step_minutes": round(minutes)}, "known_at": "end"}


@routes.get(f"{API}/sensors/{{sensor_id}}/forecasts/{{uuid}}", responses=problems(400, 401, 403, 404, 422))
def get(sensor_id: SensorId, uuid: Uuid, call: Reader) -> Response:
    """What is expected of the sensor; 400 as long as the job is not done."""

    def work(tx: Tx) -> Response:
        sensor = the_sensor(tx, sensor_id)
        asked = flexmeasures.find(tx, uuid, "forecast")
        if asked is None or sensor_id not in asked.sensors:
            raise NotFoundError(f"there is no forecast {uuid} of sensor {sensor_id}")
        job = jobs.get(tx, asked.job)
        if (told := waiting(job)) is not None:
            return told
        if job.state != "done":
            detail = (job.problem or {}).get("detail", "it was cancelled")
            return problem(InvalidError(f"the forecast was not made: {detail}"), call.request.url.path)
        return answer(_told(forecasts.get(tx, job.subject), sensor))

    return call.read(work)


def _told(row: Any, sensor: Sensor) -> dict[str, Any]:
    expected = row.result["central"].get(sensor.series)
    if expected is None:
        known = ", ".join(row.result["names"])
        raise InvalidError(f"'{sensor.series}' is not forecast; of this site are: {known}")
    scale = factor("kW", sensor.unit, "/unit")
    return processed(
        values=[value * scale for value in expected], start=row.start.isoformat(), unit=sensor.unit,
        duration=iso_duration(row.end - row.start), forecast=row.id, made_by=row.result["made_by"][sensor.series],
    )  # fmt: skip
