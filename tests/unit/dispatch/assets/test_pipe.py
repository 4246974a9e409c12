"""Pipes: delay on steps of any length, loss, what was under way, both ways, rules, windows that follow each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.audit import audit
from dispatch.config.park import load_site
from dispatch.errors import ConfigError
from dispatch.ladder.fallback import last_good, safe_state
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park, tariff

BUSES = [{"name": "main"}, {"name": "far"}]


def pipe(**fields: Any) -> dict[str, Any]:
    base = {"kind": "pipe", "name": "pipe", "bus": "main", "far_bus": "far", "capacity_kw": 100.0}
    return base | {"end_penalty_per_kwh": 0.0} | fields


def site(**fields: Any) -> Site:
    return park(grid(), load(bus="far"), pipe(**fields), buses=BUSES)


def problem(what: Site, demand: Any, horizon: Horizon | None = None, **options: Any) -> Problem:
    horizon = horizon or hours(len(demand))
    return Problem(what, given(what, horizon, {("load", "demand_kw"): demand}, **options))


def planned(what: Site, demand: Any, horizon: Horizon | None = None, **options: Any) -> Schedule:
    schedule = solve(problem(what, demand, horizon, **options))
    assert audit(schedule).violations == ()
    return schedule


def test_what_enters_leaves_so_many_hours_later_less_what_is_lost() -> None:
    schedule = planned(site(delay_h=2, loss_fraction=0.2), [0.0, 0, 40, 16, 80, 0])
    assert schedule.asset("pipe", "forward_kw") == pytest.approx([50, 20, 100, 0, 0, 0], abs=1e-6)
    assert schedule.asset("load", "shed_kw") == pytest.approx(np.zeros(6), abs=1e-6)
    assert schedule.money[0] == pytest.approx(0.2 * 170)


def test_without_delay_and_loss_it_is_a_connection() -> None:
    schedule = planned(site(), [40.0, 120])
    assert schedule.asset("pipe", "forward_kw") == pytest.approx([40, 100], abs=1e-6)
    assert schedule.asset("load", "shed_kw") == pytest.approx([0, 20], abs=1e-6)


def test_demand_that_comes_before_anything_can_arrive_is_not_served() -> None:
    schedule = planned(site(delay_h=2), [30.0, 30, 30])
    assert schedule.asset("load", "shed_kw") == pytest.approx([30, 30, 0], abs=1e-6)
    longer = planned(site(delay_h=3), [30.0, 30, 30])
    assert longer.asset("pipe", "forward_kw") == pytest.approx(np.zeros(3), abs=1e-6), "longer than the horizon"


def test_what_was_under_way_arrives_and_is_let_go_where_nobody_takes_it() -> None:
    schedule = planned(site(delay_h=2, loss_fraction=0.1, under_way_kwh=[100.0, 50.0]), [30.0, 45, 0])
    assert schedule.asset("pipe", "forward_arriving_kw") == pytest.approx([90, 45, 0], abs=1e-6)
    assert schedule.asset("pipe", "forward_spilled_kw") == pytest.approx([60, 0, 0], abs=1e-6)
    assert schedule.penalty[0] == pytest.approx(600)
    assert schedule.proof.quality == "relaxed"
    assert "lets go what arrives" in schedule.proof.relaxed[0]


def test_the_delay_is_in_hours_whatever_the_steps_are() -> None:
    edges = np.array([0, 15, 30, 60, 120, 180, 240]) * 60
    horizon = Horizon(np.datetime64("2024-03-01T00:00", "s") + edges.astype("timedelta64[s]"), "UTC")
    schedule = planned(site(delay_h=1), [0.0, 0, 0, 35, 20, 0], horizon)
    flow = schedule.asset("pipe", "forward_kw")
    assert flow[:3] @ horizon.hours[:3] == pytest.approx(35), "three unequal steps feed the one an hour later"
    assert schedule.asset("pipe", "forward_arriving_kw")[3:5] == pytest.approx([35, 20])


def test_it_holds_as_much_at_the_end_as_at_the_start() -> None:
    held = {"delay_h": 2, "under_way_kwh": [20.0, 30.0]}
    free, wished = (planned(site(**held, end_penalty_per_kwh=p), [20.0, 30, 0, 0]) for p in (0.0, 10.0))
    assert free.asset("pipe", "forward_kw").sum() == pytest.approx(0, abs=1e-6)
    assert wished.asset("pipe", "forward_kw")[2:].sum() == pytest.approx(50)
    assert wished.asset("pipe", "short_kwh")[-1] == pytest.approx(0, abs=1e-6)


def both_ways(two_way: bool = True) -> Site:
    feed = {"tariff": tariff(0.2, feed_in=0.1), "export_kw": 1e3}
    roof = {"kind": "pv", "name": "roof", "bus": "far", "peak_kw": 90}
    return park(grid(**feed), load(bus="far"), roof, pipe(two_way=two_way, delay_h=1), buses=BUSES)


def test_a_pipe_of_two_ways_brings_a_surplus_back_and_one_of_one_way_does_not() -> None:
    series = {("load", "demand_kw"): [0.0, 60, 0], ("roof", "available_kw"): [0.0, 90, 0]}
    for two_way, back in ((True, 90.0), (False, 0.0)):
        what = both_ways(two_way)
        schedule = solve(Problem(what, given(what, hours(3), series)))
        assert audit(schedule).violations == ()
        assert schedule.asset("pipe", "backward_kw")[1] <= back
        assert schedule.asset("pipe", "backward_kw").sum() == pytest.approx(30.0 if two_way else 0.0, abs=1e-6)


def burning(price: float) -> Problem:
    """Imports are paid for: a lossy pipe fed at both ends at once would burn what the load cannot take."""
    what = park(
        grid(import_kw=500, tariff=tariff(price)),
        load(),
        load("far", bus="far"),
        pipe(two_way=True, loss_fraction=0.5),
        buses=BUSES,
    )
    return Problem(what, given(what, hours(2), {("load", "demand_kw"): 50.0, ("far", "demand_kw"): 20.0}))


def test_both_ends_at_once_burn_at_negative_prices_and_the_branch_forbids_it() -> None:
    built = burning(-0.3)
    relaxed = built.compiled.matrices()
    schedule = solve(built)
    assert schedule.proof.rounds > 1, "the relaxation feeds both ends"
    assert relaxed.integer.sum() == 0
    both = np.minimum(schedule.asset("pipe", "forward_kw"), schedule.asset("pipe", "backward_kw"))
    assert both == pytest.approx(np.zeros(2), abs=1e-3)
    assert audit(schedule).violations == ()
    assert solve(burning(0.3)).proof.rounds == 1, "tight where burning costs"


def test_windows_that_follow_each_other_hand_over_what_is_under_way() -> None:
    what = site(delay_h=2, loss_fraction=0.1)
    demand = np.array([0.0, 0, 18, 36, 54, 27, 0, 0])
    whole = planned(what, demand)
    edges = np.datetime64("2024-03-01T00:00", "s") + (np.arange(13) * 1800).astype("timedelta64[s]")
    first = planned(what, np.repeat(demand[:6], 2), Horizon(edges, "UTC"))
    rows = first.kinds["pipe"].rows
    state = type(rows.members[0]).carry(rows, first.inputs, first.kinds["pipe"].series, 6)
    later = planned(what, demand[3:], hours(5, "2024-03-01T03:00"), state=state)
    assert later.asset("pipe", "forward_arriving_kw")[:2] == pytest.approx([36, 54])
    assert later.asset("pipe", "forward_kw")[:1] == pytest.approx(whole.asset("pipe", "forward_kw")[3:4])
    again = type(rows.members[0]).carry(later.kinds["pipe"].rows, later.inputs, later.kinds["pipe"].series, 5)
    assert sum(again["pipe"].values()) == pytest.approx(0), "an empty pipe says so"


def test_the_rules_feed_for_what_will_lack_and_give_way() -> None:
    what = site(delay_h=1, loss_fraction=0.1, under_way_kwh=[50.0])
    built = problem(what, [30.0, 45, 90, 27])
    rules = rule_based(built)
    assert audit(rules).violations == ()
    assert rules.asset("pipe", "forward_kw") == pytest.approx([50, 100, 30, 30])
    assert rules.asset("pipe", "forward_spilled_kw") == pytest.approx([15, 0, 0, 0])
    assert rules.asset("load", "shed_kw") == pytest.approx(np.zeros(4))
    narrow = park(grid(import_kw=60), load(bus="far"), pipe(delay_h=1), buses=BUSES)
    short = rule_based(problem(narrow, [0.0, 80, 80]))
    assert audit(short).violations == ()
    assert short.asset("load", "shed_kw") == pytest.approx([0, 20, 20], abs=1e-6)


def test_the_lower_rungs_can_be_built_with_a_full_pipe() -> None:
    built = problem(site(delay_h=2, under_way_kwh=[50.0, 60.0]), [30.0, 45, 30])
    for schedule in (safe_state(built), last_good(built, solve(built))):
        assert audit(schedule).violations == ()
    assert last_good(built, solve(built)).asset("load", "shed_kw") == pytest.approx(np.zeros(3), abs=1e-6)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"delay_h": 2, "under_way_kwh": [1.0]}, "under_way_kwh has 1 hours: give one for each of delay_h 2"),
        ({"delay_h": 1, "under_way_back_kwh": [1.0]}, "the pipe goes one way"),
        ({"loss_fraction": 1.0}, "less than 1"),
        ({"delay_h": 1.5}, "integer"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        site(**fields)


def test_both_ends_carry_the_same(tmp_path: Any) -> None:
    file = tmp_path / "park.yaml"
    file.write_text(
        "name: p\ntime_zone: UTC\ncurrency: EUR\n"
        "buses: [{name: gas, carrier: gas}, {name: hot, carrier: heat}, {name: cool, carrier: heat}]\n"
        "assets:\n  - {kind: pipe, name: pipe, bus: hot, far_bus: gas, capacity_kw: 5}\n"
    )
    with pytest.raises(ConfigError) as error:
        load_site(file)
    assert "bus 'gas' carries gas, bus 'hot' at the other end heat" in str(error.value)
    assert "a bus for heat: cool" in str(error.value)
