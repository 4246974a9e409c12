"""A run on Ray: the bytes of a serial one, with workers that are killed and a site that kills them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dispatch.executor import How, Serial, executor
from dispatch.fleet.run import ask, run
from tests.unit.dispatch.fleet.run.small_fleet import HORIZON, Fails, hashes, members

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("shared_ray"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
]


def test_a_run_on_ray_writes_the_same_bytes(tmp_path: Path) -> None:
    asked = ask(members(12), Fails(HORIZON), HORIZON, 2)
    run(asked, Serial(), tmp_path / "here")
    run(asked, executor("ray", 2, How(warm=True, retries=1)), tmp_path / "there")
    assert hashes(tmp_path / "there") == hashes(tmp_path / "here")


def test_a_site_that_kills_rays_workers_is_set_apart_as_elsewhere(tmp_path: Path) -> None:
    asked = ask(members(6), Fails(HORIZON, (("site_002", "die"),)), HORIZON, 2)
    made = run(asked, executor("ray", 2, How(warm=True)), tmp_path / "ray")
    assert made.failures == {"site_002": "its worker died each time; it has its rule based plan"}
    assert made.rungs == {"optimal": 5, "rule_based": 1}
    run(asked, executor("processes", 1, How(warm=True)), tmp_path / "processes")
    assert hashes(tmp_path / "ray") == hashes(tmp_path / "processes")
