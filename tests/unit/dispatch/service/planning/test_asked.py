"""Which steps a request means, and when its plan is made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.errors import ConfigError, DataError
from dispatch.service.errors import NotFoundError
from dispatch.service.store import Store, sites
from dispatch.service.work import basis
from dispatch.service.work.basis import Asked
from forecasting.clock import MINUTE_NS
from forecasting.steps import FINEST_EDGE_NS
from tests.unit.dispatch.service.planning import small
from tests.unit.dispatch.service.served import Api

H = timedelta(hours=1)


@pytest.fixture
def kept(new_store: Any) -> Store:
    store: Store = new_store("sqlite")
    small.put(store, "north")
    small.put(store, "north", "past", small.park(embedded={"day": "2016-05-04"}))
    small.put(store, "north", "odd", small.park(planning={"step_minutes": 120}))
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
    with pytest.raises(DataError, match=r"planning.step_minutes 120 does not fit"):
        asked(kept, "odd", day="2026-03-29")


def test_another_site_is_not_there(kept: Store) -> None:
    with pytest.raises(NotFoundError, match="no site 'works2'"):
        asked(kept, "works2")
    with kept.read("south") as tx, pytest.raises(NotFoundError):
        basis.park_of(tx, "works")
    with kept.read("north") as tx, pytest.raises(NotFoundError, match="no version 2"):
        basis.park_at(tx, "works", 2)


@pytest.mark.parametrize(
    ("planning", "says"),
    [
        ({"step_minutes": 7}, "step_minutes 7 does not divide 24 h"),
        ({"step_minutes": 0.001}, "step_minutes 0.001 does not divide 24 h"),
        ({"step_minutes": 60, "first_steps": [{"hours": 1, "minutes": 7}]}, "first_steps 7 does not divide 1 h"),
        ({"step_minutes": 60, "first_steps": [{"hours": 0.5, "minutes": 5}]}, "step_minutes 60 does not divide 23.5 h"),
    ],
)
def test_a_site_whose_steps_do_not_fill_its_days_is_refused(planning: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sites.prepare(small.park(planning=planning), "works")
    assert says in str(caught.value)
    assert "such as 15, 30 or 60" in str(caught.value)


def test_steps_that_nothing_can_be_forecast_in_are_refused_unless_all_is_said(api: Api) -> None:
    small.put(api.store, api.tenant)
    horizon = {**small.horizon(small.hour(1), 10), "step_minutes": 1}
    for what in ("schedules", "forecasts"):
        answer = api.client.post(f"/api/v1/sites/works/{what}", json={"horizon": horizon})
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        assert error["pointer"] == "/horizon/step_minutes"
        assert error["accepted"] == "5 minutes or more, or 'series' of a schedule with hall, roof"
    small.asked(api.client, horizon=horizon, series=small.given(small.hour(1), 10), deadline_s=0.001)
    assert small.done(api).state == "done"
    small.asked(api.client, horizon={**horizon, "step_minutes": 5}, deadline_s=0.001)
    assert small.done(api).state == "done"
    assert basis.FINEST_MINUTES * MINUTE_NS == FINEST_EDGE_NS
