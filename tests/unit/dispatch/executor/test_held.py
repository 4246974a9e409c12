"""Objects in workers: answers in order, made again after a worker died, and a part that kills whatever holds it."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from dispatch.executor import Failure, How, Result, executor
from dispatch.executor.held_processes import HeldProcesses
from tests.unit.dispatch.chunks import Adder

PARTS = (1.0, 2.0, 3.0)
TOLD = ((1.0, 1.0, 1.0), (0.1, 0.2, 0.3), (5.0, 6.0, 7.0))


def answers(name: str) -> list[list[Any]]:
    with executor(name, 2) as runs_on, runs_on.held(Adder, PARTS) as held:
        return [held.call("add", told) for told in TOLD]


def test_answers_come_in_the_order_of_the_parts_and_are_the_same_everywhere() -> None:
    here = answers("serial")
    adders = [Adder(part) for part in PARTS]
    assert here == [[Result(a.add(v)) for a, v in zip(adders, told, strict=True)] for told in TOLD]
    assert answers("processes") == here


def test_an_object_whose_worker_died_is_told_all_again() -> None:
    here = answers("serial")
    held = HeldProcesses(Adder, PARTS, 2, How())
    with held:
        found = [held.call("add", TOLD[0])]
        os.kill(held.pids[0] or 0, signal.SIGKILL)
        found.append(held.call("add", TOLD[1]))
        before = [r.value for r in held.call("look", [None] * 3, changes=False) if isinstance(r, Result)]
        os.kill(held.pids[1] or 0, signal.SIGKILL)
        assert [r.value for r in held.call("look", [None] * 3, changes=False) if isinstance(r, Result)] == before
        found.append(held.call("add", TOLD[2]))
    assert found == here


def test_a_part_that_kills_its_worker_is_a_failure_and_the_others_go_on() -> None:
    with executor("processes", 2) as runs_on, runs_on.held(Adder, PARTS) as held:
        held.call("add", TOLD[0])
        found = held.call("behave", ["die", "well", "mistake"], changes=False)
        assert isinstance(found[0], Failure)
        assert found[0].reason == "died"
        assert "status 9" in found[0].text
        assert found[1:] == [Result("well"), Failure("raised", "column 'x' is missing", ours=True)]
        later = held.call("add", TOLD[1])
        assert isinstance(later[0], Failure)
        assert later[1:] == answers("serial")[1][1:], "part 2 shared its worker with the dead one"


def test_a_part_that_cannot_be_made_says_why() -> None:
    for name in ("serial", "processes"):
        with executor(name, 1) as runs_on, runs_on.held(Adder, (-1.0, 1.0)) as held:
            for told in TOLD[:2]:
                found = held.call("add", told[:2])
                assert found[0] == Failure("raised", "starts below zero", ours=True)
                assert isinstance(found[1], Result)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("shared_ray")
def test_an_actor_that_is_killed_is_told_all_again_and_a_poisonous_part_is_a_failure() -> None:
    here = answers("serial")
    with executor("ray", 2) as runs_on, runs_on.held(Adder, PARTS) as held:
        found = [held.call("add", TOLD[0])]
        (pid, *_) = (answer.value for answer in held.call("pid", [None] * 3, changes=False))  # type: ignore[union-attr]
        os.kill(pid, signal.SIGKILL)
        found.append(held.call("add", TOLD[1]))
        assert found == here[:2]
        told = held.call("behave", ["die", "well", "mistake"], changes=False)
        assert isinstance(told[0], Failure)
        assert told[0].reason == "died"
        assert told[1:] == [Result("well"), Failure("raised", "column 'x' is missing", ours=True)]
        assert held.call("add", TOLD[2])[1:] == here[2][1:], "part 2 shared its actor with the dead one"
