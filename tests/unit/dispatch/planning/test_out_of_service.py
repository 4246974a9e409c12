"""Forecasts of assets that are out of service, and what is learnt from days on which they were."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dispatch.config.park import load_site
from dispatch.planning.outlook import look_ahead
from dispatch.presentation.findings import findings
from dispatch.presentation.page import report_data
from dispatch.report import render
from dispatch.signals import Horizon
from dispatch.sources import gather
from tests.parks import given, grid, hours, load
from tests.parks import park as bare_park
from tests.unit.dispatch.planned import planned
from tests.unit.dispatch.small_park import measured, park, write

DAY = Horizon.local_day(date(2024, 3, 31), "Europe/Berlin", 60)  # 23 hours: from two it is three


def with_hall(folder: Path, **fields: Any) -> Any:
    """The park in a folder, with more said of its load, and what was measured until the day before."""
    made = park(planning={"scenarios": 3})
    made["assets"] = [a | fields if a["name"] == "hall" else a for a in made["assets"]]
    site = load_site(write(folder, made))
    measured("2024-03-30").to_csv(folder / "measured.csv", index=False)
    return site, gather(site, DAY, folder)


def test_nothing_is_forecast_of_what_is_out(tmp_path: Path) -> None:
    """From one to four on a day without two o'clock: steps 1 and 2, of the clock's 01:00 and 03:00."""
    site, sources = with_hall(tmp_path, out_of_service=[{"start": "2024-03-31T01:00", "end": "2024-03-31T04:00"}])
    made = look_ahead(site, DAY, sources.archive, DAY.start - timedelta(hours=12)).forecast
    assert made is not None
    out = np.isin(np.arange(23), (1, 2))
    assert (made.central["hall"] == 0).tolist() == out.tolist()
    assert ((made.scenarios["hall"] == 0).all(axis=0)).tolist() == out.tolist()
    assert ((made.quantiles["hall"] == 0).all(axis=1)).tolist() == out.tolist()


def test_what_was_measured_meanwhile_teaches_nothing(tmp_path: Path) -> None:
    """All of 29 March, local: that day's values are unknown, those around it are there."""
    site, sources = with_hall(tmp_path, out_of_service=[{"start": "2024-03-29", "end": "2024-03-30"}])
    known = sources.archive.as_of(pd.Timestamp("2024-04-01", tz="UTC")).measurements(site.name, "hall")
    ends = pd.to_datetime(known.end_ns, utc=True).tz_convert("Europe/Berlin")
    there = np.isfinite(known.value)
    first, last = (pd.Timestamp(day, tz="Europe/Berlin") for day in ("2024-03-29", "2024-03-30"))
    of_the_day = (ends > first) & (ends <= last)
    assert not there[of_the_day].any()
    assert there[~of_the_day].all()
    assert there.sum() == 13 * 24


def test_the_report_says_what_is_out_when_and_why() -> None:
    out = [{"start": "2024-03-01T01:00", "end": "2024-03-01T02:30", "reason": "new rolls"}]
    site = bare_park(load(out_of_service=out), grid())
    plan = planned(site, given(site, hours(4), {("load", "demand_kw"): 50.0}))
    texts = [(f.severity, f.text) for f in findings(plan)]
    assert ("warning", "load out of service (new rolls), 01:00–03:00") in texts
    assert '"spans":[]' in render(report_data(plan)), "one asset of many: no picture is coloured for it"
    assert "load out of service (new rolls), 01:00–03:00" in render(report_data(plan))
    long = planned(site, given(site, hours(30), {("load", "demand_kw"): 50.0}))
    assert "load out of service (new rolls), 01 Mar 01:00–01 Mar 03:00" in [f.text for f in findings(long)]
    elsewhere = bare_park(load(out_of_service=[{"start": "2024-03-02", "end": "2024-03-03"}]), grid())
    other = planned(elsewhere, given(elsewhere, hours(4), {("load", "demand_kw"): 50.0}))
    assert not [f.text for f in findings(other) if "out of service" in f.text]
