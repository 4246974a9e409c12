"""API keys of the tenant: made, looked at, rotated and revoked; a secret is shown once and kept as a hash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi import Path as InPath
from starlette.responses import Response

from dispatch.service.errors import ConflictError, Fault, ForbiddenError, InvalidError, NotFoundError
from dispatch.service.http.call import Call, Reply, allowed
from dispatch.service.http.cursor import Page, Paging, paging
from dispatch.service.http.problem import problems
from dispatch.service.schemas.keys import KEY_ID, KeyMade, KeyShown, NewKey, Rotation
from dispatch.service.store import Tx, keys

router = APIRouter(tags=["keys"])
KeyId = Annotated[str, InPath(pattern=KEY_ID, description="A key's public id")]
Reader = Annotated[Call, Depends(allowed("keys:read"))]
Writer = Annotated[Call, Depends(allowed("keys:write"))]


@router.get("/keys", name="list", summary="List keys", response_model=Page[KeyShown])
def list_keys(
    call: Reader,
    page: Annotated[Paging, Depends(paging)],
    made_by: Annotated[str, Query(pattern=KEY_ID, description="Only what this key or its client made")] = "",
) -> Response:
    """The tenant's keys in the order they were made, closed ones too."""

    def work(tx: Tx) -> Page[KeyShown]:
        found = keys.listed(tx, made_by=made_by, after=page.after(call) or "", limit=page.limit + 1)
        return page.page(call, found, KeyShown.of, lambda key: key.id)

    return call.read(work)


@router.post("/keys", name="create", summary="Make a key", status_code=201, response_model=KeyMade)
def create_key(body: NewKey, call: Writer) -> Response:
    """A key for some of the scopes that the asking key has; it ends with that one, and with the token if one asks."""
    _require_own(call, body.scopes)

    def work(tx: Tx) -> Reply:
        if body.expires is not None and body.expires <= tx.now:
            fault = Fault("/expires", "is past", body.expires.isoformat(), "a time to come")
            raise InvalidError("A key that has expired would open nothing.", [fault])
        return _made(*keys.create(tx, body.name, body.scopes, expires=_no_later(tx, call, body.expires)))

    return call.once(work)


@router.get("/keys/{key_id}", name="get", summary="Look at a key", response_model=KeyShown, responses=problems(404))
def get_key(key_id: KeyId, call: Reader) -> Response:
    """One key, without its secret."""
    return call.read(lambda tx: KeyShown.of(_there(tx, key_id)))


@router.post(
    "/keys/{key_id}:revoke", name="revoke", summary="Revoke a key", response_model=KeyShown, responses=problems(404)
)
def revoke_key(key_id: KeyId, call: Writer) -> Response:
    """From now on it opens nothing, nor do access tokens that were given for it. A closed one stays closed.

    Keys that it made (`GET /keys?made_by=`), and those made by them, are closed with it, unless it was rotated into
    one that still opens. It is no removal: the key stays in the list, with when it was closed.
    """

    def work(tx: Tx) -> Reply:
        _there(tx, key_id)
        keys.revoke(tx, key_id)
        return Reply(200, KeyShown.of(_there(tx, key_id)))

    return call.once(work)


@router.post(
    "/keys/{key_id}/rotation",
    name="rotate",
    summary="Replace a key",
    status_code=201,
    response_model=KeyMade,
    responses=problems(404, 409),
)
def rotate_key(key_id: KeyId, body: Rotation, call: Writer) -> Response:
    """A new key with the old one's name, scopes and expiry; the old one opens for some more time.

    A token can not do that for a key that opens for longer than itself: ask with the key.
    """

    def work(tx: Tx) -> Reply:
        old = _there(tx, key_id)
        _require_own(call, old.scopes)
        if _no_later(tx, call, old.expires) != old.expires:
            raise ForbiddenError("The key opens for longer than the key or the token that asks.")
        made = keys.rotate(tx, key_id, overlap=timedelta(minutes=body.overlap_minutes))
        if made is None:
            raise ConflictError("The key is closed already; make a new one.")
        return _made(*made)

    return call.once(work)


def _there(tx: Tx, key_id: str) -> keys.Key:
    key = keys.get(tx, key_id)
    if key is None:
        raise NotFoundError("There is no such key.")
    return key


def _require_own(call: Call, scopes: Sequence[str]) -> None:
    """Nobody gives away more than they have."""
    beyond = sorted(set(scopes) - call.scopes)
    if beyond:
        raise ForbiddenError(f"The asking key lacks {', '.join(beyond)} itself.")


def _no_later(tx: Tx, call: Call, expires: datetime | None) -> datetime | None:
    """When a key ends that this call makes: nobody gives away a longer time than they have, by a token its hour."""
    own = keys.get(tx, call.actor)
    ends = [end for end in (expires, call.identity.until, own and own.expires, own and own.revoked) if end]
    return min(ends, default=None)


def _made(key: keys.Key, secret: str) -> Reply:
    shown = KeyMade.of(key)
    body = shown.model_copy(update={"key": f"pw_{key.id}_{secret}"})
    return Reply(201, body, {"Location": f"/api/v1/keys/{key.id}"}, kept=shown)
