"""The first floor of a worker is not the one that starts Python and loads everything."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from dispatch.service.runner import worker
from dispatch.service.runner.child import Child
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.runner import Runner
from dispatch.service.store import Store, jobs
from dispatch.service.work import Kind, of, rehearsal, reserve, schedule
from dispatch.service.work.outcomes import Outcome
from tests.unit.dispatch.service.kinds import echo


def test_what_is_rehearsed_is_a_plan_that_would_be_published() -> None:
    outcome = schedule._rehearsed()
    assert isinstance(outcome, Outcome)
    assert rehearsal.held(outcome)
    assert not rehearsal.held(None)


def test_plans_are_rehearsed_by_their_kind() -> None:
    assert of(schedule).ready is schedule.ready


def test_floors_are_ready_before_a_job_is_claimed(new_store: Callable[[str], Store]) -> None:
    store, policy = new_store("sqlite"), Policy(poll_s=0.01, nice=0)
    with store.write("north", "ann") as tx:
        job = jobs.submit(tx, "echo", {"say": "x"}).id
    seen = []

    def slow() -> None:
        time.sleep(0.3)
        with store.read("north") as tx:
            seen.append(jobs.get(tx, job).state)

    def failing() -> None:
        raise ZeroDivisionError

    kinds: Mapping[str, Kind] = {
        "failing": replace(of(echo), ready=failing), "echo": replace(of(echo), ready=slow),
    }  # fmt: skip
    child = Child(policy)
    runner = Runner(store, kinds, child, policy)
    try:
        worker._make_ready(kinds, child, runner)
        runner.once()
    finally:
        child.close()
    with store.read("north") as tx:
        seen.append(jobs.get(tx, job).state)
    assert seen == ["queued", "done"]


def test_a_worker_that_is_told_to_stop_rehearses_no_longer(new_store: Callable[[str], Store]) -> None:
    policy = Policy(nice=0)
    kinds = {"echo": replace(of(echo), ready=lambda: time.sleep(20))}
    child = Child(policy)
    runner = Runner(new_store("sqlite"), kinds, child, policy)
    runner.stop()
    began = time.monotonic()
    worker._make_ready(kinds, child, runner)
    child.close()
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_the_first_floor_after_a_rehearsal_answers_at_once() -> None:
    reserve.close()
    schedule.ready()
    began = time.monotonic()
    assert rehearsal.held(schedule.floor(rehearsal.asked(), "a test"))
    warm_s = time.monotonic() - began
    reserve.close()
    began = time.monotonic()
    assert rehearsal.held(schedule.floor(rehearsal.asked(), "a test"))
    assert warm_s < (time.monotonic() - began) / 2
    reserve.close()
