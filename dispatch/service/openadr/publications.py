"""Plans of ours as events: a schedule's exchange, contents and prices, or what an award asks of each site.

No part of the standard, which leaves to business logic where its events come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from fastapi import APIRouter, Depends
from pydantic import model_validator
from starlette.responses import Response

from dispatch.assets.grid_connection import GridConnection
from dispatch.service.errors import ConflictError, NotFoundError
from dispatch.service.http.call import Call, Reply, allowed
from dispatch.service.http.problem import problems
from dispatch.service.openadr.published import event, exchange
from dispatch.service.openadr.shapes import Event, ObjectId, Operation, Shape
from dispatch.service.openadr.sight import LOGIC_SCOPE, shown
from dispatch.service.openadr.telling import tell
from dispatch.service.store import files, fleet_results, openadr, schedules, sites
from dispatch.service.store.arrow import from_bytes
from dispatch.service.store.openadr import Kept
from dispatch.service.store.transaction import Tx
from dispatch.signals import Horizon
from dispatch.stores.stock import Storage

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.site import Site

routes = APIRouter(tags=["publications"])
Publisher = Annotated[Call, Depends(allowed(LOGIC_SCOPE, "plans:read", "markets:read"))]
_G_PER_KG = 1000.0


class Publication(Shape):
    """What is to be published under a program: a schedule, or an award."""

    program_id: ObjectId
    schedule: ObjectId | None = None
    award: ObjectId | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.schedule is None) == (self.award is None):
            raise ValueError("give a schedule or an award")
        return self


class Published(Shape):
    """The events that it became."""

    events: list[Event]


@routes.post(
    "/publications", status_code=201, response_model=Published,
    responses={
        200: {"model": Published, "description": "It is published already"}, **problems(400, 401, 403, 404, 409),
    },
)  # fmt: skip
def publish(body: Publication, call: Publisher) -> Response:
    """Make events of a plan, each for the target that is called like its site.

    A program has each of them once for each time at which it begins: what is published already is answered as it
    stands, what was changed or deleted since is put back, and a later schedule of a site's day takes the place of the
    one before; whoever subscribes hears of that, and of nothing else.
    """
    private = call.settings.callbacks_private

    def work(tx: Tx) -> Reply:
        if openadr.get(tx, "PROGRAM", body.program_id) is None:
            raise NotFoundError(f"there is no program '{body.program_id}'")
        made = _of_schedule(tx, body) if body.schedule is not None else _of_award(tx, body)
        kept = [_put(tx, body, one) for one in made]
        changed: dict[Operation, list[Kept]] = {"CREATE": [], "UPDATE": []}
        for one, operation in kept:
            if operation is not None:
                changed[operation].append(one)
        for operation, some in changed.items():
            tell(tx, operation, some, is_private_allowed=private)
        count = sum(map(len, changed.values()))
        if count:
            tx.audit("openadr.publish", _source(body), {"program": body.program_id, "events": count})
        return Reply(201 if changed["CREATE"] else 200, {"events": [shown(one) for one, _ in kept]})

    return call.once(work)


def _source(body: Publication) -> str:
    return body.schedule or body.award or ""


def _put(tx: Tx, body: Publication, made: Mapping[str, Any]) -> tuple[Kept, Operation | None]:
    """An event as it is published, and what had to be done for it."""
    name, program = made["eventName"], body.program_id
    own = openadr.derived_id("EVENT", program, name, made["intervalPeriod"]["start"])
    there = openadr.get(tx, "EVENT", own)
    if there is None:
        return openadr.add(tx, "EVENT", name, made, parent=program, object_id=own), "CREATE"
    if (there.name, there.parent, there.body) == (name, program, made):
        return there, None
    return openadr.change(tx, there, name, made, parent=program), "UPDATE"


def _of_schedule(tx: Tx, body: Publication) -> list[dict[str, Any]]:
    row = schedules.get(tx, str(body.schedule))
    park = sites.park(tx, row.site, row.site_version)
    if row.made is None or park is None:
        raise ConflictError(f"schedule '{row.id}' is not there: its job is {row.job_state or 'failed'}")
    return list(scheduled(body.program_id, row.site, park, from_bytes(files.read(tx, row.table_file)), row.end))


def scheduled(program_id: str, site: str, park: Site, table: pa.Table, end: datetime) -> Iterator[dict[str, Any]]:
    """Events of a schedule's table: exchange with the grid, content of each store, prices and carbon of the grid."""
    horizon = _horizon(table, end, park.time_zone)
    edges = _moments(horizon)
    connections = [asset for asset in park.assets if isinstance(asset, GridConnection)]
    net = np.zeros(horizon.steps)
    for asset in connections:
        net += table[f"{asset.name}.import_kw"].to_numpy() - table[f"{asset.name}.export_kw"].to_numpy()
    yield event(program_id, f"{site} set-points", [site], edges, exchange(net.tolist()), priority=0)
    for store in (asset for asset in park.assets if isinstance(asset, Storage)):
        if f"{store.name}.stored_kwh" in table.column_names:
            content = {"CHARGE_STATE_SETPOINT": table[f"{store.name}.stored_kwh"].to_numpy().tolist()}
            yield event(program_id, f"{site} {store.name}", [site], edges, content)
    for asset in connections[:1]:
        yield event(program_id, f"{site} prices", [site], edges, _prices(asset, horizon), currency=park.currency)


def _prices(connection: GridConnection, horizon: Horizon) -> dict[str, Sequence[float]]:
    known = connection.known(horizon)
    carbon = known.get("marginal_intensity_kg_per_kwh", known["carbon_intensity_kg_per_kwh"])
    found = {
        "PRICE": known["import_price_per_kwh"],
        "EXPORT_PRICE": known["export_price_per_kwh"],
        "GHG": _G_PER_KG * carbon,
    }
    return {kind: np.broadcast_to(values, (1, horizon.steps))[0].tolist() for kind, values in found.items()}


def _of_award(tx: Tx, body: Publication) -> list[dict[str, Any]]:
    found = fleet_results.require(tx, "award", str(body.award))
    return list(awarded(body.program_id, str(body.award), fleet_results.read_table(tx, found, "setpoints")))


def awarded(program_id: str, award: str, table: pa.Table) -> Iterator[dict[str, Any]]:
    """An event for each site of an award's set-points."""
    names = table["site"].to_pylist()
    for site in dict.fromkeys(names):
        own = table.filter(np.array([name == site for name in names]))
        edges = _moments(_horizon(own, own["end"][-1].as_py(), "UTC"))
        net = own["net_import_kw"].to_numpy().tolist()
        yield event(program_id, f"{award} {site}", [site], edges, exchange(net), priority=0)


def _horizon(table: pa.Table, end: datetime, time_zone: str) -> Horizon:
    start = table["start"].to_numpy().astype("datetime64[s]")
    return Horizon(np.append(start, np.datetime64(round(end.timestamp()), "s")), time_zone)


def _moments(horizon: Horizon) -> list[datetime]:
    return [
        datetime.fromtimestamp(int(second), UTC) for second in horizon.edges.astype("datetime64[s]").astype(np.int64)
    ]
