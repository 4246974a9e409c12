"""Reading a park: what is right gives the same park however it is written, what is wrong is said all at once."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from dispatch.config.park import CONFIGS, find_config, load_site, shipped_names
from dispatch.errors import ConfigError, DataError, Problem
from dispatch.signals import Horizon
from tests.unit.dispatch.small_park import park, write

STORE, PCC = 1, 2


def problems(path: Path) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    return list(caught.value.problems)


def only(path: Path) -> Problem:
    found = problems(path)
    assert len(found) == 1, [str(p) for p in found]
    return found[0]


def changed(asset: int, **fields: Any) -> dict[str, Any]:
    content = park()
    content["assets"][asset] |= fields
    return content


@pytest.mark.parametrize("name", shipped_names("parks"))
def test_what_ships_is_valid(name: str) -> None:
    assert load_site(name).name


MANY = """\
name: my park
time_zone: Europe/Berlim
currency: EURO
latitude: 52
longitude_deg: 13 degrees
buses:
  - {name: main}
  - {name: main, carrier: water}
assets:
  - {kind: load, name: hall, bus: maim, histry: {file: x.csv}}
  - {kind: load, name: hall, bus: main, history: 5}
  - {kind: batery, name: b, bus: main}
  - {name: c, bus: main}
  - 17
  - {kind: battery, name: s, bus: main, energy_kwh: 2 kW, charge_kw: -1, discharge_kw: .nan, use: li_ion}
  - kind: grid_connection
    name: pcc
    bus: main
    import_kw:
    tariff: bejing_two_part
    carbon_intensity_kg_per_kwh: [{start: 2024-01-01, end: 2024-01-02, value: 3}]
wishes:
  - {clean_share_min: 3}
  - {soc_end_min: 0.5, asset: nope}
objective: {mony: 1}
planning: {days: 1.5}
"""


def test_every_mistake_is_named_at_once_with_path_line_value_and_what_is_accepted(tmp_path: Path) -> None:
    found = {p.path: p for p in problems(write(tmp_path, MANY))}
    expected = {
        "name": (1, "'my park'", "letters"),
        "time_zone": (2, "Europe/Berlim", "Europe/Berlin"),
        "currency": (3, "'EURO'", "EUR"),
        "latitude": (4, "not a known field", "did you mean 'latitude_deg'?"),
        "longitude_deg": (5, "'13 degrees'", "deg"),
        "latitude_deg": (None, "missing", "degrees"),
        "buses[1].name": (8, "'main' is used twice, first at buses[0]", "new name"),
        "buses[1].carrier": (8, "'water'", "electricity, heat, steam, cold"),
        "assets[0].bus": (10, "'maim'", "did you mean 'main'?"),
        "assets[0].histry": (10, "not a known field", "did you mean 'history'?"),
        "assets[1].name": (11, "'hall' is used twice", "new name"),
        "assets[1].history": (11, "found 5", "simbench"),
        "assets[2].kind": (12, "'batery'", "did you mean 'battery'?"),
        "assets[3].kind": (13, "missing", "battery"),
        "assets[4]": (14, "found 17", "kind: pv"),
        "assets[5].energy_kwh": (15, "'2 kW'", "kWh, MWh"),
        "assets[5].charge_kw": (15, "found -1", "above 0"),
        "assets[5].discharge_kw": (15, "nan", "a number"),
        "assets[5].use": (15, "'li_ion'", "did you mean 'li_ion_lfp_2025'?"),
        "assets[6].import_kw": (19, "nothing", "a number"),
        "assets[6].tariff": (20, "'bejing_two_part'", "did you mean 'beijing_two_part_2024'?"),
        "assets[6].carbon_intensity_kg_per_kwh[0].start": (21, "2024-01-01", "2016-10-14T06:00+02:00"),
        "assets[6].carbon_intensity_kg_per_kwh[0].end": (21, "2024-01-02", "2016-10-14T06:00+02:00"),
        "wishes[0].clean_share_min": (23, "found 3", "at most 1"),
        "wishes[1].asset": (24, "'nope'", "s"),
        "objective.mony": (25, "not a known field", "did you mean 'money'?"),
        "planning.days": (26, "1.5", "whole number"),
    }
    assert set(found) == set(expected)
    for path, (line, value, accepted) in expected.items():
        assert found[path].line == line, str(found[path])
        assert value in found[path].message, str(found[path])
        assert accepted in f"{found[path].message} {found[path].accepted}", str(found[path])


def test_the_message_is_in_the_order_of_the_file_and_in_no_library_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_site(write(tmp_path, MANY))
    text = str(caught.value)
    assert "27 problems" in text
    lines = [int(n) for n in re.findall(r"\(line (\d+)\)", text)]
    assert lines == sorted(lines)
    assert not re.search(r"pydantic|input should|type=|union|\btag\b|function-|tuple\[|None", text, re.IGNORECASE)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("energy_kwh", "3.1 MWh", 3100.0),
        ("energy_kwh", "3.1e6 Wh", 3100.0),
        ("energy_kwh", "0.0031 GWh", 3100.0),
        ("energy_kwh", "3100", 3100.0),
        ("charge_kw", "0.2 MW", 200.0),
        ("charge_kw", "200000W", 200.0),
        ("fast_reserve_minutes", "90 s", 1.5),
        ("fast_reserve_minutes", "0.025 h", 1.5),
        ("wear_cost_per_kwh", "30 EUR/MWh", 0.03),
        ("wear_cost_per_kwh", "0.03 /kWh", 0.03),
        ("loss_fraction_per_h", "0.01 /h", 0.01),
    ],
)
def test_a_number_with_a_unit_is_the_number_in_the_fields_unit(
    tmp_path: Path, field: str, text: str, value: float
) -> None:
    plain = load_site(write(tmp_path, changed(STORE, **{field: value})))
    assert getattr(plain.assets[STORE], field) == pytest.approx(value)
    written = load_site(write(tmp_path, changed(STORE, **{field: text})))
    assert getattr(written.assets[STORE], field) == pytest.approx(value, rel=1e-12)
    assert written.model_dump(exclude={"assets"}) == plain.model_dump(exclude={"assets"})


def test_units_of_all_other_families(tmp_path: Path) -> None:
    unit = {
        "kind": "thermal",
        "name": "u",
        "bus": "main",
        "min_kw": 10,
        "max_kw": "0.1 MW",
        "cost_per_kwh": "200 EUR/MWh",
    }
    unit |= {"min_up_h": "90 min", "ramp_up_kw_per_h": "2 kW/min", "no_load_cost_per_h": "5 EUR/h"}
    unit |= {"co2_kg_per_kwh": "270 g/kWh", "ramp_down_kw_per_h": "0.06 MW/h"}
    content = park(altitude_m="0.4 km", latitude_deg="52.5°", objective={"carbon_price_per_t": "0.08 EUR/kg"})
    content["assets"].append(unit)
    site = load_site(write(tmp_path, content))
    made: Any = site.assets[-1]
    assert (site.altitude_m, site.latitude_deg, site.objective.carbon_price_per_t) == pytest.approx((400, 52.5, 80))
    assert (made.max_kw, made.cost_per_kwh, made.min_up_h, made.ramp_up_kw_per_h) == pytest.approx((100, 0.2, 1.5, 120))
    assert (made.no_load_cost_per_h, made.co2_kg_per_kwh, made.ramp_down_kw_per_h) == pytest.approx((5, 0.27, 60))


@pytest.mark.parametrize("text", ["3 MW", "3 mwh", "3,1 MWh", "MWh", "3 MWh extra", "3 EUR/MWh", "1e999 kWh", ""])
def test_a_unit_that_does_not_fit_is_refused_with_those_that_do(tmp_path: Path, text: str) -> None:
    problem = only(write(tmp_path, changed(STORE, energy_kwh=text)))
    assert problem.path == "assets[1].energy_kwh"
    assert problem.line is not None
    assert "Wh, kWh, MWh, GWh" in problem.accepted


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (changed(STORE, wear_cost_per_kwh="30 USD/MWh"), "assets[1].wear_cost_per_kwh"),
        (park(objective={"carbon_price_per_t": "80 CNY/t"}), "objective.carbon_price_per_t"),
        (changed(PCC, tariff=park()["assets"][PCC]["tariff"] | {"currency": "CNY"}), "assets[2].tariff.currency"),
    ],
)
def test_money_in_another_currency_is_refused(tmp_path: Path, content: dict[str, Any], path: str) -> None:
    problem = only(write(tmp_path, content))
    assert problem.path == path
    assert "counts in EUR" in problem.message
    assert "EUR" in problem.accepted


GRID = {"network": "pandapower:create_cigre_network_mv"}


def test_every_electricity_bus_needs_its_place_on_the_network(tmp_path: Path) -> None:
    content = park(grid=GRID | {"bus_of": {"main": "Bus 1"}})
    content["buses"].append({"name": "second"})
    problem = only(write(tmp_path, content))
    assert problem.path == "grid.bus_of"
    assert "'second' has no place on the network" in problem.message
    assert problem.accepted


@pytest.mark.parametrize(
    ("bus_of", "message"),
    [
        ({"main": "Bus 1", "second": "Bus 1"}, "already that of 'main'"),
        ({"hot": "Bus 1"}, "carries heat"),
        ({"mian": "Bus 1"}, "no bus 'mian'"),
    ],
)
def test_a_site_bus_on_the_network_is_electric_and_alone_on_its_node(
    tmp_path: Path, bus_of: dict[str, str], message: str
) -> None:
    content = park(grid=GRID | {"bus_of": bus_of})
    content["buses"].append({"name": "second"})
    problem = only(write(tmp_path, content))
    assert problem.path == f"grid.bus_of.{list(bus_of)[-1]}"
    assert message in problem.message
    assert problem.accepted


def test_a_dc_bus_stands_on_no_ac_network_and_needs_no_place_there(tmp_path: Path) -> None:
    content = park(grid=GRID | {"bus_of": {"main": "Bus 1"}})
    content["buses"].append({"name": "panel", "current": "dc"})
    load_site(write(tmp_path, content))
    content["grid"] = GRID | {"bus_of": {"main": "Bus 1", "panel": "Bus 2"}}
    problem = only(write(tmp_path, content))
    assert (problem.path, problem.message) == ("grid.bus_of.panel", "bus 'panel' is dc, the network is ac")


@pytest.mark.parametrize(
    ("bus", "message"),
    [
        ({"carrier": "hydrogen", "current": "dc"}, "only a bus for electricity can be dc"),
        ({"carrier": "gas", "temperature_degc": 60}, "only heat, steam and cold have a temperature"),
        ({"carrier": "water"}, "carrier"),
    ],
)
def test_a_bus_says_only_what_its_carrier_has(tmp_path: Path, bus: dict[str, Any], message: str) -> None:
    content = park()
    content["buses"].append({"name": "second"} | bus)
    assert message in str(only(write(tmp_path, content)))


@pytest.mark.parametrize(
    ("asset", "path", "message"),
    [
        (
            {"kind": "heat_pump", "name": "h", "bus": "main", "heat_bus": "main", "electric_kw": 9},
            "heat_bus",
            "carries",
        ),
        (
            {"kind": "battery", "name": "h", "bus": "hot", "energy_kwh": 1, "charge_kw": 1, "discharge_kw": 1},
            "bus",
            "heat",
        ),
        ({"kind": "cable", "name": "h", "bus": "main", "far_bus": "main", "rating_kw": 9}, "far_bus", "'bus' names"),
        ({"kind": "pv", "name": "h", "bus": "main", "peak_kw": 9, "use": "diesel_genset"}, "use", "kind thermal"),
        ({"kind": "pv", "name": "h", "bus": "main", "peak_kw": 9, "use": ["a"]}, "use", "no a list"),
    ],
)
def test_an_asset_that_stands_on_the_wrong_thing(
    tmp_path: Path, asset: dict[str, Any], path: str, message: str
) -> None:
    content = park()
    content["assets"].append(asset)
    found = {p.path: p for p in problems(write(tmp_path, content))}
    assert message in found[f"assets[3].{path}"].message


def test_a_wish_for_a_fill_needs_a_store_and_is_the_stores_own_field(tmp_path: Path) -> None:
    content = park(wishes=[{"soc_end_min": 0.9, "asset": "store", "penalty_per_kwh": 3}])
    store: Any = load_site(write(tmp_path, content)).assets[STORE]
    assert (store.end_fill_min, store.end_penalty_per_kwh) == (0.9, 3)
    content["wishes"][0]["asset"] = "hall"
    assert "stores nothing" in only(write(tmp_path, content)).message
    content["wishes"] = [{"soc_end_min": 0.9, "asset": "store"}] * 2
    assert "second wish" in only(write(tmp_path, content)).message


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "is empty", None),
        ("# only a comment\n", "is empty", None),
        ("- a\n- b\n", "is not a mapping (found a list of 2)", 1),
        ("just words\n", "is not a mapping (found 'just words')", 1),
        ("name: a\nbuses: [1, 2\n", "is not YAML", 3),
        ("name: a\nbuses:\n\t- {name: b}\n", "is not YAML", 3),
        ("name: a: b\n", "is not YAML", 1),
        ("name: &x [*x]\n", "is not YAML", None),
        ("name: !!python/object:os.system a\n", "is not YAML", 1),
        ("name: !!int abc\n", "is not YAML", None),
        ("a: " + "[" * 4000 + "]" * 4000, "nested too deeply", None),
    ],
)
def test_what_is_no_park_at_all(tmp_path: Path, text: str, message: str, line: int | None) -> None:
    problem = only(write(tmp_path, text))
    assert message in problem.message
    assert problem.line == line
    assert problem.accepted
    assert "\n" not in str(problem)
    assert ("no tabs" in problem.accepted) == ("\t" in text)


def test_a_file_that_is_no_text_and_one_that_is_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: Fläche\n".encode("latin-1"))
    assert "not UTF-8" in only(path).message
    assert "holds no park.yaml" in only(tmp_path).message
    write(tmp_path)
    assert load_site(tmp_path).name == "small"


def test_a_missing_file_names_those_spelled_alike(tmp_path: Path) -> None:
    write(tmp_path)
    assert f"did you mean '{tmp_path / 'park.yaml'}'?" in only(tmp_path / "prak.yaml").accepted
    assert "did you mean 'yizhuang'?" in only(Path("yizuang")).accepted
    assert "no such file" in only(Path("x" * 5000)).message
    assert find_config("yizhuang", "parks") == CONFIGS / "parks" / "yizhuang.yaml"


def test_a_key_written_twice_is_no_silent_last_one_wins(tmp_path: Path) -> None:
    text = yaml.safe_dump(park()) + "currency: CNY\n"
    problem = problems(write(tmp_path, text))[-1]
    assert (problem.path, problem.line) == ("currency", text.count("\n"))
    assert "twice" in problem.message


def test_words_that_yaml_would_turn_into_something_else_stay_as_written(tmp_path: Path) -> None:
    text = yaml.safe_dump(park()).replace("name: small", "name: no") + "embedded: {day: 2016-10-14}\n"
    site = load_site(write(tmp_path, text))
    assert site.name == "no"
    assert site.embedded is not None
    assert site.embedded.day == "2016-10-14"


def test_a_tariff_of_ones_own_is_found_beside_the_park_and_its_lines_are_its_own(tmp_path: Path) -> None:
    tariff = tmp_path / "park" / "mine.yaml"
    path = write(tmp_path / "park", changed(PCC, tariff="mine.yaml"))
    tariff.write_text(yaml.safe_dump(park()["assets"][PCC]["tariff"], sort_keys=False), encoding="utf-8")
    inline = load_site(write(tmp_path / "inline", park()))
    assert load_site(path) == inline
    tariff.write_text(tariff.read_text("utf-8").replace("basis: energy", "basis: energi"), encoding="utf-8")
    problem = only(path)
    assert problem.path == "assets[2].tariff.components[0].basis in mine.yaml"
    assert problem.line == 1 + tariff.read_text("utf-8").splitlines().index("  basis: energi")
    tariff.write_text("components: [", encoding="utf-8")
    assert any("mine.yaml" in p.path and "not YAML" in p.message for p in problems(path))


def test_library_numbers_give_way_to_ones_own(tmp_path: Path) -> None:
    site = load_site(write(tmp_path, changed(STORE, use="li_ion_lfp_2030", max_fill=0.8)))
    store: Any = site.assets[STORE]
    assert (store.charge_efficiency, store.min_fill, store.max_fill) == (0.9193, 0.1, 0.8)


def test_a_signal_with_a_gap_is_unknown_there_and_not_zero(tmp_path: Path) -> None:
    day = "2024-05-02T{:02d}:00+02:00"
    intervals = [
        {"start": day.format(0), "end": day.format(9), "value": 0.3},
        {"start": day.format(10), "end": day.format(23), "value": 0.4},
        {"start": day.format(23), "end": "2024-05-03T00:00+02:00", "value": 0.5},
    ]
    horizon = Horizon.local_day(date(2024, 5, 2), "Europe/Berlin", 60)
    gap = load_site(write(tmp_path, changed(PCC, carbon_intensity_kg_per_kwh=intervals)))
    with pytest.raises(DataError, match=r"carbon intensity of 'pcc' is unknown at 2024-05-02T09:00:00\+02:00"):
        gap.known_series(horizon)
    intervals[0]["end"] = day.format(10)
    whole = load_site(write(tmp_path, changed(PCC, carbon_intensity_kg_per_kwh=intervals)))
    values = whole.known_series(horizon)["pcc", "carbon_intensity_kg_per_kwh"][0]
    assert values == pytest.approx([0.3] * 10 + [0.4] * 13 + [0.5])
    intervals[0]["end"] = day.format(11)
    twice = load_site(write(tmp_path, changed(PCC, carbon_intensity_kg_per_kwh=intervals)))
    with pytest.raises(DataError, match="2 intervals cover it"):
        twice.known_series(horizon)
    intervals[0]["end"] = day.format(0)
    assert "must be after" in only(write(tmp_path, changed(PCC, carbon_intensity_kg_per_kwh=intervals))).message
