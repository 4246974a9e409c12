from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks import __main__ as command
from benchmarks.methods.found import methods
from benchmarks.study import parts

SPEC = """
title: A battery between two prices
cases: [CASES]
methods: [METHODS]
baseline: rule_based
show: {metrics: [cost, bill, co2_kg, plans, plan_changes, gap, self_use_share, violations], pictures: [cost, peak_kw]}
"""


def spec(folder: Path, cases: str = "two_prices", asked: str = "rule_based, perfect", more: str = "") -> str:
    path = folder / "study.yaml"
    path.write_text(SPEC.replace("CASES", cases).replace("METHODS", asked) + more, "utf-8")
    return str(path)


def ran(folder: Path, path: str, *more: str) -> tuple[int, dict[str, Any]]:
    status = command.main(["study", path, "--executor", "serial", "--out", str(folder / "out"), *more])
    return status, json.loads((folder / "out" / "manifest.json").read_text("utf-8"))


def days(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "out" / "results.parquet")


def test_the_figures_are_those_by_hand_and_what_does_not_exist_is_missing(tmp_path: Path) -> None:
    status, manifest = ran(tmp_path, spec(tmp_path))
    assert status == 0
    found = days(tmp_path).groupby("method").sum(numeric_only=True, min_count=1)
    assert found.loc["rule_based", "bill"] == pytest.approx(960)
    assert found.loc["perfect", "bill"] == pytest.approx(928.2222222)
    one = days(tmp_path).query("method == 'rule_based'")
    for name in ("plans", "plan_changes", "gap", "co2_kg", "curtailed_kwh", "own_kwh", "network_violations", "co2_game_kg"):
        assert one[name].isna().all(), name
    assert (one["violations"] == 0).all()
    assert {"commit", "lock", "machine", "seeds", "versions", "started", "ended", "failed"} <= set(manifest)
    page = (tmp_path / "out" / "study.html").read_text("utf-8")
    assert "<svg" in page
    assert "only 2 days" in page
    assert (tmp_path / "out" / "pictures" / "days-two_prices-cost.svg").is_file()
    assert "| rules | 2 | 1 | 960.0" in (tmp_path / "out" / "tables.md").read_text("utf-8")


def test_what_is_kept_is_not_run_again_and_what_has_changed_is(tmp_path: Path) -> None:
    path = spec(tmp_path)
    _, first = ran(tmp_path, path)
    _, second = ran(tmp_path, path, "--resume")
    assert (second["cells"]["kept"], second["cells"]["run"]) == (2, 0)
    assert second["same_bytes"] == first["same_bytes"]
    _, third = ran(tmp_path, spec(tmp_path, more="settings: {every_h: 2}\n"), "--resume")
    assert third["cells"]["run"] == 2
    assert set(third["run_again"].values()) == {"what the study asks of it"}


def test_a_part_that_cannot_be_read_is_run_again(tmp_path: Path) -> None:
    path = spec(tmp_path)
    _, first = ran(tmp_path, path)
    part = next((tmp_path / "out" / "parts").glob("*perfect*"))
    part.write_bytes(part.read_bytes()[:100])
    (part.parent / "half.parquet.part").write_bytes(b"x")
    _, second = ran(tmp_path, path, "--resume")
    assert (second["cells"]["kept"], second["cells"]["run"]) == (1, 1)
    assert second["same_bytes"] == first["same_bytes"]


def test_a_case_that_fails_fails_alone_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lacking = "{case: cloudy_days, days: {first_day: 2024-06-05, last_day: 2024-06-07}}"
    status, manifest = ran(tmp_path, spec(tmp_path, f"two_prices, {lacking}"))
    assert status == 1
    assert manifest["cells"] == {"all": 4, "kept": 0, "run": 2, "failed": 2}
    assert all("no measurement over the whole span" in reason for reason in manifest["failed"].values())
    assert "failed: cloudy_days" in capsys.readouterr().out
    assert set(days(tmp_path)["case"]) == {"two_prices"}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--executor", "cluster"), "executor 'cluster' is not known; accepted: serial, processes, ray"),
        (("--cases", "/nowhere"), "--cases /nowhere: there is no such folder"),
    ],
)
def test_a_wrong_option_is_told(
    tmp_path: Path, more: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["study", spec(tmp_path), "--out", str(tmp_path / "out"), *more]) == 2
    assert told in capsys.readouterr().err


def test_a_case_without_days_and_one_that_is_none_are_told_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["study", spec(tmp_path, "yizhuang, nowhere"), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "cases[0].days" in told
    assert "cases[1]" in told


def test_every_method_runs_and_none_is_better_than_perfect_foresight(tmp_path: Path) -> None:
    names = list(methods())
    status, manifest = ran(tmp_path, spec(tmp_path, "cloudy_days", ", ".join(names), "seeds: [0, 1]\n"))
    assert (status, manifest["cells"]["failed"]) == (0, 0)
    found = days(tmp_path)
    assert set(found["method"]) == set(names)
    assert set(found[found["method"] == "cvar"]["seed"]) == {0, 1}
    assert found[found["method"] == "rolling"]["seed"].isna().all()
    assert (found["violations"] == 0).all()
    total = found.groupby("method")["objective"].sum() / found.groupby("method")["day"].size()
    assert total.min() == pytest.approx(total["perfect"])
    assert total.max() == pytest.approx(total["rule_based"])
    assert total["cvar"] > total["stochastic"] + 0.1  # caution costs where the bad day does not come
    assert (found[found["method"] == "rolling"]["plan_changes"] > 0).all()
    assert (found[found["method"] == "exact"]["gap"] <= 1e-6).all()


def test_shares_are_folded_from_their_sums(tmp_path: Path) -> None:
    ran(tmp_path, spec(tmp_path, "cloudy_days"))
    found = days(tmp_path).query("method == 'rule_based'")
    share = found["own_used_kwh"].sum() / found["own_kwh"].sum()
    assert 0.9 < share < 1
    assert f"| rules | 3 | 1 |" in (told := (tmp_path / "out" / "tables.md").read_text("utf-8"))  # noqa: F541
    assert f"{share:.4f}" in told


def test_a_part_holds_every_metric_with_its_unit(tmp_path: Path) -> None:
    ran(tmp_path, spec(tmp_path))
    table, _ = parts.read(next((tmp_path / "out" / "parts").glob("*perfect*")))
    assert set(parts.COLUMNS) <= set(table.column_names)
    assert table.schema.field("peak_kw").metadata == {b"unit": b"kW"}
