from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.methods.found import methods
from benchmarks.study.metrics import METRICS, PARTS
from benchmarks.study.spec import load_study, schema
from dispatch.config.park import shipped_names
from dispatch.errors import ConfigError

GOOD = """
title: A study
cases: [two_prices]
methods: [rule_based, perfect]
baseline: rule_based
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("name", shipped_names("studies"))
def test_every_shipped_study_is_one(name: str) -> None:
    study = load_study(name)
    assert study.baseline in study.methods


def test_quick_and_methods_ship() -> None:
    assert {"quick", "methods"} <= set(shipped_names("studies"))
    assert set(load_study("methods").methods) == set(methods()) - {"separate"}  # a baseline of the claims' alone


def test_a_case_by_its_name_alone(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, GOOD))
    assert [asked.case for asked in study.cases] == ["two_prices"]
    assert study.seeds == (0,)


def test_all_mistakes_at_once_with_their_lines_and_what_would_do(tmp_path: Path) -> None:
    text = """title: ""
cases: [two_prices, two_prices]
methods: [rule_base, perfect]
baseline: rolling
seeds: [-1]
days: {first_day: 2016-10-15, last_day: 2016-10-14}
statistics: {metrics: [costs]}
show: {metrics: [cost], colour: red}
"""
    with pytest.raises(ConfigError) as raised:
        load_study(written(tmp_path, text))
    told = {problem.path: str(problem) for problem in raised.value.problems}
    assert set(told) == {
        "title", "cases", "methods[0]", "seeds[0]", "days", "statistics.metrics[0]", "show.colour"
    }  # fmt: skip
    assert "line 3" in told["methods[0]"]
    assert "did you mean 'rule_based'?" in told["methods[0]"]
    assert "did you mean 'cost'?" in told["statistics.metrics[0]"]
    assert "is before first_day" in told["days"]
    assert "0 or more" in told["seeds[0]"]


def test_the_baseline_is_one_of_the_methods(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'rolling' is not among the study's methods"):
        load_study(written(tmp_path, GOOD.replace("baseline: rule_based", "baseline: rolling")))


def test_a_key_written_twice_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is written twice"):
        load_study(written(tmp_path, GOOD + "title: another\n"))


def test_the_schema_knows_every_key() -> None:
    told = json.loads(schema())
    assert set(told["properties"]) >= {
        "cases",
        "methods",
        "baseline",
        "days",
        "seeds",
        "settings",
        "statistics",
        "show",
    }
    assert told["additionalProperties"] is False


def test_every_metric_is_defined_once_with_unit_and_words() -> None:
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.unit in {"money", "kg", "kW", "kWh", "1"}
        assert metric.about.endswith(".")
        assert (metric.fold == "ratio") == bool(metric.part and metric.whole)
    assert {m.part for m in METRICS.values()} | {m.whole for m in METRICS.values()} == {*PARTS, ""}


def test_what_is_asked_for_is_shown_and_what_is_shown_is_worked_out(tmp_path: Path) -> None:
    plain = load_study(written(tmp_path, GOOD + "show: {metrics: [bill]}\n"))
    assert plain.show.columns == ("bill",)
    asked = load_study(written(tmp_path, GOOD + "show: {metrics: [bill], accounts: true, network: true}\n"))
    ledgers = ("co2_traced_kg", "co2_marginal_kg", "co2_contracts_kg", "co2_game_kg")
    assert asked.show.columns == ("bill", *ledgers, "network_violations")
    once = load_study(written(tmp_path, GOOD + "show: {metrics: [network_violations, bill], network: true}\n"))
    assert once.show.columns == ("network_violations", "bill")
    for text in ("show: {metrics: [network_violations]}", "statistics: {metrics: [network_violations]}"):
        with pytest.raises(ConfigError, match=r"network_violations is worked out with show\.network: true alone"):
            load_study(written(tmp_path, f"{GOOD}{text}\n"))
    with pytest.raises(ConfigError, match=r"co2_game_kg is worked out with show\.accounts: true alone"):
        load_study(written(tmp_path, f"{GOOD}show: {{pictures: [co2_game_kg]}}\n"))
