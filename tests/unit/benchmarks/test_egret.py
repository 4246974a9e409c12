"""Egret's files in pglib-uc's words: what is carried over, what is refused, and the optima it publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.cases.egret import to_pglib
from benchmarks.methods.uc_reference import optimum
from benchmarks.rows import CannotMeasure
from benchmarks.topics.scheduler import egret_cases


def unit(**fields: Any) -> dict[str, Any]:
    base = {"generator_type": "thermal", "bus": "b", "fuel": "G", "in_service": True, "p_min": 10, "p_max": 50}
    base |= {"ramp_up_60min": 20, "ramp_down_60min": 30, "startup_capacity": 15, "shutdown_capacity": 16}
    base |= {"min_up_time": 2, "min_down_time": 3, "initial_status": -4, "initial_p_output": 0, "shutdown_cost": 0.0}
    curve = {"data_type": "cost_curve", "cost_curve_type": "polynomial", "values": {"0": 5, "1": 2.0, "2": 0.1}}
    return base | {"startup_cost": [[3, 7], [8, 9]], "p_cost": curve} | fields


def file(*units: dict[str, Any], **elements: Any) -> dict[str, Any]:
    load = {"in_service": True, "p_load": {"data_type": "time_series", "values": [12.0, 14.0]}}
    generators = {f"g{i}": each for i, each in enumerate(units or (unit(),))}
    system = {"time_keys": ["1", "2"], "time_period_length_minutes": 60, "baseMVA": 1.0}
    parts = {"bus": {"b": {}}, "load": {"l": load}, "branch": {}, "storage": {}, "generator": generators}
    return {"elements": parts | elements, "system": system}


def test_numbers_are_carried_over() -> None:
    made = to_pglib(file(unit(), unit(initial_status=6, initial_p_output=20)))
    off, on = made["thermal_generators"].values()
    assert (made["time_periods"], made["demand"], made["reserves"]) == (2, [12.0, 14.0], [0.0, 0.0])
    assert [off[f"ramp_{x}_limit"] for x in ("up", "down", "startup", "shutdown")] == [20, 30, 15, 16]
    assert [off[f"time_{x}"] for x in ("up_minimum", "down_minimum", "up_t0", "down_t0")] == [2, 3, 0, 4]
    assert [on[x] for x in ("unit_on_t0", "time_up_t0", "time_down_t0", "power_output_t0")] == [1, 6, 0, 20]
    assert off["startup"] == [{"lag": 3, "cost": 7}, {"lag": 8, "cost": 9}]


def test_a_quadratic_cost_becomes_two_pieces_a_straight_one_stays_one() -> None:
    (made,) = to_pglib(file())["thermal_generators"].values()
    costs = {10: 5 + 20 + 10, 30: 5 + 60 + 90, 50: 5 + 100 + 250}
    assert {p["mw"]: p["cost"] for p in made["piecewise_production"]} == pytest.approx(costs)
    linear = {"data_type": "cost_curve", "cost_curve_type": "polynomial", "values": {"0": 5, "1": 2.0}}
    given = {"data_type": "cost_curve", "cost_curve_type": "piecewise", "values": [[10, 30], [50, 130]]}
    straight, stated = to_pglib(file(unit(p_cost=linear), unit(p_cost=given)))["thermal_generators"].values()
    assert [p["mw"] for p in straight["piecewise_production"]] == [10, 50]
    assert [p["cost"] for p in stated["piecewise_production"]] == [30, 130]


def test_a_capability_that_is_not_given_is_the_minimum_and_half_a_ramp() -> None:
    bare = {key: value for key, value in unit().items() if not key.endswith("_capacity")}
    (made,) = to_pglib(file(bare))["thermal_generators"].values()
    assert (made["ramp_startup_limit"], made["ramp_shutdown_limit"]) == (20, 25)


def test_what_is_out_of_service_is_left_out() -> None:
    data = file(unit(), unit(in_service=False))
    data["elements"]["load"]["spare"] = {"in_service": False, "p_load": 99.0}
    made = to_pglib(data)
    assert list(made["thermal_generators"]) == ["g0"]
    assert made["demand"] == [12.0, 14.0]


def test_a_read_file_can_be_solved() -> None:
    data = file(unit(initial_status=5, initial_p_output=12))
    data["system"]["reserve_requirement"] = 3.0
    assert optimum(to_pglib(data)) == pytest.approx(35 * 2 + 6 * (2 + 4))  # 6 a MW between 10 and 30


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (file(branch={"line_7": {}}), "elements.branch: line_7"),
        (file(storage={"store": {}}), "elements.storage: store"),
        (file(bus={"a": {}, "b": {}}), "elements.bus: 2 buses"),
        (file(unit(fixed_commitment=1)), "g0: fixed_commitment"),
        (file(unit(shutdown_cost=5.0)), "g0: shutdown_cost"),
        (file(unit(generator_type="renewable")), "g0: generator_type renewable"),
        (file(unit(p_cost={"cost_curve_type": "polynomial", "values": {"3": 1.0}})), "g0: p_cost of degree 3"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(data: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        to_pglib(data)


@pytest.mark.parametrize(
    ("system", "named"),
    [({"time_period_length_minutes": 15}, "minutes: 15"), ({"regulation_up_requirement": 1.0}, "regulation_up")],
)
def test_a_system_of_another_sort_is_refused_by_name(system: dict[str, Any], named: str) -> None:
    data = file()
    data["system"] |= system
    with pytest.raises(ValueError, match=named):
        to_pglib(data)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", egret_cases.PUBLISHED)
def test_the_exact_mode_reaches_the_published_optimum(shared: Path, name: str) -> None:
    if not (shared / "data" / "egret_uc" / f"{name}.json").is_file():
        pytest.skip(f"Egret's {name}.json is not in the shared data (data/egret_uc)")
    assert egret_cases.difference(name) < 1e-9


def test_without_the_files_the_row_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "pglib_uc").mkdir(parents=True)
    monkeypatch.setenv("PARKWATT_SHARED", str(tmp_path))
    with pytest.raises(CannotMeasure, match="test_case_"):
        egret_cases.largest_difference()
