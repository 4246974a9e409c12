"""What schemathesis is told beside the document; it imports this file in a process of its own.

A request of its making may revoke the key that it sends, so the key is read from a file anew. Ids that it makes up name
nothing: where it means to send a good one, most of the time it gets that of something that is there. Formats that it
does not know are sent as what it made up for them, which is how garbage gets into Arrow streams.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.core.parameters import ParameterLocation

_RAW = ("application/x-ndjson", "application/vnd.apache.arrow.stream", "text/csv")
_API = "/api/v1"
_OF_TEN = 7  # so many ids of ten are of something that is there


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


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
    """Put ids of things that are there in the place of good ids."""
    if not case.path_parameters or (case.meta is not None and case.meta.is_negative_at(ParameterLocation.PATH)):
        return
    for parameter, kind in _kinds(case.path):
        drawn = hashlib.sha256(str(case.path_parameters.get(parameter)).encode("utf-8", "replace")).digest()[0]
        if kind in _things() and parameter in case.path_parameters and drawn % 10 < _OF_TEN:
            case.path_parameters[parameter] = _things()[kind]


@cache
def _things() -> dict[str, str]:
    """Kind (the part of a path before an id) → an id."""
    found: dict[str, str] = json.loads(Path(os.environ["PARKWATT_BENCH_THINGS"]).read_text(encoding="utf-8"))
    return found


@cache
def _kinds(path: str) -> list[tuple[str, str]]:
    from benchmarks.topics.service.isolation.world import kinds

    return list(kinds(path.removeprefix(_API)))
