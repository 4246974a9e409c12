"""A table as JSON and CSV: what JSON lacks, and times as everything else here writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest

from dispatch.service.http.negotiation import CSV, JSON, utc_text, written

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MOMENTS = [NOON, NOON + timedelta(microseconds=456_000), NOON + timedelta(microseconds=7)]
TABLE = pa.table({
    "name": pa.array(["a", None, "c"]).dictionary_encode(),
    "value": pa.array([1.5, float("nan"), None]),
    "count": pa.array([1, 2, None]),
    "time": pa.array(MOMENTS, pa.timestamp("us", "UTC")),
})  # fmt: skip


def test_missing_and_undefined_are_null_and_times_end_in_z() -> None:
    rows = json.loads(written(TABLE, JSON))["rows"]
    assert [row["value"] for row in rows] == [1.5, None, None]
    assert [row["name"] for row in rows] == ["a", None, "c"]
    assert [row["count"] for row in rows] == [1, 2, None]
    assert [row["time"] for row in rows] == [utc_text(moment) for moment in MOMENTS]
    assert written(TABLE.slice(0, 0), JSON) == b'{"rows":[]}'


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_times_of_any_zone_and_unit_are_told_in_utc(unit: str) -> None:
    here = datetime(2026, 6, 1, 20, tzinfo=timezone(timedelta(hours=8)))
    table = pa.table({"time": pa.array([here], pa.timestamp(unit, "Asia/Shanghai"))})
    assert json.loads(written(table, JSON))["rows"] == [{"time": "2026-06-01T12:00:00Z"}]
    assert b"2026-06-01T12:00:00Z" in written(table, CSV)
