"""Forecasts: what was asked for, and once its job is done the tables of what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Index, Integer, Row, String, and_

from dispatch.service.errors import NotFoundError
from dispatch.service.store import jobs
from dispatch.service.store.ids import new_id
from dispatch.service.store.metadata import Json, UtcTime, table
from dispatch.service.store.transaction import Tx

forecasts = table(
    "forecasts",
    Column("id", String(40), primary_key=True),
    Column("site", String(100), nullable=False),
    Column("site_version", Integer, nullable=False),
    Column("job", String(40), nullable=False),
    Column("request", Json, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("issued", UtcTime, nullable=False),
    Column("start", UtcTime, nullable=False),
    Column("end", UtcTime, nullable=False),
    Column("steps", Integer, nullable=False),
    # From here on null until the job is done.
    Column("made", UtcTime),
    Column("result", Json),
    Column("quantiles_file", String(40)),
    Column("scenarios_file", String(40)),
    Index("ix_forecasts_tenant_site_id", "tenant", "site", "id"),
)
_C = forecasts.c


def create(tx: Tx, values: Mapping[str, Any]) -> str:
    """Note what is asked for; its job is still to be named."""
    id_ = new_id("fct")
    tx.insert(forecasts, {"id": id_, "job": "", "created": tx.now, **values})
    return id_


def name_job(tx: Tx, id_: str, job: str) -> None:
    """The job that makes it."""
    tx.execute(tx.update(forecasts).where(_C.id == id_).values(job=job))


def finish(tx: Tx, id_: str, values: Mapping[str, Any]) -> None:
    """What came of it."""
    tx.execute(tx.update(forecasts).where(_C.id == id_).values(made=tx.now, **values))


def _query(tx: Tx) -> Any:
    joined = forecasts.outerjoin(jobs.records, and_(jobs.records.c.tenant == _C.tenant, jobs.records.c.id == _C.job))
    columns = (forecasts, jobs.records.c.state.label("job_state"), jobs.records.c.problem.label("job_problem"))
    return tx.select(forecasts, *columns).select_from(joined)


def get(tx: Tx, id_: str) -> Row[Any]:
    """One forecast, with ``job_state`` and ``job_problem``.

    Raises:
        NotFoundError: the tenant has none of this id.
    """
    row = tx.first(_query(tx).where(_C.id == id_))
    if row is None:
        raise NotFoundError(f"There is no forecast '{id_}'.")
    return row


def listed(tx: Tx, *, site: str | None, before: str | None, limit: int) -> Sequence[Row[Any]]:
    """Forecasts, the newest first."""
    query = _query(tx)
    if site is not None:
        query = query.where(_C.site == site)
    if before is not None:
        query = query.where(_C.id < before)
    return tx.all(query.order_by(_C.id.desc()).limit(limit))
