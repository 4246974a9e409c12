"""Measured series: acknowledged by one commit to a journal, kept in Parquet by day, read by DuckDB."""

from __future__ import annotations

from dispatch.service.store.series.append import alike_name, append, judge, take
from dispatch.service.store.series.archives import archive
from dispatch.service.store.series.compaction import compact
from dispatch.service.store.series.names import accepted, by_asset
from dispatch.service.store.series.names import of_park as names_of_park
from dispatch.service.store.series.reading import holdings, read
from dispatch.service.store.series.rows import Receipt, Rejection, Verdict, coded

__all__ = [
    "Receipt",
    "Rejection",
    "Verdict",
    "accepted",
    "alike_name",
    "append",
    "archive",
    "by_asset",
    "coded",
    "compact",
    "holdings",
    "judge",
    "names_of_park",
    "read",
    "take",
]
