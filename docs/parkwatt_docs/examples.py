"""For each kind of asset an example that a reader can paste, and that has been read by what reads parks' files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import yaml

from dispatch.asset import Asset, Carrier
from dispatch.assets import kinds
from dispatch.catalogue import KindEntry, catalogue
from dispatch.config.documents import read_document
from dispatch.config.park import find_config, load_site, shipped_names
from dispatch.errors import ParkwattError

_TRIED = 0.5  # what is written where a number must be given and nothing says which: a share, a power, a price alike
_PARK = {
    "name": "example",
    "time_zone": "Asia/Shanghai",
    "currency": "CNY",
    "latitude_deg": 39.8,
    "longitude_deg": 116.5,
}

_Candidate = tuple[dict[str, Any], list[dict[str, Any]], str]


@dataclass(frozen=True)
class Example:
    """A block of YAML, and where the numbers are from."""

    yaml: str
    told: str


def example(kind: str) -> Example | None:
    """A small whole park with an asset of a kind, else that of a park that ships; None where nothing could be read."""
    for asset, buses, told in (*_of_library(kind), *_of_parks(kind), *_tried(kind)):
        text = written({**_PARK, "buses": buses or [{"name": "bus"}], "assets": [asset]})
        if _reads(text):
            return Example(text, told)
    for asset, _, told in _of_parks(kind):
        return Example(written({"assets": [asset]}), told)
    return None


def written(value: Mapping[str, Any]) -> str:
    """YAML in the order given, small mappings on a line."""
    return yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True, width=100)


def _reads(text: str) -> bool:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "park.yaml"
        path.write_text(text, "utf-8")
        try:
            load_site(path)
        except ParkwattError:
            return False
    return True


@cache
def _parks() -> tuple[tuple[str, Mapping[str, Any]], ...]:
    names = shipped_names("parks")
    return tuple((name, read_document(find_config(name, "parks"), name).raw) for name in names)


def _of_parks(kind: str) -> Iterator[_Candidate]:
    """As parks that ship have it, the shortest first; measured series are left out."""
    found = []
    for name, park in _parks():
        buses = {bus["name"]: bus for bus in park["buses"]}
        for asset in park["assets"]:
            if asset.get("kind") == kind:
                own = {key: value for key, value in asset.items() if key != "history"}
                named = {value for key, value in own.items() if key in kinds()[kind].bus_fields}
                found.append(
                    (own, [buses[name] for name in buses if name in named], f"As in `configs/parks/{name}.yaml`.")
                )
    yield from sorted(found, key=lambda one: len(str(one[0])))


@cache
def _entries() -> Mapping[str, KindEntry]:
    return {entry.name: entry for entry in catalogue()}


def _of_library(kind: str) -> Iterator[_Candidate]:
    """An entry of the library by name, with what it leaves open."""
    cls = kinds()[kind]
    for ready in _entries()[kind].library:
        asset = _filled(cls, {"kind": kind, "name": "mine", "use": ready.name}, set(ready.numbers))
        yield asset, _buses(cls, asset), ""
        for more in (name for name in cls.model_fields if name.endswith("_kw") and name not in asset):
            yield {**asset, more: 100.0}, _buses(cls, asset), ""


def _tried(kind: str) -> Iterator[_Candidate]:
    """What must be given, with numbers that mean nothing."""
    asset = _filled(kinds()[kind], {"kind": kind, "name": "mine"}, set())
    yield asset, _buses(kinds()[kind], asset), "The numbers show the shape only."


def _filled(cls: type[Asset], asset: dict[str, Any], given: set[str]) -> dict[str, Any]:
    for name, field in cls.model_fields.items():
        if name in asset or name in given or not field.is_required():
            continue
        number: float = 100.0 if name.endswith(("_kw", "_kwh")) else 10 if field.annotation is int else _TRIED
        asset[name] = name if name in cls.bus_fields else number
    return asset


def _buses(cls: type[Asset], asset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The buses that an asset names, each with a carrier that it may have: its device's, else the first."""
    out = []
    for field, carrier in cls.bus_fields.items():
        if isinstance(asset.get(field), str):
            options = (carrier,) if isinstance(carrier, str) else tuple(carrier or get_args(Carrier))
            of_device = [one for one in options if one in str(asset.get("use", ""))]
            out.append({"name": asset[field], "carrier": str([*of_device, *options][0])})
    return out
