"""A small site with a battery, sun and a load, its measurements, and what is asked of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pyarrow as pa

from dispatch.service import work
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.runner import run_one
from dispatch.service.store import Store, series, sites
from dispatch.service.store.jobs import Job
from tests.unit.dispatch.service.served import Api

QUICK = Policy(pause_s=0.002, lease_s=30.0, attempts=1)
STEPS = 24
PARK: dict[str, Any] = {
    "name": "works",
    "time_zone": "Europe/Berlin",
    "currency": "EUR",
    "latitude_deg": 52.5,
    "longitude_deg": 13.4,
    "buses": [{"name": "lv"}],
    "assets": [
        {"kind": "pv", "name": "roof", "bus": "lv", "peak_kw": 100, "tilt_deg": 20, "azimuth_deg": 180},
        {"kind": "battery", "name": "li", "bus": "lv", "energy_kwh": 200, "charge_kw": 80, "discharge_kw": 80},
        {"kind": "load", "name": "hall", "bus": "lv"},
        {
            "kind": "grid_connection", "name": "pcc", "bus": "lv", "import_kw": 300, "export_kw": 100,
            "tariff": {
                "name": "flat", "currency": "EUR",
                "components": [
                    {"name": "energy", "direction": "import", "basis": "energy", "price_per_kwh": 0.25, "source": "x"},
                    {"name": "sold", "direction": "export", "basis": "energy", "price_per_kwh": 0.05, "source": "x"},
                ],
            },
        },
    ],
    "planning": {"scenarios": 2, "step_minutes": 60},
}  # fmt: skip


def park(**changes: Any) -> dict[str, Any]:
    """The site's body with other keys."""
    return {**copy.deepcopy(PARK), **changes}


def put(store: Store, tenant: str, site: str = "works", body: Mapping[str, Any] = PARK) -> None:
    with store.write(tenant, "test") as tx:
        sites.put(tx, site, sites.prepare(body, site))


def measured(first: datetime, hours: int, names: tuple[str, ...] = ("roof", "hall"), site: str = "works") -> pa.Table:
    """Hourly means from a moment on, the same every time."""
    ends = [first + timedelta(hours=n + 1) for n in range(hours)]
    clock = np.array([end.hour for end in ends])
    values = {"roof": np.maximum(0.0, 70 * np.sin((clock - 6) / 12 * np.pi)), "hall": 60 + 30 * np.sin(clock / 24 * 6)}
    rows = [
        {"site": site, "series": name, "time": end, "value": float(value), "source": ""}
        for name in names
        for end, value in zip(ends, values[name], strict=True)
    ]
    schema = pa.schema([("site", pa.string()), ("series", pa.string()), ("time", pa.timestamp("us", tz="UTC")),
                        ("value", pa.float64()), ("source", pa.string())])  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)


def upload(store: Store, tenant: str, rows: pa.Table) -> None:
    with store.write(tenant, "test") as tx:
        receipt = series.append(tx, rows)
        assert receipt.is_taken, receipt.rejections


def hour(offset: int = 0) -> datetime:
    """A whole hour near now."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=offset)


def horizon(start: datetime, steps: int = STEPS) -> dict[str, Any]:
    return {"start": start.isoformat(), "steps": steps, "step_minutes": 60}


def given(start: datetime, steps: int = STEPS) -> dict[str, list[float]]:
    """What comes, said by the client."""
    clock = np.array([(start + timedelta(hours=n)).hour for n in range(steps)])
    sun = np.maximum(0.0, 60 * np.sin((clock - 6) / 12 * np.pi))
    return {"roof": sun.tolist(), "hall": (50 + 20 * np.cos(clock)).tolist()}


def asked(client: httpx.Client, what: str = "schedules", site: str = "works", **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/v1/sites/{site}/{what}", json=body)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def done(where: Api | Store, policy: Policy = QUICK) -> Job:
    """Do the job that is next, here: the first tenant's where a server has many."""
    store, tenant = (where, "") if isinstance(where, Store) else (where.store, where.tenant)
    job = run_one(store, work.find(), policy, tenant=tenant)
    assert job is not None
    return job


def get(client: httpx.Client, path: str, **query: Any) -> Any:
    answer = client.get(path if path.startswith("/") else f"/api/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()
