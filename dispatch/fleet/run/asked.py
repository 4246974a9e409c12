"""What is asked of a run, cut into chunks: the same whoever runs it, and told apart by hashes."""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dispatch.errors import ConfigError, DataError, Problem
from dispatch.fleet.members import Member, structure_of
from dispatch.fleet.run.planner import Planner
from dispatch.signals import Horizon

CHUNK = 25
_LIBRARIES = ("numpy", "scipy", "cvxpy", "highspy", "pyarrow")


@dataclass(frozen=True)
class Chunk:
    """Sites of one structure that one task plans.

    Attributes:
        name: its number.
        inputs: SHA-256 of all that is known of its sites.
        structure: what they have in common, the same text for all chunks of it.
    """

    name: str
    inputs: str
    members: tuple[Member, ...]
    structure: str

    def single(self, number: int) -> Chunk:
        """One of its sites alone."""
        member = self.members[number]
        return Chunk(f"{self.name}-{number:03d}", hash_of(member), (member,), self.structure)


@dataclass(frozen=True)
class Asked:
    """A run.

    Attributes:
        names: the sites', in the order in which they were given.
        told: what decides the result, as it is written into the run's folder.
    """

    chunks: tuple[Chunk, ...]
    names: tuple[str, ...]
    planner: Planner
    horizon: Horizon
    told: dict[str, Any]

    @property
    def run(self) -> str:
        """SHA-256 of what decides the result."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    def text(self) -> str:
        """As it is kept."""
        return json.dumps(self.told, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def ask(members: Sequence[Member], planner: Planner, horizon: Horizon, chunk: int = CHUNK) -> Asked:
    """Sites by structure, in the order in which they are given, so many to a chunk.

    Raises:
        ConfigError: two sites have one name.
        DataError: there is none, or no room in a chunk.
    """
    if not members:
        raise DataError("the fleet has no site")
    if chunk < 1:
        raise DataError(f"--chunk {chunk}: accepted is a number of sites per task, 1 or more")
    names = tuple(member.name for member in members)
    twice = [(name, count) for name, count in sorted(Counter(names).items()) if count > 1]
    if twice:
        raise ConfigError("fleet", [Problem(n, f"{c} sites have this name", "a name of its own") for n, c in twice])
    chunks = _chunks(members, chunk)
    told = {
        "horizon": _span(horizon),
        "planner": _plain(planner),
        "chunk": chunk,
        "versions": {name: version(name) for name in _LIBRARIES}
        | {"code": code(), "machine": platform.machine(), "parkwatt": version("parkwatt")},
        "chunks": [{"name": c.name, "inputs": c.inputs, "sites": [m.name for m in c.members]} for c in chunks],
    }
    return Asked(chunks, names, planner, horizon, told)


def _chunks(members: Sequence[Member], size: int) -> tuple[Chunk, ...]:
    alike: dict[str, list[Member]] = {}
    for member in members:
        alike.setdefault(repr(structure_of(member.site)), []).append(member)
    parts = [(own[at : at + size], key) for key, own in alike.items() for at in range(0, len(own), size)]
    return tuple(Chunk(f"{n:05d}", hash_of(*part), tuple(part), _short(key)) for n, (part, key) in enumerate(parts))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def hash_of(*members: Member) -> str:
    """SHA-256 of all that is known of sites; labels decide nothing."""
    return hashlib.sha256("".join(member.digest() for member in members).encode()).hexdigest()


@cache
def code() -> str:
    """SHA-256 of this package's sources: other code, other results."""
    import dispatch

    folder = Path(dispatch.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _plain(planner: Any) -> dict[str, Any]:
    """A planner by its name and its settings; the horizon is told apart from it."""
    name = f"{type(planner).__module__}.{type(planner).__qualname__}"
    settings = {one.name: getattr(planner, one.name) for one in fields(planner) if one.name != "horizon"}
    return {"name": name, "settings": {key: _told(value) for key, value in settings.items()}}


def _told(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _told(getattr(value, one.name)) for one in fields(value)}
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """In words, in what two runs differ."""
    found = [
        f"{key}: {json.dumps(before.get(key))} there, {json.dumps(now[key])} asked"
        for key in ("horizon", "chunk", "planner")
        if before.get(key) != now[key]
    ]
    old, new = before.get("versions", {}), now["versions"]
    found += [f"{k}: {old.get(k)} there, {new.get(k)} here" for k in sorted({*old, *new}) if old.get(k) != new.get(k)]
    there, here = (_inputs(told) for told in (before, now))
    for text, names in (("no longer asked", there.keys() - here.keys()), ("new", here.keys() - there.keys())):
        found += [f"sites {text}: {len(names)}, such as '{min(names)}'"] if names else []
    if there.keys() == here.keys() and not found:
        other = [name for name in here if here[name] != there[name]]
        first = f"the data of sites differ; '{other[0]}' is among them or in their chunk" if other else ""
        found.append(first or "the order of the sites differs")
    return found


def _inputs(told: dict[str, Any]) -> dict[str, str]:
    """By site, the hash of its chunk's data."""
    return {name: chunk["inputs"] for chunk in told.get("chunks", []) for name in chunk["sites"]}


def _span(horizon: Horizon) -> dict[str, Any]:
    edges = hashlib.sha256(horizon.edges.astype("datetime64[s]").tobytes()).hexdigest()
    ends = {"first": str(horizon.edges[0]), "last": str(horizon.edges[-1])}
    return ends | {"steps": horizon.steps, "time_zone": horizon.time_zone, "edges": edges}
