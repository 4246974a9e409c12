"""Is everything there that was acknowledged? The audit chains, the contents of files, the parts of series."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from dispatch.service.store import chain, tenants
from dispatch.service.store.disk import Disk
from dispatch.service.store.files import files
from dispatch.service.store.series.tables import held, journal, parts

if TYPE_CHECKING:
    from dispatch.service.store.database import Store

Progress = Callable[[str], object]
_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        counts: how many of what were looked at.
        problems: what is not as it was acknowledged; empty where all is well.
    """

    counts: dict[str, int]
    problems: tuple[str, ...]


def check(store: Store, progress: Progress = lambda _: None) -> Checked:
    """Look at all that a store holds; others may go on writing."""
    with store.admin(write=False) as connection:
        return check_all(connection, store.disk, progress)


def check_all(connection: Connection, disk: Disk, progress: Progress = lambda _: None) -> Checked:
    """Likewise, what a database says of a folder."""
    names = [each.tenant for each in tenants.listed(connection)]
    problems: list[str] = []
    counts = {"tenants": len(names), "audit entries": 0, "files": 0, "series parts": 0}
    for name in names:
        progress(f"audit trail of {name}")
        found = chain.verify_chain(connection, name)
        counts["audit entries"] += found.count
        if found.broken_at is not None:
            problems.append(f"audit trail of {name}: {found.reason}")
    for path, sha256, what in named(connection, disk):
        progress(what)
        counts["files" if what.startswith("file") else "series parts"] += 1
        if not path.is_file():
            problems.append(f"{what}: {path.name} is missing")
        elif content_hash(path) != sha256:
            problems.append(f"{what}: {path.name} is not what was written")
    problems += _series_problems(connection)
    return Checked(counts, tuple(problems))


def named(connection: Connection, disk: Disk) -> Iterator[tuple[Path, str, str]]:
    """Every file that a database names: where it lies, its hash, and what it is."""
    contents = select(files.c.tenant, files.c.sha256).distinct().order_by(files.c.tenant, files.c.sha256)
    for row in connection.execute(contents).all():
        yield disk.files(row.tenant) / row.sha256[:2] / row.sha256, row.sha256, f"file of {row.tenant}"
    columns = (parts.c.tenant, parts.c.day, parts.c.id, parts.c.sha256)
    for tenant, day, part, sha256 in connection.execute(select(*columns).order_by(*columns)).all():
        yield disk.series(tenant) / day / f"{part}.parquet", sha256, f"series of {tenant}, {day}"


def content_hash(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_AT_ONCE):
            digest.update(chunk)
    return digest.hexdigest()


def _series_problems(connection: Connection) -> Iterator[str]:
    """As many measurements as were acknowledged stand in the journal and the parts; restated ones make it more."""
    from sqlalchemy import func

    def total(column: object, table: object) -> dict[str, int]:
        query = select(table.c.tenant, func.sum(column)).group_by(table.c.tenant)  # type: ignore[attr-defined] # a table
        return {tenant: int(count) for tenant, count in connection.execute(query)}

    written = total(journal.c.rows, journal)
    for tenant, count in total(parts.c.rows, parts).items():
        written[tenant] = written.get(tenant, 0) + count
    for tenant, count in total(held.c.times, held).items():
        if written.get(tenant, 0) < count:
            yield f"series of {tenant}: {count} values were acknowledged, {written.get(tenant, 0)} are there"
