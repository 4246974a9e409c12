"""Sensors of assets."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from dispatch.service.errors import ConflictError, NotFoundError
from dispatch.service.flexmeasures.bodies import NewSensor, SensorChange
from dispatch.service.flexmeasures.door import API, answer, known_zone
from dispatch.service.flexmeasures.quantities import Refused, duration
from dispatch.service.flexmeasures.records import LONGEST, bound
from dispatch.service.flexmeasures.shown import sensor as shown
from dispatch.service.http.call import Call, allowed
from dispatch.service.http.problem import problems
from dispatch.service.store import flexmeasures, sites
from dispatch.service.store.flexmeasures import Sensor
from dispatch.service.store.transaction import Tx

routes = APIRouter(tags=["sensors"])
Reader = Annotated[Call, Depends(allowed("sites:read"))]
Writer = Annotated[Call, Depends(allowed("sites:write"))]
SensorId = Annotated[int, Path(ge=1, lt=2**31)]
MOST_SENSORS = 50_000


@routes.get(f"{API}/sensors", responses=problems(401, 403, 422))
def listed(call: Reader, asset_id: Annotated[int | None, Query(ge=1, lt=2**31)] = None) -> Response:
    """The tenant's sensors, or those of an asset."""
    of = None if asset_id is None else [asset_id]
    return call.read(lambda tx: answer([shown(one) for one in flexmeasures.all_sensors(tx, of)]))


@routes.post(f"{API}/sensors", status_code=201, responses=problems(401, 403, 409, 422))
def add(body: NewSensor, call: Writer) -> Response:
    """A new sensor.

    One that is called like a series of the asset's site is that series: what is measured with it is what forecasts and
    accounts of the site are made from.
    """
    resolution = _resolution(body.event_resolution)
    known_zone(body.timezone, "/timezone")

    def work(tx: Tx) -> dict[str, Any]:
        every = flexmeasures.all_sensors(tx)
        if len(every) >= MOST_SENSORS:
            raise ConflictError(f"there are {len(every)} sensors; accepted are at most {MOST_SENSORS}")
        if flexmeasures.asset(tx, body.generic_asset_id) is None:
            raise Refused("/generic_asset_id", f"there is no asset {body.generic_asset_id}")
        _require_free(every, body.name, body.generic_asset_id)
        site = _site(tx, body.generic_asset_id)
        fields = {
            "asset": body.generic_asset_id, "name": body.name, "unit": body.unit, "time_zone": body.timezone,
            "resolution_s": round(resolution.total_seconds()), "attributes": body.attributes, "site": site,
            "series": bound(tx, site, body.name, body.unit),
        }  # fmt: skip
        return shown(flexmeasures.add_sensor(tx, fields))

    return call.once(lambda tx: answer(work(tx), 201))


def _resolution(text: str) -> timedelta:
    """Length of an event; 0 is one of a moment."""
    if text in ("PT0S", "PT0M", "PT0H", "P0D"):
        return timedelta(0)
    found = duration(text, "/event_resolution")
    if found > LONGEST or found.total_seconds() % 1:
        raise Refused("/event_resolution", f"{text}; accepted: whole seconds, at most a week")
    return found


def _site(tx: Tx, asset_id: int) -> str:
    """The site of ours that an asset's root is called like; "" without one."""
    root = flexmeasures.ancestors(tx, asset_id)[-1]
    return root.name if sites.etag(tx, root.name) is not None else ""


def _require_free(every: list[Sensor], name: str, asset_id: int, but: int = 0) -> None:
    if any(one.name == name and one.asset == asset_id and one.id != but for one in every):
        raise Refused("/name", f"a sensor with the name '{name}' already exists there")


@routes.get(f"{API}/sensors/{{sensor_id}}", responses=problems(401, 403, 404))
def get(sensor_id: SensorId, call: Reader) -> Response:
    """One sensor."""
    return call.read(lambda tx: answer(shown(the_sensor(tx, sensor_id))))


@routes.patch(f"{API}/sensors/{{sensor_id}}", responses=problems(401, 403, 404, 422))
def change(sensor_id: SensorId, body: SensorChange, call: Writer) -> Response:
    """Change some fields; unit and resolution stay, since values are kept in them."""
    given = body.model_dump(exclude_unset=True)
    fields = {("time_zone" if name == "timezone" else name): value for name, value in given.items()}
    empty = [name for name, value in given.items() if value is None]
    if empty:
        raise Refused(f"/{empty[0]}", "null; accepted: a value, or nothing")
    if "time_zone" in fields:
        known_zone(fields["time_zone"], "/timezone")

    def work(tx: Tx) -> dict[str, Any]:
        found = the_sensor(tx, sensor_id)
        if "name" in fields:
            _require_free(flexmeasures.all_sensors(tx), fields["name"], found.asset, sensor_id)
        if fields:
            flexmeasures.change_sensor(tx, sensor_id, fields)
        return shown(the_sensor(tx, sensor_id))

    return call.once(lambda tx: answer(work(tx)))


@routes.delete(f"{API}/sensors/{{sensor_id}}", status_code=204, responses=problems(401, 403, 404))
def remove(sensor_id: SensorId, call: Writer) -> Response:
    """Forget a sensor; what was measured stays in the store."""

    def work(tx: Tx) -> Response:
        the_sensor(tx, sensor_id)
        flexmeasures.remove_sensor(tx, sensor_id)
        return answer(None, 204)

    return call.once(work)


def the_sensor(tx: Tx, sensor_id: int) -> Sensor:
    """A sensor of the tenant.

    Raises:
        NotFoundError: there is none of this number.
    """
    found = flexmeasures.sensor(tx, sensor_id)
    if found is None:
        raise NotFoundError(f"there is no sensor {sensor_id}")
    return found
