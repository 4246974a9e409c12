from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from benchmarks.rows import CannotMeasure
from benchmarks.topics.forecasting import lead_days
from forecasting.backtest import daily
from tests.unit.forecasting.synthetic import BERLIN, LOAD, archive, ends


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> str:
    """A load with data up to the second of four days."""
    day = date(2023, 3, 17)
    tasks = daily(day, day, BERLIN.time_zone, before_h=12, days=4, step_min=60)
    asked = lead_days.Asked(archive(ends("2023-03-01", 18), (LOAD,)), (LOAD,), BERLIN, tasks)
    monkeypatch.setitem(lead_days.SETS, "small", lambda: asked)
    return "small"


def test_lead_days_are_measured_as_far_as_data_reach(small: str) -> None:
    errors = [lead_days.error(small, lead_days.NAME, day) for day in (1, 2)]
    assert np.isfinite(errors).all()
    assert 0 < max(errors) < 1
    with pytest.raises(CannotMeasure, match="unverified: no measurement reaches lead day 3"):
        lead_days.error(small, lead_days.NAME, 3)
