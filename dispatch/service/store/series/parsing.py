"""Rows that came as JSON or Arrow, as the table that is taken; what cannot be read is a rejection of its row."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dispatch.service.store.metadata import microseconds
from dispatch.service.store.series.rows import COLUMNS, TIME, Rejection

if TYPE_CHECKING:
    import pyarrow as pa

_NEEDED = ("site", "series", "time", "value")
_TIME = "RFC 3339 with an offset, such as 2026-05-01T12:15:00Z"


def table(found: Iterable[Any]) -> tuple[pa.Table, dict[int, Rejection]]:
    """Rows from JSON objects, and by place those that are none."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    wrong: dict[int, Rejection] = {}
    for index, row in enumerate(found):
        read = _row(index, row)
        if isinstance(read, Rejection):
            wrong[index], read = read, (None, None, None, None, None)
        for name, value in zip(COLUMNS, read, strict=True):
            columns[name].append(value)
    kinds = (pa.string(), pa.string(), pa.string(), pa.int64(), pa.float64())
    arrays = [pa.array(columns[name], kind) for name, kind in zip(COLUMNS, kinds, strict=True)]
    arrays[COLUMNS.index("time")] = arrays[COLUMNS.index("time")].cast(TIME())
    return pa.table(dict(zip(COLUMNS, arrays, strict=True))), wrong


def _row(index: int, row: Any) -> tuple[Any, ...] | Rejection:
    if isinstance(row, Rejection):
        return row
    if not isinstance(row, dict):
        return Rejection(index, "", "is no object", f"an object with {', '.join(_NEEDED)}")
    for name in _NEEDED:
        if name not in row:
            return Rejection(index, name, "is missing", _TIME if name == "time" else "")
    for name, value in row.items():
        check = _CHECKS.get(name)
        if check is None:
            return Rejection(index, name[:100], "is not a known field", ", ".join(COLUMNS))
        if (reason := check(value)) is not None:
            return Rejection(index, name, *reason)
    value = row["value"]
    time = microseconds(datetime.fromisoformat(row["time"]))
    return row["site"], row["series"], row.get("source", ""), time, None if value is None else float(value)


def _text(value: Any) -> tuple[str, str] | None:
    return None if isinstance(value, str) else ("is no text", "a name")


def _number(value: Any) -> tuple[str, str] | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return None
    return "is no number", "a number, or null where nobody knows"


def _moment(value: Any) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return "is no text", _TIME
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return f"is no time (found '{value[:60]}')", _TIME
    if found.tzinfo is None:
        return f"has no offset from UTC (found '{value[:60]}')", _TIME
    return None


_CHECKS: dict[str, Callable[[Any], tuple[str, str] | None]] = {
    "site": _text, "series": _text, "source": _text, "time": _moment, "value": _number,
}  # fmt: skip


def lines(body: bytes, read: Callable[[bytes], Any]) -> Iterator[Any]:
    """Objects of NDJSON, one in each line that is not empty; ``read`` raises ValueError for what is no JSON."""
    index = 0
    for line in body.splitlines():
        if not line.strip():
            continue
        try:
            yield read(line)
        except ValueError as error:
            yield Rejection(index, "", f"is no JSON: {error}", "an object in each line")
        index += 1


def stream(body: bytes, rows_max: int) -> pa.Table:
    """The rows of an Arrow stream, checked through and through: what a stranger sent may lie about its own offsets.

    Raises:
        ValueError: it is none, or has more rows than are taken.
    """
    import pyarrow as pa
    import pyarrow.ipc

    batches, count = [], 0
    try:
        if _is_compressed(body):
            raise ValueError("is compressed inside; send it plain, with Content-Encoding: gzip if it should be small")
        reader = pa.ipc.open_stream(pa.BufferReader(body))
        for batch in reader:
            count += batch.num_rows
            if count > rows_max:
                raise ValueError(f"more than {rows_max} rows; send them in parts")
            batch.validate(full=True)
            batches.append(batch)
        return pa.Table.from_batches(batches, reader.schema)
    except (pa.ArrowException, OSError, struct.error) as error:
        raise ValueError(f"is no Arrow stream: {str(error).splitlines()[0][:200]}") from None


def _is_compressed(body: bytes) -> bool:
    """Whether a batch says that its buffers are compressed: a few bytes could stand for gigabytes then.

    Arrow's reader tells it to nobody, so it is read from the messages (format/Message.fbs, as flatbuffers).
    """
    import pyarrow as pa
    import pyarrow.ipc

    for message in pa.ipc.MessageReader.open_stream(pa.BufferReader(body)):
        table = memoryview(message.metadata)
        start = _follow(table, 0)
        header = _field(table, start, 2)
        if message.type == "dictionary" and header:
            header = _field(table, _follow(table, header), 1)
        if message.type != "schema" and header and _field(table, _follow(table, header), 3):
            return True
    return False


def _follow(table: memoryview, at: int) -> int:
    """Where the offset at a place points."""
    (offset,) = struct.unpack_from("<I", table, at)
    return at + int(offset)


def _field(table: memoryview, start: int, number: int) -> int:
    """Place of a field of a flatbuffers table, 0 where it is left out."""
    (back,) = struct.unpack_from("<i", table, start)
    entries = start - back
    (size,) = struct.unpack_from("<H", table, entries)
    place = 4 + 2 * number
    if place >= size:
        return 0
    (offset,) = struct.unpack_from("<H", table, entries + place)
    return start + offset if offset else 0
