"""The simulated run of a fleet: right where arithmetic says what it must be; the page on scale says what it prints."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.topics.fleet.scale.costs import Costs, Power, Spread, keep, kept, read
from benchmarks.topics.fleet.scale.simulation import Machine, apart, coordinated
from tests.pages import outputs_that_hold

CALM = Machine(1, latency_s=0.0, network_bytes_s=np.inf, start_s=0.0)


def even(seconds: float) -> Spread:
    return Spread.of(np.full(10, seconds))


@pytest.fixture
def costs() -> Costs:
    """Every site takes as long as every other, and the driver takes nothing."""
    return replace(
        kept(), first_s=even(0.01), again_s=even(0.002), commit_s=even(0.1), plan_s=even(0.2), instantiate_s=0.0,
        compile_s=0.0, call_s=0.0, byte_s=0.0, sample_s=0.0, master_s=Power(0.0, 0.0, 1.0), rounds=5,
    )  # fmt: skip


def test_one_worker_takes_the_sum(costs: Costs) -> None:
    told = coordinated(costs, 1000, CALM)
    assert told.wall_s == pytest.approx(1000 * (0.01 + 4 * 0.002))
    assert told.busy == pytest.approx(1.0)
    assert told.driver_s == pytest.approx(0.0, abs=1e-9)
    assert coordinated(costs, 1000, CALM, commitment=True).wall_s == pytest.approx(told.wall_s + 100)
    assert apart(costs, 1000, CALM).wall_s == pytest.approx(200)


def test_workers_share_the_work_and_wait_for_the_slowest(costs: Costs) -> None:
    alone = coordinated(costs, 2000, CALM).wall_s
    told = coordinated(costs, 2000, replace(CALM, workers=8))
    assert told.wall_s == pytest.approx(alone / 8)
    # Eight pieces on five workers: three of them have two.
    odd = coordinated(costs, 2000, replace(CALM, workers=5))
    assert odd.wall_s == pytest.approx(alone * 2 / 8)
    assert odd.busy == pytest.approx(8 / 10)


def test_the_driver_works_alone_between_rounds(costs: Costs) -> None:
    slow = replace(costs, master_s=Power(3.0, 0.0, 1.0), call_s=0.5)
    told = coordinated(slow, 1000, CALM)
    plain = coordinated(costs, 1000, CALM)
    assert told.wall_s - plain.wall_s == pytest.approx(5 * (3.0 + 0.5))  # of four messages three hide behind work
    assert told.driver_s == pytest.approx(5 * 3.5)


def test_deaths_cost_time_and_nothing_else(costs: Costs) -> None:
    machine = replace(CALM, workers=4)
    calm, deadly = (coordinated(costs, 4000, replace(machine, deaths_per_h=rate)) for rate in (0.0, 900.0))
    assert calm.deaths == 0
    assert deadly.deaths > 10
    assert deadly.wall_s > calm.wall_s + costs.respawn_s
    assert deadly.moved_bytes == calm.moved_bytes
    assert coordinated(costs, 4000, replace(machine, deaths_per_h=900.0)) == deadly  # the same seed, the same run


def test_memory_and_bytes_are_counted_once(costs: Costs) -> None:
    told = coordinated(costs, 1000, CALM)
    assert told.node_bytes == costs.worker_bytes + 1000 * (costs.site_bytes + 5 * costs.kept_bytes)
    assert told.driver_bytes >= costs.driver_bytes + 1000 * (costs.site_bytes + 2 * costs.plan_bytes)
    groups = costs.groups * (costs.rows + 2) * 8 * 5
    assert told.moved_bytes == pytest.approx(1000 * (costs.site_bytes + costs.plan_bytes) + groups)


def test_draws_keep_the_measured_mean() -> None:
    values = np.random.default_rng(1).lognormal(0, 1, 400)
    spread = Spread.of(values)
    assert spread.draw(np.random.default_rng(2), 50_000).mean() == pytest.approx(values.mean(), rel=0.02)


def test_a_power_is_found_again() -> None:
    x = np.array([25.0, 50, 100, 200, 400])
    found = Power.fit(x, 0.01 + 2e-4 * x**1.4)
    assert found(4000) == pytest.approx(0.01 + 2e-4 * 4000**1.4, rel=0.05)


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    costs = kept()
    keep(costs, tmp_path / "again.json")
    assert read(json.loads((tmp_path / "again.json").read_text("utf-8"))) == costs
    assert set(asdict(costs)) == set(json.loads((tmp_path / "again.json").read_text("utf-8")))


def test_slower_cores_take_longer_and_hold_the_same(costs: Costs) -> None:
    fast, slow = coordinated(costs, 1000, CALM), coordinated(costs.slower(2.0), 1000, CALM)
    assert slow.wall_s == pytest.approx(2 * fast.wall_s)
    assert slow.driver_bytes == fast.driver_bytes


def test_the_page_on_scale_says_what_is_printed() -> None:
    assert outputs_that_hold("fleet_scale.md") == 4
