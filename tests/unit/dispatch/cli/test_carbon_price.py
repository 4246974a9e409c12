from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.dispatch.typed import Run, run

__all__ = ["run"]  # a fixture


def prices(path: Path, days: int) -> Path:
    """A walk of 2 % a day on working days, in the last year."""
    day = pd.bdate_range("2024-01-02", periods=days)
    walk = 80 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.02, days)))
    pd.DataFrame({"day": day.strftime("%Y-%m-%d %H:%M"), "cny_per_t": walk.round(2)}).to_csv(path, index=False)
    return path


def test_a_week_of_allowances_with_its_own_past_error(run: Run, tmp_path: Path) -> None:
    file = prices(tmp_path / "ets.csv", 300)
    ended = run("carbon-price", file, "--column", "cny_per_t")
    assert ended.status == 0, ended.err
    last = float(pd.read_csv(file)["cny_per_t"].iloc[-1])
    rows = [line.split() for line in ended.out.splitlines() if line.strip().startswith("202")]
    assert len(rows) == 7
    middle = np.array([float(row[3]) for row in rows])
    low, high = (np.array([float(row[k]) for row in rows]) for k in (1, 5))
    np.testing.assert_allclose(middle, last, rtol=0.03)
    assert ((low < middle) & (middle < high)).all()
    width = high - low
    assert width[-1] > 1.5 * width[0]
    # A walk of 2 % a working day errs by some 1.4 % after a day of the week on average, and more later.
    errors = np.array([float(row[-1].rstrip("%")) for row in rows])
    assert 0.5 < errors[0] < 2.5
    assert errors[-1] > errors[0]


def test_too_few_days_or_another_column_are_named(run: Run, tmp_path: Path) -> None:
    file = prices(tmp_path / "ets.csv", 20)
    few = run("carbon-price", file, "--column", "cny_per_t")
    assert few.status != 0
    assert "60 are needed" in few.err
    other = run("carbon-price", file, "--column", "price")
    assert "no column 'price'" in other.err


@pytest.mark.parametrize(("zone", "days"), [("Asia/Shanghai", 300), ("Europe/Berlin", 214), ("Europe/Berlin", 340)])
def test_the_days_ahead_follow_the_last_price_of_the_file(run: Run, tmp_path: Path, zone: str, days: int) -> None:
    """Ten months of working days end on 25 October 2024, a Friday before the clock of Berlin changes; 340 in April."""
    file = prices(tmp_path / "ets.csv", days)
    last = pd.Timestamp(pd.read_csv(file)["day"].iloc[-1])
    ended = run("carbon-price", file, "--column", "cny_per_t", "--time-zone", zone)
    assert ended.status == 0, ended.err
    told = [line.split()[0] for line in ended.out.splitlines() if line.strip().startswith("202")]
    assert told == [f"{last + pd.Timedelta(days=n):%Y-%m-%d}" for n in range(1, 8)]
