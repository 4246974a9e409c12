"""Alkaline electrolysers: the published curve, states done by hand, and where a curve needs whole numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.assets.alkaline_electrolyser import AlkalineElectrolyser
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.problem import solved as values_of
from dispatch.rules import rule_based
from dispatch.solve import _whole_rows, solve
from dispatch.solver import highs
from dispatch.solver.highs import Limits
from tests.parks import given, hours, load
from tests.unit.dispatch.assets.hydrogen_parks import LHV, cell, priced, problem, sale, site

PUBLISHED = {0.15: 18.594, 0.25: 19.744, 0.28: 19.779, 0.5: 19.191, 0.8: 18.145, 1.0: 17.547}
DEAR = sale(price_per_t=100_000)
# Convex in part: the second half yields more per kWh than the first.
S_SHAPED = [{"load": 0.2, "kg_per_mwh": 10}, {"load": 0.6, "kg_per_mwh": 15}, {"load": 1.0, "kg_per_mwh": 18}]


def test_the_published_yields_are_those_of_the_golden_file(shared: Path) -> None:
    golden = json.loads((shared / "golden" / "carbon.json").read_text(encoding="utf-8"))["T14_electrolyser"]
    assert {float(at): made for at, made in golden["kg_per_MWh_at_load"].items()} == PUBLISHED


@pytest.mark.parametrize(("at", "kg_per_mwh"), PUBLISHED.items())
def test_a_plan_yields_what_is_published_at_each_load(at: float, kg_per_mwh: float) -> None:
    schedule = solve(problem(priced(0.1, import_kw=1000 * at), cell(), DEAR))
    assert schedule.asset("cell", "power_kw") == pytest.approx([1000 * at])
    assert schedule.asset("sale", "delivered_kg_per_h") == pytest.approx([kg_per_mwh * at], rel=1e-6)
    assert audit(schedule).violations == ()


def test_hydrogen_is_concave_in_power_so_no_switch_is_searched_for() -> None:
    member = AlkalineElectrolyser.model_validate(cell())
    points = member.points()
    slopes = np.diff(points[:, 1]) / np.diff(points[:, 0]) / LHV * 1000
    assert slopes == pytest.approx([21.469, 20.0707, 18.4417, 16.4017, 15.155], abs=1e-3)
    built = problem(priced([0.1, 0.2, 0.3, 0.15]), cell(), load("cars", bus="h2"), steps=4, cars=[500, 300, 100, 450])
    schedule = solve(built)
    # 300 kW are 9.0009 kg/h: 5.53812 kg/h at 28 % load, and from there 18.44 kg/MWh.
    assert schedule.proof.rounds == 1
    assert schedule.asset("cell", "power_kw")[1] == pytest.approx(280 + (300 / LHV - 5.53812) / 18.4417e-3, rel=1e-4)
    assert audit(schedule).violations == ()


def test_where_power_is_worth_wasting_the_relaxed_curve_would_waste_it_and_is_branched() -> None:
    built = problem(priced(-0.1), cell(), sale(max_kg_per_h=9.5955))
    schedule = solve(built)
    # 9.5955 kg/h are made at half load exactly; the relaxed curve would burn 542 kW for them, on the chord of its ends.
    assert schedule.proof.rounds > 1
    assert schedule.asset("cell", "power_kw") == pytest.approx([500], rel=1e-5)
    assert schedule.money == pytest.approx([-50], rel=1e-5)
    assert audit(schedule).violations == ()


def test_without_the_branch_the_audit_would_say_so() -> None:
    built = problem(priced(-0.1), cell(), sale(max_kg_per_h=9.5955))
    relaxed = highs.run(built.compiled.matrices(), Limits())
    built.take(relaxed.x)
    kind = "alkaline_electrolyser"
    solved = values_of(built.parts[kind], built.rows[kind], built.inputs)
    assert relaxed.objective == pytest.approx(-0.1 * (150 + 850 * (9.5955 - 2.7891) / (17.547 - 2.7891)), rel=1e-5)
    found = AlkalineElectrolyser.check(solved.rows, built.inputs, solved.series)
    assert {v.what for v in found} == {"hydrogen is not that of its curve"}


def test_a_curve_that_is_not_concave_is_kept_to_by_whole_switches() -> None:
    """The chord from 2 kg/h at 200 kW to 18 kg/h at 1000 kW would make 9 kg/h of 550 kW; the curve takes 600 kW."""
    built = problem(priced(0.1), cell(min_load=0.2, curve=S_SHAPED), load("cars", bus="h2"), cars=9 * LHV)
    schedule = solve(built)
    assert schedule.asset("cell", "power_kw") == pytest.approx([600], rel=1e-5)
    assert schedule.proof.rounds > 1
    assert audit(schedule).violations == ()


def test_where_a_curve_that_is_not_concave_is_used_at_its_ends_no_switch_is_searched_for() -> None:
    built = problem(priced(0.1), cell(min_load=0.2, curve=S_SHAPED), load("cars", bus="h2"), cars=18 * LHV)
    schedule = solve(built)
    assert schedule.proof.rounds == 1
    assert schedule.asset("cell", "power_kw") == pytest.approx([1000], rel=1e-6)


@pytest.mark.parametrize(
    ("fields", "middle", "money"),
    [
        # An hour of standby draws 10 kW at 1 per kWh: 10; a stop and a start cost 8, or 50 per MW, or 12.
        ({"start_cost": 12.0}, (1, 0), 2 * 100 + 12 + 10),
        ({"start_cost": 8.0}, (0, 0), 2 * 100 + 2 * 8),
        ({"start_cost_per_mw": 50.0}, (1, 0), 2 * 100 + 50 + 10),
        ({"start_cost": 12.0, "can_stand_by": False}, (0, 0), 2 * 100 + 2 * 12),
        # Producing again after standby costs 1 more than a start would: 12 + 10 + 3 > 12 + 12.
        ({"start_cost": 12.0, "warm_start_cost": 3.0}, (0, 0), 2 * 100 + 2 * 12),
        ({"start_cost": 12.0, "warm_start_cost": 1.0}, (1, 0), 2 * 100 + 12 + 10 + 1),
    ],
)
def test_standby_or_off_by_what_they_cost(fields: dict[str, Any], middle: tuple[int, int], money: float) -> None:
    full = 17.547 * LHV
    built = problem(priced([0.1, 1.0, 0.1]), cell(**fields), load("cars", bus="h2"), steps=3, cars=[full, 0, full])
    schedule = solve(built)
    states = tuple(round(schedule.asset("cell", name)[1]) for name in ("on", "producing"))
    assert states == middle
    assert schedule.money[0] == pytest.approx(money, rel=1e-5)
    assert audit(schedule).violations == ()


def test_less_than_its_lowest_load_is_not_made() -> None:
    built = problem(priced(0.1), cell(), load("cars", bus="h2", value_of_lost_load_per_kwh=1), cars=50.0)
    for schedule in (solve(built), rule_based(built)):
        assert schedule.asset("cell", "hydrogen_kw") == pytest.approx([0])
        assert schedule.asset("cars", "shed_kw") == pytest.approx([50])
        assert audit(schedule).violations == ()


def test_ramps_begin_at_the_lowest_load_and_at_what_was_drawn_before() -> None:
    rising = cell(ramp_up_kw_per_h=200)
    schedule = solve(problem(priced(0.1), rising, DEAR, steps=3))
    assert schedule.asset("cell", "power_kw") == pytest.approx([350, 550, 750])
    warm = {"cell": {"on_before_h": 3.0, "power_before_kw": 700.0}}
    schedule = solve(problem(priced(0.1), rising, DEAR, steps=2, state=warm))
    assert schedule.asset("cell", "power_kw") == pytest.approx([900, 1000])
    falling = problem(priced(9.0), cell(ramp_down_kw_per_h=300), sale(), steps=3, state=warm)
    schedule = solve(falling)
    # It stops from 250 kW above the lowest load at once, not from 550.
    assert schedule.asset("cell", "power_kw") == pytest.approx([400, 0, 0], abs=1e-6)
    assert audit(schedule).violations == ()


def test_ramps_follow_the_length_of_the_steps() -> None:
    schedule = solve(problem(priced(0.1), cell(ramp_up_kw_per_h=200), DEAR, steps=4, step_h=0.25))
    assert schedule.asset("cell", "power_kw") == pytest.approx([200, 250, 300, 350])


def test_waste_heat_is_used_as_far_as_there_are_losses() -> None:
    warm = load("warm", bus="heat", value_of_lost_load_per_kwh=0.01)
    schedule = solve(problem(priced(0.1), cell(heat_bus="heat", heat_share=0.5), DEAR, warm, warm=1e4))
    # At full load 17.547 kg/h hold 691.53 kW (HHV): half of the other 308.47 kW.
    assert schedule.asset("cell", "heat_kw") == pytest.approx([0.5 * (1000 - 17.547 * 39.41)], rel=1e-6)
    schedule = solve(problem(priced(0.1), cell(heat_bus="heat"), DEAR, warm, warm=20.0))
    assert schedule.asset("cell", "heat_kw") == pytest.approx([20])
    assert audit(schedule).violations == ()


def test_an_electrolyser_without_losses_makes_no_heat() -> None:
    curve = [{"load": 1.0, "kwh_per_kg": 39.41}]
    warm = load("warm", bus="heat", value_of_lost_load_per_kwh=0.01)
    schedule = solve(problem(priced(0.1), cell(curve=curve, heat_bus="heat"), DEAR, warm, warm=50.0))
    assert schedule.asset("sale", "delivered_kg_per_h") == pytest.approx([1000 / 39.41])
    assert schedule.asset("cell", "heat_kw") == pytest.approx([0], abs=1e-6)


def test_modules_share_a_draw_where_each_yields_most() -> None:
    """19.779 kg/MWh at 28 %: 3 modules share 840 kW and make more of it than one would."""
    made = site(priced(0.1, import_kw=840), cell(count=3), DEAR)
    schedule = solve(Problem(made, given(made, hours(1), {})))
    assert schedule.asset("sale", "delivered_kg_per_h") == pytest.approx([0.84 * 19.779], rel=1e-6)
    assert [schedule.asset("cell", name)[0] for name in ("on", "producing")] == pytest.approx([3, 3])
    assert audit(schedule).violations == ()


def test_modules_with_a_memory_are_rows_of_their_own() -> None:
    """Where the first must stay off for two more hours, the second serves 300 kW."""
    made = site(priced(0.1), cell(count=2, start_cost=30, min_down_h=3), load("cars", bus="h2"))
    kept_off = {"cell_1": {"off_before_h": 1.0}, "cell_2": {"off_before_h": 9.0}}
    schedule = solve(Problem(made, given(made, hours(2), {("cars", "demand_kw"): 300.0}, state=kept_off)))
    assert [round(float(schedule.asset(f"cell_{n}", "producing")[0])) for n in (1, 2)] == [0, 1]
    assert len(site(priced(0.1), cell(count=2, curve=S_SHAPED, min_load=0.2)).assets) == 3, (
        "so are those that a chord cuts"
    )
    assert audit(schedule).violations == ()


def test_only_modules_that_were_off_are_started() -> None:
    """Two of three were on; all are needed now, then one, which stands alone, and then two."""
    full = 17.547 * LHV
    fields = {"count": 3, "start_cost": 7, "standby_share": 0.0, "min_load": 0.9, "can_stand_by": False}
    built = problem(
        priced([0.1, 0.1, 0.1]), cell(**fields), load("cars", bus="h2"), steps=3, cars=[3 * full, full, 2 * full],
        state={"cell": {"on_before_h": 2.0, "on_before": 2.0}},
    )  # fmt: skip
    schedule = solve(built)
    assert np.round(schedule.asset("cell", "on")).tolist() == [3, 1, 2]
    assert schedule.money[0] == pytest.approx(0.1 * 6000 + 2 * 7, rel=1e-5)
    assert audit(schedule).violations == ()
    solved = schedule.find("cell")
    carried = type(solved.rows.members[0]).carry(solved.rows, schedule.inputs, solved.series, 2)
    assert carried["cell"]["on_before"] == 1
    assert carried["cell"]["power_before_kw"] == pytest.approx(1000, rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_counted_modules_cost_what_modules_one_by_one_do(seed: int) -> None:
    """Prices that change their sign and little room for hydrogen: every load is worth something at some time."""
    random = np.random.default_rng(seed)
    prices, most = random.uniform(-0.2, 0.3, 4).tolist(), float(random.uniform(10, 45))
    fields = {"start_cost": float(random.uniform(0, 20)), "min_load": float(random.uniform(0.1, 0.4))}
    sink = sale(max_kg_per_h=most, price_per_t=float(random.uniform(2000, 9000)))
    counted = solve(problem(priced(prices), cell(count=3, **fields), sink, steps=4), Limits(gap=1e-7))
    # What keeps them apart, a minimum time of one step, binds nowhere.
    one_by_one = solve(problem(priced(prices), cell(count=3, min_up_h=1, **fields), sink, steps=4), Limits(gap=1e-7))
    assert counted.proof.objective == pytest.approx(one_by_one.proof.objective, rel=1e-5, abs=1e-3)
    assert audit(counted).violations == audit(one_by_one).violations == ()


def test_without_a_plan_as_few_modules_run_as_the_demand_needs() -> None:
    full = 17.547 * LHV
    built = problem(priced(0.1), cell(count=3), load("cars", bus="h2"), steps=3, cars=[2.5 * full, full, 0.0])
    schedule = rule_based(built)
    assert schedule.asset("cell", "producing").tolist() == [3, 1, 0]
    assert schedule.asset("cars", "shed_kw") == pytest.approx([0, 0, 0], abs=1e-3)
    assert audit(schedule).violations == ()


def test_a_module_takes_no_name_of_another_asset() -> None:
    with pytest.raises(ValidationError, match="'cell_2' is the name of a module of another asset"):
        site(priced(0.1), cell(count=2, min_up_h=2), cell(name="cell_2"))


def test_it_is_off_while_it_must_be_and_goes_on_where_it_was() -> None:
    off = {"cell": {"off_before_h": 1.0}}
    schedule = solve(problem(priced(0.1), cell(min_down_h=3), DEAR, steps=4, state=off))
    assert schedule.asset("cell", "on") == pytest.approx([0, 0, 1, 1])
    carried = type(schedule.find("cell").rows.members[0]).carry(
        schedule.find("cell").rows, schedule.inputs, schedule.find("cell").series, 3
    )
    assert carried["cell"] == {"on_before_h": 1.0, "off_before_h": 0.0, "power_before_kw": pytest.approx(1000)}


def test_standing_by_is_carried_as_warm_without_draw() -> None:
    full = 17.547 * LHV
    built = problem(priced([0.1, 1.0]), cell(start_cost=50), load("cars", bus="h2"), steps=2, cars=[full, 0])
    schedule = solve(built)
    solved = schedule.find("cell")
    assert schedule.asset("cell", "power_kw") == pytest.approx([1000, 0], abs=1e-6), "nothing asks for it after that"
    values = {**solved.series, "on": np.ones((1, 2)), "producing": np.array([[1.0, 0.0]])}
    values["power_kw"] = np.array([[1000.0, 10.0]])
    carried = AlkalineElectrolyser.carry(solved.rows, schedule.inputs, values, 2)
    assert carried["cell"] == {"on_before_h": 2.0, "off_before_h": 0.0, "power_before_kw": 0.0}


def test_by_rule_it_follows_the_demand_within_its_states() -> None:
    asked = [50.0, 300.0, 0.0, 600.0, 900.0]
    fields = {"min_up_h": 4, "ramp_up_kw_per_h": 500, "ramp_down_kw_per_h": 400, "heat_bus": "heat"}
    warm = load("warm", bus="heat")
    cars = load("cars", bus="h2")
    schedule = rule_based(problem(priced(0.1), cell(**fields), cars, sale(), warm, steps=5, cars=asked, warm=5.0))
    assert audit(schedule).violations == ()
    assert schedule.asset("cell", "on") == pytest.approx([0, 1, 1, 1, 1])
    assert schedule.asset("cell", "hydrogen_kw")[1] == pytest.approx(300)
    assert schedule.asset("cell", "heat_kw")[1] == pytest.approx(5)


def test_what_it_is_told_is_followed_within_its_states() -> None:
    built = problem(priced(0.1), cell(min_down_h=2, ramp_up_kw_per_h=300), DEAR, steps=4)
    solved = solve(built).find("cell")
    wanted = {
        "on": np.array([[1.0, 0, 1, 1]]),
        "producing": np.array([[1.0, 0, 1, 1]]),
        "above_min_kw": np.full((1, 4), 850.0),
    }
    followed = AlkalineElectrolyser.follow(solved.rows, built.inputs, wanted)
    assert followed["committed"].tolist() == [[1, 0, 0, 1]]
    assert followed["above_min_kw"].tolist() == [[300, 0, 0, 300]]
    built.put("alkaline_electrolyser", followed)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"curve": [{"load": 0.5, "kg_per_mwh": 18}]}, "must rise in load and end at 1"),
        ({"curve": [{"load": 1.0, "kg_per_mwh": 26}]}, "more than 25.37"),
        ({"curve": [{"load": 1.0}]}, "give either kg_per_mwh or kwh_per_kg"),
        ({"curve": [{"load": 0.5, "kg_per_mwh": 20}, {"load": 1.0, "kg_per_mwh": 9}]}, "more load must give more"),
        ({"standby_share": 0.2}, "standby_share 0.2 must be below min_load 0.15"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        AlkalineElectrolyser.model_validate(cell(**fields))


def test_what_goes_on_elsewhere_is_branched_everywhere_in_the_end() -> None:
    """What is forbidden in one segment or module is burnt in the next: without an end to it, a round for each."""
    built = problem(priced([-0.1, -0.1]), cell(count=2, min_up_h=1), sale(), steps=2)
    (pair,) = built.parts["alkaline_electrolyser"].exclusive
    own = built.compiled.columns(pair.switch)
    assert own.shape == (4 * 2, 2), "four bends of two modules"
    assert _whole_rows(built, own[3, :1]).tolist() == own[3].tolist()
    assert sorted(_whole_rows(built, own[3, :1], every=True)) == sorted(own.ravel())
