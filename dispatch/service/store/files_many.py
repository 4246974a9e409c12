"""Many files in one transaction: the disk syncs several at a time, so that other writers do not wait for each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dispatch.service.store import files
from dispatch.service.store.durable import make_folder, sync_folder, write_file
from dispatch.service.store.ids import new_id
from dispatch.service.store.transaction import Tx

_AT_ONCE = 32
_ROWS = 500


def put(tx: Tx, wanted: Mapping[str, bytes], media_type: str) -> dict[str, str]:
    """Keep files by name, as :func:`dispatch.service.store.files.put` does; says the id of each."""
    tx.require_writes()
    digest = {name: hashlib.sha256(data).hexdigest() for name, data in wanted.items()}
    by_digest = {digest[name]: data for name, data in wanted.items()}
    paths = {sha256: files.place(tx, sha256) for sha256 in by_digest}
    for folder in sorted({path.parent for path in paths.values()}):
        make_folder(folder)

    def written(sha256: str) -> None:
        _write(paths[sha256], by_digest[sha256])

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(written, paths))
    ids = {name: new_id("fil") for name in wanted}
    rows = [
        {
            "id": ids[name], "sha256": digest[name], "size": len(data), "media_type": media_type, "name": name,
            "created": tx.now,
        }
        for name, data in wanted.items()
    ]  # fmt: skip
    if rows:
        tx.insert(files.files, rows)
    return ids


def _write(path: Path, data: bytes) -> None:
    """See ``files.put``: what is there may be somebody's who was killed before its name was synced."""
    if path.exists():
        path.touch()
        sync_folder(path.parent)
    else:
        write_file(path, lambda handle: handle.write(data))


def digests(tx: Tx, ids: Sequence[str]) -> dict[str, str]:
    """By id, the SHA-256 of files."""
    found: dict[str, str] = {}
    for first in range(0, len(ids), _ROWS):
        some = files.files.c.id.in_(ids[first : first + _ROWS])
        found |= {row.id: row.sha256 for row in tx.all(tx.select(files.files).where(some))}
    return found
