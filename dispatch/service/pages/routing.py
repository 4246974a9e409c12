"""Routes whose errors are pages: who is not signed in is led to the form."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dispatch.service.errors import NotFoundError, ServiceError, UnauthorizedError
from dispatch.service.http.tokens import remembered
from dispatch.service.pages.facts import Frame
from dispatch.service.pages.rendering import page


class PageRoute(APIRoute):
    """A route that answers people."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, with errors as pages."""
        handler = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handler(request)
            except UnauthorizedError:
                return RedirectResponse("/login", 303)
            except RequestValidationError:
                return _told(request, NotFoundError("There is nothing at this address."))
            except ServiceError as error:
                return _told(request, error)

        return answered


def _told(request: Request, error: ServiceError) -> Response:
    identity = remembered(request.scope)
    frame = Frame(identity.tenant if identity else "", error.title, datetime.now(UTC))
    return page("told.html.j2", error.status, frame=frame, said=error.detail)
