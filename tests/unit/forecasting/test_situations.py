"""What is late and what is missing is told from the archive alone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.archive.known import Known
from forecasting.clock import DAY_NS, HOUR_NS
from forecasting.errors import ForecastError
from forecasting.situations import Part, Situation, parts_of
from forecasting.targets import Target

FIRST = pd.Timestamp("2023-03-01", tz="UTC")
NOW = pd.Timestamp("2023-04-10T01:00", tz="UTC")
DAYS = 42
TARGET = Target("farm", "wind", 1.0, "here", weather=("near", "far"))
EDGES = np.arange(25) * HOUR_NS + NOW.value


@lru_cache(maxsize=1)
def archive() -> Archive:
    """Runs of 48 h at 00 and 12, available an hour later, of two sources; hourly measurements known after 15 min."""
    found = Archive.empty()
    for issue in pd.date_range(FIRST, periods=2 * DAYS, freq="12h"):
        valid = pd.date_range(issue, periods=49, freq="1h")
        for site in TARGET.weather:
            for name in ("wind_speed_10m", "wind_speed_100m"):
                found = found.with_forecast(site, name, issue, issue + pd.Timedelta("1h"), valid, np.full(49, 7.0))
    end = pd.date_range(FIRST + pd.Timedelta("1h"), periods=24 * DAYS, freq="1h")
    return found.with_measurements("here", "farm", end, np.linspace(0, 1, len(end)))


def known() -> Known:
    return archive().as_of(NOW)


def only(parts: list[Part]) -> Part:
    assert len(parts) == 1
    assert parts[0].steps.all()
    return parts[0]


def test_as_usual_is_the_empty_situation() -> None:
    part = only(parts_of(known(), TARGET, EDGES))
    assert part.situation == Situation()
    assert part.sources == ("near", "far")


def test_a_run_that_did_not_come_makes_its_source_twelve_hours_late() -> None:
    seen = known().with_runs_before(NOW.floor("D").value, sites="near")
    part = only(parts_of(seen, TARGET, EDGES))
    assert part.situation.late == (
        ("near", "wind_speed_100m", 12 * HOUR_NS),
        ("near", "wind_speed_10m", 12 * HOUR_NS),
    )
    assert part.situation.missing == ()


def test_runs_that_end_early_part_the_horizon() -> None:
    seen = known().with_runs_before(NOW.value - 2 * DAY_NS + 12 * HOUR_NS)
    parts = parts_of(seen, TARGET, EDGES)
    assert [part.steps.sum() for part in parts] == [12, 12]
    assert [bool(part.sources) for part in parts] == [True, False] or [False, True]
    assert sorted(len(part.situation.missing) for part in parts) == [0, 4]
    assert (parts[0].steps ^ parts[1].steps).all()


def test_one_variable_and_one_source_can_be_missing() -> None:
    long_ago = NOW.value - 9 * DAY_NS
    part = only(parts_of(known().with_runs_before(long_ago, variables="wind_speed_10m"), TARGET, EDGES))
    assert part.situation.missing == (("near", "wind_speed_10m"), ("far", "wind_speed_10m"))
    assert part.sources == ("near", "far")
    part = only(parts_of(known().with_runs_before(long_ago, sites="near"), TARGET, EDGES))
    assert part.sources == ("far",)


def test_a_silent_meter_is_late_by_how_long_it_has_been_silent() -> None:
    seen = known().without_measured(NOW.value - 30 * HOUR_NS, NOW.value)
    part = only(parts_of(seen, TARGET, EDGES))
    assert part.situation.late == (("here", "farm", 29 * HOUR_NS),)  # at 01:00 the hour just over is not known yet


def test_the_view_of_a_situation_has_always_been_like_it() -> None:
    seen = known().with_runs_before(NOW.floor("D").value, sites="near")
    part = only(parts_of(seen, TARGET, EDGES))
    for view in (part.situation.view(seen), part.situation.view(known())):
        last = view.runs("near", "wind_speed_10m")[-1]
        assert last.issue_ns == (NOW.floor("D") - pd.Timedelta("12h")).value
        before = view.as_of(NOW - pd.Timedelta("7D")).runs("near", "wind_speed_10m")[-1]
        assert before.issue_ns == last.issue_ns - 7 * DAY_NS
    assert only(parts_of(part.situation.view(known()), TARGET, EDGES)).situation == Situation()
    gone = Situation(missing=(("far", "wind_speed_10m"),)).view(known())
    assert gone.runs("far", "wind_speed_10m") == ()
    assert gone.runs("far", "wind_speed_100m")


def test_nothing_is_known_before_it_was() -> None:
    with pytest.raises(ForecastError, match="negative"):
        known().late(-1, sites="near")


def test_without_any_weather_there_is_one_situation() -> None:
    alone = Target("farm", "wind", 1.0, "here")
    part = only(parts_of(known(), alone, EDGES))
    assert part.sources == ()
    assert part.situation == Situation()
