"""What happened to jobs, in order: the events that a listener is sent, and can ask for again after a break.

An event's number counts within its job. It is taken from the job's row in the transaction that writes the event, and
that row is locked meanwhile: numbers have no gaps, and who has seen number n has seen all before it. (A sequence of
the whole database would promise neither: of two transactions the one with the higher number may commit first.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, String, select

from dispatch.service.store.metadata import Json, UtcTime, table

records = table(
    "job_events",
    Column("job", String(40), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("data", Json, nullable=False),
)


@dataclass(frozen=True)
class Event:
    """One thing that happened to a job.

    Attributes:
        number: counts from 1 within the job, without gaps.
        kind: queued, running, progress, retrying, returned, done, failed or cancelled.
        data: what there is to say of it.
    """

    tenant: str
    job: str
    number: int
    at: datetime
    kind: str
    data: dict[str, Any]


def write(
    connection: Connection, tenant: str, job: str, number: int, at: datetime, kind: str, data: Mapping[str, Any]
) -> None:
    """Add an event under a number that the caller took from the job's row in this transaction."""
    values = {"tenant": tenant, "job": job, "number": number, "at": at, "kind": kind, "data": dict(data)}
    connection.execute(records.insert().values(values))


def after(connection: Connection, seen: Mapping[tuple[str, str], int], limit: int = 1000) -> list[Event]:
    """Events of these jobs that come after the number seen of each, in order within a job.

    Args:
        seen: (tenant, job) → number of the last event that is known.
        limit: at most so many of one job.
    """
    found: list[Event] = []
    for (tenant, job), number in seen.items():
        mine = (records.c.tenant == tenant, records.c.job == job, records.c.number > number)
        query = select(records).where(*mine).order_by(records.c.number).limit(limit)
        found += [Event(**row) for row in connection.execute(query).mappings()]
    return found
