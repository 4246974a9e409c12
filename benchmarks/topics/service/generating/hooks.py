"""What schemathesis is told beside the document; it imports this file in a process of its own.

A request of its making may revoke the key that it sends, so the key is read from a file anew; formats that it does not
know are sent as what it made up for them, which is how garbage gets into Arrow streams.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import schemathesis

_RAW = ("application/x-ndjson", "application/vnd.apache.arrow.stream", "text/csv")


@schemathesis.auth(refresh_interval=1)
class FreshKey:
    """The key that holds now."""

    def get(self, _case: Any, _context: Any) -> str:
        return Path(os.environ["PARKWATT_BENCH_KEY"]).read_text(encoding="utf-8")

    def set(self, case: Any, data: str, _context: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


@schemathesis.serializer(*_RAW)
def raw(_context: Any, value: Any) -> bytes:
    """Bytes as they are, anything else as its text."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
