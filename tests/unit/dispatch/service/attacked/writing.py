"""Clients that write without pause, each request again under its key until it is taken, and what they were told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from tests.unit.dispatch.service.store.parks import START, body

_PATIENCE_S = 60.0
SITES = ("a", "b", "c")


@dataclass
class Told:
    """What clients were told.

    Attributes:
        taken: of each measurement that was acknowledged, (site, number of its quarter) and its value.
        statuses: of all answers; begun: how many requests were begun.
    """

    taken: dict[tuple[str, int], float] = field(default_factory=dict)
    statuses: set[int] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)

    def times(self, site: str) -> dict[str, float]:
        """Of a site, what was taken, by the end of its interval."""
        ends = {(START + (number + 1) * timedelta(minutes=15)): value for (of, number), value in self.taken.items()
                if of == site}  # fmt: skip
        return {end.strftime("%Y-%m-%dT%H:%M:%SZ"): value for end, value in ends.items()}


def put_sites(client: httpx.Client) -> None:
    for site in SITES:
        client.put(f"/api/v1/sites/{site}", json=body()).raise_for_status()


@contextmanager
def writing(url: str, key: str) -> Iterator[Told]:
    """One client a site, until the block ends."""
    told, stop = Told(), threading.Event()

    def write(site: str) -> None:
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, verify=False, timeout=30) as client:
            number = 0
            while not stop.is_set():
                _write(client, site, number, told)
                number += 1

    threads = [threading.Thread(target=write, args=(site,)) for site in SITES]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _write(client: httpx.Client, site: str, number: int, told: Told) -> None:
    end = START + (number + 1) * timedelta(minutes=15)
    row: dict[str, Any] = {"site": site, "series": "roof", "time": end.isoformat(), "value": float(number)}
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        answer = client.post(
            "/api/v1/measurements", json={"rows": [row]}, headers={"Idempotency-Key": f"{site}-{number}"}
        )
        told.statuses.add(answer.status_code)
        if answer.status_code == 200:
            if answer.json()["accepted"] != 1:  # under its key it is done once, whoever was away in between
                told.lost.append(f"{site}-{number}: {answer.text}")
            told.taken[site, number] = float(number)
            return
        time.sleep(0.05)
    told.lost.append(f"{site}-{number} was never taken")


def read(client: httpx.Client, site: str) -> dict[str, float]:
    """What is held of a site, by the end of its interval."""
    answer = client.get("/api/v1/measurements", params={"site": site}).raise_for_status()
    return {row["time"]: row["value"] for row in answer.json()["rows"]}
