from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.archive.known import Known
from forecasting.clock import DAY_NS, HOUR_NS, utc_index
from forecasting.forecast import forecast
from forecasting.keeping import drifted, held_out, keep, ladder_for, told
from forecasting.ladder import Climber, Ladder
from forecasting.model_card import cards
from forecasting.models.base import Model
from forecasting.retraining import Policy
from forecasting.targets import Kind
from tests.unit.forecasting.synthetic import BERLIN, LOAD, ends, series

DAYS = 110


def data(more: float = 1.0) -> Archive:
    """An office whose demand is multiplied from the hundredth day on."""
    end = ends("2023-01-02", DAYS)
    values = series(LOAD, end)
    values[100 * 24 :] *= more
    return Archive.empty().with_measurements("park", LOAD.name, end, values)


def at(archive: Archive, day: int) -> tuple[Known, np.ndarray]:
    """What was known at noon of a day, and the edges of the day after it."""
    noon = ends("2023-01-02", DAYS)[0] + pd.Timedelta(days=day, hours=10)
    known = archive.as_of(noon)
    return known, known.time_ns + 13 * HOUR_NS + np.arange(25) * HOUR_NS


def nothing(kind: Kind) -> tuple[Model, ...]:
    """No model of the kind."""
    return ()


def asked(folder: Path, archive: Archive, day: int, policy: Policy) -> str:
    """Why the ladder had to learn at a day, "" where a kept one answered; keeps what is new."""
    known, edges = at(archive, day)
    climber, reason = ladder_for(folder, [LOAD], BERLIN, known, edges, policy=policy, ladder=Ladder(of_kind=nothing))
    climber.quantiles(known, edges)
    if reason is not None:
        keep(folder, climber, [LOAD], BERLIN, edges - known.time_ns)
    assert told(reason, climber.trained_ns)
    return "" if reason is None else reason.reason


def test_a_kept_ladder_answers_until_its_schedule_is_due(tmp_path: Path) -> None:
    archive, policy = data(), Policy(every_days=8, at_least_days=4)
    assert [asked(tmp_path, archive, day, policy) for day in (80, 82, 87, 89)] == ["first", "", "", "schedule"]
    first, second = cards(tmp_path)
    assert second.data["trained_ns"] - first.data["trained_ns"] == 9 * DAY_NS
    assert first.scores["offices"] > 0
    assert asked(tmp_path, archive, 84, policy) == ""


def test_what_a_kept_model_is_asked_from_is_what_is_measured_now(tmp_path: Path) -> None:
    """Six days after it learnt, the newest measurement is today's, and no reason to warn of old data."""
    archive, policy = data(), Policy(every_days=8, at_least_days=4)
    asked(tmp_path, archive, 80, policy)
    known, edges = at(archive, 86)
    climber, _ = ladder_for(tmp_path, [LOAD], BERLIN, known, edges, policy=policy, ladder=Ladder(of_kind=nothing))
    noon = utc_index(np.array([known.time_ns]))[0]
    made = forecast([LOAD], archive, BERLIN, noon, utc_index(edges), scenarios=1, model=climber)
    newest = pd.Timestamp(made.inputs_used["offices"]["last_valid_time"])
    assert pd.Timedelta(0) <= noon - newest <= pd.Timedelta(hours=1)


def test_drift_makes_it_learn_before_its_time(tmp_path: Path) -> None:
    policy = Policy(every_days=60, at_least_days=4)
    changed = data(more=1.6)
    assert asked(tmp_path, changed, 95, policy) == "first"
    assert asked(tmp_path, changed, 98, policy) == ""
    assert asked(tmp_path, changed, 106, policy) == "drift"


def test_a_model_that_shows_no_held_out_days_is_held_against_its_first_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Climber, "shown", {})
    policy = Policy(every_days=60, at_least_days=4)
    changed = data(more=1.6)
    assert [asked(tmp_path, changed, day, policy) for day in (77, 99, 107)] == ["first", "", "drift"]


def test_another_question_is_not_answered_by_it(tmp_path: Path) -> None:
    archive = data()
    assert asked(tmp_path, archive, 80, Policy()) == "first"
    known, edges = at(archive, 81)
    _, reason = ladder_for(tmp_path, [LOAD], BERLIN, known, edges + HOUR_NS)
    assert reason is not None
    assert reason.reason == "first"
    earlier, before = at(archive, 70)
    _, reason = ladder_for(tmp_path, [LOAD], BERLIN, earlier, before)
    assert reason is not None


def test_who_asks_a_minute_later_is_answered_by_the_same(tmp_path: Path) -> None:
    archive = data()
    assert asked(tmp_path, archive, 80, Policy()) == "first"
    known, edges = at(archive, 81)
    for later_ns, reason in ((60 * 10**9, None), (-59 * 60 * 10**9, None), (HOUR_NS, "first"), (-HOUR_NS, "first")):
        moved = archive.as_of(utc_index(np.array([known.time_ns + later_ns]))[0])
        climber, found = ladder_for(tmp_path, [LOAD], BERLIN, moved, edges)
        assert (None if found is None else found.reason) == reason
        assert climber.quantiles(moved, edges)[LOAD.name].shape[0] == 24


def test_of_ladders_that_learnt_at_the_same_time_the_one_that_knows_most_answers(tmp_path: Path) -> None:
    known, edges = at(data(), 80)
    fresh, _ = ladder_for(tmp_path, [LOAD], BERLIN, known, edges, ladder=Ladder(of_kind=nothing))
    for number in range(8):  # whatever their names are, one of them would come last
        fresh.rungs = {"offices": str(number)}
        keep(tmp_path, fresh, [LOAD], BERLIN, edges - known.time_ns)
    fresh.quantiles(known, edges)
    assert fresh.kept
    keep(tmp_path, fresh, [LOAD], BERLIN, edges - known.time_ns)
    again, reason = ladder_for(tmp_path, [LOAD], BERLIN, known, edges)
    assert reason is None
    assert again.kept.keys() == fresh.kept.keys()


def test_without_new_days_or_held_out_ones_nothing_drifts(tmp_path: Path) -> None:
    known, edges = at(data(), 80)
    climber, _ = ladder_for(tmp_path, [LOAD], BERLIN, known, edges)
    assert drifted(climber, known, edges) == ()
    assert held_out(climber) == {}
