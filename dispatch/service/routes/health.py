"""Is it alive, is it ready for requests, and its numbers for Prometheus."""

from __future__ import annotations

import hmac
import ipaddress
from typing import Annotated, Literal

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from dispatch.service.errors import NotFoundError, UnauthorizedError
from dispatch.service.http import readiness
from dispatch.service.http.negotiation import JSON, json_bytes
from dispatch.service.schemas.shared import Answer
from dispatch.service.store import workers

PREFIX = ""
router = APIRouter(tags=["health"])


class Alive(Answer):
    """The server answers."""

    status: Literal["ok"] = "ok"


class Workers(Answer):
    """Workers of the database by their signs of life, whoever started them."""

    alive: Annotated[int, Field(description="How many have signed within the time of their leases")]
    idle: Annotated[int, Field(description="Of these, how many have nothing to do")]


class Ready(Answer):
    """What the server needs, and whether it is there."""

    status: Literal["ready", "not ready"]
    checks: Annotated[dict[str, str], Field(description="ok, or what is wrong", examples=[{"database": "ok"}])]
    workers: Annotated[Workers | None, Field(description="null: the database does not answer")]


@router.get("/healthz", name="alive", summary="Does the server answer?")
async def alive() -> Alive:
    """Always ok where there is an answer; says nothing of the database."""
    return Alive()


@router.get(
    "/readyz",
    name="ready",
    summary="Can it do what it is for?",
    response_model=Ready,
    responses={503: {"model": Ready, "description": "Not now"}},
)
def ready(request: Request) -> Response:
    """Database reachable and of this version, disk writable, its own workers alive; 503 where one of them is not.

    A server that starts no workers is ready without any: its jobs wait. ``workers`` says how many there are.
    """
    found = readiness.living(request.app)
    checks = readiness.checks(request.app, found)
    well = all(found == readiness.OK for found in checks.values())
    told = None if found is None else Workers(alive=workers.alive(found), idle=found["idle"])
    body = Ready(status="ready" if well else "not ready", checks=checks, workers=told)
    return Response(json_bytes(body.model_dump(mode="json")), 200 if well else 503, media_type=JSON)


@router.get(
    "/metrics",
    name="metrics",
    summary="Numbers for Prometheus",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus's text format"},
        401: {"description": "Not with this token"},
        404: {"description": "Not to this address"},
    },
)
def metrics(request: Request) -> Response:
    """Of all tenants together, so not for them: with the operator's token, or without one from the server's machine."""
    _require_operator(request)
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _require_operator(request: Request) -> None:
    token = request.app.state.settings.metrics_token.get_secret_value()
    if token:
        sent = request.headers.get("authorization", "")
        if not hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
            challenge = {"WWW-Authenticate": 'Bearer realm="parkwatt metrics"'}
            raise UnauthorizedError("Send Authorization: Bearer and the token of the settings.", headers=challenge)
    elif not _is_this_machine(request):
        raise NotFoundError("There is nothing at this address.")


def _is_this_machine(request: Request) -> bool:
    """Does the request come from here, and not through a proxy that is here?"""
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
