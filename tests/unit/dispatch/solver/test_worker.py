"""A process that is asked, watched and killed; what it prints and how it ends never reaches the caller unasked."""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dispatch.errors import InfeasibleError, SolveError
from dispatch.solver.worker import Worker


def double(value: Any, *, improved: Callable[[Any], None]) -> Any:
    return value * 2


def talks(value: int, *, improved: Callable[[Any], None]) -> int:
    print("to the standard output")  # noqa: T201 - what a library may do
    os.write(1, b"past Python\n")
    for found in range(value):
        improved(found)
    return value


def contradicts(value: int, *, improved: Callable[[Any], None]) -> None:
    raise (InfeasibleError if value else SolveError)("no point, says the text of both: Infeasible")


def stops(value: int, *, improved: Callable[[Any], None]) -> None:
    improved(value)
    sys.exit(value)


def sleeps(seconds: float, *, improved: Callable[[Any], None]) -> float:
    improved("asleep")
    time.sleep(seconds)
    return seconds


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker() as started:
        yield started


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_answers_again_and_again_from_one_process(worker: Worker):
    assert worker.call(double, 21, seconds=60).result == 42
    pid = worker.pid
    large = worker.call(double, b"x" * 5_000_000, seconds=60)
    assert (len(large.result), worker.pid) == (10_000_000, pid)
    assert pid != os.getpid()


def test_a_contradiction_is_told_from_other_failures(worker: Worker):
    assert [worker.call(contradicts, value, seconds=60).infeasible for value in (1, 0)] == [True, False]


def test_what_is_printed_there_does_not_disturb_the_replies(worker: Worker):
    call = worker.call(talks, 3, seconds=60)
    assert (call.result, call.improved, call.failed) == (3, [0, 1, 2], "")


def test_time_that_is_over_ends_the_process_and_keeps_what_it_found(worker: Worker):
    assert worker.ready(60)
    pid, began = worker.pid, time.monotonic()
    call = worker.call(sleeps, 3600.0, seconds=3.0)
    assert time.monotonic() - began < 10
    assert call.clock_fired
    assert call.improved == ["asleep"]
    assert "3 s" in call.failed
    assert pid is not None
    assert not alive(pid)
    assert worker.call(double, 1, seconds=60).result == 2


def test_an_exit_is_told_and_the_next_call_has_a_new_process(worker: Worker):
    call = worker.call(stops, 7, seconds=60)
    assert (call.result, call.improved, call.clock_fired) == (None, [7], False)
    assert call.failed == "the solver's process ended (7)"
    assert worker.call(double, 1, seconds=60).result == 2


def test_what_cannot_travel_is_an_error_of_the_caller_and_of_no_process(worker: Worker):
    with pytest.raises((AttributeError, pickle.PicklingError)):
        worker.call(lambda **_: None, seconds=60)
    assert worker.call(double, 1, seconds=60).result == 2


def test_a_function_that_is_not_there_is_told(worker: Worker):
    call = worker.call(double, seconds=60)
    assert "TypeError" in call.failed


def test_no_time_to_start_is_told_and_leaves_nothing_behind():
    with Worker() as worker:
        call = worker.call(double, 1, seconds=0.0)
        assert call.clock_fired
        assert "did not start" in call.failed
        pid = worker.pid
    assert pid is not None
    assert not alive(pid)


def test_closing_twice_or_before_the_start_is_nothing():
    worker = Worker()
    worker.close()
    worker.start()
    pid = worker.pid
    worker.close()
    worker.close()
    assert pid is not None
    assert not alive(pid)
