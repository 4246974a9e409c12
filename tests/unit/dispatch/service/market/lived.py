"""What tests of markets go on from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pyarrow as pa

from benchmarks.topics.service import vpp_day
from benchmarks.topics.service.vpp_day import DAY, FLEET, Vpp, clock_at
from dispatch.service import work
from tests.unit.dispatch.service.served import Served

SITES = 3
KINDS = work.find()
# What was lived is in the evening.
MORNING = {"start": (DAY + timedelta(hours=9)).isoformat(), "end": (DAY + timedelta(hours=11)).isoformat()}
TOMORROW = {"day": DAY.date().isoformat(), "known_at": "end"}


@dataclass
class Lived:
    """The two days of a small fleet, lived once for all tests here."""

    served: Served
    tenant: str
    vpp: Vpp
    other: httpx.Client
    plan: dict[str, Any]
    flexibility: dict[str, Any]
    bid: dict[str, Any]
    award: dict[str, Any]
    setpoints: pa.Table
    settlement: dict[str, Any]

    def at(self, moment: datetime) -> None:
        self.served.store.clock = clock_at(moment)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.vpp.client.get(f"/api/v1{path}", **more)

    def post(self, path: str, json: Any = None, **more: Any) -> httpx.Response:
        return self.vpp.client.post(f"/api/v1{path}", json=json, **more)


def pointers(answer: httpx.Response, status: int = 422) -> list[str]:
    assert answer.status_code == status, answer.text
    return [one["pointer"] for one in answer.json().get("errors", [])]


def drafted(lived: Lived, **more: Any) -> httpx.Response:
    asked = {"flexibility": lived.flexibility["id"], "product": vpp_day.PRODUCT, "side": "up", **more}
    if "periods" not in more:
        asked |= MORNING
    return lived.post(f"/fleets/{FLEET}/bids", asked)
