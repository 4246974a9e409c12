"""The claims: days stand in the spec, figures are sums of days, words promise nothing, plant is planned on its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.claims.answers import Answer, LeadError, answers, verdict
from benchmarks.claims.cells import ARMS, NO_STORES, NO_STORES_KNOWING, Cell
from benchmarks.claims.claims import all_claims
from benchmarks.claims.estimates import Estimate, ratio, yearly
from benchmarks.claims.figures import figures
from benchmarks.claims.metrics import METRICS, estimate, sound
from benchmarks.claims.page import markdown, overview_page, park_page
from benchmarks.claims.park import read_park, without_stores
from benchmarks.claims.run import ParkDone, key_of
from benchmarks.claims.spec import Spec, read_spec
from benchmarks.methods.base import Options
from benchmarks.methods.found import methods
from benchmarks.methods.separate import STORES, groups
from dispatch.config.park import load_site
from dispatch.replay import Journal
from dispatch.replay.worth import as_it_came

DAYS = tuple(date(2016, 3, 1 + k) for k in range(6))
COSTS = {"rule_based": 120.0, NO_STORES: 130.0, "separate": 110.0, "day_ahead": 100.0, "rolling": 98.0, "perfect": 90.0,
         NO_STORES_KNOWING: 125.0}  # fmt: skip


@pytest.fixture(scope="module")
def spec() -> Spec:
    return read_spec().model_copy(update={"resamples": 200})


def _cell(day: int, arm: str, **changes: float) -> Cell:
    cost = COSTS[arm] + day
    energies = {"available_kwh": 100.0, "generated_kwh": 90.0 + day, "exported_kwh": 10.0, "use_kwh": 200.0}
    energies |= {"direct_kwh": 80.0, "green_kwh": 120.0, "cfe_kwh": 140.0, "supply_kwh": 200.0, "unclean_kwh": 90.0}
    energies |= {"import_kwh": 90.0, "unserved_kwh": 0.0}
    money = {"cost": cost, "bill": cost, "penalty": 0.0, "objective": cost, "demand": 0.0}
    rest = {"co2_kg": 50.0, "peak_kw": 20.0, "cycles": 0.5, "violations": 0.0, "by_rules": 0.0}
    figures = energies | money | rest
    return Cell(DAYS[day], arm, figures | changes)


@pytest.fixture
def cells() -> list[Cell]:
    return [_cell(day, arm) for day in range(len(DAYS)) for arm in ARMS]


def test_the_days_of_the_study_meet_every_weekday_and_every_season() -> None:
    spec = read_spec()
    weekdays = np.bincount([day.weekday() for day in spec.dates], minlength=7)
    seasons = np.bincount([day.month % 12 // 3 for day in spec.dates], minlength=4)
    assert set(weekdays.tolist()) == {4}
    assert seasons.min() >= 6


def test_a_trial_says_that_it_is_none_of_the_study() -> None:
    spec = read_spec()
    assert len(spec.chosen(2)) == 2
    assert "a trial, no result" in spec.told(spec.chosen(2))
    assert "trial" not in spec.told(spec.dates)
    with pytest.raises(ValueError, match="--days 99: the spec has 28 days; give 1 to 28"):
        spec.chosen(99)


def test_a_share_of_many_days_is_that_of_their_sums() -> None:
    part, whole = np.array([1.0, 30.0, 9.0, 0.0]), np.array([5.0, 40.0, 45.0, 10.0])
    found = ratio(lambda s: s["part"] / s["whole"], {"part": part, "whole": whole}, 300, 1)
    assert found.value == pytest.approx(0.4)
    assert found.interval is not None
    assert found.interval[0] < 0.4 < found.interval[1]


def test_days_that_are_all_alike_leave_no_doubt_and_one_day_says_nothing_of_others() -> None:
    alike = ratio(lambda s: s["a"] / s["b"], {"a": np.full(5, 3.0), "b": np.full(5, 4.0)}, 300, 1)
    assert alike.interval == (0.75, 0.75)
    assert yearly([5.0, 7.0], 300).interval is None
    assert yearly([5.0, 7.0, 6.0], 300).value == pytest.approx(365 * 6)


def test_gain_and_money_are_against_the_stated_baseline(cells: list[Cell], spec: Spec) -> None:
    by_hand = {arm: sum(cost + k for k in range(len(DAYS))) for arm, cost in COSTS.items()}
    gain = estimate(METRICS["joint_cost"], cells, spec)
    assert gain.estimate.value == pytest.approx(1 - by_hand["day_ahead"] / by_hand["separate"])
    assert estimate(METRICS["stores_earn"], cells, spec).estimate.value == pytest.approx(365 * 30)
    assert estimate(METRICS["stores_could_earn"], cells, spec).estimate.value == pytest.approx(365 * 35)
    assert estimate(METRICS["planning_earns"], cells, spec).estimate.value == pytest.approx(365 * 22)
    used = estimate(METRICS["utilisation"], cells, spec)
    assert used.estimate.value == pytest.approx(0.925)
    assert used.arms == ("rolling",)
    assert estimate(METRICS["curtailment"], cells, spec).estimate.value == pytest.approx(0.075)


def test_a_loss_of_the_joint_plan_is_a_negative_gain_whatever_the_sign_of_the_cost(spec: Spec) -> None:
    earned = [_cell(k, arm, cost=-50.0 if arm == "separate" else -40.0) for k in range(6) for arm in ARMS]
    assert estimate(METRICS["joint_cost"], earned, spec).estimate.value == pytest.approx(-0.2)


@pytest.mark.parametrize("fault", [{"violations": 1.0}, {"unserved_kwh": 50.0}])
def test_a_day_on_which_a_method_failed_counts_nowhere(fault: dict[str, float], cells: list[Cell], spec: Spec) -> None:
    cells = [
        replace(c, figures={**c.figures, **fault}) if (c.day, c.arm) == (DAYS[0], "separate") else c for c in cells
    ]
    assert sum(not sound(cell) for cell in cells) == 1
    found = estimate(METRICS["joint_cost"], cells, spec)
    assert (found.estimate.days, found.left_out) == (5, 1)
    assert estimate(METRICS["stores_earn"], cells, spec).left_out == 0


def test_no_figure_is_made_up_where_no_day_counts(cells: list[Cell], spec: Spec) -> None:
    cells = [cell for cell in cells if cell.arm != "separate"]
    found = [a for a in answers("yizhuang", cells, (), spec) if a.metric == "joint dispatch: cost"]
    assert found[0].note.startswith("no figure")
    assert "no figure" in verdict(found[0])


def test_words_never_say_that_a_claim_is_confirmed(cells: list[Cell], spec: Spec) -> None:
    for answer in answers("yizhuang", cells, (), spec):
        text = verdict(answer)
        assert answer.claim.claimed in text
        assert "no metric or baseline stated" in text
        assert "confirms" not in text.replace("neither confirms nor refutes", "")
    assert all(key in METRICS for claim in all_claims().claims for key in claim.metrics)


def test_lead_days_without_data_are_unverified(cells: list[Cell], spec: Spec) -> None:
    gone = LeadError("wind and PV", 4, Estimate(float("nan"), None, 0), float("nan"), "", float("nan"),
                     "unverified: no measurement reaches lead day 4")  # fmt: skip
    found = [a for a in answers("yizhuang", cells, [gone], spec) if "lead day 4" in a.metric]
    assert "unverified" in verdict(found[0])


def test_groups_hold_all_plant_that_is_planned_once() -> None:
    for name in read_spec().parks:
        site = load_site(name)
        found = groups(site)
        members = [asset for group in found.values() for asset in group]
        assert len(members) == len(set(members))
        assert STORES in found
        assert not set(members) & {a.name for a in site.assets if a.kind in ("wind", "pv", "load", "grid_connection")}
    park = groups(load_site("yizhuang"))
    assert park[STORES] == {"li_battery", "supercap"}
    assert park["cold plant"] == {"chiller", "chilled_water"}


def test_a_park_without_stores_keeps_the_tanks_of_its_process() -> None:
    left = {asset.name for asset in without_stores(load_site("chifeng")).assets}
    assert "battery" not in left
    assert {"hydrogen_tank", "ammonia_tank"} <= left


@pytest.mark.slow
@pytest.mark.parametrize(("park", "day"), [("campus", date(2016, 4, 9)), ("ordos", date(2016, 11, 3))])
def test_who_knows_the_day_does_all_of_its_work_and_joint_plans_are_no_dearer(park: str, day: date) -> None:
    """Park E's batches end after the windows that roll over them; park B's November has next to no wind."""
    case = read_park(park).case(day, ("rolling",), 6.0)
    case = replace(case, issued=as_it_came(case, rolling=True))
    found = {
        arm: figures(case, methods()[arm].run(case, Journal(), Options()))
        for arm in ("separate", "day_ahead", "rolling")
    }
    assert {arm: sound(Cell(day, arm, of)) for arm, of in found.items()} == dict.fromkeys(found, True)
    # A plan of 36 h thinks of the day after too, which is worth up to a thousandth of a day to it.
    assert found["day_ahead"]["objective"] <= found["separate"]["objective"] * (1 + 2e-3)


def test_which_days_are_run_does_not_age_those_that_were(spec: Spec) -> None:
    assert key_of(spec) == key_of(spec.model_copy(update={"days": 5}))
    assert key_of(spec) != key_of(spec.model_copy(update={"rolling_every_h": {"default": 2.0}}))


def test_pages_are_whole_and_name_systems_in_both_languages(cells: list[Cell], spec: Spec, tmp_path: Path) -> None:
    found: list[Answer] = answers("yizhuang", cells, (), spec)
    park = ParkDone(
        "yizhuang", "Park <A>", "CNY", DAYS, tuple(cells), (), tuple(found), groups(load_site("yizhuang")), ()
    )
    for text in (park_page(park, spec), overview_page([park], spec)):
        assert "金风亦庄智慧园区" in text
        assert "Park &lt;A&gt;" in text
        assert "http" not in text.replace("http-equiv", "")
    assert "Goldwind&#39;s Yizhuang campus" in park_page(park, spec)
    assert "neither confirms nor refutes" in markdown([park], spec)


def test_a_product_that_only_some_days_make_leaves_the_page_whole(cells: list[Cell], spec: Spec) -> None:
    made = [replace(c, figures=c.figures | {"hydrogen_kg": 5.0}) if c.day == DAYS[0] else c for c in cells]
    assert any("hydrogen_kg" in c.figures for c in made)
    assert any(c.figures and "hydrogen_kg" not in c.figures for c in made)
    pages = [
        park_page(ParkDone("yizhuang", "A", "CNY", DAYS, tuple(of), (), (), groups(load_site("yizhuang")), ()), spec)
        for of in (cells, made)
    ]
    assert pages[0] == pages[1]


def test_a_wrong_park_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", "utopia"]) == 2
    assert "utopia: no park of the study; accepted: yizhuang, ordos" in capsys.readouterr().err
