"""The door as an app: its address, its refusals as the standard has them, who is business logic and who a VEN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dispatch.errors import ParkwattError
from dispatch.service.errors import ALL, BadRequestError, ForbiddenError, InvalidError, NotFoundError, ServiceError
from dispatch.service.http.call import Allowed, Call, allowed
from dispatch.service.http.door import Within, hang
from dispatch.service.http.mistaken import faults
from dispatch.service.http.negotiation import JSON, json_bytes
from dispatch.service.http.parameters import ONLY_KNOWN
from dispatch.service.http.problem import answered, as_service_error
from dispatch.service.http.tokens import identified
from dispatch.service.openadr.delivered import UnreadableError
from dispatch.service.openadr.shapes import MOST_LISTED, Name
from dispatch.service.openadr.sight import LOGIC_SCOPE, VEN_SCOPE, Client, chain
from dispatch.service.store.transaction import Tx

ROOT = "/openadr/3.1"
VERSION = "3.1.0"
OPENAPI = f"{ROOT}/openapi.json"
# What a VEN writes is what its site measures and does.
WRITE_SCOPE = "measurements:write"


@dataclass(frozen=True)
class AnyOf(Allowed):
    """The dependency of a route that needs one of several scopes."""

    async def __call__(self, request: Request) -> Call:
        """The call, where the request's credentials have one of them."""
        call = await allowed()(request)
        if not call.scopes & {*self.needed}:
            raise ForbiddenError(f"The key has none of {', '.join(self.needed)}.")
        return call


Reader = Annotated[Call, Depends(AnyOf((VEN_SCOPE, LOGIC_SCOPE)))]
Logic = Annotated[Call, Depends(allowed(LOGIC_SCOPE))]
Reporter = Annotated[Call, Depends(AnyOf((WRITE_SCOPE, LOGIC_SCOPE)))]
TargetsQuery = Annotated[Sequence[Name], Query(max_length=200)]
Names = Annotated[Sequence[Name], Query(alias="targetValues", max_length=200)]


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for."""

    skip: Annotated[int, Query(ge=0, lt=2**31)] = 0
    limit: Annotated[int, Query(ge=0, le=MOST_LISTED)] = MOST_LISTED


Paged = Annotated[Page, Depends()]


def attach(app: FastAPI, routers: Sequence[Any]) -> None:
    """Hang the door into the service."""
    door = FastAPI(
        title="parkwatt, as OpenADR VTN", version=VERSION, openapi_url=OPENAPI, docs_url=None, redoc_url=None,
        redirect_slashes=False,
    )  # fmt: skip
    for router in routers:
        door.include_router(router, prefix=ROOT, dependencies=ONLY_KNOWN)
    for kind, handler in (
        (ServiceError, _service), (UnreadableError, _unreadable), (ParkwattError, _domain),
        (RequestValidationError, _validation), (HTTPException, _framework),
    ):  # fmt: skip
        door.add_exception_handler(kind, handler)
    hang(app, door, Within((OPENAPI, f"{ROOT}/auth/server", f"{ROOT}/auth/token"), (f"{ROOT}/*",), identified))


def client_of(tx: Tx, call: Call) -> Client:
    """Who asks, with the keys that its key has taken the place of."""
    return Client(call.actor, LOGIC_SCOPE in call.scopes, chain(tx, call.actor))


def answer(body: Any, status: int = 200) -> Response:
    """Any JSON."""
    return Response(json_bytes(body), status, {"Cache-Control": "private, no-cache"}, JSON)


def named(target_type: str | None, values: Sequence[str], wanted: str) -> str | None:
    """The name that a client of OpenADR 3.0 filters by."""
    return values[0] if target_type == wanted and len(values) == 1 else None


async def _service(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    return answered(_as_bad(error), request.url.path)


def _as_bad(error: ServiceError) -> ServiceError:
    """The standard knows no 422: what is read and wrong is a bad request there."""
    return BadRequestError(error.detail, error.faults, error.headers) if isinstance(error, InvalidError) else error


async def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, UnreadableError)
    return answered(BadRequestError(f"{error.pointer}: {error.message}"), request.url.path)


async def _domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, ParkwattError)
    known = as_service_error(error)
    if known is None:
        raise error
    return answered(_as_bad(known), request.url.path)


def _validation(request: Request, error: Exception) -> Response:  # in a thread: there may be very many errors
    assert isinstance(error, RequestValidationError)
    found = faults(error.errors(), request)
    told = f"{len(found)} problem{'s' if len(found) != 1 else ''} found"
    return answered(BadRequestError(told, found), request.url.path)


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = ALL.get(error.status_code, NotFoundError)
    headers = {str(name): str(value) for name, value in (error.headers or {}).items()}
    return answered(kind(str(error.detail), headers=headers), request.url.path)
