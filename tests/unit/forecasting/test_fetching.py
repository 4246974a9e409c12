"""The one way to services: what the providers' common tests do not reach."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.cases.services.local import Answer, Question, Script, serving
from forecasting import fetching
from forecasting.errors import AnswerError, ForecastError, UnavailableError
from forecasting.fetching import Ask, Service
from forecasting.replies import reason_in

NOW = pd.Timestamp("2024-05-10T09:40Z")


def document(_: Question) -> str:
    return json.dumps({"value": 1})


def service(script: Script, pauses: list[float] | None = None, **more: object) -> Service:
    waits = pauses if pauses is not None else []
    return Service("numbers", script.url, sleep=waits.append, **more)  # type: ignore[arg-type]


def test_pauses_depend_on_the_question_and_the_seed_alone() -> None:
    with serving(Script(document, [Answer(503)])) as script:
        runs: list[list[float]] = [[], [], []]
        for found, seed in zip(runs, (0, 0, 1), strict=True):
            with pytest.raises(UnavailableError):
                service(script, found, seed=seed).json(Ask("/a", {}))
    assert len(runs[0]) == fetching.ATTEMPTS - 1
    assert runs[0] == runs[1] != runs[2]
    assert all(2**k <= pause < 1.25 * 2**k for k, pause in enumerate(runs[0]))


def test_the_deadline_ends_a_body_that_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "ATTEMPTS", 1)
    dripping = Answer(body=json.dumps({"value": "x" * 200}), drip_s=0.01)
    with (
        serving(Script(document, [dripping])) as script,
        pytest.raises(UnavailableError, match=r"no whole answer within 0\.1 s"),
    ):
        service(script, deadline_s=0.1).json(Ask("/a", {}))


def test_no_pause_reaches_beyond_the_deadline() -> None:
    pauses: list[float] = []
    with serving(Script(document, [Answer(503)])) as script, pytest.raises(UnavailableError, match="answer 503"):
        service(script, pauses, deadline_s=2.9).json(Ask("/a", {}))
    assert len(pauses) == 2  # 1 s and 2 s fit (nothing really sleeps here), 4 s does not


def test_an_endless_answer_is_refused_and_not_asked_again() -> None:
    with serving(Script(document, [Answer(body="[" + "1," * 500 + "1]")])) as script:
        with pytest.raises(AnswerError, match="longer than 200 bytes"):
            service(script, most_bytes=200).json(Ask("/a", {}))
        assert len(script.asked) == 1


def test_a_service_that_moved_is_not_followed_with_the_key() -> None:
    moved = Answer(301, "", headers=(("Location", "https://elsewhere.example/v2?token=secret-1"),))
    with (
        serving(Script(document, [moved])) as script,
        pytest.raises(ForecastError, match=r"answer 301, it has moved to elsewhere\.example") as told,
    ):
        service(script, secret_query={"token": "secret-1"}).json(Ask("/a", {}))
    assert "secret-1" not in str(told.value)


@pytest.mark.parametrize("address", ["not an address", "ftp://example.org", "http://", ""])
def test_an_address_that_is_none_is_said(address: str) -> None:
    with pytest.raises(ForecastError, match="is not an address; give one that begins with https"):
        Service("numbers", address).json(Ask("/a", {}))


def test_a_password_in_the_address_is_not_shown(tmp_path: Path) -> None:
    with serving(Script(document, [Answer(), Answer(404, "{}")])) as script:
        with_password = script.url.replace("http://", "http://me:pass-word@")
        asked = Service("numbers", with_password, cache_folder=tmp_path)
        asked.fetched(Ask("/a", {}), NOW, 0, lambda body: body)
        with pytest.raises(ForecastError, match="request refused, 404") as told:
            asked.json(Ask("/a", {}))
    assert "pass-word" not in str(told.value)
    assert all("pass-word" not in path.name + path.read_text("utf-8") for path in tmp_path.iterdir())


def test_a_key_is_blotted_out_of_logs_and_of_what_the_service_says(caplog: pytest.LogCaptureFixture) -> None:
    refusal = Answer(403, json.dumps({"message": "token secret-1 has expired"}))
    with caplog.at_level(logging.DEBUG), serving(Script(document, [refusal])) as script:
        asked = service(script, secret_query={"token": "secret-1"}, key_from="THE_KEY")
        with pytest.raises(ForecastError, match=r"403: token … has expired; its key comes from THE_KEY"):
            asked.json(Ask("/a", {}))
    assert script.asked[0].query["token"] == "secret-1"
    assert "secret-1" not in caplog.text
    assert "secret-1" not in repr(asked)
    assert "/a" in caplog.text


def test_only_the_latest_answers_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "KEPT_ANSWERS", 3)
    with serving(Script(document)) as script:
        asked = service(script, cache_folder=tmp_path)
        for hour in range(6):
            asked.fetched(Ask("/a", {"q": "1"}), NOW + pd.Timedelta(hours=hour), 10, lambda body: body)
        other = asked.fetched(Ask("/b", {"q": "1"}), NOW, 10, lambda body: body)
    assert len(list(tmp_path.iterdir())) == 4
    assert other.value == {"value": 1}


def test_what_stands_in_is_checked_again(tmp_path: Path) -> None:
    def strict(body: dict[str, int]) -> int:
        if "value" not in body:
            raise AnswerError("no value")
        return body["value"]

    with serving(Script(document, [Answer(), Answer(body="{}")])) as script:
        asked = service(script, cache_folder=tmp_path)
        asked.fetched(Ask("/a", {}), NOW, 0, strict)
        late = asked.fetched(Ask("/a", {}), NOW + pd.Timedelta(hours=1), 0, strict)
        assert late.value == 1
        assert late.at == NOW
        assert late.notes == ("no value; the run of 2024-05-10T09:40Z stands in",)
        next(tmp_path.glob("*.json")).write_text(json.dumps({"query": {}, "issue_time": str(NOW), "body": {}}))
        with pytest.raises(AnswerError, match="no earlier run is kept"):
            asked.fetched(Ask("/a", {}), NOW + pd.Timedelta(hours=1), 0, strict)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"error": true, "reason": "Daily limit"}', "Daily limit"),
        ('{"error": {"code": "400 Bad Request", "message": "Enter a date"}}', "Enter a date"),
        ('{"error": "Invalid auth-token"}', "Invalid auth-token"),
        (
            '{"detail": [{"loc": ["query", "bzn"], "msg": "field required"}, {"msg": "no end"}]}',
            "field required; no end",
        ),
        ("<a><Reason><code>999</code><text>No\n  data</text></Reason></a>", "No data"),
        ("Access denied", "Access denied"),
        ("<html><body>Bad gateway</body></html>", ""),
        ('{"half": ', ""),
        ("{}", ""),
        ("x" * 1000, "x" * 300),
    ],
)
def test_what_an_error_says_is_found(text: str, says: str) -> None:
    assert reason_in(text) == says
