"""What has to be done now and then: the journal into Parquet, and what nobody names any more off the disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from dispatch.service.store import tenants
from dispatch.service.store.database import Store
from dispatch.service.store.durable import UNFINISHED
from dispatch.service.store.files import files
from dispatch.service.store.series import compaction

# A journal is moved when it has so many entries or rows, or when the oldest of them is so old.
ENTRIES, ROWS, AGE = 500, 100_000, timedelta(minutes=10)
GRACE_S = compaction.GRACE_S
_LOCK_AT_ONCE = 200


def compact(store: Store, *, everything: bool = False, progress: Callable[[str], object] = lambda _: None) -> int:
    """Move journals that are long or old into Parquet, with ``everything`` all of them; says how many rows."""
    with store.admin(write=False) as connection:
        found = compaction.waiting(connection)
    moved, now = 0, datetime.now(UTC)
    for row in found:
        if not (everything or row.entries >= ENTRIES or row.rows >= ROWS or now - row.oldest >= AGE):
            continue
        while (done := compaction.compact(store, row.tenant)).entries:
            moved += done.rows
            progress(f"{row.tenant}: {done.rows} values in {done.parts} parts")
            if not everything and done.entries < ENTRIES:
                break
    return moved


def sweep(store: Store, *, grace_s: float = GRACE_S) -> int:
    """Remove contents and parts that nothing names, of writes that did not end or of what was replaced; how many."""
    with store.admin(write=False) as connection:
        names = [each.tenant for each in tenants.listed(connection)]
    return sum(compaction.sweep(store, name, grace_s=grace_s) + _sweep_files(store, name, grace_s) for name in names)


def _sweep_files(store: Store, tenant: str, grace_s: float) -> int:
    before = time.time() - grace_s
    with store.read(tenant) as tx:
        named = {row.sha256 for row in tx.all(tx.select(files, files.c.sha256))}
        root = tx.disk.files(tenant)
    old = [path for path in root.glob("??/*") if path.name not in named and path.stat().st_mtime < before]
    gone = 0
    for first in range(0, len(old), _LOCK_AT_ONCE):
        # A file is put, and touched, by a writer of the tenant: while we are the one, none comes in between.
        with store.write(tenant, "sweep") as tx:
            some = old[first : first + _LOCK_AT_ONCE]
            again = select(files.c.sha256).where(files.c.tenant == tenant, files.c.sha256.in_([p.name for p in some]))
            named = set(tx.connection.execute(again).scalars())
            gone += sum(_removed(path, before) for path in some if path.name not in named)
    return gone


def _removed(path: Path, before: float) -> bool:
    if path.stat().st_mtime >= before or not (path.suffix == UNFINISHED or len(path.name) == 64):
        return False
    path.unlink(missing_ok=True)
    return True
