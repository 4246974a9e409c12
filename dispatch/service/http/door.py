"""Doors beside the API: an app of its own under some paths, with the same store, keys, limits and log.

A door's OpenAPI document is its own, and so is the form of its refusals; what stands around all routes (guard, intake,
gate) stands around it, too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from dispatch.service.http import openapi
from dispatch.service.http.problem import Problem
from dispatch.service.http.tokens import Identity

_SHARED = ("settings", "store", "signatures", "doorkeeper", "limits", "metrics", "closing")
Identify = Callable[[Request], Awaitable[Identity]]


@dataclass(frozen=True)
class Within:
    """Paths of a door, ``open`` to everybody or ``closed`` but to who is known; ``*`` at an end: all that follows."""

    open: Sequence[str]
    closed: Sequence[str]
    identify: Identify

    def is_closed(self, path: str) -> bool:
        """Must it be known who asks?"""
        return not _among(path, self.open) and _among(path, self.closed)

    def covers(self, path: str) -> bool:
        """Is it this door's?"""
        return _among(path, self.open) or _among(path, self.closed)


def _among(path: str, paths: Sequence[str]) -> bool:
    return any(path.startswith(one[:-1]) if one.endswith("*") else path == one for one in paths)


def describe(door: FastAPI, problem: type[Problem]) -> None:
    """Let ``door.openapi()`` give the whole document."""

    def document() -> dict[str, Any]:
        if door.openapi_schema is None:
            made = get_openapi(title=door.title, version=door.version, routes=door.routes)
            openapi.complete(door, made, problem)
            door.openapi_schema = made
        return door.openapi_schema

    door.openapi = document  # type: ignore[method-assign] # FastAPI's own way to extend the document


class Door(BaseRoute):
    """The route from the service's app to a door's."""

    def __init__(self, app: FastAPI, within: Within) -> None:
        self.app = app
        self.within = within

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is this door's."""
        found = scope["type"] == "http" and self.within.covers(scope["path"])
        return (Match.FULL, {}) if found else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it."""
        await self.app(scope, receive, send)


def hang(app: FastAPI, door: FastAPI, within: Within, problem: type[Problem] = Problem) -> None:
    """Hang a door into the service's app, with a document of its own whose problems have this form."""
    describe(door, problem)
    for name in _SHARED:
        setattr(door.state, name, getattr(app.state, name))
    app.router.routes.append(Door(door, within))
    app.state.doors = (*getattr(app.state, "doors", ()), within)
