"""Jobs are accepted with the transaction that asks for them, and claimed by turns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from dispatch.service.errors import NotFoundError, TooManyRequestsError
from dispatch.service.store import Store, claims, events, jobs
from dispatch.service.store.claims import LostError
from dispatch.service.store.jobs import Job

LEASE_S = 10.0


def submit(store: Store, tenant: str = "north", kind: str = "echo", **more: Any) -> Job:
    with store.write(tenant, "ann") as tx:
        return jobs.submit(tx, kind, {"value": 1}, **more)


def claim(store: Store, now: datetime | None = None) -> Job | None:
    with store.admin() as connection:
        return claims.claim(connection, "runner", now or datetime.now(UTC), LEASE_S)


def get(store: Store, job: Job) -> Job:
    with store.read(job.tenant) as tx:
        return jobs.get(tx, job.id)


def told(store: Store, job: Job) -> list[str]:
    with store.read(job.tenant) as tx:
        return [event.kind for event in events.after(tx.connection, {(job.tenant, job.id): 0})]


def refused(store: Store) -> None:
    """A request that submits a job and is then refused."""
    with store.write("north", "ann") as tx:
        jobs.submit(tx, "echo", {})
        jobs.submit(tx, "echo", {}, most_queued=1)


def test_a_job_is_there_exactly_if_the_request_was_accepted(store: Store) -> None:
    job = submit(store, subject="sch_1", deadline_s=5.0, priority=3)
    with pytest.raises(TooManyRequestsError):
        refused(store)
    with store.read("north") as tx:
        assert jobs.find(tx) == [job]
        assert jobs.get(tx, job.id) == job
    assert (job.state, job.actor, job.attempt, job.has_ended) == ("queued", "ann", 0, False)


def test_nobody_sees_another_tenants_jobs(store: Store) -> None:
    job = submit(store)
    with store.write("south", "eve") as tx:
        assert jobs.find(tx) == []
        with pytest.raises(NotFoundError):
            jobs.get(tx, job.id)
        with pytest.raises(NotFoundError):
            jobs.cancel(tx, job.id)
    assert get(store, job) == job


def test_jobs_are_found_by_state_kind_and_subject_page_by_page(store: Store) -> None:
    made = [submit(store, kind="abc"[n % 3], subject=f"s{n % 2}") for n in range(7)]
    with store.write("north", "ann") as tx:
        jobs.cancel(tx, made[0].id)
    with store.read("north") as tx:
        assert [job.id for job in jobs.find(tx, kind="a")] == [made[n].id for n in (6, 3, 0)]
        assert [job.id for job in jobs.find(tx, subject="s1")] == [made[n].id for n in (5, 3, 1)]
        assert [job.id for job in jobs.find(tx, states=("cancelled",))] == [made[0].id]
        first = jobs.find(tx, limit=4)
        rest = jobs.find(tx, limit=4, before=first[-1].id)
    assert [job.id for job in first + rest] == [job.id for job in reversed(made)]


def test_a_full_queue_refuses_and_says_what_is_accepted(store: Store) -> None:
    for _ in range(3):
        submit(store, most_queued=3)
    with pytest.raises(TooManyRequestsError, match="accepted are at most 3") as refused:
        submit(store, most_queued=3)
    assert "Retry-After" in refused.value.headers
    submit(store, "south", most_queued=3)  # another tenant's queue is another one
    claim(store)
    submit(store, most_queued=3)


def test_a_claimed_job_is_one_runners_until_its_lease_lapses(store: Store) -> None:
    submit(store)
    now = datetime.now(UTC)
    first = claim(store, now)
    assert first is not None
    assert (first.state, first.attempt, first.started_at) == ("running", 1, now)
    assert claim(store, now + timedelta(seconds=LEASE_S - 1)) is None
    with store.admin() as connection:
        claims.prolong(connection, first, now + timedelta(seconds=5), LEASE_S)
    assert claim(store, now + timedelta(seconds=LEASE_S + 1)) is None
    second = claim(store, now + timedelta(seconds=LEASE_S + 5))
    assert second is not None
    assert (second.id, second.attempt, second.started_at) == (first.id, 2, now)
    with pytest.raises(LostError), store.admin() as connection:
        claims.finish(connection, first, now, {"by": "the first"})
    with store.admin() as connection:
        claims.finish(connection, second, now + timedelta(seconds=20), {"by": "the second"})
    done = get(store, first)
    assert (done.state, done.result, done.running_s) == ("done", {"by": "the second"}, 20.0)
    assert told(store, first) == ["queued", "running", "running", "done"]


def test_a_cancelled_job_takes_no_more_writing(store: Store) -> None:
    job = submit(store)
    held = claim(store)
    assert held is not None
    with store.write("north", "bob") as tx:
        assert jobs.cancel(tx, job.id).state == "cancelled"
        assert jobs.cancel(tx, job.id).state == "cancelled"  # once more changes nothing
    writes = (
        lambda c: claims.fence(c, held),
        lambda c: claims.progress(c, held, held.created_at, "on"),
        lambda c: claims.fail(c, held, held.created_at, {}),
        lambda c: claims.release(c, held, held.created_at),
        lambda c: claims.retry(c, held, held.created_at, 1.0, "because"),
    )
    for write in writes:
        with pytest.raises(LostError), store.admin() as connection:
            write(connection)
    assert told(store, job) == ["queued", "running", "cancelled"]


def test_ten_thousand_jobs_of_one_tenant_do_not_keep_another_waiting(store: Store) -> None:
    many = [submit(store, "north") for _ in range(30)]
    few = [submit(store, "south") for _ in range(3)]
    order = []
    for _ in range(8):
        job = claim(store)
        assert job is not None
        order.append(job.tenant)
        with store.admin() as connection:
            claims.finish(connection, job, datetime.now(UTC), {})
    assert order == ["north", "south"] * 3 + ["north", "north"]
    assert get(store, many[0]).state == "done"
    assert all(get(store, job).state == "done" for job in few)


def test_who_has_the_fewest_running_comes_next(store: Store) -> None:
    for tenant in ("north", "south"):
        for _ in range(5):
            submit(store, tenant)
    held = [claim(store) for _ in range(4)]
    for job in held:
        assert job is not None
        if job.tenant == "south":
            with store.admin() as connection:
                claims.finish(connection, job, datetime.now(UTC), {})
    following = [claim(store), claim(store)]
    assert [job.tenant for job in following if job] == ["south", "south"]  # north still has two


def test_priority_orders_the_jobs_of_a_tenant_and_pauses_are_kept(store: Store) -> None:
    plain, urgent, second = submit(store), submit(store, priority=5), submit(store)
    now = datetime.now(UTC)
    first = claim(store, now)
    assert first is not None
    assert first.id == urgent.id
    with store.admin() as connection:
        claims.retry(connection, first, now, 30.0, "it crashed")
    taken = [claim(store, now) for _ in range(3)]
    assert [job.id for job in taken if job] == [plain.id, second.id]
    with store.admin(write=False) as connection:
        assert not claims.is_due(connection, now)
        assert claims.is_due(connection, now + timedelta(seconds=30))
    again = claim(store, now + timedelta(seconds=30))
    assert again is not None
    assert again.id in {urgent.id, plain.id}  # the leases have lapsed by then, too


def test_a_job_given_back_begins_anew(store: Store) -> None:
    job = submit(store)
    held = claim(store)
    assert held is not None
    with store.admin() as connection:
        claims.release(connection, held, datetime.now(UTC))
    back = get(store, job)
    assert (back.state, back.attempt, back.returned, back.started_at) == ("queued", 1, 1, None)


def test_looks_for_work_read_no_jobs_that_have_ended(new_store: Callable[[str], Store]) -> None:
    store = new_store("sqlite")
    for tenant in ("north", "south"):
        submit(store, tenant)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        asked.append((statement, parameters))

    with store.admin() as connection:
        event.listen(connection, "before_cursor_execute", note)
        now = datetime.now(UTC)
        assert claims.is_due(connection, now)
        assert claims.claim(connection, "runner", now, LEASE_S) is not None
        jobs.numbers(connection, now)
    with store.admin() as connection:
        for statement, parameters in [each for each in asked if each[0].startswith(("SELECT", "WITH"))]:
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
                step = str(row[3])
                if step.startswith("SCAN jobs"):
                    assert step.endswith(("ix_jobs_due", "ix_jobs_queued", "ix_jobs_running")), (step, statement)
