"""Runs that fill the table of best-known numbers: each leaves a log, and a model of its own finds the same cost."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.best_known import checking, cli, runs, table
from benchmarks.cases import pglib
from benchmarks.methods import uc_reference


@pytest.fixture(scope="module")
def small(shared: Path) -> dict[str, Any]:
    """Five units and eight hours of an instance."""
    return uc_reference.cut(pglib.load(shared / "data/pglib_uc/rts_gmlc/2020-01-27.json.gz"), 5, 8)


def ran(folder: Path, instance: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> tuple[runs.Ran, table.Entry]:
    monkeypatch.setattr(pglib, "folder", lambda: folder)
    path = folder / "small" / "cut.json.gz"
    path.parent.mkdir(exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as opened:
        json.dump(instance, opened)
    made = runs.run(path, "plain", gap=1e-6, seconds=60, known=folder / "table.csv", logs=folder / "runs")
    return made, table.read(folder / "table.csv")["small/cut"]


def test_a_run_is_kept_with_a_log_that_the_independent_model_agrees_with(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, entry = ran(tmp_path, small, monkeypatch)
    assert made.answers
    assert entry.incumbent.value == made.objective == pytest.approx(uc_reference.optimum(small), rel=1e-5)
    log = json.loads((tmp_path / "runs" / f"{entry.incumbent.run}.json").read_text("utf-8"))
    assert (log["instance"], log["method"], log["audit_violations"]) == ("small/cut", runs.METHODS["plain"], 0)
    assert checking.commitment(log["commitment"]).shape == (5, 8)
    assert checking.check(entry, tmp_path / "runs") == []
    assert runs.done(tmp_path / "small" / "cut.json.gz", tmp_path / "table.csv", tmp_path / "runs")


def test_a_log_that_was_changed_is_found_and_so_is_a_plan_that_costs_more(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, entry = ran(tmp_path, small, monkeypatch)
    dear = table.Entry(
        "small/cut", 8, 5, entry.bound, table.Found(entry.incumbent.value * 0.99, "", "", entry.bound.run)
    )
    assert any("has incumbent" in said for said in checking.wrong_logs(dear, tmp_path / "runs"))
    monkeypatch.setattr(checking, "wrong_logs", lambda *_: [])
    assert "its plan costs" in checking.check(dear, tmp_path / "runs")[0]
    monkeypatch.undo()
    path = tmp_path / "runs" / f"{entry.bound.run}.json"
    path.write_text(path.read_text("utf-8").replace('"seconds"', '"second"'), "utf-8")
    assert any("is not what it was" in said for said in checking.check(entry, tmp_path / "runs"))
    path.unlink()
    assert any("is not there" in said for said in checking.check(entry, tmp_path / "runs"))


def test_a_plan_that_is_short_is_no_incumbent_and_its_bound_counts(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, entry = ran(tmp_path, small | {"reserves": [1e4] * 8}, monkeypatch)
    assert made.violations == 0
    assert not made.answers
    assert entry.incumbent.value != entry.incumbent.value
    assert entry.bound.value == made.bound


def test_a_family_an_instance_or_what_is_accepted(shared: Path) -> None:
    assert {path.parent.name for path in cli.choose(["ca"])} == {"ca"}
    assert [runs.name_of(path) for path in cli.choose(["rts_gmlc/2020-01-27"])] == ["rts_gmlc/2020-01-27"]
    assert {path.parent.name for path in cli.choose([])} == set(cli.FAMILIES)
    with pytest.raises(SystemExit, match=r"no family or instance 'rts'\. Accepted: ca, rts_gmlc, ferc, ca/2014"):
        cli.choose(["rts"])
    assert shared.exists()


def test_the_kept_logs_are_those_that_the_table_names() -> None:
    kept = table.read()
    assert [said for entry in kept.values() for said in checking.wrong_logs(entry)] == []
    named = {found.run for entry in kept.values() for found in (entry.bound, entry.incumbent) if found.run}
    assert {path.stem for path in runs.LOGS.glob("*.json")} == named


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_plan_of_the_table_is_one_of_the_independent_model(shared: Path) -> None:
    assert shared.exists()
    assert [said for entry in table.read().values() for said in checking.check(entry)] == []
