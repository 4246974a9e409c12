"""Names in the block ``claims`` of a park's file that point nowhere; works on the raw mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dispatch.assets import kinds
from dispatch.assets.direct_line import DirectLine
from dispatch.assets.thermal import Thermal
from dispatch.config.mistakes import near_miss
from dispatch.errors import Problem
from dispatch.units.generation import VariableGeneration

Raw = Mapping[str, Any]


def claim_problems(raw: Raw) -> Iterator[Problem]:
    """Certificates are of plant, contracts and lots that there are, and meters are assets."""
    block = raw.get("claims")
    if not isinstance(block, Mapping):
        return
    assets = _names(raw, "assets")
    contracts = [name for asset in _mappings(raw, "assets") for name in _names(asset, "green_power")]
    plants = [str(asset.get("name")) for asset in _mappings(raw, "assets") if _brings_certificates(asset)]
    known = [*plants, *contracts, *_names(block, "lots")]
    for index, lot in enumerate(_mappings(block, "lots")):
        if (name := lot.get("name")) in (*assets, *contracts):
            accepted = "a name of its own: certificates are counted by the name of what they are of"
            yield Problem(f"claims.lots[{index}].name", f"'{name}' is the name of an asset or contract too", accepted)
    for index, given in enumerate(_mappings(block, "disposals")):
        of = given.get("of")
        if isinstance(of, str) and of not in known:
            yield _no_supply(f"claims.disposals[{index}].of", of, known, assets)
    shares = block.get("shares")
    for name, meters in shares.items() if isinstance(shares, Mapping) else ():
        if str(name) not in known:
            yield _no_supply(f"claims.shares.{name}", str(name), known, assets)
        for meter in meters if isinstance(meters, Mapping) else ():
            if str(meter) not in assets:
                yield _unknown(f"claims.shares.{name}.{meter}", "asset", str(meter), assets)


def _brings_certificates(asset: Raw) -> bool:
    """Wind, sun, and plant of a renewable fuel that gives electricity alone."""
    cls = kinds().get(str(asset.get("kind")))
    if cls is None:
        return False
    return issubclass(cls, VariableGeneration | DirectLine) or (issubclass(cls, Thermal) and asset.get("clean") is True)


def _no_supply(path: str, value: str, valid: list[str], assets: list[str]) -> Problem:
    if value in assets:
        return Problem(path, f"no certificate comes with '{value}'", near_miss(value, valid))
    return _unknown(path, "plant, contract or lot", value, valid)


def _unknown(path: str, what: str, value: str, valid: list[str]) -> Problem:
    return Problem(path, f"there is no {what} '{value}'", near_miss(value, valid))


def _mappings(raw: Raw, key: str) -> list[Raw]:
    value = raw.get(key)
    return [entry if isinstance(entry, Mapping) else {} for entry in value] if isinstance(value, list) else []


def _names(raw: Raw, key: str) -> list[str]:
    return [entry["name"] for entry in _mappings(raw, key) if isinstance(entry.get("name"), str)]
