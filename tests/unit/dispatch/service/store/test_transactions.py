"""Transactions commit whole, wait their turn, and stay within their tenant."""

from __future__ import annotations

import pytest

from dispatch.service.store import Store, Tx, audit, files
from dispatch.service.store.faults import ReadOnlyError


def test_what_raises_leaves_nothing(store: Store) -> None:
    def work(tx: Tx) -> None:
        files.put(tx, b"content", "text/plain", "a.txt")
        tx.audit("file.put", "a.txt")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.run("north", "test", work)
    with store.read("north") as tx:
        assert tx.all(tx.select(files.files)) == []
        assert audit.head(tx) == (0, audit.BEGINNING)


def test_a_tenant_sees_its_own_things_only(store: Store) -> None:
    with store.write("north", "test") as tx:
        made = files.put(tx, b"content", "text/plain", "a.txt")
    with store.read("south") as tx:
        assert files.get(tx, made.id) is None
    with store.write("south", "test") as tx:
        files.remove(tx, [made.id])
    with store.read("north") as tx:
        assert files.read(tx, made.id) == b"content"


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(ReadOnlyError), store.read("north") as tx:
        tx.audit("site.put", "x")
    with pytest.raises(ReadOnlyError), store.read("north") as tx:
        tx.execute(tx.delete(files.files))


def test_every_statement_of_a_transaction_is_its_tenants(store: Store) -> None:
    with store.write("north", "test") as tx:
        made = files.put(tx, b"content", "text/plain", "a.txt")
    table = files.files
    with store.write("south", "test") as tx:
        assert tx.all(tx.select(table)) == []
        assert tx.first(tx.select(table, table.c.id).where(table.c.id == made.id)) is None
        assert tx.execute(tx.update(table).values(name="b.txt")).rowcount == 0
        assert tx.execute(tx.delete(table)).rowcount == 0
        tx.insert(table, {**vars(made), "tenant": "north", "id": "fil_2"})
    with store.read("south") as tx:
        assert [row.id for row in tx.all(tx.select(table))] == ["fil_2"]
    with store.read("north") as tx:
        assert [(row.id, row.name) for row in tx.all(tx.select(table))] == [(made.id, "a.txt")]


def test_hooks_run_after_the_commit_and_not_without_one(store: Store) -> None:
    seen: list[int] = []

    def look() -> None:
        with store.read("north") as tx:
            seen.append(audit.head(tx)[0])

    def work(tx: Tx) -> None:
        tx.after_commit(look)
        tx.audit("site.put", "x")

    store.run("north", "test", work)
    assert seen == [1]

    def fail(tx: Tx) -> None:
        work(tx)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.run("north", "test", fail)
    assert seen == [1]
