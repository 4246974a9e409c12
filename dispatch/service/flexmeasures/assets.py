"""Assets: one without a parent is a site, one with a parent is part of it."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from dispatch.service.errors import ConflictError, NotFoundError
from dispatch.service.flexmeasures.accounts import ACCOUNT
from dispatch.service.flexmeasures.bodies import AssetChange, NewAsset
from dispatch.service.flexmeasures.door import API, answer
from dispatch.service.flexmeasures.quantities import Refused
from dispatch.service.flexmeasures.shown import sensor as shown_sensor
from dispatch.service.http.call import Call, allowed
from dispatch.service.http.problem import problems
from dispatch.service.store import flexmeasures
from dispatch.service.store.flexmeasures import Asset
from dispatch.service.store.transaction import Tx

routes = APIRouter(tags=["assets"])
Reader = Annotated[Call, Depends(allowed("sites:read"))]
Writer = Annotated[Call, Depends(allowed("sites:write"))]
AssetId = Annotated[int, Path(ge=1, lt=2**31)]
# The types that a new FlexMeasures has, under its numbers.
TYPES = {
    1: ("solar", "solar panel(s)"),
    2: ("wind", "wind turbine"),
    3: ("one-way_evse", "uni-directional Electric Vehicle Supply Equipment"),
    4: ("two-way_evse", "bi-directional Electric Vehicle Supply Equipment"),
    5: ("battery", "stationary battery"),
    6: ("building", "building"),
    7: ("process", "process"),
    8: ("heat-storage", "heat storage"),
}
MOST_ASSETS = 10_000


@routes.get(f"{API}/assets/types", responses=problems(401, 403))
def types(call: Reader) -> Response:
    """What an asset may be."""
    del call
    return answer([{"id": n, "name": name, "description": text} for n, (name, text) in TYPES.items()])


@routes.get(f"{API}/assets/public", responses=problems(401, 403))
def public(call: Reader) -> Response:
    """Assets of nobody in particular: there are none here."""
    del call
    return answer([])


@routes.get(f"{API}/assets", responses=problems(401, 403, 422))
def listed(
    call: Reader,
    sort_by: Literal["id", "name"] = "id",
    sort_dir: Literal["asc", "desc"] = "asc",
    account_id: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
    root: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    depth: Annotated[int | None, Query(ge=0, le=100)] = None,
    fields: Annotated[str | None, Query(max_length=500)] = None,
    all_accessible: bool = False,
    include_public: bool = False,
) -> Response:
    """The tenant's assets; all that are accessible, or public, are no others."""
    del all_accessible, include_public

    def work(tx: Tx) -> Response:
        found = flexmeasures.all_assets(tx) if account_id in (None, ACCOUNT) else []
        if root is not None:
            found = _below(found, root, depth)
        found.sort(key=lambda one: getattr(one, sort_by), reverse=sort_dir == "desc")
        told = [shown(one) for one in found]
        if fields:
            wanted = {"id", *fields.split("|")}
            told = [{name: value for name, value in one.items() if name in wanted} for one in told]
        return answer(told)

    return call.read(work)


def _below(every: list[Asset], root: int, depth: int | None) -> list[Asset]:
    level, found = [one for one in every if one.id == root], []
    while level and (depth is None or depth >= 0):
        found += level
        above = {one.id for one in level}
        level = [one for one in every if one.parent in above and one not in found]
        depth = None if depth is None else depth - 1
    return found


@routes.post(f"{API}/assets", status_code=201, responses=problems(401, 403, 409, 422))
def add(body: NewAsset, call: Writer) -> Response:
    """A new asset; the client's own numbers for types are FlexMeasures'."""
    if body.account_id != ACCOUNT:
        raise Refused("/account_id", f"{body.account_id}; accepted: {ACCOUNT}, the tenant's own")
    if body.generic_asset_type_id not in TYPES:
        raise Refused("/generic_asset_type_id", f"{body.generic_asset_type_id}; accepted: 1 to {len(TYPES)}")

    def work(tx: Tx) -> dict[str, Any]:
        every = flexmeasures.all_assets(tx)
        if len(every) >= MOST_ASSETS:
            raise ConflictError(f"there are {len(every)} assets; accepted are at most {MOST_ASSETS}")
        if body.parent_asset_id is not None and body.parent_asset_id not in {one.id for one in every}:
            raise Refused("/parent_asset_id", f"there is no asset {body.parent_asset_id}")
        _require_free(every, body.name, body.parent_asset_id)
        fields = {
            "parent": body.parent_asset_id, "name": body.name, "type": body.generic_asset_type_id,
            "latitude": body.latitude, "longitude": body.longitude, "attributes": body.attributes,
            "flex_context": body.flex_context, "flex_model": body.flex_model, "shown": body.sensors_to_show,
        }  # fmt: skip
        return shown(flexmeasures.add_asset(tx, fields))

    return call.once(lambda tx: answer(work(tx), 201))


def _require_free(every: list[Asset], name: str, parent: int | None, but: int = 0) -> None:
    if any(one.name == name and one.parent == parent and one.id != but for one in every):
        raise Refused("/name", f"an asset with the name '{name}' already exists there")


@routes.get(f"{API}/assets/{{asset_id}}", responses=problems(401, 403, 404))
def get(asset_id: AssetId, call: Reader) -> Response:
    """One asset, with its sensors and what is part of it."""

    def work(tx: Tx) -> Response:
        found = the_asset(tx, asset_id)
        children = [one for one in flexmeasures.all_assets(tx) if one.parent == asset_id]
        own = [shown_sensor(one) for one in flexmeasures.all_sensors(tx, [asset_id])]
        return answer({**shown(found), "child_assets": [shown(one) for one in children], "sensors": own})

    return call.read(work)


@routes.patch(f"{API}/assets/{{asset_id}}", responses=problems(401, 403, 404, 422))
def change(asset_id: AssetId, body: AssetChange, call: Writer) -> Response:
    """Change some fields."""
    given = body.model_dump(exclude_unset=True)
    fields = {("shown" if name == "sensors_to_show" else name): value for name, value in given.items()}
    empty = [name for name, value in fields.items() if value is None and name not in ("latitude", "longitude")]
    if empty:
        raise Refused(f"/{empty[0]}", "null; accepted: a value, or nothing")

    def work(tx: Tx) -> dict[str, Any]:
        found = the_asset(tx, asset_id)
        if "name" in fields:
            _require_free(flexmeasures.all_assets(tx), fields["name"], found.parent, asset_id)
        if fields:
            flexmeasures.change_asset(tx, asset_id, fields)
        return shown(the_asset(tx, asset_id))

    return call.once(lambda tx: answer(work(tx)))


@routes.delete(f"{API}/assets/{{asset_id}}", status_code=204, responses=problems(401, 403, 404))
def remove(asset_id: AssetId, call: Writer) -> Response:
    """Forget an asset, what is part of it, and their sensors; what was measured stays in the store."""

    def work(tx: Tx) -> Response:
        the_asset(tx, asset_id)
        flexmeasures.remove_asset(tx, asset_id)
        return answer(None, 204)

    return call.once(work)


def the_asset(tx: Tx, asset_id: int) -> Asset:
    """An asset of the tenant.

    Raises:
        NotFoundError: there is none of this number.
    """
    found = flexmeasures.asset(tx, asset_id)
    if found is None:
        raise NotFoundError(f"there is no asset {asset_id}")
    return found


def shown(one: Asset) -> dict[str, Any]:
    """As a client sees it: JSON within is text."""
    name, text = TYPES[one.type]
    return {
        "id": one.id, "name": one.name, "account_id": ACCOUNT, "parent_asset_id": one.parent,
        "latitude": one.latitude, "longitude": one.longitude, "generic_asset_type_id": one.type,
        "generic_asset_type": {"id": one.type, "name": name, "description": text},
        "attributes": json.dumps(one.attributes), "flex_context": json.dumps(one.flex_context),
        "flex_model": json.dumps(one.flex_model), "sensors_to_show": json.dumps(one.shown),
    }  # fmt: skip
