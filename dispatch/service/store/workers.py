"""Workers that live: each writes now and then that it does, and until when that counts.

What a worker has in hand stands nowhere but at the job itself, so that the two cannot differ: a claim and the row of
its job are one transaction. Above tenants, under the empty name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias, get_args

from sqlalchemy import Column, Connection, Row, Select, String, and_, delete, insert, select, update

from dispatch.service.store.jobs import RUNNING
from dispatch.service.store.jobs import records as jobs
from dispatch.service.store.metadata import UtcTime, table

Doing: TypeAlias = Literal["starting", "ready", "chores", "stopping"]
State: TypeAlias = Literal["starting", "idle", "busy", "chores", "stopping", "gone"]
STATES: tuple[State, ...] = get_args(State)
_KEPT = timedelta(hours=1)  # so long one that ended without a word is shown with its age

records = table(
    "workers",
    Column("id", String(40), primary_key=True),
    Column("name", String(120), nullable=False),  # as jobs.runner has it
    Column("doing", String(12), nullable=False),
    Column("started", UtcTime, nullable=False),
    Column("seen", UtcTime, nullable=False),
    Column("alive_until", UtcTime, nullable=False),
)
_C = records.c


@dataclass(frozen=True)
class Worker:
    """A worker as it stood when it was read.

    Attributes:
        name: machine and process, for people.
        state: ``gone`` where its last sign of life is too old; ``busy`` with a job in hand.
        seen: its last sign of life.
        tenant, job, kind, taken: of the job in hand; None without one.
    """

    name: str
    state: State
    started: datetime
    seen: datetime
    tenant: str | None
    job: str | None
    kind: str | None
    taken: datetime | None


def beat(
    connection: Connection, id_: str, name: str, doing: Doing, started: datetime, now: datetime, alive_s: float
) -> None:
    """A sign of life, which counts for so many seconds.

    Args:
        id_: of this process alone: a machine gives the name of one that ended to another.
    """
    values = {"doing": doing, "seen": now, "alive_until": now + timedelta(seconds=alive_s)}
    if not connection.execute(update(records).where(*_of(id_)).values(values)).rowcount:
        row = {"tenant": "", "id": id_, "name": name, "started": started, **values}
        connection.execute(insert(records), row)


def leave(connection: Connection, id_: str) -> None:
    """It ends, and says so."""
    connection.execute(delete(records).where(*_of(id_)))


def forget(connection: Connection, now: datetime) -> int:
    """Remove those that ended long ago without a word; says how many."""
    return connection.execute(delete(records).where(_C.tenant == "", _C.alive_until <= now - _KEPT)).rowcount


def listed(connection: Connection, now: datetime, limit: int) -> Sequence[Worker]:
    """Those whose sign of life is the newest first."""
    return [_worker(row, now) for row in connection.execute(_with_jobs().order_by(_C.seen.desc()).limit(limit))]


def counted(connection: Connection, now: datetime) -> dict[State, int]:
    """How many there are of each state."""
    found = Counter(_worker(row, now).state for row in connection.execute(_with_jobs()))
    return {state: found[state] for state in STATES}


def alive(counts: dict[State, int]) -> int:
    """How many of them live."""
    return sum(counts.values()) - counts["gone"]


def _of(id_: str) -> tuple[Any, ...]:
    return (_C.tenant == "", _C.id == id_)


def _with_jobs() -> Select[Any]:
    # A job that was taken before the worker began is of another process, which had the same name.
    theirs = and_(RUNNING, jobs.c.runner == _C.name, jobs.c.claimed_at >= _C.started)
    of_job = (jobs.c.tenant.label("owner"), jobs.c.id.label("job"), jobs.c.kind, jobs.c.claimed_at)
    columns = (_C.id, _C.name, _C.doing, _C.started, _C.seen, _C.alive_until, *of_job)
    return select(*columns).select_from(records.outerjoin(jobs, theirs)).where(_C.tenant == "")


def _worker(row: Row[Any], now: datetime) -> Worker:
    state: State = row.doing if row.doing != "ready" else "idle"
    if row.alive_until <= now:
        state = "gone"
    elif row.job is not None:
        state = "busy"
    return Worker(row.name, state, row.started, row.seen, row.owner, row.job, row.kind, row.claimed_at)
