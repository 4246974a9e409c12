"""What is synced before anything is acknowledged; `benchmarks/topics/service` cuts the power for real."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from dispatch.service.store import Store, durable, files
from dispatch.service.store.faults import DamagedError


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Syncs and renames in their order, by the name of what they are of."""
    done: list[str] = []
    real_sync, real_rename = os.fsync, Path.rename

    def sync(handle: int) -> None:
        name = Path(f"/proc/self/fd/{handle}").readlink().name
        done.append("sync content" if name.endswith(durable.UNFINISHED) else f"sync {name}")
        real_sync(handle)

    def rename(path: Path, target: Path) -> Path:
        done.append(f"name {target.name}")
        return real_rename(path, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(durable, "_synced", set())
    return done


def test_content_before_name_and_every_folder_above(tmp_path: Path, steps: list[str]) -> None:
    durable.write_file(tmp_path / "a" / "b" / "file", lambda handle: handle.write(b"x"))
    assert steps[-5:] == [f"sync {tmp_path.name}", "sync a", "sync content", "name file", "sync b"]
    steps.clear()
    durable.write_file(tmp_path / "a" / "b" / "more", lambda handle: handle.write(b"x"))
    assert steps == ["sync content", "name more", "sync b"]


def test_a_folder_that_another_process_made_is_synced_too(tmp_path: Path, steps: list[str]) -> None:
    (tmp_path / "a").mkdir()
    durable.make_folder(tmp_path / "a")
    assert steps[-1] == f"sync {tmp_path.name}"


def test_what_fails_leaves_no_file(tmp_path: Path) -> None:
    def fail(handle: IO[bytes]) -> None:
        handle.write(b"half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        durable.write_file(tmp_path / "file", fail)
    assert list(tmp_path.iterdir()) == []


def test_the_database_and_its_log_are_named_for_good_before_the_first_commit(tmp_path: Path, steps: list[str]) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/db/park.db", tmp_path / "data")
    try:
        assert (tmp_path / "db" / "park.db-wal").exists()
        assert "sync db" in steps
    finally:
        store.close()


def test_content_that_is_there_already_is_named_for_good(store: Store, steps: list[str]) -> None:
    for _ in range(2):
        steps.clear()
        with store.write("north", "test") as tx:
            made = files.put(tx, b"content", "text/plain", "a.txt")
        assert steps[-1] == f"sync {made.sha256[:2]}"
    with store.read("north") as tx:
        assert len({row.id for row in tx.all(tx.select(files.files))}) == 2


def test_content_that_was_changed_or_lost_is_told(store: Store) -> None:
    with store.write("north", "test") as tx:
        made = files.put(tx, b"content", "text/plain", "a.txt")
        path = files.place(tx, made.sha256)
    path.write_bytes(b"other")
    with store.read("north") as tx, pytest.raises(DamagedError, match="not what was stored"):
        files.read(tx, made.id)
    path.unlink()
    with store.read("north") as tx, pytest.raises(DamagedError, match="missing"):
        files.read(tx, made.id)
    with store.read("north") as tx, pytest.raises(KeyError):
        files.read(tx, "fil_none")


def test_the_settings_of_every_connection(new_store: Callable[[str], Store]) -> None:
    store = new_store("sqlite")
    for write in (True, False):
        with store.admin(write=write) as connection:
            found = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
        assert found == ["wal", 2, 1]
    with new_store("postgresql").admin() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
