"""Fronts whose every point is known: by hand, and by trying all patterns of on and off."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.carbon.park import expected
from dispatch.carbon_wanted.wishes import EmissionsWish
from dispatch.errors import DataError, SolveError
from dispatch.front import Choice, Front, front
from dispatch.front.points import FrontPoint, efficient, next_cap_t
from dispatch.problem import Problem
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Limits, continuous
from tests.parks import battery, given, grid, hours, load, park, tariff, unit

DEMAND = np.array([100.0, 140, 90, 160])


def problem_of(site: Site, mode: str = "exact", demand: np.ndarray = DEMAND) -> Problem:
    inputs = given(site, hours(demand.size), {("load", "demand_kw"): demand})
    return Problem(site, inputs, Mode(mode))  # type: ignore[arg-type]  # a literal


def two_sources(**objective: float) -> Site:
    """Dirty power at 0.1 and 0.9 kg, clean power at 0.3 and 0.1 kg: a tonne less costs 250."""
    return park(
        grid(carbon_intensity_kg_per_kwh=0.9, tariff=tariff(0.1)),
        unit("clean", max_kw=120, cost_per_kwh=0.3, co2_kg_per_kwh=0.1),
        load(value_of_lost_load_per_kwh=5),
        objective={"money": 1, "carbon_price_per_t": 40} | objective,
    )


def lumpy() -> Site:
    """Units with a least output and starts: points lie above the chord of their neighbours."""
    return park(
        grid(carbon_intensity_kg_per_kwh=0.8, tariff=tariff(0.12)),
        unit("gas", min_kw=60, max_kw=90, cost_per_kwh=0.2, co2_kg_per_kwh=0.35, start_cost=9),
        unit("biomass", min_kw=50, max_kw=55, cost_per_kwh=0.31, co2_kg_per_kwh=0.02, start_cost=4),
        load(value_of_lost_load_per_kwh=50),
    )


def test_two_sources_trade_at_one_price_from_end_to_end() -> None:
    found = front(problem_of(two_sources()), 6)
    assert len(found.points) == 6
    assert found.dominated == 0
    assert found.points[0].co2_t == pytest.approx(0.9 * 0.49)
    clean = np.minimum(DEMAND, 120).sum()
    assert found.points[-1].co2_t == pytest.approx((0.1 * clean + 0.9 * (490 - clean)) / 1000, rel=1e-4)
    for point in found.points:
        # Money by hand: 0.1 for all, 0.2 more for every 0.8 kg less.
        assert point.cost == pytest.approx(0.1 * 490 + 250 * (0.441 - point.co2_t), rel=1e-5)
        assert point.audit.passed
        assert point.gap <= 1e-4
    assert [p.price_per_t for p in found.points[1:]] == pytest.approx([250] * 5, rel=1e-3)
    np.testing.assert_allclose(found.slope_per_t, 250, rtol=1e-3)


def test_the_price_of_carbon_in_the_objective_does_not_move_the_front() -> None:
    priced, free = (front(problem_of(two_sources(carbon_price_per_t=price)), 4) for price in (300.0, 0.0))
    for one, other in zip(priced.points, free.points, strict=True):
        assert one.cost == pytest.approx(other.cost, rel=1e-5)
        assert one.co2_t == pytest.approx(other.co2_t, rel=1e-5)
    # At 300 a tonne the park's own plan is the cleanest, at nothing the cheapest.
    assert priced.chosen.co2_t == pytest.approx(priced.points[-1].co2_t, rel=1e-3)
    assert free.chosen.co2_t == pytest.approx(free.points[0].co2_t, rel=1e-5)
    assert "own carbon price of 300" in priced.why


@pytest.mark.parametrize("mode", ["exact", "convex"])
def test_every_point_is_the_least_cost_that_any_pattern_of_units_has_under_its_cap(mode: str) -> None:
    problem = problem_of(lumpy(), mode, DEMAND[:3])
    found = front(problem, 9, limits=Limits(gap=1e-6))
    assert len(found.points) == 9
    for point in found.points[1:]:
        least = by_trying(problem, 1000 * point.co2_t)
        assert least - 1e-3 <= point.cost <= least + 1e-3 + point.gap * least
    # Some lie above the chord of their neighbours: a weighted sum would never find them.
    co2, cost = (np.array([getattr(p, name) for p in found.points]) for name in ("co2_t", "cost"))
    chord = np.interp(co2[1:-1], [co2[-1], co2[0]], [cost[-1], cost[0]])
    bends = np.diff(found.slope_per_t)
    assert (bends < -1).any(), (chord, bends)


def by_trying(problem: Problem, cap_kg: float) -> float:
    """The least cost over all whole numbers, each with its linear program."""
    twin = problem.twin()
    twin.take(np.zeros(twin.compiled.size))
    carbon, standing = expected(twin, twin.total.co2_kg)
    matrices = twin.compiled.matrices()
    from scipy.sparse import csr_array, vstack

    rows = vstack([matrices.rows, csr_array(carbon[None, :])], format="csc")
    whole = np.flatnonzero(matrices.integer)
    capped = replace(
        matrices,
        rows=rows,
        row_lower=np.append(matrices.row_lower, -np.inf),
        row_upper=np.append(matrices.row_upper, cap_kg * (1 + 1e-9) - standing),
        integer=np.zeros_like(matrices.integer),
    )
    best = np.inf
    for pattern in product((0.0, 1.0), repeat=whole.size):
        lower, upper = capped.col_lower.copy(), capped.col_upper.copy()
        lower[whole] = upper[whole] = pattern
        try:
            best = min(best, continuous(replace(capped, col_lower=lower, col_upper=upper)).objective)
        except SolveError:
            continue
    return best


def test_a_plan_is_not_clean_because_it_serves_less() -> None:
    """Shedding the load would emit nothing, at 5 a kWh; the cleanest plan serves it all the same."""
    found = front(problem_of(two_sources()), 4)
    for point in found.points:
        solved = next(s for s in point.schedule.kinds.values() if "shed_kw" in s.series)
        assert solved.series["shed_kw"].max() < 1e-3
        assert point.penalty == pytest.approx(0, abs=1e-3)


def test_a_convex_park_has_a_convex_front_and_a_battery_earns_on_it() -> None:
    site = park(
        grid(carbon_intensity_kg_per_kwh=0.5, tariff=tariff(0.2)),
        unit("clean", max_kw=60, cost_per_kwh=0.3, co2_kg_per_kwh=0.1),
        unit("cleaner", max_kw=60, cost_per_kwh=0.5, co2_kg_per_kwh=0.0),
        battery(),
        load(value_of_lost_load_per_kwh=50),
    )
    found = front(problem_of(site, "convex"), 8)
    assert (np.diff(found.slope_per_t) > -0.1).all()
    steps = sorted({round(float(p.price_per_t)) for p in found.points[1:]})
    assert steps[0] == 250  # 0.1 more for 0.4 kg less
    duals = [p.price_per_t for p in found.points]
    assert (np.diff(duals) > -1e-6).all()


def test_stores_at_rest_and_the_parks_rules_are_seen_beside_it() -> None:
    """What a store holds at the start saves 0.3 a kWh; at rest it saves nothing."""
    site = park(
        grid(carbon_intensity_kg_per_kwh=0.5, tariff=tariff(0.3)),
        battery(start_fill=0.9, end_fill_min=0.0),
        unit("clean", max_kw=60, cost_per_kwh=0.4),
        load(value_of_lost_load_per_kwh=50),
    )
    found = front(problem_of(site), 3)
    rest = next(one for one in found.references if one.name == "stores at rest")
    assert rest.cost == pytest.approx(0.3 * 490, rel=1e-4)
    assert rest.co2_t == pytest.approx(0.5 * 0.49, rel=1e-4)
    assert found.points[0].cost < rest.cost - 0.3 * 70  # the store starts with 90 kWh
    assert [one.name for one in front(problem_of(two_sources()), 3).references] == ["rules of the park"]


def test_what_is_chosen_by_a_cap_is_the_cheapest_under_it() -> None:
    found = front(problem_of(two_sources()), 4, choice=Choice(co2_t=0.3))
    assert found.chosen.co2_t == pytest.approx(0.3, rel=1e-6)
    assert found.chosen.cost == pytest.approx(49 + 250 * 0.141, rel=1e-5)
    assert "cap of 0.3 t" in found.why


@pytest.mark.parametrize("site", [two_sources(), lumpy()])
def test_a_parks_own_cap_costs_as_much_and_has_the_same_dual(site: Site) -> None:
    """The wish of a park's file, solved as any plan is, against the point of the front at the same cap."""
    found = front(problem_of(site), 4, choice=Choice(co2_t=0.25), limits=Limits(gap=1e-6)).chosen
    capped = site.model_copy(
        update={
            "wishes": (EmissionsWish(emissions_max_t=0.25, penalty_per_t=1e6),),
            "objective": site.objective.model_copy(update={"carbon_price_per_t": 0.0}),
        }
    )
    plan = solve(problem_of(capped), Limits(gap=1e-6))
    assert found.cost == pytest.approx(float(plan.money[0] + plan.penalty[0]), rel=1e-5)
    (price,) = plan.cap_price_per_t.values()
    assert found.price_per_t == pytest.approx(float(price.sum()), rel=1e-3)
    # And the wish does not cut the front of its own park.
    assert front(problem_of(capped), 3).points[0].co2_t == pytest.approx(front(problem_of(site), 3).points[0].co2_t)


def test_a_cap_below_the_cleanest_says_what_can_be_reached() -> None:
    with pytest.raises(DataError, match=r"0\.01 t: no plan emits so little; accepted: 0\.\d+ t") as raised:
        front(problem_of(two_sources()), 3, choice=Choice(co2_t=0.01))
    assert "0.441 t" in str(raised.value)


def test_a_park_without_emissions_has_no_front() -> None:
    with pytest.raises(DataError, match="has no front: nothing that a plan decides about emits"):
        front(problem_of(park(grid(), load())), 5)


def test_two_points_are_no_front() -> None:
    with pytest.raises(DataError, match="at least 3"):
        front(problem_of(two_sources()), 2)


def test_a_park_that_cannot_choose_has_one_point() -> None:
    found = front(problem_of(park(grid(carbon_intensity_kg_per_kwh=0.4), load(value_of_lost_load_per_kwh=50))), 5)
    assert len(found.points) == 1
    assert found.points[0].co2_t == pytest.approx(0.4 * 0.49)
    assert found.slope_per_t.size == 0


def test_the_problem_is_left_as_it_is_and_the_front_comes_out_the_same() -> None:
    problem = problem_of(lumpy())
    before = solve(problem, Limits())
    first, second = (front(problem, 4) for _ in range(2))
    assert first == second
    assert np.array_equal(solve(problem, Limits()).money, before.money)


def test_expected_emissions_are_capped_not_those_of_each_scenario() -> None:
    site = two_sources()
    demand = np.vstack([DEMAND, 0.5 * DEMAND])
    problem = Problem(site, given(site, hours(4), {("load", "demand_kw"): demand}, scenarios=2), Mode("exact"))
    problem.update(weights=np.array([0.75, 0.25]))
    found = front(problem, 4)
    for point in found.points:
        assert point.schedule.weights @ point.schedule.co2_kg / 1000 == pytest.approx(point.co2_t)
    assert found.points[0].co2_t == pytest.approx(0.9 * 0.49 * (0.75 + 0.125))
    middle = found.points[1]
    assert middle.co2_t == pytest.approx(middle.cap_t, rel=1e-6)


@cache
def any_point() -> FrontPoint:
    made: Front = front(problem_of(two_sources()), 3)
    return made.points[0]


def test_what_is_no_better_than_another_in_anything_is_left_out() -> None:
    one = any_point()
    points = [replace(one, co2_t=c, cost=v) for c, v in ((5, 1), (4, 2), (4.5, 2.5), (3, 2), (2, 9), (2, 8))]
    assert [(p.co2_t, p.cost) for p in efficient(points)] == [(5, 1), (3, 2), (2, 8)]


def test_the_next_cap_goes_where_the_tangents_meet_and_else_into_the_longest_stretch() -> None:
    one = any_point()
    bent = [replace(one, co2_t=c, cost=v, price_per_t=p) for c, v, p in ((10, 0, 1), (0, 50, 9))]
    assert next_cap_t(bent) == pytest.approx(5.0)  # 50 − 9 E = 10 − E
    straight = [replace(one, co2_t=c, cost=10.0 - c, price_per_t=1.0) for c in (10, 9, 3, 0)]
    assert next_cap_t(straight) == pytest.approx(6.0)
