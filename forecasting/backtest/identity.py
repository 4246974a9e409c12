"""Content hashes: what was asked, of which data, with which code. Equal hashes mean equal results."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import forecasting
from forecasting.archive import Archive
from forecasting.archive.known import Known
from forecasting.errors import ForecastError, LookAheadError


def content_hash(*values: Any) -> str:
    """SHA-256 over plain values, arrays, mappings, sequences and objects by their fields.

    Raises:
        LookAheadError: one of them holds an archive, through which it could see what had not come yet.
        ForecastError: one of them has no content that can be told, such as a lambda.
    """
    digest = hashlib.sha256()
    for value in values:
        for piece in _pieces(value, ()):
            digest.update(len(piece).to_bytes(8, "little") + piece)
    return digest.hexdigest()


def _pieces(value: Any, inside: tuple[int, ...]) -> Iterator[bytes]:
    if isinstance(value, Archive | Known):
        raise LookAheadError(
            f"a model holds {type(value).__name__} of its own; all that it may know comes through `known`"
        )
    if value is None or isinstance(value, bool | int | float | str | bytes | np.generic):
        yield f"{type(value).__name__}:{value!r}".encode()
    elif isinstance(value, np.ndarray):
        yield f"array:{value.dtype.str}:{value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif id(value) in inside:
        yield b"again"
    else:
        yield from _compound(value, (*inside, id(value)))


def _compound(value: Any, inside: tuple[int, ...]) -> Iterator[bytes]:
    if isinstance(value, Mapping):
        yield f"mapping:{len(value)}".encode()
        for key in sorted(value, key=repr):
            yield from _pieces(key, inside)
            yield from _pieces(value[key], inside)
    elif isinstance(value, list | tuple):
        yield f"sequence:{len(value)}".encode()
        for item in value:
            yield from _pieces(item, inside)
    elif isinstance(value, set | frozenset):
        yield from _pieces(sorted(value, key=repr), inside)
    elif is_dataclass(value) and not isinstance(value, type):
        yield f"object:{_called(type(value))}".encode()
        for one in fields(value):
            yield one.name.encode()
            yield from _pieces(getattr(value, one.name), inside)
    elif isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        if "<lambda>" in value.__qualname__ or getattr(value, "__closure__", None):
            raise ForecastError(f"{value!r}: a model of a backtest must be made of values and named functions")
        yield f"name:{_called(value)}".encode()
    else:
        yield f"object:{_called(type(value))}".encode()
        yield from _pieces(_state(value), inside)


def _state(value: Any) -> Any:
    if hasattr(value, "__dict__"):
        return vars(value)
    return repr(value)  # dates, time zones, enumerations and the like say all of themselves


def _called(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def archive_hash(archive: Archive) -> str:
    """SHA-256 of all rows of an archive."""
    digest = hashlib.sha256()
    for key in sorted(archive._rows):
        rows = archive._rows[key]
        digest.update(repr((key, len(rows))).encode())
        for column in (rows.issue_ns, rows.valid_ns, rows.available_ns, rows.member, rows.value):
            digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


@cache
def code_version() -> str:
    """SHA-256 of this package's sources: other code, other results."""
    return _sources(Path(forecasting.__file__).parent)


def code_of(value: Any) -> str:
    """SHA-256 of the code behind a model: this package's, and the file of its class where that lies outside."""
    module = type(value).__module__
    own = "" if module.split(".")[0] == "forecasting" else _file(sys.modules[module].__file__)
    return content_hash(code_version(), own)


def _sources(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _file(name: str | None) -> str:
    return "" if name is None else hashlib.sha256(Path(name).read_bytes()).hexdigest()
