from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grid_models.errors import GridError
from grid_models.network import Network
from grid_models.year import write_year
from grid_models.year_reference import PandapowerSeries

DAY = pd.date_range("2016-06-20", periods=6, freq="15min")


def test_pandapowers_own_time_series_gives_the_same_file(semiurb: Network, tmp_path: Path) -> None:
    """Buses that a closed switch fuses, and rows of the tables in an order of their own, included."""
    theirs, ours = tmp_path / "theirs.parquet", tmp_path / "ours.parquet"
    background = semiurb.background(DAY)
    PandapowerSeries(semiurb, background, numba=False).write(2, 6, theirs)
    write_year(semiurb, DAY, ours)
    table = pd.read_parquet(theirs)
    assert len(table) == 4
    assert len(table.columns) == len(semiurb.bus_names) + len(semiurb.branch_names)
    np.testing.assert_allclose(pd.read_parquet(ours)[table.columns].iloc[2:], table, rtol=0.0, atol=1e-6)
    assert np.ptp(table.to_numpy()) > 0.1


def test_what_it_needs_is_said(cigre: Network) -> None:
    background = cigre.background(DAY)
    with pytest.raises(GridError, match="carries no pandapower net"):
        PandapowerSeries(cigre.without_reference(), background, numba=False)
    if importlib.util.find_spec("numba") is None:
        with pytest.raises(GridError, match="need the package numba, which is not installed"):
            PandapowerSeries(cigre, background)
