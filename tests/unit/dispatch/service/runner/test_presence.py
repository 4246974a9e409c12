"""A worker is seen while it is there, with what it does, whatever befalls the store meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import OperationalError

from dispatch.service.runner.policy import Policy
from dispatch.service.runner.presence import Presence
from dispatch.service.store import Store, workers
from dispatch.service.store.workers import Doing
from tests.unit.dispatch.service.runner.processes import eventually

QUICK = Policy(lease_s=12.0, watch_s=0.02)


def states(store: Store) -> list[str]:
    with store.admin(write=False) as connection:
        return [one.state for one in workers.listed(connection, datetime.now(UTC), 10)]


def test_what_it_does_is_there_at_once_and_it_leaves(store: Store) -> None:
    doing: list[Doing] = ["starting"]
    with Presence(store, "host/1", QUICK, lambda: doing[-1]):
        assert eventually(lambda: states(store) == ["starting"])
        doing.append("ready")
        assert eventually(lambda: states(store) == ["idle"], 2.0)  # not only with the next sign, four seconds later
    assert states(store) == []


def test_signs_go_on_though_nothing_changes_and_come_back_where_they_were_removed(store: Store) -> None:
    with Presence(store, "host/1", Policy(lease_s=0.3, watch_s=0.02), lambda: "ready"):
        assert eventually(lambda: states(store) == ["idle"])
        with store.admin() as connection:
            connection.execute(delete(workers.records))
        assert eventually(lambda: states(store) == ["idle"])


def test_a_store_that_is_away_ends_nothing(
    new_store: Callable[[str], Store], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store, beat, failed = new_store("sqlite"), workers.beat, [True]

    def sometimes(*given: object) -> None:
        if failed:
            failed.pop()
            raise OperationalError("beat", {}, Exception("away"))
        beat(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(workers, "beat", sometimes)
    with Presence(store, "host/1", QUICK, lambda: "ready"):
        assert eventually(lambda: states(store) == ["idle"])
    assert "no sign of life could be written" in caplog.text
