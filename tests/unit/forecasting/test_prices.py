"""Day-ahead prices: what the providers' common tests do not reach. entsoe-py is the real library."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.cases.services import documents
from benchmarks.cases.services.local import Answer, Question, Script, serving
from forecasting.errors import AnswerError, ForecastError
from forecasting.prices.energy_charts import EnergyCharts
from forecasting.prices.entsoe import EntsoePrices
from forecasting.series_file import SeriesFile

NOW = pd.Timestamp("2025-11-01T00:00Z")
MARCH = pd.Timestamp("2025-03-30", tz="Europe/Brussels"), pd.Timestamp("2025-03-31", tz="Europe/Brussels")
OCTOBER = pd.Timestamp("2025-10-26", tz="Europe/Brussels"), pd.Timestamp("2025-10-27", tz="Europe/Brussels")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTSOE_API_KEY", "k")


def entsoe(script: Script, zone: str = "FR", **more: object) -> EntsoePrices:
    return EntsoePrices(base_url=script.url, zone=zone, sleep=lambda _: None, **more)  # type: ignore[arg-type]


def test_hours_of_both_clock_changes_come_from_the_real_library() -> None:
    with serving(Script(documents.entsoe_prices)) as script:
        spring = entsoe(script).fetch(*MARCH, NOW)
        # From October 2025 on the auction is in quarters; a zone that still publishes hours is taken as it is.
        autumn = entsoe(script).fetch(*OCTOBER, NOW)
    assert spring.values.tolist() == [30.0 + k for k in range(23)]
    assert autumn.values.tolist() == [30.0 + k for k in range(25)]
    assert spring.valid_time[-1] == MARCH[1]


def test_quarters_keep_their_steps() -> None:
    def quarters(question: Question) -> str:
        return documents.entsoe_prices(question, minutes=15)

    with serving(Script(quarters)) as script:
        run = entsoe(script, "DE-LU").fetch(*OCTOBER, NOW)
    assert len(run.values) == 100
    assert (run.step == pd.Timedelta(minutes=15)).all()
    assert script.asked[0].query["in_Domain"] == "10Y1001A1001A82H"
    assert script.asked[0].query["securityToken"] == "k"


def test_the_currency_is_kept_and_two_are_refused() -> None:
    def zloty(question: Question) -> str:
        return documents.entsoe_prices(question, currency="PLN")

    def mixed(question: Question) -> str:
        return documents.entsoe_prices(question).replace(">EUR<", ">GBP<", 1)

    with serving(Script(zloty)) as script:
        assert entsoe(script, "PL").fetch(*MARCH, NOW).variable == "day_ahead_price_pln_per_mwh"
    with (
        serving(Script(mixed)) as script,
        pytest.raises(AnswerError, match=r"prices in \['EUR', 'GBP'\] per \['MWH'\]"),
    ):
        entsoe(script).fetch(*MARCH, NOW)


@pytest.mark.parametrize("status", [200, 400])
def test_that_there_is_nothing_is_said(status: int) -> None:
    with (
        serving(Script(documents.entsoe_prices, [Answer(status, documents.acknowledgement())])) as script,
        pytest.raises(ForecastError, match="zone FR: the platform has no such data for the time asked for"),
    ):
        entsoe(script).fetch(*MARCH, NOW)


def test_nothing_yet_is_asked_again(tmp_path: Path) -> None:
    with serving(Script(documents.entsoe_prices, [Answer(400, documents.acknowledgement()), Answer()])) as script:
        with pytest.raises(ForecastError, match="no such data"):
            entsoe(script, cache_folder=tmp_path).fetch(*MARCH, NOW)
        assert len(entsoe(script, cache_folder=tmp_path).fetch(*MARCH, NOW).values) == 23


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            Answer(
                400,
                documents.acknowledgement(
                    "The combination of [..] is not valid, or check you request against dependency tables"
                ),
            ),
            "does not publish this for the zone",
        ),
        (
            Answer(400, documents.acknowledgement("Delivered time interval is not valid")),
            "refused, 400: Delivered time",
        ),
        (Answer(200, "<?xml version='1.0'?><Other/>"), "the answer is a Other, not a market document"),
    ],
)
def test_refusals_of_the_platform(answer: Answer, says: str) -> None:
    with serving(Script(documents.entsoe_prices, [answer])) as script, pytest.raises(ForecastError, match=says):
        entsoe(script).fetch(*MARCH, NOW)


def test_an_unknown_zone_names_those_near_to_it() -> None:
    with pytest.raises(ForecastError, match=r"zone 'DE-LX' is unknown; near to it are \['DE_LU'"):
        EntsoePrices(zone="DE-LX").fetch(*MARCH, NOW)
    with pytest.raises(ForecastError, match="zone '' is unknown"):
        EntsoePrices().fetch(*MARCH, NOW)


def test_without_key_or_library_it_is_said_where_they_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "entsoe", None)
    with pytest.raises(ForecastError, match=r"pip install 'parkwatt\[entsoe\]'"):
        EntsoePrices(zone="FR").fetch(*MARCH, NOW)
    monkeypatch.delenv("ENTSOE_API_KEY")
    with pytest.raises(ForecastError, match="no key; set ENTSOE_API_KEY"):
        EntsoePrices(zone="FR").fetch(*MARCH, NOW)


def test_energy_charts_has_quarters_on_the_long_day() -> None:
    with serving(Script(documents.energy_charts)) as script:
        run = EnergyCharts("DE-LU", base_url=script.url).fetch(*OCTOBER, NOW)
    assert len(run.values) == 100
    assert script.asked[0].query == {"bzn": "DE-LU", "start": "2025-10-25T22:00Z", "end": "2025-10-26T23:00Z"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([1], "the answer is a list, not an object"),
        ({"price": [1]}, "'unix_seconds' and 'price' were expected as lists of one length"),
        ({"unix_seconds": [1, 2], "price": [1]}, "lists of one length"),
        ({"unix_seconds": [], "price": []}, "holds no price"),
        ({"unix_seconds": [None], "price": [1]}, "None in 'unix_seconds' is not a number"),
        ({"unix_seconds": [1], "price": ["dear"]}, "'dear' in 'price' is not a number"),
        ({"unix_seconds": [1], "price": [True]}, "True in 'price' is not a number"),
        ({"unix_seconds": [0, 3600], "price": [1, 2], "unit": "EUR / MWh"}, "the last there is begins at 1970"),
    ],
)
def test_another_format_is_refused(body: object, says: str) -> None:
    with (
        serving(Script(documents.energy_charts, [Answer(body=json.dumps(body))])) as script,
        pytest.raises(ForecastError, match=says),
    ):
        EnergyCharts("FR", base_url=script.url).fetch(*MARCH, NOW)


def test_a_question_that_will_be_dropped_is_told() -> None:
    def old(question: Question) -> str:
        return documents.energy_charts(question).replace('"deprecated": false', '"deprecated": true')

    with serving(Script(old)) as script:
        run = EnergyCharts("FR", base_url=script.url).fetch(*MARCH, NOW)
    assert "outdated" in run.notes[0]


def written(folder: Path, unit: str = "EUR/MWh", stamp: str = "start") -> SeriesFile:
    starts = pd.date_range(MARCH[0], MARCH[1] + pd.Timedelta(days=1), freq="1h", inclusive="left").tz_convert("UTC")
    table = pd.DataFrame({"time": starts, "price": np.arange(len(starts)) / 1000})
    table.to_csv(folder / "prices.csv", index=False)
    return SeriesFile(folder / "prices.csv", "price", unit, stamp=stamp)  # type: ignore[arg-type]


def test_prices_from_a_file_are_known_since_their_auction(tmp_path: Path) -> None:
    at = pd.Timestamp("2025-03-30T09:00Z")
    run = written(tmp_path, "EUR/kWh").fetch(MARCH[0], MARCH[1] + pd.Timedelta(days=1), at)
    assert len(run.values) == 23  # tomorrow's auction has not been
    assert run.values[22] == 22.0
    assert run.available_at.max() == pd.Timestamp("2025-03-29T12:00Z")
    with pytest.raises(ForecastError, match=r"no value of .* known at 2025-03-28"):
        written(tmp_path).fetch(*MARCH, pd.Timestamp("2025-03-28T00:00Z"))


def test_intensity_from_a_file(tmp_path: Path) -> None:
    file = written(tmp_path, "kg/kWh", stamp="end")
    assert (file.kind, file.name) == ("intensity", "file prices.csv")
    run = file.fetch(MARCH[0], MARCH[1], NOW)
    assert run.values[:3].tolist() == [1.0, 2.0, 3.0]
    assert run.issue_time is None
    assert set(run.available_at - run.valid_time) == {pd.Timedelta(hours=1)}
    with pytest.raises(ForecastError, match="unit 'ct' is unknown; accepted: a currency per MWh or kWh"):
        written(tmp_path, "ct").fetch(*MARCH, NOW)
