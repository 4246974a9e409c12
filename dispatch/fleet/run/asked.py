"""What is asked of a run, cut into chunks: the same whoever runs it, and told apart by hashes."""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, is_dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

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
    """

    name: str
    inputs: str
    members: tuple[Member, ...]

    def single(self, number: int) -> Chunk:
        """One of its sites alone."""
        member = self.members[number]
        return Chunk(f"{self.name}-{number:03d}", hash_of(member), (member,))


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
    parts = [own[at : at + size] for own in alike.values() for at in range(0, len(own), size)]
    return tuple(Chunk(f"{n:05d}", hash_of(*part), tuple(part)) for n, part in enumerate(parts))


def hash_of(*members: Member) -> str:
    """SHA-256 of all that is known of sites; labels decide nothing."""
    digest = hashlib.sha256()
    for member in members:
        digest.update(member.site.model_dump_json().encode())
        for key in sorted(member.series):
            values = np.ascontiguousarray(member.series[key], dtype=np.float64)
            digest.update(repr((key, values.shape)).encode() + values.tobytes())
        digest.update(json.dumps({k: dict(v) for k, v in member.state.items()}, sort_keys=True).encode())
    return digest.hexdigest()


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
    settings = asdict(planner) if is_dataclass(planner) and not isinstance(planner, type) else {}
    return {"name": name, "settings": {k: _told(v) for k, v in settings.items() if k != "horizon"}}


def _told(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str | dict | list) else repr(value)


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """In words, in what two runs differ."""
    found = []
    for key in ("horizon", "chunk", "planner"):
        if before.get(key) != now[key]:
            found.append(f"{key}: {json.dumps(before.get(key))} there, {json.dumps(now[key])} asked")
    old, new = before.get("versions", {}), now["versions"]
    found += [f"{k}: {old.get(k)} there, {new.get(k)} here" for k in sorted({*old, *new}) if old.get(k) != new.get(k)]
    sites = [{name for c in told.get("chunks", []) for name in c["sites"]} for told in (before, now)]
    for text, names in (("no longer asked", sites[0] - sites[1]), ("new", sites[1] - sites[0])):
        if names:
            found.append(f"{len(names)} sites {text}, such as '{min(names)}'")
    if sites[0] == sites[1] and before.get("chunks") != now["chunks"]:
        inputs = {c["inputs"] for c in before.get("chunks", [])}
        other = [c for c in now["chunks"] if c["inputs"] not in inputs]
        first = f", in {len(other)} chunks, the first with '{other[0]['sites'][0]}'" if other else ""
        found.append(f"the data of sites differ{first}" if other else "the order of the sites differs")
    return found


def _span(horizon: Horizon) -> dict[str, Any]:
    edges = hashlib.sha256(horizon.edges.astype("datetime64[s]").tobytes()).hexdigest()
    ends = {"first": str(horizon.edges[0]), "last": str(horizon.edges[-1])}
    return ends | {"steps": horizon.steps, "time_zone": horizon.time_zone, "edges": edges}
