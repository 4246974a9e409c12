"""What a case asks of the service itself, beside its doors."""

from __future__ import annotations

import asyncio
import time

import httpx

_PATIENCE_S = 60.0


async def scheduled(api: httpx.AsyncClient, site: str, day: str) -> str:
    """A new schedule of a site's day, when it is done; its id."""
    asked = (await api.post(f"/api/v1/sites/{site}/schedules", json={"day": day})).raise_for_status()
    where, until = asked.json()["href"], time.monotonic() + _PATIENCE_S
    while (made := (await api.get(where)).raise_for_status().json())["state"] != "done" and time.monotonic() < until:
        assert made["state"] in ("queued", "running"), made
        await asyncio.sleep(0.05)
    return str(made["id"])
