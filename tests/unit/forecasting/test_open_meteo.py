"""Against a server on this machine that speaks the documented format, errors included."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.errors import ForecastError
from forecasting.weather.base import UNITS, WeatherRun, stored
from forecasting.weather.open_meteo import ASKED, OpenMeteo

NOW = pd.Timestamp("2024-05-10T09:40Z")
START, END = pd.Timestamp("2024-05-10T16:00Z"), pd.Timestamp("2024-05-11T16:00Z")


@dataclass
class Service:
    """Answers in turn with (status, headers, body); a body None is the documented forecast; the last one stays."""

    answers: list[tuple[int, dict[str, str], str | None]] = field(default_factory=lambda: [(200, {}, None)])
    asked: list[dict[str, str]] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    hang_s: float = 0.0
    url: str = ""

    def next(self) -> tuple[int, dict[str, str], str | None]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def document(query: dict[str, str]) -> dict[str, Any]:
    kind = "hourly" if "hourly" in query else "minutely_15"
    step = "1h" if kind == "hourly" else "15min"
    first = NOW.normalize() - pd.Timedelta(days=int(query["past_days"]))
    last = NOW.normalize() + pd.Timedelta(days=int(query["forecast_days"]))
    times = pd.date_range(first, last, freq=step, inclusive="left")
    block: dict[str, Any] = {"time": [t.strftime("%Y-%m-%dT%H:%M") for t in times]}
    names = query[kind].split(",")
    for number, name in enumerate(names):
        block[name] = [(1000 if "pressure" in name else 0) + number + 0.25] * len(times)
    units = {"time": "iso8601"} | {name: UNITS[name] for name in names}
    return {
        "latitude": 39.79,
        "longitude": 116.5,
        "generationtime_ms": 0.1,
        "utc_offset_seconds": 0,
        "timezone": "UTC",
        f"{kind}_units": units,
        kind: block,
    }


@pytest.fixture
def service() -> Iterator[Service]:
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            state.asked.append(query | {"path": parts.path})
            state.agents.append(self.headers["User-Agent"])
            time.sleep(state.hang_s)
            status, headers, body = state.next()
            data = (json.dumps(document(query)) if body is None else body).encode()
            self.send_response(status)
            for name, value in (
                {"Content-Type": "application/json", "Content-Length": str(len(data))} | headers
            ).items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # the client may have given up
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(service: Service, pauses: list[float] | None = None, now: pd.Timestamp = NOW, **more: Any) -> WeatherRun:
    waits = pauses if pauses is not None else []
    provider = OpenMeteo(base_url=service.url, sleep=waits.append, **more)
    return provider.fetch(39.795, 116.506, START, END, now)


def changed(**what: Any) -> str:
    body = document({"hourly": ",".join(ASKED), "past_days": "0", "forecast_days": "3"})
    for key, value in what.items():
        if key == "block":
            body["hourly"] |= value
        elif key == "units":
            body["hourly_units"] |= value
        else:
            body[key] = value
    return json.dumps(body)


def test_what_is_asked_is_documented_and_what_comes_covers_the_day(service: Service) -> None:
    run = fetch(service)
    asked = service.asked[0]
    assert asked["path"] == "/v1/forecast"
    assert asked["hourly"].split(",") == list(ASKED)
    assert (asked["timezone"], asked["wind_speed_unit"], asked["latitude"]) == ("UTC", "ms", "39.7950")
    assert 2 <= int(asked["forecast_days"]) <= 16
    assert service.agents[0].startswith("parkwatt/")
    assert "(+https://pypi.org/project/parkwatt)" in service.agents[0]
    assert run.valid_time[0] <= START
    assert run.valid_time[-1] >= END
    assert run.issue_time == run.available_at == NOW
    assert set(run.columns) == set(ASKED)
    assert run.notes == ()


def test_quarter_hours_can_be_asked_for(service: Service) -> None:
    run = fetch(service, resolution="minutely_15")
    assert "minutely_15" in service.asked[0]
    assert (np.diff(run.valid_time) == pd.Timedelta("15min")).all()


def test_null_is_missing(service: Service) -> None:
    count = 3 * 24
    service.answers = [(200, {}, changed(block={"temperature_2m": [None] * count}))]
    run = fetch(service)
    assert np.isnan(run.columns["temperature_2m"]).all()
    assert np.isfinite(run.columns["surface_pressure"]).all()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again(service: Service, status: int) -> None:
    reason = json.dumps({"error": True, "reason": "Minutely API request limit exceeded."})
    service.answers = [(status, {}, reason), (status, {}, reason), (200, {}, None)]
    pauses: list[float] = []
    assert fetch(service, pauses).notes == ()
    again: list[float] = []
    service.answers = [(status, {}, reason), (status, {}, reason), (200, {}, None)]
    fetch(service, again)
    assert pauses == again  # the jitter is drawn from a fixed seed
    assert 1.0 < pauses[0] < 1.25
    assert 2.0 < pauses[1] < 2.5


def test_the_pause_that_the_service_asks_for_is_kept(service: Service) -> None:
    service.answers = [(429, {"Retry-After": "7"}, "{}"), (200, {}, None)]
    pauses: list[float] = []
    fetch(service, pauses)
    assert pauses == [7.0]


def test_a_pause_may_be_a_date_and_nonsense_is_passed_over(service: Service) -> None:
    dates = ["Wed, 21 Oct 2015 07:28:00 GMT", "later"]
    service.answers = [*((503, {"Retry-After": date}, "") for date in dates), (200, {}, None)]
    pauses: list[float] = []
    fetch(service, pauses)
    assert pauses[0] == 0.0
    assert 2.0 < pauses[1] < 2.5


def test_an_hour_is_not_waited_for(service: Service) -> None:
    service.answers = [(429, {"Retry-After": "3600"}, json.dumps({"error": True, "reason": "Daily limit exceeded."}))]
    pauses: list[float] = []
    with pytest.raises(ForecastError, match="429: Daily limit exceeded"):
        fetch(service, pauses)
    assert pauses == []
    assert len(service.asked) == 1


def test_a_refusal_says_why_and_is_not_repeated(service: Service) -> None:
    reason = "Latitude must be in range of -90 to 90°. Given: 139.0."
    service.answers = [(400, {}, json.dumps({"error": True, "reason": reason}))]
    with pytest.raises(ForecastError, match="refused, 400: Latitude must be in range"):
        fetch(service)
    assert len(service.asked) == 1


def test_an_error_inside_a_success_is_an_error(service: Service) -> None:
    service.answers = [(200, {}, json.dumps({"error": True, "reason": "no data"}))]
    with pytest.raises(ForecastError, match="refused: no data"):
        fetch(service)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("[1, 2]", "a list, not an object"),
        ("{}", "no 'hourly'"),
        (changed(utc_offset_seconds=28800), "28800 s off UTC"),
        (changed(block={"time": ["2024-05-10T00:00", "yesterday"]}), "not a rising list"),
        (changed(block={"time": ["2024-05-10T01:00", "2024-05-10T00:00"]}), "not a rising list"),
        (changed(block={"temperature_2m": [1.0]}), r"temperature_2m: 1 values for 72 times"),
        (changed(block={"temperature_2m": ["warm"] * 72}), "'warm' is not a number"),
        (
            changed(block={"shortwave_radiation": [-5.0] * 72}),
            r"shortwave_radiation: -5 W/m² is not between 0 and 1900",
        ),
        (changed(block={"surface_pressure": [float("inf")] * 72}), "surface_pressure: inf hPa is not between"),
        (changed(units={"wind_speed_10m": "km/h"}), "wind_speed_10m: unit 'km/h'; 'm/s' was asked for"),
        (changed(hourly={"time": ["2024-05-10T00:00"]}), "none of"),
    ],
)
def test_another_format_than_documented_is_refused(service: Service, body: str, says: str) -> None:
    service.answers = [(200, {}, body)]
    with pytest.raises(ForecastError, match=says):
        fetch(service)


def test_half_an_answer_is_tried_again(service: Service) -> None:
    service.answers = [(200, {}, changed()[:500]), (200, {}, None)]
    assert fetch(service).notes == ()
    assert len(service.asked) == 2


def test_a_hanging_service_is_given_up(service: Service) -> None:
    service.hang_s = 0.4
    with pytest.raises(ForecastError, match=r"no answer \(ReadTimeout\), and no earlier run"):
        fetch(service, timeout_s=0.05)
    service.hang_s = 0.0


def test_a_fresh_run_is_reused_and_an_old_one_is_not(service: Service, tmp_path: Path) -> None:
    first = fetch(service, cache_folder=tmp_path)
    again = fetch(service, cache_folder=tmp_path, now=NOW + pd.Timedelta("59min"))
    assert len(service.asked) == 1
    assert again.issue_time == first.issue_time
    fetch(service, cache_folder=tmp_path, now=NOW + pd.Timedelta("61min"))
    assert len(service.asked) == 2


def test_a_kept_run_of_fewer_days_does_not_serve(service: Service, tmp_path: Path) -> None:
    provider = OpenMeteo(base_url=service.url, cache_folder=tmp_path, sleep=lambda _: None)
    provider.fetch(39.795, 116.506, START, END, NOW)
    far = provider.fetch(39.795, 116.506, START, END + pd.Timedelta("8D"), NOW)
    assert len(service.asked) == 2
    assert far.valid_time[-1] > END + pd.Timedelta("8D")
    provider.fetch(39.795, 116.506, START, END, NOW)
    assert len(service.asked) == 2


def test_the_last_run_stands_in_when_the_service_is_down(service: Service, tmp_path: Path) -> None:
    first = fetch(service, cache_folder=tmp_path)
    service.answers = [(500, {}, json.dumps({"error": True, "reason": "down"}))]
    later = fetch(service, cache_folder=tmp_path, now=NOW + pd.Timedelta("5h"))
    assert later.issue_time == later.available_at == NOW  # it is no younger for being used late
    assert "answer 500: down; the run of 2024-05-10T09:40Z stands in" in later.notes[0]
    np.testing.assert_array_equal(later.columns["temperature_2m"], first.columns["temperature_2m"])


def test_a_run_of_the_future_or_of_another_place_does_not_stand_in(service: Service, tmp_path: Path) -> None:
    fetch(service, cache_folder=tmp_path)
    service.answers = [(500, {}, "")]
    with pytest.raises(ForecastError, match="no earlier run"):
        fetch(service, cache_folder=tmp_path, now=NOW - pd.Timedelta("1h"))
    provider = OpenMeteo(base_url=service.url, cache_folder=tmp_path, sleep=lambda _: None)
    with pytest.raises(ForecastError, match="no earlier run"):
        provider.fetch(10.0, 20.0, START, END, NOW)


def test_a_damaged_file_in_the_cache_is_passed_over(service: Service, tmp_path: Path) -> None:
    fetch(service, cache_folder=tmp_path)
    for path in tmp_path.iterdir():
        path.write_text("{", encoding="utf-8")
    fetch(service, cache_folder=tmp_path)
    assert len(service.asked) == 2


def test_days_out_of_reach_are_refused_before_asking(service: Service) -> None:
    provider = OpenMeteo(base_url=service.url)
    with pytest.raises(ForecastError, match="92 days back and 16 ahead"):
        provider.fetch(39.8, 116.5, NOW, NOW + pd.Timedelta("17D"), NOW)
    with pytest.raises(ForecastError, match="92 days back"):
        provider.fetch(39.8, 116.5, NOW - pd.Timedelta("100D"), NOW, NOW)
    with pytest.raises(ForecastError, match="not after the start"):
        provider.fetch(39.8, 116.5, END, START, NOW)
    assert service.asked == []


def test_nobody_there_is_said(tmp_path: Path) -> None:
    provider = OpenMeteo(base_url="http://127.0.0.1:9", cache_folder=tmp_path / "none", sleep=lambda _: None)
    with pytest.raises(ForecastError, match="ConnectError"):
        provider.fetch(39.8, 116.5, START, END, NOW)


def test_a_run_goes_into_the_archive_under_its_availability(service: Service) -> None:
    run = fetch(service)
    archive = stored(Archive.empty(), "park_weather", run)
    assert archive.as_of(NOW - pd.Timedelta("1s")).variables("park_weather") == ()
    assert set(archive.as_of(NOW).variables("park_weather")) == set(ASKED)
    odd = WeatherRun("x", NOW, NOW, run.valid_time, {"visibility": np.zeros(len(run.valid_time))})
    with pytest.raises(ForecastError, match=r"unknown columns \['visibility'\]"):
        stored(Archive.empty(), "park_weather", odd)
