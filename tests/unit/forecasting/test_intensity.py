"""Carbon intensity: measured, forecast, computed from a mix."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.cases.services import documents
from benchmarks.cases.services.documents import NOW
from benchmarks.cases.services.local import Answer, Question, Script, serving
from forecasting.errors import AnswerError, ForecastError
from forecasting.intensity.electricity_maps import ElectricityMaps
from forecasting.intensity.factors import ENTSOE_SOURCES, FACTORS
from forecasting.intensity.gb import GreatBritain
from forecasting.intensity.mix import EntsoeMix, mix_intensity

START, END = NOW.normalize() - pd.Timedelta(days=2), NOW.normalize()
HALF = pd.Timedelta(minutes=30)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTSOE_API_KEY", "k")
    monkeypatch.setenv("ELECTRICITY_MAPS_API_KEY", "k")


def test_a_half_hour_that_is_not_over_was_not_measured() -> None:
    with serving(Script(documents.gb)) as script:
        run = GreatBritain(base_url=script.url).fetch(NOW - 6 * HALF, NOW + 6 * HALF, NOW)
    assert run.valid_time[-1] == NOW.floor("30min")
    assert run.available_at.max() == NOW  # 10 minutes after its end, before the usual half-hour
    assert run.issue_time is None
    assert np.isfinite(run.values).all()


def test_long_histories_come_in_parts_without_seams() -> None:
    with serving(Script(documents.gb)) as script:
        run = GreatBritain(base_url=script.url).fetch(END - pd.Timedelta(days=33), END, NOW)
    assert len(script.asked) == 3
    assert len(run.values) == 33 * 48
    assert (np.diff(run.valid_time) == HALF).all()


def test_a_forecast_has_the_time_it_was_fetched_as_its_issue() -> None:
    with serving(Script(documents.gb)) as script:
        country = GreatBritain("forecast", base_url=script.url).fetch(NOW, NOW + pd.Timedelta(days=3), NOW)
        region = GreatBritain("forecast", region=13, base_url=script.url).fetch(NOW, NOW + 4 * HALF, NOW)
    assert [question.path for question in script.asked] == [
        "/intensity/2024-05-10T09:30Z/fw48h",
        "/regional/intensity/2024-05-10T09:30Z/fw48h/regionid/13",
    ]
    assert country.issue_time is not None
    assert set(country.issue_time) == {NOW}
    assert len(country.values) == 96
    assert len(region.values) == 4


def test_a_forecast_that_no_longer_reaches_ahead_does_not_stand_in(tmp_path: Path) -> None:
    with serving(Script(documents.gb, [Answer(), Answer(503)])) as script:
        provider = GreatBritain("forecast", base_url=script.url, cache_folder=tmp_path, sleep=lambda _: None)
        provider.fetch(NOW, NOW + pd.Timedelta(days=2), NOW)
        late = NOW + pd.Timedelta(hours=47)
        assert "stands in" in provider.fetch(late, late + HALF, late).notes[0]
        late = NOW + pd.Timedelta(hours=49)
        with pytest.raises(ForecastError, match="no earlier run is kept"):
            provider.fetch(late, late + HALF, late)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: GreatBritain("guess"), "part 'guess'; accepted: actual, forecast"),  # type: ignore[arg-type]
        (lambda: GreatBritain("actual", region=3), "regions have forecasts only"),
        (lambda: ElectricityMaps("DE", "past"), "part 'past'; accepted: history, forecast"),  # type: ignore[arg-type]
    ],
)
def test_what_a_service_does_not_have_is_refused(make: object, says: str) -> None:
    with pytest.raises(ForecastError, match=says):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"data": []}, "'data' was expected as a list of half-hours"),
        ([], "'data' was expected as a list of half-hours"),
        ({"data": [{"from": "2024-05-08T00:00Z"}]}, "'from', 'to' and 'intensity' were expected"),
        (
            {"data": [{"from": "2024-05-08T00:00Z", "to": "2024-05-08T00:30Z", "intensity": {"actual": "low"}}]},
            "'low' is not a number",
        ),
        (
            {"data": [{"from": "2024-05-01T00:00Z", "to": "2024-05-01T00:30Z", "intensity": {"actual": 1}}]},
            "no actual value in",
        ),
    ],
)
def test_another_format_than_gb_documents(body: object, says: str) -> None:
    with (
        serving(Script(documents.gb, [Answer(body=json.dumps(body))])) as script,
        pytest.raises(ForecastError, match=says),
    ):
        GreatBritain(base_url=script.url).fetch(START, END, NOW)


def test_what_lies_ahead_was_not_measured() -> None:
    with pytest.raises(ForecastError, match="nothing was measured yet"):
        GreatBritain().fetch(NOW, NOW + HALF, NOW)


def test_electricity_maps_says_what_it_estimates_and_when_it_forecast() -> None:
    def estimated(question: Question) -> str:
        return documents.electricity_maps(question).replace('"isEstimated": false', '"isEstimated": true', 3)

    with serving(Script(estimated)) as script:
        run = ElectricityMaps("DE", base_url=script.url).fetch(END - pd.Timedelta(days=25), END, NOW)
    assert len(script.asked) == 3
    assert len(run.values) == 25 * 24
    assert script.asked[0].headers["auth-token"] == "k"
    assert any("9 of 600 hours are the service's estimate" in note for note in run.notes)
    with serving(Script(documents.electricity_maps)) as script:
        ahead = ElectricityMaps("DE", "forecast", base_url=script.url).fetch(NOW, NOW + pd.Timedelta(days=3), NOW)
    assert ahead.issue_time is not None
    assert set(ahead.issue_time) == {NOW - pd.Timedelta(minutes=25)}


@pytest.mark.parametrize(
    ("part", "body", "says"),
    [
        ("history", {"history": []}, "'data' was expected as a list of hours"),
        ("history", {"data": []}, "no value in"),
        ("history", {"zone": "FR", "data": [{"datetime": "2024-05-08T00:00Z"}]}, "the answer is of zone 'FR'"),
        ("history", {"data": [{"datetime": "noon", "carbonIntensity": 1}]}, "datetime 'noon' is not a time"),
        ("history", {"data": [{"datetime": "2020-01-01T00:00Z", "carbonIntensity": 1}]}, "no history in"),
        ("forecast", {"forecast": [], "updatedAt": "2024-05-10T09:00Z"}, "the forecast is empty"),
        ("forecast", {"forecast": [], "updatedAt": "now-ish"}, "updatedAt 'now-ish' is not a time"),
    ],
)
def test_another_format_than_electricity_maps_documents(part: str, body: object, says: str) -> None:
    with serving(Script(documents.electricity_maps, [Answer(body=json.dumps(body))])) as script:
        provider = ElectricityMaps("DE", part, base_url=script.url)  # type: ignore[arg-type]
        with pytest.raises(ForecastError, match=says):
            provider.fetch(START, END, NOW)


def test_without_a_token_it_is_said_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELECTRICITY_MAPS_API_KEY")
    with pytest.raises(ForecastError, match="no key; set ELECTRICITY_MAPS_API_KEY"):
        ElectricityMaps("DE").fetch(START, END, NOW)


def test_a_mix_is_the_mean_of_its_sources_and_imports() -> None:
    generation = {"nuclear": [600.0, 0.0], "gas": [400.0, 100.0]}
    alone, notes = mix_intensity(generation)
    assert alone.tolist() == pytest.approx([(600 * 12 + 400 * 490) / 1000, 490])
    assert notes == ()
    with_imports, _ = mix_intensity(generation, imports_mw={"BE": [200.0, -50.0]}, imports_g_per_kwh={"BE": 100.0})
    assert with_imports.tolist() == pytest.approx([(600 * 12 + 400 * 490 + 200 * 100) / 1200, 490])


def test_what_has_no_factor_is_left_out_while_it_is_little_and_unknown_where_it_is_much() -> None:
    found, notes = mix_intensity({"gas": [960.0, 900.0], "waste": [40.0, 100.0]})
    assert found[0] == pytest.approx(490)
    assert np.isnan(found[1])
    assert notes[0] == "carbon intensity: source waste has no factor and is 7.0% of the whole; left out"
    assert "unknown in 1 of 2 intervals" in notes[1]
    assert np.isnan(mix_intensity({"gas": [np.nan], "nuclear": [5.0]})[0]).all(), "a missing value is not zero"
    assert np.isnan(mix_intensity({"gas": [0.0]})[0]).all()
    with pytest.raises(ForecastError, match="the mix is empty"):
        mix_intensity({})


@given(arrays(float, (3, 4), elements=st.floats(1, 1e5)), st.floats(0.1, 10))
def test_an_intensity_lies_between_its_sources_and_does_not_depend_on_the_size(mw: np.ndarray, size: float) -> None:
    names = ("nuclear", "gas", "hard_coal")
    mix = dict(zip(names, mw, strict=True))
    found, _ = mix_intensity(mix)
    larger, _ = mix_intensity({name: power * size for name, power in mix.items()})
    assert (found >= 12 - 1e-9).all()
    assert (found <= 820 + 1e-9).all()
    np.testing.assert_allclose(larger, found, rtol=1e-9)


def test_every_factor_has_a_source_and_every_type_a_factor() -> None:
    assert all(factor.source and 0 < factor.g_per_kwh < 1000 for factor in FACTORS.values())
    assert set(ENTSOE_SOURCES.values()) <= set(FACTORS)


def entsoe(script: Script, **more: object) -> EntsoeMix:
    return EntsoeMix(base_url=script.url, zone="FR", sleep=lambda _: None, **more)  # type: ignore[arg-type]


def test_the_mix_of_the_platform_with_imports() -> None:
    with serving(Script(documents.entsoe_generation)) as script:
        alone = entsoe(script).fetch(START, END, NOW)
        traded = entsoe(script, neighbours_g_per_kwh={"BE": 100.0}).fetch(START, END, NOW)
    assert alone.values == pytest.approx(np.full(48, (600 * 12 + 400 * 490) / 1000))
    assert traded.values == pytest.approx(np.full(48, (600 * 12 + 400 * 490 + 200 * 100) / 1200))
    assert set(alone.available_at - alone.valid_time) == {pd.Timedelta(hours=1)}


def test_types_beyond_the_table_take_the_users_factor() -> None:
    def with_waste(question: Question) -> str:
        return documents.entsoe_generation(question, (("B14", 500.0), ("B17", 500.0)))

    def one_type(question: Question) -> str:
        return documents.entsoe_generation(question, (("B14", 500.0),))

    with serving(Script(with_waste)) as script:
        assert np.isnan(entsoe(script).fetch(START, END, NOW).values).all()
        run = entsoe(script, factors_g_per_kwh={"nuclear": 12.0, "Waste": 400.0}).fetch(START, END, NOW)
    assert run.values == pytest.approx(np.full(48, 206.0))
    with serving(Script(one_type)) as script:
        assert entsoe(script).fetch(START, END, NOW).values == pytest.approx(np.full(48, 12.0))


def test_what_a_pump_takes_is_not_generation() -> None:
    def pumping(question: Question) -> str:
        text = documents.entsoe_generation(question, (("B14", 500.0), ("B10", 100.0)))
        pump = documents.entsoe_generation(question, (("B10", 300.0),))
        series = pump[pump.index("<TimeSeries>") : pump.index("</TimeSeries>") + len("</TimeSeries>")]
        series = series.replace("inBiddingZone_Domain", "outBiddingZone_Domain")
        return text.replace("</GL_MarketDocument>", f"{series}</GL_MarketDocument>")

    with serving(Script(pumping)) as script:
        run = entsoe(script).fetch(START, END, NOW)
    assert run.values == pytest.approx(np.full(48, (500 * 12 + 100 * 24) / 600))


def test_generation_in_another_unit_is_refused() -> None:
    def kilowatts(question: Question) -> str:
        return documents.entsoe_generation(question).replace(">MAW<", ">KWT<")

    with serving(Script(kilowatts)) as script, pytest.raises(AnswerError, match=r"generation in \['KWT'\]"):
        entsoe(script).fetch(START, END, NOW)
