"""Every error as a problem document (RFC 9457), whoever raised it: a route, the framework, the domain or a bug."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dispatch.errors import ConfigError, ContractError, ParkwattError
from dispatch.service.errors import (
    ALL,
    Fault,
    InvalidError,
    NoRoomError,
    NotAllowedError,
    NotFoundError,
    ServiceError,
    UnavailableError,
    UnsupportedMediaError,
    configured,
    printable,
    problem,
)
from dispatch.service.http.media import is_form, is_json, media_type
from dispatch.service.http.methods import allowed_methods
from dispatch.service.http.mistaken import faults, with_values
from dispatch.service.store.faults import BusyError, FullError, StoreError, UnreachableError
from dispatch.service.trace import trace_id

TITLES = {408: "The body did not arrive in time", 500: "The server failed"}
TITLES |= {status: kind.title for status, kind in ALL.items()}
MEDIA_TYPE = "application/problem+json"
_BUG = "Something went wrong on our side. The log has it under the trace id."


class ProblemError(BaseModel):
    """One thing wrong with a request."""

    place: Annotated[str, Field(alias="in", description="body, query, path or header")]
    pointer: Annotated[str, Field(description="JSON pointer into the body, or / and the parameter's name")]
    message: Annotated[str, Field(description="What is wrong")]
    value: Annotated[Any, Field(description="What was found; of lists and objects the size")] = None
    accepted: Annotated[str, Field(description="What would be taken; empty where the message says it")] = ""


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: Annotated[str, Field(examples=["urn:parkwatt:problem:not-found"])]
    title: Annotated[str, Field(description="The same for all problems of a type")]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="What happened this time")]
    instance: Annotated[str, Field(description="The request's path")]
    trace_id: Annotated[str, Field(description="What the server's log has this request under")]
    errors: Annotated[list[ProblemError], Field(description="All that is wrong with the request")] = []
    errors_left_out: Annotated[int, Field(ge=0, description="How many more there are")] = 0


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Documentation of problems, for ``responses=`` of a route; what all routes share is added to each by the app."""
    return {
        status: {
            "description": TITLES[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def answer(document: Mapping[str, Any], path: str, headers: Mapping[str, str] | None = None) -> Response:
    """A problem as a response."""
    full = {**document, "instance": quote(path, safe="/:@!$&'()*+,;=~%"), "trace_id": trace_id()}
    body = json.dumps(full, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, document["status"], {"Cache-Control": "no-store", **(headers or {})}, MEDIA_TYPE)


def answered(error: ServiceError, path: str) -> Response:
    """The response to an error of the service's own."""
    return answer(error.document(), path, error.headers)


def as_service_error(error: ParkwattError) -> ServiceError | None:
    """What the domain refuses, in the service's words; None for what can only be a bug of ours."""
    if isinstance(error, BusyError):
        return UnavailableError("Others are writing. Try again.", headers={"Retry-After": "1"})
    if isinstance(error, FullError):
        told = "The server's disk is full. Nothing was written; send it again when there is room."
        return NoRoomError(told, headers={"Retry-After": "60"})
    if isinstance(error, UnreachableError):
        told = "The database does not answer. What was being written may have been: send it again with its key."
        return UnavailableError(told, headers={"Retry-After": "2"})
    if isinstance(error, ContractError | StoreError):
        return None
    if isinstance(error, ConfigError):
        return configured(error)
    return InvalidError(str(error))


def told(error: ServiceError, request: Request) -> ServiceError:
    """An error whose faults say what was found, where the request has it."""
    error.faults = tuple(with_values(error.faults, request))
    return error


def install(app: FastAPI) -> None:
    """Answer all errors of an app by problems."""
    app.add_exception_handler(ServiceError, _service)
    app.add_exception_handler(ParkwattError, _domain)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _framework)


async def _service(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    return answered(told(error, request), request.url.path)


async def _domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, ParkwattError)
    known = as_service_error(error)
    if known is None:
        raise error
    return answered(told(known, request), request.url.path)


def _validation(request: Request, error: Exception) -> Response:  # in a thread: there may be very many errors
    assert isinstance(error, RequestValidationError)
    details = error.errors()
    kind = media_type(request.headers.get("content-type"))
    if any(each["loc"][:1] == ("body",) for each in details) and not is_json(kind) and not is_form(kind):
        found = f"of type {kind}" if kind else "without a content type"
        refused = UnsupportedMediaError(f"The body came {found}.", [Fault("/content-type", "is not read here", kind,
                                        "application/json", "header")])  # fmt: skip
        return answered(refused, request.url.path)
    wrong = faults(details, request)
    return answered(InvalidError(_counted(len(wrong)), wrong), request.url.path)


def _counted(count: int) -> str:
    return "One problem was found." if count == 1 else f"{count} problems were found."


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == NotFoundError.status:
        return answered(NotFoundError("There is nothing at this address."), request.url.path)
    if error.status_code == NotAllowedError.status:
        return _not_allowed(request)
    kind = ALL.get(error.status_code, ServiceError)
    document = problem(error.status_code, kind.kind, kind.title, printable(str(error.detail)))
    return answer(document, request.url.path, error.headers)


def _not_allowed(request: Request) -> Response:
    methods = ", ".join(allowed_methods(request.scope))
    text = f"{request.method} is not among the methods of this address: {methods}."
    return answered(NotAllowedError(text, headers={"Allow": methods}), request.url.path)


def bug(path: str) -> Response:
    """The answer to what nobody expected; its text stays in the log."""
    return answer(problem(500, "internal", "The server failed", _BUG), path)
