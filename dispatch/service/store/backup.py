"""A copy of a store that can be opened elsewhere, made while others go on writing, and the way back.

Whatever the database, the copy of it is SQLite: so a backup is a folder of files, and a store on PostgreSQL can be
restored to SQLite and the other way round.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, LargeBinary, NullPool, create_engine, func, insert, make_url, select

from dispatch.service.store import health, migrations
from dispatch.service.store.database import Store, load_tables
from dispatch.service.store.disk import Disk
from dispatch.service.store.durable import make_folder, sync_folder, write_file
from dispatch.service.store.faults import DamagedError, StoreError
from dispatch.service.store.health import Checked, Progress
from dispatch.service.store.metadata import metadata
from dispatch.service.store.sqlite import LOCK, Sqlite

DATABASE, DATA, MANIFEST = "store.sqlite", "data", "backup.json"
_AT_ONCE, _HEAVY_AT_ONCE = 1000, 20  # rows; a journal's may each have megabytes


@dataclass(frozen=True)
class Backup:
    """What was copied: when it was begun, at which revision, how many files and bytes."""

    made: datetime
    revision: str
    files: int
    size: int


def back_up(store: Store, folder: Path, progress: Progress = lambda _: None) -> Backup:
    """Copy a store into a new folder: its state at one moment, with all the files that this names.

    Raises:
        StoreError: the folder is not empty, or what the store names is not there.
    """
    if folder.exists() and any(folder.iterdir()):
        raise StoreError(f"{folder.name} is not empty: a backup gets a folder of its own")
    make_folder(folder)
    made, database = datetime.now(UTC), folder / DATABASE
    progress("database")
    _copy_database(store, database)
    with _reading(database) as connection:
        revision = migrations.at(connection)
        count, size = _copy_files(connection, store.disk, Disk(folder / DATA), progress)
    done = Backup(made, str(revision), count, size + database.stat().st_size)
    # Last: a folder without it is a backup that was not finished.
    manifest = {**vars(done), "made": made.isoformat(), "database_sha256": health.content_hash(database)}
    write_file(folder / MANIFEST, lambda handle: handle.write(json.dumps(manifest, indent=1).encode()))
    return done


def check_backup(folder: Path, progress: Progress = lambda _: None) -> Checked:
    """Open a backup as a restore would and look at all of it.

    Raises:
        StoreError: the folder is no backup, or one that was not finished.
    """
    manifest = _manifest(folder)
    if health.content_hash(folder / DATABASE) != manifest["database_sha256"]:
        return Checked({}, (f"{DATABASE} is not what was written",))
    with _reading(folder / DATABASE) as connection:
        return health.check_all(connection, Disk(folder / DATA), progress)


def restore(folder: Path, url: str, data: Path, progress: Progress = lambda _: None) -> Backup:
    """Make a store of a backup, in an empty database and an empty folder.

    Raises:
        DamagedError: the backup is not whole.
        StoreError: it is none, or there is a store already.
    """
    found = check_backup(folder, progress)
    if found.problems:
        raise DamagedError(f"the backup is damaged: {'; '.join(found.problems[:5])}")
    if data.exists() and any(data.iterdir()):
        raise StoreError(f"{data.name} is not empty: a backup is restored into a new folder")
    store = Store.open(url, data)
    try:
        with store.admin() as connection, _reading(folder / DATABASE) as source:
            for table in metadata.sorted_tables:
                if connection.execute(select(func.count()).select_from(table)).scalar_one():
                    raise StoreError("the database is not empty: a backup is restored into a new one")
            _copy_files(source, Disk(folder / DATA), store.disk, progress)
            _copy_rows(source, connection)
    finally:
        store.close()
    manifest = _manifest(folder)
    return Backup(datetime.fromisoformat(manifest["made"]), manifest["revision"], manifest["files"], manifest["size"])


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        raise StoreError(f"{folder.name} is no finished backup: it has no {MANIFEST} that can be read") from None
    assert isinstance(found, dict)
    return found


def _copy_database(store: Store, path: Path) -> None:
    """The database as of one moment, synced."""
    if isinstance(store.backend, Sqlite):
        store.backend.copy_to(path)
    else:
        load_tables()
        target = Sqlite(make_url(f"sqlite:///{path}"), 1.0)
        with target.writing(None) as there, store.admin(write=False) as here:
            migrations.upgrade(there)
            _copy_rows(here, there)
        target.close()
        path.with_name(f"{path.name}{LOCK}").unlink()
    with path.open("rb") as handle:
        os.fsync(handle.fileno())
    sync_folder(path.parent)


def _copy_rows(source: Connection, target: Connection) -> None:
    for table in metadata.sorted_tables:
        is_heavy = any(isinstance(column.type, LargeBinary) for column in table.columns)
        rows = source.execution_options(yield_per=_HEAVY_AT_ONCE if is_heavy else _AT_ONCE).execute(select(table))
        for some in rows.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in some])


def _copy_files(connection: Connection, here: Disk, there: Disk, progress: Progress) -> tuple[int, int]:
    """Copy all that a database names, each held against its hash; how many, and their bytes."""
    count = size = 0
    for (path, sha256, what), (target, _, _) in zip(
        health.named(connection, here), health.named(connection, there), strict=True
    ):
        progress(what)
        try:
            with path.open("rb") as content:
                write_file(target, lambda handle, content=content: shutil.copyfileobj(content, handle))  # type: ignore[misc] # the loop's own
        except FileNotFoundError:
            raise DamagedError(f"{what}: {path.name} is missing") from None
        if health.content_hash(target) != sha256:
            raise DamagedError(f"{what}: {path.name} is not what was written")
        count, size = count + 1, size + target.stat().st_size
    return count, size


@contextmanager
def _reading(database: Path) -> Iterator[Connection]:
    """A database file that nobody else has open and nobody may change; one of an older version as a newer copy."""
    load_tables()
    with tempfile.TemporaryDirectory() as folder:
        with _engine(database).connect() as connection:
            is_current = migrations.at(connection) == migrations.known()[-1]
        if not is_current:
            database = Path(shutil.copy(database, folder))
            newer = Sqlite(make_url(f"sqlite:///{database}"), 1.0)
            with newer.writing(None) as connection:
                migrations.upgrade(connection)
            newer.close()
        with _engine(database).connect() as connection:
            yield connection


def _engine(database: Path) -> Engine:
    """A way to read a file that is closed again with each connection."""
    address = f"sqlite:///file:{quote(str(database.absolute()))}?mode=ro&immutable=1&uri=true"
    return create_engine(address, poolclass=NullPool)
