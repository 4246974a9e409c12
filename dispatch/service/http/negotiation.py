"""One thing in several formats: what the client accepts decides (RFC 9110, section 12)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from dispatch.service.errors import NotAcceptableError

if TYPE_CHECKING:
    import pyarrow as pa

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"
CSV = "text/csv"
TABLE = (JSON, ARROW, CSV)
_AT_ONCE = 1000


def choose(accept: str | None, offered: Sequence[str]) -> str:
    """The best of the offered types by an Accept header; the first where the client does not care.

    Raises:
        NotAcceptableError: none of them is accepted.
    """
    if accept is None or not accept.strip():
        return offered[0]
    ranges = [_range(part) for part in accept.split(",")]
    weighed = [(_weight(kind, ranges), -at) for at, kind in enumerate(offered)]
    best, at = max(weighed)
    if best <= 0:
        raise NotAcceptableError(f"Accept: {accept[:200]} fits none of {', '.join(offered)}.")
    return offered[-at]


def _range(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip() for piece in part.split(";"))
    weight = 1.0
    for each in parameters:
        name, _, value = each.partition("=")
        if name.strip().lower() == "q":
            try:
                weight = float(value)
            except ValueError:
                weight = 0.0
    return kind.lower(), weight if 0 <= weight <= 1 else 0.0


def _weight(kind: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The weight of the most specific range that the type is in, none of them: 0."""
    for wanted in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        found = [weight for each, weight in ranges if each == wanted]
        if found:
            return max(found)
    return 0.0


def written(table: pa.Table, kind: str) -> bytes:
    """A table in one of the formats."""
    if kind == ARROW:
        return _arrow(table)
    return _csv(table) if kind == CSV else json_bytes({"rows": list(_rows(table))})


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Row by row; Arrow holds everybody else up while it makes Python's objects, so it makes a few at a time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [
        pc.if_else(pc.is_nan(column), None, column) if pa.types.is_floating(column.type) else column
        for column in _told(table).columns
    ]  # JSON lacks NaN
    for batch in pa.table(columns, names=table.column_names).to_batches(max_chunksize=_AT_ONCE):
        names, values = batch.schema.names, [column.to_pylist() for column in batch.columns]
        yield from (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))


def _told(table: pa.Table) -> pa.Table:
    """Times as :func:`utc_text` has them, in Arrow: as Python's objects, many of them would stop the whole server."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column in table.columns:
        if pa.types.is_timestamp(column.type):
            moments = column.cast(pa.timestamp("us", "UTC"))
            texts = pc.strftime(moments, "%Y-%m-%dT%H:%M:%SZ", locale="C")
            columns.append(pc.replace_substring(texts, ".000000Z", "Z"))
        else:
            columns.append(column)
    return pa.table(columns, names=table.column_names)


def json_bytes(value: Any) -> bytes:
    """Compact JSON; NaN and infinity are bugs here and raise."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_other).encode()


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC, with Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _other(value: object) -> str:
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _arrow(table: pa.Table) -> bytes:
    import pyarrow.ipc

    out = io.BytesIO()
    with pyarrow.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def _csv(table: pa.Table) -> bytes:
    """With Arrow's own writer, times as in JSON."""
    import pyarrow.csv

    out = io.BytesIO()
    pyarrow.csv.write_csv(_told(table), out)
    return out.getvalue()
