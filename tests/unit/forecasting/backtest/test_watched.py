"""A backtest in which models learn again when they have drifted, on a series with a break."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from dispatch.executor import executor
from forecasting import scores
from forecasting.archive import Archive, Known
from forecasting.backtest import Backtest, Results, daily, run
from forecasting.backtest.tasks import Task
from forecasting.backtest.watched import Said, Watch, said_of
from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_index
from forecasting.models.base import CannotForecast, Shown
from forecasting.quantiles import LEVELS
from forecasting.retraining import Policy
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
UTC = Place(0.0, 0.0, "UTC")
WIND = Target("wind", "wind", 100.0, "park")
LAST_DAYS = 30
BREAK_DAY, DAYS = 110, 170
START_NS = int(pd.Timestamp("2023-01-01", tz="UTC").value)


@dataclass(frozen=True, eq=False)
class Learnt:
    """The distribution of the days that it learnt from, for every interval."""

    found: Mapping[str, Floats]
    shown: Mapping[str, Shown]
    card: Mapping[str, Any] = field(default_factory=dict)

    def quantiles(self, known: Known, edges_ns: Ns) -> dict[str, Floats]:  # noqa: ARG002 - the protocol's
        return {name: np.tile(levels, (len(edges_ns) - 1, 1)) for name, levels in self.found.items()}


@dataclass(frozen=True)
class LastDays:
    """Learns the distribution of the last days, of all of them while a week is not over."""

    name: str = "last days"
    least: int = 0
    shows: bool = False

    def train(
        self,
        known: Known,
        targets: Sequence[Target],
        place: Place,  # noqa: ARG002 - the protocol's
        horizon_ns: Ns,  # noqa: ARG002 - likewise
        levels: Floats,
    ) -> Learnt:
        found, shown = {}, {}
        for target in targets:
            measured = known.measurements(target.site, target.name)
            if len(measured.value) < self.least:
                raise CannotForecast("too little")
            found[target.name] = np.quantile(measured.value[-28 * 24 :], levels)
            if self.shows:
                started = measured.end_ns[: 30 * 24].reshape(30, 24) - HOUR_NS
                held = np.tile(found[target.name], (30, 24, 1))
                shown[target.name] = Shown(started, measured.value[: 30 * 24].reshape(30, 24), held)
        return Learnt(found, shown)


def archive(shift: float = 3.0, seed: int = 1) -> Archive:
    """Noise about 50, half of it common to a day's hours; it rises by `shift` standard deviations on day 110."""
    end = pd.date_range("2023-01-01T01:00Z", periods=DAYS * 24, freq="1h")
    rng = np.random.default_rng(seed)
    value = 50 + 3.5 * (rng.standard_normal((DAYS, 1)) + rng.standard_normal((DAYS, 24))).ravel()
    value[BREAK_DAY * 24 :] += 5 * shift
    return Archive.empty().with_measurements("park", "wind", end, value, pd.Timedelta(0))


def tasks(days: int = 105) -> tuple[Task, ...]:
    return daily(date(2023, 3, 1), date(2023, 3, 1) + pd.Timedelta(days=days - 1), "UTC", before_h=1, step_min=60)


def asked(policy: Policy | None, model: LastDays | None = None, levels: Floats = LEVELS, days: int = 105) -> Backtest:
    return Backtest((model or LastDays(),), (WIND,), UTC, tasks(days), levels, policy)


def loss_after_break(results: Results) -> Floats:
    """Mean pinball loss by day since the break."""
    (series,) = results.series()
    loss = scores.pinball(series.actual, series.quantiles, series.levels).mean(axis=-1)
    day = (series.valid_ns - HOUR_NS - START_NS) // DAY_NS
    days, mean = scores.by_group(loss, day)
    return mean[days >= BREAK_DAY]


ON_DRIFT, BY_CALENDAR = Policy(45, 3), Policy(45, 3, on_drift=False)


def test_a_break_is_got_over_sooner_with_the_trigger() -> None:
    with_trigger, without = (run(asked(policy), archive()) for policy in (ON_DRIFT, BY_CALENDAR))
    sound = loss_after_break(run(asked(BY_CALENDAR), archive(0.0))).mean()
    weeks = [np.convolve(loss_after_break(found), np.full(7, 1 / 7), "valid") for found in (with_trigger, without)]
    got_over = [int(np.argmax(week < 1.5 * sound)) for week in weeks]
    # Training by the calendar is on 28 February, 14 April and 29 May; the break comes on 21 April.
    assert 0 < got_over[0] <= 20 < 35 <= got_over[1]
    assert loss_after_break(with_trigger).mean() < 0.5 * loss_after_break(without).mean()


def test_the_results_say_when_and_why_a_model_learnt(tmp_path: Path) -> None:
    results = run(asked(ON_DRIFT), archive())
    told = results.trainings()
    assert [row["reason"] for row in told][:3] == ["first", "schedule", "drift"]
    assert told[0]["trained"] == "2023-02-28T23:00Z"
    assert told[1]["text"] == "it learnt 45 days ago; the schedule says 45"
    assert told[2]["text"].startswith("wind: ")
    since = pd.Timestamp(told[2]["text"].partition("since about ")[2])
    assert abs(since - pd.Timestamp("2023-04-21")) <= pd.Timedelta(days=3)
    # It learnt in the middle of the change, does not fit yet, and learns again when it must not wait any longer.
    assert told[3]["reason"] == "drift"
    assert pd.Timestamp(told[3]["trained"]) - pd.Timestamp(told[2]["trained"]) <= pd.Timedelta(days=10)
    # The answers after a training are those of what was learnt then.
    learnt = pd.Timestamp(told[-1]["trained"])
    frame = results.table.to_pandas()
    middle = frame[(frame["level"] == 0.5) & (frame["trained_time"] == learnt)]["value"]
    assert middle.min() > 55
    results.write(tmp_path / "r.parquet")
    assert Results.read(tmp_path / "r.parquet").trainings() == told
    assert [row["reason"] for row in run(asked(BY_CALENDAR), archive()).trainings()] == [
        "first",
        "schedule",
        "schedule",
    ]


def test_results_of_before_say_nothing_of_trainings(tmp_path: Path) -> None:
    table = run(asked(None, days=2), archive()).table
    assert [row["reason"] for row in Results(table).trainings()] == ["first", "schedule"]
    Results(table.drop_columns(["trained_time", "trained_why"])).write(tmp_path / "old.parquet")
    assert Results.read(tmp_path / "old.parquet").trainings() == []


def test_without_a_break_the_schedule_alone_decides() -> None:
    """Sixteen such series of 105 days gave five false alarms; one may come in 730 days."""
    drifting, calendar = (run(asked(policy), archive(0.0, seed=2)) for policy in (ON_DRIFT, BY_CALENDAR))
    assert drifting.table.equals(calendar.table)


def test_held_out_days_are_the_standard_where_a_model_shows_them() -> None:
    """The first drift is found though no twenty days were forecast yet; at other levels they cannot be compared."""
    late = archive()
    begin = tuple(task for task in tasks() if task.issue_ns > START_NS + (BREAK_DAY - 4) * DAY_NS)
    for levels, wanted in ((LEVELS, ["first", "drift"]), (np.array([0.2, 0.5, 0.8]), ["first"])):
        question = Backtest((LastDays(shows=True),), (WIND,), UTC, begin[:18], levels, Policy(40, 3))
        assert [row["reason"] for row in run(question, late).trainings()][:2] == wanted


def test_what_is_not_known_yet_starts_nothing() -> None:
    """The same break, but measurements come two weeks late: so does the training."""
    soon = run(asked(ON_DRIFT), archive()).trainings()
    rows = archive().rows()
    late = Archive.of_rows({key: replace(one, available_ns=one.valid_ns + 14 * DAY_NS) for key, one in rows.items()})
    delayed = run(asked(ON_DRIFT), late).trainings()
    first = [next(row["trained"] for row in told if row["reason"] == "drift") for told in (soon, delayed)]
    assert pd.Timestamp(first[1]) - pd.Timestamp(first[0]) >= pd.Timedelta(days=12)


def test_a_model_that_cannot_learn_waits_for_its_schedule() -> None:
    told = run(asked(Policy(20, 3), LastDays(least=80 * 24), days=40), archive())
    (series,) = told.series()
    assert np.isnan(series.quantiles[: 20 * 24]).all()
    assert [row["reason"] for row in told.trainings()] == ["first", "schedule"]


def test_every_executor_and_a_killed_run_give_the_same_bytes(tmp_path: Path) -> None:
    question, kept = asked(ON_DRIFT), tmp_path / "chunks"
    run(question, archive(), folder=kept).write(tmp_path / "here.parquet")
    run(question, archive(), executor("serial")).write(tmp_path / "there.parquet")
    whole = (tmp_path / "here.parquet").read_bytes()
    assert whole == (tmp_path / "there.parquet").read_bytes()
    files = sorted(kept.glob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    files[-1].unlink()
    seen: list[tuple[str, int, int]] = []
    run(question, archive(), folder=kept, progress=lambda *told: seen.append(told)).write(tmp_path / "again.parquet")
    assert whole == (tmp_path / "again.parquet").read_bytes()
    assert (seen[0], len(seen)) == (("", len(files) - 1, len(files)), 2)


def test_a_deadline_holds_over_all_rounds() -> None:
    from forecasting.errors import ForecastError

    with pytest.raises(ForecastError, match="not done within"):
        run(asked(ON_DRIFT), archive(), executor("serial"), deadline=0.0)


def test_a_watch_counts_only_days_that_are_over() -> None:
    (series,) = run(asked(None, days=40), archive()).series()
    said = said_of([series], tasks(40))
    assert len(said) == 40
    assert isinstance(said[0], Said)
    known = archive().as_of(utc_index(np.array([tasks(40)[25].issue_ns]))[0])
    watch = Watch(Policy(60, 3), (WIND,), LEVELS, tasks(40)[0].issue_ns, said=list(said))
    assert watch.drifted(known) is None
