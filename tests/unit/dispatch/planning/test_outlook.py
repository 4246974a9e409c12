"""From a forecast to the inputs of a solve."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from dispatch.config.park import load_site
from dispatch.errors import DataError
from dispatch.fields.days_off import DaysOff
from dispatch.planning.outlook import known_inputs, look_ahead, targets_of
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.sources import Sources, gather
from forecasting.archive import Archive
from tests.parks import battery, grid
from tests.parks import park as bare_park
from tests.unit.dispatch.small_park import measured, park, write

DAY = Horizon.local_day(date(2024, 3, 31), "Europe/Berlin", 60)
ISSUE = DAY.start - timedelta(hours=12)


def known(folder: Path, scenarios: int) -> tuple[Site, Sources]:
    site = load_site(write(folder, park(planning={"scenarios": scenarios})))
    measured("2024-03-30").to_csv(folder / "measured.csv", index=False)
    return site, gather(site, DAY, folder)


def test_the_central_path_comes_first_and_the_weights_are_probabilities(tmp_path: Path) -> None:
    site, sources = known(tmp_path, 4)
    outlook = look_ahead(site, DAY, sources.archive, ISSUE)
    assert outlook.forecast is not None
    demand = outlook.inputs.series["hall", "demand_kw"]
    assert demand.shape == (outlook.inputs.scenarios, DAY.steps)
    assert outlook.inputs.scenarios == 5
    assert demand[0] == pytest.approx(outlook.forecast.central["hall"])
    assert demand[1:] == pytest.approx(outlook.forecast.scenarios["hall"])
    assert outlook.weights.sum() == pytest.approx(1)
    assert outlook.weights[0] == pytest.approx(1 / 5)
    assert outlook.weights.min() > 0


def test_without_scenarios_the_central_path_is_all(tmp_path: Path) -> None:
    site, sources = known(tmp_path, 0)
    outlook = look_ahead(site, DAY, sources.archive, ISSUE)
    assert outlook.weights == pytest.approx([1])
    assert outlook.inputs.series["hall", "demand_kw"].shape == (1, DAY.steps)


def test_the_age_of_the_data_is_that_of_the_newest_measurement(tmp_path: Path) -> None:
    site, sources = known(tmp_path, 0)
    late = Horizon.local_day(date(2024, 4, 5), "Europe/Berlin", 60)
    issue = datetime(2024, 4, 4, tzinfo=UTC)
    age_h = look_ahead(site, late, sources.archive, issue).data_age_h
    last = datetime(2024, 3, 30, 23, tzinfo=UTC)
    assert age_h == pytest.approx((issue - last).total_seconds() / 3600)


def test_a_site_that_needs_no_forecast_gets_none() -> None:
    site = bare_park(battery(), grid())
    outlook = look_ahead(site, DAY, None, ISSUE)  # type: ignore[arg-type]
    assert outlook.forecast is None
    assert outlook.data_age_h is None
    assert ("pcc", "import_price_per_kwh") in outlook.inputs.series


def test_a_site_without_a_place_and_one_without_history_are_refused(tmp_path: Path) -> None:
    site, sources = known(tmp_path, 0)
    nowhere = site.model_copy(update={"latitude_deg": None})
    with pytest.raises(DataError, match="latitude_deg"):
        look_ahead(nowhere, DAY, sources.archive, ISSUE)
    with pytest.raises(DataError, match=r"forecast: hall: .* days of measurements"):
        look_ahead(site, DAY, sources.archive, DAY.start - timedelta(days=14))


def test_what_came_true_is_one_scenario_beside_the_known_prices(tmp_path: Path) -> None:
    site, sources = known(tmp_path, 2)
    outlook = look_ahead(site, DAY, sources.archive, ISSUE)
    truth = np.arange(DAY.steps, dtype=float)
    inputs = known_inputs(site, DAY, outlook.needs, {"hall": truth})
    assert inputs.scenarios == 1
    assert inputs.series["hall", "demand_kw"] == pytest.approx(truth[None, :])
    prices = "pcc", "import_price_per_kwh"
    assert inputs.series[prices] == pytest.approx(outlook.inputs.series[prices])


def test_progress_names_the_asset_and_how_it_was_forecast(tmp_path: Path) -> None:
    site, sources = known(tmp_path, 0)
    told: list[str] = []
    look_ahead(site, DAY, sources.archive, ISSUE, progress=told.append)
    assert told == ["forecasting hall", "forecast hall, from its own past"]


def test_a_history_that_was_uploaded_just_now_gives_the_outlook_of_one_that_came_by_and_by(tmp_path: Path) -> None:
    site = load_site(write(tmp_path, park(planning={"scenarios": 0})))
    measured("2024-03-30", days=60).to_csv(tmp_path / "measured.csv", index=False)
    usual = gather(site, DAY, tmp_path).archive
    moment = int((ISSUE - timedelta(minutes=1)).timestamp()) * 1_000_000_000
    late = {
        key: replace(rows, available_ns=np.maximum(rows.available_ns, moment)) for key, rows in usual.rows().items()
    }
    paths = [
        look_ahead(site, DAY, archive, ISSUE).inputs.series["hall", "demand_kw"][0]
        for archive in (Archive.of_rows(late), usual)
    ]
    assert paths[0] == pytest.approx(paths[1], abs=3.0)
    assert paths[1].max() == pytest.approx(142, abs=8)


def test_works_that_rest_are_forecast_as_on_a_sunday_and_nothing_else_is(tmp_path: Path) -> None:
    """100 kW on workdays, 20 kW on Sundays: a Tuesday of the shutdown is like a Sunday, and the sun does not care."""
    table = measured("2024-03-31", days=60)
    sunday = pd.to_datetime(table.time, utc=True).dt.tz_convert("Europe/Berlin").dt.weekday == 6
    table["hall_kw"] = np.where(sunday, 20.0, 100.0)
    table.to_csv(tmp_path / "measured.csv", index=False)
    content = park(planning={"scenarios": 0})
    content["assets"].append({"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100})
    tuesday = Horizon.local_day(date(2024, 4, 2), "Europe/Berlin", 60)
    found = {}
    for named, days_off in {"open": [], "shut": [{"first": "2024-04-02", "last": "2024-04-05"}]}.items():
        site = load_site(write(tmp_path, {**content, "days_off": days_off}))
        archive = gather(load_site(write(tmp_path, park())), tuesday, tmp_path).archive
        hall = site.model_copy(update={"assets": tuple(a for a in site.assets if a.name != "roof")})
        demand = look_ahead(hall, tuesday, archive, tuesday.start - timedelta(hours=12)).inputs.series
        found[named] = float(demand["hall", "demand_kw"][0].mean())
        where = {target.name: target.place for target in targets_of(site)}
        assert where["roof"] is None
        assert (where["hall"] is None) == (named == "open")
    assert found["open"] == pytest.approx(100, abs=1)
    assert found["shut"] == pytest.approx(20, abs=1)


def test_days_off_go_forward() -> None:
    assert [str(day) for day in DaysOff(first=date(2024, 12, 31), last=date(2025, 1, 1)).days] == [
        "2024-12-31",
        "2025-01-01",
    ]
    assert DaysOff(first=date(2024, 12, 31)).days == (date(2024, 12, 31),)
    with pytest.raises(ValidationError, match="must be from first 2024-12-31 on"):
        DaysOff(first=date(2024, 12, 31), last=date(2024, 12, 24))
    assert len(DaysOff(first=date(2023, 1, 1), last=date(2024, 1, 1)).days) == 366
    with pytest.raises(ValidationError, match="less than 366 days later"):
        DaysOff(first=date(2023, 1, 1), last=date(2024, 1, 2))


def test_dated_capacities_end_with_their_last_local_day_and_scale_with_what_is_in_service() -> None:
    wind = {"kind": "wind", "name": "farm", "bus": "main", "rated_kw": 3000, "count": 10, "available_fraction": 0.9}
    wind["capacity_history"] = [{"valid_to": "2023-05-31", "capacity_kw": 24000}]
    site = bare_park(wind, grid(), time_zone="Europe/Berlin")
    (farm,) = targets_of(site, ())
    # 1 June 2023 begins at 22:00 UTC of 31 May in Berlin; 24 of 30 MW were built, of which .9 is in service.
    until = int(datetime(2023, 5, 31, 22, tzinfo=UTC).timestamp()) * 10**9
    assert farm.past_capacities == ((until, pytest.approx(0.8 * 27000)),)


def test_dated_capacities_that_do_not_rise_in_time_are_refused() -> None:
    older = [{"valid_to": day, "capacity_kw": 100} for day in ("2023-05-31", "2022-01-31")]
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 300, "capacity_history": older}
    with pytest.raises(ValueError, match="valid_to 2022-01-31 must be later than 2023-05-31"):
        bare_park(roof, grid())
