from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dispatch.errors import DataError
from dispatch.executor import NAMES, Executor, Failure, How, Result, executor
from tests.unit.dispatch.chunks import behave, dies_first, environment, noise, pid, raises

RAY = pytest.param("ray", marks=[pytest.mark.slow, pytest.mark.timeout(300)])
RAY_WARNS = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def _one_ray(request: pytest.FixtureRequest) -> None:
    """Tests of several executors share one Ray."""
    if "ray" in getattr(request.node, "callspec", SimpleNamespace(params={})).params.values():
        request.getfixturevalue("shared_ray")


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


def test_reused_workers_give_the_same_bytes_and_take_one_chunk_after_the_other() -> None:
    runs_on = executor("processes", 2, How(warm=True))
    here = answers(executor("serial"), noise, list(range(8)))
    assert answers(runs_on, noise, list(range(8))) == here
    assert len({answer.value for answer in answers(runs_on, pid, list(range(8))).values()}) <= 2


def test_a_chunk_whose_worker_was_killed_is_tried_again_elsewhere(tmp_path: Path) -> None:
    """It kills its worker the first two times; with two retries it is done, with one it is a failure."""
    for retries, reason in ((2, None), (1, "died")):
        chunk = (str(tmp_path / f"tries_{retries}"), 2)
        found = answers(executor("processes", 1, How(warm=True, retries=retries)), dies_first, [chunk])[str(chunk)]
        assert getattr(found, "reason", None) == reason
        if reason is None:
            assert found == Result(3), "it was begun three times"
        else:
            assert "signal 9" in found.text


def test_a_chunk_that_raised_is_not_tried_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    found = answers(executor("processes", 1, How(warm=True, retries=3)), raises, [str(log)])[str(log)]
    assert found == Failure("raised", "ZeroDivisionError: by zero")
    assert log.read_text() == "begun\n"


def test_a_chunks_own_deadline_ends_it_alone() -> None:
    runs_on = executor("processes", 2, How(warm=True, chunk_deadline_s=2.0))
    found = answers(runs_on, behave, ["sleep", "well", "also well"])
    assert found["sleep"] == Failure("deadline", "not done within 2 s")
    assert found["well"] == Result("well")
    assert found["also well"] == Result("also well")


def test_workers_have_one_thread_and_leave_the_parents_environment_alone() -> None:
    before = dict(os.environ)
    found = answers(executor("processes", 1), environment, ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"])
    assert {answer.value for answer in found.values()} == {"1"}
    assert dict(os.environ) == before


def test_an_address_is_rays_alone_and_one_that_nobody_answers_is_named() -> None:
    with pytest.raises(DataError, match="'processes' runs on this machine"):
        executor("processes", address="10.0.0.1:6379")
    for address in ("nowhere", "10.0.0.1", ":6379", "host:port"):
        with pytest.raises(DataError, match="accepted: host:port"), executor("ray", address=address):
            pass
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(DataError, match=f"no Ray answers at '{address}'.*refused"), executor("ray", address=address):
        pass


@RAY_WARNS
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("shared_ray")
def test_ray_tries_again_whose_worker_died_and_never_what_raised(tmp_path: Path) -> None:
    runs_on = executor("ray", 2, How(warm=True, retries=2))
    log, first = tmp_path / "log", (str(tmp_path / "tries"), 2)
    assert answers(runs_on, dies_first, [first])[str(first)] == Result(3)
    assert answers(runs_on, raises, [str(log)])[str(log)] == Failure("raised", "ZeroDivisionError: by zero")
    assert log.read_text() == "begun\n"
    assert len({answer.value for answer in answers(runs_on, pid, list(range(20))).values()}) <= 2


@RAY_WARNS
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("shared_ray")
def test_a_ray_that_runs_is_joined_at_its_address_and_left_running() -> None:
    import ray

    address = ray.get_runtime_context().gcs_address
    code = (
        "import sys; from tests.unit.dispatch.chunks import noise\n"
        "from dispatch.executor import executor\n"
        "found = dict(executor('ray', 1, address=sys.argv[1]).map(noise, [('a', 1)]))\n"
        "assert found['a'].value == noise(1)\n"
    )
    subprocess.run([sys.executable, "-c", code, address], check=True, timeout=120)
    assert answers(executor("ray", 1), noise, [2])["2"] == Result(noise(2))
