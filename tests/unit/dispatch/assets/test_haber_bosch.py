"""Haber-Bosch: what a tonne takes, the lowest load, ramps, and levels that are held."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.assets.haber_bosch import HaberBosch
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.unit.dispatch.assets.hydrogen_parks import LHV, cell, priced, problem, sale
from tests.unit.dispatch.assets.test_hydrogen_tank import LINEAR

TONNE = 1000 * 5.17


def loop(**fields: Any) -> dict[str, Any]:
    base = {"kind": "haber_bosch", "name": "loop", "bus": "main", "hydrogen_bus": "h2", "ammonia_bus": "nh3"}
    return base | {"ammonia_kw": "1 t/h", "min_load_fraction": 0.0, "ramp_fraction_per_h": None} | fields


def ammonia(**fields: Any) -> dict[str, Any]:
    return sale(name="ship", bus="nh3", product="ammonia", max_kg_per_h=2000) | fields


def chain(prices: Any, *others: dict[str, Any], steps: int = 1, state: Any = None, **fields: Any) -> Problem:
    """A linear cell of 50 kWh/kg, the loop, and a buyer who pays 1000 per t."""
    makes = cell(electric_kw=20_000, **LINEAR)
    buyer = () if any(o["name"] == "ship" for o in others) else (ammonia(price_per_t=1000),)
    return problem(priced(prices, import_kw=1e5), makes, loop(**fields), *buyer, *others, steps=steps, state=state)


def load_of(schedule: Any) -> Any:
    """(step,) share of the rating."""
    return schedule.asset("loop", "ammonia_kw") / TONNE


def test_a_tonne_takes_what_the_table_says() -> None:
    schedule = solve(chain(0.05))
    assert schedule.asset("loop", "ammonia_kw") == pytest.approx([TONNE])
    assert schedule.asset("loop", "hydrogen_kw") == pytest.approx([5930], rel=1e-3)
    assert schedule.asset("loop", "electricity_kw") == pytest.approx([1280 + 210])
    # 178 kg at 50 kWh and 1490 kWh, at .05; sold for 1000.
    assert schedule.money == pytest.approx([0.05 * (178 * 50 + 1490) - 1000])
    assert audit(schedule).violations == ()


def test_it_goes_on_at_its_lowest_load_where_that_does_not_pay_unless_it_may_stop() -> None:
    dear = {"min_load_fraction": 0.4}
    kept, free = solve(chain(1.0, **dear)), solve(chain(1.0, must_run=False, **dear))
    assert load_of(kept) == pytest.approx([0.4])
    assert load_of(free) == pytest.approx([0], abs=1e-9)
    assert free.money == pytest.approx([0], abs=1e-6)
    assert audit(kept).violations == ()


def test_without_a_lowest_load_there_are_no_whole_numbers() -> None:
    built = chain(0.1, ramp_fraction_per_h=0.1, input_before_kw=2966.37)
    kinds = [kind for kind in built.parts if kind == "haber_bosch"]
    integer = built.compiled.matrices().integer
    columns = built.compiled.columns(built.variable(kinds[0], "hydrogen_kw"))
    assert not integer[columns].any()
    assert "committed" not in built.parts["haber_bosch"].series


def test_it_changes_by_so_much_in_an_hour() -> None:
    full = 178 * LHV
    rising = chain(0.01, steps=4, ramp_fraction_per_h=0.1, input_before_kw=0.5 * full, min_load_fraction=0.4)
    assert load_of(solve(rising)) == pytest.approx([0.6, 0.7, 0.8, 0.9])
    falling = chain(1.0, steps=3, ramp_fraction_per_h=0.2, input_before_kw=0.7 * full, min_load_fraction=0.4)
    schedule = solve(falling)
    assert load_of(schedule) == pytest.approx([0.5, 0.4, 0.4])
    assert audit(schedule).violations == ()


LEVELS = {"plateaus": [0.4, 0.7, 1.0], "min_load_fraction": 0.4}
# A tonne costs 10 390 kWh: it pays below .0962 per kWh.
PRICES = [0.01, 0.2, 0.01, 0.2, 0.01, 0.01]


def test_levels_are_chosen_hour_by_hour_where_none_must_be_held() -> None:
    schedule = solve(chain(PRICES, steps=6, **LEVELS))
    assert load_of(schedule) == pytest.approx([1, 0.4, 1, 0.4, 1, 1])
    assert audit(schedule).violations == ()


def test_a_level_is_held() -> None:
    """Three hours each. A cheap hour at full load earns 896.1, a dear one loses 1078: low until the last two hours pay
    best, at .4 · (2 · 896.1 − 2 · 1078) + 2 · 896.1 = 1646.68; all at full load give 1428.4, half and half 999.9.
    """
    schedule = solve(chain(PRICES, steps=6, plateau_hold_h=3.0, **LEVELS))
    assert load_of(schedule) == pytest.approx([0.4] * 4 + [1] * 2)
    assert schedule.money == pytest.approx([-1646.68])
    assert audit(schedule).violations == ()


def test_a_level_held_before_is_held_on() -> None:
    before = {"input_before_kw": 0.7 * 178 * LHV, "held_before_h": 1.0, "plateau_hold_h": 3.0}
    schedule = solve(chain(0.01, steps=4, **before, **LEVELS))
    assert load_of(schedule) == pytest.approx([0.7, 0.7, 1, 1])
    solved = schedule.find("loop")
    carried = HaberBosch.carry(solved.rows, schedule.inputs, solved.series, 3)["loop"]
    assert carried["held_before_h"] == pytest.approx(1.0)
    assert carried["input_before_kw"] == pytest.approx(178 * LHV)
    assert HaberBosch.carry(solved.rows, schedule.inputs, solved.series, 2)["loop"]["held_before_h"] == pytest.approx(3)


def test_levels_beside_a_loop_without_them_and_one_with_fewer() -> None:
    other = loop(name="free", min_load_fraction=0.0)
    fewer = loop(name="two", plateaus=[0.5, 0.9])
    schedule = solve(chain([0.2, 0.01], other, fewer, steps=2, **LEVELS))
    assert load_of(schedule) == pytest.approx([0.4, 1])
    assert schedule.asset("free", "ammonia_kw") / TONNE == pytest.approx([0, 0.6 - 0.5], abs=1e-6)
    assert schedule.asset("two", "ammonia_kw") / TONNE == pytest.approx([0.5, 0.9])
    assert audit(schedule).violations == ()


def test_the_rules_run_at_a_level_that_hydrogen_lasts_for() -> None:
    buyer = ammonia(min_kg_per_day=0.8 * 24_000)
    for schedule in (rule_based(chain(0.1, buyer, steps=4, **LEVELS, plateau_hold_h=2.0)),):
        assert load_of(schedule) == pytest.approx([0.7] * 4)
        assert audit(schedule).violations == ()


def test_the_plan_is_followed_on_levels() -> None:
    built = chain(0.1, steps=4, **LEVELS, plateau_hold_h=2.0)
    wanted = {"hydrogen_kw": 178 * LHV * np.array([[0.8, 0.4, 0.4, 1.0]])}
    followed = HaberBosch.follow(built.rows["haber_bosch"], built.inputs, wanted)
    assert followed is not None
    assert followed["hydrogen_kw"][0] / (178 * LHV) == pytest.approx([0.7, 0.7, 0.4, 0.4])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"plateaus": [0.7, 0.4]}, "plateaus must rise from min_load_fraction"),
        ({"plateaus": [0.2, 0.9], "min_load_fraction": 0.4}, "plateaus must rise from min_load_fraction 0.4"),
        ({"plateaus": [0.4, 0.9], "ramp_fraction_per_h": 0.1}, "write ramp_fraction_per_h: null"),
        ({"ammonia_kw": "20 t"}, "'20 t' is an amount; write it like 40 kg/h"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        HaberBosch.model_validate(loop(**fields))
