from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest

from dispatch.errors import DataError
from dispatch.executor import NAMES, Executor, Failure, Result, executor
from tests.unit.dispatch.chunks import behave, noise, pid

RAY = pytest.param("ray", marks=[pytest.mark.slow, pytest.mark.timeout(300)])
RAY_WARNS = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")


def answers(runs_on: Executor, fn: Any, chunks: list[Any], deadline: float | None = None) -> dict[str, Any]:
    found = list(runs_on.map(fn, [(str(c), c) for c in chunks], deadline))
    assert sorted(name for name, _ in found) == sorted(str(c) for c in chunks), "every chunk answers once"
    return dict(found)


@RAY_WARNS
@pytest.mark.parametrize("name", ["processes", RAY])
def test_the_answers_are_the_same_bytes_wherever_they_are_made(name: str) -> None:
    here = answers(executor("serial"), noise, [1, 2, 3])
    assert here == {str(c): Result(noise(c)) for c in (1, 2, 3)}
    assert answers(executor(name, 2), noise, [1, 2, 3]) == here


@RAY_WARNS
@pytest.mark.parametrize("name", ["processes", RAY])
def test_each_chunk_starts_in_a_worker_of_its_own(name: str) -> None:
    found = {answer.value for answer in answers(executor(name, 1), pid, [1, 2]).values()}
    assert len(found) == 2


@RAY_WARNS
@pytest.mark.parametrize("name", ["processes", RAY])
def test_a_worker_that_dies_is_a_failure_of_its_chunk_alone(name: str) -> None:
    found = answers(executor(name, 2), behave, ["die", "well", "mistake", "bug"])
    assert found["well"] == Result("well")
    assert found["die"].reason == "died"
    assert found["mistake"] == Failure("raised", "column 'x' is missing", ours=True)
    assert found["bug"] == Failure("raised", "ZeroDivisionError: by zero")


def test_the_status_of_a_dead_worker_is_named() -> None:
    assert "status 9" in answers(executor("processes", 1), behave, ["die"])["die"].text


def test_errors_are_answers_when_nothing_is_started_either() -> None:
    found = answers(executor("serial"), behave, ["well", "mistake", "bug"])
    assert found == answers(executor("processes", 2), behave, ["well", "mistake", "bug"])


def test_what_is_not_done_at_the_deadline_is_a_failure_and_its_worker_ends() -> None:
    began = time.monotonic()
    found = answers(executor("processes", 1), behave, ["sleep", "well"], deadline=1.5)
    assert time.monotonic() - began < 20
    assert {answer.reason for answer in found.values()} == {"deadline"}
    assert answers(executor("serial"), behave, ["well"], deadline=-1.0)["well"].reason == "deadline"


def test_an_iterator_that_is_left_ends_its_workers() -> None:
    running = executor("processes", 2).map(behave, [("a", "well"), ("b", "sleep")])
    assert next(running)[0] == "a"
    began = time.monotonic()
    running.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 20


def test_no_such_executor() -> None:
    with pytest.raises(DataError, match="serial, processes, ray"):
        executor("threads")


def test_ray_is_imported_only_when_it_is_asked_for() -> None:
    code = "import sys, dispatch.executor as e; e.executor('ray'); assert 'ray' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert NAMES[-1] == "ray"
