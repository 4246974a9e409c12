"""The service under load: reads at a steady rate, while two cores are busy with plans too.

A server of two processes and one worker, as an operator starts them on two cores, on loopback and SQLite. Requests come
at random times (Poisson, 200 a second on average) from a process that waits for nobody; a latency counts from the time
at which its request was meant to go out. All share the machine: the figure is no better than an integrator would see.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.processes import ROOT
from benchmarks.rows import Measured, row
from dispatch.client import Client, JobEndedError, models

_INPUTS = ("dispatch/service", "dispatch/client", "benchmarks/open_loop.py", "benchmarks/topics/service/load.py")
_WRITES = frozenset({"post measurements", "post schedule"})
# Shares of the reads; what is written comes on top of them.
_READS = {
    "site": 0.15, "sites": 0.1, "schedule": 0.15, "schedules": 0.1, "setpoints": 0.2, "measurements": 0.15, "job": 0.15,
}  # fmt: skip
_MEASUREMENTS = 0.125  # share of all requests
_STEP = timedelta(minutes=15)
_HISTORY_DAYS, _STEPS = 2, 48
_DRAIN_S = 300.0
_PROCESSES = 2  # that answer, one for each core


@dataclass(frozen=True)
class Load:
    """What is asked of the service."""

    seconds: float = 300.0
    rate_per_s: float = 200.0
    schedules: int = 1000
    sites: int = 20


@dataclass(frozen=True)
class Found:
    """What came of it.

    Attributes:
        ms: latencies by kind of request; failed: by kind and status, those that were no success.
        asked: requests meant; unanswered: of them without any answer.
        states: of the jobs that were accepted; ``lost`` for one that the service does not know.
        drained_s: from the last request to the last schedule.
        cpu_s: of the first process, and of everything that it started: the other one, the worker and its child.
    """

    ms: Mapping[str, np.ndarray]
    failed: Mapping[tuple[str, int], int]
    asked: int
    unanswered: int
    states: Mapping[str, int]
    drained_s: float
    cpu_s: Mapping[str, float]

    @property
    def reads_ms(self) -> np.ndarray:
        return np.concatenate([values for kind, values in self.ms.items() if kind not in _WRITES])

    @property
    def errors(self) -> int:
        return self.unanswered + sum(self.failed.values())


def park(number: int) -> dict[str, Any]:
    """A works with a roof, a battery and a connection: small, and of a size of its own."""
    hours = {"day": (0.28, ["06:00-22:00"]), "night": (0.12, ["00:00-06:00", "22:00-24:00"])}
    prices = [
        {"name": name, "basis": "energy", "price_per_kwh": price, "calendar": {"hours": when}, "source": "invented"}
        for name, (price, when) in hours.items()
    ]
    tariff = {"name": "two_prices", "currency": "EUR", "components": prices}
    return {
        "name": f"works_{number:03d}", "time_zone": "Europe/Berlin", "currency": "EUR",
        "latitude_deg": 52.5, "longitude_deg": 13.4,
        "buses": [{"name": "main", "carrier": "electricity"}],
        "assets": [
            {"kind": "load", "name": "factory", "bus": "main"},
            {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 200 + 10 * number, "tilt_deg": 15,
             "azimuth_deg": 180},
            {"kind": "battery", "name": "battery", "bus": "main", "use": "li_ion_lfp_2030", "energy_kwh": 400,
             "charge_kw": 200, "discharge_kw": 200, "start_fill": 0.5, "wear_cost_per_kwh": 0.03},
            {"kind": "grid_connection", "name": "grid", "bus": "main", "import_kw": 800, "export_kw": 400,
             "carbon_intensity_kg_per_kwh": 0.363, "tariff": tariff},
        ],
        "planning": {"scenarios": 0},
    }  # fmt: skip


def powers(number: int, steps: int, step_h: float) -> dict[str, list[float]]:
    """A working day and a sunny one, which repeat."""
    hour = np.arange(steps) * step_h % 24
    factory = 150 + 10 * number + 100 * ((hour > 6) & (hour < 20))
    roof = (200 + 10 * number) * np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * 0.6
    return {"factory": [float(v) for v in factory.round(3)], "roof": [float(v) for v in roof.round(3)]}


@dataclass(frozen=True)
class Running:
    """A server as a process."""

    process: subprocess.Popen[str]
    address: str
    key: str


@contextlib.contextmanager
def running(
    folder: Path, workers: int = 1, program: Sequence[str] = (sys.executable, "-m", "dispatch")
) -> Iterator[Running]:
    """``parkwatt serve --demo`` on a free port, answered by two processes; ended as an operator does."""
    command = [*program, "serve", "--demo", "--port", "0", "--workers", str(workers), "--data",
               str(folder / "data"), "--log-level", "warning"]  # fmt: skip
    extra = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    extra["PARKWATT_PROCESSES"] = str(_PROCESSES)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **extra}, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    try:
        text = ""
        while not (found := re.search(r"http://([\d.:]+)/api/v1[\s\S]*?(pw_key_\w[\w-]+)", text)):
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the server did not start: {text}{(folder / 'log').read_text()[-500:]}")
            text += line
        yield Running(process, found[1], found[2])
    finally:
        process.terminate()
        process.communicate(timeout=60)


def filled(client: Client, load: Load) -> datetime:
    """Sites with two days of measurements and a first plan each; the time up to which it was measured."""
    now = datetime.now(UTC)
    until = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) - timedelta(hours=12)
    steps = _HISTORY_DAYS * 96
    for number in range(load.sites):
        site = f"works-{number:03d}"
        client.sites.put(site, park(number))
        client.upload(site, powers(number, steps, 0.25), start=until - steps * _STEP, source="meter")
    accepted = [client.schedules.create(f"works-{k:03d}", wanted(k)) for k in range(load.sites)]
    for each in accepted:
        client.wait(each.job)
    return until


def wanted(number: int) -> models.ScheduleAsked:
    """A plan of the next two days in hours, its powers told: it is the service that is measured, no forecaster."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    horizon = models.HorizonAsked(start=start, steps=_STEPS, step_minutes=60)
    return models.ScheduleAsked(horizon=horizon, series=powers(number, _STEPS, 1.0), mode="day_ahead")


def requests(load: Load, until: datetime, seed: int = 1) -> Iterator[list[Any]]:
    """[second, kind, method, path, body] in order of time."""
    rng = random.Random(seed)
    post = {"post measurements": _MEASUREMENTS * load.rate_per_s, "post schedule": load.schedules / load.seconds}
    read_per_s = load.rate_per_s - sum(post.values())
    rates = {**post, **{kind: share * read_per_s for kind, share in _READS.items()}}
    kinds, weights = list(rates), list(rates.values())
    second, made, sent = 0.0, 0, Counter[int]()
    while (second := second + rng.expovariate(load.rate_per_s)) < load.seconds or made < load.schedules:
        kind = rng.choices(kinds, weights)[0] if second < load.seconds else "post schedule"
        if kind == "post schedule" and made == load.schedules:
            kind = "site"
        made += kind == "post schedule"
        number = rng.randrange(load.sites)
        sent[number] += kind == "post measurements"
        yield [second, kind, *_request(kind, number, until + sent[number] * _STEP / 15)]


def _request(kind: str, number: int, end: datetime) -> tuple[str, str, Any]:
    site, api = f"works-{number:03d}", "/api/v1"
    if kind == "post schedule":
        return "POST", f"{api}/sites/{site}/schedules", wanted(number).model_dump(mode="json", exclude_unset=True)
    if kind == "post measurements":
        values = {"factory": 200.0 + number, "roof": 20.0}
        rows = [{"site": site, "series": name, "time": end.isoformat(), "value": value, "source": "meter"}
                for name, value in values.items()]  # fmt: skip
        return "POST", f"{api}/measurements", {"rows": rows}
    start = (end - timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
    paths = {
        "site": f"{api}/sites/{site}", "sites": f"{api}/sites?limit=50",
        "schedule": f"{api}/sites/{site}/schedules/latest", "schedules": f"{api}/sites/{site}/schedules?limit=10",
        "setpoints": f"{api}/sites/{site}/setpoints", "job": "{job}",
        "measurements": f"{api}/measurements?site={site}&series=factory&start={start}",
    }  # fmt: skip
    return "GET", paths[kind], None


def measure(load: Load) -> Found:
    """Run it, tell what came of it."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with running(folder) as server, Client(f"http://{server.address}", server.key) as client:
            _say(f"server at {server.address}; filling {load.sites} sites")
            until = filled(client, load)
            lines = list(requests(load, until))
            (folder / "asked").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
            before_s = _cpu_s(server.process.pid)
            _say(f"{len(lines)} requests in {load.seconds:g} s")
            _send(server, folder, load)
            answers = [json.loads(line) for line in (folder / "answers").read_text("utf-8").splitlines()]
            began = time.monotonic()
            states = _states(client, [job for *_, job in answers if job])
            drained_s, cpu_s = time.monotonic() - began, _cpu_s(server.process.pid)
            cpu_s = {name: cpu_s[name] - before_s[name] for name in cpu_s}
    found = _found(lines, answers, states, drained_s, cpu_s)
    summary(found)
    return found


def _send(server: Running, folder: Path, load: Load) -> None:
    command = [sys.executable, "-m", "benchmarks.open_loop", server.address, server.key, str(folder / "asked"),
               str(folder / "answers")]  # fmt: skip
    sender, began = subprocess.Popen(command, cwd=ROOT), time.monotonic()
    while sender.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            sender.wait(30)
        _say(f"{min(time.monotonic() - began, load.seconds):.0f} of {load.seconds:g} s")
    if sender.returncode:
        raise RuntimeError(f"the sender ended with {sender.returncode}")


def _states(client: Client, jobs: list[str]) -> Counter[str]:
    """What became of the jobs, each waited for."""
    states: Counter[str] = Counter()
    until = time.monotonic() + _DRAIN_S
    for href in jobs:
        state: str
        try:
            state = client.wait(href.rpartition("/")[2], timeout_s=max(0.1, until - time.monotonic())).state
        except JobEndedError as ended:
            state = ended.job.state
        except TimeoutError:
            state = "lost"
        states[state] += 1
    return states


def _found(
    lines: list[list[Any]], answers: list[list[Any]], states: Counter[str], drained_s: float, cpu_s: Mapping[str, float]
) -> Found:
    ms, failed = defaultdict[str, list[float]](list), Counter[tuple[str, int]]()
    for _, kind, status, took_ms, _ in answers:
        ms[kind].append(took_ms)
        if not 200 <= status < 300:
            failed[kind, status] += 1
    arrays = {kind: np.array(values) for kind, values in ms.items()}
    return Found(arrays, failed, len(lines), len(lines) - len(answers), states, drained_s, cpu_s)


def _cpu_s(pid: int) -> dict[str, float]:
    """CPU seconds of a process and of all below it, theirs together."""
    ticks, times, parents = os.sysconf("SC_CLK_TCK"), {}, {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = int(fields[1])
            times[int(entry.name)] = sum(map(int, fields[11:15])) / ticks
    below, left = set[int](), {pid}
    while left:
        left = {child for child, parent in parents.items() if parent in left} - below
        below |= left
    return {"first": times.get(pid, 0.0), "others": sum(times[child] for child in below)}


def summary(found: Found) -> None:
    """A line for each kind of request, and what became of the jobs."""
    for kind, values in sorted(found.ms.items()):
        p50, p90, p99 = np.percentile(values, (50, 90, 99))
        _say(f"{kind:18s} {values.size:6d}  p50 {p50:6.1f}  p90 {p90:6.1f}  p99 {p99:6.1f}  max {values.max():7.1f} ms")
    p99 = np.percentile(found.reads_ms, 99)
    _say(f"reads together p99 {p99:.1f} ms; failed {dict(found.failed)}, unanswered {found.unanswered}")
    _say(f"jobs {dict(found.states)}, the last {found.drained_s:.1f} s after the last request")
    _say(f"CPU s { ({name: round(value, 1) for name, value in found.cpu_s.items()}) }")


def _say(text: str) -> None:
    sys.stderr.write(f"  load: {text}\n")
    sys.stderr.flush()


@cache
def loaded() -> Found:
    """The load that the rows are about, once."""
    return measure(Load())


_WHAT = "200 requests/s for 300 s while 1000 schedules are made"


@row("service", name=f"{_WHAT}: p99 of reads", unit="ms", bar="<= 100", slow=True, inputs=_INPUTS)
def reads_p99_ms() -> float:
    return float(np.percentile(loaded().reads_ms, 99))


@row("service", name=f"{_WHAT}: requests that failed", unit="requests", bar="== 0", slow=True, inputs=_INPUTS)
def requests_failed() -> Measured:
    return Measured(loaded().errors)


@row("service", name=f"{_WHAT}: jobs lost", unit="jobs", bar="<= 0", slow=True, inputs=_INPUTS)
def jobs_lost() -> int:
    states = loaded().states
    return Load().schedules - sum(states[state] for state in ("done", "failed", "cancelled") if state in states)


@row("service", name=f"{_WHAT}: schedules done", unit="schedules", bar="== 1000", slow=True, inputs=_INPUTS)
def schedules_done() -> int:
    return loaded().states.get("done", 0)


def main() -> None:
    """``python -c "from benchmarks.topics.service.load import main; main()" SECONDS SCHEDULES``: a smaller load."""
    seconds, schedules = float(sys.argv[1]), int(sys.argv[2])
    measure(Load(seconds=seconds, schedules=schedules))
