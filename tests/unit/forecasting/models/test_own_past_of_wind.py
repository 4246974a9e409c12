"""Wind without weather: what of a year is usual now, and one correction for near and far."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from forecasting.archive import Archive
from forecasting.clock import HOUR_NS
from forecasting.learners.base import Frame
from forecasting.learners.conformal import Corrected, width
from forecasting.learners.stack import Stacked
from forecasting.models.own_past import OwnPast
from forecasting.quantiles import LEVELS
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
PLACE = Place(52.0, 5.0, "Etc/UTC")
TARGET = Target("wind", "wind", 1000.0, "hill", place=PLACE)
ISSUE = pd.Timestamp("2024-06-01T00:00Z")
LEADS = np.arange(97) * HOUR_NS


def learnt(value: Floats) -> Corrected:
    """From hourly values (N,) up to the issue, four days ahead."""
    ends = ISSUE - pd.to_timedelta(np.arange(len(value))[::-1], unit="h")
    known = Archive.empty().with_measurements("hill", "wind", ends, value, pd.Timedelta(0)).as_of(ISSUE)
    fitted = OwnPast().train(known, [TARGET], PLACE, LEADS, LEVELS).learnt["wind"].fitted
    assert isinstance(fitted, Corrected)
    return fitted


def rows(lead_h: Floats) -> Frame:
    """Of midday after calm days, so many hours ahead."""
    columns = {name: np.full(len(lead_h), 200.0) for name in ("last_kw", "last_3h_kw", "last_day_kw", "last_week_kw")}
    columns |= {"mean_28d": np.full(len(lead_h), 300.0), "age_h": np.zeros(len(lead_h)), "lead_h": lead_h}
    columns["hour"] = np.full(len(lead_h), 12.0)
    x = np.stack(list(columns.values()), axis=1).astype(np.float32)
    return Frame(x, tuple(columns), np.zeros(len(lead_h), np.int64))


def test_days_of_its_season_are_what_is_usual_of_a_farm() -> None:
    """A year of days with 500 + 400 cos(2π d/365.25) kW, d days back: half of the weights exp(−(d/120)²) have those
    with erf(d/120) ≤ erf(1.522)/2 = .4844, d ≤ 55.2 days, of which the farthest has 733 kW. Of all days it is 500.
    """
    back = np.arange(365 * 24)[::-1] // 24
    stack = learnt(500.0 + 400.0 * np.cos(2 * np.pi * back / 365.25)).fitted
    assert isinstance(stack, Stacked)
    usual = stack.members[stack.names.index("usual")]
    assert usual.predict(rows(np.array([60.0])))[0, LEVELS.tolist().index(0.5)] == pytest.approx(733.0, abs=15.0)


def test_the_bands_of_a_farm_are_corrected_for_all_leads_together() -> None:
    """The last month is calmer than what was learnt from: the same share of its band, however far ahead."""
    random = np.random.default_rng(0)
    hourly = np.repeat(random.uniform(0.0, 1.0, 200 * 4), 6) * np.where(np.arange(200 * 24) < 170 * 24, 900.0, 300.0)
    fitted = learnt(hourly)
    ahead = rows(np.array([1.0, 6.0, 24.0, 48.0, 90.0]))
    plain = fitted.fitted.predict(ahead)
    share = (fitted.predict(ahead) - plain) / width(plain, fitted.floor)
    assert np.abs(share).max() > 0.02
    assert share == pytest.approx(np.tile(share[0], (5, 1)), abs=1e-9)


def test_the_usual_of_a_few_windy_days_is_what_they_had() -> None:
    """Its hours stand together in windows of seven, so ten days have 70 values of each: nothing is stretched."""
    value = np.random.default_rng(0).uniform(200.0, 800.0, 240)
    ends = ISSUE - pd.to_timedelta(np.arange(240)[::-1], unit="h")
    known = Archive.empty().with_measurements("hill", "wind", ends, value, pd.Timedelta(0)).as_of(ISSUE)
    trained = OwnPast().train(known, [TARGET], PLACE, LEADS, LEVELS)
    said = trained.quantiles(known, ISSUE.as_unit("ns").value + LEADS)["wind"]
    assert said.min() >= 200.0
    assert said.max() <= 800.0
    assert np.ptp(said, axis=1).mean() == pytest.approx(0.9 * 600.0, rel=0.1)
