"""Slow rows are measured once and kept, with the state of code, packages and inputs they were measured in."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from benchmarks.rows import Measurement, Row

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).resolve().parent / "manifests"
HINDRANCES = "_hindrances.json"
# Measurements write these themselves: what they found best so far. No row depends on them.
WRITTEN = ("benchmarks/best_known/pglib_uc.csv", "benchmarks/best_known/runs")


@dataclass(frozen=True)
class Key:
    """What a value depends on. ``changes`` is the digest of what is not committed, empty in a clean tree."""

    commit: str
    changes: str
    lock: str
    inputs: str

    def differs(self, other: Key) -> str:
        """The names of what is not the same, for a person."""
        names = {"commit": "commit", "changes": "uncommitted changes", "lock": "lock", "inputs": "inputs"}
        return ", ".join(text for field, text in names.items() if getattr(self, field) != getattr(other, field))


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False).stdout


def digest(paths: Iterable[Path]) -> str:
    """Names and contents of files, and of all files in folders, in one hash."""
    total = hashlib.sha256()
    for path in sorted(paths):
        for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
            if "__pycache__" in file.parts:
                continue
            total.update(os.path.relpath(file, ROOT).encode() + b"\0")
            total.update(file.read_bytes() if file.exists() else b"missing")
    return total.hexdigest()[:16]


def uncommitted() -> str:
    """Digest of the difference to the commit, new files included; empty where there is none."""
    here = (".", *(f":(exclude){path}" for path in WRITTEN))
    difference = git("diff", "HEAD", "--binary", "--", *here)
    listed = git("ls-files", "--others", "--exclude-standard", "-z", "--", *here).decode().split("\0")
    new = [ROOT / name for name in listed if name]
    if not difference and not new:
        return ""
    return hashlib.sha256(difference + digest(new).encode()).hexdigest()[:16]


def code_state() -> Key:
    """The part of a key that is the same for all measurements."""
    return Key(
        commit=git("rev-parse", "--verify", "--quiet", "HEAD").decode().strip(),
        changes=uncommitted(),
        lock=digest([ROOT / "locks" / "run.txt"]),
        inputs="",
    )


def key(measurement: Measurement) -> Key:
    return replace(code_state(), inputs=digest(ROOT / name for name in measurement.inputs))


def keys(measurements: Iterable[Measurement]) -> Iterator[tuple[Measurement, Key]]:
    """The keys of many: what they share is looked up once."""
    state = code_state()
    digests: dict[tuple[str, ...], str] = {}
    for measurement in measurements:
        inputs = measurement.inputs
        if inputs not in digests:
            digests[inputs] = digest(ROOT / name for name in inputs)
        yield measurement, replace(state, inputs=digests[inputs])


def machine() -> str:
    """What a timing depends on, in words."""
    return f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text("utf-8").splitlines() if listed.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def read(topic: str, folder: Path = FOLDER) -> dict[str, Any]:
    path = folder / f"{topic}.json"
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return loaded


@dataclass(frozen=True)
class Kept:
    """A row as it was measured, and in which state, where and when."""

    row: Row
    key: Key
    machine: str
    measured_at: str


def entry(measurement: Measurement, folder: Path = FOLDER) -> Kept | None:
    """What is kept of a measurement, however old."""
    found = read(measurement.topic, folder).get(measurement.name)
    if found is None:
        return None
    return Kept(Row(**found["row"]), Key(**found["key"]), found["machine"], found["measured_at"])


def recall(measurement: Measurement, now: Key, folder: Path = FOLDER) -> Row:
    """The kept row, or a blank that says why there is none. A stale value is shown but never holds."""
    known = entry(measurement, folder)
    if known is None:
        return measurement.blank("not measured", "--fresh measures it")
    kept = known.row
    if kept.unit != measurement.unit:
        return measurement.blank("stale", "measured in another unit")
    if other := now.differs(known.key):
        return replace(kept, bar=measurement.bar, holds=None, state="stale", note=f"since changed: {other}")
    if kept.value is None:
        return kept
    again = measurement.row(kept.value, kept.seconds or 0.0)  # the bar may have moved
    return replace(again, reference=kept.reference, ratio=kept.ratio)


@dataclass(frozen=True)
class Hindrance:
    """Why a measurement that was tried has no value: ``after_s`` where it was stopped because it took too long."""

    key: Key
    why: str
    at: str
    after_s: float | None = None


def hindrances(folder: Path = FOLDER) -> dict[tuple[str, str], Hindrance]:
    """By topic and name."""
    path = folder / HINDRANCES
    held: list[dict[str, Any]] = json.loads(path.read_text("utf-8")) if path.exists() else []
    return {(x["topic"], x["name"]): Hindrance(Key(**x["key"]), x["why"], x["at"], x["after_s"]) for x in held}


def keep_hindrance(
    measurement: Measurement, key: Key, why: str, *, after_s: float | None = None, folder: Path = FOLDER
) -> None:
    """A value that was measured earlier stays, and this beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{HINDRANCES}.lock"):
        held = hindrances(folder) | {(measurement.topic, measurement.name): Hindrance(key, why, now(), after_s)}
        _write(folder / HINDRANCES, [{"topic": t, "name": n, **asdict(each)} for (t, n), each in held.items()])


def _write(path: Path, content: Any) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", "utf-8")
    part.replace(path)


def keep(measurement: Measurement, row: Row, key: Key, folder: Path = FOLDER) -> None:
    """Put a row into its topic's file, which is whole at every moment, whoever else writes rows into it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{measurement.topic}.json"
    with FileLock(path.with_suffix(".lock")):
        entries = read(measurement.topic, folder)
        entries[measurement.name] = {
            "key": asdict(key),
            "row": asdict(row),
            "machine": machine(),
            "measured_at": now(),
        }
        _write(path, entries)
