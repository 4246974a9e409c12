"""Arrow tables in and out, for programs that have pyarrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatch.client.problems import UnsupportedError

if TYPE_CHECKING:
    import pyarrow as pa

ARROW = "application/vnd.apache.arrow.stream"


def _arrow() -> Any:
    try:
        import pyarrow as pa
        import pyarrow.ipc
    except ImportError as error:
        raise UnsupportedError("tables need pyarrow: pip install pyarrow") from error
    return pa


def to_bytes(table: pa.Table) -> bytes:
    """A table as an Arrow stream."""
    pa = _arrow()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def from_bytes(content: bytes) -> pa.Table:
    """The table of an Arrow stream."""
    pa = _arrow()
    with pa.ipc.open_stream(pa.py_buffer(content)) as reader:
        return reader.read_all()
