"""Days back on the local clock: a shift that begins at six begins at six on both sides of a clock change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.backtest.references import Reference
from forecasting.clock import HOUR_NS, index_ns
from forecasting.local_days import LocalDays
from forecasting.models.own_past import OwnPast
from forecasting.models.recent import Past, columns
from forecasting.quantiles import LEVELS
from forecasting.scores import pinball
from forecasting.steps import Grid, History
from forecasting.targets import Place, Target

BERLIN = Place(48.0, 11.0, "Europe/Berlin")
LOAD = Target("load", "load", float("inf"), "works")
STARTS = pd.date_range("2023-06-01", "2024-06-01", freq="h", tz="UTC", inclusive="left")


def shifts(starts: pd.DatetimeIndex) -> np.ndarray:
    """1000 kW from six to ten in the evening of workdays, else 200 kW, by the clock on the wall."""
    local = starts.tz_convert(BERLIN.time_zone)
    hour = local.hour.to_numpy()
    return np.where((hour >= 6) & (hour < 22) & (local.weekday.to_numpy() < 5), 1000.0, 200.0)


def of_hours(start: str, hours: int, zone: str | None = "Europe/Berlin") -> tuple[LocalDays, pd.DatetimeIndex]:
    starts = pd.date_range(start, periods=hours, freq="h", tz="UTC")
    return LocalDays.of(index_ns(starts, "starts"), HOUR_NS, zone), starts


def test_a_day_before_is_the_same_time_of_the_local_clock() -> None:
    days, starts = of_hours("2023-10-27", 120)  # clocks go back on Sunday 29 October at 01:00Z
    step = int(starts.get_loc(pd.Timestamp("2023-10-30T05:00Z")))  # Monday, 06:00 in winter
    for back in (2, 3):  # Saturday and Friday: 06:00 in summer is 04:00Z
        first, last = days.before(np.array([step]), back)
        assert first == last
        assert starts[first[0]] == pd.Timestamp(f"2023-10-{30 - back}T04:00Z")


def test_a_time_that_came_twice_counts_with_both_and_one_that_never_came_an_hour_later() -> None:
    days, starts = of_hours("2023-10-27", 120)
    step = starts.get_indexer(pd.DatetimeIndex(["2023-10-30T01:00Z"]))  # 02:00 in winter
    first, last = days.before(step, 1)
    assert [str(starts[at[0]]) for at in (first, last)] == ["2023-10-29 00:00:00+00:00", "2023-10-29 01:00:00+00:00"]
    assert days.read(step, 1, lambda at: at.astype(float)) == (first + last) / 2
    assert days.read(step, 1, lambda at: np.where(at == first, np.nan, 7.0)) == 7.0
    spring, starts = of_hours("2024-03-29", 120)  # clocks go forward on Sunday 31 March at 01:00Z
    step = starts.get_indexer(pd.DatetimeIndex(["2024-04-01T00:00Z"]))  # 02:00 in summer
    first, last = spring.before(step, 1)
    assert first == last
    assert starts[first[0]] == pd.Timestamp("2024-03-31T01:00Z")  # 03:00, as 02:00 is skipped


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Shanghai"])
def test_without_clock_changes_days_have_24_hours(zone: str | None) -> None:
    days, _ = of_hours("2023-10-27", 120, zone)
    first, last = days.before(np.arange(72, 120)[:, None], np.arange(1, 4))
    assert (first == np.arange(72, 120)[:, None] - np.arange(1, 4) * 24).all()
    assert first is last


def of_day(day: pd.Timestamp) -> np.ndarray:
    return index_ns(pd.date_range(day, day + pd.DateOffset(days=1), freq="h"), "edges")


def error_kw(model: OwnPast | Reference, day: pd.Timestamp) -> float:
    """Mean pinball loss of a day that is forecast at noon before it."""
    noise = 1 + 0.02 * np.random.default_rng(0).standard_normal(len(STARTS))
    values = shifts(STARTS) * noise
    archive = Archive.empty().with_measurements("works", "load", STARTS + pd.Timedelta("1h"), values)
    known = archive.as_of((day - pd.DateOffset(hours=12)).tz_convert("UTC"))
    edges = of_day(day)
    said = model.train(known, [LOAD], BERLIN, edges - known.time_ns, LEVELS).quantiles(known, edges)["load"]
    return float(
        pinball(pd.Series(values, STARTS)[pd.to_datetime(edges[:-1], utc=True)].to_numpy(), said, LEVELS).mean()
    )


@pytest.mark.parametrize("change", ["2023-10-29", "2024-03-31"])
@pytest.mark.parametrize("model", [OwnPast(), Reference("climatology")])
def test_shifts_are_forecast_as_well_after_a_clock_change_as_before(model: OwnPast | Reference, change: str) -> None:
    sunday = pd.Timestamp(change, tz=BERLIN.time_zone)
    before = np.mean([error_kw(model, sunday - pd.DateOffset(days=d)) for d in (3, 4)])
    for after in (2, 3, 5, 10):  # Tuesday, Wednesday, Friday and Wednesday after
        # An hour in the wrong place is 800 kW off twice a day, some 30 kW in the mean.
        assert error_kw(model, sunday + pd.DateOffset(days=after)) < 1.5 * before + 1


@pytest.mark.parametrize("name", ["persistence", "smart persistence"])
def test_persistence_reads_the_same_time_of_the_clock(name: str) -> None:
    values = shifts(STARTS)
    archive = Archive.empty().with_measurements("works", "load", STARTS + pd.Timedelta("1h"), values)
    for day in ("2023-11-01", "2024-04-03"):  # Wednesdays: Monday evening and Tuesday are all it reads
        at = pd.Timestamp(day, tz=BERLIN.time_zone)
        edges, known = of_day(at), archive.as_of((at - pd.Timedelta("12h")).tz_convert("UTC"))
        said = Reference(name).train(known, [LOAD], BERLIN, edges - known.time_ns, np.array([0.5]))
        told = said.quantiles(known, edges)["load"][:, 0]
        np.testing.assert_allclose(told, values[STARTS.get_indexer(pd.to_datetime(edges[:-1], utc=True))])


def test_the_rhythm_of_the_recent_past_has_no_departures_after_a_clock_change() -> None:
    starts = index_ns(STARTS, "starts")
    grid = Grid(int(starts[0]), HOUR_NS, len(starts))
    history = History(grid, shifts(STARTS), grid.start_of(np.arange(1, grid.count + 1)), grid.count - 1)
    past = Past.of(history, BERLIN)
    for change in ("2023-10-30", "2024-04-01"):
        step = STARTS.get_loc(pd.Timestamp(change, tz=BERLIN.time_zone).tz_convert("UTC")) + np.arange(24 * 20)
        np.testing.assert_allclose(past.departure[step], 0, atol=1e-9)
        found = columns(past, starts[step[:1]], step[None, :48])
        np.testing.assert_allclose(found["base"][0], history.value[step[:48]])
