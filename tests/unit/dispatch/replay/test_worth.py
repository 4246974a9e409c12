from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from dispatch.config.park import load_site
from dispatch.errors import DataError
from dispatch.executor import executor
from dispatch.replay import Case, Settings
from dispatch.replay.worth import AS_IT_CAME, PERFECT, as_it_came, issued_by, worth
from dispatch.signals import Horizon
from dispatch.sources import gather
from forecasting.archive import Archive
from forecasting.backtest.references import Reference
from tests.unit.dispatch.replay.days import history
from tests.unit.dispatch.small_park import park, write
from tests.unit.forecasting.backtest.models import Mean

DAY = date(2024, 3, 31)  # 23 hours


def small_case(folder: Path, last: str = "2024-04-02") -> Case:
    """A day of a hall with PV that exceeds its load and may not be exported, a store, and data that go on beyond it."""
    content = park(planning={"scenarios": 0, "step_minutes": 60, "rolling": {"window_h": 26.0}})
    prices = (("day", 0.35, ["07:00-21:00"]), ("night", 0.1, ["00:00-07:00", "21:00-24:00"]))
    content["assets"][2]["tariff"]["components"] = [
        {"name": name, "basis": "energy", "price_per_kwh": price, "calendar": {"hours": hours}, "source": "t"}
        for name, price, hours in prices
    ]
    roof = {
        "peak_kw": 300,
        "tilt_deg": 15,
        "azimuth_deg": 180,
        "history": {"file": "measured.csv", "column": "roof_kw"},
    }
    content["assets"].append({"kind": "pv", "name": "roof", "bus": "main", **roof})
    site = load_site(write(folder, content))
    table = history(last, 19)
    table["roof_kw"] *= 5
    table.to_csv(folder / "measured.csv", index=False)
    span = Horizon.local_day(DAY, site.time_zone, 60, days=1)
    sources = gather(site, span, folder)
    return Case(site, span, sources.actual, sources.archive, Settings(every_h=1.0))


def test_worth_of_a_forecast_is_above_foresight(tmp_path: Path) -> None:
    found = worth(small_case(tmp_path), [Mean()], executor("serial"))
    lines = {one.forecast: one for one in found}
    assert list(lines) == ["mean", AS_IT_CAME, PERFECT]
    assert lines[PERFECT].lost_objective == 0
    assert not any(one.unproved for one in found)
    slack = 0.001 * abs(lines[PERFECT].objective)
    assert -slack < lines[AS_IT_CAME].lost_objective < lines["mean"].lost_objective
    assert lines["mean"].lost_cost > 0


def test_forecasts_hold_what_was_known_and_the_right_one_what_came(tmp_path: Path) -> None:
    made = small_case(tmp_path)
    (right,) = as_it_came(made)
    first = (made.start_s - right.start_s) // made.step_s
    np.testing.assert_allclose(right.central["hall"][first : first + 23], made.actual["hall"])
    (issued,) = issued_by(made, Reference("climatology"))
    assert issued.issue_s == right.issue_s
    assert issued.central["hall"].shape == right.central["hall"].shape
    other = replace(made, actual={name: values * 0 for name, values in made.actual.items()})
    (again,) = issued_by(other, Reference("climatology"))
    np.testing.assert_array_equal(again.central["hall"], issued.central["hall"])


def test_what_cannot_be_forecast_or_did_not_come_is_said(tmp_path: Path) -> None:
    made = small_case(tmp_path, last="2024-03-31")
    with pytest.raises(DataError, match=r"plan of 2024-03-30.*: needed are 2024-03-30T.* UTC .* none is there for "):
        as_it_came(made)
    with pytest.raises(DataError, match=r"mean on 2024-03-30.*nothing known"):
        issued_by(replace(made, archive=Archive.empty()), Mean())
