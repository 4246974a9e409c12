from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.service.openadr import timing

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
START = datetime(2026, 3, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [("2026-03-01T07:00:00Z", START), ("2026-03-01T08:00:00+01:00", START), ("2026-03-01 07:00:00.000Z", START),
     ("0001-01-01", None), ("0001-01-01T00:00:00", None)],
)  # fmt: skip
def test_times_and_now(text: str, at: datetime | None) -> None:
    assert timing.moment(text) == at


@pytest.mark.parametrize(
    "text", ["2026-03-01", "2026-03-01T07:00:00", "2026-13-01T07:00:00Z", "9999-12-31T23:59:59-14:00", ""]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="accepted"):
        timing.moment(text)


@pytest.mark.parametrize(("text", "hours"), [("PT15M", 0.25), ("P1D", 24), ("P1W", 168), ("-PT1H", -1), ("PT0S", 0)])
def test_durations(text: str, hours: float) -> None:
    assert timing.length(text) == timedelta(hours=hours)


def test_for_ever_is_long() -> None:
    assert timing.length("P9999Y") == timing.length("P99999999D") == timing.FOREVER


@pytest.mark.parametrize("text", ["", "P", "PT", "15M", "PTM", "P1H"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="accepted"):
        timing.length(text)


@given(st.text(max_size=30))
def test_whatever_is_read_is_read_or_refused(text: str) -> None:
    for read in (timing.moment, timing.length):
        try:
            read(text)
        except ValueError:
            continue


def _event(intervals: list[dict[str, object]], **more: object) -> dict[str, object]:
    return {"intervals": [{"id": n, "payloads": [], **one} for n, one in enumerate(intervals)], **more}


def test_intervals_follow_each_other_from_the_events_start() -> None:
    event = _event([{}, {"intervalPeriod": {"duration": "PT30M"}}, {}],
                   intervalPeriod={"start": "2026-03-01T07:00:00Z", "duration": "PT15M"})  # fmt: skip
    found = [(one.start - START, one.end - START) for one in timing.timed(event, NOW) if one.end]
    minutes = [(0, 15), (15, 45), (45, 60)]
    assert found == [(timedelta(minutes=a), timedelta(minutes=b)) for a, b in minutes]


def test_an_interval_may_begin_anew_and_now() -> None:
    event = _event([{"intervalPeriod": {"start": "0001-01-01", "duration": "PT1H"}}, {}], intervalPeriod=None)
    assert [one.start for one in timing.timed(event, NOW)] == [NOW, NOW + timedelta(hours=1)]


def test_an_interval_that_says_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="interval 0 begins"):
        list(timing.timed(_event([{}]), NOW))


def test_a_span_is_from_the_first_to_the_last() -> None:
    period = {"start": "2026-03-01T07:00:00Z", "duration": "PT15M"}
    assert timing.span(_event([{}, {}], intervalPeriod=period), NOW) == (START, START + timedelta(minutes=30))
    assert timing.span(_event([{}], intervalPeriod=period, duration="PT2H"), NOW) == (START, START + timedelta(hours=2))
    assert timing.span(_event([{}], intervalPeriod={"start": "2026-03-01T07:00:00Z"}), NOW) == (START, None)
    assert timing.span(_event([{}]), NOW) is None
    assert timing.span(_event([]), NOW) is None
