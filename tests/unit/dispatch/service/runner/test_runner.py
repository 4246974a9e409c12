"""A runner sees every job to its end, whatever the kind does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dispatch.service.runner.policy import Policy
from dispatch.service.runner.runner import run_one
from dispatch.service.store import Store, audit, claims, events, jobs
from dispatch.service.store.jobs import Job
from dispatch.service.work import Kind

QUICK = Policy(pause_s=0.002, lease_s=5.0, attempts=3)


def done(store: Store, kinds: Mapping[str, Kind], policy: Policy = QUICK, **request: Any) -> Job:
    with store.write("north", "ann") as tx:
        jobs.submit(tx, "echo", request)
    job = run_one(store, kinds, policy)
    assert job is not None
    return job


def effects(store: Store) -> int:
    with store.read("north") as tx:
        return len(audit.listed(tx, action="echo"))


def told(store: Store, job: Job) -> list[str]:
    with store.read(job.tenant) as tx:
        return [event.kind for event in events.after(tx.connection, {(job.tenant, job.id): 0})]


def test_a_job_is_done_once_and_says_what_it_came_to(store: Store, kinds: Mapping[str, Kind]) -> None:
    job = done(store, kinds, value=[1, 2])
    assert (job.state, job.result, job.problem) == ("done", {"value": [1, 2], "quality": "optimal"}, None)
    assert told(store, job) == ["queued", "running", "done"]
    assert effects(store) == 1
    assert run_one(store, kinds) is None


def test_what_fails_is_tried_again(store: Store, kinds: Mapping[str, Kind]) -> None:
    job = done(store, kinds, do="raise", times=2, value=7)
    assert (job.state, job.attempt, job.result) == ("done", 3, {"value": 7, "quality": "optimal"})
    assert told(store, job) == ["queued", "running", "retrying", "retrying", "done"]
    assert effects(store) == 1


def test_truncated_outcomes_are_refused(store: Store, kinds: Mapping[str, Kind]) -> None:
    job = done(store, kinds, do="short", times=1, value=[1, 2, 3])
    assert (job.state, job.attempt, job.result) == ("done", 2, {"value": [1, 2, 3], "quality": "optimal"})


def test_after_the_last_attempt_the_floor_answers(store: Store, kinds: Mapping[str, Kind]) -> None:
    job = done(store, kinds, do="raise", floor=True)
    assert (job.state, job.attempt) == ("done", 3)
    assert job.result == {"value": None, "quality": "safe_state", "reason": "running it failed with ValueError"}


def test_an_answer_by_a_rule_is_checked_too(store: Store, kinds: Mapping[str, Kind]) -> None:
    job = done(store, kinds, do="raise", floor="wrong")
    assert (job.state, job.result) == ("failed", None)


def test_without_a_floor_it_fails_and_tells_nothing_of_the_server(store: Store, kinds: Mapping[str, Kind]) -> None:
    job = done(store, kinds, do="raise")
    assert job.state == "failed"
    assert job.problem is not None
    assert (job.problem["status"], job.problem["detail"]) == (500, "running it failed with ValueError")
    assert effects(store) == 0


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"do": "data"}, "the forecast needs 14 days of measurements, found 2"),
        ({"prepare": "data"}, "site 'a' has no measurements"),
        ({"commit": "data"}, "no longer there"),
    ],
)
def test_what_is_wrong_with_the_users_data_is_told_at_once(
    store: Store, kinds: Mapping[str, Kind], where: dict[str, str], says: str
) -> None:
    job = done(store, kinds, floor=True, **where)
    assert (job.state, job.attempt) == ("failed", 1)
    assert job.problem is not None
    assert (job.problem["status"], job.problem["detail"]) == (422, says)
    assert effects(store) == 0


def test_what_cannot_be_written_fails_and_leaves_nothing(store: Store, kinds: Mapping[str, Kind]) -> None:
    job = done(store, kinds, floor=True, commit="raise")
    assert (job.state, job.attempt) == ("failed", 3)
    assert effects(store) == 0


def test_a_kind_that_is_not_there_is_named(store: Store, kinds: Mapping[str, Kind]) -> None:
    with store.write("north", "ann") as tx:
        jobs.submit(tx, "ecko", {})
    job = run_one(store, kinds)
    assert job is not None
    assert job.problem is not None
    assert "no job 'ecko'; there are: echo" in job.problem["detail"]


def test_the_deadline_counts_over_all_attempts(store: Store, kinds: Mapping[str, Kind]) -> None:
    with store.write("north", "ann") as tx:
        jobs.submit(tx, "echo", {"do": "raise", "floor": True}, deadline_s=0.001)
    job = run_one(store, kinds, QUICK)
    assert job is not None
    assert (job.state, job.attempt) == ("done", 1)


def test_a_kind_may_be_tried_more_often_and_waits_in_the_queue(store: Store, kinds: Mapping[str, Kind]) -> None:
    patient = {"echo": replace(kinds["echo"], attempts=9, pause_s=40.0)}
    job = done(store, patient, do="raise", times=1, value=1)
    assert (job.state, job.attempt) == ("queued", 1)
    assert 19 < (job.not_before - datetime.now(UTC)).total_seconds() <= 40
    assert run_one(store, patient) is None
    assert told(store, job) == ["queued", "running", "retrying"]


def test_whose_workers_are_killed_again_and_again_is_answered_by_its_floor(
    store: Store, kinds: Mapping[str, Kind]
) -> None:
    with store.write("north", "ann") as tx:
        floored = jobs.submit(tx, "echo", {"floor": True})
        hopeless = jobs.submit(tx, "echo", {"floor": True})
    policy = replace(QUICK, lapses=2)
    for job, times in ((floored, 5), (hopeless, 7)):
        for _ in range(times):  # workers that claim it and are gone
            with store.admin() as connection:
                now = datetime.now(UTC)
                taken = claims.claim(connection, "gone", now, 0.0)
            assert taken is not None
            assert taken.id == job.id
        ended = run_one(store, kinds, policy)
        assert ended is not None
        assert ended.id == job.id
        if job is floored:
            assert ended.result is not None
            assert ended.result["reason"] == "it was begun 5 times and its worker ended each time"
        else:
            assert ended.problem is not None
            assert ended.problem["detail"] == "it was begun 7 times and its worker ended each time"


def test_what_was_computed_waits_for_a_store_that_is_busy(
    kinds: Mapping[str, Kind], new_database: Callable[[str, Path | None], str], tmp_path: Path
) -> None:
    url = new_database("sqlite", tmp_path)
    store = Store.open(url, tmp_path / "data", migrate=False, wait_s=0.05)
    other = Store.open(url, tmp_path / "data", migrate=False)
    runs: list[int] = []
    held = threading.Event()

    def hold() -> None:
        with other.admin():
            held.set()
            time.sleep(0.5)

    def run(asked: Any, _progress: Callable[[str], None]) -> dict[str, Any]:
        runs.append(asked["attempt"])
        threading.Thread(target=hold).start()
        held.wait()
        return {"value": asked["value"]}

    job = done(store, {"echo": replace(kinds["echo"], run=run)}, replace(QUICK, watch_s=0.01), value=4)
    assert (job.state, runs) == ("done", [1])
    other.close()
    store.close()
