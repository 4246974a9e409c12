"""What the network of a park can take, as a study and as a command."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from dispatch.errors import DataError
from dispatch.replay.case import Case
from dispatch.signals import Horizon
from dispatch.studies.days import by_rules, study_days
from dispatch.studies.hosting import Hosting, around, candidate_buses, hosting
from dispatch.studies.hosting_results import summary, table, write_all
from forecasting.archive import Archive
from grid_models.injections import Injections
from grid_models.library import load as load_network
from grid_models.limits import Limits, violations
from grid_models.network import Network
from grid_models.power_flow import solve_reference
from tests.parks import battery, grid, load, park
from tests.unit.dispatch.small_park import park as park_file
from tests.unit.dispatch.small_park import write
from tests.unit.dispatch.typed import Run, refused, run

__all__ = ["run"]  # fixture

CIGRE = "pandapower:create_cigre_network_mv"
PLACE: dict[str, Any] = {"network": CIGRE, "bus_of": {"main": "Bus 10"}, "neighbours": False, "voltage_max_pu": 1.05}


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network(CIGRE)


def case(days: int = 3, **place: Any) -> Case:
    site = park(load(), battery(), grid(export_kw=500), grid=PLACE | place)
    span = Horizon.local_day(date(2016, 6, 20), "UTC", 60, days=days)
    demand = 300 + 100 * np.sin(np.arange(span.steps) / 24 * 2 * np.pi)
    return Case(site, span, {"load": demand}, Archive.empty())


@pytest.fixture(scope="module")
def done(network: Network) -> Hosting:
    of = case()
    return hosting(of, network, study_days(of, 2), ("pv", "ev", "storage", "wind"), buses=("Bus 10", "Bus 5"))


def test_around_the_addition_stands_the_park_by_its_rules(network: Network) -> None:
    of = case()
    days = study_days(of, 2)
    there = around(of, network, days, "rules")
    assert there.steps == 48
    assert there.others is None
    assert [str(start.date()) for start in there.start[::24]] == ["2016-06-20", "2016-06-22"]
    net_kw = np.concatenate([schedule.injection_kw(("main",))[0] for _, schedule in by_rules(of, days)])
    np.testing.assert_allclose(there.own.p_kw[0], net_kw)
    assert there.own.p_kw.max() < 0


def test_the_neighbours_of_the_days_looked_at_stand_there_too(network: Network) -> None:
    of = case(days=1, neighbours=True)
    there = around(of, network, study_days(of))
    assert there.others is not None
    assert there.others.steps == 24
    assert there.others.p_kw.sum() < 0


@pytest.mark.parametrize(("kind", "sign"), [("pv", 1), ("ev", -1), ("wind", 1)])
def test_what_fits_holds_by_the_reference_engine(done: Hosting, kind: str, sign: int) -> None:
    from dispatch.studies.hosting import _profile

    of = next(one for one in done.kinds if one.kind == kind)
    profile, _ = _profile(kind, done.around)
    assert (sign * profile >= 0).all()
    assert np.abs(profile).max() > 0.2
    limits = Limits.of(done.network, voltage_max_pu=1.05)
    rating = of.each[0].rating_kw
    for factor, holds in ((1.0, True), (1.03, False)):
        p_kw = done.around.own.p_kw + factor * rating * profile
        flows = solve_reference(done.network, Injections(("Bus 10",), p_kw, done.around.own.q_kvar))
        assert (violations(done.network, flows, limits, tolerance_pu=1.1e-4) == []) is holds


def test_all_together_is_shared_in_proportion(done: Hosting) -> None:
    for kind in done.kinds:
        alone = np.array([one.rating_kw for one in kind.each])
        np.testing.assert_allclose(kind.shares, alone / alone.sum())
        assert kind.together.rating_kw <= alone.sum() + 1


def test_buses_are_those_of_the_parks_level_each_node_once(network: Network) -> None:
    found = candidate_buses(case(), network)
    assert "Bus 10" in found
    assert "Bus 0" not in found  # 110 kV
    nodes = network.ac.bus_node[network.bus_index(list(found))]
    assert len(np.unique(nodes)) == len(found) == 14
    assert candidate_buses(case(), network, ("Bus 5", "Bus 5")) == ("Bus 5",)


def test_the_files_name_what_binds_where_and_when(done: Hosting, tmp_path: Path) -> None:
    write_all(done, tmp_path)
    rows = pq.read_table(tmp_path / "hosting.parquet")
    assert rows.equals(table(done))
    assert rows.num_rows == 4 * 3
    assert rows.schema.field("rating_kw").metadata[b"unit"] == b"kW"
    first = rows.to_pylist()[0]
    assert first["kind"] == "pv"
    assert first["binding"] in (*done.network.bus_names, *done.network.branch_names)
    assert first["binding_start"][:10] in {"2016-06-20", "2016-06-22"}
    assert first["reached_pu"] > first["limit_pu"]
    told = json.loads((tmp_path / "hosting.json").read_text("utf-8"))
    assert told == json.loads(json.dumps(summary(done)))
    assert told["days"] == "2 of 3 days, drawn evenly (one in 1.5)"
    by_bus = told["kinds"]["pv"]["together"]["by_bus_kw"]
    assert sum(by_bus.values()) == pytest.approx(told["kinds"]["pv"]["together"]["rating_kw"], abs=1)
    html = (tmp_path / "hosting.html").read_text("utf-8")
    for text in ("hosting capacity", "2 of 3 days", "Vehicle charging", "all together", "Bus 10"):
        assert text in html
    assert "<script" not in html


def test_where_nothing_binds_the_page_says_so(network: Network, tmp_path: Path) -> None:
    of = case(days=1)
    little = hosting(of, network, study_days(of), ("wind",), buses=("Bus 10",), most_kw=20.0)
    write_all(little, tmp_path)
    assert "nothing up to there" in (tmp_path / "hosting.html").read_text("utf-8")
    assert table(little).to_pylist()[0]["binding"] is None


def test_a_broken_network_is_named_with_element_and_time(network: Network) -> None:
    of = case(days=1, voltage_max_pu=1.0301)
    with pytest.raises(
        DataError, match=r"without any addition, in \d+ of 24 steps; worst: .*voltage high.* 2016-06-20 "
    ):
        hosting(of, network, study_days(of), ("pv",), own_is="rules")


def test_a_park_that_breaks_its_network_by_rules_can_be_planned_or_left_out(network: Network) -> None:
    of = case(days=1, voltage_max_pu=1.04)
    site = of.site.model_copy(
        update={
            "assets": park(
                load(), {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 9000}, grid(export_kw=9000)
            ).assets
        }
    )
    sunny = replace(of, site=site, actual={**of.actual, "pv": np.repeat([0.0, 6000.0, 0.0], 8)})
    with pytest.raises(DataError, match="Try --own planned or --own none"):
        hosting(sunny, network, study_days(sunny), ("pv",), buses=("Bus 10",), own_is="rules")
    left_out = hosting(sunny, network, study_days(sunny), ("pv",), buses=("Bus 10",), own_is="none")
    planned = hosting(sunny, network, study_days(sunny), ("pv",), buses=("Bus 10",))
    assert left_out.around.own.p_kw.any() is np.False_
    assert planned.around.own.p_kw.max() > 300  # as much as the network carries
    assert planned.kinds[0].each[0].rating_kw < 0.5 * left_out.kinds[0].each[0].rating_kw


def test_mistakes_are_said(network: Network) -> None:
    of = case(days=1)
    with pytest.raises(DataError, match="has no 'grid'"):
        hosting(replace(of, site=of.site.model_copy(update={"grid": None})), network, study_days(of))
    with pytest.raises(DataError, match="--own wild: not known; accepted: planned, rules, none"):
        hosting(of, network, study_days(of), own_is="wild")
    with pytest.raises(DataError, match="--add hydro: not known; accepted: wind, pv, ev, storage"):
        hosting(of, network, study_days(of), ("hydro",))


@pytest.fixture
def on_cigre(tmp_path: Path) -> Path:
    content = park_file(grid=PLACE, embedded={"day": "2016-06-20"})
    folder = write(tmp_path / "on_cigre", content).parent
    index = pd.date_range("2015-12-30T23:00Z", "2017-01-02T23:00Z", freq="1h", inclusive="left")
    values = 300 + 50 * (index.hour > 8)
    frame = pd.DataFrame({"time": index.strftime("%Y-%m-%dT%H:%M:%SZ"), "hall_kw": values})
    frame.to_csv(folder / "measured.csv", index=False)
    return folder


def test_the_command_prints_and_writes(run: Run, on_cigre: Path, tmp_path: Path) -> None:
    ended = run(
        "hosting", on_cigre, "--add", "pv", "--at", "Bus 5", "--days", 1, "--json", "told.json", "--out", "found"
    )
    assert ended.status == 0, ended.err
    assert "1 of 366 days, drawn evenly (one in 366), 24 steps, 1 buses" in " ".join(ended.out.split())
    assert {path.name for path in (tmp_path / "found").iterdir()} == {"hosting.parquet", "hosting.json", "hosting.html"}
    assert (tmp_path / "told.json").read_bytes() == (tmp_path / "found" / "hosting.json").read_bytes()


def test_the_command_refuses_what_it_cannot_do(run: Run, on_cigre: Path, tmp_path: Path) -> None:
    refused(run("hosting", on_cigre, "--add", "hydro"), "--add hydro", "wind, pv, ev, storage")
    refused(run("hosting", on_cigre, "--at", "Bus 55", "--days", 1, "--add", "pv"), "unknown bus 'Bus 55'", "Bus 5")
    refused(run("hosting", on_cigre, "--own", "wild"), "--own wild", "planned, rules, none")
    refused(run("hosting", on_cigre, "--year", "--days", 3), "--year", "--days 3")
    refused(run("hosting", on_cigre, "--days", 400), "--days 400", "366")
    refused(run("hosting", on_cigre, "--from", "2016-06-31"), "--from", "is not a date")
    refused(run("hosting", on_cigre, "--from", "2015-06-30"), "2016")
    refused(run("hosting", on_cigre, "--from", "2016-06-03", "--to", "2016-06-01"), "is before --from")
    bare = write(tmp_path / "bare", park_file(embedded={"day": "2016-06-20"})).parent
    (bare / "measured.csv").write_bytes((on_cigre / "measured.csv").read_bytes())
    refused(run("hosting", bare), "has no 'grid'")
    real = write(tmp_path / "real", park_file(grid=PLACE)).parent
    refused(run("hosting", real), "give --from and --to")


def test_the_absorption_command_prints_and_writes(run: Run, on_cigre: Path, tmp_path: Path) -> None:
    refused(run("absorb", on_cigre, "--days", 1), "neither wind nor pv")
    content = park_file(grid=PLACE, embedded={"day": "2016-06-20"})
    content["assets"].append(
        {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 30_000, "history": {"simbench": "PV3"}}
    )
    write(on_cigre, content)
    asked = ("--from", "2016-06-20", "--to", "2016-06-21", "--step", "1h", "--out", "found")
    ended = run("absorb", on_cigre, *asked)
    assert ended.status == 0, ended.err
    assert "roof" in ended.out
    names = {"steps.parquet", "months.parquet", "absorption.json", "absorption.html"}
    assert {path.name for path in (tmp_path / "found").iterdir()} == names
    told = json.loads((tmp_path / "found" / "absorption.json").read_text("utf-8"))
    assert told["plants"]["roof"]["export_limit_kwh"] > 100  # the connection exports nothing
    assert told["steps"] == 48
    refused(run("absorb", on_cigre, "--step", "0h"), "--step 0h", "above 0")
    refused(run("absorb", on_cigre, "--step", "soon"), "--step")
    refused(run("absorb", on_cigre, "--step", "7min"), "whole number")
    refused(run("absorb", on_cigre, "--executor", "abacus"), "executor 'abacus'")
    refused(run("absorb", on_cigre, "--days", 400), "--days 400", "366")
