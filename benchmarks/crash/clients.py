"""Clients that go on asking until they are answered, with the same key, and note what they were told."""

from __future__ import annotations

import json
import os
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from benchmarks.crash.acknowledged import QUARTER, START, Ack
from benchmarks.crash.writer import SITES, body
from dispatch.service.store import Store, jobs

_AGAIN_S = 0.02
_STEPS = 8
_WAITING = 5


def plant(title: str) -> dict[str, Any]:
    """The writer's park with a battery, so that there is something to plan and to override."""
    park = body(title)
    store = {"kind": "battery", "name": "store", "bus": "mv", "energy_kwh": 400, "charge_kw": 100, "discharge_kw": 100}
    return park | {"assets": [*park["assets"], store]}


class Client:
    """A thread that writes in turn measurements, sites, overrides, schedules and jobs, one after the other.

    Attributes:
        told: what was acknowledged, in order; also written to the file ``marks``, where that is open.
        sent: how often a request was sent, answered or not.
    """

    def __init__(self, url: str, credential: str, store: Store, tenant: str, number: int) -> None:
        self._http = httpx.Client(
            base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {credential}"}, timeout=20, verify=False
        )
        self._store, self.tenant, self.number = store, tenant, number
        self._random = random.Random(number)
        self._ended = threading.Event()
        self._next = 0
        self.told: list[Ack] = []
        self.marks: int | None = None
        self.sent = 0
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def go_on(self, seconds: float) -> None:
        """Write for so long, in this thread."""
        threading.Timer(seconds, self._ended.set).start()
        self._go_on()

    def stop(self) -> None:
        """Whatever was asked is asked until it is answered."""
        self._ended.set()
        self._thread.join()
        self._http.close()

    def begin(self) -> None:
        """The sites, so that there is something to write to."""
        for site in SITES:
            self._site(site)

    def _go_on(self) -> None:
        writes = [self._rows] * 6 + [self._site] * 2 + [self._override] * 2
        asks: list[Callable[[str], None]] = [self._schedule, self._job, self._job]
        while not self._ended.is_set():
            self._random.choice(writes if self._has_enough_jobs() else writes + asks)(self._random.choice(SITES))

    def _has_enough_jobs(self) -> bool:
        """Workers that are killed all the time do not get far: what waits for them is kept short."""
        try:
            with self._store.read(self.tenant) as tx:
                waiting = tx.select(jobs.records, jobs.records.c.id).where(jobs.records.c.state == "queued")
                return len(tx.all(waiting.limit(_WAITING))) == _WAITING
        except Exception:  # noqa: BLE001 - the database is gone
            return True

    def _ask(self, method: str, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """The answer, however often that takes: same request, same key.

        Raises:
            RuntimeError: it is refused, which no kill explains.
        """
        key = str(uuid.uuid4())
        while True:
            self.sent += 1
            try:
                answer = self._http.request(method, path, json=content, headers={"Idempotency-Key": key})
            except httpx.HTTPError:
                time.sleep(_AGAIN_S)
                continue
            if answer.status_code in (409, 429) or answer.status_code >= 500:
                time.sleep(_AGAIN_S)
                continue
            if answer.is_success:
                found: dict[str, Any] = answer.json()
                return found
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")

    def _note(self, what: str, **fields: Any) -> None:
        ack = {"what": what, "tenant": self.tenant, **fields}
        self.told.append(ack)
        if self.marks is not None:
            os.write(self.marks, json.dumps(ack).encode() + b"\n")

    def _site(self, site: str) -> None:
        title = f"{self.number}-{time.time_ns()}"
        answer = self._ask("PUT", f"/sites/{site}", plant(title))
        self._note("site", site=site, version=answer["version"], etag=None, title=title)

    def _rows(self, site: str) -> None:
        count, first = self._random.randint(1, 50), self._next
        self._next += count
        values = [self._random.uniform(0, 500) for _ in range(count)]
        source = f"c{self.number}"
        rows = [
            {"site": site, "series": "roof", "source": source, "value": value,
             "time": (START + (first + at + 1) * QUARTER).isoformat()}
            for at, value in enumerate(values)
        ]  # fmt: skip
        self._ask("POST", "/measurements", {"rows": rows})
        self._note("rows", site=site, series="roof", source=source, first=first, values=values, received=None)

    def _override(self, site: str) -> None:
        until = (datetime.now(UTC) + timedelta(minutes=30)).isoformat(timespec="seconds")
        value = round(self._random.uniform(0, 90), 3)
        asked = {"asset": "store", "quantity": "charge_kw", "value": value, "until": until, "reason": f"{self.number}"}
        answer = self._ask("POST", f"/sites/{site}/overrides", asked)
        self._note("override", id=answer["id"], value=value)

    def schedule(self, deadline_s: float) -> None:
        """Ask for one, of some site."""
        self._schedule(self._random.choice(SITES), deadline_s)

    def _schedule(self, site: str, deadline_s: float = 10.0) -> None:
        offices = [round(self._random.uniform(10, 90), 2) for _ in range(_STEPS)]
        start = (datetime.now(UTC) + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
        horizon = {"start": start.isoformat(), "steps": _STEPS, "step_minutes": 60}
        asked = {"horizon": horizon, "deadline_s": deadline_s, "scenarios": 0}
        asked |= {"series": {"offices": offices, "roof": [0.0] * _STEPS}}
        answer = self._ask("POST", f"/sites/{site}/schedules", asked)
        self._note("schedule", id=answer["id"])
        self._note("job", id=answer["job"])

    def _job(self, _site: str) -> None:
        """Submitted as a route does, in a transaction of its own."""
        seconds = round(self._random.uniform(0, 0.3), 3)
        try:
            made = self._store.run(
                self.tenant, "crash", lambda tx: jobs.submit(tx, "effect", {"seconds": seconds}, deadline_s=30.0)
            )
        except Exception:  # noqa: BLE001 - the database is gone: nothing was told, and nothing is expected
            time.sleep(_AGAIN_S)
            return
        self._note("job", id=made.id)


def main(url: str, credential: str, tenant: str, place: str, marks: str, seconds: str) -> None:
    """A client as a process of its own, which notes what it was told in a file."""
    database, data = place.split(" ")
    store = Store.open(database, Path(data), migrate=False)
    client = Client(url, credential, store, tenant, 1)
    client.marks = os.open(marks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    client.begin()
    client.go_on(float(seconds))
    store.close()
