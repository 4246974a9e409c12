"""What can be kept up over a period: within power and energy, whatever steps and periods are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.cli.market_tables import read_bands
from dispatch.errors import DataError
from dispatch.flexibility.offers import Flexibility
from dispatch.markets.sustained import EnergyBand, sustained
from dispatch.signals import Horizon

START = datetime(2024, 6, 3, tzinfo=UTC)


def hours(count: int, minutes: float = 60) -> Horizon:
    return Horizon.between(START, START + timedelta(minutes=count * minutes), "UTC", minutes)


def offer(kw: list[float], steps: int) -> Flexibility:
    """Blocks as wide in every step, ever dearer, in both directions."""
    width = np.repeat(np.array(kw, float)[:, None], steps, axis=1)
    cost = np.repeat(np.arange(len(kw), dtype=float)[:, None], steps, axis=1)
    return Flexibility(np.ones(steps), width, width, cost, cost)


def band(plan_kw: float, store_kwh: float, steps: int) -> EnergyBand:
    """A load with a store of which half is full."""
    plan = plan_kw * np.arange(1, steps + 1)
    return EnergyBand(plan, plan - store_kwh / 2, plan + store_kwh / 2)


def test_a_megawatt_hour_is_a_quarter_of_a_megawatt_for_four_hours() -> None:
    made = sustained(offer([600.0, 400.0], 8), band(100.0, 2000.0, 8), hours(8), hours(2, 240))
    np.testing.assert_allclose(made.up_kw, [[250.0] * 8, [0.0] * 8])
    np.testing.assert_allclose(made.down_kw, [[250.0] * 8, [0.0] * 8])
    np.testing.assert_allclose(sustained(offer([600.0], 8), band(0, 2000.0, 8), hours(8), hours(8)).up_kw, 600.0)


def test_the_tightest_end_of_a_period_counts() -> None:
    spare = np.array([100.0, 150.0, 900.0, 900.0])
    made = sustained(offer([500.0], 4), EnergyBand(np.zeros(4), -spare, spare), hours(4), hours(1, 180))
    np.testing.assert_allclose(made.up_kw[0], [75.0, 75.0, 75.0, 500.0])


def test_periods_within_a_step_take_their_part_of_it() -> None:
    made = sustained(offer([500.0], 2), band(0.0, 400.0, 2), hours(2), hours(8, 15))
    # By the end of the first quarter-hour a quarter of 200 kWh may have been given, later all that there is.
    np.testing.assert_allclose(made.up_kw[0], [200.0, 500.0])


@given(
    store=st.lists(st.floats(0, 500), min_size=6, max_size=6),
    kw=st.lists(st.floats(0, 300), min_size=1, max_size=3),
    length=st.sampled_from([60, 120, 180, 360]),
)
def test_what_is_kept_up_is_within_the_band(store: list[float], kw: list[float], length: int) -> None:
    spare = np.array(store)
    made = sustained(offer(kw, 6), EnergyBand(np.zeros(6), -spare, spare), hours(6), hours(360 // length, length))
    power = made.up_kw.sum(axis=0)
    assert (power <= sum(kw) + 1e-9).all()
    count = length // 60
    for first in range(0, 6, count):
        least = power[first : first + count].min()
        given_kwh = least * np.arange(1, count + 1)
        assert (given_kwh <= spare[first : first + count] + 1e-6).all()


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(DataError, match="blocks of 3 steps and a band of 4; accepted: 4 of each"):
        sustained(offer([1.0], 3), band(0, 1, 4), hours(4), hours(4))
    with pytest.raises(DataError, match="three alike"):
        EnergyBand(np.zeros(2), np.zeros(3), np.zeros(2))
    with pytest.raises(DataError, match="missing values"):
        EnergyBand(np.zeros(1), np.array([np.nan]), np.zeros(1))


def test_bands_are_read_by_site(tmp_path: Path) -> None:
    rows = [
        {
            "site": s,
            "start": f"2024-06-03T0{h}:00Z",
            "hours": 1.0,
            "plan_kw": 10.0,
            "least_kwh": -k * h,
            "most_kwh": 50.0,
        }
        for s, k in (("b", 2.0), ("a", 1.0))
        for h in (1, 0, 2)
    ]
    file = tmp_path / "envelope.parquet"
    pd.DataFrame(rows).to_parquet(file)
    first, second = read_bands(file, "UTC", ("a", "b"), hours(4))
    np.testing.assert_allclose(first.plan_kwh, [10, 20, 30, 30])
    np.testing.assert_allclose(second.least_kwh, [0, -2, -4, -4])
    with pytest.raises(DataError, match="no row of site 'c'"):
        read_bands(file, "UTC", ("c",), hours(4))
    pd.DataFrame(rows).drop(columns="hours").to_parquet(file)
    with pytest.raises(DataError, match="no column hours"):
        read_bands(file, "UTC", ("a",), hours(4))
