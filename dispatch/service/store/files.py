"""Files of a tenant, kept by their content: on disk for good before the row that names them commits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Row, String, Text

from dispatch.service.store.durable import make_folder, sync_folder, write_file
from dispatch.service.store.faults import DamagedError
from dispatch.service.store.ids import new_id
from dispatch.service.store.metadata import UtcTime, table
from dispatch.service.store.transaction import Tx

files = table(
    "files",
    Column("id", String(40), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(200), nullable=False),
    Column("name", Text, nullable=False),
    Column("created", UtcTime, nullable=False),
    Index("ix_files_tenant_sha256", "tenant", "sha256"),
)


@dataclass(frozen=True)
class StoredFile:
    """A file that the store keeps."""

    id: str
    sha256: str
    size: int
    media_type: str
    name: str
    created: datetime


def put(tx: Tx, data: bytes, media_type: str, name: str) -> StoredFile:
    """Keep a file; the same content is on disk once."""
    tx.require_writes()
    sha256 = hashlib.sha256(data).hexdigest()
    path = place(tx, sha256)
    if path.exists():
        path.touch()  # one that nobody names yet is not swept now
        # Who wrote it may have been killed before this, and its name must last as long as the row does.
        make_folder(path.parent)
        sync_folder(path.parent)
    else:
        write_file(path, lambda handle: handle.write(data))
    made = StoredFile(new_id("fil"), sha256, len(data), media_type, name, tx.now)
    tx.insert(files, {**vars(made)})
    return made


def get(tx: Tx, file_id: str) -> StoredFile | None:
    """What is known of a file; None where the tenant has none of this id."""
    row = tx.first(tx.select(files).where(files.c.id == file_id))
    return None if row is None else _stored(row)


def read(tx: Tx, file_id: str) -> bytes:
    """The content of a file.

    Raises:
        KeyError: the tenant has none of this id.
        DamagedError: it is not on disk any more, or is not what was put.
    """
    found = get(tx, file_id)
    if found is None:
        raise KeyError(file_id)
    try:
        data = place(tx, found.sha256).read_bytes()
    except FileNotFoundError:
        raise DamagedError(f"the content of file {file_id} is missing") from None
    if hashlib.sha256(data).hexdigest() != found.sha256:
        raise DamagedError(f"the content of file {file_id} is not what was stored")
    return data


def remove(tx: Tx, ids: Sequence[str]) -> None:
    """Forget files; their contents go with a later sweep, where nothing else names them."""
    for row in tx.all(tx.select(files, files.c.sha256).where(files.c.id.in_(ids))):
        path = place(tx, row.sha256)
        if path.exists():
            path.touch()  # a backup that began before still finds it
    tx.execute(tx.delete(files).where(files.c.id.in_(ids)))


def place(tx: Tx, sha256: str) -> Path:
    """Where a content lies."""
    return tx.disk.files(tx.tenant) / sha256[:2] / sha256


def _stored(row: Row[Any]) -> StoredFile:
    return StoredFile(row.id, row.sha256, row.size, row.media_type, row.name, row.created)
