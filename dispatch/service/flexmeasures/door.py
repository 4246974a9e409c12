"""The door as an app: who comes in, how refusals are worded, and what every answer says of itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dispatch.errors import ParkwattError
from dispatch.service.errors import ALL, Fault, InvalidError, NotFoundError, ServiceError
from dispatch.service.flexmeasures.quantities import Refused
from dispatch.service.http import problem as problems
from dispatch.service.http.door import Within, hang
from dispatch.service.http.mistaken import faults
from dispatch.service.http.negotiation import JSON, json_bytes
from dispatch.service.http.parameters import ONLY_KNOWN
from dispatch.service.http.problem import MEDIA_TYPE, ProblemError, as_service_error
from dispatch.service.http.tokens import Doorkeeper, Identity, remember, remembered
from dispatch.service.trace import trace_id

ROOT = "/api/"
API = "/api/v3_0"
OPENAPI = f"{API}/openapi.json"
# Whose routes these are; a client chooses by it which of them it uses.
VERSION = "0.33.0"
_VERSION_HEADER = "FlexMeasures-Version"


class Problem(problems.Problem):
    """A problem as FlexMeasures' client reads it."""

    message: Annotated[str, Field(description="What is wrong, in one text")] = ""
    faults: list[ProblemError] = Field(default_factory=list, description="All that is wrong with the request")


async def identified(request: Request) -> Identity:
    """Who a request is of: the token stands alone in its Authorization header, or behind ``Bearer``."""
    known = remembered(request.scope)
    if known is None:
        doorkeeper: Doorkeeper = request.app.state.doorkeeper
        scheme, _, credential = request.headers.get("authorization", "").strip().rpartition(" ")
        header = f"{scheme or 'Bearer'} {credential}" if credential else None
        known = await doorkeeper.asked(header)
        remember(request.scope, known)
    return known


def attach(app: FastAPI, routers: Sequence[Any]) -> None:
    """Hang the door into the service."""
    door = FastAPI(
        title="parkwatt, as FlexMeasures", version=VERSION, openapi_url=OPENAPI, docs_url=None, redoc_url=None,
        redirect_slashes=False,
    )  # fmt: skip
    for router in routers:
        door.include_router(router, dependencies=ONLY_KNOWN)
    for kind, handler in (
        (ServiceError, _service), (Refused, _refused), (ParkwattError, _domain), (RequestValidationError, _validation),
        (HTTPException, _framework),
    ):  # fmt: skip
        door.add_exception_handler(kind, handler)
    within = Within((ROOT, f"{ROOT}requestAuthToken", OPENAPI), (API, f"{API}/*"), identified)
    hang(app, door, within, Problem)


def answer(body: Any, status: int = 200) -> Response:
    """Any JSON as the client wants it: with the version, and with a content type even where there is no content."""
    content = b"" if status == 204 else json_bytes(body)
    return Response(content, status, {_VERSION_HEADER: VERSION, "Cache-Control": "private, no-cache"}, JSON)


def processed(**more: Any) -> dict[str, Any]:
    """What an answer says where FlexMeasures says that all went well."""
    return {"status": "PROCESSED", "message": "Request has been processed.", **more}


def problem(error: ServiceError, path: str) -> Response:
    """A problem with all that is wrong in ``message``, which the client shows; ``errors`` it would take for texts."""
    document = error.document()
    faults = document.pop("errors", [])
    told = [f"{one['pointer']}: {one['message']}" for one in faults[:10]]
    document |= {
        "instance": path,
        "trace_id": trace_id(),
        "message": "; ".join([document["detail"], *told]),
        "faults": faults,
    }
    headers = {_VERSION_HEADER: VERSION, "Cache-Control": "no-store", **error.headers}
    return Response(json.dumps(document, allow_nan=False).encode(), error.status, headers, MEDIA_TYPE)


def known_zone(name: str, pointer: str) -> str:
    """A time zone that there is.

    Raises:
        Refused: there is none of this name.
    """
    if name not in available_timezones():
        raise Refused(pointer, f"'{name}' is no IANA time zone; accepted: like Europe/Amsterdam")
    return name


async def _service(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    return problem(error, request.url.path)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    found = InvalidError("The request cannot be done as it is", [Fault(error.pointer, error.message)])
    return problem(found, request.url.path)


async def _domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, ParkwattError)
    known = as_service_error(error)
    if known is None:
        raise error
    return problem(known, request.url.path)


def _validation(request: Request, error: Exception) -> Response:  # in a thread: there may be very many errors
    assert isinstance(error, RequestValidationError)
    found = faults(error.errors(), request)
    return problem(InvalidError(f"{len(found)} problem{'s' if len(found) != 1 else ''} found", found), request.url.path)


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = ALL.get(error.status_code, NotFoundError)
    headers = {str(name): str(value) for name, value in (error.headers or {}).items()}
    return problem(kind(str(error.detail), headers=headers), request.url.path)
