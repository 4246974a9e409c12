"""Nobody's body is read before it is known who sends it: credentials first, then the tenant's limits, then the rest.

What stands beside the API and asks in its own way is counted by the address that it comes from.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from dispatch.service.errors import NotAllowedError
from dispatch.service.http import failures, replays
from dispatch.service.http.at_once import AtOnce
from dispatch.service.http.intake import known
from dispatch.service.http.limits import Limits
from dispatch.service.http.methods import allowed_methods
from dispatch.service.http.tokens import Identity, identified

API = "/api/v1"
_READING = ("GET", "HEAD", "OPTIONS")
# Whoever watches the server is answered however busy it is.
_OF_THE_OPERATOR = ("/healthz", "/readyz", "/metrics")


class Gate:
    """ASGI middleware before the API; what stands beside it asks in its own way."""

    def __init__(self, app: ASGIApp, limits: Limits, at_once: AtOnce) -> None:
        self.app = app
        self.limits = limits
        self.at_once = at_once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] in _OF_THE_OPERATOR:
            await self.app(scope, receive, send)
            return
        address = failures.source(scope)
        failures.comes_from(address)
        whose = f"from {address}"  # no tenant's name has a space
        if (identify := _asker(scope)) is not None:
            request = Request(scope, receive)
            identity = await identify(request)
            whose = identity.tenant
            known(scope)
            self.limits.spend(scope, identity.tenant)
            _require_method(request)
            if request.method not in _READING:
                replays.require_form(request)
        async with self.at_once.place(whose) as place:
            await self.app(scope, receive, place.sending(send))


def _asker(scope: Scope) -> Callable[[Request], Awaitable[Identity]] | None:
    """How an address finds out who asks; None where everybody may."""
    path: str = scope["path"]
    if path == API or path.startswith(f"{API}/"):
        return identified
    doors = getattr(scope["app"].state, "doors", ())
    return next((door.identify for door in doors if door.is_closed(path)), None)


def _require_method(request: Request) -> None:
    """Refuse what an address is not asked by, before another route takes it for one of its own: GET of ``x:cancel``."""
    methods = allowed_methods(request.scope)
    if methods and request.method not in methods:
        text = f"{request.method} is not among the methods of this address: {', '.join(methods)}."
        raise NotAllowedError(text, headers={"Allow": ", ".join(methods)})
