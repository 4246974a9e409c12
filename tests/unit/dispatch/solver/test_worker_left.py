"""What a process sends without sense, or leaves behind when it goes, holds its caller up no longer than a crash."""

from __future__ import annotations

import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.crash.broken_processes import pipes
from dispatch.solver.worker import Call, Worker

SOON_S = 3.0


def double(value: Any, *, improved: Callable[[Any], None]) -> Any:
    return value * 2


def says(content: bytes, *, improved: Callable[[Any], None]) -> str:
    for pipe in pipes():
        os.write(pipe, content)
    return "what was asked for"


def says_and_waits(content: bytes, *, improved: Callable[[Any], None]) -> None:
    says(content, improved=improved)
    time.sleep(3600)


def falls_silent(*, improved: Callable[[Any], None]) -> None:
    for pipe in pipes():
        os.close(pipe)
    time.sleep(3600)


def reports(*, improved: Callable[[Any], None]) -> None:
    while True:
        improved("again")


def leaves_a_child(file: str, *, improved: Callable[[Any], None]) -> None:
    code = "import time; time.sleep(3600)"
    child = subprocess.Popen([sys.executable, "-S", "-c", code], pass_fds=[0, *pipes()])
    Path(file).write_text(str(child.pid))
    time.sleep(3600)


class Unreadable:
    def __reduce__(self) -> tuple[Any, ...]:
        return int, ("no number",)


def unreadable(*, improved: Callable[[Any], None]) -> Unreadable:
    return Unreadable()


def cannot_travel(*, improved: Callable[[Any], None]) -> Callable[[], None]:
    return lambda: None


def sleeps(seconds: float, *, improved: Callable[[Any], None]) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    time.sleep(seconds)


@pytest.fixture(scope="module")
def started() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


@pytest.fixture
def worker(started: Worker) -> Worker:
    """One that listens, whatever the test before has done to it."""
    assert started.ready(60)
    return started


def gone(pid: int) -> bool:
    """Ended; a zombie that nobody has fetched yet has ended, too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def soon(holds: Callable[[], bool]) -> bool:
    """Whether it comes true: what was killed has closed its pipes before the system says that it has ended."""
    until = time.monotonic() + SOON_S
    while not holds() and time.monotonic() < until:
        time.sleep(0.01)
    return holds()


def begun(
    worker: Worker, work: Callable[..., Any], *given: Any, seconds: float, has_begun: Callable[[Call], bool]
) -> Call:
    """What came of work without an end; with more time where a busy machine had not begun it when the time was over."""
    while True:
        assert worker.ready(60)
        began = time.monotonic()
        call = worker.call(work, *given, seconds=seconds)
        assert time.monotonic() - began < seconds + SOON_S
        if has_begun(call) or seconds > 30:
            return call
        seconds *= 4


def talking() -> set[threading.Thread]:
    """Threads that read from workers and write to them: of this test's, and of any that this process has besides."""
    return {one for one in threading.enumerate() if one.name.endswith(("(_listen)", "(_write)"))}


def frame(content: Any, number: int = 1) -> bytes:
    body = pickle.dumps(content)
    return struct.pack("<QQ", len(body), number) + body


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff" * 40, "cannot be read"),
        (frame(17), "cannot be read"),
        (frame(("ready", None)), "not asked for"),
        (frame(("result", "of another request"), number=7), "not asked for"),
    ],
    ids=["bytes", "no message", "out of turn", "of another request"],
)
def test_words_without_sense_end_the_process_at_once(worker: Worker, content: bytes, why: str):
    began, pid = time.monotonic(), worker.pid
    call = worker.call(says, content, seconds=60)
    assert time.monotonic() - began < SOON_S
    assert why in call.failed
    assert call.result is None
    assert not call.clock_fired
    assert pid is not None
    assert gone(pid)


def test_the_start_of_a_frame_is_waited_for_until_the_time_is_over(worker: Worker):
    call = worker.call(says_and_waits, struct.pack("<QQ", 1000, 1) + b"half", seconds=0.3)
    assert call.clock_fired


def test_a_process_that_closes_its_pipes_is_not_waited_for(worker: Worker):
    began = time.monotonic()
    call = worker.call(falls_silent, seconds=60)
    assert time.monotonic() - began < SOON_S
    assert call.failed == "the solver's process fell silent"


def test_reports_without_an_end_do_not_keep_the_clock_from_firing(worker: Worker):
    call = begun(worker, reports, seconds=0.5, has_begun=lambda call: bool(call.improved))
    assert call.clock_fired
    assert 0 < len(call.improved) <= 100


def test_what_the_process_has_started_is_killed_with_it_and_its_pipes_hold_nobody_up(started: Worker, tmp_path: Path):
    started.close()
    others, file = talking(), tmp_path / "pid"
    assert started.ready(60)
    assert talking() - others
    call = begun(started, leaves_a_child, str(file), seconds=1.0, has_begun=lambda _: file.exists())
    assert call.clock_fired
    assert soon(lambda: gone(int(file.read_text())))
    assert soon(lambda: not talking() - others)


def test_an_answer_that_cannot_be_put_together_again_is_told(worker: Worker):
    assert "cannot be read" in worker.call(unreadable, seconds=60).failed
    assert "failed with" in worker.call(cannot_travel, seconds=60).failed
    assert worker.call(double, 2, seconds=60).result == 4


# A caller that starts a worker, has it work, tells its number and is killed itself.
CALLER = """
import os, sys, threading
from dispatch.solver.worker import Worker
from tests.unit.dispatch.solver.test_worker_left import sleeps
worker = Worker()
worker.ready(60)
threading.Thread(target=worker.call, args=(sleeps, 3600.0), kwargs={"seconds": 3600.0}, daemon=True).start()
print(worker.pid, flush=True)
sys.stdin.read()
"""


def test_a_process_ends_when_its_caller_is_killed_even_in_the_midst_of_its_work():
    caller = subprocess.Popen([sys.executable, "-c", CALLER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert caller.stdout is not None
    pid = int(caller.stdout.readline())
    time.sleep(0.2)
    assert not gone(pid)
    caller.kill()
    caller.communicate()
    assert soon(lambda: gone(pid))
