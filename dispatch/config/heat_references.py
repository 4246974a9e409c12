"""Heat that would have to flow by itself to where it is hotter; works on the raw mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from dispatch.assets import kinds
from dispatch.assets.heat_pump import HeatPump
from dispatch.errors import Problem
from dispatch.signals import parse_quantity
from dispatch.units.conversion import Conversion

Raw = Mapping[str, Any]


def heat_problems(raw: Raw) -> Iterator[Problem]:
    """Levels of buses that an exchanger or a valve would have to climb, or an evaporator has above its source."""
    level = {bus["name"]: degrees for bus in _dicts(raw, "buses") if (degrees := _degrees(bus)) is not None}
    for index, asset in enumerate(_dicts(raw, "assets")):
        cls = kinds().get(str(asset.get("kind")))
        if cls is not None and issubclass(cls, Conversion) and cls.downhill:
            yield from _cascade_problems(asset, cls, f"assets[{index}]", level)
        elif cls is HeatPump:
            yield from _source_problems(asset, f"assets[{index}]", level)


def _dicts(raw: Raw, key: str) -> list[Raw]:
    entries = raw.get(key)
    return [entry if isinstance(entry, Mapping) else {} for entry in entries] if isinstance(entries, list) else []


def _degrees(bus: Raw) -> float | None:
    """Level of a bus that has a name and one [degC]; text that is no temperature is told elsewhere."""
    return _number(bus.get("temperature_degc")) if isinstance(bus.get("name"), str) else None


def _number(value: Any) -> float | None:
    with suppress(ValueError):
        value = parse_quantity("temperature_degc", value) if isinstance(value, str) else value
    return float(value) if isinstance(value, float | int) and not isinstance(value, bool) else None


def _cascade_problems(asset: Raw, cls: type[Conversion], path: str, level: Mapping[str, float]) -> Iterator[Problem]:
    """Heat does not flow by itself to where it is hotter."""
    source = asset.get(cls.input_bus)
    for field in cls.outputs.values():
        sink = asset.get(field)
        if not (isinstance(source, str) and isinstance(sink, str) and source in level and sink in level):
            continue
        if level[source] < level[sink]:
            found = f"'{sink}' at {level[sink]:g} °C is hotter than '{source}' at {level[source]:g} °C"
            fits = [name for name, degrees in level.items() if degrees <= level[source] and name != source]
            accepted = f"a bus of at most {level[source]:g} °C: {', '.join(fits) or 'none yet'}; or a heat pump"
            yield Problem(f"{path}.{field}", f"{found}: no heat flows that way by itself", accepted)


def _source_problems(asset: Raw, path: str, level: Mapping[str, float]) -> Iterator[Problem]:
    """An evaporator is no hotter than the bus it draws on."""
    bus, degrees = asset.get("source_bus"), _number(asset.get("source_degc"))
    if isinstance(bus, str) and bus in level and degrees is not None and degrees > level[bus]:
        found = f"heat at {degrees:g} °C is hotter than its bus '{bus}' at {level[bus]:g} °C"
        yield Problem(f"{path}.source_degc", found, f"at most {level[bus]:g}, or another source_bus")
