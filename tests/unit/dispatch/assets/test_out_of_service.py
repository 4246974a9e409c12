"""Plant that is out of service: every kind stands still, in plans and by its rule, and the audit sees to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.assets import kinds
from dispatch.audit import audit
from dispatch.config.park import load_site
from dispatch.errors import ConfigError
from dispatch.fields.out_of_service import OutOfService, touched
from dispatch.ladder.climb import climb
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from tests.parks import battery, given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch import small_park
from tests.unit.dispatch.assets.templates import ALL_KINDS, Template, of

OUT = {"start": "2024-03-01T08:00", "end": "2024-03-01T10:00"}  # steps 2 and 3 of a horizon that begins at six
PLANT = sorted(kind for kind in ALL_KINDS if not kinds()[kind].never_out)


def out(template: Template, spans: Any = (OUT,)) -> dict[str, Any]:
    return template.asset | {"out_of_service": list(spans)}


def carried_kw(schedule: Schedule, kind: str) -> np.ndarray:
    """(step,) the largest flow at any port of the asset under test."""
    solved = schedule.kinds[kind]
    mine = np.array([name.split("_")[0] == "it" for name in solved.rows.names])
    return np.max([np.abs(power[mine]).max(axis=0) for power in solved.power_kw.values()], axis=0)


# What is in a pipe comes out of it by itself, and by its rule nobody shuts a valve.
FLOWS_OUT = {"pipe"}


@pytest.mark.parametrize(("kind", "place"), [(kind, n) for kind in PLANT for n in range(len(of(kind)))])
def test_every_kind_stands_still(kind: str, place: int) -> None:
    template = of(kind)[place]
    problem = template.problem(out(template))
    climbed = climb(problem)
    assert climbed.audit.passed
    if not (climbed.attempts and climbed.attempts[0].infeasible):  # reserve that nobody else can hold
        assert climbed.schedule.proof.quality in ("optimal", "incumbent", "relaxed"), climbed.attempts
    assert [v for v in climbed.audit.relaxed if "out of service" in v.what] == []
    assert carried_kw(climbed.schedule, kind)[2:4] == pytest.approx(0, abs=1e-3)
    found = [] if kind in FLOWS_OUT else audit(rule_based(problem)).violations
    assert [str(v) for v in found if "out of service" in v.what or v.fault == "mistake"] == []


@pytest.mark.parametrize("kind", sorted(set(ALL_KINDS) - set(PLANT)))
def test_what_cannot_be_out_says_what_to_write_instead(kind: str) -> None:
    with pytest.raises(ValidationError, match=f"out_of_service: a {kind} has none; "):
        kinds()[kind].model_validate(of(kind)[0].asset | {"out_of_service": [OUT]})


def engine(**fields: Any) -> dict[str, Any]:
    """100 to 200 kW at half the grid's price; stops from 120 kW at most, and changes by 60 kW/h."""
    limits = {"ramp_up_kw_per_h": 60, "ramp_down_kw_per_h": 60, "shut_down_kw": 120, "start_up_kw": 120}
    return unit("it", min_kw=100, max_kw=200, cost_per_kwh=0.1, **limits) | fields


def planned(asset: dict[str, Any], start: str = "2024-03-01", **state: float) -> Schedule:
    """The engine or store beside 300 kW of load and a grid at .2 a kWh, for eight hours."""
    site = park(load(), grid(import_kw=1000, tariff=tariff(0.2)), asset)
    inputs = given(site, hours(8, start), {("load", "demand_kw"): 300.0})
    climbed = climb(Problem(site, replace(inputs, state={"it": state}) if state else inputs))
    assert climbed.schedule.proof.quality == "optimal"
    assert climbed.audit.passed
    return climbed.schedule


RUNNING = {"on_before_h": 1.0, "power_before_kw": 200.0, "min_up_h": 6.0, "min_down_h": 2.0}


def test_a_broken_engine_has_tripped_whatever_its_minimum_time_and_its_ramp() -> None:
    """Broken from before the start until two: off before it, and by min_down_h of 2 h free to start at two again."""
    made = planned(engine(**RUNNING, out_of_service=[{"start": "2024-02-29T23:00", "end": "2024-03-01T02:00"}]))
    assert made.asset("it", "power_kw") == pytest.approx([0, 0, 120, 180, 200, 200, 200, 200])


def test_one_that_breaks_later_runs_until_then() -> None:
    """It must run for five hours more, and is out from three on; until then it need not come down to 120 kW."""
    made = planned(engine(**RUNNING, out_of_service=[{"start": "2024-03-01T03:00", "reason": "bearing"}]))
    assert made.asset("it", "power_kw") == pytest.approx([200, 200, 200, 0, 0, 0, 0, 0])


def test_a_step_that_a_span_touches_is_out_as_a_whole() -> None:
    made = planned(engine(out_of_service=[{"start": "2024-03-01T02:50", "end": "2024-03-01T03:10"}]))
    assert (made.asset("it", "on") > 0.5).tolist() == [True, True, False, False, True, True, True, True]


def test_a_store_keeps_what_it_holds_but_for_its_leak() -> None:
    """50 of 100 kWh that leak 10 % an hour, out for all of eight hours."""
    store = battery("it", loss_fraction_per_h=0.1, start_fill=0.5, min_fill=0.1, end_penalty_per_kwh=1.0)
    made = planned(store | {"out_of_service": [{"start": "2024-02-29"}]})
    assert made.asset("it", "charge_kw") + made.asset("it", "discharge_kw") == pytest.approx(np.zeros(8), abs=1e-6)
    assert made.asset("it", "stored_kwh") == pytest.approx(50 * 0.9 ** np.arange(1, 9))


def test_what_the_works_do_not_ask_for_is_not_shed() -> None:
    site = park(load(out_of_service=[{"start": "2024-03-01T01:00"}]), grid(tariff=tariff(0.2)))
    made = climb(Problem(site, given(site, hours(2), {("load", "demand_kw"): 30.0}))).schedule
    assert made.asset("pcc", "import_kw") == pytest.approx([30, 0])
    assert made.asset("load", "shed_kw") == pytest.approx([0, 0])
    assert made.money == pytest.approx([6.0])


def test_the_audit_finds_what_runs_while_it_is_out() -> None:
    """A plan of a day on which it was thought to run, held against the file that says when it is out."""
    made = planned(engine())
    solved = made.kinds["thermal"]
    span = OutOfService.model_validate({"start": "2024-03-01T02:00", "end": "2024-03-01T04:00"})
    broken = solved.rows.members[0].model_copy(update={"out_of_service": (span,)})
    rows = replace(solved.rows, members=(broken,))
    changed = replace(made, kinds=made.kinds | {"thermal": replace(solved, rows=rows)})
    found = {str(v) for v in audit(changed).violations}
    power = made.asset("it", "power_kw")
    for hour in (2, 3):
        what = f"it: power at electricity although it is out of service at 0{hour}:00"
        assert f"{what}: {power[hour]:.4g} kW, limit 0 kW" in found
        assert f"it: on although it is out of service at 0{hour}:00: 1, limit 0" in found
    assert not [text for text in found if "out of service at 01:00" in text or "out of service at 04:00" in text]


def test_times_of_the_parks_clock_are_those_of_the_season() -> None:
    """On 25 October 2026 the hour from two to three comes twice in Berlin: out from 02:00 to 03:00 is both."""
    day = Horizon.local_day(date(2026, 10, 25), "Europe/Berlin", 60)
    span = OutOfService.model_validate({"start": "2026-10-25T02:00", "end": "2026-10-25T03:00"})
    assert np.flatnonzero(touched([span], day)).tolist() == [2, 3]
    exact = OutOfService.model_validate({"start": "2026-10-25T02:00+01:00", "end": "2026-10-25T03:00+01:00"})
    assert np.flatnonzero(touched([exact], day)).tolist() == [3]
    whole = OutOfService.model_validate({"start": date(2026, 10, 24), "end": "2026-10-26"})
    assert touched([whole], day).all()


def test_a_span_that_ends_before_it_begins_and_no_time_are_refused() -> None:
    with pytest.raises(ValidationError, match="end 2026-10-24T00:00:00 must be after start 2026-10-25T00:00:00"):
        OutOfService.model_validate({"start": "2026-10-25", "end": "2026-10-24"})
    with pytest.raises(ValidationError, match="'soon' is no time; accepted: a time of the park's clock like"):
        OutOfService.model_validate({"start": "soon"})


def test_one_problem_serves_windows_before_in_and_after_an_outage() -> None:
    """Limits go with the clock: what was compiled for one day is asked for the next."""
    asset = engine(out_of_service=[{"start": "2024-03-01T08:00", "end": "2024-03-01T12:00"}])
    site = park(load(), grid(import_kw=1000, tariff=tariff(0.2)), asset)
    windows = [given(site, hours(4, f"2024-03-01T{h}:00"), {("load", "demand_kw"): 300.0}) for h in ("04", "08", "12")]
    problem, ran = Problem(site, windows[0]), []
    for inputs in windows:
        problem.update(inputs)
        ran.append(bool(climb(problem).schedule.asset("it", "power_kw").max() > 1))
    assert ran == [True, False, True]


def test_a_file_with_a_wrong_time_is_told_once_what_is_accepted(tmp_path: Path) -> None:
    content = small_park.park()
    content["assets"][1]["out_of_service"] = [{"start": "soon"}]
    with pytest.raises(ConfigError) as refused:
        load_site(small_park.write(tmp_path, content))
    (problem,) = refused.value.problems
    assert problem.path == "assets[1].out_of_service[0].start"
    assert str(problem).count("ccepted") == 1
