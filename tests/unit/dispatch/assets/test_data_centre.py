"""Data centres: batches within deadlines, pools, the facility's overhead, waste heat, and plans done by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.assets.data_centre import DataCentre
from dispatch.audit import audit
from dispatch.config.references import reference_problems
from dispatch.errors import DataError
from dispatch.explain import Priced
from dispatch.ladder.fallback import last_good, safe_state
from dispatch.loads.data_centre_work import missing_kwh
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.solve import solve
from dispatch.tables import missed, told
from tests.parks import given, grid, hours, load, park, tariff
from tests.unit.dispatch.assets.templates import hourly_tariff

PRICE = [0.5, 0.1, 0.2, 0.3]
FLAT = [{"it_kw": 200, "overhead_kw": 0}]
CURVE = [{"it_kw": 50, "overhead_kw": 10}, {"it_kw": 200, "overhead_kw": 55}]


def batch(name: str = "train", daily: str = "00:00-04:00", **fields: Any) -> dict[str, Any]:
    return {"name": name, "window": {"daily": daily}, "energy_kwh": 60.0, "max_kw": 40.0} | fields


def centre(name: str = "dc", **fields: Any) -> dict[str, Any]:
    base = {"kind": "data_centre", "name": name, "bus": "main", "capacity_kw": 200.0, "overhead": FLAT}
    return base | fields


def built(*others: dict[str, Any], prices: Any = PRICE, horizon: Horizon | None = None, base: Any = 50.0,
          state: Any = None, pcc: Any = None, series: Any = None, **fields: Any) -> Problem:  # fmt: skip
    site = park(centre(**fields), *others, pcc or grid(tariff=hourly_tariff(prices)))
    values = {("dc", "demand_kw"): base} | (series or {})
    return Problem(site, given(site, horizon or hours(len(prices)), values, state={"dc": state} if state else None))


def planned(problem: Problem) -> Schedule:
    plan = solve(problem)
    assert audit(plan).violations == ()
    return plan


def test_batch_work_is_done_when_it_is_cheap() -> None:
    # 60 kWh: 40 at .1, 20 at .2; the base load costs 50 times all prices.
    problem = built(batches=[batch()])
    plan = planned(problem)
    assert plan.asset("dc", "batch_0_kw") == pytest.approx([0, 40, 20, 0])
    assert plan.money[0] == pytest.approx(50 * 1.1 + 4 + 4)
    early = rule_based(problem)
    assert early.asset("dc", "it_kw") == pytest.approx([90, 70, 50, 50])
    assert audit(early).violations == ()


def test_each_class_keeps_its_deadline() -> None:
    classes = [batch("soon", "00:00-02:00", max_kw=50.0), batch("later", "02:00-04:00"), batch("none", energy_kwh=0.0)]
    plan = planned(built(batches=classes))
    total = sum(plan.asset("dc", f"batch_{k}_kw") for k in range(3))
    assert total == pytest.approx([10, 50, 40, 20])


def test_the_capacity_is_a_curve() -> None:
    limit = [{"start": "2024-03-01T00:00Z", "end": "2024-03-01T01:00Z", "value": 200.0},
             {"start": "2024-03-01T01:00Z", "end": "2024-03-01T04:00Z", "value": 60.0}]  # fmt: skip
    plan = planned(built(batches=[batch()], capacity_kw=limit))
    assert plan.asset("dc", "it_kw") == pytest.approx([80, 60, 60, 60])


def test_what_cannot_be_done_in_time_costs_its_penalty() -> None:
    plan = planned(built(batches=[batch(energy_kwh=200.0, penalty_per_kwh=7.0)]))
    assert plan.penalty[0] == pytest.approx(40 * 7)
    assert missed(plan) == ["dc: 40.0 kWh of work not done in time"]
    cheap = planned(built(batches=[batch(penalty_per_kwh=0.15)]))
    assert cheap.asset("dc", "it_kw").sum() == pytest.approx(200 + 40), "work that is dearer than its penalty is left"


def test_overhead_follows_its_curve_and_the_weather() -> None:
    weather = [{"ambient_degc": 10.0, "factor": 0.5}, {"ambient_degc": 30.0, "factor": 1.5}]
    plan = planned(built(base=80.0, overhead=CURVE, idle_overhead_kw=5.0, by_weather=weather, ambient_degc=25.0))
    # At 80 kW 10 + .3 · 30 = 19, at 25 °C times 1.25.
    assert plan.asset("dc", "overhead_kw") == pytest.approx([19 * 1.25] * 4)
    cold = planned(built(base=80.0, overhead=CURVE, idle_overhead_kw=5.0, by_weather=weather, ambient_degc=-20.0))
    assert cold.asset("dc", "overhead_kw") == pytest.approx([9.5] * 4)


def test_a_convex_overhead_spreads_work_that_prices_would_leave_alone() -> None:
    problem = built(
        prices=[0.2] * 4,
        base=30.0,
        overhead=CURVE,
        idle_overhead_kw=5.0,
        batches=[batch(energy_kwh=80.0, max_kw=100.0)],
    )
    plan = planned(problem)
    assert plan.asset("dc", "it_kw") == pytest.approx([50] * 4)
    assert plan.proof.rounds == 1, "where electricity costs something the relaxation is tight"


def test_at_a_negative_price_the_branch_keeps_the_overhead_to_its_curve() -> None:
    problem = built(prices=[-0.1] * 4, base=40.0, overhead=CURVE, idle_overhead_kw=5.0)
    plan = planned(problem)
    assert plan.proof.rounds > 1, "the relaxation fills the dearest piece first"
    assert plan.asset("dc", "overhead_kw") == pytest.approx([9] * 4)


def test_prices_of_limits_are_found_where_the_branch_was_needed() -> None:
    problem = built(prices=[-0.1] * 4, base=40.0, overhead=CURVE, idle_overhead_kw=5.0)
    plan = planned(problem)
    assert Priced(problem, plan).point.objective == pytest.approx(plan.proof.objective)


def test_waste_heat_is_a_share_of_the_it_power_and_may_be_rejected() -> None:
    warm = load("warm", bus="heat")
    series = {("warm", "demand_kw"): np.array([20.0, 60.0, 0.0, 10.0])}
    problem = built(warm, heat_bus="heat", waste_heat_share=0.8, series=series)
    for schedule in (planned(problem), rule_based(problem), last_good(problem, planned(problem))):
        assert schedule.asset("dc", "heat_kw") == pytest.approx([20, 40, 0, 10])
        assert schedule.asset("warm", "shed_kw") == pytest.approx([0, 20, 0, 0])
        assert audit(schedule).violations == ()


def two_sites(delay_h: float = 0.0, share: float = 1.0, cost: float = 0.0, **fields: Any) -> Problem:
    """Two sites: electricity of the second is free of charge beyond its own connection's price."""
    pools = {"pool": "work", "transfer_cost_per_kwh": cost, "transfer_delay_h": delay_h, "movable_share": share}
    east = centre("east", bus="main", batches=[batch()], **pools)
    west = centre("west", bus="far", capacity_kw=fields.pop("west_kw", 100.0), **pools)
    site = park(
        east,
        west,
        grid(tariff=tariff(0.5)),
        grid(name="green", bus="far", tariff=tariff(0.1)),
        buses=[{"name": "main"}, {"name": "far"}],
    )
    series = {("east", "demand_kw"): 50.0, ("west", "demand_kw"): 20.0}
    return Problem(site, given(site, hours(4), series))


def test_work_moves_within_its_pool_to_where_it_is_cheaper() -> None:
    plan = planned(two_sites())
    assert plan.asset("east", "it_kw") == pytest.approx([50] * 4)
    assert plan.asset("west", "it_kw").sum() == pytest.approx(4 * 20 + 60)
    assert plan.asset("east", "sent_kw").sum() == pytest.approx(plan.asset("west", "received_kw").sum())
    assert plan.money[0] == pytest.approx(0.5 * 200 + 0.1 * 140)
    assert told(plan) == ["east: 60.0 kWh of work done elsewhere in its pool"]


def test_moving_work_has_a_price_a_delay_a_share_and_the_other_sites_capacity() -> None:
    dear = planned(two_sites(cost=0.5))
    assert dear.asset("east", "sent_kw").sum() == pytest.approx(0)
    cheap = planned(two_sites(cost=0.1))
    assert cheap.money[0] == pytest.approx(0.5 * 200 + 0.1 * 140 + 0.1 * 60)
    late = planned(two_sites(delay_h=3.0))
    assert late.asset("east", "sent_kw") == pytest.approx([0, 0, 0, 40])
    half = planned(two_sites(share=0.5))
    assert half.asset("east", "sent_kw").sum() == pytest.approx(30)
    full = planned(two_sites(west_kw=25.0))
    assert full.asset("east", "sent_kw").sum() == pytest.approx(20)


def test_without_a_pool_nothing_moves() -> None:
    buses = [{"name": "main"}, {"name": "far"}]
    green = grid(name="green", bus="far", tariff=tariff(0.1))
    site = park(
        centre("east", batches=[batch()]), centre("west", bus="far"), grid(tariff=tariff(0.5)), green, buses=buses
    )
    plan = solve(Problem(site, given(site, hours(4), {("east", "demand_kw"): 5.0, ("west", "demand_kw"): 5.0})))
    assert plan.asset("west", "received_kw").sum() == pytest.approx(0)
    assert audit(plan).violations == ()


def test_a_pool_of_one_is_told_to_the_user() -> None:
    raw: dict[str, Any] = {"buses": [{"name": "main"}], "latitude_deg": 50, "longitude_deg": 10}
    raw["assets"] = [centre(pool="work"), centre("west", pool="works")]
    assert [(p.path, p.message) for p in reference_problems(raw)] == [
        ("assets[0].pool", "nobody else is in pool 'work'"),
        ("assets[1].pool", "nobody else is in pool 'works'"),
    ]
    raw["assets"][1]["pool"] = "work"
    assert list(reference_problems(raw)) == []


def test_what_was_done_before_is_not_done_again() -> None:
    site_hours = hours(2, "2024-03-01T02:00")
    plan = planned(built(horizon=site_hours, batches=[batch()], state={"done_kwh:train": 45.0}, prices=PRICE))
    assert plan.asset("dc", "batch_0_kw").sum() == pytest.approx(15)
    problem = built(batches=[batch()])
    found = planned(problem).kinds["data_centre"]
    assert DataCentre.carry(found.rows, problem.inputs, found.series, 2) == {
        "dc": {"done_kwh:train": pytest.approx(40), "missing_kwh:train": 0.0}
    }
    assert DataCentre.carry(found.rows, problem.inputs, found.series, 4)["dc"] == {
        "done_kwh:train": 0.0,
        "missing_kwh:train": 0.0,
    }


def hour_by_hour(wanted: np.ndarray | None, base: Any = 50.0, **fields: Any) -> tuple[np.ndarray, float, list[Any]]:
    """What windows of an hour do of a batch of four, what they call missing, and the states between them.

    Args:
        wanted: (step,) what a plan has; None: the park's own rule.
    """
    done, missing, states, state = np.zeros(4), 0.0, [], {}
    for step in range(4):
        window = hours(1, f"2024-03-01T0{step}:00")
        problem = built(horizon=window, batches=[batch(**fields)], base=np.ravel(base)[[step % np.size(base)]],
                        state=state, pcc=grid(tariff=tariff(0.2)))  # fmt: skip
        rows = problem.rows["data_centre"]
        planned = {"batch_0_kw": np.full((1, 1), 0.0 if wanted is None else wanted[step])}
        follows = None if wanted is None else {"data_centre": DataCentre.follow(rows, problem.inputs, planned)}
        schedule = rule_based(problem, follows)
        assert audit(schedule).violations == ()
        done[step] = schedule.asset("dc", "it_kw")[0] - problem.inputs.series["dc", "demand_kw"][0, 0]
        missing += sum(
            float(kwh.sum()) for kwh in missing_kwh(rows, problem.inputs, schedule.kinds["data_centre"].series)
        )
        state = DataCentre.carry(rows, problem.inputs, schedule.kinds["data_centre"].series, 1)["dc"]
        states.append(state)
    return done, missing, states


def test_windows_that_end_before_the_deadline_do_what_the_plan_has_in_them() -> None:
    done, missing, states = hour_by_hour(np.array([0.0, 40.0, 20.0, 0.0]))
    assert done == pytest.approx([0, 40, 20, 0])
    assert missing == 0
    assert [state["done_kwh:train"] for state in states] == pytest.approx([0, 40, 60, 0])


def test_what_a_plan_would_be_late_with_is_done_at_the_last_moment() -> None:
    """60 kWh at 40 kW: 20 in the third hour at the latest."""
    for wanted in (np.zeros(4), None):
        done, missing, _ = hour_by_hour(wanted)
        assert done == pytest.approx([0, 0, 20, 40])
        assert missing == 0


def test_what_found_no_room_as_planned_is_made_up_for_within_the_window() -> None:
    problem = built(batches=[batch()], base=np.array([50.0, 185, 50, 50]))
    planned = {"batch_0_kw": np.array([[0.0, 40, 20, 0]])}
    done = DataCentre.follow(problem.rows["data_centre"], problem.inputs, planned)
    assert sum(v[0] for n, v in done.items() if n.startswith("batch_")) == pytest.approx([0, 15, 40, 5])


def test_what_windows_cannot_do_in_time_is_named_once() -> None:
    """200 kWh at 40 kW leave 40, which are due and missing from the first hour on; a full hall loses 40 more."""
    done, missing, states = hour_by_hour(np.full(4, 40.0), energy_kwh=200.0)
    assert done == pytest.approx([40] * 4)
    assert missing == pytest.approx(40)
    assert [state["missing_kwh:train"] for state in states] == pytest.approx([40, 40, 40, 0])
    _, missing, states = hour_by_hour(np.full(4, 40.0), base=np.array([50.0, 200, 50, 50]), energy_kwh=200.0)
    assert missing == pytest.approx(80)
    assert [state["missing_kwh:train"] for state in states] == pytest.approx([40, 80, 80, 0])


def test_a_plan_begins_work_that_the_time_after_it_could_not_finish() -> None:
    """Of 100 kWh two hours of 40 kW may follow: 20 must be done by now, in the cheaper hour."""
    plan = planned(built(horizon=hours(2), prices=PRICE[:2], batches=[batch(energy_kwh=100.0)]))
    assert plan.asset("dc", "it_kw") == pytest.approx([50, 70])


def test_without_a_plan_work_waits_where_power_lacks() -> None:
    schedule = rule_based(built(batches=[batch()], pcc=grid(import_kw=60)))
    assert schedule.asset("dc", "it_kw") == pytest.approx([60, 60, 50, 50])
    assert schedule.asset("dc", "shed_kw") == pytest.approx([0] * 4)
    assert audit(schedule).violations == ()
    weak = rule_based(built(pcc=grid(import_kw=40)))
    assert weak.asset("dc", "shed_kw") == pytest.approx([10] * 4)
    assert audit(weak).violations == ()
    over = rule_based(built(base=250.0))
    assert over.asset("dc", "it_kw") == pytest.approx([200] * 4)
    assert audit(safe_state(built(batches=[batch()]))).violations == ()


def test_reactive_power_is_that_of_its_power_factor() -> None:
    assert built(power_factor=0.9).site.assets[0].kvar_per_kw == pytest.approx(math.tan(math.acos(0.9)))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"overhead": [CURVE[1], CURVE[0]]}, "must rise in it_kw"),
        ({"overhead": [CURVE[0], {"it_kw": 200, "overhead_kw": 12}]}, "must be convex"),
        ({"batches": [batch(), batch()]}, "two batches have one name"),
        ({"waste_heat_share": 0.5}, "needs a heat_bus"),
        (
            {"by_weather": [{"ambient_degc": 5, "factor": 1}, {"ambient_degc": 1, "factor": 1}]},
            "must rise in ambient_degc",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        park(centre(**fields))


def test_a_capacity_beyond_the_curve_and_negative_demand_are_errors() -> None:
    with pytest.raises(DataError, match="its overhead is known from 0 to 200 kW"):
        built(capacity_kw=250.0)
    with pytest.raises(DataError, match="IT power of 'dc' is negative"):
        built(base=-1.0)


def test_a_pool_of_a_fleet_moves_nothing_where_a_site_is_planned_alone() -> None:
    """A pool of one is no mistake then; where a fleet plans what leaves, it is free to go."""
    raw: dict[str, Any] = {"buses": [{"name": "main"}], "latitude_deg": 50, "longitude_deg": 10}
    raw["assets"] = [centre(pool="work", pool_reach="fleet")]
    assert list(reference_problems(raw)) == []
    pool = {"batches": [batch()], "pool": "work", "pool_reach": "fleet"}
    alone, shared = planned(built(**pool)), solve(built(**pool, state={"moves_across": 1.0}))
    assert alone.asset("dc", "sent_kw").sum() == pytest.approx(0)
    assert alone.asset("dc", "received_kw").sum() == pytest.approx(0)
    assert alone.asset("dc", "batch_0_kw").sum() == pytest.approx(60)
    assert shared.asset("dc", "sent_kw").sum() == pytest.approx(60)
    assert audit(shared).violations == ()


def test_what_a_plan_moves_is_moved_as_far_as_the_other_site_has_room() -> None:
    problem = two_sites(west_kw=50.0)
    plan = planned(problem)
    wanted = {name: values[:2] for name, values in plan.kinds["data_centre"].series.items()}
    followed = DataCentre.follow(problem.rows["data_centre"], problem.inputs, wanted)
    done = rule_based(problem, {"data_centre": followed})
    assert audit(done).violations == ()
    assert done.asset("east", "sent_kw") == pytest.approx(plan.asset("east", "sent_kw"))
    wanted["received_kw"] = wanted["received_kw"] + 100.0
    followed = DataCentre.follow(problem.rows["data_centre"], problem.inputs, wanted)
    assert audit(rule_based(problem, {"data_centre": followed})).violations == ()
    assert followed["received_kw"].sum() == pytest.approx(followed["sent_kw"].sum())


def test_nothing_is_moved_where_power_lacks() -> None:
    """Two sites on one bus of 100 kW; 90 of base load leave 10 for work, wherever it is done."""
    pool = {"pool": "work"}
    site = park(centre("east", batches=[batch()], **pool), centre("west", **pool), grid(import_kw=100.0))
    series = {("east", "demand_kw"): 50.0, ("west", "demand_kw"): 40.0}
    problem = Problem(site, given(site, hours(4), series))
    wanted = {"batch_0_kw": np.array([[15.0] * 4, [0.0] * 4])}
    wanted |= {"sent_kw": np.array([[15.0] * 4, [0.0] * 4]), "received_kw": np.array([[0.0] * 4, [15.0] * 4])}
    followed = DataCentre.follow(problem.rows["data_centre"], problem.inputs, wanted)
    assert followed["sent_kw"].sum() == pytest.approx(60)
    done = rule_based(problem, {"data_centre": followed})
    assert audit(done).violations == ()
    assert sum(done.asset(name, "shed_kw").sum() for name in ("east", "west")) == pytest.approx(0, abs=1e-6)


def crowded(**fields: Any) -> tuple[Problem, dict[str, Array]]:
    """20 kW of room in the east for 160 kWh of work of which three quarters are to be sent; the west has 100."""
    work, pool = batch(energy_kwh=160.0), {"pool": "work"}
    site = park(
        centre("east", batches=[work], capacity_kw=70.0, movable_share=0.75, **pool, **fields),
        centre("west", capacity_kw=100.0, **pool),
        grid(),
    )
    series = {("east", "demand_kw"): 50.0, ("west", "demand_kw"): np.array([0.0, 0, 0, 85])}
    problem = Problem(site, given(site, hours(4), series))
    wanted = {"batch_0_kw": np.array([[40.0] * 4, [0.0] * 4])}
    return problem, wanted | {"sent_kw": wanted["batch_0_kw"] * 0.75, "received_kw": wanted["batch_0_kw"][::-1] * 0.75}


def test_work_that_is_sent_needs_no_room_at_home() -> None:
    problem, wanted = crowded()
    followed = DataCentre.follow(problem.rows["data_centre"], problem.inputs, wanted)
    done = rule_based(problem, {"data_centre": followed})
    assert audit(done).violations == ()
    # In the last hour the west has room for 15 beside its own.
    assert done.asset("east", "batch_0_kw") == pytest.approx([40, 40, 40, 35])
    assert done.asset("east", "sent_kw") == pytest.approx([30, 30, 30, 15])
    assert done.asset("east", "it_kw").max() == pytest.approx(70)


def test_work_that_may_not_be_sent_yet_has_the_room_there_is_at_home() -> None:
    problem, wanted = crowded(transfer_delay_h=1.5)
    followed = DataCentre.follow(problem.rows["data_centre"], problem.inputs, wanted)
    done = rule_based(problem, {"data_centre": followed})
    assert audit(done).violations == ()
    assert done.asset("east", "batch_0_kw") == pytest.approx([20, 20, 40, 35])
    assert done.asset("east", "sent_kw") == pytest.approx([0, 0, 30, 15])
