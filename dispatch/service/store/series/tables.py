"""Where series stand: a journal of what came, Parquet parts by day, and what is held of each series."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String

from dispatch.service.store.metadata import UtcTime, table

# An append is one row here, its measurements an Arrow stream: one commit acknowledges all of them.
journal = table(
    "series_journal",
    Column("id", String(40), primary_key=True),
    Column("site", String(100)),  # none: of several, so that whoever reads any site has to look
    Column("received", UtcTime, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("first", UtcTime, nullable=False),
    Column("last", UtcTime, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
# A Parquet file with measurements of one day (UTC, of the end of their interval). Files never change.
parts = table(
    "series_parts",
    Column("id", String(40), primary_key=True),
    Column("day", String(10), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created", UtcTime, nullable=False),
    Index("ix_series_parts_tenant_day", "tenant", "day"),
)
held = table(
    "series_held",
    Column("site", String(100), primary_key=True),
    Column("series", String(200), primary_key=True),
    Column("source", String(100), primary_key=True),
    Column("first", UtcTime, nullable=False),
    Column("last", UtcTime, nullable=False),
    Column("times", BigInteger, nullable=False),  # how many different times have a value
    Column("received", UtcTime, nullable=False),
)
