"""Nobody's body is read before it is known who sends it: credentials first, then the tenant's limit, then the rest."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from dispatch.service.http import replays
from dispatch.service.http.limits import Limits
from dispatch.service.http.tokens import identified

API = "/api/v1"


class Gate:
    """ASGI middleware before the API; what stands beside it asks in its own way."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and (scope["path"] == API or scope["path"].startswith(f"{API}/")):
            request = Request(scope, receive)
            identity = await identified(request)
            self.limits.spend(scope, identity.tenant)
            if request.method not in ("GET", "HEAD", "OPTIONS"):
                replays.require_form(request)
        elif scope["type"] == "http":
            for door in getattr(scope["app"].state, "doors", ()):
                if door.is_closed(scope["path"]):
                    self.limits.spend(scope, (await door.identify(Request(scope, receive))).tenant)
        await self.app(scope, receive, send)
