from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from grid_models.background import QUARTERS_PER_YEAR, Background
from grid_models.errors import GridError
from grid_models.network import Network

RAMP = Background(
    factor=np.arange(QUARTERS_PER_YEAR, dtype=float)[:, None],
    rating_kw=sparse.csr_array([[2.0]]),
    rating_kvar=sparse.csr_array([[0.5]]),
)


def quarter(time: str) -> float:
    return float(RAMP.at(pd.DatetimeIndex([time]))[0][0, 0] / 2.0)


def test_simbench_itself_gives_the_same_injections(semiurb_and_source: tuple[Network, Any]) -> None:
    import simbench

    semiurb, net = semiurb_and_source
    tables = simbench.get_absolute_values(net, profiles_instead_of_study_cases=True)
    rows = [0, 5000, 16500, 35135]
    injections = semiurb.background(pd.Timestamp("2016-01-01") + pd.to_timedelta(np.array(rows) * 15, "min"))
    bus = net.bus["name"].to_numpy()
    expected_kw, expected_kvar = np.zeros((2, len(bus), len(rows)))
    np.add.at(expected_kw, net.load["bus"], -1e3 * tables["load", "p_mw"].iloc[rows].to_numpy().T)
    np.add.at(expected_kw, net.sgen["bus"], 1e3 * tables["sgen", "p_mw"].iloc[rows].to_numpy().T)
    np.add.at(expected_kvar, net.load["bus"], -1e3 * tables["load", "q_mvar"].iloc[rows].to_numpy().T)
    assert injections.bus == tuple(bus)
    np.testing.assert_allclose(injections.p_kw, expected_kw, atol=1e-9)
    np.testing.assert_allclose(injections.q_kvar, expected_kvar, atol=1e-9)


def test_the_year_is_found_by_month_day_and_time() -> None:
    assert quarter("2016-01-01 00:00") == 0
    assert quarter("2016-02-29 00:15") == 59 * 96 + 1
    assert quarter("2023-02-28 23:45") == 59 * 96 - 1
    assert quarter("2016-01-01 00:07:30") == 0.5  # half of the first quarter, which is 0, and of the second, which is 1
    for year in (2016, 2023, 2024):
        assert quarter(f"{year}-03-01") == 60 * 96
        assert quarter(f"{year}-12-31 23:45") == QUARTERS_PER_YEAR - 1


@given(st.integers(0, 365 * 96 - 1), st.integers(1, 96))
def test_a_long_step_is_the_mean_of_its_quarters(first: int, count: int) -> None:
    start = pd.Timestamp("2016-01-01") + pd.Timedelta(minutes=15 * first)
    p_kw, q_kvar = RAMP.at(pd.DatetimeIndex([start]), step_h=count / 4.0)
    mean = np.mean([(first + k) % QUARTERS_PER_YEAR for k in range(count)])
    assert p_kw[0, 0] == pytest.approx(2.0 * mean)
    assert q_kvar[0, 0] == pytest.approx(0.5 * mean)


def test_steps_may_be_unequal_and_cut_quarters() -> None:
    clock = pd.DatetimeIndex(["2016-01-01 00:10", "2016-01-01 01:00"])
    p_kw, _ = RAMP.at(clock, step_h=np.array([1.0 / 6.0, 0.5]))
    np.testing.assert_allclose(p_kw[0] / 2.0, [0.5, 4.5], atol=1e-12)


def test_zoned_times_and_empty_steps_are_refused() -> None:
    with pytest.raises(GridError, match="Asia/Shanghai"):
        RAMP.at(pd.date_range("2016-01-01", periods=2, freq="h", tz="Asia/Shanghai"))
    with pytest.raises(GridError, match=r"step_h must be positive, got 0\.0 h"):
        RAMP.at(pd.DatetimeIndex(["2016-01-01"]), step_h=0.0)


def test_a_network_without_profiles_stays_at_nameplate(cigre: Network) -> None:
    background = cigre.background(pd.date_range("2024-05-01", periods=3, freq="h"), step_h=1.0)
    np.testing.assert_allclose(background.p_kw, np.repeat(cigre.profiles.at_nameplate()[0], 3, axis=1))
    assert background.p_kw.sum() < -1000.0
