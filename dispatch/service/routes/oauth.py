"""Access tokens by OAuth2 client credentials (RFC 6749, section 4.4): a key's id and secret for a token of an hour."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, unquote_plus

import anyio.to_thread
from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from dispatch.service.errors import UnauthorizedError
from dispatch.service.http.intake import raw_body
from dispatch.service.http.media import media_type
from dispatch.service.http.negotiation import JSON, json_bytes
from dispatch.service.http.problem import problems
from dispatch.service.http.tokens import Doorkeeper
from dispatch.service.schemas.shared import Answer

PREFIX = ""
router = APIRouter(tags=["oauth"])
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS, _LONGEST = 20, 4000
_UNCACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_SCHEMA = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "enum": ["client_credentials"]},
        "client_id": {"type": "string", "description": "A key's id, where not sent by HTTP Basic"},
        "client_secret": {"type": "string", "description": "Its secret: what follows the id and _ in the key"},
        "scope": {"type": "string", "description": "Some of the key's scopes, with spaces between; all where it lacks"},
    },
    "example": {
        "grant_type": "client_credentials",
        "client_id": "key_01kb0m9n2c5d8e7f6g5h4j3k2m",
        "client_secret": "…",
        "scope": "sites:read plans:write",
    },
}


class Token(Answer):
    """An access token (RFC 6749, section 5.1)."""

    access_token: Annotated[str, Field(description="To be sent as Authorization: Bearer …")]
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: Annotated[int, Field(gt=0, description="Seconds")]
    scope: Annotated[str, Field(description="What it may do, with spaces between")]


class TokenRefused(Answer):
    """Why there is none (RFC 6749, section 5.2)."""

    error: Literal["invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type"]
    error_description: str


@dataclass
class _RefusedError(Exception):
    """Ends the request with an answer of the standard's form."""

    error: str
    description: str
    status: int = 400


@router.post(
    "/oauth/token",
    name="token",
    summary="Get an access token",
    response_model=Token,
    responses={400: {"model": TokenRefused}, 401: {"model": TokenRefused}, **problems(429)},
    openapi_extra={"requestBody": {"required": True, "content": {_FORM: {"schema": _SCHEMA}}}},
)
async def token(request: Request) -> Response:
    """A token for some of a key's scopes. It ends with its hour, or with the key."""
    try:
        fields = _fields(await raw_body(request), request.headers.get("content-type"))
        if fields.get("grant_type") != "client_credentials":
            kind = "unsupported_grant_type" if "grant_type" in fields else "invalid_request"
            raise _RefusedError(kind, "grant_type is client_credentials here")
        client_id, secret = _client(request, fields)
        return await anyio.to_thread.run_sync(_given, request, client_id, secret, fields.get("scope"))
    except _RefusedError as refused:
        body = json_bytes({"error": refused.error, "error_description": refused.description})
        headers = {"WWW-Authenticate": 'Basic realm="parkwatt"'} if refused.status == 401 else {}
        return Response(body, refused.status, {**_UNCACHED, **headers}, JSON)


def _fields(body: bytes, content_type: str | None) -> dict[str, str]:
    if media_type(content_type) != _FORM:
        raise _RefusedError("invalid_request", f"the body is to be {_FORM}")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise _RefusedError("invalid_request", "the body is no form that can be read") from None
    fields = dict(pairs)
    if len(fields) < len(pairs) or any(len(value) > _LONGEST for value in fields.values()):
        raise _RefusedError("invalid_request", "a field stands twice, or is too long")
    return fields


def _client(request: Request, fields: dict[str, str]) -> tuple[str, str]:
    """Id and secret, by HTTP Basic or in the form, not by both."""
    scheme, _, credential = request.headers.get("authorization", "").strip().partition(" ")
    if not scheme:
        return fields.get("client_id", ""), fields.get("client_secret", "")
    if scheme.lower() != "basic" or "client_secret" in fields:
        raise _RefusedError("invalid_request", "send the secret by HTTP Basic or in the form, once")
    try:
        text = base64.b64decode(credential.strip().encode("ascii"), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise _RefusedError("invalid_client", "the client is not known, or its secret is wrong", 401) from None
    name, _, secret = text.partition(":")
    return unquote_plus(name), unquote_plus(secret)


def _given(request: Request, client_id: str, secret: str, scope: str | None) -> Response:
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    try:
        key = doorkeeper.by_secret(client_id, secret)
    except UnauthorizedError as error:
        raise _RefusedError("invalid_client", error.detail, 401) from None
    wanted = set(key.scopes) if scope is None else set(scope.split())
    if not wanted or not wanted <= set(key.scopes):
        raise _RefusedError("invalid_scope", f"the key may do {' '.join(sorted(key.scopes))}")
    seconds = doorkeeper.settings.token_minutes * 60
    made: dict[str, Any] = {"expires_in": seconds, "scope": " ".join(sorted(wanted))}
    body = Token(access_token=doorkeeper.token(key, wanted), **made)
    return Response(json_bytes(body.model_dump(mode="json")), 200, _UNCACHED, JSON)
