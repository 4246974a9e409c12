"""The disk that loses power: the model, the recorder against it, and a database whose syncs are left out."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from benchmarks.crash.acknowledged import Ack
from benchmarks.crash.disk import SECTOR, Disk, Event, events
from benchmarks.crash.power import Recorded, complete, environment, losses, recorded, recorded_service
from benchmarks.rows import CannotMeasure


def event(op: str, path: str = "", *, inode: int = 1, offset: int = 0, other: str = "", data: bytes = b"") -> Event:
    return Event(op, inode, offset, path, other, data)


def found(disk: Disk, folder: Path, name: str, times: int = 100) -> set[bytes | None]:
    """What may be read of a file."""
    seen: set[bytes | None] = set()
    for number in range(times):
        disk.leave(folder / str(number), np.random.default_rng(number))
        path = folder / str(number) / name
        seen.add(path.read_bytes() if path.exists() else None)
    return seen


def played(*happened: Event, unsynced: str = "") -> Disk:
    disk = Disk(unsynced)
    for one in happened:
        disk.do(one)
    return disk


MADE = (event("create", "a"), event("sync", ""))


def test_what_was_synced_is_there_and_what_was_not_may_be(tmp_path: Path) -> None:
    disk = played(*MADE, event("write", "a", data=b"old"), event("sync", "a"), event("write", "a", data=b"new"))
    assert found(disk, tmp_path, "a") == {b"old", b"new"}


def test_a_write_is_torn_between_sectors_and_not_within_one(tmp_path: Path) -> None:
    disk = played(*MADE, event("write", "a", data=b"o" * 3 * SECTOR), event("sync", "a"))
    disk.do(event("write", "a", data=b"n" * 3 * SECTOR))
    seen = {
        tuple(content[at : at + SECTOR] for at in range(0, 3 * SECTOR, SECTOR))
        for content in found(disk, tmp_path, "a")
        if content
    }
    assert {part for parts in seen for part in parts} == {b"o" * SECTOR, b"n" * SECTOR}
    assert len(seen) == 8


def test_of_two_writes_to_a_sector_the_later_never_goes_before_the_earlier(tmp_path: Path) -> None:
    disk = played(*MADE, event("write", "a", data=b"0000"), event("sync", "a"))
    disk.do(event("write", "a", data=b"11"))
    disk.do(event("write", "a", offset=2, data=b"22"))
    assert found(disk, tmp_path, "a") == {b"0000", b"1100", b"1122"}


def test_a_longer_file_may_be_found_with_nothing_or_rubbish_in_it(tmp_path: Path) -> None:
    disk = played(*MADE, event("write", "a", data=b"x" * 2 * SECTOR))
    seen = found(disk, tmp_path, "a")
    assert {len(content) for content in seen if content is not None} == {0, 2 * SECTOR}
    assert bytes(2 * SECTOR) in seen
    assert any(content and content[0] not in (0, ord("x")) for content in seen)


def test_a_file_that_was_cut_may_be_found_whole(tmp_path: Path) -> None:
    disk = played(*MADE, event("write", "a", data=b"abc"), event("sync", "a"), event("truncate", "a", offset=1))
    assert found(disk, tmp_path, "a") == {b"abc", b"a"}


def test_names_come_and_go_in_order_until_their_folder_is_synced(tmp_path: Path) -> None:
    wrote = (event("create", "part"), event("write", "part", data=b"x"), event("sync", "part"))
    disk = played(*wrote, event("rename", "part", other="whole"))
    assert found(disk, tmp_path / "before", "whole") == {None, b"x"}
    disk.do(event("sync", ""))
    assert found(disk, tmp_path / "after", "whole") == {b"x"}
    assert found(disk, tmp_path / "part", "part") == {None}
    disk.do(event("unlink", "whole"))
    assert found(disk, tmp_path / "unlinked", "whole") == {None, b"x"}


def test_a_folder_that_was_not_synced_into_the_one_above_takes_everything_with_it(tmp_path: Path) -> None:
    inside = (event("create", "f/a"), event("write", "f/a", data=b"x"), event("sync", "f/a"), event("sync", "f"))
    assert found(played(event("mkdir", "f"), *inside), tmp_path / "lost", "f/a") == {None, b"x"}
    assert found(played(event("mkdir", "f"), event("sync", ""), *inside), tmp_path / "kept", "f/a") == {b"x"}


def test_syncs_can_be_taken_as_never_made(tmp_path: Path) -> None:
    disk = played(*MADE, event("write", "a", data=b"x"), event("sync", "a"), unsynced="^a$")
    assert b"" in found(disk, tmp_path, "a")


# ---- recorded: a small program that writes in many ways, and a database.

PROGRAM = """
import os, sqlite3, sys
root, marks = sys.argv[1:]
told = os.open(marks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.mkdir(f"{root}/f")
with open(f"{root}/f/a", "wb") as a:
    a.write(b"x" * 1000)
    a.flush()
    os.pwrite(a.fileno(), b"12", 10)
    os.writev(a.fileno(), [b"one", b"two"])
    os.truncate(a.fileno(), 900)
    os.fsync(a.fileno())
with open(f"{root}/f/a", "ab") as a:
    a.write(b"more")
os.rename(f"{root}/f/a", f"{root}/f/b")
import shutil
shutil.copyfile(f"{root}/f/b", f"{root}/c")
os.unlink(f"{root}/f/b")
os.rmdir(f"{root}/f")
base = sqlite3.connect(f"{root}/a.db", isolation_level=None)
base.execute("PRAGMA journal_mode = WAL")
base.execute("PRAGMA synchronous = FULL")
base.execute("PRAGMA wal_autocheckpoint = 20")
base.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
folder = os.open(root, os.O_RDONLY)
os.fsync(folder)
for number in range(40):
    base.execute("INSERT INTO t VALUES (?, ?)", (number, str(number) * 300))
    os.write(told, b'{"number": %d}\\n' % number)
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("recorded")
    root = folder / "root"
    root.mkdir()
    try:
        recording = environment(folder, root)
    except CannotMeasure as reason:
        pytest.skip(str(reason))
    subprocess.run([sys.executable, "-c", PROGRAM, str(root), str(folder / "marks")], env=recording, check=True)
    return Recorded(list(events(folder / "log", root)), root)


def check_rows(folder: Path, told: list[Ack]) -> list[str]:
    if not told:
        return []
    try:
        with closing(sqlite3.connect(folder / "a.db")) as base:
            there = dict(base.execute("SELECT id, v FROM t"))
            sound = base.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        return [str(error)]
    lost = [f"{ack['number']} is lost" for ack in told if there.get(ack["number"]) != str(ack["number"]) * 300]
    return lost + ([] if sound == "ok" else [sound])


def test_everything_that_a_program_does_is_recorded_in_order(program: Recorded) -> None:
    assert complete(program) is program
    done = [(one.op, one.path) for one in program.events[:12]]
    assert done[:3] == [("mkdir", "f"), ("create", "f/a"), ("write", "f/a")]
    assert ("rename", "f/a") in done
    assert len(program.told) == 40
    assert (program.root / "c").read_bytes().startswith(b"x" * 10 + b"12x")


def test_what_was_missed_is_told(program: Recorded) -> None:
    fewer = [one for one in program.events if one.op != "rename"]
    with pytest.raises((RuntimeError, KeyError)):
        complete(Recorded(fewer, program.root))


def test_a_database_that_syncs_loses_nothing_and_one_that_does_not_loses_much(program: Recorded) -> None:
    kept = losses(program, 30, check=check_rows)
    assert kept.wrong == ()
    assert kept.acknowledged > 100
    for unsynced in (r"a\.db-wal$", r"a\.db$", "^$"):
        assert losses(program, 30, check=check_rows, unsynced=unsynced).wrong, unsynced


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    try:
        return recorded(tmp_path_factory.mktemp("store"), 15)
    except CannotMeasure as reason:
        pytest.skip(str(reason))


def test_the_store_loses_nothing_when_the_power_goes(store: Recorded) -> None:
    found = losses(store, 5)
    assert found.wrong == ()
    assert found.acknowledged > 20


@pytest.mark.slow
@pytest.mark.parametrize("unsynced", [r"^park\.db(-wal)?$", r"\.unfinished$", r"^(data(/.*)?)?$"])
def test_the_store_without_one_of_its_syncs_loses_something(store: Recorded, unsynced: str) -> None:
    assert losses(store, 40, unsynced=unsynced).wrong


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_whole_service_loses_nothing_when_the_power_goes(tmp_path: Path) -> None:
    try:
        found = recorded_service(tmp_path, 6.0)
    except CannotMeasure as reason:
        pytest.skip(str(reason))
    assert losses(found, 20).wrong == ()
    assert losses(found, 20, unsynced=r"parkwatt\.sqlite(-wal)?$").wrong


def test_a_disk_begins_with_what_is_in_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "f").mkdir(parents=True)
    (root / "f" / "a").write_bytes(b"old")
    disk = Disk()
    disk.begin(root)
    assert disk.differs(root) == []
    disk.do(event("write", "f/a", inode=(root / "f" / "a").stat().st_ino, data=b"new"))
    assert found(disk, tmp_path, "f/a") == {b"old", b"new"}
