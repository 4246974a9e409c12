"""What a schedule of a small site costs: a thousand of them are made beside a load of requests, on the same cores."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rows import row

SITES = 60
STEPS = 24
BAR = "<= 0.4"
INPUTS = ("dispatch", "forecasting", "benchmarks/topics/service/planning.py")
_TENANT, _WARM, _HISTORY_DAYS = "north", 3, 30
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
        {"kind": "grid_connection", "name": "pcc", "bus": "lv", "import_kw": 300, "export_kw": 100,
         "tariff": {"name": "flat", "currency": "EUR", "components": [
             {"name": "energy", "direction": "import", "basis": "energy", "price_per_kwh": 0.25, "source": "typical"},
             {"name": "sold", "direction": "export", "basis": "energy", "price_per_kwh": 0.05, "source": "typical"},
         ]}},
    ],
    "planning": {"scenarios": 5, "step_minutes": 60},
}  # fmt: skip


@row("service", name="a small site's schedule on series of the client, in a warm worker", unit="CPU-s", bar=BAR,
     slow=True, inputs=INPUTS)  # fmt: skip
def on_given_series() -> float:
    return _cpu_s(history_days=0)


@row("service", name="a small site's schedule on its own forecast from 30 days, in a warm worker", unit="CPU-s",
     bar=BAR, slow=True, inputs=INPUTS)  # fmt: skip
def on_its_own_forecast() -> float:
    return _cpu_s(history_days=_HISTORY_DAYS)


def _cpu_s(history_days: int) -> float:
    """CPU time of worker and child per schedule, from the claim to the commit."""
    from dispatch.service import work
    from dispatch.service.runner.child import Child
    from dispatch.service.runner.policy import Policy
    from dispatch.service.runner.runner import Runner
    from dispatch.service.store import schedules

    with _sites(history_days) as store:
        kinds, policy = work.find(), Policy(attempts=1)
        child = Child(policy, [kind.module for kind in kinds.values()])
        runner = Runner(store, kinds, child, policy)
        before = 0.0
        try:
            for number in range(SITES):
                if number == _WARM:
                    before = _used_s(child.pid)
                _submit(store, f"site-{number}", given=history_days == 0)
                runner.once()
            spent = _used_s(child.pid) - before
        finally:
            child.close()
        with store.read(_TENANT) as tx:
            found = schedules.listed(tx, site=None, before=None, limit=SITES)
    assert [one.quality for one in found] == ["optimal"] * SITES
    return spent / (SITES - _WARM)


@contextmanager
def _sites(history_days: int) -> Iterator[Any]:
    from dispatch.service.store import Store, series, sites, tenants

    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/park.db", Path(folder) / "data")
        try:
            with store.admin() as connection:
                tenants.create(connection, _TENANT, "North", datetime.now(UTC))
            with store.write(_TENANT, "benchmark") as tx:
                prepared = sites.prepare(PARK, "works")
                sites.put_many(tx, {f"site-{number}": prepared for number in range(SITES)})
            for number in range(SITES if history_days else 0):
                with store.write(_TENANT, "benchmark") as tx:
                    series.append(tx, _measured(f"site-{number}", history_days))
            yield store
        finally:
            store.close()


def _hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def _measured(site: str, days: int) -> Any:
    import pyarrow as pa

    ends = [_hour() - timedelta(hours=n) for n in range(24 * days)][::-1]
    clock, chance = np.array([end.hour for end in ends]), np.random.default_rng(len(site))
    sun = np.maximum(0.0, 70 * np.sin((clock - 6) / 12 * np.pi)) * chance.uniform(0.3, 1.0, len(ends))
    hall = 60 + 30 * np.sin(clock / 24 * 2 * np.pi) + chance.normal(0, 4, len(ends))
    names = np.repeat(["roof", "hall"], len(ends))
    time_ = pa.array(ends * 2, pa.timestamp("us", tz="UTC"))
    count = len(names)
    columns = [pa.array([site] * count), pa.array(names), time_, pa.array(np.concatenate([sun, hall]))]
    return pa.table([*columns, pa.array([""] * count)], names=["site", "series", "time", "value", "source"])


def _submit(store: Any, site: str, *, given: bool) -> None:
    """As the route does it."""
    from dispatch.service.store import jobs, schedules
    from dispatch.service.work import basis

    start = _hour() + timedelta(hours=1)
    body: dict[str, Any] = {"horizon": {"start": start.isoformat(), "steps": STEPS, "step_minutes": 60},
                            "known_at": "end", "state_age_minutes": 60.0}  # fmt: skip
    if given:
        body["series"] = {"roof": [20.0] * STEPS, "hall": (60 + 20 * np.sin(np.arange(STEPS))).tolist()}
    with store.write(_TENANT, "benchmark") as tx:
        what = basis.asked(tx, site, body)
        values = {"site": site, "site_version": what.version, "mode": "day_ahead", "issued": what.issue,
                  "start": what.horizon.start, "end": what.end, "steps": STEPS,
                  "request": {**body, **basis.kept(what)}}  # fmt: skip
        id_ = schedules.create(tx, values)
        job = jobs.submit(tx, "schedule", {"site": site}, subject=id_, deadline_s=120.0)
        schedules.name_job(tx, id_, job.id)


def _used_s(child: int | None) -> float:
    """CPU time of this process and of the child, so far."""
    fields = Path(f"/proc/{child}/stat").read_text().rsplit(")", maxsplit=1)[1].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
