"""Names in the block ``carbon: ledgers`` of a park's file that point nowhere; works on the raw mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dispatch.assets import kinds
from dispatch.assets.ev_fleet import EvFleet
from dispatch.assets.pipe import Pipe
from dispatch.config.mistakes import near_miss
from dispatch.errors import Problem
from dispatch.stores.stock import Storage


def ledger_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """What is said to be held at the start is held by a store, a fleet or a pipe."""
    carbon = raw.get("carbon")
    said = carbon.get("ledgers") if isinstance(carbon, Mapping) else None
    start = said.get("start_kg_per_kwh") if isinstance(said, Mapping) else None
    assets = raw.get("assets")
    named = [a for a in assets if isinstance(a, Mapping)] if isinstance(assets, list) else []
    holds = [str(a.get("name")) for a in named if _holds(kinds().get(str(a.get("kind"))))]
    for name in start if isinstance(start, Mapping) else ():
        if name not in holds:
            path = f"carbon.ledgers.start_kg_per_kwh.{name}"
            yield Problem(path, f"'{name}' is the name of nothing that stores", near_miss(str(name), holds))


def _holds(kind: type[Any] | None) -> bool:
    return kind is not None and issubclass(kind, (Storage, EvFleet, Pipe))
