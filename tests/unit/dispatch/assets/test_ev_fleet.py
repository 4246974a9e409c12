"""Vehicle fleets: by vehicle and in sum, what leaves without enough, and plans that no sharing serves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.asset import Inputs, Mode
from dispatch.assets.ev_fleet import EvFleet
from dispatch.audit import audit
from dispatch.config.park import load_site
from dispatch.errors import ConfigError, ContractError, DataError
from dispatch.loads.ev_disaggregation import Wanted
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park
from tests.unit.dispatch.assets.templates import hourly_tariff

DAY = "2024-03-01T"


def car(begin: str = "00:00", end: str = "04:00", **fields: Any) -> dict[str, Any]:
    base = {"arrival": f"{DAY}{begin}Z", "departure": f"{DAY}{end}Z", "charge_kw": 10.0}
    return base | ({} if "departure_kwh" in fields else {"needed_kwh": 20.0}) | fields


def fleet(*cars: dict[str, Any], **fields: Any) -> dict[str, Any]:
    base = {"kind": "ev_fleet", "name": "cars", "bus": "main", "sessions": list(cars), "wear_cost_per_kwh": 0.0}
    return base | {"charge_efficiency": 1.0, "discharge_efficiency": 1.0} | fields


def problem(
    price: list[float], asset: dict[str, Any], mode: str = "exact", scenarios: int = 1, **grid_fields: Any
) -> Problem:
    pcc = grid(export_kw=1e4, tariff=hourly_tariff(price, feed_in=1.0)) | grid_fields
    site = park(load(), pcc, asset)
    inputs = given(site, hours(len(price)), {("load", "demand_kw"): 0.0}, scenarios)
    return Problem(site, inputs, Mode(mode))  # type: ignore[arg-type]


def plan(price: list[float], *cars: dict[str, Any], mode: str = "exact", scenarios: int = 1, **fields: Any) -> Schedule:
    made = problem(price, fleet(*cars, **fields), mode, scenarios)
    assert audit(rule_based(made)).violations == ()
    schedule = solve(made)
    assert audit(schedule).violations == ()
    return schedule


def both(price: list[float], *cars: dict[str, Any], **fields: Any) -> tuple[Schedule, Schedule]:
    """By vehicle, and in sum."""
    return plan(price, *cars, **fields), plan(price, *cars, aggregate=True, **fields)


def test_a_vehicle_charges_in_the_cheap_hours_of_its_stay() -> None:
    for schedule in both([0.5, 0.1, 0.3, 0.2, 0.01], car()):
        assert schedule.asset("cars", "charge_kw") == pytest.approx([0, 10, 0, 10, 0], abs=1e-6)
        assert schedule.money[0] == pytest.approx(10 * (0.1 + 0.2))
        assert schedule.asset("cars", "unserved_kwh") == pytest.approx(np.zeros(5), abs=1e-6)
        solved = schedule.kinds["ev_fleet"]
        assert EvFleet.missed(solved.rows, schedule.inputs, solved.series) == []


def test_a_part_of_a_step_gives_a_part_of_the_power() -> None:
    for schedule in both([0.1, 0.5], car("00:45", "01:30", needed_kwh=6.0)):
        assert schedule.asset("cars", "charge_kw") == pytest.approx([2.5, 3.5])


def test_what_cannot_be_had_in_time_is_lacking_when_the_vehicle_leaves() -> None:
    for schedule in both([0.1, 0.1, 0.1], car("00:00", "02:00", needed_kwh=25.0), unserved_penalty_per_kwh=3.0):
        assert schedule.asset("cars", "unserved_kwh") == pytest.approx([0, 5, 0], abs=1e-6)
        assert schedule.penalty[0] == pytest.approx(15)
        assert schedule.money[0] == pytest.approx(2), "a penalty is no money"
        solved = schedule.kinds["ev_fleet"]
        missed = EvFleet.missed(solved.rows, schedule.inputs, solved.series)
        assert missed == ["cars: vehicles leave without 5.0 kWh that they need"]
    for dear in both([4.0, 4.0], car("00:00", "02:00", needed_kwh=15.0), unserved_penalty_per_kwh=3.0):
        assert dear.asset("cars", "charge_kw") == pytest.approx([0, 0], abs=1e-6)
        assert dear.asset("cars", "unserved_kwh").sum() == pytest.approx(15)


def test_giving_back_earns_the_difference_less_losses_and_wear() -> None:
    v2g = car("00:00", "02:00", arrival_kwh=30.0, departure_kwh=30.0, capacity_kwh=60.0, discharge_kw=8.0)
    for schedule in both([0.1, 0.5], v2g, charge_efficiency=0.9, discharge_efficiency=0.8, wear_cost_per_kwh=0.05):
        # 8 kW out take 10 kWh, but 10 kW in give 9: 7.2 kW out.
        assert schedule.asset("cars", "charge_kw") == pytest.approx([10, 0], abs=1e-6)
        assert schedule.asset("cars", "discharge_kw") == pytest.approx([0, 7.2], abs=1e-6)
        assert schedule.money[0] == pytest.approx(10 * 0.1 - 7.2 * (0.5 - 0.05))


def test_a_vehicle_is_not_emptied_below_its_least() -> None:
    v2g = car("00:00", "02:00", arrival_kwh=30.0, departure_kwh=5.0, discharge_kw=40.0, least_kwh=12.0)
    for schedule in both([0.5, 0.5], v2g):
        assert schedule.asset("cars", "discharge_kw").sum() == pytest.approx(18)


def test_chargers_together_take_no_more_than_they_can() -> None:
    for schedule in both([0.1, 0.5, 0.5], car(end="03:00"), car(end="03:00"), chargers_kw=15.0):
        assert schedule.asset("cars", "charge_kw")[0] == pytest.approx(15)
        assert schedule.asset("cars", "charge_kw").sum() == pytest.approx(40)


def test_bands_of_vehicles_that_are_alike_are_tight() -> None:
    price = [0.4, 0.1, 0.6, -0.2, 0.3, 0.2]
    alike = [car(end="05:00", arrival_kwh=5.0, departure_kwh=25.0, capacity_kwh=40.0, discharge_kw=6.0)] * 3
    alone, in_sum = both(price, *alike, charge_efficiency=0.9, discharge_efficiency=0.9)
    assert in_sum.proof.bound == pytest.approx(alone.money[0])
    assert in_sum.proof.quality == "optimal"


SHORT_AND_SMALL = (
    car("00:00", "01:00", needed_kwh=0.0, capacity_kwh=10.0),
    car("00:00", "02:00", needed_kwh=0.0, capacity_kwh=5.0),
)


def test_a_plan_in_the_bands_that_no_sharing_serves_is_repaired_and_its_gap_told() -> None:
    # One is there for an hour and has room for 10 kWh, one for two hours with room for 5. Together they seem to take
    # 10 kWh in the second hour, which pays.
    alone, in_sum = both([0.5, -0.5], *SHORT_AND_SMALL)
    assert alone.asset("cars", "charge_kw") == pytest.approx([0, 5], abs=1e-6)
    assert alone.proof.rounds == 1
    assert in_sum.asset("cars", "charge_kw") == pytest.approx([0, 5], abs=1e-5)
    assert in_sum.proof.rounds == 2
    assert in_sum.proof.bound == pytest.approx(-5.0), "that of the bands"
    assert in_sum.money[0] == pytest.approx(-2.5, abs=1e-5)
    assert in_sum.proof.quality == "incumbent"


def test_the_check_fails_a_plan_that_no_sharing_serves() -> None:
    schedule = plan([0.5, -0.5], *SHORT_AND_SMALL)
    solved = schedule.kinds["ev_fleet"]
    charge = np.array([[0.0, 10.0]])
    wrong = {**solved.series, "charge_kw": charge, "added_kwh": np.cumsum(charge, axis=1)}
    found = EvFleet.check(solved.rows, schedule.inputs, wrong)
    assert {v.what for v in found} == {"no sharing among its vehicles gives this power"}
    assert found[0].value == pytest.approx(5)


def test_where_burning_pays_a_vehicle_still_has_one_direction() -> None:
    v2g = car("00:00", "02:00", arrival_kwh=30.0, departure_kwh=30.0, capacity_kwh=31.0, discharge_kw=10.0)
    lossy = {"charge_efficiency": 0.8, "discharge_efficiency": 0.8}
    for mode in ("exact", "convex"):
        alone = plan([-0.5, -0.5], v2g, mode=mode, **lossy)
        assert alone.proof.rounds > 1, "the relaxation burns and is branched on"
        assert np.minimum(alone.asset("cars", "charge_kw"), alone.asset("cars", "discharge_kw")).max() < 1e-3
        # Empty in one hour, refill in the other: 10 kW in add 8 kWh, 7 · .8 kW out make room for them.
        assert alone.money[0] == pytest.approx(-0.5 * (10 - 7 * 0.8), abs=1e-6)
    in_sum = plan([-0.5, -0.5], v2g, aggregate=True, **lossy)
    assert in_sum.proof.bound <= alone.money[0] + 1e-6 <= in_sum.money[0] + 1e-5
    # Two vehicles may do it at the same time: one charges what the other gives.
    two = plan([-0.5, -0.5], v2g, v2g, **lossy)
    assert two.money[0] == pytest.approx(2 * alone.money[0], abs=1e-6)


def random_cars(seed: int, count: int) -> list[dict[str, Any]]:
    r = np.random.default_rng(seed)
    out = []
    for _ in range(count):
        begin = int(r.integers(0, 360))
        end = min(begin + int(r.integers(60, 480)), 719)
        arrival, needed = r.uniform(5, 30), r.uniform(0, 30)
        clock = [f"{m // 60:02}:{m % 60:02}" for m in (begin, end)]
        own = {
            "arrival_kwh": arrival,
            "departure_kwh": arrival + needed,
            "capacity_kwh": arrival + needed + r.uniform(0, 20),
        }
        out.append(car(*clock, **own, charge_kw=r.uniform(3, 22), discharge_kw=r.choice([0.0, r.uniform(3, 10)])))
    return out


@pytest.mark.parametrize("seed", range(4))
def test_the_bands_bound_from_below_and_the_repair_from_above(seed: int) -> None:
    price = list(np.random.default_rng(100 + seed).uniform(-0.1, 0.6, 12))
    cars = random_cars(seed, 6)
    fields = {"charge_efficiency": 0.92, "discharge_efficiency": 0.9, "chargers_kw": 45.0}
    alone, in_sum = both(price, *cars, **fields)
    exact = alone.money[0] + alone.penalty[0]
    assert in_sum.proof.bound <= exact + 1e-3
    found = in_sum.money[0] + in_sum.penalty[0]
    assert exact - 1e-3 <= found <= exact + 0.02 * abs(exact)


def test_every_vehicle_gets_its_own_powers_and_they_hold_its_limits() -> None:
    price = list(np.random.default_rng(7).uniform(0.0, 0.6, 12))
    schedule = plan(price, *random_cars(3, 8), aggregate=True, charge_efficiency=0.92, discharge_efficiency=0.9)
    (member,) = schedule.kinds["ev_fleet"].rows.members
    sums = [schedule.asset("cars", name) for name in ("charge_kw", "discharge_kw", "unserved_kwh")]
    split = member.shared(schedule.inputs, Wanted(*sums, member.most_kw))
    parked = member.visits(schedule.inputs)
    assert split.charge_kw.sum(axis=0) == pytest.approx(sums[0], abs=1e-3)
    assert split.discharge_kw.sum(axis=0) == pytest.approx(sums[1], abs=1e-3)
    assert (split.charge_kw <= parked.charge_most_kw + 1e-6).all()
    assert (split.content_kwh >= parked.least_kwh[:, None] - 1e-6).all()
    assert (split.content_kwh <= parked.most_kwh[:, None] + 1e-6).all()
    assert np.minimum(split.charge_kw, split.discharge_kw).max() < 1e-3
    lacks = np.maximum(parked.wanted_kwh - split.content_kwh[:, -1], 0)
    assert lacks.sum() == pytest.approx(sums[2].sum(), abs=1e-3)


def test_a_vehicle_that_stays_beyond_the_horizon_holds_its_share_by_then() -> None:
    # Four hours of eight: half of 20 kWh. Two hours before it leaves with 20 kWh at 10 kW it must be half full, too.
    for schedule in both([0.5, 0.5, 0.5, 0.5], car("00:00", "08:00")):
        assert schedule.asset("cars", "charge_kw").sum() == pytest.approx(10)
    for schedule in both([0.5, 0.5, 0.5, 0.5], car("03:00", "05:00")):
        assert schedule.asset("cars", "charge_kw")[3] == pytest.approx(10)


def test_one_that_is_gone_or_comes_later_plays_no_part() -> None:
    schedule = plan([0.1, 0.1], car("05:00", "06:00"))
    assert schedule.asset("cars", "charge_kw") == pytest.approx([0, 0], abs=1e-6)
    assert schedule.penalty[0] == pytest.approx(0)


def test_windows_roll_with_what_each_vehicle_holds() -> None:
    price, cars = [0.1, 0.5, 0.2, 0.9], [car(arrival_kwh=3.0), car("01:00", "03:00", needed_kwh=8.0)]
    for aggregate in (False, True):
        whole = plan(price, *cars, aggregate=aggregate)
        solved = whole.kinds["ev_fleet"]
        carried = EvFleet.carry(solved.rows, whole.inputs, solved.series, 2)
        held = 3 + whole.asset("cars", "charge_kw")[:2].sum()
        assert carried["cars"]["session_1"] + carried["cars"]["session_2"] == pytest.approx(held)
        site = park(
            load(), grid(export_kw=1e4, tariff=hourly_tariff(price, feed_in=1.0)), fleet(*cars, aggregate=aggregate)
        )
        later = given(site, hours(2, f"{DAY}02:00"), {("load", "demand_kw"): 0.0}, state=carried)
        rest = solve(Problem(site, later))
        assert audit(rest).violations == ()
        assert rest.asset("cars", "charge_kw") == pytest.approx(whole.asset("cars", "charge_kw")[2:], abs=1e-5)


def test_sessions_of_every_day_come_on_every_day_and_share_a_problem() -> None:
    night = car() | {"arrival": "22:00", "departure": "02:00", "name": "night", "needed_kwh": 20.0}
    asset = fleet(night)
    site = park(load(), grid(tariff=hourly_tariff([0.5, 0.1, 0.3] + [0.4] * 19 + [0.2, 0.6])), asset)
    inputs = given(site, hours(24), {("load", "demand_kw"): 0.0})
    made = Problem(site, inputs)
    for day in ("2024-03-01T00:00", "2024-03-02T00:00", "2024-03-03T12:00"):
        inputs = given(site, hours(24, day), {("load", "demand_kw"): 0.0})
        made.update(inputs)
        schedule = solve(made)
        assert audit(schedule).violations == ()
        assert schedule.asset("cars", "charge_kw").sum() > 15
    (member,) = site.assets[-1:]
    assert isinstance(member, EvFleet)
    keys = member.visits(given(site, hours(24), {})).keys
    assert [key for key in keys if key] == ["night@2024-02-29", "night@2024-03-01"]


def test_fleets_whose_vehicles_need_more_share_a_template() -> None:
    sites = [problem([0.5, 0.1, 0.3], fleet(car(needed_kwh=kwh, end="03:00"))).site for kwh in (10.0, 20.0)]
    inputs = given(sites[0], hours(3), {("load", "demand_kw"): 0.0})
    template = Problem(sites[0], inputs, template=True)
    for site, kwh in zip(sites, (10.0, 20.0), strict=True):
        template.update(inputs, site=site)
        assert solve(template).asset("cars", "charge_kw").sum() == pytest.approx(kwh)
    other = problem([0.5, 0.1, 0.3], fleet(car(end="03:00"), charge_efficiency=0.5)).site
    with pytest.raises(ContractError, match="structure differs"):
        template.update(inputs, site=other)


def test_clock_changes_move_a_daily_session_with_the_clock() -> None:
    site = park(load(), grid(), fleet(car() | {"arrival": "01:00", "departure": "05:00"}), time_zone="Europe/Berlin")
    member = site.assets[-1]
    assert isinstance(member, EvFleet)
    stays = []
    for day in ("2024-03-30T23:00", "2024-03-31T22:00"):
        parked = member.visits(Inputs(hours(24, day, "Europe/Berlin"), 1, {}))
        stays.append([share for share in parked.share.sum(axis=1) if share])
    assert stays == [[3.0], [4.0]]


def test_the_powers_are_the_same_in_every_scenario() -> None:
    cars = [car(), car("01:00", "03:00", arrival_kwh=9.0, departure_kwh=12.0, capacity_kwh=20.0, discharge_kw=4.0)]
    for aggregate in (False, True):
        one, three = (plan([0.1, 0.5, 0.2, 0.9], *cars, scenarios=s, aggregate=aggregate) for s in (1, 3))
        assert three.money == pytest.approx([one.money[0]] * 3)
        charge = three.kinds["ev_fleet"].series["charge_kw"]
        assert charge[0] == pytest.approx(charge[2])


def test_scenarios_with_powers_of_their_own() -> None:
    made = problem([0.1, 0.5, 0.2, 0.9], fleet(car()), scenarios=2)
    own = Problem(made.site, made.inputs, Mode("exact", shared=False))
    assert audit(rule_based(own)).violations == ()
    schedule = solve(own)
    assert audit(schedule).violations == ()
    assert schedule.money == pytest.approx([10 * 0.3] * 2)


def test_by_rule_vehicles_charge_at_once_and_less_where_power_lacks() -> None:
    made = problem([0.5, 0.1, 0.1, 0.1], fleet(car(), car()))
    assert rule_based(made).asset("cars", "charge_kw") == pytest.approx([20, 20, 0, 0], abs=1e-5)
    scarce = problem([0.5, 0.1, 0.1, 0.1], fleet(car(), car()), import_kw=8.0)
    schedule = rule_based(scarce)
    assert audit(schedule).violations == ()
    assert schedule.asset("cars", "charge_kw").max() <= 8 + 1e-5
    assert solve(scarce).asset("cars", "charge_kw").sum() == pytest.approx(32)


def test_a_file_of_sessions_is_read(tmp_path: Any) -> None:
    (tmp_path / "cars.csv").write_text(
        "name,arrival,departure,charge_kw,needed_kwh,discharge_kw\n"
        "a,2024-03-01T08:00,2024-03-01T10:00,11,15,\n"
        "b,2024-03-01T08:00+00:00,2024-03-01T10:00+00:00,7,5,7\n"
        "c,22:00,06:00,7,5,\n",
        encoding="utf-8",
    )
    (tmp_path / "park.yaml").write_text(PARK, encoding="utf-8")
    member = load_site(tmp_path).assets[0]
    assert isinstance(member, EvFleet)
    a, b, c = member.all_sessions
    assert (a.name, a.charge_kw, a.wanted_kwh, a.discharge_kw) == ("a", 11.0, 15.0, 0.0)
    assert (b.arrival.timestamp() - a.arrival.timestamp()) / 3600 == 8, "a naive time is the site's"  # type: ignore[union-attr]
    assert str(c.departure) == "06:00:00"


def test_a_parquet_file_of_sessions_is_read(tmp_path: Any) -> None:
    import pandas as pd

    times = pd.to_datetime(["2024-03-01T08:00Z", "2024-03-01T10:00Z"])
    table = pd.DataFrame({"arrival": times[:1], "departure": times[1:], "charge_kw": [11.0], "needed_kwh": [5.0]})
    table.assign(capacity_kwh=np.nan).to_parquet(tmp_path / "cars.parquet")
    (tmp_path / "park.yaml").write_text(PARK.replace("cars.csv", "cars.parquet"), encoding="utf-8")
    member = load_site(tmp_path).assets[0]
    assert isinstance(member, EvFleet)
    assert member.all_sessions[0].most_kwh == 5.0


PARK = """
name: depot
time_zone: Asia/Shanghai
currency: CNY
latitude_deg: 31.0
longitude_deg: 121.0
buses: [{name: main}]
assets:
  - {kind: ev_fleet, name: cars, bus: main, sessions: {file: cars.csv}}
  - {kind: load, name: load, bus: main}
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("arrival,departure,charge_kw,need_kwh\n", "column 'need_kwh' that means nothing here"),
        ("arrival,departure,charge_kw,needed_kwh\n", "holds no session"),
        (
            "arrival,departure,charge_kw,needed_kwh\nnoon,13:00,7,5\n",
            "row 2 of 'cars.csv': arrival: .*'noon' is no time",
        ),
        ("arrival,departure,charge_kw,needed_kwh\n08:00,13:00,0,5\n", "row 2 of 'cars.csv': charge_kw"),
    ],
)
def test_what_is_wrong_in_a_file_of_sessions_is_said(tmp_path: Any, text: str, found: str) -> None:
    (tmp_path / "cars.csv").write_text(text, encoding="utf-8")
    (tmp_path / "park.yaml").write_text(PARK, encoding="utf-8")
    with pytest.raises(ConfigError, match=found):
        load_site(tmp_path)


def test_sessions_of_a_spreadsheet_have_decimal_commas(tmp_path: Any) -> None:
    (tmp_path / "cars.csv").write_text("arrival;departure;charge_kw;needed_kwh\n08:00;13:00;7,5;12\n", "utf-8")
    (tmp_path / "park.yaml").write_text(PARK, encoding="utf-8")
    (member,) = (a for a in load_site(tmp_path).assets if isinstance(a, EvFleet))
    assert member.all_sessions[0].charge_kw == 7.5


def test_a_file_that_is_not_there_or_not_read_is_said(tmp_path: Any) -> None:
    (tmp_path / "park.yaml").write_text(PARK, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"there is no file 'cars\.csv'"):
        load_site(tmp_path)
    site = park(load(), grid(), fleet() | {"sessions": {"file": "cars.csv"}})
    with pytest.raises(DataError, match="has not been read"):
        Problem(site, given(site, hours(1), {("load", "demand_kw"): 0.0}))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"departure": f"{DAY}00:00Z"}, "must be after arrival"),
        ({"departure": "08:00"}, "both have a date, or neither"),
        ({"departure": "2024-03-01T08:00"}, "has no offset"),
        ({"arrival": 495}, "495 is no time; accepted: a time of every day in quotes"),
        ({"departure_kwh": 5.0, "needed_kwh": 5.0}, "either departure_kwh or needed_kwh"),
        ({"capacity_kwh": 10.0}, "capacity_kwh 10 must hold what it comes and leaves with, 20"),
        ({"charge_kw": 0.0}, "greater than 0"),
    ],
)
def test_a_session_that_cannot_be_is_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        park(load(), fleet(car() | fields))
