"""Tables as the bytes of a file, and back."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

ARROW_STREAM = "application/vnd.apache.arrow.stream"


def to_bytes(table: pa.Table) -> bytes:
    """An Arrow stream; the same table is the same bytes. Words stand in it as they are: CSV knows no dictionaries."""
    import pyarrow as pa
    import pyarrow.ipc

    for number, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = pa.field(field.name, pa.string(), metadata=field.metadata)
            table = table.set_column(number, plain, table[field.name].cast(pa.string()))
    out = io.BytesIO()
    with pyarrow.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def from_bytes(data: bytes) -> pa.Table:
    """What ``to_bytes`` made."""
    import pyarrow.ipc

    with pyarrow.ipc.open_stream(data) as reader:
        return reader.read_all()
