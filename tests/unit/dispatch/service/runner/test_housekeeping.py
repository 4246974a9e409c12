"""What has ended long ago goes, by one worker at a time; what is wrong in a chore stops nobody's work."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dispatch.service.runner.housekeeping import CHORES, Chore, Housekeeping, forget_jobs
from dispatch.service.runner.policy import Policy
from dispatch.service.settings import Settings
from dispatch.service.store import Store, chores, claims, events, jobs
from dispatch.service.store.jobs import Job

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


def ended(store: Store, days_ago: float) -> Job:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    with store.write("north", "ann") as tx:
        tx.now = at
        jobs.submit(tx, "echo", {})
    with store.admin() as connection:
        job = claims.claim(connection, "runner", at, 10.0)
        assert job is not None
        return claims.finish(connection, job, at, {})


def test_jobs_and_their_events_are_kept_for_so_many_days(store: Store) -> None:
    old, young = ended(store, 91), ended(store, 89)
    with store.write("north", "ann") as tx:
        waiting = jobs.submit(tx, "echo", {})
    assert forget_jobs(store, Policy(keep_days=90)) == 1
    with store.read("north") as tx:
        assert [job.id for job in jobs.find(tx)] == [waiting.id, young.id]
        assert events.after(tx.connection, {("north", old.id): 0}) == []
        assert len(events.after(tx.connection, {("north", young.id): 0})) == 3
    assert forget_jobs(store, Policy(keep_days=90)) == 0


def test_a_chore_is_done_by_one_each_time_it_is_due(store: Store) -> None:
    with store.admin() as connection:
        taken = [chores.take(connection, "sweep", NOW, 60.0) for _ in range(3)]
        others = chores.take(connection, "sweep", NOW, 60.0, tenant="north")
    assert (taken, others) == ([True, False, False], True)
    with store.admin() as connection:
        later = [NOW + timedelta(seconds=each) for each in (59, 60, 61)]
        assert [chores.is_due(connection, "sweep", each) for each in later] == [False, True, True]
        assert [chores.take(connection, "sweep", each, 60.0) for each in later] == [False, True, False]


def test_all_chores_run_and_one_that_fails_stops_nothing(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def broken(_store: Store, _policy: Policy) -> int:
        raise ValueError("broken")

    def whole(_store: Store, _policy: Policy) -> int:
        done.append("whole")
        return 1

    def every(policy: Policy) -> float:
        return policy.housekeeping_s

    policy = Policy(housekeeping_s=3600.0)
    keep = Housekeeping(store, policy, {"broken": Chore(every, broken), "whole": Chore(every, whole), **CHORES})
    for _ in range(2):
        keep()
    Housekeeping(store, policy, {"whole": Chore(every, whole)})()  # another worker, right after
    assert done == ["whole"]
    assert "housekeeping: broken failed" in caplog.text


def test_what_an_operator_sets_reaches_the_workers() -> None:
    environment = {
        "PARKWATT_JOB_LEASE_S": "3",
        "PARKWATT_JOB_KINDS": "a.b, c",
        "PARKWATT_EXECUTOR": "ray",
        "PARKWATT_RAY_ADDRESS": "10.0.0.5:6379",
        "PARKWATT_JOB_NICE": "0",
    }
    policy = Policy.of(Settings.load(environment))
    changed = {"lease_s": 3.0, "kinds": ("a.b", "c"), "executor": "ray", "ray_address": "10.0.0.5:6379", "nice": 0}
    assert policy == replace(Policy(), **changed)


def test_pauses_grow_and_are_the_same_again() -> None:
    policy = Policy(pause_s=1.0, longest_pause_s=8.0, seed=7)
    pauses = [policy.pause_before_next_s("job_1", attempt) for attempt in range(1, 8)]
    assert pauses == [policy.pause_before_next_s("job_1", attempt) for attempt in range(1, 8)]
    assert pauses != [replace(policy, seed=8).pause_before_next_s("job_1", attempt) for attempt in range(1, 8)]
    for pause, longest in zip(pauses, (1, 2, 4, 8, 8, 8, 8), strict=True):
        assert longest / 2 <= pause <= longest


def test_the_queue_in_numbers(store: Store) -> None:
    ended(store, 1)
    done = ended(store, 0)
    with store.write("south", "ann") as tx:
        tx.now -= timedelta(seconds=30)
        for kind in ("a", "a", "b"):
            jobs.submit(tx, kind, {})
    with store.admin() as connection:
        claims.claim(connection, "runner", datetime.now(UTC), 60.0)
        found = jobs.numbers(connection, datetime.now(UTC))
    assert (found.waiting, found.running, found.ended) == ({"a": 1, "b": 1}, {"a": 1}, {"done": 1})
    assert 30 <= found.oldest_s < 60
    with store.admin(write=False) as connection:
        keys = [("north", done.id), ("south", done.id)]
        assert jobs.last_events(connection, keys) == {("north", done.id): 3}
