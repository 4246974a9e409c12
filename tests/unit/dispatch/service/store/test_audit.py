"""The chain shows every change to what was noted, by whoever could write to the database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dispatch.service.store import Store, audit, health
from dispatch.service.store.audit import Entry, entries, entry_hash


@pytest.fixture
def noted(store: Store) -> Store:
    for number in range(3):
        with store.write("north", "someone") as tx:
            tx.audit("plan.publish", f"sch_{number}", {"sha256": "ab", "quality": "optimal"})
            tx.audit("setpoint", f"sch_{number}")
    return store


def test_a_chain_of_all_transactions(noted: Store) -> None:
    with noted.read("north") as tx:
        found = audit.listed(tx)
        assert [row.seq for row in found] == [1, 2, 3, 4, 5, 6]
        assert found[0].previous_hash == audit.BEGINNING
        assert [row.previous_hash for row in found[1:]] == [row.hash for row in found[:-1]]
        assert audit.head(tx) == (6, found[-1].hash)
        assert audit.verify(tx) == audit.Verdict(6, found[-1].hash)
        assert [row.seq for row in audit.listed(tx, after=4)] == [5, 6]
        assert [row.seq for row in audit.listed(tx, after=4, newest_first=True, limit=2)] == [3, 2]
        assert [row.seq for row in audit.listed(tx, action="setpoint", newest_first=True)] == [6, 4, 2]
        assert [row.seq for row in audit.listed(tx, subject="sch_1")] == [3, 4]
    with noted.read("south") as tx:
        assert audit.verify(tx) == audit.Verdict(0, audit.BEGINNING)


@pytest.mark.parametrize(
    ("change", "broken_at"),
    [
        ({"actor": "someone else"}, 3),
        ({"details": {"sha256": "ac", "quality": "optimal"}}, 3),
        ({"at": datetime(2026, 1, 1, tzinfo=UTC)}, 3),
        ({"subject": "sch_9"}, 3),
        ({"hash": "0" * 64}, 3),
        ({"previous_hash": "0" * 64}, 3),
        ({"seq": 9}, 3),
        (None, 3),
    ],
)
def test_a_change_is_found(noted: Store, change: dict[str, Any] | None, broken_at: int) -> None:
    with noted.write("north", "thief") as tx:
        if change is None:
            tx.execute(tx.delete(entries).where(entries.c.seq == broken_at))
        else:
            tx.execute(tx.update(entries).where(entries.c.seq == broken_at).values(change))
    with noted.read("north") as tx:
        assert audit.verify(tx).broken_at == broken_at
    assert len(health.check(noted).problems) == 1


def test_whoever_makes_the_hashes_anew_changes_the_last_one(noted: Store) -> None:
    """What a chain can not show is a chain that was written anew from there on: for that somebody keeps its head."""
    with noted.write("north", "thief") as tx:
        head, previous = audit.head(tx)[1], None
        for row in audit.listed(tx):
            entry = Entry(row.action, row.subject, {} if row.seq == 3 else row.details)
            before = previous or row.previous_hash
            previous = entry_hash(before, "north", row.seq, row.at, row.actor, entry)
            changed = {"details": entry.details, "previous_hash": before, "hash": previous}
            tx.execute(tx.update(entries).where(entries.c.seq == row.seq).values(changed))
    with noted.read("north") as tx:
        assert audit.verify(tx).broken_at is None
        assert audit.head(tx)[1] != head
