"""Earlier runs, members and past forecasts of Open-Meteo, and the order in which providers stand in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.cases.services import documents
from benchmarks.cases.services.documents import NOW
from benchmarks.cases.services.local import Answer, Question, Script, serving
from forecasting.archive import Archive
from forecasting.errors import ForecastError, UnavailableError
from forecasting.weather.base import CATALOGUE, WeatherRun, stored
from forecasting.weather.fallback import Fallback
from forecasting.weather.named import named
from forecasting.weather.open_meteo import OpenMeteo
from forecasting.weather.open_meteo_ensemble import Ensemble
from forecasting.weather.open_meteo_historical import HistoricalForecast
from forecasting.weather.open_meteo_previous import PreviousRuns

START, END = pd.Timestamp("2024-05-10T22:00Z"), pd.Timestamp("2024-05-12T22:00Z")
HOUR = pd.Timedelta(hours=1)


def with_starts(question: Question) -> str:
    """Previous runs whose value says when the model of that value started: hours since May, the latest it may be."""
    body = json.loads(documents.open_meteo(question))
    valid = pd.to_datetime(body["hourly"]["time"], utc=True)
    hours = np.asarray((valid - pd.Timestamp("2024-05-01", tz="UTC")) / HOUR)
    for day in range(8):
        name = "wind_speed_10m" if day == 0 else f"wind_speed_10m_previous_day{day}"
        if name in body["hourly"]:
            body["hourly"][name] = ((hours - 24 * day) / 10).tolist()
    return json.dumps(body)


def model_start(run: WeatherRun) -> pd.DatetimeIndex:
    hours = np.round(run.columns["wind_speed_10m"] * 10)
    return pd.DatetimeIndex(pd.Timestamp("2024-05-01", tz="UTC") + pd.to_timedelta(hours, unit="h"))


def test_a_previous_run_holds_nothing_that_was_computed_after_it() -> None:
    with serving(Script(with_starts)) as script:
        provider = PreviousRuns(base_url=script.url, lead_days=3)
        latest = provider.fetch(52.5, 13.4, START, END, NOW)
        runs = list(provider.runs(52.5, 13.4, NOW - pd.Timedelta(days=4), NOW, NOW, every_h=6))
    assert latest.issue_time == pd.Timestamp("2024-05-10T02:00Z")  # 7 h before now, and whole
    assert latest.available_at == NOW
    for run in (latest, *runs):
        assert (model_start(run) <= run.issue_time).all()
        # … and not older than it must be: a whole day before is in the run with the next smaller lead day.
        assert (model_start(run) > run.issue_time - pd.Timedelta(days=1)).all()
    assert {run.available_at - run.issue_time for run in runs} == {pd.Timedelta(hours=7)}
    issued = pd.DatetimeIndex([run.issue_time for run in runs])
    assert (np.diff(issued) == 6 * HOUR).all()
    assert issued[0] == (NOW - pd.Timedelta(days=4)).ceil("h")
    assert runs[0].valid_time[0] > issued[0]
    assert runs[0].valid_time[-1] <= issued[0] + pd.Timedelta(days=3)


def test_previous_runs_go_into_the_archive_under_their_issue_times() -> None:
    archive = Archive.empty()
    with serving(Script(with_starts)) as script:
        provider = PreviousRuns(base_url=script.url, lead_days=2)
        for run in provider.runs(52.5, 13.4, NOW - pd.Timedelta(days=3), NOW, NOW):
            archive = stored(archive, "park", run)
    at = pd.Timestamp("2024-05-08T12:00Z")  # the run of 10:00 comes at 17:00
    known = archive.as_of(at).runs("park", "wind_speed_10m")
    assert len(known) == 1
    assert known[0].available_ns <= at.value


def test_long_histories_are_asked_for_in_parts() -> None:
    now = pd.Timestamp("2024-12-01T00:00Z")
    with serving(Script(documents.open_meteo)) as script:
        provider = PreviousRuns(base_url=script.url, lead_days=1)
        runs = list(provider.runs(52.5, 13.4, now - pd.Timedelta(days=200), now, now, every_h=24))
    assert len(script.asked) == 3
    issued = pd.DatetimeIndex([run.issue_time for run in runs])
    assert (np.diff(issued) == pd.Timedelta(days=1)).all()
    assert len(runs) >= 199


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [(END, START, "is not after the start"), (pd.Timestamp("2023-06-01T00Z"), END, "before 2024-01-01")],
)
def test_previous_runs_out_of_reach(start: pd.Timestamp, end: pd.Timestamp, says: str) -> None:
    with pytest.raises(ForecastError, match=says):
        PreviousRuns().fetch(52.5, 13.4, start, end, NOW)
    with pytest.raises(ForecastError, match="lead_days 9; accepted: 1 … 7"):
        PreviousRuns(lead_days=9)


def test_a_previous_run_without_any_value_is_no_run() -> None:
    def empty(question: Question) -> str:
        body = json.loads(documents.open_meteo(question))
        hourly = {name: [None] * len(values) for name, values in body["hourly"].items()}
        body["hourly"] = hourly | {"time": body["hourly"]["time"]}
        return json.dumps(body)

    with (
        serving(Script(empty)) as script,
        pytest.raises(ForecastError, match="no value for a run of 2024-05-10T02:00Z"),
    ):
        PreviousRuns(base_url=script.url).fetch(52.5, 13.4, START, END, NOW)


def test_each_member_is_a_run_of_its_own() -> None:
    with serving(Script(documents.ensemble)) as script:
        members = Ensemble(base_url=script.url, model="gfs_seamless").members(52.5, 13.4, START, END, NOW)
        control = Ensemble(base_url=script.url).fetch(52.5, 13.4, START, END, NOW)
    assert script.asked[0].path == "/v1/ensemble"
    assert script.asked[0].query["models"] == "gfs_seamless"
    assert [run.member for run in members] == [0, 1, 2]
    assert [run.columns["wind_speed_10m"][0] for run in members] == [0, 1, 2]
    assert control.member == 0
    archive = Archive.empty()
    for run in members:
        archive = stored(archive, "park", run)
    known = archive.as_of(NOW)
    assert [known.runs("park", "wind_speed_10m", member)[0].value[0] for member in range(3)] == [0, 1, 2]


def test_members_without_a_control_run_are_refused() -> None:
    def headless(question: Question) -> str:
        body = json.loads(documents.ensemble(question))
        body["hourly"] = {k: v for k, v in body["hourly"].items() if k == "time" or "_member" in k}
        return json.dumps(body)

    with serving(Script(headless)) as script, pytest.raises(ForecastError, match=r"no control run .* \[1, 2\]"):
        Ensemble(base_url=script.url).fetch(52.5, 13.4, START, END, NOW)


def test_past_forecasts_count_as_known_when_fetched() -> None:
    start = pd.Timestamp("2023-03-01T00:00Z")
    with serving(Script(documents.open_meteo)) as script:
        provider = HistoricalForecast(base_url=script.url)
        run = provider.fetch(52.5, 13.4, start, start + pd.Timedelta(days=40), NOW)
    assert run.available_at == run.issue_time == NOW
    assert run.valid_time[0] == start
    for period, says in (((END, START), "not after"), ((pd.Timestamp("2019-01-01T00Z"), END), "before 2022-01-01")):
        with pytest.raises(ForecastError, match=says):
            provider.fetch(52.5, 13.4, *period, NOW)


def test_sums_are_per_hour_whatever_the_step() -> None:
    def rain(question: Question) -> str:
        body = json.loads(documents.open_meteo(question))
        body["minutely_15"]["precipitation"] = [0.5] * len(body["minutely_15"]["time"])
        return json.dumps(body)

    with serving(Script(rain)) as script:
        run = OpenMeteo(base_url=script.url, resolution="minutely_15").fetch(52.5, 13.4, START, END, NOW)
    assert run.columns["precipitation"][0] == 2.0
    assert CATALOGUE["precipitation"].over == "sum"


def test_a_customer_key_goes_to_the_customers_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPEN_METEO_API_KEY", "k")
    assert OpenMeteo().service.base_url == "https://customer-api.open-meteo.com"
    assert PreviousRuns().service.base_url == "https://customer-previous-runs-api.open-meteo.com"
    assert OpenMeteo(base_url="http://own").service.base_url == "http://own"
    monkeypatch.delenv("OPEN_METEO_API_KEY")
    assert OpenMeteo().service.base_url == "https://api.open-meteo.com"


def test_names_make_providers(tmp_path: Path) -> None:
    one = named(["previous-runs"], folder=tmp_path, base_url="http://own")
    assert isinstance(one, PreviousRuns)
    assert one.base_url == "http://own"
    chain = named(["open-meteo", "tmy:year.epw"], folder=tmp_path, cache_folder=tmp_path)
    assert chain.name == "open-meteo, then typical year year.epw"
    with pytest.raises(ForecastError, match=r"year\.epw"):
        named(["tmy:year.epw"], folder=tmp_path).fetch(52.5, 13.4, START, END, NOW)
    with pytest.raises(ForecastError, match=r"'dwd' is not known; accepted: open-meteo, .*, tmy:FILE"):
        named(["dwd"], folder=tmp_path)
    with pytest.raises(ForecastError, match="a provider can only stand once"):
        named(["ensemble", "ensemble"], folder=tmp_path)


@dataclass
class Given:
    """A provider with a run of its own, or an error."""

    name: str
    columns: dict[str, float] | None
    freq: str = "1h"
    until: pd.Timestamp = END + HOUR
    asked: list[tuple[object, ...]] = field(default_factory=list)
    error: ForecastError = field(default_factory=lambda: ForecastError("nobody there"))

    def fetch(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> WeatherRun:
        self.asked.append((latitude, longitude, start, end, now))
        if self.columns is None:
            raise self.error
        valid = pd.date_range(start - HOUR, self.until, freq=self.freq)
        columns = {name: np.full(len(valid), value) for name, value in self.columns.items()}
        return WeatherRun(self.name, now - HOUR, now - HOUR / 2, valid, columns, (f"note of {self.name}",))


FULL = {"temperature_2m": 1.0, "wind_speed_10m": 1.0, "shortwave_radiation": 1.0}


def ask(*providers: Given, **more: object) -> WeatherRun:
    return Fallback(tuple(providers), **more).fetch(52.5, 13.4, START, END, NOW)  # type: ignore[arg-type]


def test_the_first_that_covers_answers_and_the_others_are_left_alone() -> None:
    second = Given("b", FULL)
    run = ask(Given("a", FULL), second)
    assert (run.provider, run.notes) == ("a", ("note of a",))
    assert second.asked == []


def test_who_did_not_answer_is_said() -> None:
    run = ask(Given("a", None), Given("b", FULL))
    assert run.provider == "b"
    assert run.notes == ("weather: b answers, as others did not: a: nobody there", "note of b")
    with pytest.raises(ForecastError, match="no weather from any provider: a: nobody there; b: nobody there"):
        ask(Given("a", None), Given("b", None))
    assert Fallback((Given("a", None), Given("b", None))).name == "a, then b"
    with pytest.raises(ForecastError, match="no provider given"):
        Fallback(())


def test_only_where_nobody_could_be_reached_it_is_called_an_outage() -> None:
    """A file that is wrong has to be mended, a service that is silent only be waited for."""
    silent = Given("a", None, error=UnavailableError("no answer"))
    with pytest.raises(UnavailableError, match="a: no answer; b: no answer"):
        ask(silent, Given("b", None, error=UnavailableError("no answer")))
    with pytest.raises(ForecastError) as told:
        ask(silent, Given("b", None))
    assert not isinstance(told.value, UnavailableError)


def test_a_variable_that_lacks_comes_whole_from_the_next() -> None:
    run = ask(
        Given("a", {"temperature_2m": 1.0, "wind_speed_10m": np.nan}), Given("b", {**FULL, "wind_speed_10m": 2.0})
    )
    assert set(run.columns["temperature_2m"]) == {1.0}
    assert set(run.columns["wind_speed_10m"]) == {2.0}
    assert "weather: wind_speed_10m, shortwave_radiation from b, which a lacks" in run.notes


def test_other_steps_do_not_fill_and_what_nobody_has_is_said() -> None:
    run = ask(Given("a", {"temperature_2m": 1.0}, "15min"), Given("b", FULL))
    assert set(run.columns) == {"temperature_2m"}
    assert "weather of b has wind_speed_10m, shortwave_radiation on other steps than a; not used" in run.notes
    assert "weather: no provider has wind_speed_10m, shortwave_radiation" in run.notes


def test_a_run_that_ends_early_gives_way_and_serves_where_none_is_longer() -> None:
    early, later = START + 10 * HOUR, START + 20 * HOUR
    run = ask(Given("a", FULL, until=early), Given("b", FULL))
    assert run.provider == "b"
    assert "weather of a ends at 2024-05-11T08:00Z, before 2024-05-12T22:00Z" in run.notes[0]
    assert ask(Given("a", FULL, until=early), Given("b", FULL, until=later)).provider == "b"
    assert ask(Given("a", FULL, until=later), Given("b", FULL, until=early)).provider == "a"


def test_down_means_the_previous_run_answers() -> None:
    with serving(Script(documents.open_meteo, [Answer(503)])) as down, serving(Script(documents.open_meteo)) as up:
        chain = Fallback(
            (OpenMeteo(base_url=down.url, sleep=lambda _: None), PreviousRuns(base_url=up.url)),
        )
        run = chain.fetch(52.5, 13.4, START, END, NOW)
    assert run.provider == "previous-runs"
    assert "answer 503" in run.notes[0]
