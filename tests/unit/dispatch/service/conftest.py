"""Stores to test on: every test that asks for one runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url

from benchmarks.postgres_server import PostgresServer
from benchmarks.rows import CannotMeasure
from dispatch.service.store import Store, metadata, tenants
from tests.unit.dispatch.service import probe
from tests.unit.dispatch.service.served import Api, Served, served, two_tenants

DATABASES = ("sqlite", "postgresql")
TENANTS = ("north", "south")
_NUMBERS = itertools.count(1)
_EMPTIED: list[str] = []  # databases on PostgreSQL that are as new


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    try:
        server = PostgresServer()
    except CannotMeasure as reason:
        pytest.skip(str(reason))
    yield server
    server.close()


def _fill(url: str, data: Path) -> None:
    """Tables of this version, and two tenants."""
    store = Store.open(url, data)
    with store.admin() as connection:
        for name in TENANTS:
            tenants.create(connection, name, name.title(), datetime.now(UTC))
    store.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    _fill(f"sqlite:///{folder}/template.db", folder / "data")
    return folder / "template.db"


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    postgres_server.execute("CREATE DATABASE template")
    _fill(postgres_server.url("template"), tmp_path_factory.mktemp("template"))
    return "template"


@pytest.fixture(scope="session")
def new_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Path | None], str]:
    """The address of a new database of a kind, with the tables and the tenants north and south."""

    def made(kind: str, folder: Path | None = None) -> str:
        if kind == "sqlite":
            path = (folder or tmp_path_factory.mktemp("database")) / "park.db"
            path.parent.mkdir(exist_ok=True, parents=True)
            shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
            return f"sqlite:///{path}"
        server: PostgresServer = request.getfixturevalue("postgres_server")
        template = request.getfixturevalue("postgres_template")
        if _EMPTIED:
            return server.url(_EMPTIED.pop())
        name = f"park_{next(_NUMBERS)}"
        server.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return server.url(name)

    return made


def _empty(store: Store) -> None:
    """Leave a database on PostgreSQL as its template is: removing a few rows is cheaper than copying 1 000 files."""
    with store.admin() as connection:
        statements = ["SET LOCAL session_replication_role = replica"]  # in any order
        statements += [f"DELETE FROM {name}" for name in metadata.tables if name != "tenants"]
        statements.append(f"DELETE FROM tenants WHERE tenant NOT IN {TENANTS}; UPDATE tenants SET closed = NULL")
        connection.exec_driver_sql("; ".join(statements))
    _EMPTIED.append(str(make_url(store.url).database))


@pytest.fixture
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """The address of a database of a kind that holds nothing."""

    def made(kind: str) -> str:
        number = next(_NUMBERS)
        if kind == "sqlite":
            return f"sqlite:///{tmp_path}/empty_{number}.db"
        server: PostgresServer = request.getfixturevalue("postgres_server")
        server.execute(f"CREATE DATABASE empty_{number} STRATEGY file_copy")
        return server.url(f"empty_{number}")

    return made


@pytest.fixture(scope="module")
def new_store_of(
    new_database: Callable[[str, Path | None], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Store]]:
    """The store of a kind of database that all examples of a module's property tests share."""
    opened: dict[str, Store] = {}

    def made(kind: str) -> Store:
        if kind not in opened:
            folder = tmp_path_factory.mktemp("shared")
            opened[kind] = Store.open(new_database(kind, folder), folder / "data", migrate=False)
        return opened[kind]

    yield made
    for store in opened.values():
        store.close()


@pytest.fixture
def new_store(
    new_database: Callable[[str, Path | None], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Store]]:
    """A new store on a kind of database; closed after the test."""
    opened = ExitStack()

    def made(kind: str) -> Store:
        folder = tmp_path_factory.mktemp("store")
        store = Store.open(new_database(kind, folder), folder / "data", migrate=False)
        opened.callback(store.close)
        if kind == "postgresql":
            opened.callback(_empty, store)
        return store

    yield made
    opened.close()


@pytest.fixture(params=DATABASES)
def store(request: pytest.FixtureRequest, new_store: Callable[[str], Store]) -> Store:
    """An empty store of two tenants, north and south, for this test alone; once on each database."""
    return new_store(request.param)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on SQLite for all tests of a run."""
    with served(tmp_path_factory.mktemp("served"), (probe.router,)) as found:
        yield found


@pytest.fixture
def api(server: Served) -> Iterator[Api]:
    """Two tenants of their own, with clients, on the server of all tests; a clock that a test has set ends with it."""
    clock = server.store.clock
    with two_tenants(server) as found:
        yield found
    server.store.clock = clock
