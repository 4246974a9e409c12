"""Names in the block ``certificates`` of a park's file that point nowhere; works on the raw mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dispatch.config.mistakes import near_miss
from dispatch.errors import Problem

Raw = Mapping[str, Any]


def claim_problems(raw: Raw) -> Iterator[Problem]:
    """Certificates are of plant, contracts and lots that there are, and meters are assets."""
    block = raw.get("claims")
    if not isinstance(block, Mapping):
        return
    assets = _names(raw, "assets")
    contracts = [name for asset in _mappings(raw, "assets") for name in _names(asset, "green_power")]
    known = [*assets, *contracts, *_names(block, "lots")]
    for index, given in enumerate(_mappings(block, "disposals")):
        of = given.get("of")
        if isinstance(of, str) and of not in known:
            yield _unknown(f"claims.disposals[{index}].of", "plant, contract or lot", of, known)
    shares = block.get("shares")
    for name, meters in shares.items() if isinstance(shares, Mapping) else ():
        if str(name) not in known:
            yield _unknown(f"claims.shares.{name}", "plant, contract or lot", str(name), known)
        for meter in meters if isinstance(meters, Mapping) else ():
            if str(meter) not in assets:
                yield _unknown(f"claims.shares.{name}.{meter}", "asset", str(meter), assets)


def _unknown(path: str, what: str, value: str, valid: list[str]) -> Problem:
    return Problem(path, f"there is no {what} '{value}'", near_miss(value, valid))


def _mappings(raw: Raw, key: str) -> list[Raw]:
    value = raw.get(key)
    return [entry if isinstance(entry, Mapping) else {} for entry in value] if isinstance(value, list) else []


def _names(raw: Raw, key: str) -> list[str]:
    return [entry["name"] for entry in _mappings(raw, key) if isinstance(entry.get("name"), str)]
