from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from forecasting import embedded
from forecasting.errors import ForecastError
from forecasting.physics import solar_elevation_deg

needs_profiles = pytest.mark.skipif(not embedded.is_installed(), reason="the optional package simbench is absent")


@needs_profiles
def test_profiles_are_a_year_of_quarter_hours_per_unit() -> None:
    for name in ("WP4", "PV3", "G3-M_pload"):
        values = embedded.profile(name)
        assert values.shape == (35_136,)
        assert 0 <= values.min() <= values.max() <= 1.0
    assert embedded.profile("WP4")[0] == pytest.approx(0.980905615)
    assert not embedded.profile("PV3").flags.writeable


@needs_profiles
def test_names_list_both_files() -> None:
    assert {"WP12", "PV8", "H0-A_pload", "H0-A_qload"} <= set(embedded.names())
    assert "time" not in embedded.names()


@needs_profiles
def test_an_unknown_name_is_answered_with_the_closest() -> None:
    with pytest.raises(ForecastError, match="G3-M_pload"):
        embedded.profile("G3M_pload")


@needs_profiles
def test_the_profiles_are_read_without_importing_simbench() -> None:
    code = "import sys; from forecasting import embedded; embedded.profile('PV3'); assert 'simbench' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert not embedded.is_installed()
    with pytest.raises(ForecastError, match=r"pip install parkwatt\[simbench\]"):
        embedded.profile("PV3")


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("Asia/Shanghai", "2015-12-31T16:00Z"),
        ("Europe/Berlin", "2015-12-31T23:00Z"),
        ("Europe/Dublin", "2016-01-01T00:00Z"),
        ("America/New_York", "2016-01-01T05:00Z"),
        ("Australia/Sydney", "2015-12-31T14:00Z"),
        ("UTC", "2016-01-01T00:00Z"),
    ],
)
def test_the_wall_clock_is_standard_time_at_the_park(zone: str, first: str) -> None:
    index = embedded.wall_clock_index(zone)
    assert index[0] == pd.Timestamp(first)
    assert len(index) == 35_136
    assert (np.diff(index.asi8) == index[1].value - index[0].value).all()


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ForecastError, match="Mars/Olympus"):
        embedded.wall_clock_index("Mars/Olympus")


@needs_profiles
def test_the_sun_stands_right_where_the_profile_is_replayed() -> None:
    """Wall clock of CET read in Germany and in China: power comes with daylight and is highest near noon."""
    for zone, longitude in (("Europe/Berlin", 10.0), ("Asia/Shanghai", 116.5)):
        index = embedded.wall_clock_index(zone)
        elevation = solar_elevation_deg(index + pd.Timedelta("7min30s"), 51.0, longitude)
        power = embedded.profile("PV3")
        assert power[elevation < -6].max() < 0.05  # hours drawn out to quarters reach a little into the dark
        assert np.corrcoef(power, np.maximum(np.sin(np.radians(elevation)), 0))[0, 1] > 0.8
