"""What a park that came from elsewhere may not name: files, folders and addresses of whoever plans it.

Works on the raw mapping, of which nothing is known yet: every value may have any type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dispatch.config.mistakes import shown
from dispatch.errors import Problem

# The fields of a park's file, and of all that it may hold, that say where something lies; a test holds this complete.
PLACES = {
    "file": "values written out, or a series of measurements that bears the asset's name",
    "folder": "nothing: histories are series of measurements that bear the assets' names",
    "url": "nothing: the service asks no servers that a park names",
    "weather_url": "nothing: the service asks no servers that a park names",
}
_NETWORKS = ("file:", "feeder:")
_WEATHER = ("tmy:", "table:")
# Identical modules become entries of their own: more of them than anybody builds would fill the memory.
_MODULES_MAX = 10_000


def outside_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Every place that is named, and every count that could not be held."""
    yield from _places(raw, "")
    grid = raw.get("grid")
    network = grid.get("network") if isinstance(grid, Mapping) else None
    if isinstance(network, str) and network.startswith(_NETWORKS):
        yield Problem("grid.network", f"names a file (found {shown(network)})", "simbench:CODE or pandapower:FUNCTION")
    feeds = raw.get("feeds")
    weather = feeds.get("weather") if isinstance(feeds, Mapping) else None
    for index, name in enumerate(weather if isinstance(weather, list) else ()):
        if isinstance(name, str) and name.startswith(_WEATHER):
            yield Problem(f"feeds.weather[{index}]", f"names a file (found {shown(name)})", "the name of a service")


def is_unbuildable(problem: Problem) -> bool:
    """Whether a park with this problem had better not be built at all."""
    return problem.path.rpartition(".")[2] == "count"


def _places(value: Any, path: str) -> Iterator[Problem]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            here = f"{path}.{name}" if path else str(name)
            if name in PLACES and inner is not None:
                yield Problem(here, f"names a place outside of the park (found {shown(inner)})", PLACES[name])
            elif name == "count" and isinstance(inner, int) and inner > _MODULES_MAX:
                yield Problem(here, f"is more than anybody builds (found {inner})", f"at most {_MODULES_MAX}")
            else:
                yield from _places(inner, here)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _places(inner, f"{path}[{index}]")
