"""The library of the hydrogen chain: entries are found, take masses and money with units, and say what is typical."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dispatch.config.park import CONFIGS, load_site
from dispatch.site import Site

OWN: dict[str, dict[str, Any]] = {
    "alkaline_electrolyser": {"bus": "main", "hydrogen_bus": "h2", "electric_kw": "5 MW", "count": 2},
    "pem_electrolyser": {"bus": "main", "hydrogen_bus": "h2", "electric_kw": "5 MW"},
    "hydrogen_vessel_250_bar": {"bus": "h2", "energy_kwh": "500 kg", "charge_kw": "50 kg/h", "discharge_kw": "1 t/d"},
    "hydrogen_compressor_250_bar": {"bus": "main", "low_bus": "h2", "high_bus": "high", "hydrogen_kw": "50 kg/h"},
    "pem_fuel_cell_chp": {"bus": "main", "hydrogen_bus": "h2", "electric_kw": 100},
    "haber_bosch_flexible": {"bus": "main", "hydrogen_bus": "h2", "ammonia_bus": "nh3", "ammonia_kw": "55 t/d"},
    "haber_bosch_conventional": {"bus": "main", "hydrogen_bus": "h2", "ammonia_bus": "nh3", "ammonia_kw": "55 t/d"},
    "methanol_synthesis": {
        "bus": "main",
        "hydrogen_bus": "h2",
        "methanol_bus": "meoh",
        "co2_bus": "co2",
        "methanol_kw": "1 t/h",
    },
    "ammonia_tank_refrigerated": {"bus": "nh3", "energy_kwh": "500 t", "charge_kw": "3 t/h", "discharge_kw": "20 t/h"},
    "methanol_tank": {"bus": "meoh", "energy_kwh": "500 t", "charge_kw": "3 t/h", "discharge_kw": "20 t/h"},
    "hydrogen_truck_station": {"bus": "h2", "demand_kg_per_h": 30},
    "biogenic_co2": {"bus": "co2", "max_kg_per_h": "2 t/h"},
}
BUSES = {
    "main": "electricity",
    "h2": "hydrogen",
    "high": "hydrogen",
    "nh3": "ammonia",
    "meoh": "methanol",
    "co2": "co2",
}
UNVERIFIED = {"pem_electrolyser", "haber_bosch_flexible", "haber_bosch_conventional", "ammonia_tank_refrigerated"}
UNVERIFIED |= {"methanol_tank", "hydrogen_truck_station", "biogenic_co2"}


def entry(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CONFIGS / "assets" / f"{name}.yaml").read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Site:
    raw = {"name": "all", "time_zone": "UTC", "currency": "EUR", "latitude_deg": 42, "longitude_deg": 119}
    buses = [{"name": name, "carrier": carrier} for name, carrier in BUSES.items()]
    assets = [{"kind": entry(name)["kind"], "name": name, "use": name, **own} for name, own in OWN.items()]
    path = tmp_path_factory.mktemp("park") / "park.yaml"
    path.write_text(yaml.safe_dump({**raw, "buses": buses, "assets": assets}), "utf-8")
    return load_site(Path(path))


def test_every_entry_is_used_by_its_name_and_has_a_source(park: Site) -> None:
    names = [asset.name for asset in park.assets]
    assert names == list(OWN)
    assert all(len(asset.source) > 20 for asset in park.assets)


def test_what_nobody_has_checked_says_so(park: Site) -> None:
    assert {asset.name for asset in park.assets if not asset.verified} == UNVERIFIED


def test_numbers_of_the_library_and_masses_of_the_file_arrive(park: Site) -> None:
    named: dict[str, Any] = {asset.name: asset for asset in park.assets}
    assert named["alkaline_electrolyser"].start_cost_per_mw == 50
    assert named["hydrogen_vessel_250_bar"].energy_kwh == pytest.approx(500 * 33.33)
    assert named["hydrogen_vessel_250_bar"].min_fill == 0.06
    assert named["haber_bosch_conventional"].ramp_fraction_per_h == 0.02
    assert named["methanol_synthesis"].methanol_kw == pytest.approx(5530)
    assert named["biogenic_co2"].max_kg_per_h == 2000
