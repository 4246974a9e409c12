"""Offtake: price, windows with least and largest amounts, shortfall, and what is carried through a day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.assets import product_offtake
from dispatch.assets.product_offtake import ProductOfftake
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.parks import given, hours
from tests.unit.dispatch.assets.hydrogen_parks import cell, priced, problem, sale, site
from tests.unit.dispatch.assets.test_hydrogen_tank import LINEAR

CELL = cell(**LINEAR)  # 20 kg/h at full load, 50 kWh/kg


def test_what_pays_is_sold() -> None:
    built = problem(priced([0.1, 0.5]), CELL, sale(price_per_t=6000), steps=2)
    schedule = solve(built)
    assert schedule.asset("sale", "delivered_kg_per_h") == pytest.approx([20, 0], abs=1e-6)
    assert schedule.money == pytest.approx([20 * (5 - 6)])
    assert audit(schedule).violations == ()


def test_a_least_amount_is_delivered_when_power_is_cheapest() -> None:
    # A day's 60 kg hold for the four hours of the horizon in proportion: 10 kg, made in the cheapest hour.
    built = problem(priced([0.4, 0.1, 0.3, 0.4]), CELL, sale(min_kg_per_day=60), steps=4)
    schedule = solve(built)
    assert schedule.asset("sale", "delivered_kg_per_h") == pytest.approx([0, 10, 0, 0], abs=1e-6)
    assert schedule.money == pytest.approx([50])
    rules = rule_based(built)
    assert rules.asset("sale", "delivered_kg_per_h") == pytest.approx([2.5] * 4)
    assert audit(rules).violations == ()


def test_what_lacks_to_the_least_amount_is_priced_and_never_forbidden() -> None:
    built = problem(priced(0.1), CELL, sale(min_kg_per_day=24 * 30, shortfall_cost_per_t=9000), steps=2)
    schedule = solve(built)
    # 30 kg/h are asked for, 20 are made; a kg costs 5 to make and 9 to lack.
    assert schedule.penalty == pytest.approx([20 * 9])
    cheap = solve(problem(priced(0.1), CELL, sale(min_kg_per_day=24 * 30, shortfall_cost_per_t=4000), steps=2))
    assert cheap.asset("sale", "delivered_kg_per_h") == pytest.approx([0, 0], abs=1e-6)
    assert cheap.penalty == pytest.approx([60 * 4])
    assert audit(schedule).violations == audit(cheap).violations == ()


def test_a_largest_amount_holds_in_each_day_or_over_all_of_them() -> None:
    def sold(over: str) -> Any:
        made = site(priced(0.01), CELL, sale(price_per_t=6000, max_kg_per_day=120, over=over))
        schedule = solve(Problem(made, given(made, hours(6, "2024-03-01T22:00"), {})))
        assert audit(schedule).violations == ()
        return schedule.asset("sale", "delivered_kg_per_h")

    assert (sold("day")[:2].sum(), sold("day")[2:].sum()) == pytest.approx((10, 20))
    assert sold("horizon").sum() == pytest.approx(30)


def test_what_was_delivered_today_counts() -> None:
    """From 06:00 to 12:00, 240 kg a day: 60 kg are the horizon's own share, 120 kg that of the day so far."""
    fields = {"min_kg_per_day": 240, "shortfall_cost_per_t": 1e5}
    made = site(priced(0.1), CELL, sale(**fields))
    horizon = hours(6, "2024-03-01T06:00")

    def delivered(**state: float) -> float:
        schedule = solve(Problem(made, given(made, horizon, {}, state={"sale": state})))
        assert audit(schedule).violations == ()
        return float(schedule.asset("sale", "delivered_kg_per_h").sum())

    assert delivered() == pytest.approx(60), "in proportion to the six hours"
    assert delivered(delivered_today_kg=30.0) == pytest.approx(90), "120 kg for twelve hours, less 30"
    assert delivered(delivered_today_kg=150.0) == pytest.approx(0, abs=1e-6)


CHANGES = [("2024-03-30T23:00", "2024-03-31T10:00", 230.0), ("2024-10-26T22:00", "2024-10-27T11:00", 250.0)]


@pytest.mark.parametrize(("midnight", "noon", "owed_kg"), CHANGES)
def test_a_day_of_23_or_25_hours_owes_as_much_planned_at_midnight_as_planned_again_at_noon(
    midnight: str, noon: str, owed_kg: float
) -> None:
    """240 kg per 24 h, no less and no more; 100 of them are delivered by noon."""
    amount = {"min_kg_per_day": 240, "max_kg_per_day": 240, "shortfall_cost_per_t": 1e5}
    made = site(priced(0.1), CELL, sale(**amount), time_zone="Europe/Berlin")
    whole = given(made, hours(round(owed_kg / 10), midnight, "Europe/Berlin"), {})
    later = given(made, hours(12, noon, "Europe/Berlin"), {}, state={"sale": {"delivered_today_kg": 100.0}})
    assert whole.horizon.local_end[-1] == later.horizon.local_end[-1]
    for inputs, kg in ((whole, owed_kg), (later, owed_kg - 100)):
        schedule = solve(Problem(made, inputs))
        assert schedule.asset("sale", "delivered_kg_per_h").sum() == pytest.approx(kg)
        assert schedule.penalty == pytest.approx([0.0], abs=1e-6)
        assert audit(schedule).violations == ()


@pytest.mark.parametrize(("limit", "words"), [("max_kg_per_day", "more than is taken"), ("min_kg_per_day", "penalty")])
def test_an_hour_that_the_plan_counts_wrongly_is_seen(limit: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The optimiser told 10 kg more than a short day's 230: the audit counts the day by itself."""
    amounts = product_offtake._amounts

    def wrong(*asked: Any) -> Any:
        weight, least, most = amounts(*asked)
        return weight, least + 10 * (limit == "min_kg_per_day"), most + 10

    monkeypatch.setattr(product_offtake, "_amounts", wrong)
    fields = {limit: 240, "price_per_t": 6000.0, "max_kg_per_h": 20.0 if limit.startswith("max") else 5.0}
    made = site(priced(0.1), CELL, sale(**fields), time_zone="Europe/Berlin")
    inputs = given(made, hours(12, CHANGES[0][1], "Europe/Berlin"), {}, state={"sale": {"delivered_today_kg": 110.0}})
    assert words in " ".join(str(found) for found in audit(solve(Problem(made, inputs))).violations)


def test_what_is_delivered_is_carried_within_a_day_and_forgotten_after_it() -> None:
    made = site(priced(0.1), CELL, sale(price_per_t=6000))
    inputs = given(made, hours(4, "2024-03-01T22:00"), {}, state={"sale": {"delivered_today_kg": 7.0}})
    solved = solve(Problem(made, inputs)).find("sale")
    kept = [
        ProductOfftake.carry(solved.rows, inputs, solved.series, n)["sale"]["delivered_today_kg"] for n in (1, 2, 3)
    ]
    assert kept == pytest.approx([7 + 20, 0, 20])


def test_the_same_problem_serves_horizons_that_cross_midnight_elsewhere() -> None:
    made = site(priced(0.01), CELL, sale(price_per_t=6000, max_kg_per_day=120))
    inside, across = (given(made, hours(6, start), {}) for start in ("2024-03-01T06:00", "2024-03-01T22:00"))
    built = Problem(made, inside)
    assert solve(built).asset("sale", "delivered_kg_per_h").sum() == pytest.approx(30)
    built.update(across)
    assert solve(built).asset("sale", "delivered_kg_per_h")[:2].sum() == pytest.approx(10)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"min_kg_per_day": 9, "max_kg_per_day": 8}, "max_kg_per_day 8 is below min_kg_per_day 9"),
        ({"over": "horizon", "delivered_today_kg": 1}, "delivered_today_kg counts only with over: day"),
        ({"product": "steel"}, "hydrogen"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ProductOfftake.model_validate(sale(**fields))


def test_its_bus_must_carry_its_product() -> None:
    from dispatch.config.references import reference_problems

    raw = {"buses": [{"name": "h2", "carrier": "hydrogen"}], "assets": [sale(product="ammonia")]}
    (found,) = [p for p in reference_problems(raw) if p.path == "assets[0].bus"]
    assert "carries hydrogen" in str(found)
    assert "a bus for ammonia" in str(found)


def test_mixed_windows_stand_side_by_side() -> None:
    day, all_of_it = sale(max_kg_per_day=48, price_per_t=6000), sale(name="other", over="horizon", min_kg_per_day=24)
    schedule = solve(problem(priced(0.01), CELL, day, all_of_it, steps=4))
    assert schedule.asset("sale", "delivered_kg_per_h").sum() == pytest.approx(8)
    assert schedule.asset("other", "delivered_kg_per_h").sum() == pytest.approx(4)
    assert np.isfinite(schedule.money).all()
    assert audit(schedule).violations == ()


def test_what_a_plan_delivers_is_delivered_within_rate_and_amounts() -> None:
    """60 of 240 kg a day are the share of six hours; the largest rate is 30 kg/h."""
    made = site(priced(0.1), CELL, sale(max_kg_per_day=240, max_kg_per_h=30))
    built = Problem(made, given(made, hours(6, "2024-03-01T06:00"), {}))
    wanted = {"delivered_kg_per_h": np.array([[0.0, 12.0, 50.0, 20.0, 20.0, 5.0]])}
    followed = ProductOfftake.follow(built.rows["product_offtake"], built.inputs, wanted)
    assert followed["delivered_kg_per_h"][0] == pytest.approx([0, 12, 30, 18, 0, 0])
    nothing = ProductOfftake.follow(built.rows["product_offtake"], built.inputs, {})
    assert nothing["delivered_kg_per_h"].max() == 0
    done = rule_based(built, {"product_offtake": {"delivered_kg_per_h": np.array([[0.0, 12.0, 0, 0, 0, 0]])}})
    assert done.asset("sale", "delivered_kg_per_h") == pytest.approx([0, 12, 0, 0, 0, 0])
    assert audit(done).violations == ()
