"""A made-up fleet for its page: any number of sites, two feeders that bind at noon or in the evening, some failures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dispatch.report.data import Line
from dispatch.report.fleet_data import FleetBounds, FleetData, FleetSites, SharedUse

TOO_MUCH = "no plan within 30 s: the load is above what the connection and the battery give"
HOURS = np.arange(96) / 4


def profiles(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, 96) load, PV and storage (discharge above zero) of sites of all sizes [kW]."""
    size = rng.lognormal(5.5, 0.6, count)[:, None]
    day = np.exp(-(((HOURS - 12) / 3.2) ** 2))
    load = size * (0.45 + 0.4 * np.exp(-(((HOURS - 19) / 3) ** 2)) + 0.25 * day) * rng.normal(1, 0.05, (count, 96))
    pv = size * rng.uniform(0.2, 1.3, count)[:, None] * day
    store = 0.3 * size * (np.exp(-(((HOURS - 19.5) / 1.5) ** 2)) - np.exp(-(((HOURS - 12.5) / 1.8) ** 2)))
    return load, pv, store


def example_sites(count: int, rng: np.random.Generator) -> tuple[FleetSites, np.ndarray, np.ndarray, np.ndarray]:
    load, pv, store = profiles(count, rng)
    net = load - pv - store
    imported, exported = np.maximum(net, 0), np.maximum(-net, 0)
    alone = imported.sum(1) / 4 * 0.7 - exported.sum(1) / 4 * 0.35
    failed = np.arange(count) % 211 == 7
    cost = np.where(failed & (np.arange(count) % 2 == 0), np.nan, alone + rng.gamma(1.2, 4.0, count))
    feeders = tuple(f"feeder_{k % 12 + 1:02d}" for k in range(count))
    owners = tuple(f"业主{k % 40}" for k in range(count))
    town = rng.integers(0, 9, count)
    sites = FleetSites(
        name=tuple(f"site_{k:05d}" for k in range(count)),
        quality=tuple("rule_based" if f else "optimal" if k % 9 else "incumbent" for k, f in enumerate(failed)),
        reason=tuple(TOO_MUCH if f else "" for f in failed),
        structure=tuple("pv_storage" if k % 4 else "pv_storage_genset" for k in range(count)),
        cost=cost,
        cost_alone=np.where(np.isfinite(cost), alone, np.nan),
        cost_ruled=alone * 1.12 + 20,
        charged=rng.normal(0, 30, count),
        co2_kg=imported.sum(1) / 4 * 0.58,
        import_kwh=imported.sum(1) / 4,
        export_kwh=exported.sum(1) / 4,
        peak_import_kw=imported.max(1),
        gap=rng.uniform(0, 1e-4, count),
        seconds=rng.lognormal(-4.2, 0.5, count),
        labels={"feeder": feeders, "owner": owners, "share": rng.uniform(0, 1, count)},
        latitude_deg=np.where(rng.random(count) < 0.02, np.nan, 31.2 + 0.9 * np.sin(town) + rng.normal(0, 0.1, count)),
        longitude_deg=120.5 + 1.4 * np.cos(2.3 * town) + rng.normal(0, 0.15, count),
        net_import_kw=net,
    )  # fmt: skip
    return sites, load, pv, store


def example_shared(net: np.ndarray) -> tuple[SharedUse, ...]:
    both = []
    for k, name in enumerate(("feeder_01", "feeder_02")):
        used = net[k::12].sum(0) if len(net) > 12 else net.sum(0) / 2
        upper = np.full(96, 0.88 * used.max())
        kept = np.minimum(used, upper)
        price = np.where(used > upper, 0.05 + 0.4 * (used / upper - 1), 0.0)
        lower = np.full(96, -np.inf)
        both.append(SharedUse(name, "kW", kept, lower, upper, price, np.zeros(96), len(net[k::12])))
    carbon = float(np.maximum(net, 0).sum() / 4 * 0.58 / 1000)
    one = np.array([carbon])
    both.append(
        SharedUse("carbon budget", "t", one, np.array([-np.inf]), one.copy(), np.array([61.3]), np.array([0.0]))
    )
    return tuple(both)


def example_bounds(cost: float) -> FleetBounds:
    k = np.arange(14)
    lower = cost * (1 - 2.2 * 0.42**k - 4e-5)
    lower[5] = lower[4] - 0.03 * cost  # a bound may fall again: the best one counts
    upper = cost * (1 + 0.4 * 0.5**k + 2e-5)
    lower[0] = -np.inf
    return FleetBounds(lower, upper, 2.4 * (k + 1), gap=6e-5, gap_wanted=1e-4, stopped="gap reached")


def example(count: int = 60, seed: int = 1) -> FleetData:
    sites, load, pv, store = example_sites(count, np.random.default_rng(seed))
    assert sites.net_import_kw is not None
    net = sites.net_import_kw
    stacks = {
        "grid": np.maximum(net, 0), "pv": pv, "battery": np.maximum(store, 0),
    }  # fmt: skip
    uses = {"load": load, "battery charging": np.maximum(-store, 0), "export": np.maximum(-net, 0)}
    lines = [
        tuple(Line(name, tuple(map(float, values.sum(0))), name.split()[0]) for name, values in part.items())
        for part in (stacks, uses)
    ]
    start = [f"2025-03-04T{k // 4:02d}:{15 * (k % 4):02d}:00+08:00" for k in range(96)]
    return FleetData(
        title="parkwatt: fleet plan", fleet="taihu_group", day="2025-03-04", time_zone="Asia/Shanghai", currency="CNY",
        step_start=tuple(start), step_h=(0.25,) * 96, sites=sites, supply=lines[0], use=lines[1],
        shared=example_shared(net), bounds=example_bounds(float(np.nansum(sites.cost))),
        settings=("commitment convex", "2 workers, processes"),
        work=(("Wall time", "33.6 s"), ("Chunks", "200, of which 3 were repeated"), ("Workers that died", "1")),
        notes=("Sites whose plan failed run by rules; they are counted in the shared limits as they run.",),
    )  # fmt: skip


def alone(count: int = 20) -> FleetData:
    """Nothing shared, and of each site only what every run knows."""
    data = example(count)
    sites = replace(
        data.sites, reason=(), structure=(), cost_alone=None, cost_ruled=None, charged=None, gap=None, seconds=None,
        labels={}, latitude_deg=None, longitude_deg=None, net_import_kw=None,
    )  # fmt: skip
    return replace(data, sites=sites, shared=(), bounds=None, supply=(), use=(), work=(), notes=())
