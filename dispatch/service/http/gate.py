"""Nobody's body is read before it is known who sends it: credentials first, then the tenant's limit, then the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from dispatch.service.errors import NotAllowedError
from dispatch.service.http import replays
from dispatch.service.http.intake import known
from dispatch.service.http.limits import Limits
from dispatch.service.http.methods import allowed_methods
from dispatch.service.http.tokens import Identity, identified

API = "/api/v1"
_READING = ("GET", "HEAD", "OPTIONS")


class Gate:
    """ASGI middleware before the API; what stands beside it asks in its own way."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and (identify := _asker(scope)) is not None:
            request = Request(scope, receive)
            identity = await identify(request)
            known(scope)
            self.limits.spend(scope, identity.tenant)
            _require_method(request)
            if request.method not in _READING:
                replays.require_form(request)
        await self.app(scope, receive, send)


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
