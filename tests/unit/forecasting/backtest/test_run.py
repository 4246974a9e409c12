from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dispatch.executor import executor
from forecasting.archive import Archive
from forecasting.backtest import Backtest, Results, Task, daily, retrained, run
from forecasting.backtest.identity import archive_hash, code_of, content_hash
from forecasting.backtest.references import REFERENCES
from forecasting.backtest.run import chunks
from forecasting.clock import DAY_NS, HOUR_NS, instant_ns
from forecasting.errors import ForecastError, LookAheadError
from forecasting.targets import Place, Target
from tests.unit.forecasting.backtest.models import AsksForLater, BringsItsOwn, Fails, Mean, ReadsTheRows

UTC = Place(0.0, 0.0, "UTC")
WIND = Target("wind", "wind", 100.0, "park")
LEVELS = np.array([0.1, 0.5, 0.9])
TASKS = retrained(daily(date(2023, 1, 11), date(2023, 1, 16), "UTC", before_h=12, step_min=60), 2)


def archive(days: int = 20) -> Archive:
    """Hourly values that say when they are: the number of hours since the start."""
    end = pd.date_range("2023-01-01T01:00Z", periods=days * 24, freq="1h")
    return Archive.empty().with_measurements("park", "wind", end, np.arange(days * 24) / 24, pd.Timedelta("1h"))


def asked(*models: object, tasks: tuple[Task, ...] = TASKS) -> Backtest:
    return Backtest(models, (WIND,), UTC, tasks, LEVELS)  # type: ignore[arg-type]


def test_tasks_follow_local_days_and_the_schedule() -> None:
    spring = daily(date(2023, 3, 25), date(2023, 3, 27), "Europe/Berlin", before_h=12, days=1)
    assert [len(task.edges_ns) - 1 for task in spring] == [96, 92, 96]
    assert (np.array([t.edges_ns[0] - t.issue_ns for t in spring]) == 12 * HOUR_NS).all()
    assert [round((task.train_ns - TASKS[0].issue_ns) / DAY_NS) for task in TASKS] == [0, 0, 2, 2, 4, 4]
    four = daily(date(2023, 1, 1), date(2023, 1, 1), "UTC", before_h=0, days=4)
    assert len(four[0].edges_ns) - 1 == 384


def test_a_task_cannot_learn_or_begin_after_its_issue() -> None:
    edges = np.array([10, 20], np.int64)
    with pytest.raises(LookAheadError, match="training comes first"):
        Task(6, 5, edges)
    with pytest.raises(LookAheadError, match="before its issue"):
        Task(5, 15, edges)
    with pytest.raises(ForecastError, match="must rise"):
        Task(5, 5, edges[::-1])


def test_results_hold_what_was_said_and_what_came() -> None:
    results = run(asked(Mean()), archive())
    (series,) = results.series()
    assert (series.model, series.target, len(series)) == ("mean", "wind", 6 * 24)
    # Trained on 10 January at noon with a delay of an hour: 227 values were known.
    np.testing.assert_allclose(series.quantiles[0], np.quantile(np.arange(227) / 24, LEVELS))
    first = (series.valid_ns - instant_ns("2023-01-01T01:00Z", "")) / HOUR_NS / 24
    np.testing.assert_allclose(series.actual, first)
    assert (series.lead_h[0], series.lead_h[23], set(series.lead_day)) == (13.0, 36.0, {1})
    assert set(series.rung) == {"mean"}


def test_what_came_beyond_the_data_is_missing() -> None:
    results = run(
        asked(Mean(), tasks=daily(date(2023, 1, 20), date(2023, 1, 20), "UTC", before_h=1, days=2)), archive()
    )
    (series,) = results.series()
    assert np.isnan(series.actual[series.lead_day == 2]).all()
    assert np.isfinite(series.actual[series.lead_day == 1]).all()


def test_what_sleeps_at_night_or_draws_a_little_then_is_held_against_what_can_be_forecast() -> None:
    """A plant that logs the day alone, and one that draws 2 kW at night: nothing of either is beyond its bands."""
    end = pd.date_range("2023-01-01T01:00Z", periods=20 * 24, freq="1h")
    sun = np.maximum(np.sin((end.hour - 6.5) / 12 * np.pi), 0.0) * 80.0
    up = (end.hour >= 7) & (end.hour <= 19)
    data = Archive.empty().with_measurements("park", "roof", end[up], sun[up], pd.Timedelta("1h"))
    data = data.with_measurements("park", "farm", end, np.where(sun > 0, sun, -2.0), pd.Timedelta("1h"))
    targets = (Target("roof", "pv", 100.0, "park"), Target("farm", "wind", 100.0, "park"))
    tasks = daily(date(2023, 1, 16), date(2023, 1, 18), "UTC", before_h=12, step_min=60)
    roof, farm = run(Backtest(REFERENCES[:1], targets, UTC, tasks, LEVELS), data).series()
    assert roof.rung[0] == farm.rung[0] == "climatology"
    assert (roof.actual == 0.0).sum() == 3 * (11 + 1)  # hours that end at 20 to 6, and the one at 19 that was logged
    assert np.nanmin(farm.actual) == 0.0
    assert (farm.actual >= farm.quantiles[:, 0] - 1e-9).all()


@pytest.mark.parametrize(("first", "hours"), [((2023, 10, 29), [25, 24]), ((2023, 3, 26), [23, 24])])
def test_lead_days_are_days_of_the_local_clock(first: tuple[int, int, int], hours: list[int]) -> None:
    """Two days that begin with a change of clocks are two days: of 25 hours and 24, or of 23 and 24."""
    berlin = Place(52.5, 13.4, "Europe/Berlin")
    tasks = daily(date(*first), date(*first), "Europe/Berlin", before_h=12, days=2, step_min=60)
    (series,) = run(Backtest((Mean(),), (WIND,), berlin, tasks, LEVELS), archive(330)).series()
    assert [int((series.lead_day == day).sum()) for day in (1, 2)] == hours
    assert set(series.lead_day) == {1, 2}


def test_who_asks_for_later_is_caught() -> None:
    with pytest.raises(LookAheadError, match="only what was known at 2023-01-10T12:00Z"):
        run(asked(AsksForLater()), archive())
    with pytest.raises(LookAheadError, match="only what was known"):
        run(asked(Mean(), AsksForLater()), archive(), executor("serial"))


def test_who_goes_behind_the_door_finds_nothing_more() -> None:
    (series,) = run(asked(ReadsTheRows()), archive()).series()
    known_hours = (series.issue_ns - instant_ns("2023-01-01T00:00Z", "")) / HOUR_NS - 1
    np.testing.assert_allclose(series.quantiles[:, 1], (known_hours - 1) / 24)


def test_who_brings_an_archive_is_not_let_in() -> None:
    with pytest.raises(LookAheadError, match="holds Archive of its own"):
        run(asked(BringsItsOwn(archive=archive())), archive())


def test_changing_what_came_later_changes_no_forecast() -> None:
    end = pd.date_range("2023-01-01T01:00Z", periods=20 * 24, freq="1h")
    later = end > pd.Timestamp("2023-01-15T11:00Z")
    other = archive().with_measurements("park", "wind", end[later], np.full(later.sum(), 99.0), pd.Timedelta("2h"))
    one, two = (run(asked(Mean(), ReadsTheRows()), data).series() for data in (archive(), other))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.quantiles, b.quantiles)
    assert (one[0].actual != two[0].actual).any()


def test_who_cannot_answer_leaves_rows_that_say_so() -> None:
    early = daily(date(2023, 1, 1), date(2023, 1, 1), "UTC", before_h=0, step_min=60)
    (series,) = run(asked(Mean(), tasks=early), archive()).series()
    assert np.isnan(series.quantiles).all()
    assert set(series.rung) == {"none: wind: nothing known"}


@pytest.mark.parametrize("name", ["processes", pytest.param("ray", marks=pytest.mark.slow)])
def test_every_executor_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    tasks = TASKS[:4]
    run(asked(Mean(), tasks=tasks), archive()).write(tmp_path / "here.parquet")
    run(asked(Mean(), tasks=tasks), archive(), executor(name, 2)).write(tmp_path / "there.parquet")
    assert (tmp_path / "here.parquet").read_bytes() == (tmp_path / "there.parquet").read_bytes()
    assert Results.read(tmp_path / "here.parquet").models == ("mean",)


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    log, kept = tmp_path / "trained", tmp_path / "chunks"
    second = TASKS[2].train_ns
    with pytest.raises(ForecastError, match=r"mean trained 2023-01-12T12:00Z: RuntimeError: power cut; what is done"):
        run(asked(Fails(log=str(log), at_ns=second)), archive(), executor("serial"), folder=kept)
    assert len(list(kept.glob("*.parquet"))) == 2
    seen: list[tuple[str, int, int]] = []
    done = run(asked(Mean(log=str(log))), archive(), folder=kept, progress=lambda *told: seen.append(told))
    assert [told[1:] for told in seen] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    log.unlink()
    again = run(asked(Mean(log=str(log))), archive(), folder=kept)
    assert not log.exists()
    assert again.table.equals(done.table)
    changed = run(asked(Mean(log=str(log))), archive(19), folder=kept)
    assert len(log.read_text().splitlines()) == 3
    assert changed.table.num_rows == done.table.num_rows


def test_a_run_that_stopped_reads_its_finished_chunks(tmp_path: Path) -> None:
    log, kept = tmp_path / "trained", tmp_path / "chunks"
    model = Mean(log=str(log))
    whole = run(asked(model), archive(), folder=kept)
    min(kept.glob("*.parquet")).unlink()
    log.unlink()
    assert run(asked(model), archive(), folder=kept).table.equals(whole.table)
    assert len(log.read_text().splitlines()) == 1


def test_work_is_cut_by_model_and_training_alone() -> None:
    cut = chunks(asked(Mean(), Mean("other")))
    assert len(cut) == 6
    assert cut[0].name == "mean trained 2023-01-10T12:00Z"


def test_identity_sees_every_value() -> None:
    assert content_hash(Mean(), WIND) == content_hash(Mean(), WIND)
    assert content_hash(Mean()) != content_hash(Mean("b"))
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    assert content_hash([1, 2]) != content_hash([2, 1])
    assert content_hash(np.ones(2)) != content_hash(np.ones((2, 1)))
    assert content_hash({"x", "y"}) == content_hash({"y", "x"})
    loop: list[object] = []
    loop.append(loop)
    assert content_hash(loop) == content_hash(loop)
    assert content_hash(Mean, date(2023, 1, 1)) != content_hash(Fails, date(2023, 1, 1))
    with pytest.raises(ForecastError, match="named functions"):
        content_hash(lambda: 0)
    assert archive_hash(archive()) == archive_hash(archive())
    assert archive_hash(archive()) != archive_hash(archive(19))
    assert code_of(Mean()) != code_of(WIND)


def test_questions_that_cannot_be_told_apart() -> None:
    with pytest.raises(ForecastError, match=r"models: \['mean'\] given more than once"):
        asked(Mean(), Mean())
    with pytest.raises(ForecastError, match="models: none given"):
        asked()
    with pytest.raises(ForecastError, match="tasks: none given"):
        asked(Mean(), tasks=())


def test_reading_what_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="no such file"):
        Results.read(tmp_path / "none.parquet")
    archive().write(tmp_path / "other.parquet")
    with pytest.raises(ForecastError, match=r"no column \['actual'"):
        Results.read(tmp_path / "other.parquet")
