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


@pytest.mark.parametrize(("load_kw", "added"), [(50.0, 0.0), (100.0, 200.0)])
def test_the_money_of_a_day_is_what_it_adds_to_what_the_month_owes(load_kw: float, added: float) -> None:
    """80 kW at 10 are owed for the month so far: a day pays its energy at .2, and what it draws above that peak."""
    site = small().site
    pcc = grid(tariff=tariff(0.2, demand=10.0), month_to_date_peak_kw=80.0)
    park = Park.build(**site.model_dump(include={"name", "time_zone", "currency"}), buses=[{"name": "main"}],
                      assets=[load(), pcc])  # fmt: skip
    day = park.solve({("load", "demand_kw"): load_kw}, hours("2024-03-01T00:00", 4))
    assert day.money == pytest.approx(4 * load_kw * 0.2 + added)
    assert day.bill().to_dict() == pytest.approx(
        {"pcc: energy": 4 * load_kw * 0.2, "pcc: demand charge added by this day": added, "total": day.money}
    )


def test_the_bill_is_that_of_the_published_path_and_money_what_is_expected() -> None:
    """Two scenarios alike in weight: 50 and 150 kWh at .2, 10 and 30."""
    park = Park.build(name="small", time_zone="UTC", currency="EUR", buses=[{"name": "main"}], assets=[load(), grid()])
    day = park.solve({("load", "demand_kw"): [[50.0], [150.0]]}, hours("2024-03-01T00:00", 1))
    assert day.money == pytest.approx(20.0)
    assert day.bill()["total"] == pytest.approx(10.0)
    assert day.bill()[:-1].sum() == pytest.approx(10.0)


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


def test_a_table_says_which_unit_is_on() -> None:
    """The connection brings 60 kW at .2; only 100 kW of load need the unit, which is dear to keep on."""
    plant = unit(min_kw=30, no_load_cost_per_h=20.0)
    fields = {"name": "small", "time_zone": "UTC", "currency": "EUR", "buses": [{"name": "main"}]}
    park = Park.build(**fields, assets=[load(), plant, grid(import_kw=60, tariff=tariff(0.2))])
    table = park.solve({("load", "demand_kw"): [50.0, 100, 40]}, hours("2024-03-01T00:00", 3)).table()
    assert table["unit.on"].to_numpy() == pytest.approx([0, 1, 0], abs=1e-6)


@pytest.mark.parametrize("step_h", [1.0, 0.25])
def test_prices_hold_that_of_reserve(step_h: float) -> None:
    """60 kW held, of which the dear unit offers 20: the cheap one keeps 40 of its 120 free and gives 80 of 100.

    One kW more to hold moves one from the unit of .1 a kWh to that of .3, .2 an hour; at 60 kW of load it is free.
    """
    plant = [
        unit(name, max_kw=most, cost_per_kwh=cost, must_run=True, on_before_h=9)
        for name, most, cost in (("cheap", 120, 0.1), ("dear", 100, 0.3))
    ]
    plant[1] |= {"reserve_max_kw": 20}
    asked = {"kind": "reserve", "name": "asked", "required_kw": 60, "penalty_per_kwh": 100}
    fields = {"name": "small", "time_zone": "UTC", "currency": "EUR", "buses": [{"name": "main"}]}
    park = Park.build(**fields, assets=[load(), *plant, asked])
    day = park.solve({("load", "demand_kw"): [100.0, 60]}, hours("2024-03-01T00:00", 2, step_h=step_h))
    prices = day.prices()
    assert list(prices.columns) == ["main", "reserve up"]
    assert prices["reserve up"].to_numpy() == pytest.approx([0.2, 0.0], abs=1e-6)
    assert prices["main"].to_numpy() == pytest.approx([0.3, 0.1])
    assert day.table()["cheap.power_kw"].to_numpy() == pytest.approx([80, 60])


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


def priced() -> Park:
    tiers = {"name": "blocks", "basis": "tier", "source": "test"}
    tiers["blocks"] = [{"up_to_kwh": 150, "price_per_kwh": 0.0}, {"price_per_kwh": 0.05}]  # type: ignore[assignment]
    terms = tariff(0.9, feed_in=0.01)
    terms["components"].append(tiers)
    return Park.build(
        name="priced",
        time_zone="UTC",
        currency="EUR",
        buses=[{"name": "main"}],
        assets=[
            load(),
            battery(start_fill=0, charge_efficiency=0.9, discharge_efficiency=1),
            grid(tariff=terms, export_kw=100),
        ],
    )


def test_a_given_price_is_what_the_plan_pays_and_the_audit_counts() -> None:
    demand, prices = [100.0, 100, 100], [0.1, 0.2, 0.3]
    park = Park.build(**priced().site.model_dump() | {"assets": [load(), grid(tariff=tariff(0.9))]})
    series = {("load", "demand_kw"): demand, ("pcc", "import_price_per_kwh"): prices}
    day = park.solve(series, hours("2024-03-01T00:00", 3))
    assert day.money == pytest.approx(100 * (0.1 + 0.2 + 0.3))
    assert audit(day.schedule).violations == ()
    both = series | {("pcc", "import_price_per_kwh"): [prices, [0.4] * 3]}
    day = park.solve(both, hours("2024-03-01T00:00", 3))
    assert day.schedule.money == pytest.approx([60, 120])
    assert audit(day.schedule).violations == ()


def test_a_tax_on_energy_is_on_a_given_price_too() -> None:
    terms = tariff(0.9)
    terms["components"].append({"name": "tax", "basis": "tax", "share": 0.1, "of": ["energy"], "source": "test"})
    fields = priced().site.model_dump() | {"assets": [load(), grid(tariff=terms)]}
    series = {("load", "demand_kw"): [100.0] * 3, ("pcc", "import_price_per_kwh"): [0.1, 0.2, 0.3]}
    day = Park.build(**fields).solve(series, hours("2024-03-01T00:00", 3))
    assert day.money == pytest.approx(1.1 * 60)
    assert audit(day.schedule).violations == ()


def test_a_given_price_leaves_the_other_components_and_answers_what_if() -> None:
    series = {("load", "demand_kw"): [100.0] * 3, ("pcc", "import_price_per_kwh"): [0.1, 0.1, 0.1]}
    series |= {("pcc", "export_price_per_kwh"): [0.0, 0.02, 0.04]}
    day = priced().solve(series, hours("2024-03-01T00:00", 3))
    assert day.money == pytest.approx(300 * 0.1 + 150 * 0.05), "the blocks are paid on top"
    assert audit(day.schedule).violations == ()
    # 10 kW more for an hour, bought at .10 + .05 a kWh; 9 kWh of it save as much later.
    assert day.what_if("battery", at="00:00", charge_kw=10).cost == pytest.approx(0.15, abs=0.01)


@pytest.mark.parametrize(
    ("quantity", "values"),
    [
        ("import_limit_kw", [150.0, 120, 110]),
        ("export_limit_kw", [0.0, 5, 0]),
        ("carbon_intensity_kg_per_kwh", [0.1, 0.5, 0.2]),
        ("carbon_free_fraction", [0.1, 0.5, 0.2]),
        ("export_price_per_kwh", [-0.1, 1.5, 0.2]),
    ],
)
def test_the_audit_counts_with_every_series_that_may_be_given(quantity: str, values: list[float]) -> None:
    series = {("load", "demand_kw"): [100.0] * 3, ("pcc", quantity): values}
    assert audit(priced().solve(series, hours("2024-03-01T00:00", 3)).schedule).violations == ()


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (
            ("pcc", "imprt_price"),
            "asset 'pcc' of kind grid_connection takes no series 'imprt_price'.*'import_price",
        ),
        (("nobody", "demand_kw"), "series 'demand_kw' is of 'nobody', and there is no such asset.*one of load"),
        (("lod", "demand_kw"), "did you mean 'load'"),
        (("battery", "demand_kw"), "asset 'battery' of kind battery takes no series 'demand_kw'. Accepted: none"),
        ("demand_kw", "is no .asset, quantity."),
    ],
)
def test_a_series_that_nothing_takes_is_an_error(key: Any, text: str) -> None:
    with pytest.raises(DataError, match=text):
        priced().solve({("load", "demand_kw"): 100.0, key: [0.1, 0.2, 0.3]}, hours("2024-03-01T00:00", 3))


def test_a_park_built_in_python_passes_the_checks_of_a_file() -> None:
    cold, hot = ({"name": n, "carrier": "heat", "temperature_degc": t} for n, t in (("low", 40), ("high", 90)))
    fields: dict[str, Any] = {"name": "c", "time_zone": "UTC", "currency": "EUR"}
    fields["buses"] = ({"name": "main"}, cold, hot)
    dollars = tariff(0.1) | {"currency": "USD"}
    dollars["components"][0]["price_per_kwh"] = "100 CNY/MWh"
    exchanger = {"kind": "heat_exchanger", "name": "x", "hot_bus": "low", "heat_bus": "high", "hot_kw": 10}
    group = {"name": "both", "assets": ("nobody",), "max_import_kw": 5}
    assets = (load(), grid(tariff=dollars), exchanger)
    with pytest.raises(ConfigError) as raised:
        Park.build(**fields, assets=assets, groups=[group])
    told = str(raised.value)
    assert "assets[1].tariff.currency of 'pcc': is in 'USD', this park counts in EUR" in told
    assert "components[0].price_per_kwh of 'pcc': '100 CNY/MWh' is in CNY" in told
    assert "assets[2].heat_bus of 'x': 'high' at 90 °C is hotter than 'low'" in told
    assert "groups[0].assets[0]: there is no asset 'nobody'" in told
    assert len(raised.value.problems) == 4


def test_a_park_may_be_built_out_of_models_and_numpy_numbers() -> None:
    once = small().site
    fields = {name: getattr(once, name) for name in type(once).model_fields}
    assert Park.build(**fields).site == once
    made = Park.build(**fields | {"assets": [load(), grid(import_kw=np.float64(60))]})
    assert made.site.assets[1].import_kw == 60  # type: ignore[attr-defined]
