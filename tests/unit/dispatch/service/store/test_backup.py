"""A backup is one state of everything; what is damaged in it is found; it restores to either database."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dispatch.service.store import Store, audit, backup, files, health, migrations, series, sites, upkeep
from dispatch.service.store.faults import DamagedError, StoreError
from tests.unit.dispatch.service.store.parks import START, put, rows


@pytest.fixture
def filled(store: Store) -> Store:
    """A site, a part of a series and a journal, a file, an audit trail."""
    put(store, "a", "b")
    with store.write("north", "test") as tx:
        series.append(tx, rows(range(200)))
    upkeep.compact(store, everything=True)
    with store.write("north", "test") as tx:
        series.append(tx, rows(range(7), first=200))
        files.put(tx, b"a report", "text/html", "report.html")
    return store


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_what_was_backed_up_is_what_is_restored(
    filled: Store, target: str, tmp_path: Path, empty_database: Callable[[str], str]
) -> None:
    made = backup.back_up(filled, tmp_path / "copy")
    assert made.files == 4  # three days and a report
    assert made.revision == migrations.known()[-1]
    url = empty_database(target)
    backup.restore(tmp_path / "copy", url, tmp_path / "data")
    restored = Store.open(url, tmp_path / "data", migrate=False)
    try:
        for store in (filled, restored):
            assert health.check(store).problems == ()
        with filled.read("north") as here, restored.read("north") as there:
            assert audit.head(there) == audit.head(here)
            assert there.all(there.select(sites.versions)) == here.all(here.select(sites.versions))
            end = START.replace(year=2027)
            assert series.read(there, "a", None, START, end).equals(series.read(here, "a", None, START, end))
            assert files.read(there, there.all(there.select(files.files))[0].id) == b"a report"
    finally:
        restored.close()


def test_writes_go_on_and_are_not_in_it(store: Store, tmp_path: Path) -> None:
    put(store, "a")

    def more(what: str) -> None:
        if what != "database":
            put(store, "late")

    with store.write("north", "test") as tx:
        files.put(tx, b"a report", "text/html", "report.html")
    backup.back_up(store, tmp_path / "copy", more)
    assert backup.check_backup(tmp_path / "copy").problems == ()
    backup.restore(tmp_path / "copy", f"sqlite:///{tmp_path}/new.db", tmp_path / "data")
    restored = Store.open(f"sqlite:///{tmp_path}/new.db", tmp_path / "data")
    with restored.read("north") as tx:
        assert [row.site for row in sites.listed(tx)] == ["a"]
    restored.close()


def test_damage_is_found_and_not_restored(filled: Store, tmp_path: Path) -> None:
    backup.back_up(filled, tmp_path / "copy")
    part = next((tmp_path / "copy" / "data").rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-1])
    content = next(path for path in (tmp_path / "copy" / "data" / "files").rglob("*") if path.is_file())
    content.unlink()
    problems = backup.check_backup(tmp_path / "copy").problems
    assert sorted(problem.partition(": ")[2].partition(" ")[2] for problem in problems) == [
        "is missing",
        "is not what was written",
    ]
    with pytest.raises(DamagedError, match="damaged"):
        backup.restore(tmp_path / "copy", f"sqlite:///{tmp_path}/new.db", tmp_path / "data")


def test_what_is_no_backup_is_refused(new_store: Callable[[str], Store], tmp_path: Path) -> None:
    filled = new_store("sqlite")
    backup.back_up(filled, tmp_path / "copy")
    with pytest.raises(StoreError, match="not empty"):
        backup.back_up(filled, tmp_path / "copy")
    shutil.copytree(tmp_path / "copy", tmp_path / "unfinished")
    (tmp_path / "unfinished" / backup.MANIFEST).unlink()
    with pytest.raises(StoreError, match="no finished backup"):
        backup.check_backup(tmp_path / "unfinished")
    (tmp_path / "copy" / backup.DATABASE).write_bytes(b"something else")
    assert backup.check_backup(tmp_path / "copy").problems == ("store.sqlite is not what was written",)


def test_a_store_that_holds_something_is_not_restored_over(filled: Store, tmp_path: Path) -> None:
    backup.back_up(filled, tmp_path / "copy")
    with pytest.raises(StoreError, match="database is not empty"):
        backup.restore(tmp_path / "copy", filled.url, tmp_path / "data")


def test_a_part_that_is_lost_shows_in_the_counts(filled: Store) -> None:
    with filled.write("north", "thief") as tx:
        tx.execute(tx.delete(series.tables.journal))
    assert "207 values were acknowledged, 200 are there" in health.check(filled).problems[0]


def test_a_damaged_store_gives_no_backup(new_store: Callable[[str], Store], tmp_path: Path) -> None:
    store = new_store("sqlite")
    with store.write("north", "test") as tx:
        path = files.place(tx, files.put(tx, b"a report", "text/html", "report.html").sha256)
    path.write_bytes(b"another one")
    with pytest.raises(DamagedError, match="not what was written"):
        backup.back_up(store, tmp_path / "one")
    path.unlink()
    with pytest.raises(DamagedError, match="missing"):
        backup.back_up(store, tmp_path / "two")
    assert not list(tmp_path.rglob(backup.MANIFEST))
