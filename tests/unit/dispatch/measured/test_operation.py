"""What ran by a park's meters: names and units, meters that a balance finds, what they do not agree on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.datasets import metered_park
from dispatch.assets import kinds
from dispatch.carbon.carriers import traced
from dispatch.errors import DataError
from dispatch.measured.account import MARGINAL, NO_GAME, account
from dispatch.measured.balance import Tolerance
from dispatch.measured.files import read_measured
from dispatch.measured.meters import points
from dispatch.measured.names import Key, names
from dispatch.measured.operation import Ran, ran
from dispatch.signals import Array
from dispatch.site import Site

SITE = metered_park.site()
SPAN = metered_park.horizon(1, 60)
SERIES = metered_park.series(SPAN)


def measured(tmp_path: Path, site: Site = SITE, **changes: Any) -> Any:
    """Readings of the made-up park's table with some columns changed, or left out (None)."""
    file = tmp_path / "meters.csv"
    metered_park.table(SPAN, **changes).to_csv(file, index=False)
    return read_measured(site, SPAN, file)


def of(found: Ran, unit: str, field: str) -> Array:
    return next(u for u in found.operation.units if u.name == unit).ports[field].power_kw


def test_a_complete_table_becomes_an_operation_that_balances(tmp_path: Path) -> None:
    found = ran(SITE, measured(tmp_path))
    assert all(np.abs(left).max() < 1e-6 for left in found.operation.unbalanced_kw().values())
    assert of(found, "pcc", "bus") == pytest.approx(SERIES["pcc.import_kw"] - SERIES["pcc.export_kw"])
    assert of(found, "riser", "far_bus") == pytest.approx(-SERIES["pv_kw"])
    assert any("flow over 'riser' was not measured" in note for note in found.notes)
    emitted = (0.55 * SERIES["pcc.import_kw"] + 0.2 * SERIES["gas_main_kw"]) @ SPAN.hours
    assert found.operation.emitted_kg.sum() == pytest.approx(emitted)
    assert traced(found.operation).residual < 1e-9


def test_units_are_read_from_names(tmp_path: Path) -> None:
    kg_per_h = SERIES["trucks_kw"] / 33.33
    changed = measured(
        tmp_path,
        **{"trucks_kw": None, "trucks.t_per_h": None, "trucks_kg_per_h": kg_per_h, "pv_kw": None,
           "pv_mwh": SERIES["pv_kw"] / 1000, "production_kw": None, "production": SERIES["production_kw"]},
    )  # fmt: skip
    assert "trucks.t_per_h" not in changed.names.values()
    found = ran(SITE, changed)
    assert of(found, "trucks", "bus") == pytest.approx(-SERIES["trucks_kw"])
    assert of(found, "pv", "bus") == pytest.approx(SERIES["pv_kw"])


def test_the_bare_name_of_a_side_with_two_directions_is_what_it_gives_net(tmp_path: Path) -> None:
    net = SERIES["pcc.import_kw"] - SERIES["pcc.export_kw"]
    found = ran(SITE, measured(tmp_path, **{"pcc.import_kw": None, "pcc.export_kw": None, "pcc_kw": net}))
    assert of(found, "pcc", "bus") == pytest.approx(net)


@pytest.mark.parametrize("gone", ["production_kw", "offices_kw", "hp.electricity_kw", "heating_kw", "gas_main_kw"])
def test_one_missing_meter_of_a_bus_is_what_its_balance_leaves(tmp_path: Path, gone: str) -> None:
    whole, less = ran(SITE, measured(tmp_path)), ran(SITE, measured(tmp_path, **{gone: None}))
    for one, other in zip(whole.operation.units, less.operation.units, strict=True):
        assert {p: s.power_kw for p, s in other.ports.items()} == {
            p: pytest.approx(s.power_kw, abs=1e-6) for p, s in one.ports.items()
        }
    assert any("is what the balance of" in note for note in less.notes)


def test_a_gap_is_filled_by_the_balance_of_its_step(tmp_path: Path) -> None:
    gap = SERIES["production_kw"].copy()
    gap[3:5] = np.nan
    found = ran(SITE, measured(tmp_path, production_kw=gap))
    assert of(found, "production", "bus") == pytest.approx(-SERIES["production_kw"])
    assert any("missing in 2 steps" in note for note in found.notes)


def test_two_missing_meters_of_a_bus_are_named_with_their_hour(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"bus 'mv' at 2025-01-01T00:00:00\+08:00: 2 meters") as caught:
        ran(SITE, measured(tmp_path, production_kw=None, offices_kw=None))
    assert "production_kw (load)" in str(caught.value)
    assert "offices_kw (load)" in str(caught.value)


def test_a_time_without_any_value_is_no_matter_of_single_meters(tmp_path: Path) -> None:
    nothing = {name: np.where(np.arange(24) == 5, np.nan, values) for name, values in SERIES.items()}
    with pytest.raises(DataError, match="no meter has a value, and in 1 of 24 steps"):
        ran(SITE, measured(tmp_path, **nothing))


def test_a_content_that_cannot_be_is_told(tmp_path: Path) -> None:
    notes = ran(SITE, measured(tmp_path)).notes
    assert not any("does not follow" in note for note in notes)
    still = ran(SITE, measured(tmp_path, **{"li.stored_kwh": np.full(24, 5000.0)})).notes
    assert any("'li' would have held 5,000 kWh" in note for note in still)
    assert any("what 'li' was measured to hold does not follow its meters" in note for note in still)


def test_what_meters_do_not_agree_on_stands_on_a_line_of_its_own(tmp_path: Path) -> None:
    more = SERIES["production_kw"] + np.where(np.arange(24) == 5, 15.0, -4.0)
    found = ran(SITE, measured(tmp_path, production_kw=more), tolerance=Tolerance(0.02))
    unit = next(unit for unit in found.operation.units if unit.name == "imbalance of mv")
    left = unit.ports["meters"].power_kw
    # What nobody gave is taken to have come from the grid; what nobody took is used by somebody.
    assert unit.emitted_kg == pytest.approx(np.where(np.arange(24) == 5, 0.55 * 15.0, 0.0), abs=1e-6)
    assert left == pytest.approx(np.where(np.arange(24) == 5, 15.0, -4.0), abs=1e-6)
    done = account(SITE, measured(tmp_path, production_kw=more), tolerance=Tolerance(0.02))
    for ledger in done.ledgers:
        meter = next(m for m in ledger.meters if m.asset == "imbalance of mv")
        assert meter.role == "residual"
        assert ledger.residual < 1e-9


def test_meters_that_differ_too_much_are_refused_by_bus_hour_and_kw(tmp_path: Path) -> None:
    more = SERIES["production_kw"] + np.where(np.arange(24) == 5, 500.0, 0.0)
    readings = measured(tmp_path, production_kw=more)
    with pytest.raises(DataError, match=r"bus 'mv' at 2025-01-01T05:00:00\+08:00: its meters differ by 500 kW"):
        ran(SITE, readings)
    assert ran(SITE, readings, tolerance=Tolerance(None, 500.0)).imbalance_kw["mv"][5] == pytest.approx(-500)


def test_a_meter_that_a_balance_finds_cannot_run_backwards(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'offices' would have given, which it cannot"):
        ran(SITE, measured(tmp_path, offices_kw=None, production_kw=SERIES["production_kw"] + 1000))


def test_a_direction_is_in_a_name_and_never_in_a_sign(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'production_kw' is -1 kW at 2025-01-01T02:00:00\+08:00"):
        ran(SITE, measured(tmp_path, production_kw=np.where(np.arange(24) == 2, -1.0, SERIES["production_kw"])))


def test_content_is_measured_or_followed(tmp_path: Path) -> None:
    followed = next(u for u in ran(SITE, measured(tmp_path)).operation.units if u.name == "li").stock
    assert followed is not None
    battery: Any = next(a for a in SITE.assets if a.name == "li")
    moved = (
        SERIES["li.charge_kw"] * battery.charge_efficiency - SERIES["li.discharge_kw"] / battery.discharge_efficiency
    )
    assert np.diff(followed.energy_kwh) == pytest.approx(moved)
    assert followed.energy_kwh.min() >= 0
    stored = followed.energy_kwh[1:] + 7.0
    readings = measured(tmp_path, **{"li.stored_kwh": stored})
    known = next(u for u in ran(SITE, readings).operation.units if u.name == "li").stock
    assert known is not None
    assert known.energy_kwh[1:] == pytest.approx(stored)
    assert known.energy_kwh[0] == pytest.approx(followed.energy_kwh[0] + 7.0)


def test_signals_in_the_table_stand_for_the_grid(tmp_path: Path) -> None:
    average, residual, rate = (np.linspace(a, b, 24) for a, b in ((300, 500), (600, 700), (800, 100)))
    readings = measured(
        tmp_path, carbon_intensity_g_per_kwh=average, residual_intensity_g_per_kwh=residual,
        marginal_intensity_kg_per_mwh=rate,
    )  # fmt: skip
    done = account(SITE, readings)
    assert done.ran.average_kg_per_kwh == pytest.approx(average / 1000)
    assert done.ran.residual_kg_per_kwh == pytest.approx(residual / 1000)
    priced = done.ledgers[MARGINAL]
    energy, carbon = priced.of("production")
    assert carbon == pytest.approx(energy * rate / 1000)
    assert abs(priced.left_over_kg.sum()) > 1
    assert "carbon_intensity_g_per_kwh" in done.about.factors["average"]
    gap = np.where(np.arange(24) == 4, np.nan, average)
    with pytest.raises(DataError, match=r"is missing at 2025-01-01T04:00:00\+08:00 and in 1 steps"):
        ran(SITE, measured(tmp_path, carbon_intensity_g_per_kwh=gap))


def test_other_signals_stand_in_the_parks_file(tmp_path: Path) -> None:
    line = metered_park.PARK["assets"][-1] | {"marginal_intensity_kg_per_kwh": 0.9}
    site = metered_park.site(assets=[*metered_park.PARK["assets"][:-1], line], claims={"residual_kg_per_kwh": 0.7})
    done = account(site, measured(tmp_path, site))
    assert done.ran.residual_kg_per_kwh == pytest.approx(np.full(24, 0.7))
    assert done.ledgers[MARGINAL].of("offices")[1] == pytest.approx(0.9 * SERIES["offices_kw"])
    factor = {"kg_per_kwh": 0.6096, "source": "MEE", "entry": "cn_residual_2023", "valid_to": "2023-12-31"}
    named = metered_park.site(claims={"residual_kg_per_kwh": factor})
    published = account(named, measured(tmp_path, named))
    assert published.ran.residual_kg_per_kwh == pytest.approx(np.full(24, 0.6096))
    assert published.about.factors["residual"] == (
        "claims.residual_kg_per_kwh of the park's file: 0.6096 kg/kWh, cn_residual_2023, valid … to 2023-12-31: MEE"
    )
    assert "The residual factor (cn_residual_2023) is of … to 2023-12-31." in published.about.notes
    gap = np.where(np.arange(24) == 4, np.nan, 800.0)
    lacking = account(SITE, measured(tmp_path, marginal_intensity_g_per_kwh=gap))
    assert any("is missing in 1 steps: it is not used" in note for note in lacking.about.notes)
    assert MARGINAL not in {ledger.name for ledger in lacking.ledgers}


def test_what_the_file_says_for_plans_alone_is_named(tmp_path: Path) -> None:
    """A stock for plans is no certificate of the past period: who thinks so reads where to write it."""
    quota = {"free_t": 5.0, "per": "month", "trading": {"buy_price_per_t": 90.0}}
    site = metered_park.site(carbon={"certificates": {"held_mwh": 9.0}, "quota": quota})
    done, plain = account(site, measured(tmp_path, site)), account(SITE, measured(tmp_path))
    added = [note for note in done.about.notes if note not in plain.about.notes]
    assert len(added) == 2
    assert "claims.lots and claims.disposals" in added[0]
    assert "carbon.quota is settled by plans" in added[1]
    assert done.ledgers["market, by the year"].carbon_kg == pytest.approx(
        plain.ledgers["market, by the year"].carbon_kg
    )


def test_connections_with_factors_of_their_own(tmp_path: Path) -> None:
    line = metered_park.PARK["assets"][-1]
    other = line | {"name": "second", "carbon_intensity_kg_per_kwh": 0.1, "export_kw": 0, "green_power": []}
    site = metered_park.site(assets=[*metered_park.PARK["assets"], other])
    part = 0.25 * SERIES["pcc.import_kw"]
    readings = measured(tmp_path, site, **{"pcc.import_kw": 0.75 * SERIES["pcc.import_kw"], "second.import_kw": part})
    found = ran(site, readings)
    bought = SERIES["pcc.import_kw"] > 0
    assert found.average_kg_per_kwh[bought] == pytest.approx(0.75 * 0.55 + 0.25 * 0.1)
    emitted = {unit.name: unit.emitted_kg.sum() for unit in found.operation.units}
    assert emitted["second"] == pytest.approx(0.1 * part.sum())
    assert "pcc: 0.55 kg/kWh of the park's file (factor made up); second: 0.1" in found.sources["average"]


def test_a_factor_of_another_year_is_told(tmp_path: Path) -> None:
    factor = {"kg_per_kwh": 0.6, "source": "a ministry, 2023", "entry": "cn_east_2023", "valid_from": "2023-01-01",
              "valid_to": "2023-12-31"}  # fmt: skip
    line = metered_park.PARK["assets"][-1] | {"carbon_intensity_kg_per_kwh": factor}
    site = metered_park.site(assets=[*metered_park.PARK["assets"][:-1], line])
    done = account(site, measured(tmp_path, site))
    assert "cn_east_2023, valid 2023-01-01 to 2023-12-31: a ministry, 2023" in done.about.factors["average"]
    assert any("(cn_east_2023) is of 2023-01-01 to 2023-12-31" in note for note in done.about.notes)


def test_losses_on_a_line_are_told_apart_and_borne(tmp_path: Path) -> None:
    readings = measured(tmp_path, **{
        "riser.mv.given_kw": 0.97 * SERIES["pv_kw"], "riser.mv.taken_kw": np.zeros(24),
        "riser.roof.taken_kw": SERIES["pv_kw"], "riser.roof.given_kw": np.zeros(24),
        "production_kw": None,
    })  # fmt: skip
    done = account(SITE, readings)
    assert {"traced, losses apart", "traced, losses borne by loads"} <= {ledger.name for ledger in done.ledgers}
    apart, borne = (done.ledgers[f"traced, losses {how}"] for how in ("apart", "borne by loads"))
    for ledger in (apart, done.ledgers["location"], done.market.hour):
        lost = next(meter for meter in ledger.meters if meter.name == "riser: losses")
        assert (lost.asset, lost.role) == ("riser", "loss")
    assert "riser: losses" not in {meter.name for meter in borne.meters}
    assert max(ledger.residual for ledger in done.ledgers) < 1e-9


def test_what_stores_held_at_the_start_bears_what_the_parks_file_says(tmp_path: Path) -> None:
    tank = {"carbon": {"ledgers": {"start_kg_per_kwh": {"tank": 0.9, "li": 0.2}}}}
    said, usual = (account(site, measured(tmp_path, site)) for site in (metered_park.site(**tank), SITE))
    for ledger in said.ledgers:
        content = ledger.stores["tank"]
        assert content.carbon_kg[0] == pytest.approx(0.9 * content.energy_kwh[0])
        assert ledger.residual < 1e-9
    # It came from before the period: none of it is the park's own, or direct.
    hydrogen, before = (next(g for g in done.goods if g.name == "hydrogen") for done in (said, usual))
    assert hydrogen.carbon_kg["location"].sum() > before.carbon_kg["location"].sum()
    assert hydrogen.scope_1_kg["location"].sum() <= before.scope_1_kg["location"].sum() + 1e-9
    assert hydrogen.direct_kg.sum() == pytest.approx(0.0, abs=1e-9)


def test_emissions_that_are_measured_win(tmp_path: Path) -> None:
    found = ran(SITE, measured(tmp_path, **{"gas_main.co2_t_per_h": np.full(24, 0.1)}))
    assert next(u for u in found.operation.units if u.name == "gas_main").emitted_kg == pytest.approx(100 * SPAN.hours)


def test_gas_that_is_flared_is_measured_or_asked_for(tmp_path: Path) -> None:
    coke = {"kind": "byproduct_gas", "name": "coke", "bus": "gas", "offered_kw": 100, "max_kw": 100,
            "co2_kg_per_kwh": 0.1, "flare_co2_kg_per_kwh": 0.3}  # fmt: skip
    site = metered_park.site(assets=[*metered_park.PARK["assets"], coke])
    burnt = {"coke_kw": np.full(24, 20.0), "gas_main_kw": None}
    with pytest.raises(DataError, match=r"give coke.flared_kw, or all that it emits as coke.co2_kg"):
        ran(site, measured(tmp_path, site, **burnt), tolerance=Tolerance(None, 100))
    readings = measured(tmp_path, site, **burnt, **{"coke.flared_kw": np.full(24, 80.0)})
    unit = next(u for u in ran(site, readings, tolerance=Tolerance(None, 100)).operation.units if u.name == "coke")
    assert unit.own_kg == pytest.approx(np.full(24, 24.0))
    assert unit.emitted_kg == pytest.approx(np.full(24, 2.0))


def test_deliveries_are_measured_or_follow_from_the_contracts_terms(tmp_path: Path) -> None:
    assert ran(SITE, measured(tmp_path)).contracts_kwh["pcc", "ppa"] == pytest.approx(SERIES["pcc.ppa_kw"] * SPAN.hours)
    with pytest.raises(DataError, match=r"give pcc.ppa_kw"):
        ran(SITE, measured(tmp_path, **{"pcc.ppa_kw": None}))
    pcc = metered_park.PARK["assets"][-1] | {
        "green_power": [{"name": "ppa", "price_per_kwh": 0.02, "max_kw": 100, "certificates_kept": 0.5}]
    }
    site = metered_park.site(assets=[*metered_park.PARK["assets"][:-1], pcc])
    found = ran(site, measured(tmp_path, site, **{"pcc.ppa_kw": None}))
    assert found.contracts_kwh["pcc", "ppa"] == pytest.approx(0.5 * np.minimum(SERIES["pcc.import_kw"], 100))
    assert any("are what its terms offer" in note for note in found.notes)


def test_what_cannot_be_accounted_is_said(tmp_path: Path) -> None:
    done = account(SITE, measured(tmp_path, weather=np.ones(24)))
    assert NO_GAME in done.about.notes
    assert any("weather" in note for note in done.about.notes)
    assert any("no marginal ledger" in note for note in done.about.notes)
    assert {ledger.name for ledger in done.ledgers} == {
        "traced, losses apart", "market, by the hour", "market, by the year", "location",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pcc.importt_kw": np.ones(24)}, "'pcc.importt_kw' is nothing that 'pcc' has; accepted: .*pcc.import_kw"),
        ({"pv_mw": np.ones(24)}, "'pv_mw' and 'pv_kw' say the same"),
        ({"offices_kw": ["x"] * 24}, "row 2, column 'offices_kw'"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_what_is_wrong(tmp_path: Path, changes: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        measured(tmp_path, **changes)


def test_tables_without_a_clock_or_without_any_meter(tmp_path: Path) -> None:
    file = tmp_path / "meters.csv"
    metered_park.table(SPAN)[["time"]].assign(nothing=1.0).to_csv(file, index=False)
    with pytest.raises(DataError, match="none of its columns"):
        read_measured(SITE, SPAN, file)
    table = metered_park.table(SPAN)
    table.iloc[::-1].to_csv(file, index=False)
    with pytest.raises(DataError, match="each later than the one before"):
        read_measured(SITE, SPAN, file)
    with pytest.raises(DataError, match="no such file"):
        read_measured(SITE, SPAN, tmp_path / "none.csv")
    with pytest.raises(DataError, match="stamp 'middle' is unknown"):
        read_measured(SITE, SPAN, file, stamp="middle")


def test_steps_of_a_table_are_averaged_over_those_of_the_account(tmp_path: Path) -> None:
    fine = metered_park.horizon(1, 15)
    file = tmp_path / "meters.parquet"
    table = metered_park.table(fine)
    table["time"] = table["time"] + pd.Timedelta(minutes=15)
    table.to_parquet(file, index=False)
    readings = read_measured(SITE, SPAN, file, stamp="end")
    key = Key("power", "pv", "bus", "given")
    assert readings.values[key] == pytest.approx(metered_park.series(fine)["pv_kw"].reshape(24, 4).mean(axis=1))
    table.iloc[:-1].to_parquet(file, index=False)
    cut = read_measured(SITE, SPAN, file, stamp="end").values[key]
    assert np.isnan(cut[-1])
    assert np.isfinite(cut[:-1]).all()


# By kind: the fields of buses to which it gives; to all others it only takes. Both: it does either.
GIVES: dict[str, set[str]] = {
    "absorption_chiller": {"cold_bus"}, "alkaline_electrolyser": {"hydrogen_bus", "heat_bus"},
    "byproduct_gas": {"bus"}, "chiller": {"cold_bus"}, "chp": {"bus", "heat_bus"}, "co2_supply": {"bus"},
    "co_firing": {"bus"}, "compressor_air": {"air_bus", "heat_bus"}, "data_centre": {"heat_bus"},
    "direct_line": {"bus"}, "electric_boiler": {"heat_bus"}, "fuel_cell": {"bus", "heat_bus"}, "fuel_supply": {"bus"},
    "gas_boiler": {"heat_bus"}, "haber_bosch": {"ammonia_bus"}, "heat_exchanger": {"heat_bus"},
    "heat_pump": {"heat_bus"}, "hydrogen_compressor": {"high_bus"}, "methanol_synthesis": {"methanol_bus"},
    "pem_electrolyser": {"hydrogen_bus", "heat_bus"}, "pv": {"bus"}, "steam_letdown": {"heat_bus"}, "thermal": {"bus"},
    "waste_heat": {"bus"}, "wind": {"bus"},
}  # fmt: skip
BOTH = {
    "air_receiver", "ammonia_tank", "battery", "cable", "converter", "ev_fleet", "flow_battery", "grid_connection",
    "hydrogen_tank", "ice_store", "methanol_tank", "pipe", "supercapacitor", "swap_station", "thermal_store",
}  # fmt: skip
TAKE = {
    "curtailable", "deferrable", "hvac", "hydrogen_refuelling", "load", "product_offtake", "schedule_choice",
    "sleeping_load", "smelter",
}  # fmt: skip
NO_BUS = {"outage", "reserve", "reserve_product"}


def test_every_kind_has_a_stated_direction_at_every_side() -> None:
    assert set(kinds()) == set(GIVES) | BOTH | TAKE | NO_BUS
    for kind, cls in kinds().items():
        fields = {name: name for name in cls.bus_fields}
        asset: Any = cls.model_construct(name="x", export_kw=1.0, kind=kind, **fields)
        site: Any = SimpleNamespace(
            assets=(asset,), bus_names=tuple(fields), bus_carriers=("electricity",) * len(fields)
        )
        for point in points(site):
            if kind in BOTH and not (kind == "ice_store" and point.field == "electric_bus"):
                assert point.ways == ("given", "taken"), kind
            else:
                assert point.ways == (("given",) if point.field in GIVES.get(kind, ()) else ("taken",)), kind


def test_no_two_sides_share_a_name() -> None:
    taken = [name for side in points(SITE) for name in side.names()]
    assert len(taken) == len(set(taken))
    assert names(SITE)["hp.heat_kw"].key == Key("power", "hp", "heat_bus", "given")
