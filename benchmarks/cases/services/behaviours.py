"""What every provider must do, shown against the server on this machine; AssertionError where one does not."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.cases.services.documents import NOW
from benchmarks.cases.services.local import Answer, Script, serving
from benchmarks.cases.services.probes import KEYS, Got, Probe
from forecasting import fetching
from forecasting.errors import AnswerError, ForecastError, UnavailableError

Behaviour = Callable[[Probe], None]
WEB_PAGE = "<!DOCTYPE html><html><head><title>Log in</title></head><body>Welcome to the guests' network</body></html>"


@contextmanager
def keys() -> Iterator[None]:
    """Made-up keys in the environment while the block runs."""
    before = {name: os.environ.get(name) for name in KEYS}
    os.environ.update(KEYS)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def ask(
    probe: Probe, *answers: Answer, change: Callable[[str], str] | None = None, **settings: Any
) -> tuple[Got, Script]:
    """What the provider makes of these answers, the last one for ever, and what was asked."""
    document = probe.document if change is None else (lambda question: change(probe.document(question)))
    with keys(), serving(Script(document, list(answers) or [Answer()])) as script:
        return probe.fetch(script.url, **settings), script


def told(probe: Probe, *answers: Answer, change: Callable[[str], str] | None = None, **settings: Any) -> ForecastError:
    """The error in which asking ends; its text names the service."""
    found: ForecastError | None = None
    try:
        ask(probe, *answers, change=change, **settings)
    except ForecastError as error:
        found = error
    assert found is not None, "no error, but an answer"
    assert "http://127.0.0.1" in str(found), f"the service is not named in: {found}"
    assert not any(key in str(found) for key in KEYS.values()), f"a key in: {found}"
    return found


def documented(probe: Probe) -> None:
    """The documented answer gives finite numbers, none of them known later than now, and no notes."""
    got, script = ask(probe)
    assert np.isfinite(got.values).all(), got.values
    assert len(got.values) >= 24
    assert got.available_at <= NOW
    assert got.notes == ()
    assert all(question.headers["user-agent"].startswith("parkwatt/") for question in script.asked)


def waits_as_asked(probe: Probe) -> None:
    pauses: list[float] = []
    busy = Answer(429, "{}", headers=(("Retry-After", "7"),))
    got, _ = ask(probe, busy, Answer(), sleep=pauses.append)
    assert pauses == [7.0]
    assert np.isfinite(got.values).all()


def does_not_wait_an_hour(probe: Probe) -> None:
    pauses: list[float] = []
    busy = Answer(429, "{}", headers=(("Retry-After", "3600"),))
    error = told(probe, busy, sleep=pauses.append)
    assert isinstance(error, UnavailableError)
    assert pauses == []
    assert "429" in str(error)


def tries_again(probe: Probe) -> None:
    pauses: list[float] = []
    _, script = ask(probe, Answer(500, "oops"), Answer(503, ""), Answer(), sleep=pauses.append)
    assert 1 <= pauses[0] < 1.25
    assert 2 <= pauses[1] < 2.5
    assert len(script.asked) >= 3


def gives_up(probe: Probe) -> None:
    pauses: list[float] = []
    error = told(probe, Answer(502, WEB_PAGE), sleep=pauses.append)
    assert isinstance(error, UnavailableError)
    assert "answer 502" in str(error)
    assert len(pauses) == fetching.ATTEMPTS - 1


def cut_off(probe: Probe) -> None:
    """A connection closed in the middle of the body is tried again."""
    got, _ = ask(probe, Answer(sent=0.5), Answer())
    assert np.isfinite(got.values).all()
    error = told(probe, Answer(sent=0.5))
    assert "RemoteProtocolError" in str(error), error


def half_a_document(probe: Probe) -> None:
    """A body that ends too early though the connection did not."""

    def half(text: str) -> str:
        return text[: len(text) // 2]

    error = told(probe, change=half)
    assert isinstance(error, UnavailableError)
    assert "is not" in str(error)
    assert "whole" in str(error)


def web_page(probe: Probe) -> None:
    """A login page of the network in between, with status 200."""
    error = told(probe, Answer(200, WEB_PAGE))
    assert isinstance(error, UnavailableError)
    assert "web page" in str(error)


def silence(probe: Probe) -> None:
    error = told(probe, Answer(pause_s=0.15), timeout_s=0.03)
    assert isinstance(error, UnavailableError)
    assert "no answer (ReadTimeout)" in str(error)


def refused(probe: Probe) -> None:
    """A documented refusal is told with the service's own reason and not repeated."""
    status, body, says = probe.refusal
    pauses: list[float] = []
    error = told(probe, Answer(status, body), sleep=pauses.append)
    assert says in str(error), error
    assert str(status) in str(error)
    assert pauses == []
    assert not isinstance(error, UnavailableError)


def another_unit(probe: Probe) -> None:
    change, says = probe.spoilt
    error = told(probe, change=change)
    assert says in str(error), error


def a_hole(probe: Probe) -> None:
    """A missing interval stays missing, never a neighbour's value or zero, and is told."""
    whole, _ = ask(probe)
    got, _ = ask(probe, change=probe.holed)
    assert len(got.values) == len(whole.values)
    assert 1 <= np.isnan(got.values).sum() <= 3
    known = np.isfinite(got.values)
    assert np.array_equal(got.values[known], whole.values[known])
    assert any("missing" in note for note in got.notes), got.notes


def twice(probe: Probe) -> None:
    """An interval that comes twice with two values, or whose place cannot be read, is refused."""
    error = told(probe, change=probe.doubled)
    assert isinstance(error, AnswerError), error


def nulls(probe: Probe) -> None:
    if probe.emptied is None:
        return a_hole(probe)
    got, _ = ask(probe, change=probe.emptied)
    assert 1 <= np.isnan(got.values).sum() <= 3
    return None


def stands_in(probe: Probe) -> None:
    """When the service is down the last good answer serves, as old as it is, with a note; garbage is not kept."""
    with TemporaryDirectory() as folder, keys(), serving(Script(probe.document)) as script:
        kept = {"cache_folder": Path(folder)}
        first = probe.fetch(script.url, **kept)
        asked = len(script.asked)
        again = probe.fetch(script.url, NOW + pd.Timedelta(minutes=5), **kept)
        assert len(script.asked) - asked <= 1  # what says that there is no more is not kept
        assert np.array_equal(again.values, first.values, equal_nan=True)
        for broken in (Answer(503, "down"), Answer(200, WEB_PAGE)):
            script.answers = [broken]
            files = sorted(path.name for path in Path(folder).iterdir())
            assert not any(key in name for name in files for key in KEYS.values())
            late = probe.fetch(script.url, NOW + pd.Timedelta(minutes=40), fresh_for_min=10, **kept)
            assert np.array_equal(late.values[: len(first.values)], first.values[: len(late.values)], equal_nan=True)
            assert any("stands in" in note for note in late.notes), late.notes
            assert sorted(path.name for path in Path(folder).iterdir()) == files


def keeps_keys_to_itself(probe: Probe) -> None:
    """No key in what is kept, nor in what is logged at any level."""
    lines: list[str] = []
    log, listener = logging.getLogger(), logging.Handler()
    listener.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    level = log.level
    log.addHandler(listener)
    log.setLevel(logging.DEBUG)
    try:
        with TemporaryDirectory() as folder:
            ask(probe, cache_folder=Path(folder))
            held = [path.name + path.read_text(encoding="utf-8") for path in Path(folder).iterdir()]
    finally:
        log.removeHandler(listener)
        log.setLevel(level)
    assert held
    for key in KEYS.values():
        assert not any(key in text for text in held)
        assert not any(key in line for line in lines)


def sends_its_key(probe: Probe) -> None:
    """The key reaches the service, where it documents one."""
    _, script = ask(probe)
    needs = {"entsoe": "ENTSOE_API_KEY", "electricity-maps": "ELECTRICITY_MAPS_API_KEY"}
    needs |= dict.fromkeys(("open-meteo", "previous-runs", "ensemble", "historical-forecast"), "OPEN_METEO_API_KEY")
    name = next((key for start, key in needs.items() if probe.name.startswith(start)), None)
    for question in script.asked:
        sent = (*question.query.values(), *question.headers.values())
        assert name is None or KEYS[name] in sent
        assert not any(key in sent for other, key in KEYS.items() if other != name)


BEHAVIOURS: tuple[Behaviour, ...] = (
    documented,
    sends_its_key,
    waits_as_asked,
    does_not_wait_an_hour,
    tries_again,
    gives_up,
    cut_off,
    half_a_document,
    web_page,
    silence,
    refused,
    another_unit,
    a_hole,
    twice,
    nulls,
    stands_in,
    keeps_keys_to_itself,
)
