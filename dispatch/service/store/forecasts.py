"""Forecasts: what was asked for, and once its job is done the tables of what came of it."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String

from dispatch.service.store.made_by_jobs import MadeByJobs
from dispatch.service.store.metadata import Json, UtcTime, table

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
_rows = MadeByJobs(forecasts, "fct", "forecast")
create, name_job, finish = _rows.create, _rows.name_job, _rows.finish
get, listed = _rows.get, _rows.listed
