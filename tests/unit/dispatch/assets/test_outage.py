"""Outages: energy, power and units behind the critical load, known by hand; a second account by linear programs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.optimize import linprog

from dispatch.accounts.survival import Held, outages, price
from dispatch.assets import kinds
from dispatch.audit import audit
from dispatch.config.park import load_site
from dispatch.errors import ConfigError, DataError
from dispatch.explain import explain_unmet
from dispatch.ladder.fallback import safe_state
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.units.island import Offer, Pairs, unserved_kwh
from tests.parks import battery, given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch.assets.templates import hourly_tariff
from tests.unit.dispatch.assets.test_wrong_parts import altered, plus, times

STEPS = 6


def outage(**fields: Any) -> dict[str, Any]:
    base = {"kind": "outage", "name": "blackout", "survival_h": 2.0, "loads": ["load"], "critical_share": 0.5}
    return base | fields


def full(name: str = "battery", **fields: Any) -> dict[str, Any]:
    """A full battery that the plan would empty in the first hour, the dearest: nothing but the outage keeps it."""
    lossless = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "end_fill_min": 0.0}
    return battery(name, **{"start_fill": 1.0, "discharge_kw": 200.0} | lossless | fields)


FALLING = grid(export_kw=1e3, tariff=hourly_tariff([0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.01]))
FLAT = grid(export_kw=1e3, tariff=tariff(0.2, feed_in=0.15))


def site(*assets: dict[str, Any], **fields: Any) -> Site:
    return park(FALLING, load(), *assets, outage(**fields))


def problem(what: Site, demand: Any = 40.0, horizon: Horizon | None = None, **series: Any) -> Problem:
    values = {("load", "demand_kw"): demand} | {(name, "available_kw"): v for name, v in series.items()}
    return Problem(what, given(what, horizon or hours(STEPS), values))


def planned(built: Problem) -> tuple[Schedule, Held]:
    schedule = solve(built)
    assert audit(schedule).violations == ()
    return schedule, next(iter(outages(schedule)))


def test_the_store_keeps_the_energy_of_the_critical_load_until_the_horizon_ends() -> None:
    schedule, held = planned(problem(site(full())))
    # 20 kW for two hours, whenever it begins; of the last outages less lies in the horizon.
    assert schedule.asset("battery", "stored_kwh") == pytest.approx([40, 40, 40, 40, 20, 0], abs=1e-6)
    assert held.kept_h == pytest.approx([2, 2, 2, 2, 2, 1])
    assert schedule.proof.relaxed == ()
    without = solve(problem(park(FALLING, load(), full())))
    assert without.asset("battery", "stored_kwh") == pytest.approx(np.zeros(STEPS), abs=1e-6)


def test_what_the_store_loses_and_its_least_content_stand_above_it() -> None:
    store = full(discharge_efficiency=0.8, min_fill=0.1)
    schedule, _ = planned(problem(site(store)))
    assert schedule.asset("battery", "stored_kwh")[:3] == pytest.approx(10 + 40 / 0.8)


def test_power_limits_what_a_full_store_can_serve() -> None:
    schedule, held = planned(problem(site(full(discharge_kw=15.0))))
    assert schedule.asset("blackout", "unserved_kwh") == pytest.approx([10, 10, 10, 10, 10, 5])
    assert held.kept_h == pytest.approx(np.zeros(STEPS)), "from its first moment on something is dark"
    assert schedule.proof.quality == "relaxed"
    assert "an outage would not be survived" in schedule.proof.relaxed[0]


def test_a_unit_that_runs_serves_and_one_that_stands_only_once_it_can_be_started() -> None:
    engine = {"cost_per_kwh": 0.5, "max_kw": 20.0, "min_kw": 5.0}
    running, _ = planned(problem(site(unit(**engine, on_before_h=2.0, power_before_kw=5.0))))
    assert running.asset("unit", "on")[:-1] == pytest.approx(np.ones(STEPS - 1)), "dear, but nothing else could"
    started, _ = planned(problem(site(full(), unit(**engine | {"cost_per_kwh": 3.0}, black_start_h=1.0))))
    assert started.asset("unit", "on") == pytest.approx(np.zeros(STEPS))
    assert started.asset("battery", "stored_kwh")[:-1] == pytest.approx(np.full(STEPS - 1, 20.0)), "one hour to bridge"


def test_a_slow_unit_gives_no_more_than_it_gave() -> None:
    engine = {"cost_per_kwh": 0.5, "max_kw": 20.0, "min_kw": 5.0, "ramp_up_kw_per_h": 10.0, "ramp_down_kw_per_h": 50.0}
    schedule, _ = planned(problem(site(full(), unit(**engine, on_before_h=2.0, power_before_kw=12.0))))
    power, left = schedule.asset("unit", "power_kw"), schedule.asset("battery", "stored_kwh")
    assert (left[:-2] + 2 * power[:-2] >= 40 - 1e-6).all()


def test_the_weather_counts_with_its_share_and_never_for_more_than_the_load() -> None:
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 200}
    fields = {"generation": ["roof"], "generation_share": 0.25}
    schedule, _ = planned(problem(site(full(), roof, **fields), roof=[200.0, 0, 40, 40, 40, 0]))
    # Needs by step: 0, 20, 10, 10, 10, 20.
    assert schedule.asset("battery", "stored_kwh") == pytest.approx([30, 20, 20, 30, 20, 0], abs=1e-6)


def test_the_black_start_reserve_stays_in_its_store_and_takes_of_its_power() -> None:
    fields = {"black_start_store": "battery", "black_start_kwh": 15.0, "black_start_kw": 35.0}
    schedule, _ = planned(problem(site(full(discharge_kw=50.0), full("other", energy_kwh=30.0), **fields)))
    stored = schedule.asset("battery", "stored_kwh")
    assert stored[:-1].min() >= 15 - 1e-6
    other = schedule.asset("other", "stored_kwh")
    assert (stored + other)[1:4] == pytest.approx(np.full(3, 55.0))
    assert (other[:4] >= 10 - 1e-6).all(), "the store with the reserve gives 15 of 20 kW"


def test_a_reserve_that_is_not_there_is_told() -> None:
    fields = {"black_start_store": "battery", "black_start_kwh": 30.0}
    built = problem(site(full(start_fill=0.1, charge_kw=10.0), **fields))
    schedule, _ = planned(built)
    assert schedule.asset("blackout", "black_start_short_kwh")[0] == pytest.approx(20)
    assert any("black-start reserve is not kept" in text for text in schedule.proof.relaxed)


def test_two_outages_each_ask_for_their_own() -> None:
    vital = {"name": "vital", "survival_h": 4.0, "critical_share": 0.2}
    what = park(FALLING, load(), full(), outage(), outage(**vital))
    schedule = solve(problem(what, horizon=hours(8)))
    assert audit(schedule).violations == ()
    assert schedule.asset("battery", "stored_kwh") == pytest.approx([40, 40, 40, 40, 40, 40, 20, 0], abs=1e-6)
    assert [h.asked_h[0] for h in outages(schedule)] == [2.0, 4.0]


def test_steps_of_any_length_and_an_outage_that_ends_within_one() -> None:
    edges = np.array([0, 15, 30, 60, 120, 180, 240]) * 60
    horizon = Horizon(np.datetime64("2024-03-01T00:00", "s") + edges.astype("timedelta64[s]"), "UTC")
    schedule, held = planned(problem(site(full(), survival_h=1.5), horizon=horizon))
    assert schedule.asset("battery", "stored_kwh")[2:4] == pytest.approx(np.full(2, 30.0))
    assert held.kept_h == pytest.approx([1.5, 1.5, 1.5, 1.5, 1.5, 1.0])


def test_its_price_is_what_the_plan_costs_more() -> None:
    built = problem(site(full()))
    found = price(built, solve(built))
    assert found is not None
    # 40 kWh are not sold at .54 in the first hour but used at .2 and .1 in the last two.
    assert found.extra == pytest.approx(40 * 0.54 - 20 * 0.2 - 20 * 0.1)
    engine = unit(cost_per_kwh=0.5, max_kw=20.0, min_kw=5.0, on_before_h=2.0, power_before_kw=5.0)
    running = problem(park(FLAT, load(), engine, outage()))
    dear = price(running, solve(running))
    assert dear is not None
    assert dear.extra == pytest.approx(5 * 5 * (0.5 - 0.2))
    free = problem(park(FLAT, load()))
    assert price(free, solve(free)) is None


@pytest.mark.parametrize(("money", "extra"), [(1.0, 7.5 + 2.5), (2.0, 7.5 + 1.25), (0.0, 2.5)])
def test_carbon_counts_in_it_as_the_plan_weighs_it_beside_money(money: float, extra: float) -> None:
    """25 kWh of the engine, .3 dearer than imports; 1 kg each at 100 per t, half of it where money counts twice."""
    engine = unit(cost_per_kwh=0.5, max_kw=20.0, min_kw=5.0, on_before_h=2.0, power_before_kw=5.0, co2_kg_per_kwh=1.0)
    weighed = {"money": money, "carbon_price_per_t": 100.0}
    running = problem(park(FLAT, load(), engine, outage(), objective=weighed))
    found = price(running, solve(running))
    assert found is not None
    assert found.extra == pytest.approx(extra)


def test_rules_keep_nothing_on_purpose_and_say_so() -> None:
    built = problem(site(full()))
    for schedule in (rule_based(built), safe_state(built)):
        assert audit(schedule).violations == ()
        assert any("an outage would not be survived" in text for text in schedule.proof.relaxed)


@pytest.mark.parametrize("seed", range(30))
def test_the_closed_form_is_the_optimum_of_the_flow(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, horizon = int(rng.integers(0, 5)), hours(5)
    pairs = Pairs(horizon, 5.0)
    need = rng.uniform(0, 60, pairs.start.size)
    there = Offer(
        rng.uniform(0, 10, pairs.start.size), rng.uniform(0, 60, (count, 5)), np.tile(rng.uniform(1, 20, (count, 1)), 5)
    )
    lacking, _ = unserved_kwh(need, there, pairs)
    for start in range(5):
        at = pairs.start == start
        rest, steps = np.maximum(need - there.firm_kw, 0)[at], int(at.sum())
        # Columns: discharge by store and step, then what lacks by step.
        balance = np.hstack([-np.tile(np.eye(steps), count), -np.eye(steps)])
        energy = np.hstack([np.kron(np.eye(count), np.ones((1, steps))), np.zeros((count, steps))])
        bounds = [(0, p) for p in np.repeat(there.power_kw[:, start], steps)] + [(0, None)] * steps
        cost = np.append(np.zeros(count * steps), np.ones(steps))
        found = linprog(cost, np.vstack([balance, energy]), np.append(-rest, there.stock_kwh[:, start]), bounds=bounds)
        assert lacking[start] == pytest.approx(found.fun, abs=1e-6)


WRONG = [
    ("battery", {"backup_base_kwh": plus(30.0)}),
    ("battery", {"backup_kept": times(1.5)}),
    ("battery", {"backup_drain": times(0.5)}),
    ("battery", {"backup_kw": plus(30.0)}),
    ("thermal", {"backup_on_kw": times(3.0)}),
    ("thermal", {"backup_first_kw": plus(30.0)}),
    ("thermal", {"backup_started_kw": plus(30.0)}),
]


@pytest.mark.parametrize(("kind", "changes"), WRONG, ids=lambda x: x if isinstance(x, str) else next(iter(x)))
def test_an_offer_that_is_not_there_is_found_by_the_audit(kind: str, changes: Any) -> None:
    engine = unit(cost_per_kwh=2.0, max_kw=10.0, min_kw=5.0, on_before_h=1.0, power_before_kw=5.0)
    energy_kwh = 100.0 if "backup_kw" in changes else 40.0  # so that it is power that binds, or energy
    store = battery(start_fill=0.8, end_fill_min=0.0, discharge_kw=15.0, energy_kwh=energy_kwh)
    built = problem(site(store, engine))
    assert audit(solve(built)).violations == ()
    with altered(kinds()[kind], changes):
        wrong = problem(site(store, engine))
    found = [v.what for v in audit(solve(wrong)).violations]
    assert "more would lack in an outage than stated" in found


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"loads": []}, "nothing is critical"),
        ({"black_start_kwh": 5.0}, "black_start_store is missing"),
        ({"survival_h": 0.0}, "greater than 0"),
        ({"critical_kw": -1.0}, "give 0 or more"),
    ],
)
def test_what_says_nothing_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        site(**fields)


def test_a_load_without_a_forecast_is_named() -> None:
    with pytest.raises(DataError, match="'oven' has no demand_kw; there are load"):
        problem(site(full(), loads=["oven"]))


def test_a_critical_load_that_varies_is_never_negative() -> None:
    span = {"start": "2024-03-01T00:00Z", "end": "2024-03-02T00:00Z"}
    with pytest.raises(DataError, match="'blackout' is negative"):
        problem(site(full(), critical_kw=[span | {"value": -3.0}]))
    schedule, _ = planned(problem(site(full(), loads=[], critical_kw=[span | {"value": 15.0}])))
    assert schedule.asset("battery", "stored_kwh")[:4] == pytest.approx(np.full(4, 30.0))


def test_what_an_outage_would_leave_dark_is_explained_with_a_fix_that_works() -> None:
    built = problem(site(full(energy_kwh=20.0, charge_kw=100.0, discharge_kw=100.0)))
    (found,) = explain_unmet(built, solve(built))
    lines = list(found.lines(built.horizon, "EUR"))
    assert lines[0] == "blackout: critical load that an outage would leave unserved: up to 20 kWh, from 00:00"
    fix = next(f for f in found.fixes if str(f).startswith("raise energy_kwh of battery from 20 to 40"))
    mended = fix.apply(built.site)
    assert solve(problem(mended)).proof.relaxed == ()


def test_names_that_point_nowhere_are_found_in_the_file(tmp_path: Any) -> None:
    file = tmp_path / "park.yaml"
    file.write_text(
        "name: p\ntime_zone: UTC\ncurrency: EUR\nbuses: [{name: main}]\nassets:\n"
        "  - {kind: battery, name: store, bus: main, energy_kwh: 5, charge_kw: 5, discharge_kw: 5}\n"
        "  - {kind: outage, name: a, survival_h: 1, loads: [oven], generation: [roof], black_start_store: stone}\n"
        "  - {kind: outage, name: b, survival_h: 1, critical_kw: 2, black_start_store: store, black_start_kw: 6}\n"
    )
    with pytest.raises(ConfigError) as error:
        load_site(file)
    text = str(error.value)
    for words in ("no load 'oven'", "no wind or PV 'roof'", "no battery 'stone'", "at most its discharge_kw, 5"):
        assert words in text


def test_a_planned_outage_switches_the_connection_off_in_every_step_that_it_touches() -> None:
    off = {"planned_outages": [{"start": "2024-03-01T01:30Z", "end": "2024-03-01T03:00Z"}]}
    what = park(FLAT | off, load(), full(discharge_kw=30.0, energy_kwh=50.0))
    schedule = solve(problem(what, horizon=hours(4)))
    assert audit(schedule).violations == ()
    exchange = schedule.asset("pcc", "import_kw") + schedule.asset("pcc", "export_kw")
    assert exchange[1:3] == pytest.approx([0, 0], abs=1e-6)
    assert exchange[0] > 1
    assert schedule.asset("load", "shed_kw").sum() == pytest.approx(30), "50 of 80 kWh are there"
    rules = rule_based(problem(what, horizon=hours(4)))
    assert rules.asset("pcc", "import_kw")[1:3] == pytest.approx([0, 0], abs=1e-6)


def test_a_battery_in_the_cold_counts_with_what_the_cold_leaves_it() -> None:
    table = [{"degc": -20.0, "power_share": 0.1, "capacity_share": 0.8, "efficiency_share": 0.5}]
    cold = full(temperature_table=table, ambient_degc=-20.0)
    schedule, held = planned(problem(site(cold, survival_h=1.0)))
    # Of 200 kW a tenth is left: just the 20 kW asked for, each at 2 kWh of content, above the fifth that freezes in.
    assert held.kept_h == pytest.approx(np.ones(STEPS))
    assert schedule.asset("battery", "stored_kwh")[:-1].min() >= 20 + 40 - 1e-6
    weaker = planned(problem(site(full(temperature_table=table, ambient_degc=-20.0, discharge_kw=150.0))))[1]
    assert weaker.unserved_kwh[0] == pytest.approx(2 * 5)
