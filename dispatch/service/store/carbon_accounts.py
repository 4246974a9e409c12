"""Carbon accounts: what was asked for, and once its job is done the tables of what came of it."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String

from dispatch.service.store.made_by_jobs import MadeByJobs
from dispatch.service.store.metadata import Json, UtcTime, table

accounts = table(
    "carbon_accounts",
    Column("id", String(40), primary_key=True),
    Column("site", String(100), nullable=False),
    Column("site_version", Integer, nullable=False),
    Column("schedule", String(40)),
    Column("job", String(40), nullable=False),
    Column("request", Json, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("start", UtcTime, nullable=False),
    Column("end", UtcTime, nullable=False),
    # From here on null until the job is done.
    Column("made", UtcTime),
    Column("result", Json),
    Column("ledgers_file", String(40)),
    Column("goods_file", String(40)),
    Column("certificates_file", String(40)),
    Column("page_file", String(40)),
    Index("ix_carbon_accounts_tenant_site_id", "tenant", "site", "id"),
)
_rows = MadeByJobs(accounts, "cac", "carbon account")
create, name_job, finish = _rows.create, _rows.name_job, _rows.finish
get, listed = _rows.get, _rows.listed
