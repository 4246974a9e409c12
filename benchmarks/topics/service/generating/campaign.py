"""Run schemathesis against a server on loopback until so many requests were answered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks.rows import CannotMeasure
from benchmarks.served import Served, served
from benchmarks.topics.service.isolation.world import rich
from dispatch.service.runner.supervisor import Supervisor

_HOOKS = "benchmarks.topics.service.generating.hooks"
# A body that fits its schema may still be refused for what it says (a site that is not there, a curve that falls).
_EXCLUDED = "positive_data_acceptance"
# A body that breaks its schema by its size is refused by its size.
_SETTINGS = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]
"""
# Of the API, and of its doors for clients of other makes.
DOCUMENTS = ("/openapi.json", "/api/v3_0/openapi.json", "/openadr/3.1/openapi.json")
_UNLIMITED = 10**9
_LOOK_S = 0.5


@dataclass(frozen=True)
class Campaign:
    """What came of it.

    Attributes:
        requests: answered by the server, by its own count; statuses: how many of each.
        failed: answers of 500; violations: what schemathesis found, each in words.
    """

    requests: int
    statuses: dict[str, int]
    failed: int
    violations: tuple[str, ...]


def campaign(
    requests: int,
    examples: int,
    *,
    seed: int = 1,
    phases: str = "",
    documents: Sequence[str] = DOCUMENTS,
    whole: bool = True,
    told: bool = True,
) -> Campaign:
    """Rounds with growing seeds until the server has answered so many requests.

    Args:
        examples: most cases of an operation in a round; phases: of schemathesis, all where empty.
        whole: the tenant has been through a market day, and a worker does the jobs that come of requests.
    """
    command = _program()
    violations: list[str] = []
    some = ["--phases", phases] if phases else []
    with (
        tempfile.TemporaryDirectory() as made,
        served(Path(made) / "data", requests_per_minute=_UNLIMITED, flexmeasures=True, openadr=True) as server,
        _tenant(server, Path(made), whole=whole),
    ):
        first = _count(server)[0]
        while _count(server)[0] - first < requests:
            asked = [*command, "--seed", str(seed), "--max-examples", str(examples)]
            for document in documents:
                violations += _round([*asked, *some], document, server, Path(made))
            total, statuses = _count(server)
            if told:
                sys.stderr.write(f"schemathesis, seed {seed}: {total - first} requests, {statuses}, {violations}\n")
            seed += 1
        total, statuses = _count(server)
    return Campaign(total - first, statuses, statuses.get("500", 0), tuple(violations))


def _program() -> list[str]:
    program = Path(sys.executable).with_name("schemathesis")
    if not program.exists():
        raise CannotMeasure("schemathesis is not installed")
    return [str(program), "run", "--exclude-checks", _EXCLUDED, "--continue-on-failure", "--no-color", "--no-shrink"]


def _round(command: list[str], document: str, server: Served, folder: Path) -> list[str]:
    """One run of schemathesis; what it found."""
    (folder / "schemathesis.toml").write_text(_SETTINGS, encoding="utf-8")
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": _HOOKS,
        "PARKWATT_BENCH_KEY": str(folder / "key"),
        "PARKWATT_BENCH_THINGS": str(folder / "things.json"),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
    }
    where = [f"{server.url}{document}", "--report", "json", "--report-json-path", str(report)]
    done = subprocess.run([*command, *where], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if not report.exists():
        raise RuntimeError(f"schemathesis ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    found = _found(json.loads(report.read_text(encoding="utf-8")))
    if found:
        sys.stderr.write(done.stdout)
    return found


def _found(report: dict[str, Any]) -> list[str]:
    """Failures and errors of a report; a warning is none."""
    failures = [f"{each['title']} × {each['count']}" for each in report.get("failures", ())]
    return failures + [f"{each['title']} × {each['count']}" for each in report.get("errors", ())]


def _count(server: Served) -> tuple[int, dict[str, int]]:
    """Requests that the server has answered, and how many with each status."""
    by_status: Counter[str] = Counter()
    for metric in server.app.state.metrics.registry.collect():
        for sample in metric.samples:
            if sample.name == "parkwatt_http_requests_total":
                by_status[sample.labels["status"]] += int(sample.value)
    return by_status.total(), dict(sorted(by_status.items()))


@contextmanager
def _tenant(server: Served, folder: Path, *, whole: bool) -> Iterator[None]:
    """A tenant with things, and a file with a key that holds: another one as soon as somebody has revoked it."""
    tenant, ended, path = server.tenant(), threading.Event(), folder / "key"
    path.write_text(server.key(tenant), encoding="utf-8")
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {path.read_text()}"}) as client:
        things = rich(server, client, whole=whole).things
    (folder / "things.json").write_text(json.dumps(things), encoding="utf-8")
    server.store.clock = lambda: datetime.now(UTC)

    def watch() -> None:
        while not ended.wait(_LOOK_S):
            if not server.app.state.doorkeeper.is_open(tenant, path.read_text(encoding="utf-8")[3:33]):
                fresh = path.with_suffix(".new")
                fresh.write_text(server.key(tenant), encoding="utf-8")
                fresh.replace(path)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        with Supervisor(server.settings.url, server.settings.data, int(whole), log_level="error"):
            yield
    finally:
        ended.set()
        watcher.join()
