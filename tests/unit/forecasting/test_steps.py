from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.archive import Archive, Measured
from forecasting.clock import index_ns, instant_ns, utc_text
from forecasting.errors import ForecastError
from forecasting.steps import Grid, checked_edges, on_grid, overlap

ISSUE = instant_ns("2023-05-01T10:00Z", "issue")
EDGES = pd.date_range("2023-05-02T00:00Z", periods=25, freq="1h")


def measured(end: pd.DatetimeIndex, values: np.ndarray) -> Measured:
    return Archive.empty().with_measurements("p", "v", end, values).as_of("2030-01-01T00:00Z").measurements("p", "v")


@pytest.mark.parametrize(
    ("edges", "says"),
    [
        (EDGES[:1], "at least two"),
        (EDGES[::-1], "edges 0 and 1.*less than 5 min"),
        (EDGES.insert(1, EDGES[0] + pd.Timedelta("4min")), "edges 0 and 1.*less than 5 min"),
        (EDGES - pd.Timedelta("2D"), "before the issue time 2023-05-01T10:00Z"),
        (EDGES + pd.Timedelta("16D"), "more than 16 days"),
        (EDGES.tz_localize(None), "time zone"),
    ],
)
def test_edges_that_cannot_be_are_refused(edges: pd.DatetimeIndex, says: str) -> None:
    with pytest.raises(ForecastError, match=says):
        checked_edges(edges, ISSUE)


def test_gaps_stay_missing_and_the_grid_reaches_the_last_edge() -> None:
    end = pd.date_range("2023-04-30T00:15Z", periods=8, freq="15min").delete([2, 3])
    history = on_grid(measured(end, np.arange(6.0)), index_ns(EDGES, "edges"), "p/v")
    np.testing.assert_array_equal(history.value[:8], [0, 1, np.nan, np.nan, 2, 3, 4, 5])
    assert history.last_step == 7
    assert history.grid.edges()[-1] >= EDGES[-1]


def test_minute_data_are_averaged_and_a_partly_known_step_is_missing() -> None:
    end = pd.date_range("2023-04-30T00:01Z", periods=45, freq="1min")
    values = np.arange(45.0)
    values[20] = np.nan
    history = on_grid(measured(end, values), index_ns(EDGES, "edges"), "p/v")
    assert history.grid.step_h == 0.25
    np.testing.assert_array_equal(history.value[:3], [7.0, np.nan, 37.0])
    assert history.available_ns[0] == end[14].value + 15 * 60 * 10**9


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (pd.date_range("2023-04-30T00:00Z", periods=9, freq="7min"), "steps of 7 min do not divide a day"),
        (
            pd.DatetimeIndex(["2023-04-30T00:00Z", "2023-04-30T01:00Z", "2023-04-30T02:00Z", "2023-04-30T02:20Z"]),
            "02:20Z: off",
        ),
    ],
)
def test_steps_that_are_no_grid_are_refused(end: pd.DatetimeIndex, says: str) -> None:
    with pytest.raises(ForecastError, match=says):
        on_grid(measured(end, np.ones(len(end))), index_ns(EDGES, "edges"), "p/v")


@given(st.lists(st.integers(5, 200), min_size=1, max_size=20), st.integers(0, 59))
def test_energy_is_kept_for_any_edges(minutes: list[int], first: int) -> None:
    edges_ns = np.cumsum([first, *minutes]) * 60 * 10**9
    grid = Grid(0, 15 * 60 * 10**9, int(-(-edges_ns[-1] // (15 * 60 * 10**9))))
    share = overlap(grid, np.arange(grid.count), edges_ns)
    np.testing.assert_allclose(share.sum(axis=1), 1.0)
    power = np.random.default_rng(0).uniform(0, 9, grid.count)
    inside = np.clip(np.diff(np.clip(grid.start_of(np.arange(grid.count + 1)), edges_ns[0], edges_ns[-1])), 0, None)
    assert (share @ power) @ np.diff(edges_ns) == pytest.approx(power @ inside)


def test_times_are_read_and_written_alike() -> None:
    assert utc_text(ISSUE) == "2023-05-01T10:00Z"
    assert utc_text(ISSUE + 7 * 10**9) == "2023-05-01T10:00:07Z"
    coarse = pd.DatetimeIndex(["2023-05-01T10:00"], tz="UTC").as_unit("s")
    assert index_ns(coarse, "x")[0] == ISSUE
    with pytest.raises(ForecastError, match="position 1"):
        index_ns(pd.DatetimeIndex(["2023-05-01T10:00Z", None]), "x")
