"""What runners do with jobs: claim one, keep it, and end it, each in a transaction that names the attempt.

Two runners can believe to hold the same job: one stood still for longer than its lease, another took over. Therefore
nothing is written for a job but where its row still says ``running`` with the writer's own attempt (:func:`fence`),
and that row stays locked until the transaction ends. SQLite has one writer at a time; PostgreSQL passes over rows that
another claim holds.

Turns between tenants: whoever has the fewest jobs running comes next, then whoever was served longest ago. Ten
thousand jobs of one tenant keep another waiting for one job at most. Priority orders the jobs of one tenant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, delete, func, literal, select, tuple_
from sqlalchemy.sql import ColumnElement

from dispatch.service.store import events
from dispatch.service.store.jobs import QUEUED, RUNNING, Job, of, records
from dispatch.service.store.metadata import EPOCH, UtcTime

_C = records.c


class LostError(Exception):
    """The job is no longer this runner's: it was cancelled, or another took it over when the lease had lapsed."""


def is_due(connection: Connection, now: datetime) -> bool:
    """Whether a claim would find something; reads only, so that idle runners do not stand in writers' way."""
    ready = select(_C.id).where(QUEUED, _C.not_before <= now).limit(1)
    lapsed = select(_C.id).where(RUNNING, _C.lease_until <= now).limit(1)
    return connection.execute(ready).first() is not None or connection.execute(lapsed).first() is not None


def claim(connection: Connection, runner: str, now: datetime, lease_s: float, tenant: str = "") -> Job | None:
    """Take the job whose turn it is: one whose lease has lapsed, else a waiting one; None if there is none.

    Args:
        runner: who takes it, for people.
        lease_s: how long it is this runner's unless prolonged.
        tenant: only a job of this one; empty: of whose turn it is.
    """
    lapsed = _lapsed(connection, now, tenant)
    found = lapsed or _waiting(connection, now, tenant)
    if found is None:
        return None
    owner, id_ = found
    change = (
        records.update()
        .where(_C.tenant == owner, _C.id == id_)
        .values(
            state="running",
            attempt=_C.attempt + 1,
            returned=_C.returned + int(lapsed is not None),  # that a worker died is not the job's doing
            runner=runner,
            lease_until=now + timedelta(seconds=lease_s),
            started_at=func.coalesce(_C.started_at, literal(now, UtcTime())),
            claimed_at=now,
            events=_C.events + 1,
        )
        .returning(records)
    )
    job = of(connection.execute(change).mappings().one())
    events.write(connection, owner, id_, job.events, now, "running", {"attempt": job.attempt})
    return job


def _lapsed(connection: Connection, now: datetime, tenant: str) -> tuple[str, str] | None:
    late = [RUNNING, _C.lease_until <= now, *([_C.tenant == tenant] if tenant else [])]
    query = select(_C.tenant, _C.id).where(*late).order_by(_C.lease_until).limit(1)
    return _first(connection, query)


def _waiting(connection: Connection, now: datetime, tenant: str) -> tuple[str, str] | None:
    for each in [tenant] if tenant else _turns(connection):
        mine = (QUEUED, _C.tenant == each, _C.not_before <= now)
        query = select(_C.tenant, _C.id).where(*mine).order_by(_C.priority.desc(), _C.id).limit(1)
        found = _first(connection, query)
        if found is not None:
            return found
    return None


def _first(connection: Connection, query: Select[str, str]) -> tuple[str, str] | None:
    row = connection.execute(query.with_for_update(skip_locked=True)).first()
    return None if row is None else (row[0], row[1])


def _turns(connection: Connection) -> list[str]:
    """Tenants with waiting jobs, whose turn it is first."""
    # From one tenant to the next along the index, however many jobs each has: DISTINCT would read them all.
    first = select(func.min(_C.tenant).label("tenant")).where(QUEUED).cte("waiting", recursive=True)
    following = select(func.min(_C.tenant)).where(QUEUED, _C.tenant > first.c.tenant).scalar_subquery()
    waiting = first.union_all(select(following).where(first.c.tenant.is_not(None)))
    served = select(func.max(_C.claimed_at)).where(_C.tenant == waiting.c.tenant).scalar_subquery()
    rows = connection.execute(select(waiting.c.tenant, served).where(waiting.c.tenant.is_not(None))).all()
    if len(rows) == 1:
        return [rows[0][0]]
    # Counted here, and by the lease that each of them has: to group, SQLite would walk all jobs there ever were.
    running = Counter(connection.execute(select(_C.tenant).where(RUNNING, _C.lease_until.is_not(None))).scalars())
    return [tenant for tenant, _ in sorted(rows, key=lambda row: (running[row[0]], row[1] or EPOCH))]


def _mine(job: Job) -> tuple[ColumnElement[bool], ...]:
    return (_C.tenant == job.tenant, _C.id == job.id, RUNNING, _C.attempt == job.attempt)


def is_mine(connection: Connection, job: Job) -> bool:
    """Whether the job is still held by this attempt; reads only."""
    return connection.execute(select(_C.id).where(*_mine(job))).first() is not None


def prolong(connection: Connection, job: Job, now: datetime, lease_s: float) -> None:
    """Keep the job for so much longer.

    Raises:
        LostError: it is no longer this attempt's.
    """
    _change(connection, job, {"lease_until": now + timedelta(seconds=lease_s)})


def fence(connection: Connection, job: Job) -> None:
    """Hold the job's row until the transaction ends, so that what follows happens for this attempt or not at all.

    Raises:
        LostError: it is no longer this attempt's.
    """
    _change(connection, job, {"attempt": job.attempt})


def progress(connection: Connection, job: Job, now: datetime, text: str) -> None:
    """Note how far the work is.

    Raises:
        LostError: it is no longer this attempt's.
    """
    _change(connection, job, {}, now, "progress", {"text": text})


def finish(connection: Connection, job: Job, now: datetime, result: Mapping[str, Any]) -> Job:
    """The work is done, and what it came to is written in this transaction.

    Raises:
        LostError: it is no longer this attempt's.
    """
    ended = {"state": "done", "result": dict(result), "ended_at": now, "lease_until": None}
    return _change(connection, job, ended, now, "done", {"result": dict(result)})


def fail(connection: Connection, job: Job, now: datetime, problem: Mapping[str, Any]) -> Job:
    """The work cannot be done.

    Raises:
        LostError: it is no longer this attempt's.
    """
    ended = {"state": "failed", "problem": dict(problem), "ended_at": now, "lease_until": None}
    return _change(connection, job, ended, now, "failed", {"problem": dict(problem)})


def retry(connection: Connection, job: Job, now: datetime, pause_s: float, reason: str) -> Job:
    """The attempt failed; another follows after a pause.

    Raises:
        LostError: it is no longer this attempt's.
    """
    at = now + timedelta(seconds=pause_s)
    told = {"attempt": job.attempt, "reason": reason, "pause_s": round(pause_s, 3)}
    waiting = {"state": "queued", "not_before": at, "lease_until": None, "runner": ""}
    return _change(connection, job, waiting, now, "retrying", told)


def again(connection: Connection, job: Job, now: datetime, pause_s: float, reason: str) -> Job:
    """The attempt failed; the same runner goes on with the next one after a pause.

    Raises:
        LostError: it is no longer this attempt's.
    """
    told = {"attempt": job.attempt, "reason": reason, "pause_s": round(pause_s, 3)}
    return _change(connection, job, {"attempt": _C.attempt + 1}, now, "retrying", told)


def release(connection: Connection, job: Job, now: datetime) -> Job:
    """Give the job back untried: the runner stops. The attempt does not count.

    Raises:
        LostError: it is no longer this attempt's.
    """
    waiting: dict[str, Any] = {"state": "queued", "returned": _C.returned + 1, "lease_until": None, "runner": ""}
    if job.attempt - job.returned == 1:
        waiting["started_at"] = None  # nothing was tried before: its deadline has not begun
    return _change(connection, job, waiting, now, "returned", {"attempt": job.attempt})


def _change(
    connection: Connection,
    job: Job,
    values: Mapping[str, Any],
    now: datetime | None = None,
    event: str = "",
    data: Mapping[str, Any] | None = None,
) -> Job:
    number = {"events": _C.events + 1} if event else {}
    change = records.update().where(*_mine(job)).values({**values, **number}).returning(records)
    row = connection.execute(change).mappings().one_or_none()
    if row is None:
        raise LostError(f"job {job.id} is no longer held by its attempt {job.attempt}")
    changed = of(row)
    if event:
        assert now is not None
        events.write(connection, job.tenant, job.id, changed.events, now, event, data or {})
    return changed


def forget(connection: Connection, now: datetime, keep_days: float, most: int) -> int:
    """Remove jobs that ended so many days ago, oldest first, with their events; says how many."""
    old = select(_C.tenant, _C.id).where(_C.ended_at <= now - timedelta(days=keep_days)).order_by(_C.ended_at)
    found = [(tenant, id_) for tenant, id_ in connection.execute(old.limit(most))]
    if found:
        event = events.records.c
        connection.execute(delete(events.records).where(tuple_(event.tenant, event.job).in_(found)))
        connection.execute(delete(records).where(tuple_(_C.tenant, _C.id).in_(found)))
    return len(found)
