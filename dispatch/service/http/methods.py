"""Which methods an address has: for OPTIONS, and for the Allow header of a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

_AT = "parkwatt.at"
_PARAMETER = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class Address:
    """A path's template with its methods.

    Attributes:
        literal: characters of the template outside of parameters.
    """

    template: str
    pattern: re.Pattern[str]
    methods: frozenset[str]
    endpoint: Any
    literal: int


def addresses(app: FastAPI) -> Iterator[Address]:
    """All routes of an app that have methods, those of included routers with their full path, and those of doors."""
    for route in app.routes:
        if isinstance(door := getattr(route, "app", None), FastAPI):
            yield from addresses(door)
    for context in iter_route_contexts(app.routes):
        if context.path is not None and context.methods:
            pattern, _, _ = compile_path(context.path)
            literal = len(_PARAMETER.sub("", context.path))
            yield Address(context.path, pattern, frozenset(context.methods), context.endpoint, literal)


def _table(app: FastAPI) -> tuple[Address, ...]:
    """The routes, found once: they do not change while an app serves."""
    state = app.state
    if not hasattr(state, "addresses"):
        state.addresses = tuple(addresses(app))
    found: tuple[Address, ...] = state.addresses
    return found


def at(scope: Any) -> list[Address]:
    """Routes of an address: of ``/jobs/{job}`` and ``/jobs/{job}:cancel``, which both fit, those that say more."""
    if _AT not in scope:
        matching = [each for each in _table(scope["app"]) if each.pattern.match(scope["path"])]
        most = max((each.literal for each in matching), default=0)
        scope[_AT] = [each for each in matching if each.literal == most]
    found: list[Address] = scope[_AT]
    return found


def allowed_methods(scope: Any) -> list[str]:
    """Sorted methods of an address; empty where there is none. What has GET has HEAD."""
    found = {method for each in at(scope) for method in each.methods}
    if not found:
        return []
    return sorted(found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set()))


def template(scope: Any, method: str) -> str:
    """The template that a request met: what metrics are counted by; empty where there is none."""
    matching = at(scope)
    exact = [each.template for each in matching if method in each.methods]
    return (exact or [each.template for each in matching] or [""])[0]
