"""Which methods an address has: for OPTIONS, and for the Allow header of a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path


@dataclass(frozen=True)
class Address:
    """A path's template with its methods."""

    template: str
    pattern: re.Pattern[str]
    methods: frozenset[str]
    endpoint: Any


def addresses(app: FastAPI) -> Iterator[Address]:
    """All routes of an app that have methods, those of included routers with their full path."""
    for context in iter_route_contexts(app.routes):
        if context.path is not None and context.methods:
            pattern, _, _ = compile_path(context.path)
            yield Address(context.path, pattern, frozenset(context.methods), context.endpoint)


@lru_cache(maxsize=8)
def _table(app: FastAPI) -> tuple[Address, ...]:
    return tuple(addresses(app))


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """Sorted methods of an address; empty where there is none. What has GET has HEAD."""
    found = {method for each in _table(app) if each.pattern.match(path) for method in each.methods}
    if not found:
        return []
    return sorted(found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set()))


def template(app: FastAPI, path: str, method: str) -> str:
    """The template that a request met: what metrics are counted by; empty where there is none."""
    matching = [each for each in _table(app) if each.pattern.match(path)]
    exact = [each for each in matching if method in each.methods]
    return (exact or matching or [None])[0].template if matching else ""  # type: ignore[union-attr]
