"""A kind whose result is a table: kept as Arrow, answered as JSON, Arrow or CSV."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.ipc

from dispatch.service.store import Tx, files
from dispatch.service.store.jobs import Job

ARROW = "application/vnd.apache.arrow.stream"


def prepare(_tx: Tx, _job: Job) -> list[float | None]:
    return [1.5, None]


def run(asked: list[float | None], _progress: Callable[[str], None]) -> list[float | None]:
    return asked


def floor(_asked: list[float | None], _reason: str) -> None:
    return None


def commit(tx: Tx, _job: Job, outcome: list[float | None]) -> dict[str, Any]:
    out = io.BytesIO()
    made = pa.table({"power_kw": outcome})
    with pa.ipc.new_stream(out, made.schema) as writer:
        writer.write_table(made)
    return {"href": "/somewhere", "files": {ARROW: files.put(tx, out.getvalue(), ARROW, "powers.arrow").id}}
