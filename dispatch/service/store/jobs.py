"""Jobs: work that a request asks for and a worker does, kept in the same database as what they are about.

A job is submitted in the caller's transaction, so it exists exactly if the request was accepted::

    queued ──claim──▶ running ──finish──▶ done
      ▲ │               │ │ └──fail────▶ failed
      │ └───cancel──────┼─┴──cancel────▶ cancelled
      └──retry, release─┘   (and a lease that lapses: another runner claims it)

Every claim raises ``attempt``, and whatever ends the job or has effects names the attempt that it belongs to: of two
runners that both believe to hold a job only the later one can write. What runners do stands in
:mod:`dispatch.service.store.claims`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    RowMapping,
    String,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.sql import ColumnElement

from dispatch.service import trace
from dispatch.service.errors import NotFoundError, TooManyRequestsError
from dispatch.service.store import events
from dispatch.service.store.ids import new_id
from dispatch.service.store.metadata import Json, UtcTime, table
from dispatch.service.store.transaction import Tx

State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed", "cancelled")
ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled"})

_RETRY_AFTER_S = 10

records = table(
    "jobs",
    Column("id", String(40), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("scope", String(40), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("request", Json, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("traceparent", String(64), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("deadline_s", Float),
    Column("state", String(12), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("returned", Integer, nullable=False),  # attempts that count for nothing: the worker stopped, or died
    Column("not_before", UtcTime, nullable=False),
    Column("runner", String(120), nullable=False),
    Column("lease_until", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),  # of the first attempt: the deadline counts from here
    Column("claimed_at", UtcTime),  # of the last one
    Column("ended_at", UtcTime),
    Column("events", BigInteger, nullable=False),  # how many it has had: the number of the last one
    Column("result", Json),
    Column("problem", Json),
)
# A claim looks at a tenant's waiting jobs in their order, at lapsed leases, and at when a tenant last had a turn.
# As literals: neither database takes an index of a part of the rows where the state is a parameter.
QUEUED = records.c.state == literal_column("'queued'", String)
RUNNING = records.c.state == literal_column("'running'", String)
Index(
    "ix_jobs_queued",
    records.c.tenant,
    records.c.priority.desc(),
    records.c.id,
    sqlite_where=QUEUED,
    postgresql_where=QUEUED,
)
Index("ix_jobs_due", records.c.not_before, sqlite_where=QUEUED, postgresql_where=QUEUED)
Index("ix_jobs_running", records.c.lease_until, sqlite_where=RUNNING, postgresql_where=RUNNING)
Index("ix_jobs_claimed", records.c.tenant, records.c.claimed_at)
Index("ix_jobs_ended", records.c.ended_at)
# Lists are of one state or one kind, newest first.
Index("ix_jobs_state", records.c.tenant, records.c.state, records.c.id)
Index("ix_jobs_kind", records.c.tenant, records.c.kind, records.c.id)


@dataclass(frozen=True)
class Job:
    """One job as it stood when it was read.

    Attributes:
        id: ``job_…``, ordered by time of submission.
        kind: which module of :mod:`dispatch.service.work` does it.
        scope: what a key must be allowed to read to see it, such as ``plans``.
        subject: what it is about, such as the id of a schedule; for lists and for people.
        request: what was asked.
        actor: who asked; what the job does is written to the audit trail in their name.
        traceparent: W3C trace context of the request that asked; empty without tracing.
        priority: of a tenant's waiting jobs those of higher priority come first.
        deadline_s: seconds from its first start after which it is answered by its floor; None: the worker's setting.
        attempt: how often it was claimed.
        returned: how many of these attempts do not count, since the worker gave it back, or died over it.
        result: what the kind's ``commit`` answered, once done.
        problem: why it failed, as the members of an RFC 9457 problem.
        events: number of its last event.
    """

    tenant: str
    id: str
    kind: str
    scope: str
    subject: str
    request: dict[str, Any]
    actor: str
    traceparent: str
    priority: int
    deadline_s: float | None
    state: State
    attempt: int
    returned: int
    not_before: datetime
    runner: str
    lease_until: datetime | None
    created_at: datetime
    started_at: datetime | None
    claimed_at: datetime | None
    ended_at: datetime | None
    events: int
    result: dict[str, Any] | None
    problem: dict[str, Any] | None

    @property
    def has_ended(self) -> bool:
        """Nothing will happen to it any more."""
        return self.state in ENDED

    @property
    def queued_s(self) -> float | None:
        """How long it waited for its first start."""
        end = self.started_at or self.ended_at
        return None if end is None else (end - self.created_at).total_seconds()

    @property
    def running_s(self) -> float | None:
        """How long it took from its first start to its end, pauses between attempts included."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


def of(row: RowMapping) -> Job:
    """The job that a row of the table holds."""
    return Job(**row)


def submit(
    tx: Tx,
    kind: str,
    request: Mapping[str, Any],
    *,
    scope: str = "plans",
    subject: str = "",
    deadline_s: float | None = None,
    priority: int = 0,
    most_queued: int | None = None,
) -> Job:
    """Accept a job in the caller's transaction: when that commits, the job will be done.

    Args:
        scope: keys that may read this (``plans``, ``markets``, ``carbon``) see the job, those that may write it can
            cancel it.
        most_queued: how many of this tenant's jobs may wait; the default is the store's.

    Raises:
        TooManyRequestsError: the tenant has as many jobs waiting as it may.
    """
    _refuse_if_full(tx, tx.most_queued if most_queued is None else most_queued)
    values: dict[str, Any] = {
        "tenant": tx.tenant,
        "id": new_id("job"),
        "kind": kind,
        "scope": scope,
        "subject": subject,
        "request": dict(request),
        "actor": tx.actor,
        "traceparent": trace.traceparent(),
        "priority": priority,
        "deadline_s": deadline_s,
        "state": "queued",
        "attempt": 0,
        "returned": 0,
        "not_before": tx.now,
        "runner": "",
        "created_at": tx.now,
        "events": 1,
    }
    tx.insert(records, values)
    events.write(tx.connection, tx.tenant, values["id"], 1, tx.now, "queued", {})
    for name in ("lease_until", "started_at", "claimed_at", "ended_at", "result", "problem"):
        values[name] = None
    return Job(**values)


def _refuse_if_full(tx: Tx, most: int) -> None:
    waiting = tx.select(records, records.c.id).where(QUEUED).limit(most).subquery()
    count = tx.execute(select(func.count()).select_from(waiting)).scalar_one()
    if count >= most:
        raise TooManyRequestsError(
            f"{count} jobs of this tenant wait; accepted are at most {most}: let some end, or cancel them",
            headers={"Retry-After": str(_RETRY_AFTER_S)},
        )


def get(tx: Tx, id_: str) -> Job:
    """One job of the tenant.

    Raises:
        NotFoundError: the tenant has no job of that id.
    """
    job = seek(tx, id_)
    if job is None:
        raise NotFoundError(f"there is no job '{id_}'")
    return job


def seek(tx: Tx, id_: str) -> Job | None:
    """One job of the tenant; None where there is none, as when it ended so long ago that it is not kept any more."""
    row = tx.execute(tx.select(records).where(records.c.id == id_)).mappings().one_or_none()
    return None if row is None else of(row)


def find(
    tx: Tx,
    *,
    states: Sequence[State] = (),
    scopes: Collection[str] | None = None,
    kind: str = "",
    subject: str = "",
    before: str = "",
    limit: int = 100,
) -> list[Job]:
    """The tenant's jobs, newest first.

    Args:
        states: only these; none: all.
        scopes: only jobs of these scopes; None: of all.
        kind: only this kind; empty: all.
        subject: only what is about this; empty: all.
        before: only those older than the job of this id; empty: from the newest on.
        limit: at most so many.
    """
    wanted: list[ColumnElement[bool]] = []
    if states:
        wanted.append(records.c.state.in_(states))
    if scopes is not None:
        wanted.append(records.c.scope.in_(sorted(scopes)))
    if kind:
        wanted.append(records.c.kind == kind)
    if subject:
        wanted.append(records.c.subject == subject)
    if before:
        wanted.append(records.c.id < before)
    query = tx.select(records).where(*wanted).order_by(records.c.id.desc()).limit(limit)
    return [of(row) for row in tx.execute(query).mappings()]


def cancel(tx: Tx, id_: str) -> Job:
    """End a job that has not ended; one that has is left as it is and returned.

    A running one ends here and now: its runner finds out within a moment, and can write nothing any more.

    Raises:
        NotFoundError: the tenant has no job of that id.
    """
    ended = {"state": "cancelled", "ended_at": tx.now, "lease_until": None, "events": records.c.events + 1}
    change = (
        tx.update(records)
        .where(records.c.id == id_, records.c.state.in_(("queued", "running")))
        .values(ended)
        .returning(records)
    )
    row = tx.execute(change).mappings().one_or_none()
    if row is None:
        return get(tx, id_)
    job = of(row)
    events.write(tx.connection, tx.tenant, id_, job.events, tx.now, "cancelled", {"by": tx.actor})
    tx.audit("job.cancelled", id_, {"kind": job.kind, "subject": job.subject})
    return job


def last_events(connection: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Number of the last event of each of these jobs, (tenant, id); a job that is not there is missing."""
    query = select(records.c.tenant, records.c.id, records.c.events)
    found = connection.execute(query.where(tuple_(records.c.tenant, records.c.id).in_(keys)))
    return {(tenant, id_): number for tenant, id_, number in found}


@dataclass(frozen=True)
class Numbers:
    """How the queue stands, of all tenants together.

    Attributes:
        waiting: jobs that wait, by kind; running: those in hand.
        oldest_s: how long the one that could have begun first has waited; 0 where none waits.
        ended: jobs that ended in the last minutes, by state.
    """

    waiting: Mapping[str, int]
    running: Mapping[str, int]
    oldest_s: float
    ended: Mapping[str, int]


def numbers(connection: Connection, now: datetime, window_s: float = 300.0) -> Numbers:
    """Count jobs that have not ended, and those that have lately; what ended long ago is not read."""
    by_kind = select(records.c.kind, func.count()).group_by(records.c.kind)
    waiting: dict[str, int] = dict(connection.execute(by_kind.where(QUEUED)).all())
    running: dict[str, int] = dict(connection.execute(by_kind.where(RUNNING)).all())
    due = select(func.min(records.c.not_before)).where(QUEUED, records.c.not_before <= now)
    first: datetime | None = connection.execute(due).scalar()
    lately = select(records.c.state, func.count()).where(records.c.ended_at > now - timedelta(seconds=window_s))
    ended: dict[str, int] = dict(connection.execute(lately.group_by(records.c.state)).all())
    return Numbers(waiting, running, 0.0 if first is None else (now - first).total_seconds(), ended)
