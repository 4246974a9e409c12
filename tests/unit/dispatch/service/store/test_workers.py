"""Who lives, who has nothing to do, and who was killed, on each database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dispatch.service.store import Store, claims, jobs, workers
from dispatch.service.store.workers import Doing, Worker

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
ALIVE_S = 15.0


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def beat(
    store: Store, id_: str, doing: Doing = "ready", *, name: str = "", began_s: float = 0, at_s: float = 0
) -> None:
    with store.admin() as connection:
        workers.beat(connection, id_, name or f"host/{id_}", doing, after(began_s), after(at_s), ALIVE_S)


def listed(store: Store, at_s: float) -> list[Worker]:
    with store.admin(write=False) as connection:
        return list(workers.listed(connection, after(at_s), 100))


def states(store: Store, at_s: float) -> dict[str, str]:
    return {one.name: one.state for one in listed(store, at_s)}


def claimed(store: Store, runner: str, at_s: float) -> jobs.Job:
    with store.write("north", "ann") as tx:
        tx.now = NOW
        jobs.submit(tx, "echo", {})
    with store.admin() as connection:
        job = claims.claim(connection, runner, after(at_s), 60.0)
    assert job is not None
    return job


def test_who_gives_no_sign_is_gone_and_his_last_sign_has_an_age(store: Store) -> None:
    beat(store, "a", "starting")
    beat(store, "b")
    beat(store, "b", "chores", at_s=10)
    assert states(store, 14.9) == {"host/a": "starting", "host/b": "chores"}
    assert states(store, 15.0) == {"host/b": "chores", "host/a": "gone"}
    first, last = listed(store, 20)
    assert (first.started, first.seen, last.seen) == (NOW, after(10), NOW)
    beat(store, "a", at_s=21)  # it stood still, and goes on
    assert states(store, 22)["host/a"] == "idle"
    with store.admin(write=False) as connection:
        found = workers.counted(connection, after(30))
    assert found == {"starting": 0, "idle": 1, "busy": 0, "chores": 0, "stopping": 0, "gone": 1}
    assert workers.alive(found) == 1


def test_who_has_a_job_is_busy_until_it_ends(store: Store) -> None:
    beat(store, "a")
    beat(store, "b")
    job = claimed(store, "host/a", 1)
    busy = next(one for one in listed(store, 2) if one.name == "host/a")
    assert (busy.state, busy.tenant, busy.job, busy.kind, busy.taken) == ("busy", "north", job.id, "echo", after(1))
    assert states(store, 2)["host/b"] == "idle"
    with store.admin() as connection:
        claims.finish(connection, job, after(3), {})
    assert states(store, 4)["host/a"] == "idle"


def test_the_job_of_one_that_was_killed_is_not_that_of_his_namesake(store: Store) -> None:
    """A container gives the same number to the worker that comes after."""
    beat(store, "a", name="host/7")
    claimed(store, "host/7", 1)
    beat(store, "b", name="host/7", began_s=5, at_s=5)
    assert [one.state for one in listed(store, 6)] == ["idle", "busy"]


def test_who_ends_in_order_is_not_there_any_more_and_who_was_killed_is_forgotten(store: Store) -> None:
    for name in ("a", "b", "c"):
        beat(store, name)
    beat(store, "c", at_s=3000)
    with store.admin() as connection:
        workers.leave(connection, "a")
        assert workers.forget(connection, after(3614)) == 0
        assert workers.forget(connection, after(3615)) == 1
    assert states(store, 3001) == {"host/c": "idle"}
