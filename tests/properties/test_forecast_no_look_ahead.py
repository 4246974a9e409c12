"""A forecast uses what was known when it was issued, and nothing else."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.archive import Archive
from forecasting.forecast import Forecast, Place, Target, forecast

PLACE = Place(39.8, 116.5, "Asia/Shanghai")
TARGETS = (
    Target("wind", "wind", 100.0, "park"),
    Target("roof", "pv", 100.0, "park"),
    Target("offices", "load", np.inf, "park"),
)
END = pd.date_range("2023-05-01T01:00Z", periods=32 * 24, freq="1h")
HOURS = st.integers(26 * 24, 29 * 24)
WEATHER = ("temperature_2m", "shortwave_radiation", "wind_speed_80m")


@st.composite
def delays(draw: st.DrawFn) -> dict[str, int]:
    """Minutes until each series is known, up to a day and a half."""
    return {target.name: draw(st.integers(0, 36 * 60)) for target in TARGETS}


@lru_cache(maxsize=8)
def values(name: str) -> np.ndarray:
    hour = (END.hour.to_numpy() + 8) % 24
    sun = np.maximum(np.sin((hour - 6.5) / 12 * np.pi), 0)
    noise = np.random.default_rng(len(name)).uniform(0, 1, len(END))
    return {"wind": 100 * noise, "roof": 80 * sun * noise, "offices": 20 + 30 * sun + noise}[name]


def archive(delay_min: dict[str, int], changed_after: pd.Timestamp | None, change_kw: float) -> Archive:
    """The park's data; with `changed_after`, every value that becomes known after it is another one."""
    found = Archive.empty()
    for target in TARGETS:
        delay = pd.Timedelta(minutes=delay_min[target.name])
        series = values(target.name).copy()
        if changed_after is not None:
            series[END + delay > changed_after] += change_kw
        found = found.with_measurements("park", target.name, END, series, delay)
    for day in range(31):
        issue = END[0] + pd.Timedelta(days=day, hours=5)
        known = issue + pd.Timedelta(hours=3)
        shift = change_kw if changed_after is not None and known > changed_after else 0.0
        valid = pd.date_range(issue, periods=60, freq="1h")
        for number, name in enumerate(WEATHER):
            wave = 5 + number + 4 * np.sin(np.arange(60) / 4 + day) + shift
            found = found.with_forecast("sky", name, issue, known, valid, wave)
    return found


def run(known: Archive, issue: pd.Timestamp) -> Forecast:
    edges = pd.date_range(issue.ceil("h") + pd.Timedelta("12h"), periods=25, freq="1h")
    return forecast(TARGETS, known, PLACE, issue, edges, weather_site="sky", scenarios=3)


@settings(max_examples=6)
@given(hour=HOURS, minute=st.integers(0, 59), delay_min=delays(), change_kw=st.floats(1.0, 1e4))
def test_what_becomes_known_later_changes_no_output(
    hour: int, minute: int, delay_min: dict[str, int], change_kw: float
) -> None:
    issue = END[0] + pd.Timedelta(hours=hour, minutes=minute)
    plain = run(archive(delay_min, None, 0.0), issue)
    changed = run(archive(delay_min, issue, change_kw), issue)
    assert plain.weights.tobytes() == changed.weights.tobytes()
    for name in plain.names:
        assert plain.quantiles[name].tobytes() == changed.quantiles[name].tobytes()
        assert plain.scenarios[name].tobytes() == changed.scenarios[name].tobytes()
    assert plain.inputs_used == changed.inputs_used


def test_what_was_known_does_change_the_output() -> None:
    """Or the property above would hold for a constant."""
    issue = END[0] + pd.Timedelta(hours=27 * 24)
    delay_min = {target.name: 15 for target in TARGETS}
    plain = run(archive(delay_min, None, 0.0), issue)
    moved = run(archive(delay_min, issue - pd.Timedelta("1D"), 50.0), issue)
    assert all(not np.array_equal(plain.quantiles[n], moved.quantiles[n]) for n in ("wind", "offices"))


@given(
    delay=st.lists(st.integers(0, 3000), min_size=5, max_size=40),
    asked=st.integers(0, 4000),
)
def test_the_archive_shows_only_what_was_available(delay: list[int], asked: int) -> None:
    found = Archive.empty()
    for k, minutes in enumerate(delay):
        found = found.with_measurements("park", "v", END[k : k + 1], [float(k)], pd.Timedelta(minutes=minutes))
    time = END[0] + pd.Timedelta(minutes=asked)
    known = found.as_of(time).measurements("park", "v")
    expected = [k for k, m in enumerate(delay) if END[k] + pd.Timedelta(minutes=m) <= time]
    assert known.value.tolist() == [float(k) for k in expected]
    assert (known.available_ns <= time.value).all()
