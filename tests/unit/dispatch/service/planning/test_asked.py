"""Which steps a request means, and when its plan is made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.errors import DataError
from dispatch.service.errors import NotFoundError
from dispatch.service.store import Store
from dispatch.service.work import basis
from dispatch.service.work.basis import Asked
from tests.unit.dispatch.service.planning import small

H = timedelta(hours=1)


@pytest.fixture
def kept(new_store: Any) -> Store:
    store: Store = new_store("sqlite")
    small.put(store, "north")
    small.put(store, "north", "past", small.park(embedded={"day": "2016-05-04"}))
    small.put(store, "north", "odd", small.park(planning={"step_minutes": 7}))
    return store


def asked(store: Store, site: str = "works", rolling: bool = False, **request: Any) -> tuple[Asked, datetime]:
    with store.read("north") as tx:
        return basis.asked(tx, site, request, rolling=rolling), tx.now


def test_a_day_ahead_is_tomorrow_on_the_sites_clock_and_made_now(kept: Store) -> None:
    what, now = asked(kept)
    first = what.horizon.local_start[0]
    assert (first.date() - now.astimezone(first.tzinfo).date()).days == 1
    assert (first.hour, what.horizon.steps) == (0, round((what.end - what.horizon.start) / H))
    assert what.issue == now
    assert (what.known_at, what.version) == ("receipt", 1)


def test_a_rolling_plan_begins_with_the_next_step(kept: Store) -> None:
    what, now = asked(kept, rolling=True)
    assert now <= what.horizon.start < now + H
    assert (what.horizon.start.minute, what.horizon.steps, what.issue) == (0, 36, now)


def test_what_is_over_is_planned_as_it_would_have_been(kept: Store) -> None:
    what, _ = asked(kept, day="2026-03-28")
    assert what.horizon.steps == 24
    assert what.issue == what.horizon.start - 12 * H
    what, _ = asked(kept, day="2026-03-29", days=2)
    assert what.horizon.steps == 47
    assert asked(kept, "past")[0].horizon.start == datetime(2016, 5, 3, 22, tzinfo=UTC)


def test_steps_that_have_begun_are_planned_as_of_their_start(kept: Store) -> None:
    start = small.hour()
    what, now = asked(kept, horizon=small.horizon(start))
    assert what.issue == min(start, now)


def test_the_future_is_not_known(kept: Store) -> None:
    with pytest.raises(DataError, match="lies ahead"):
        asked(kept, issue_time=small.hour(2).isoformat())


def test_a_day_that_is_no_number_of_steps_is_refused(kept: Store) -> None:
    with pytest.raises(DataError, match=r"planning.step_minutes 7 does not fit"):
        asked(kept, "odd")


def test_another_site_is_not_there(kept: Store) -> None:
    with pytest.raises(NotFoundError, match="no site 'works2'"):
        asked(kept, "works2")
    with kept.read("south") as tx, pytest.raises(NotFoundError):
        basis.park_of(tx, "works")
    with kept.read("north") as tx, pytest.raises(NotFoundError, match="no version 2"):
        basis.park_at(tx, "works", 2)
