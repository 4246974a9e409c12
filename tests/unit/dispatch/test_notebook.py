"""The notebook API as its page shows it: every block is run, and prints what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dispatch.audit import audit
from dispatch.errors import ConfigError, DataError, SolveError
from dispatch.notebook import Day, Park, hours
from tests.pages import outputs_that_hold
from tests.parks import battery, grid, load, tariff, unit
from tests.unit.dispatch.small_park import measured, write


def test_the_page_says_what_its_code_prints() -> None:
    assert outputs_that_hold("notebook.md") >= 5


def small() -> Park:
    return Park.build(
        name="small",
        time_zone="Europe/Berlin",
        currency="EUR",
        buses=[{"name": "main"}],
        assets=[load(), battery(), unit(), grid(import_kw=60, tariff=tariff(0.2))],
    )


def made() -> Day:
    return small().solve(
        {("load", "demand_kw"): [50.0, 120, 300]}, hours("2024-03-01T00:00", 3, time_zone="Europe/Berlin")
    )


def test_a_table_has_the_local_clock_and_every_series() -> None:
    day = made()
    table = day.table()
    assert isinstance(table, pd.DataFrame)
    assert str(table.index[0]) == "2024-03-01 00:00:00+01:00"
    assert table["load.served_kw"].to_numpy() == pytest.approx([50, 120, 210])
    assert audit(day.schedule).passed
    balance = (
        table["pcc.import_kw"] + table["unit.power_kw"] + table["battery.discharge_kw"] - table["battery.charge_kw"]
    )
    assert balance.to_numpy() == pytest.approx(table["load.served_kw"].to_numpy())


def test_scenarios_are_rows_of_an_array() -> None:
    park, horizon = small(), hours("2024-03-01T00:00", 2)
    day = park.solve({("load", "demand_kw"): [[50, 50], [70, 70]]}, horizon)
    assert day.schedule.scenarios == 2
    assert day.schedule.to_pandas(1)["load.served_kw"].to_numpy() == pytest.approx([70, 70])
    assert day.money == pytest.approx(float(day.schedule.money.mean()))


def test_html_shows_names_and_escapes_them() -> None:
    day = made()
    assert "small" in day._repr_html_()
    assert "EUR" in day._repr_html_()
    assert "<td>battery</td>" in small()._repr_html_()
    assert day.explain()._repr_html_().startswith("<ul><li>")
    assert "<" not in str(day.explain())


def test_the_hour_is_told_with_price_and_limits() -> None:
    text = str(made().explain(at="02:00"))
    assert "02:00–03:00: a kWh is worth, in EUR: main" in text
    assert "pcc gives 60.0 kW at main: import at its upper limit" in text
    assert "demand that is not served: 90 kWh" in text


def test_prices_limits_and_deviations_are_tables() -> None:
    day = made()
    assert list(day.prices().columns) == ["main"]
    assert day.prices()["main"].iloc[2] == pytest.approx(1000)
    assert {"asset", "limit", "when", "saved_per_unit", "unit"} == set(day.limits(at="02:00").columns)
    table = day.deviations("00:00", "battery")
    assert set(table["asset"]) == {"battery"}
    assert (table["cost"].dropna() >= -1e-6).all()


def test_a_day_from_a_file_is_planned_like_on_the_command_line(tmp_path: Path) -> None:
    write(tmp_path)
    measured("2024-03-30").to_csv(tmp_path / "measured.csv", index=False)
    day = Park.load(tmp_path).plan("2024-03-30", scenarios=2)
    assert day.made is not None
    assert day.made.audit.passed
    assert len(day.table()) == 24
    assert day.schedule.scenarios == 3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Park.load("yizhuang").plan("2016-14-10"), "not a date"),
        (lambda: small().plan(), "give a day"),
        (lambda: hours("noon", 3), "no date and time"),
        (lambda: small().solve({("load", "demand_kw"): [1, 2]}, hours("2024-03-01", 3)), "wanted (1, 3)"),
        (lambda: made().what_if("batery", at="00:00", charge_kw=1), "there are battery, load, pcc, unit"),
        (lambda: made().what_if("battery", at="00:00", charge=1), "it has charge_kw"),
        (lambda: made().what_if("battery", at="00:00"), "nothing is set"),
        (lambda: made().what_if("battery", at="noon", charge_kw=1), "write it like 18:00"),
        (lambda: made().what_if("battery", at="07:00", charge_kw=1), "outside the plan"),
    ],
)
def test_a_mistake_gets_a_sentence(call: Any, words: str) -> None:
    with pytest.raises(DataError, match=re.escape(words)):
        call()


def test_no_plan_is_explained() -> None:
    island = Park.build(
        name="island",
        time_zone="UTC",
        currency="EUR",
        buses=[{"name": "main"}],
        assets=[load(), unit(min_kw=80, on_before_h=1, min_up_h=3)],
    )
    with pytest.raises(SolveError, match="because of unit: on at its lower limit"):
        island.solve({("load", "demand_kw"): np.array([50.0, 60, 90])}, hours("2024-03-01", 3))


def forecastable(folder: Path) -> Park:
    """A park with history up to 30 March 2024."""
    path = write(folder)
    measured("2024-03-30").to_csv(folder / "measured.csv", index=False)
    return Park.load(path)


def test_a_forecast_and_its_scenarios_in_a_line(tmp_path: Path) -> None:
    made = forecastable(tmp_path).forecast("2024-03-31", days=2, scenarios=3)
    assert made.quantiles["hall"].shape == (47, 7)
    assert made.scenarios["hall"].shape == (3, 47)
    assert set(made.table().to_pandas()["variable"]) == {"hall"}
    with pytest.raises(DataError, match="needs no forecast"):
        Park.build(name="bare", time_zone="UTC", currency="EUR", buses=[{"name": "main"}], assets=[battery()]).forecast(
            "2024-03-31"
        )


def test_a_backtest_in_a_line(tmp_path: Path) -> None:
    park = forecastable(tmp_path)
    done = park.backtest("2024-03-29", "2024-03-30", models=["climatology", "persistence"])
    table = done.lead_days()
    assert list(table["model"]) == ["climatology", "persistence"]
    assert (table["count"] == 48).all()
    assert done.skill().empty
    with pytest.raises(ConfigError, match="modells: is no key of a backtest"):
        park.backtest("2024-03-29", "2024-03-30", modells=["climatology"])
