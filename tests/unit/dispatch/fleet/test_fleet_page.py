"""The page on fleets runs, and the example that it uses is what the commands make."""

from __future__ import annotations

import shutil
from pathlib import Path

from dispatch.config.documents import CONFIGS
from tests.pages import outputs_that_hold
from tests.unit.dispatch.typed import Run, run

__all__ = ["run"]  # a fixture

EXAMPLE = CONFIGS / "fleets" / "industrial_feeder"


def test_the_page_says_what_is_printed() -> None:
    assert outputs_that_hold("fleet.md") == 5


def test_the_table_that_ships_is_what_the_list_becomes(run: Run, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    (tmp_path / "sites.csv").unlink()
    asked = ("fleet", "import", "stations.csv", "--mapping", "mapping.yaml", "--template", "works.yaml")
    ended = run(*asked, "--out", "sites.csv")
    assert ended.status == 0, ended.err
    assert (tmp_path / "sites.csv").read_bytes() == (EXAMPLE / "sites.csv").read_bytes()
    assert "12 stations" in ended.out
    assert "1 left out by the mapping" in ended.out
    again = run(*asked, "--out", "sites.csv")
    assert "0 new, 0 changed, 12 as they were" in again.out


def test_the_example_is_planned_offline_with_its_page(run: Run, tmp_path: Path) -> None:
    ended = run("fleet", "plan", "industrial_feeder", "--executor", "serial", "--out", "made")
    assert ended.status == 0, ended.err
    assert "feeder:F2, net import: at its limit" in ended.out
    assert "Twelve works on two feeders" in (tmp_path / "made" / "fleet.html").read_text("utf-8")
