"""Plans without forecaster and solver, and plans on what somebody else says will come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dispatch.errors import DataError
from dispatch.ladder.earlier import EarlierPlan
from dispatch.plan import Background, Plan, plan
from dispatch.planning.outlook import Told, look_ahead
from dispatch.signals import Horizon
from dispatch.stopgap import stopgap
from forecasting.archive import Archive
from tests.parks import battery, grid, hours, load, park

STEPS = 6
START = "2024-05-15T00:00"
SITE = park(load(), grid(), battery())


def archive(first: str = "2024-05-10T00:00", count: int = 24 * 4, value: float = 50.0) -> Archive:
    ends = pd.date_range(first, periods=count, freq="h", tz="UTC") + pd.Timedelta(hours=1)
    return Archive.empty().with_measurements(SITE.name, "load", ends, value + np.arange(count) % 24)


def horizon(start: str = START, steps: int = STEPS) -> Horizon:
    return hours(steps, start)


def without(measured: Archive, at: Horizon | None = None, **background: Any) -> Plan:
    at = at or horizon()
    return stopgap(
        SITE, at, measured, at.start - timedelta(hours=1), reason="ended", background=Background(**background)
    )


def demand(made: Plan) -> list[float]:
    found: list[float] = made.outlook.inputs.series["load", "demand_kw"][0].tolist()
    return found


def test_what_came_at_the_same_time_of_the_newest_whole_day_is_expected() -> None:
    made = without(archive())
    assert made.schedule.proof.quality == "rule_based"
    assert made.audit.passed
    assert "optimal: ended" in made.schedule.proof.reason
    assert demand(made) == pytest.approx([50 + n for n in range(STEPS)])
    assert made.notes[-1] == "load: taken to be as 2 d before, for there was no time to forecast it"


def test_a_reading_that_cannot_be_is_not_expected_again() -> None:
    """A spike of a hundred times the load: the day before it is whole, and is taken."""
    ends = pd.date_range("2024-05-10T01:00", periods=24 * 4, freq="h", tz="UTC")
    values = 50.0 + np.arange(96) % 24
    values[3 * 24 + 2] = 5_000.0
    made = without(Archive.empty().with_measurements(SITE.name, "load", ends, values))
    assert demand(made) == pytest.approx([50 + n for n in range(STEPS)])
    assert any("load: 5000 kW at 2024-05-13T03:00Z" in note for note in made.notes)
    assert made.notes[-1] == "load: taken to be as 3 d before, for there was no time to forecast it"


def test_a_series_whose_sign_is_reversed_is_as_if_it_were_not_there() -> None:
    ends = pd.date_range("2024-05-10T01:00", periods=24 * 4, freq="h", tz="UTC")
    with pytest.raises(DataError, match="'load' was measured on none of 8 days before"):
        without(Archive.empty().with_measurements(SITE.name, "load", ends, np.full(96, -50.0)))


def test_what_somebody_says_stands_above_what_came() -> None:
    made = without(archive(), told=Told({"load": np.full((1, STEPS), 7.0)}))
    assert demand(made) == [7.0] * STEPS


def test_without_measurements_the_plan_before_says_it_and_is_followed() -> None:
    at = horizon("2024-05-14T22:00", 12)
    told = Told({"load": np.arange(12.0)[None, :]})
    first = plan(SITE, at, Archive.empty(), at.start, background=Background(told=told))
    assert first.schedule.proof.quality == "optimal"
    made = without(Archive.empty(), last_good=EarlierPlan.of(first.schedule))
    assert made.schedule.proof.quality == "last_good"
    assert demand(made) == [2.0, 3, 4, 5, 6, 7]


def test_a_demand_that_nothing_is_known_of_is_no_plan() -> None:
    with pytest.raises(DataError, match="'load' was measured on none of 8 days before"):
        without(Archive.empty())


def test_scenarios_are_told_of_all_or_of_none() -> None:
    at = horizon()
    two = park(load(), load(name="other"), grid())
    with pytest.raises(DataError, match="not of 'other'"):
        look_ahead(
            two, at, Archive.empty(), at.start, told=Told({"load": np.ones((3, STEPS)), "other": np.ones((1, STEPS))})
        )
    with pytest.raises(DataError, match="'pcc' needs no forecast; accepted: load, other"):
        look_ahead(two, at, Archive.empty(), at.start, told=Told({"pcc": np.ones((1, STEPS))}))
    both = {name: np.vstack([np.ones(STEPS), np.zeros(STEPS), np.full(STEPS, 2.0)]) for name in ("load", "other")}
    found = look_ahead(two, at, Archive.empty(), at.start, told=Told(both, np.array([0.25, 0.75])))
    assert found.forecast is None
    assert found.weights == pytest.approx(np.array([0.5, 0.25, 0.75]) / 1.5)
    assert np.array_equal(found.inputs.series["other", "demand_kw"], both["other"])


def test_what_is_carried_in_is_where_the_plan_begins() -> None:
    at = horizon()
    told = Told({"load": np.full((1, STEPS), 30.0)})
    background = Background(state={"battery": {"start_fill": 0.9}}, told=told)
    made = plan(SITE, at, Archive.empty(), at.start, background=background)
    assert made.schedule.inputs.state["battery"] == {"start_fill": 0.9}


def test_a_clock_ends_the_search_in_this_process() -> None:
    at = horizon()
    told = Told({"load": np.full((1, STEPS), 30.0)})
    ample, none = (
        plan(SITE, at, Archive.empty(), at.start, background=Background(told=told, clock_s=seconds))
        for seconds in (60.0, 0.0)
    )
    assert ample.schedule.proof.quality == "optimal"
    assert none.schedule.proof.quality == "rule_based"
    assert none.schedule.proof.clock_fired
    assert none.audit.passed
    assert "optimal: no time was left for it" in none.schedule.proof.reason


# The same time of the clock: in Berlin 31 March 2024 has no 02:00, 27 October has it twice.


def in_berlin(utc_start: str, known_until: str) -> list[float]:
    """What a plan of six hours expects of a load whose power is the hour on the local clock."""
    site = park(load(), grid(), battery(), time_zone="Europe/Berlin")
    ends = pd.date_range(end=pd.Timestamp(known_until, tz="UTC"), periods=5 * 24, freq="h")
    local = (ends - pd.Timedelta(hours=1)).tz_convert("Europe/Berlin")
    measured = Archive.empty().with_measurements(site.name, "load", ends, local.hour.to_numpy(float))
    at = hours(STEPS, utc_start, "Europe/Berlin")
    made = stopgap(site, at, measured, at.start - timedelta(minutes=1), reason="ended", background=Background())
    return demand(made)


@pytest.mark.parametrize(
    ("utc_start", "known_until", "expected"),
    [
        ("2024-03-31T04:00", "2024-03-31T00:00", [6, 7, 8, 9, 10, 11]),  # after the change, as of a day before it
        ("2024-03-30T23:00", "2024-03-30T22:00", [0, 1, 3, 4, 5, 6]),  # over the change: there is no 02:00 to expect
        ("2024-10-27T05:00", "2024-10-26T20:00", [6, 7, 8, 9, 10, 11]),
        ("2024-10-26T22:00", "2024-10-26T20:00", [0, 1, 2, 2, 3, 4]),  # 02:00 comes twice, and so does what it asks
        ("2024-04-01T00:00", "2024-03-31T20:00", [3, 3, 4, 5, 6, 7]),  # of the day that had no 02:00
    ],
)
def test_what_came_at_the_same_time_of_the_clock_is_expected_across_a_change(
    utc_start: str, known_until: str, expected: list[float]
) -> None:
    assert in_berlin(utc_start, known_until) == pytest.approx(expected)
