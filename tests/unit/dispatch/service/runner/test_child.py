"""A child process answers, is killed at the deadline with all that it started, and is renewed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dispatch.service.runner.child import Child
from dispatch.service.runner.places import Outcome
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.trouble import Trouble
from dispatch.service.work import Kind
from tests.unit.dispatch.service.runner.processes import is_gone, pids_in

POLICY = Policy(watch_s=0.02, memory_bytes=3 << 30)


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    started = Child(POLICY)
    yield started
    started.close()


def asked(child: Child, kinds: Mapping[str, Kind], seconds: float = 20.0, **request: Any) -> Outcome | Trouble:
    return child.call(kinds["echo"], {"attempt": 1, **request}, seconds, lambda _text: None, lambda: None)


def test_it_answers_again_and_again(child: Child, kinds: Mapping[str, Kind]) -> None:
    first = asked(child, kinds, value=1)
    pid = child.pid
    assert (first, asked(child, kinds, value=[2])) == (Outcome({"value": 1}), Outcome({"value": [2]}))
    assert child.pid == pid


def test_progress_is_heard_while_it_runs(child: Child, kinds: Mapping[str, Kind]) -> None:
    heard: list[str] = []
    request = {"attempt": 1, "do": "progress", "lines": 3, "pause_s": 0.1}
    child.call(kinds["echo"], request, 20.0, heard.append, lambda: None)
    assert heard == ["step 0", "step 1", "step 2"]
    child.call(kinds["echo"], {**request, "lines": 5000, "pause_s": 0}, 20.0, heard.append, lambda: None)
    assert len(heard) < 500  # a flood of lines is thinned out


def test_at_the_deadline_it_is_killed_with_all_that_it_started(
    child: Child, kinds: Mapping[str, Kind], tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    assert child.ready()
    began = time.monotonic()
    found = asked(child, kinds, 0.7, do="group", file=str(file))
    assert isinstance(found, Trouble)
    assert (found.text, found.is_final) == ("stopped after its 0.7 s", True)
    assert time.monotonic() - began < 2
    assert all(is_gone(pid) for pid in pids_in(file))
    assert asked(child, kinds, value=3) == Outcome({"value": 3})


@pytest.mark.parametrize(("do", "number"), [("kill", signal.SIGKILL), ("crash", signal.SIGSEGV)])
def test_a_crash_is_told(child: Child, kinds: Mapping[str, Kind], do: str, number: int) -> None:
    found = asked(child, kinds, do=do)
    assert found == Trouble(f"its process was ended by signal {int(number)}")


def test_what_it_raises_is_told(child: Child, kinds: Mapping[str, Kind]) -> None:
    users = asked(child, kinds, do="data")
    assert isinstance(users, Trouble)
    assert users.is_users
    assert users.document()["detail"] == "the forecast needs 14 days of measurements, found 2"
    assert asked(child, kinds, do="raise") == Trouble("running it failed with ValueError")


def test_memory_is_limited(child: Child, kinds: Mapping[str, Kind]) -> None:
    assert asked(child, kinds, do="allocate", bytes=4 << 30) == Trouble("running it failed with MemoryError")


def test_what_the_worker_raises_meanwhile_ends_it(child: Child, kinds: Mapping[str, Kind]) -> None:
    assert child.ready()
    pid = child.pid
    calls = iter([None, None, KeyError("cancelled")])

    def tick() -> None:
        if (error := next(calls)) is not None:
            raise error

    with pytest.raises(KeyError):
        child.call(kinds["echo"], {"attempt": 1, "do": "hang"}, 20.0, lambda _text: None, tick)
    assert pid is not None
    assert is_gone(pid)


def test_it_is_renewed_after_so_many_jobs_and_when_it_has_grown(kinds: Mapping[str, Kind]) -> None:
    for policy in (replace(POLICY, renew_after=1), replace(POLICY, renew_bytes=1000)):
        with contextlib.closing(Child(policy)) as child:
            assert asked(child, kinds, value=1) == Outcome({"value": 1})
            pid = child.pid
            assert child.ready()
            assert child.pid != pid


def test_one_that_was_killed_while_idle_is_replaced(child: Child, kinds: Mapping[str, Kind]) -> None:
    assert child.ready()
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    assert is_gone(child.pid)
    assert asked(child, kinds, value=1) == Outcome({"value": 1})


def test_what_cannot_be_sent_is_told(child: Child, kinds: Mapping[str, Kind]) -> None:
    assert asked(child, kinds, value=lambda: 1) in (
        Trouble("sending it failed with PicklingError"),
        Trouble("sending it failed with AttributeError"),
    )


def test_nobody_waits_for_a_start_who_is_to_stop_or_whose_time_is_over(kinds: Mapping[str, Kind]) -> None:
    with contextlib.closing(Child(POLICY)) as child:
        assert not child.ready(lambda: False)
        assert child.pid is None
        found = asked(child, kinds, 0.01, value=1)
        assert isinstance(found, Trouble)
        assert found.is_final


_WORKER = """
import sys
from tests.unit.dispatch.service.kinds import echo
from dispatch.service import work
from dispatch.service.runner.child import Child
from dispatch.service.runner.policy import Policy
request = {"attempt": 1, "do": "group", "file": sys.argv[1]}
Child(Policy()).call(work.of(echo), request, 60.0, print, lambda: None)
"""


def test_it_dies_with_its_worker_and_so_does_what_it_started(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORKER, str(file)], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    pids = pids_in(file)
    worker.kill()
    worker.wait()
    assert all(is_gone(pid) for pid in pids)
