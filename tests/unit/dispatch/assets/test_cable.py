"""Cables: both directions, the rating, a row of cables, and rules that give way behind a full cable."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.assets.cable import loop_warning
from dispatch.audit import audit
from dispatch.presentation.findings import findings
from dispatch.problem import Problem
from dispatch.replay.plant import executed
from dispatch.rules import rule_based
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff
from tests.unit.dispatch.planned import planned

BUSES = [{"name": "main"}, {"name": "far"}, {"name": "end"}]
FEED = {"export_kw": 1e3, "tariff": tariff(0.2, feed_in=0.1)}


def cable(name: str, near: str, far: str, rating_kw: float) -> dict[str, Any]:
    return {"kind": "cable", "name": name, "bus": near, "far_bus": far, "rating_kw": rating_kw}


def pv(bus: str) -> dict[str, Any]:
    return {"kind": "pv", "name": f"pv_{bus}", "bus": bus, "peak_kw": 500}


def problem(site: Site, **series: Any) -> Problem:
    quantities = {name: ("available_kw" if name.startswith("pv") else "demand_kw") for name in series}
    return Problem(site, given(site, hours(2), {(n, quantities[n]): v for n, v in series.items()}))


def test_a_cable_carries_both_ways_up_to_its_rating() -> None:
    site = park(grid(**FEED), load(bus="far"), pv("far"), cable("line", "main", "far", 60), buses=BUSES)
    schedule = solve(problem(site, load=[100.0, 10], pv_far=[0.0, 200]))
    assert schedule.asset("line", "outward_kw") - schedule.asset("line", "inward_kw") == pytest.approx([60, -60])
    assert schedule.asset("load", "shed_kw") == pytest.approx([40, 0], abs=1e-6)
    assert schedule.asset("pv_far", "curtailed_kw") == pytest.approx([0, 130])
    assert audit(schedule).passed
    assert schedule.money[0] == pytest.approx(60 * 0.2 - 60 * 0.1)


def test_a_plan_and_the_rules_agree_on_a_row_of_cables() -> None:
    lines = cable("inner", "main", "far", 80), cable("outer", "far", "end", 50)
    for order in (lines, lines[::-1]):
        site = park(grid(**FEED), load(bus="end"), pv("end"), pv("far"), *order, buses=BUSES)
        built = problem(site, load=[40.0, 10], pv_end=[0.0, 30], pv_far=[0.0, 90])
        plan, rules = solve(built), rule_based(built)
        for schedule in (plan, rules):
            assert audit(schedule).violations == ()
            assert schedule.asset("outer", "outward_kw") == pytest.approx([40, 0], abs=1e-6)
            assert schedule.asset("inner", "inward_kw") == pytest.approx([0, 80], abs=1e-6)
            curtailed = schedule.asset("pv_end", "curtailed_kw") + schedule.asset("pv_far", "curtailed_kw")
            assert curtailed == pytest.approx([0, 30], abs=1e-6), "20 and 90 kW meet a cable for 80"


@pytest.mark.parametrize(("export_kw", "curtailed"), [(0.0, 100.0), (30.0, 70.0)])
def test_behind_a_cable_the_rules_curtail_what_the_connection_cannot_take(export_kw: float, curtailed: float) -> None:
    site = park(grid(export_kw=export_kw), load(), pv("end"), *_row(), buses=BUSES)
    schedule = rule_based(problem(site, load=20.0, pv_end=120.0))
    assert schedule.asset("pv_end", "curtailed_kw") == pytest.approx([curtailed] * 2)
    assert audit(schedule).violations == ()


def test_behind_a_cable_the_rules_shed_what_the_connection_cannot_give() -> None:
    site = park(grid(import_kw=50), load(bus="end"), *_row(), buses=BUSES)
    schedule = rule_based(problem(site, load=80.0))
    assert schedule.asset("load", "shed_kw") == pytest.approx([30, 30])
    assert audit(schedule).violations == ()


def _row() -> tuple[dict[str, Any], dict[str, Any]]:
    return cable("inner", "main", "far", 500), cable("outer", "far", "end", 500)


def test_in_a_ring_the_plan_uses_both_ways_round() -> None:
    ring = (*_row(), cable("back", "main", "end", 30))
    site = park(grid(), load(bus="end"), *(c | {"rating_kw": 30} for c in ring), buses=BUSES)
    schedule = solve(problem(site, load=60.0))
    assert np.abs(schedule.asset("load", "shed_kw")).max() < 1e-6
    assert audit(schedule).passed


def test_cables_in_a_loop_are_named_and_those_on_the_way_are_not() -> None:
    """A triangle main, far, end; a spur to yard; two side by side to shed: the spur alone is in no loop."""
    buses = [*BUSES, {"name": "yard"}, {"name": "shed"}]
    spur, twins = cable("spur", "end", "yard", 9), [cable(n, "main", "shed", 9) for n in ("one", "two")]
    site = park(grid(), load(), *_row(), spur, buses=buses)
    assert loop_warning(site.assets, proven=False) is None
    site = park(grid(), load(), *_row(), cable("back", "main", "end", 30), spur, *twins, buses=buses)
    told = loop_warning(site.assets, proven=False)
    assert told is not None
    assert told.startswith("cables inner, outer, back, one, two form a loop: their flows are transport flows")
    assert loop_warning(site.assets, proven=True) is None


def test_a_plan_with_cables_in_a_loop_says_so() -> None:
    ring = (*_row(), cable("back", "main", "end", 30))
    site = park(grid(), load(), *ring, buses=BUSES)
    plan = planned(site, given(site, hours(1), {("load", "demand_kw"): 1.0}))
    assert any(f.severity == "warning" and "inner, outer, back form a loop" in f.text for f in findings(plan))


def test_a_store_behind_a_cable_follows_its_plan() -> None:
    """100 kW of load at main, 150 of sun in the first hour and none then, all behind the cable with the store.

    The plan puts 50 kW of the sun into the store and takes 50 kWh out of it in the second hour: nothing is sold, and
    50 kW are bought then.
    """
    lossless = battery(bus="far", charge_efficiency=1.0, discharge_efficiency=1.0, start_fill=0.0)
    site = park(grid(**FEED), load(), pv("far"), lossless, cable("line", "main", "far", 400), buses=BUSES)
    built = problem(site, load=[100.0, 100], pv_far=[150.0, 0])
    wanted = {"battery": {"charge_kw": np.array([[50.0, 0]]), "discharge_kw": np.array([[0.0, 50]])}}
    done = executed(built, wanted)
    assert audit(done).violations == ()
    assert done.asset("battery", "charge_kw") == pytest.approx([50, 0])
    assert done.asset("battery", "discharge_kw") == pytest.approx([0, 50])
    assert done.asset("line", "inward_kw") == pytest.approx([100, 50])
    assert done.asset("pcc", "export_kw") == pytest.approx([0, 0], abs=1e-9)
    assert done.asset("pcc", "import_kw") == pytest.approx([0, 50])


def test_by_rule_a_store_behind_a_cable_takes_what_the_site_has_over() -> None:
    """Sun of 150 kW beside the store, load of 100 at main: 50 are over; in the second hour 100 lack, 50 of them stored.

    A second store of half the size at main takes a third of both.
    """
    lossless = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "start_fill": 0.0}
    far, near = battery(bus="far", **lossless), battery(name="near", **lossless)
    for stores, share in (((far,), [1.0]), ((far, near | {"charge_kw": far["charge_kw"] / 2}), [2 / 3, 1 / 3])):
        site = park(grid(**FEED), load(), pv("far"), *stores, cable("line", "main", "far", 400), buses=BUSES)
        done = rule_based(problem(site, load=[100.0, 100], pv_far=[150.0, 0]))
        assert audit(done).violations == ()
        for store, part in zip(stores, share, strict=True):
            assert done.asset(store["name"], "charge_kw") == pytest.approx([50 * part, 0])
        assert done.asset("pcc", "export_kw") == pytest.approx([0, 0], abs=1e-6)
        assert done.asset("pcc", "import_kw") == pytest.approx([0, 50], abs=1e-6)


def test_by_rule_a_full_cable_leaves_its_surplus_to_the_store_behind_it() -> None:
    """150 kW of sun meet a cable for 80 and no load: 70 stay for the store of 90, which takes 20 of the 80 as well."""
    store = battery(bus="far", charge_efficiency=1.0, discharge_efficiency=1.0, start_fill=0.0, charge_kw=90.0)
    site = park(grid(**FEED), load(), pv("far"), store, cable("line", "main", "far", 80), buses=BUSES)
    done = rule_based(problem(site, load=[0.0, 0], pv_far=[150.0, 0]))
    assert audit(done).violations == ()
    assert done.asset("battery", "charge_kw")[0] == pytest.approx(90.0)
    assert done.asset("pcc", "export_kw")[0] == pytest.approx(60.0)
    assert done.asset("pv_far", "curtailed_kw") == pytest.approx([0, 0], abs=1e-6)
