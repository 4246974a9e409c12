"""Requests are sent again where that is safe, with one key for all attempts, and problems become exceptions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import AwareDatetime

from dispatch.client.calls import Call
from dispatch.client.model import Model, header
from dispatch.client.problems import (
    ConflictError,
    NotAcceptedError,
    NotFoundError,
    ProblemError,
    ServerFailedError,
    TooManyError,
    UnreachableError,
)
from dispatch.client.retries import Retry, asked_s
from dispatch.client.sending import AsyncSender, Sender
from dispatch.client.streams import Event
from tests.unit.dispatch.client.loops import run
from tests.unit.dispatch.client.scripted import Answer, Script, scripted

QUICK = Retry(attempts=3, first_s=0.001, longest_s=0.5)
POST = Call("POST", "/things", body=b"{}", keyed=True)
BREAK = Answer(0, breaks=True)


class Thing(Model):
    name: str
    made: AwareDatetime | None = None


def blocking(script: Script, call: Call, retry: Retry = QUICK) -> Any:
    with Sender(script.url, "pw_key", retry=retry) as sender:
        return sender.answer(call, Thing)


def awaited(script: Script, call: Call, retry: Retry = QUICK) -> Any:
    async def ask() -> Any:
        async with AsyncSender(script.url, "pw_key", retry=retry) as sender:
            return await sender.answer(call, Thing)

    return run(ask())


@pytest.fixture(params=[blocking, awaited], ids=["blocking", "asyncio"])
def ask(request: pytest.FixtureRequest) -> Callable[..., Any]:
    function: Callable[..., Any] = request.param
    return function


def thing(name: str = "a", **headers: str) -> Answer:
    return Answer(200, json.dumps({"name": name, "new": 1}).encode(), headers)


def refusal(status: int, kind: str = "about:blank", **headers: str) -> Answer:
    body = {"type": kind, "title": "T", "status": status, "detail": "D", "instance": "/x", "trace_id": "t",
            "errors": [{"pointer": "/a/0", "message": "wrong"}]}  # fmt: skip
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/problem+json", **headers})


def test_what_is_busy_is_asked_again_with_the_same_key(ask: Callable[..., Any]) -> None:
    with scripted(refusal(503), refusal(429, **{"Retry-After": "0"}), thing(ETag='"3"')) as script:
        answer = ask(script, POST)
    assert (answer.name, header(answer, "etag")) == ("a", '"3"')
    keys = script.headers("Idempotency-Key")
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert len(str(keys[0])) == 36
    assert script.headers("Authorization") == ["Bearer pw_key"] * 3


def test_two_requests_have_two_keys() -> None:
    with scripted(thing(), thing()) as script:
        blocking(script, POST)
        blocking(script, POST)
    assert len(set(script.headers("Idempotency-Key"))) == 2


def test_a_key_of_the_callers_is_kept() -> None:
    with scripted(thing()) as script:
        blocking(script, Call("POST", "/things", headers={"Idempotency-Key": "mine"}, keyed=True))
    assert script.headers("Idempotency-Key") == ["mine"]


def test_a_broken_connection_is_tried_again_where_that_is_safe(ask: Callable[..., Any]) -> None:
    with scripted(BREAK, Answer(200, b'{"na', breaks=True), thing()) as script:
        assert ask(script, POST).name == "a"
    with scripted(BREAK, thing()) as script:
        assert ask(script, Call("GET", "/things")).name == "a"


def test_what_may_have_been_done_is_not_sent_twice(ask: Callable[..., Any]) -> None:
    with scripted(BREAK, thing()) as script, pytest.raises(UnreachableError, match="POST /things"):
        ask(script, Call("POST", "/things", body=b"{}"))
    assert len(script.asked) == 1


def test_attempts_end(ask: Callable[..., Any]) -> None:
    with scripted(refusal(503), refusal(503), refusal(503)) as script, pytest.raises(ServerFailedError):
        ask(script, POST)
    assert len(script.asked) == 3
    with scripted(BREAK, BREAK, BREAK) as script, pytest.raises(UnreachableError):
        ask(script, POST)


def test_nobody_there_is_unreachable(ask: Callable[..., Any]) -> None:
    with pytest.raises(UnreachableError, match="ConnectError"):
        ask(Script([], "http://127.0.0.1:1"), POST)


def test_a_longer_wait_than_ours_is_told(ask: Callable[..., Any]) -> None:
    with scripted(refusal(429, **{"Retry-After": "60"})) as script, pytest.raises(TooManyError) as caught:
        ask(script, POST)
    assert caught.value.headers["retry-after"] == "60"


def test_a_request_under_way_is_waited_for(ask: Callable[..., Any]) -> None:
    with scripted(refusal(409, **{"Retry-After": "0"}), thing()) as script:
        assert ask(script, POST).name == "a"
    with scripted(refusal(409, "urn:parkwatt:problem:conflict")) as script, pytest.raises(ConflictError):
        ask(script, POST)


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFoundError), (422, NotAcceptedError), (412, ConflictError), (500, ServerFailedError)]
)
def test_problems_carry_what_the_standard_names(status: int, kind: type[ProblemError]) -> None:
    with scripted(refusal(status, "urn:x")) as script, pytest.raises(kind) as caught:
        blocking(script, POST)
    problem = caught.value
    assert (problem.type, problem.title, problem.status, problem.detail) == ("urn:x", "T", status, "D")
    assert (problem.instance, problem.more) == ("/x", {"trace_id": "t"})
    assert str(problem).splitlines()[1:] == ["  /a/0: wrong"]


def test_an_answer_that_is_no_problem_is_told_as_it_stands() -> None:
    with scripted(Answer(502, b"<html>bad gateway")) as script, pytest.raises(ServerFailedError, match="bad gateway"):
        blocking(script, POST, Retry(attempts=1))


def test_addresses_are_escaped_and_times_have_offsets() -> None:
    day = datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=8)))
    call = Call(
        "GET", "/sites/{name}/x", names={"name": "a/b ?é"}, query={"start": day, "asset": ["p", "q"], "no": None}
    )
    with scripted(thing()) as script:
        blocking(script, call)
    expected = "/sites/a%2Fb%20%3F%C3%A9/x?start=2026-03-01T00%3A00%3A00%2B08%3A00&asset=p&asset=q"
    assert script.asked[0][1] == expected
    with pytest.raises(ValueError, match="needs an offset"):
        Call("GET", "/", query={"start": datetime(2026, 3, 1)}).parameters  # noqa: B018, DTZ001 - what is refused


def test_no_content_is_none(ask: Callable[..., Any]) -> None:
    with scripted(Answer(204)) as script:
        assert ask(script, Call("DELETE", "/things")) is None


def test_retry_after_is_seconds_or_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 28 < (asked_s({"Retry-After": soon}) or 0) <= 30
    assert asked_s({"Retry-After": "2.5"}) == 2.5
    assert asked_s({"Retry-After": "soon"}) is None
    assert asked_s({}) is None


def test_waits_double_and_end() -> None:
    waits = list(Retry(attempts=6, first_s=1.0, longest_s=4.0).waits_s())
    bounds = [1, 2, 4, 4, 4]
    assert len(waits) == 5
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))


FIRST = b': hello\nretry: 10\nid: 7\nevent: progress\ndata: {"share":\ndata: 0.5}\n\nid: 8\ndata: lost'
REST = b"id: 8\nevent: done\ndata: {}\n\n"


def test_a_stream_goes_on_after_its_last_event() -> None:
    answers = Answer(200, FIRST, breaks=True), BREAK, Answer(200, REST)
    with scripted(*answers) as script, Sender(script.url, retry=QUICK) as sender:
        events = list(sender.events(Call("GET", "/events", accept="text/event-stream")))
    assert events == [Event("progress", '{"share":\n0.5}', "7"), Event("done", "{}", "8")]
    assert events[0].json() == {"share": 0.5}
    # The id of an event that never came to its end is no place to go on from.
    assert script.headers("Last-Event-ID") == [None, "7", "7"]


def test_a_stream_for_asyncio() -> None:
    async def gather(stream: AsyncIterator[Event]) -> list[Event]:
        return [event async for event in stream]

    async def ask(url: str) -> list[Event]:
        async with AsyncSender(url, retry=QUICK) as sender:
            return await gather(sender.events(Call("GET", "/events", accept="text/event-stream")))

    with scripted(refusal(503), Answer(200, FIRST, breaks=True), Answer(200, REST)) as script:
        assert [event.kind for event in run(ask(script.url))] == ["progress", "done"]
    with scripted(refusal(404)) as script, pytest.raises(NotFoundError):
        run(ask(script.url))


def test_a_stream_that_never_gets_anywhere_ends() -> None:
    with scripted(BREAK, BREAK, BREAK) as script, Sender(script.url, retry=QUICK) as sender:
        events = sender.events(Call("GET", "/events"))
        with pytest.raises(UnreachableError):
            list(events)
