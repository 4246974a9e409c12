"""``parkwatt fleet plan`` of a fleet's file: what is printed and written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from dispatch.cli.commands import app
from dispatch.cli.fleet_sharing import is_fleet
from dispatch.errors import DataError
from dispatch.fleet.coordination import Settings
from dispatch.fleet.reporting import Around, data_of
from dispatch.fleet.shared import written as module
from dispatch.fleet.shared.coordinated import Coordination
from dispatch.fleet.shared.files import SharedFleet, load_fleet
from dispatch.fleet.shared.plan import plan_shared
from dispatch.fleet.shared.written import Answered, answer
from tests.unit.dispatch.fleet.shared.sites import hours, member, read

RUN = CliRunner()


def test_three_owners_from_the_command_line(tmp_path: Path) -> None:
    done = RUN.invoke(app, ["fleet", "plan", "three_owners", "--out", str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 0
    assert "pcc: nobody is worse off than alone" in done.stdout
    assert (tmp_path / "said.txt").read_text(encoding="utf-8").splitlines()[0] in done.stdout
    sites, owners = pq.read_table(tmp_path / "sites.parquet"), pq.read_table(tmp_path / "owners_pcc.parquet")
    assert sorted(sites["site"].to_pylist()) == ["cold_store", "office", "press_shop"]
    assert owners["rule"].to_pylist() == ["prices"] * 3 + ["shapley"] * 3
    money = owners["total_cny"].to_pylist()
    assert sum(money[:3]) == pytest.approx(sum(money[3:]), abs=1e-6)
    shared = pq.read_table(tmp_path / "shared.parquet").to_pylist()
    limit = [row for row in shared if row["shared"] == "transformer_2"]
    assert len(limit) == 96
    assert max(row["used"] for row in limit) <= 1000 + 1e-6
    assert limit[0]["least"] is None
    series = pq.read_table(tmp_path / "series.parquet")
    assert set(series["site"].to_pylist()) == {"cold_store", "office", "press_shop"}


def test_work_moved_is_a_table(tmp_path: Path) -> None:
    answer(load_fleet("three_zones")).write(tmp_path)
    work = pq.read_table(tmp_path / "work.parquet")
    assert sum(work["moved_kwh"].to_pylist()) > 1000
    assert "work done elsewhere" in (tmp_path / "said.txt").read_text(encoding="utf-8")


def test_large_fleets_are_coordinated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WHOLE", 10)
    members = tuple(member(f"s{n}", [10.0 + n, 40 - n], worth=0.5 + n / 10, battery_kwh=20) for n in range(12))
    limit = read(members, {"kind": "power_limit", "name": "feeder", "import_kw": 200})
    fleet = SharedFleet(load_fleet("three_zones").file, (), members, limit, hours(2))
    one, other = answer(fleet), answer(fleet, Coordination(Settings(rounds=200)))
    assert one.plan.solution.rounds == 1 < other.plan.solution.rounds
    assert other.plan.passed
    assert other.plan.solution.objective == pytest.approx(one.plan.solution.objective, rel=1e-5)


def test_options_that_mean_nothing_here() -> None:
    for option, text in ((["--resume"], "in one go"), (["--day", "2024-01-01"], "the fleet's file says")):
        done = RUN.invoke(app, ["fleet", "plan", "three_owners", *option])
        assert done.exit_code != 0
        assert isinstance(done.exception, DataError)
        assert text in str(done.exception)


def test_what_is_a_fleet(tmp_path: Path) -> None:
    park = tmp_path / "park.yaml"
    park.write_text("name: x\n", encoding="utf-8")
    assert is_fleet(("three_zones",))
    assert not is_fleet((str(park),))
    assert not is_fleet(("a.yaml", "b.yaml"))
    assert not is_fleet(("sites.parquet",))
    assert not is_fleet((str(tmp_path / "none.yaml"),))


def test_a_folder_of_sites_planned_apart_is_left_alone_and_the_other_way_round(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    done = RUN.invoke(app, ["fleet", "plan", "three_owners", "--out", str(tmp_path)])
    assert "holds a run of sites planned apart" in str(done.exception)
    (tmp_path / "run.json").unlink()
    (tmp_path / "shared.parquet").write_text("")
    done = RUN.invoke(app, ["fleet", "plan", "dc_building", "--executor", "serial", "--out", str(tmp_path)])
    assert "holds the plan of sites that share something" in str(done.exception)


def test_load_that_is_not_served_is_said_and_no_site_of_it_counts_as_planned(tmp_path: Path) -> None:
    fleet = load_fleet("three_owners")
    tight = fleet.shared[1].model_copy(update={"import_kw": 100.0})
    plan = plan_shared(fleet.members, [tight], fleet.horizon)
    (said,) = [line for line in plan.words() if "penalties" in line]
    assert "cold_store" in said
    assert "press_shop" not in said
    answered = Answered(replace(fleet, shared=(tight,)), plan, {}, None)
    answered.write(tmp_path)
    found = data_of(tmp_path, fleet.members, fleet.horizon, Around())
    assert [bool(text) for text in found.sites.reason] == [name in said for name in found.sites.name]
