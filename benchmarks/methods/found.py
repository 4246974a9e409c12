"""The methods that stand in this package, by name."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import benchmarks.methods as here
from benchmarks.methods.base import Method

_ORDER = (
    "rule_based",
    "day_ahead",
    "rolling",
    "rolling_stochastic",
    "stochastic",
    "cvar",
    "convex",
    "exact",
    "perfect",
)


@cache
def methods() -> dict[str, Method]:
    """All of them; those that everybody knows first, others after them by name."""
    modules = [importlib.import_module(f"{here.__name__}.{m.name}") for m in pkgutil.iter_modules(here.__path__)]
    made: list[Method] = [m.METHOD for m in modules if hasattr(m, "METHOD")]
    place = {name: number for number, name in enumerate(_ORDER)}
    return {m.name: m for m in sorted(made, key=lambda m: (place.get(m.name, len(place)), m.name))}
