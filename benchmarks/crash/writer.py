"""A process that writes to a store in every way there is, and says of each write when it was acknowledged."""

from __future__ import annotations

import hashlib
import json
import os
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.crash.acknowledged import EFFECT, QUARTER, START, Ack
from dispatch.service.store import Store, claims, files, jobs, series, sites, tenants, upkeep

TENANTS = ("north", "south")
SITES = ("harbour", "works", "depot")
_SERIES = ("offices", "roof", "net_import_kw")
_GRACE_S = 30.0


def body(title: str) -> dict[str, Any]:
    pcc = {"kind": "grid_connection", "name": "pcc", "bus": "mv", "import_kw": 2000, "tariff": "block_tariff_example"}
    roof = {"kind": "pv", "name": "roof", "bus": "mv", "peak_kw": 800, "tilt_deg": 15, "azimuth_deg": 180}
    place: dict[str, Any] = {"name": "works", "title": title, "time_zone": "Europe/Berlin", "currency": "EUR"}
    place |= {"latitude_deg": 52.5, "longitude_deg": 13.4, "buses": [{"name": "mv"}]}
    return place | {"assets": [{"kind": "load", "name": "offices", "bus": "mv"}, roof, pcc]}


class Writer:
    """One thread's writes. Its number makes its times and sources its own, so that no other changes them."""

    def __init__(self, store: Store, number: int, tell: Callable[[Ack], None]) -> None:
        self.store, self.number, self._tell = store, number, tell
        self.random = random.Random(number)
        self.next = 0

    def begin(self) -> None:
        """Tenants and sites, where they are not there yet."""
        for tenant in TENANTS:
            with self.store.admin() as connection:
                if tenants.get(connection, tenant) is None:
                    tenants.create(connection, tenant, tenant, datetime.now(UTC))
            self._told("tenant", tenant)
            for site in SITES:
                self.site(tenant, site)

    def act(self) -> None:
        """One write of some sort."""
        tenant = self.random.choice(TENANTS)
        sorts = [self.rows] * 6 + [self.site] * 2 + [self.file] * 2 + [self.job] * 3 + [self.done] * 3 + [self.moved]
        self.random.choice(sorts)(tenant)

    def site(self, tenant: str, site: str = "") -> None:
        site = site or self.random.choice(SITES)
        title = f"{self.number}-{time.time_ns()}"
        prepared = sites.prepare(body(title), site)
        put = self.store.run(tenant, "writer", lambda tx: sites.put(tx, site, prepared))
        self._told("site", tenant, site=site, version=put.version, etag=put.etag, title=title)

    def rows(self, tenant: str) -> None:
        import pyarrow as pa

        count, first = self.random.randint(1, 200), self.next
        if self.next > 400 and self.random.random() < 0.3:
            first = self.random.randint(0, 200)  # restated: what was told before is still there, as of then
        else:
            self.next += count
        site, name, source = self.random.choice(SITES), self.random.choice(_SERIES), f"w{self.number}"
        values = [self.random.uniform(0, 500) for _ in range(count)]
        times = [(START + (first + at + 1) * QUARTER) for at in range(count)]
        columns = {"site": [site] * count, "series": [name] * count, "source": [source] * count}
        table = pa.table(
            columns | {"time": pa.array(times, pa.timestamp("us", "UTC")), "value": pa.array(values, pa.float64())}
        )
        receipt = self.store.run(tenant, "writer", lambda tx: series.append(tx, table))
        if not receipt.is_taken:
            raise RuntimeError(f"measurements were refused: {receipt.rejections[:3]}")
        told = {"site": site, "series": name, "source": source, "first": first, "values": values}
        self._told("rows", tenant, **told, received=receipt.received.isoformat())

    def file(self, tenant: str) -> None:
        data = self.random.randbytes(self.random.randint(1, 60_000))
        kept = self.store.run(tenant, "writer", lambda tx: files.put(tx, data, "application/octet-stream", "noise"))
        self._told("file", tenant, id=kept.id, sha256=hashlib.sha256(data).hexdigest())

    def job(self, tenant: str) -> None:
        job = self.store.run(tenant, "writer", lambda tx: jobs.submit(tx, "crash", {"number": self.next}))
        self._told("job", tenant, id=job.id)

    def done(self, _tenant: str) -> None:
        """Do a job as a runner does: claimed, then ended in one transaction with its effect."""
        now = datetime.now(UTC)
        with self.store.admin() as connection:
            job = claims.claim(connection, f"writer {self.number}", now, 2.0)
        if job is None:
            return
        try:
            with self.store.write(job.tenant, job.actor) as tx:
                claims.fence(tx.connection, job)
                tx.audit(EFFECT, job.id)
                claims.finish(tx.connection, job, tx.now, {"href": "/nowhere"})
        except claims.LostError:
            return
        self._told("done", job.tenant, id=job.id)

    def moved(self, _tenant: str) -> None:
        """What nobody asks for: the journal into Parquet, and what is left over off the disk."""
        upkeep.compact(self.store, everything=True)
        upkeep.sweep(self.store, grace_s=_GRACE_S)

    def _told(self, what: str, tenant: str, **fields: Any) -> None:
        self._tell({"what": what, "tenant": tenant, **fields})


def main(url: str, data: str, marks: str, number: str, count: str = "1000000000", threads: str = "1") -> None:
    """So many writes; a line is in the file of marks only once its write was acknowledged."""
    told = os.open(marks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    lock = threading.Lock()

    def tell(ack: Ack) -> None:
        with lock:
            os.write(told, json.dumps(ack).encode() + b"\n")

    store = Store.open(url, Path(data))
    writers = [Writer(store, int(number) + at, tell) for at in range(int(threads))]
    writers[0].begin()

    def go_on(writer: Writer) -> None:
        for _ in range(int(count)):
            writer.act()

    running = [threading.Thread(target=go_on, args=(writer,), daemon=True) for writer in writers[1:]]
    for thread in running:
        thread.start()
    go_on(writers[0])
    for thread in running:
        thread.join()
    store.close()
