"""A database is brought to what the code needs, and one that is newer, older or somebody else's is refused."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from dispatch.service.store import Store, metadata, migrations, tenants
from dispatch.service.store.database import _backend
from dispatch.service.store.faults import NewerError, StoreError

DATABASES = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


@DATABASES
def test_the_revisions_make_what_the_code_needs(
    kind: str, empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    store = Store.open(empty_database(kind), tmp_path / "data")
    with store.admin() as connection:
        options = {"version_table": migrations.VERSION_TABLE, "compare_type": True}
        found = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        assert [each for each in found if "sqlite_autoindex" not in str(each)] == []
        assert migrations.at(connection) == migrations.known()[-1]
        assert migrations.upgrade(connection) is False
    store.close()


@DATABASES
def test_an_older_database_is_upgraded_with_what_it_holds(
    kind: str, empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    url, first = empty_database(kind), migrations.known()[0]
    older = Store(_backend(url, 1.0), tmp_path / "data", url)
    with older.admin() as connection:
        migrations.upgrade(connection, first)
        tenants.create(connection, "north", "North", datetime.now(UTC))
    older.close()
    with pytest.raises(StoreError, match=f"is at revision {first}, this version needs .*parkwatt store upgrade"):
        Store.open(url, tmp_path / "data", migrate=False)
    store = Store.open(url, tmp_path / "data")
    with store.admin(write=False) as connection:
        assert migrations.at(connection) == migrations.known()[-1]
        assert [each.title for each in tenants.listed(connection)] == ["North"]
    store.close()


@DATABASES
def test_programs_that_start_at_once_upgrade_once(
    kind: str, empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    url, failed = empty_database(kind), []

    def start() -> None:
        try:
            Store.open(url, tmp_path / "data").close()
        except Exception as error:  # noqa: BLE001 - whatever it is, it fails the test
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


@DATABASES
def test_a_newer_database_is_refused_by_name(
    kind: str, new_database: Callable[[str, Path | None], str], tmp_path: Path
) -> None:
    url = new_database(kind, tmp_path)
    store = Store.open(url, tmp_path / "data")
    with store.admin() as connection:
        connection.exec_driver_sql(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999_later'")
    store.close()
    for migrate in (True, False):
        with pytest.raises(NewerError, match=r"revision 9999_later, this version .* install the newer version"):
            Store.open(url, tmp_path / "data", migrate=migrate)


@DATABASES
def test_an_empty_one_is_not_made_where_that_is_not_asked(
    kind: str, empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="the database is empty"):
        Store.open(empty_database(kind), tmp_path / "data", migrate=False)


@DATABASES
def test_somebody_elses_tables_are_left_alone(
    kind: str, new_database: Callable[[str, Path | None], str], tmp_path: Path
) -> None:
    url = new_database(kind, tmp_path)
    store = Store.open(url, tmp_path / "data")
    with store.admin() as connection:
        connection.exec_driver_sql(f"DROP TABLE {migrations.VERSION_TABLE}")
    store.close()
    with pytest.raises(StoreError, match="it is no store of parkwatt"):
        Store.open(url, tmp_path / "data")


@pytest.mark.parametrize("url", ["nothing", "sqlite://", "mysql://x/y", "sqlite:///:memory:"])
def test_an_address_that_is_none(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="accepted: sqlite:///PATH or postgresql"):
        Store.open(url, tmp_path / "data")


def test_nothing_is_left_to_draft() -> None:
    """What a developer runs after a change to a table; here it must find nothing to write."""
    command = [sys.executable, "-m", "dispatch.service.store.draft", "check"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "nothing has changed"


@DATABASES
def test_keys_of_an_older_database_find_their_client(
    kind: str, empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    """Chains of rotations, who made whom, and kept answers, which go with the client."""
    url = empty_database(kind)
    older = Store(_backend(url, 1.0), tmp_path / "data", url)
    row = "INSERT INTO keys (tenant, id, name, secret_sha256, scopes, created, created_by, replaces) VALUES "
    with older.admin() as connection:
        migrations.upgrade(connection, "0003_markets_and_doors")
        for id_, by, replaces in (
            ("a3", "a1", "'a2'"), ("a1", "cli", "NULL"), ("a2", "cli", "'a1'"), ("b", "a2", "NULL"),
            ("c", "cli", "'gone'"),
        ):  # fmt: skip
            connection.exec_driver_sql(f"{row} ('north', '{id_}', '', '', '[]', 0, '{by}', {replaces})")
        for actor, key, body in (("a2", "one", "x"), ("a1", "two", "x"), ("a3", "two", "y"), ("b", "one", "z")):
            connection.exec_driver_sql(
                "INSERT INTO idempotency (tenant, actor, key, fingerprint, status, headers, body, created)"
                f" VALUES ('north', '{actor}', '{key}', '{body}', 200, '{{}}', '', 0)"
            )
    older.close()
    store = Store.open(url, tmp_path / "data")
    with store.admin(write=False) as connection:
        found = connection.exec_driver_sql("SELECT id, client, made_by FROM keys ORDER BY id").all()
        kept = connection.exec_driver_sql("SELECT actor, key FROM idempotency ORDER BY key, actor").all()
    assert [tuple(each) for each in found] == [
        ("a1", "a1", None), ("a2", "a1", None), ("a3", "a1", None), ("b", "b", "a1"), ("c", "c", None),
    ]  # fmt: skip
    assert [tuple(each) for each in kept] == [("a1", "one"), ("b", "one"), ("a1", "two"), ("a3", "two")]
    store.close()
