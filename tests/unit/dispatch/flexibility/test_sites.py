"""A site's devices from its file, its bands from its problem, and what moving one step costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Inputs
from dispatch.errors import DataError, SolveError
from dispatch.flexibility import Priced, behind, envelope, marginal_per_kwh, program_envelope, share, site_devices
from dispatch.flexibility.joint import Program, share_programs
from dispatch.flexibility.programs import Apart, net_columns
from dispatch.problem import Problem
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import recall, solve
from dispatch.solver.highs import Limits, run
from dispatch.terms.measures import by_name

STEPS = 12
HORIZON = Horizon(np.datetime64("2024-06-03T00:00:00", "s") + np.arange(STEPS + 1) * np.timedelta64(7200, "s"), "UTC")
TARIFF = {
    "name": "two", "currency": "EUR",
    "components": [
        {"name": "day", "basis": "energy", "price_per_kwh": 0.4, "calendar": {"hours": ["08:00-20:00"]}, "source": "t"},
        {"name": "night", "basis": "energy", "price_per_kwh": 0.2, "source": "t",
         "calendar": {"hours": ["00:00-08:00", "20:00-24:00"]}},
        {"name": "sold", "basis": "energy", "price_per_kwh": 0.05, "direction": "export", "source": "t"},
    ],
}  # fmt: skip
PCC = {"kind": "grid_connection", "name": "pcc", "bus": "main", "import_kw": 100, "export_kw": 60, "tariff": TARIFF}
LOAD = {"kind": "load", "name": "hall", "bus": "main"}
PV = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 40, "tilt_deg": 20, "azimuth_deg": 180}
STORE = {
    "kind": "battery", "name": "store", "bus": "main", "energy_kwh": 100, "charge_kw": 25, "discharge_kw": 25,
    "min_fill": 0, "max_fill": 1, "charge_efficiency": 1, "discharge_efficiency": 1,
}  # fmt: skip
CARS = {
    "kind": "ev_fleet", "name": "cars", "bus": "main", "charge_efficiency": 0.9,
    "sessions": [
        {"name": name, "arrival": "08:00", "departure": "16:00", "charge_kw": 11, "capacity_kwh": 60,
         "arrival_kwh": 20, "needed_kwh": 18}
        for name in ("a", "b")
    ],
}  # fmt: skip
WORK = {"kind": "deferrable", "name": "pump", "bus": "main", "energy_kwh": 30, "max_kw": 8}
COOLING = {
    "kind": "hvac", "name": "room", "bus": "main", "resistance_degc_per_kw": 2, "capacity_kwh_per_degc": 3,
    "cool_kw": 5,
    "ambient_degc": 30, "start_degc": 24, "min_degc": 22, "max_degc": 26,
}  # fmt: skip
SHED = {"kind": "curtailable", "name": "mill", "bus": "main", "share": 0.3, "price_per_kwh": 0.5}


def site(*assets: dict[str, Any], name: str = "park") -> Site:
    content = {"name": name, "time_zone": "UTC", "currency": "EUR", "latitude_deg": 50, "longitude_deg": 8}
    return Site.model_validate(content | {"buses": [{"name": "main"}], "assets": [PCC, *assets]})


def inputs(park: Site) -> Inputs:
    noon = np.maximum(np.sin(np.pi * (np.arange(STEPS) - 3) / 6), 0)
    series = {
        ("hall", "demand_kw"): 20 + 5 * noon,
        ("roof", "available_kw"): 35 * noon,
        ("mill", "demand_kw"): 10 + noon,
    }
    names = {asset.name for asset in park.assets}
    own = {key: value[None] for key, value in series.items() if key[0] in names}
    return Inputs(HORIZON, 1, {**own, **park.known_series(HORIZON)})


def problem(*assets: dict[str, Any]) -> Problem:
    park = site(*assets)
    return Problem(park, inputs(park), measures=by_name(("net_import_kw",)))


ALL = (LOAD, PV, STORE, CARS, WORK, COOLING, SHED)


@pytest.mark.parametrize("asset", [STORE, CARS, COOLING, SHED, PV, LOAD], ids=lambda asset: asset["kind"])
def test_every_kind_says_what_its_own_problem_can_do(asset: dict[str, Any]) -> None:
    """The bands of closed forms against linear programs over what the kind itself states; two things made apart."""
    park = site(asset)
    given = inputs(park)
    devices = site_devices(park, given).devices
    made = Problem(park, given, measures=by_name(("net_import_kw",)))
    band = program_envelope(_kept(made, str(asset["kind"])), net_columns(made), HORIZON.hours, "park")
    own = envelope(devices).together()
    assert np.allclose(own.least_kw, band.least_kw, atol=1e-4)
    assert np.allclose(own.most_kw, band.most_kw, atol=1e-4)
    assert (own.least_kwh <= band.least_kwh + 1e-4).all()
    assert (own.most_kwh >= band.most_kwh - 1e-4).all()
    if own.tight.all():
        assert np.allclose(own.least_kwh, band.least_kwh, atol=1e-4)
        assert np.allclose(own.most_kwh, band.most_kwh, atol=1e-4)


def test_work_is_done_within_its_window() -> None:
    park = site(WORK | {"window": {"daily": "06:00-12:00"}})
    band = envelope(site_devices(park, inputs(park)).devices).together()
    assert band.most_kw.tolist() == [[0, 0, 0, 8, 8, 8, *[0] * 6]]
    assert band.least_kwh.tolist() == [[0, 0, 0, 0, 14, 30, *[30] * 6]]
    assert band.most_kwh.tolist() == [[0, 0, 0, 16, 30, 30, *[30] * 6]]


def test_vehicles_that_stay_to_the_end_have_what_they_want_by_then() -> None:
    car = {"name": "a", "arrival": "2024-06-03T12:00+00:00", "departure": "2024-06-04T00:00+00:00", "charge_kw": 11,
           "capacity_kwh": 60, "arrival_kwh": 20, "needed_kwh": 18}  # fmt: skip
    park = site(CARS | {"sessions": [car]})
    band = envelope(site_devices(park, inputs(park)).devices).together()
    assert band.least_kwh[0, -1] == pytest.approx(18 / 0.9)
    assert band.least_kwh[0, -2] == pytest.approx(0)
    assert band.most_kwh[0, -1] == pytest.approx(40 / 0.9)


def _kept(made: Problem, kind: str) -> Any:
    """The problem with its wishes kept: what the kind prices instead of forbidding is held at zero."""
    matrices = made.compiled.matrices()
    high = matrices.col_upper.copy()
    part = made.parts[kind]
    soft = (
        "short_kwh",
        "outside_band_kwh",
        "unserved_kwh",
        "missing_kwh",
        "outside_band_degc",
        "apart_degc",
        "shed_kw",
    )
    for name in soft:
        if name in part.series or name in part.inner:
            high[made.compiled.columns(made.variable(kind, name))] = 1e-9
    return replace(matrices, col_upper=high)


def test_a_site_of_devices_is_whole_and_shares_what_it_is_given() -> None:
    parks = [site(*ALL, name=f"p{n}") for n in range(3)]
    found = [site_devices(park, inputs(park)) for park in parks]
    assert all(one.whole for one in found)
    devices, connections = behind(found)
    assert devices.names[0].startswith("p0/")
    assert connections.names == ("p0", "p1", "p2")
    band = found[0].envelope()
    assert (band.most_kw <= 100).all()
    assert (band.least_kw >= -60).all()
    total = share(devices, np.full(STEPS, 90.0), behind=connections)
    assert not devices.broken(total.power_kw, 1e-5)
    assert not connections.broken(total.power_kw, 1e-5)
    assert (np.abs(total.total_kw) <= 300).all()


def test_a_narrow_connection_is_kept_where_an_even_split_would_break_it() -> None:
    narrow, wide = site(STORE, name="narrow"), site(STORE, name="wide")
    found = [site_devices(park, inputs(park)) for park in (narrow, wide)]
    found[0] = replace(found[0], export_kw=np.full(STEPS, 2.0))
    devices, connections = behind(found)
    asked = np.append([-15.0, 15.0], np.zeros(STEPS - 2))
    plain = share(devices, asked)
    assert connections.broken(plain.power_kw)
    made = share(devices, asked, behind=connections)
    assert made.feasible
    assert not connections.broken(made.power_kw)
    assert not devices.broken(made.power_kw)
    refused = share(devices, asked * 29 / 15, behind=connections)
    assert refused.missed_kwh.sum() == pytest.approx((29 - 27) * 2, abs=1e-4)
    assert refused.refusals[0].by_kwh == pytest.approx(4, abs=1e-4)


def test_what_has_no_closed_form_is_named() -> None:
    slower = [{"fill": 0, "share": 1}, {"fill": 1, "share": 0.2}]
    limited = STORE | {"name": "fast", "charge_limit": slower}
    runs = {"kind": "deferrable", "name": "batch", "bus": "main", "profile_kw": [5, 5]}
    both = COOLING | {"name": "warm", "heat_kw": 5}
    returns = SHED | {"rebound_share": 0.5}
    few = CARS | {"chargers_kw": 12}
    for asset in (limited, runs, both, returns, few):
        park = site(LOAD, asset)
        given = inputs(park)
        found = site_devices(park, given)
        assert found.others == (asset["name"],)
        with pytest.raises(DataError, match=f"no closed form for {asset['name']}"):
            behind([found])


def test_inputs_must_fit() -> None:
    park = site(LOAD)
    with pytest.raises(DataError, match="no grid_connection"):
        site_devices(park.model_copy(update={"assets": park.assets[1:]}), inputs(park))
    with pytest.raises(DataError, match="has 2 scenarios"):
        site_devices(park, replace(inputs(park), scenarios=2))
    with pytest.raises(DataError, match="no series 'import_limit_kw'"):
        site_devices(park, Inputs(HORIZON, 1, {("hall", "demand_kw"): np.ones((1, STEPS))}))
    with pytest.raises(DataError, match="compiled without 'net_import_kw'"):
        net_columns(Problem(park, inputs(park)))


def test_the_curve_is_what_solving_again_costs() -> None:
    made = problem(LOAD, PV, STORE)
    priced = Priced.of(made)
    assert priced.exact
    assert priced.cost == pytest.approx(run(made.compiled.matrices(), Limits()).objective)
    curve = priced.curve(blocks=12)
    assert curve.exact
    rng = np.random.default_rng(0)
    for step in range(0, STEPS, 3):
        for way, sign in (("up", -1), ("down", 1)):
            asked = rng.uniform(0, curve.most_kw(way)[step])
            power = np.where(np.arange(STEPS) == step, asked, 0)
            again = priced.answer(step, sign * asked)
            assert curve.cost(way, power)[step] == pytest.approx(again.cost, abs=1e-4)
            assert again.net_kw[step] == pytest.approx(priced.plan_kw[step] + sign * asked)
    some = priced.answer(5, -2.0)
    with pytest.raises(SolveError, match="cannot be moved so far"):
        priced.answer(0, 1e6)
    assert priced.answer(5, -2.0).cost == pytest.approx(some.cost)


def test_few_blocks_never_understate_and_dear_ones_can_be_left_out() -> None:
    priced = Priced.of(problem(LOAD, PV, STORE))
    fine, coarse = priced.curve(blocks=12), priced.curve(blocks=2)
    assert not coarse.exact
    for way in ("up", "down"):
        assert (coarse.cost(way, coarse.most_kw(way)) >= fine.cost(way, coarse.most_kw(way)) - 1e-3).all()
        half = coarse.most_kw(way) / 2
        assert (coarse.cost(way, half) >= fine.cost(way, half) - 1e-3).all()
    cheap = priced.curve(blocks=12, dearest_per_kwh=5.0, steps=[3])
    assert cheap.most_kw("up")[3] < fine.most_kw("up")[3]  # what was left out is shedding
    assert cheap.most_kw("up")[4] == 0
    assert priced.curve(steps=[3], most_kw=1.0).most_kw("up")[3] == pytest.approx(1.0)
    with pytest.raises(DataError, match="0 blocks"):
        priced.curve(blocks=0)


def test_the_first_block_begins_at_the_plans_dual() -> None:
    made = problem(LOAD, PV, STORE)
    schedule = solve(made)
    price = marginal_per_kwh(schedule, "main")
    curve = Priced.of(made, schedule).curve(blocks=12)
    first_down = curve.down_cost_per_kwh[0]
    # Costs of drawing more from the grid rise by less than the local price, down to its other side.
    slope_up = -curve.up_cost_per_kwh[0]
    assert price.shape == (STEPS,)
    assert (slope_up <= first_down + 1e-6).all()
    with pytest.raises(DataError, match="'x' is no bus; accepted: main"):
        marginal_per_kwh(schedule, "x")
    with pytest.raises(DataError, match="has no prices"):
        marginal_per_kwh(replace(schedule, price_per_kwh=None), "main")


def test_units_stay_as_planned_and_the_curve_says_so() -> None:
    engine = {"kind": "thermal", "name": "engine", "bus": "main", "min_kw": 15, "max_kw": 30, "cost_per_kwh": 0.3}
    made = problem(LOAD, engine)
    priced = Priced.of(made)
    curve = priced.curve(steps=[0, 5])
    assert not priced.exact
    assert "upper bound: units stay on or off as planned" in curve.about
    assert site_devices(made.site, made.inputs).others == ("engine",)
    # At night it is off, and stays so: only shedding is left to draw less. By day it runs, and can fall to its least.
    assert curve.up_cost_per_kwh[0, 0] > 100
    demand_kw = made.inputs.series["hall", "demand_kw"][0, 5]
    assert curve.down_kw[0, 5] == pytest.approx(demand_kw - priced.plan_kw[5] - 15, abs=1e-3)
    assert curve.down_cost_per_kwh[0, 5] == pytest.approx(0.1, abs=1e-6)


def test_nothing_is_burnt_where_drawing_is_paid_for() -> None:
    """The linear program charges and discharges at once, all day; the answers do not, and say so."""
    paid = {"name": "paid", "currency": "EUR", "components": [
        {"name": "all", "basis": "energy", "price_per_kwh": -0.1, "source": "t"}]}  # fmt: skip
    lossy = STORE | {"charge_efficiency": 0.7, "discharge_efficiency": 0.7}
    content = {"name": "park", "time_zone": "UTC", "currency": "EUR", "buses": [{"name": "main"}]}
    park = Site.model_validate(content | {"assets": [PCC | {"tariff": paid}, LOAD, lossy]})
    made = Problem(park, inputs(park), measures=by_name(("net_import_kw",)))
    priced = Priced.of(made)
    loose = Priced(priced.matrices, priced.net, HORIZON.hours)
    assert loose.cost < priced.cost - 1
    curve = priced.curve(steps=[3])
    assert not curve.exact
    assert "held to the direction" in curve.about
    moved = priced.answer(3, -5.0)
    devices = site_devices(park, inputs(park)).devices
    drawn = moved.net_kw - inputs(park).series["hall", "demand_kw"][0]
    assert not devices.some([name == "park/store" for name in devices.names]).broken(drawn[None], 1e-4)


def test_sites_problems_side_by_side_share_a_profile_at_least_cost() -> None:
    dear = PCC | {"tariff": TARIFF | {"name": "dear", "components": [
        {"name": "all", "basis": "energy", "price_per_kwh": 0.9, "source": "t"}]}}  # fmt: skip
    programs, plans = [], []
    for name, connection in (("cheap", PCC), ("dear", dear)):
        content = {"name": name, "time_zone": "UTC", "currency": "EUR", "buses": [{"name": "main"}]}
        park = Site.model_validate(content | {"assets": [connection, LOAD, STORE]})
        made = Problem(park, inputs(park), measures=by_name(("net_import_kw",)))
        plans.append(Priced.of(made))
        programs.append(Program(name, made.compiled.matrices(), net_columns(made), apart=Apart.of(made)))
    total = plans[0].plan_kw + plans[1].plan_kw
    same = share_programs(programs, HORIZON.hours, total, missed_per_kwh=500)
    assert same.feasible
    assert np.allclose(same.net_kw.sum(axis=0), total, atol=1e-5)
    assert same.cost.sum() == pytest.approx(plans[0].cost + plans[1].cost, abs=1e-3)
    moved = total + np.append([-4.0, 4.0], np.zeros(STEPS - 2))
    found = share_programs(programs, HORIZON.hours, moved, missed_per_kwh=500)
    assert found.feasible
    assert found.cost.sum() >= same.cost.sum() - 1e-6
    beyond = share_programs(programs, HORIZON.hours, total + 1000, missed_per_kwh=500)
    assert beyond.missed_kwh.sum() > 1000
    assert beyond.price_per_kwh.max() == pytest.approx(500)
    with pytest.raises(DataError, match="no site to share among"):
        share_programs([], HORIZON.hours, total)
    with pytest.raises(DataError, match="the profile has shape"):
        share_programs(programs, HORIZON.hours, [1, 2])


def test_a_program_with_units_needs_their_plan() -> None:
    engine = {"kind": "thermal", "name": "engine", "bus": "main", "min_kw": 15, "max_kw": 30, "cost_per_kwh": 0.3}
    made = problem(LOAD, engine)
    without = Program("park", made.compiled.matrices(), net_columns(made))
    with pytest.raises(DataError, match="on or off; accepted: with a plan's values"):
        without.settled()
    schedule = solve(made)
    recall(made, schedule)
    point = np.nan_to_num(made.point())
    settled = Program("park", made.compiled.matrices(), net_columns(made), point)
    total = Priced.of(made, schedule).plan_kw
    assert share_programs([settled], HORIZON.hours, total).cost[0] == pytest.approx(schedule.proof.objective, rel=1e-6)
