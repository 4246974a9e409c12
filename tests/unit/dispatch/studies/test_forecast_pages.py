from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.stats import norm

from dispatch.report.drawings import Area, curves
from dispatch.studies.forecast_pages import backtest_page, bands_told, drift_told, fan, lead_table, rung_told
from forecasting.backtest.results import Results, Series
from forecasting.backtest.tables import Scored, by_lead_day
from forecasting.clock import DAY_NS, HOUR_NS
from forecasting.quantiles import LEVELS
from forecasting.targets import Place, Target
from tests.unit.forecasting.backtest.test_tables import WIND, results, scored

HOURS = np.arange(6.0)
BELL = np.tile(50 + 10 * norm.ppf(LEVELS), (6, 1))


def test_a_fan_draws_bands_median_and_what_came() -> None:
    actual = np.array([50.0, np.nan, 40.0, 45.0, 44.0, 43.0])
    drawn = fan("wind", "about", HOURS, LEVELS, BELL, actual, "kW")
    assert len(drawn.areas) == 3
    assert [name for name, _ in drawn.legend] == ["median", "came"]
    assert drawn.paths[1][0].count("M") == 2
    assert len(fan("wind", "about", HOURS, LEVELS, BELL, np.full(6, np.nan), "kW").paths) == 1
    assert bands_told(LEVELS) == "Bands hold 90 %, 80 %, 50 % of what comes."


def test_an_area_is_a_ring_for_each_stretch() -> None:
    high = (2.0, 3.0, float("nan"), 3.0)
    drawn = curves("t", "a", ("x", "y"), [], areas=[Area("#123456", (0.0, 1.0, 2.0, 3.0), (1.0, 1.0, 1.0, 1.0), high)])
    path, colour, opacity = drawn.areas[0]
    assert path.count("M") == path.count("Z") == 2
    assert (colour, opacity) == ("#123456", 0.22)
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", path)]
    assert max(numbers[1::2]) <= drawn.bottom
    assert min(numbers[1::2]) >= drawn.top - 1


def test_the_page_of_a_backtest_shows_all_models_and_says_how_to_read_it() -> None:
    page = backtest_page("Park <A>", "2023", scored(results(), WIND), ["30 forecasts"], ["own note"])
    for part in ("Park &lt;A&gt;", "climatology", "persistence", "own note", "Lead days count", "C_R", "which is"):
        assert part in page
    assert "<script" not in page
    assert page == backtest_page("Park <A>", "2023", scored(results(), WIND), ["30 forecasts"], ["own note"])


def test_days_that_no_measurement_reaches_are_unverified() -> None:
    one = results(days=1).series()
    table = lead_table(by_lead_day(Scored(one, {"wind": WIND}, Place(0.0, 0.0, "UTC"))))
    second = next(row for row in table.rows if row[0] == "ours" and row[3] == "2")
    assert second[4:7] == ("0", "unverified", None)


def test_what_could_not_be_forecast_stands_in_the_notes() -> None:
    made = scored(results(), WIND)
    first = made.series[0]
    gone = first.quantiles.copy()
    gone[:144] = np.nan
    rung = first.rung.copy()
    rung[:144] = "none: no weather"
    rung[144:300] = "own_past"
    part = Series(**{**vars(first), "quantiles": gone, "rung": rung})
    page = backtest_page("p", "s", Scored((part, *made.series[1:]), made.targets, made.place), [])
    assert "ours had no answer for 10.0 % of the intervals of wind: none: no weather" in page
    assert "ours, wind: answered from ours 79 %, its own past 11 %" in page


def history(late: float) -> Series:
    """Sixty days of hourly forecasts N(50, 10); what came is off by `late` in the second half."""
    rng = np.random.default_rng(0)
    day = np.repeat(np.arange(60), 24)
    y = 50 + 10 * rng.standard_normal(len(day)) + np.where(day >= 30, late, 0.0)
    issue = day * DAY_NS
    valid = issue + (np.tile(np.arange(24), 60) + 1) * HOUR_NS
    quantiles = np.tile(50 + 10 * norm.ppf(LEVELS), (len(day), 1))
    ones = np.ones(len(day))
    rung = np.full(len(day), "ours", dtype=object)
    return Series("ours", "wind", LEVELS, issue, valid, ones, ones.astype(int), quantiles, y, rung)


def test_drift_is_told_with_its_day() -> None:
    assert "no drift" in drift_told(history(0.0))
    told = drift_told(history(15.0))
    assert "above the forecast more often" in told
    assert "since about 1970-01-31" in told or "since about 1970-02-0" in told
    short = history(0.0)
    assert drift_told(short.take(short.issue_ns < 30 * DAY_NS)) == ""


def test_rungs_are_told_in_words() -> None:
    assert rung_told("own_past") == "From its own past."
    assert rung_told("climatology") == "Climatology."


@pytest.mark.parametrize("kind", ["price", "intensity"])
def test_units_follow_the_kind(kind: str) -> None:
    target = Target("wind", kind, float("inf"), "park")  # type: ignore[arg-type]
    page = backtest_page("p", "s", scored(Results(results().table), target), [])
    assert target.unit in page


def test_a_page_lists_the_trainings_of_its_model() -> None:
    found = scored(results(), WIND)
    rows = [
        {"model": name, "trained": "2024-03-01T10:00Z", "reason": "drift", "text": f"{name} fell"}
        for name in (found.models[0], "another")
    ]
    page = backtest_page("park", "March", found, (), trainings=rows)
    assert f"{rows[0]['text']}" in page
    assert "another fell" not in page
    assert "Learnt from" not in backtest_page("park", "March", found, ())
