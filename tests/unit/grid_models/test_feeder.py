from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from grid_models.errors import GridError
from grid_models.library import load
from grid_models.network import Network
from grid_models.power_flow import Injections, solve_batch, solve_reference

CABLE = "NA2XS2Y 1x240 RM/25 6/10 kV"
EXAMPLE = Path(__file__).resolve().parents[3] / "configs" / "grids" / "industrial_10kv.yaml"


def feeder() -> dict[str, Any]:
    return {
        "name": "small",
        "buses": [
            {"name": "up", "voltage_kv": 110},
            {"name": "park", "voltage_kv": 10, "voltage_min_pu": 0.95, "voltage_max_pu": 1.05},
            {"name": "hall", "voltage_kv": 10.0},
        ],
        "source": {"bus": "up", "voltage_pu": 1.02, "short_circuit_mva": 500},
        "transformers": [
            {"name": "T1", "high_bus": "up", "low_bus": "park", "type": "25 MVA 110/10 kV", "loading_max_pu": 0.9}
        ],
        "lines": [{"name": "C1", "from_bus": "park", "to_bus": "hall", "type": CABLE, "length_km": 2, "parallel": 2}],
        "loads": [{"bus": "hall", "load_kw": 300, "load_kvar": 100}],
    }


def written(tmp_path: Path, content: Any) -> str:
    path = tmp_path / "feeder.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return f"feeder:{path}"


def mistakes(tmp_path: Path, content: Any) -> list[str]:
    with pytest.raises(GridError) as caught:
        load(written(tmp_path, content))
    return [line.strip() for line in str(caught.value).splitlines()]


@pytest.fixture
def small(tmp_path: Path) -> Network:
    return load(written(tmp_path, feeder()))


def test_both_engines_solve_it_alike_and_its_limits_are_read(small: Network) -> None:
    p_kw, q_kvar = small.profiles.at_nameplate()
    share = np.array([[0.0, 0.5, 1.0, 20.0]])
    injections = Injections(small.bus_names, p_kw * share, q_kvar * share)
    reference, batch = solve_reference(small, injections), solve_batch(small, injections)
    assert np.abs(reference.vm_pu - batch.vm_pu).max() < 1e-6
    np.testing.assert_allclose(reference.branch_loading_pu, batch.branch_loading_pu, atol=1e-6)
    assert p_kw[small.bus_index(["hall"])] == -300.0
    assert q_kvar[small.bus_index(["hall"])] == -100.0
    assert small.voltage_max_pu[small.bus_index(["park", "hall"])].tolist() == [1.05, 1.1]
    assert small.branch_loading_max_pu[small.branch_index(["C1", "T1"])].tolist() == [1.0, 0.9]


def test_the_source_sags_behind_its_short_circuit_power(small: Network) -> None:
    """U − (R·P + X·Q)/U in p.u. on S: the textbook's voltage drop over the impedance 1/S, R/X = 0.1."""
    p_mw, q_mvar = 5.0, 2.0
    at = Injections(("up",), np.array([[0.0, -1e3 * p_mw]]), np.array([[0.0, -1e3 * q_mvar]]))
    flows = solve_batch(small, at)
    sag = float(np.diff(flows.vm_pu[small.bus_index(["up"])][0])[0])
    x = 1.0 / math.hypot(1.0, 0.1)
    assert sag == pytest.approx(-(0.1 * x * p_mw + x * q_mvar) / 500.0 / 1.02, rel=0.02)
    assert flows.branch_loading_pu[small.branch_index(["upstream of up"])][0, 1] == pytest.approx(0.0107, rel=0.05)


def test_taps_parallel_cables_and_open_lines_count(tmp_path: Path, small: Network) -> None:
    nothing = Injections((), np.zeros((0, 1)), np.zeros((0, 1)))
    loaded = Injections(("hall",), np.array([[-4000.0]]), np.zeros((1, 1)))

    def at_hall(network: Network, injections: Injections) -> float:
        return float(solve_batch(network, injections).vm_pu[network.bus_index(["hall"])][0, 0])

    other = feeder()
    other["transformers"][0]["tap"] = -2  # 1.5 % a step on the high-voltage side
    assert at_hall(load(written(tmp_path, other)), nothing) / at_hall(small, nothing) == pytest.approx(1.031, abs=2e-3)
    other = feeder()
    other["lines"][0]["parallel"] = 1
    assert at_hall(load(written(tmp_path, other)), loaded) < at_hall(small, loaded) - 1e-3
    other = feeder()
    other["lines"].append({**other["lines"][0], "name": "C2", "open": True})
    ring = load(written(tmp_path, other))
    assert "C2" not in ring.branch_names
    assert at_hall(ring, loaded) == pytest.approx(at_hall(small, loaded), abs=1e-9)


def test_every_mistake_is_told_at_once_with_its_path(tmp_path: Path) -> None:
    wrong = feeder()
    wrong["busses"] = []
    wrong["buses"] += [
        {"name": "park", "voltage_kv": 10, "voltage_min_pu": 1.2},
        "hello",
        {"name": "x", "voltage_kv": -1},
    ]
    wrong["source"] = {"bus": "upp", "short_circuit_mva": 0}
    wrong["transformers"][0].update({"high_bus": "park", "low_bus": "up", "tap": 30})
    wrong["transformers"].append({"name": "T2", "high_bus": "up", "low_bus": "park", "type": "25 MVA"})
    wrong["lines"] += [
        {"name": "T1", "from_bus": "up", "to_bus": "park", "type": CABLE, "length_km": "1"},
        {"name": "C3", "from_bus": "hall", "to_bus": "hall", "type": "NAYY 4x150 SE", "lenght_km": 1},
    ]
    wrong["loads"] = {"bus": "hall"}
    told = "\n".join(mistakes(tmp_path, wrong))
    for expected in (
        "has 18 mistakes:",
        "busses: is not known; accepted are name, source, buses, transformers, lines, loads",
        "buses[3].name: 'park' is the name of buses[1] too",
        "buses[3].voltage_min_pu: is 1.2; below voltage_max_pu, 1.1, is needed",
        "buses[4]: is 'hello'; a mapping with at least name, voltage_kv is needed",
        "buses[5].voltage_kv: is -1; input should be greater than 0",
        "source.short_circuit_mva: is 0; input should be greater than 0",
        "source.bus: unknown bus 'upp'; valid names are: up, ",
        "transformers[0].tap: is 30; -9 to 9 is accepted",
        "stands between buses of 10 and 110 kV, a rating of 110/10 kV does not fit; high_bus and low_bus are swapped",
        "transformers[1].type: unknown transformer type '25 MVA'; valid names are: 25 MVA 110/",
        "lines[1].name: 'T1' is the name of transformers[0] too",
        "lines[1].length_km: is '1'; input should be a valid number",
        "lines[1]: joins buses of 10 and 110 kV; a line joins buses of one voltage",
        "lines[2].lenght_km: is not known; accepted are name, from_bus",
        "lines[2].length_km: is missing",
        "lines[2].to_bus: is 'hall', from_bus too; two buses are needed",
        "lines[2].type: 'NAYY 4x150 SE' is built for 0 to 1 kV, its buses have 10 kV; accepted are 'NA2XS2Y",
        "loads: is {'bus': 'hall'}; a list is needed",
    ):
        assert expected in told


def test_a_file_without_the_main_things(tmp_path: Path) -> None:
    assert mistakes(tmp_path, {"name": "x"})[1:] == [
        "source: is None; a mapping with at least bus, short_circuit_mva is needed",
        "buses: is missing; at least the bus of the source is needed",
    ]
    assert "is no mapping" in mistakes(tmp_path, "- a list")[0]
    assert "is no YAML" in mistakes(tmp_path, "name: [")[0]
    assert "key 'name' is written twice" in "".join(mistakes(tmp_path, "name: a\nname: b"))
    with pytest.raises(GridError, match=r"there_is_no\.yaml'.*No such file"):
        load("feeder:there_is_no.yaml")


def test_a_bus_that_nothing_joins_is_named(tmp_path: Path) -> None:
    alone = feeder()
    alone["buses"].append({"name": "lonely", "voltage_kv": 10})
    assert "no path to a slack for bus 'lonely'" in mistakes(tmp_path, alone)[0]
    alone["lines"].append({**alone["lines"][0], "name": "C2", "to_bus": "lonely", "open": True})
    assert "(open or out of service at its border: line 'C2')" in mistakes(tmp_path, alone)[0]


def test_the_example_that_ships_can_be_loaded() -> None:
    network = load(f"feeder:{EXAMPLE}")
    assert {"park 10 kV", "hall north", "solar field"} <= set(network.bus_names)
    assert "ring" not in network.branch_names  # open


def own(**numbers: float) -> dict[str, Any]:
    """10 kV without a transformer; 4 km of two parallel systems with numbers of their own."""
    line = {"name": "C1", "from_bus": "up", "to_bus": "hall", "length_km": 4.0, "parallel": 2, **numbers}
    return {
        "buses": [{"name": "up", "voltage_kv": 10}, {"name": "hall", "voltage_kv": 10}],
        "source": {"bus": "up", "short_circuit_mva": 1e7},
        "lines": [line],
    }


def test_a_line_by_its_own_numbers_drops_and_loads_as_worked_out_by_hand(tmp_path: Path) -> None:
    """r = 0.2 · 4 / 2 = 0.4 Ohm, x = 0.1 · 4 / 2 = 0.2 Ohm; 3 MW at unit power factor, from U = 10 kV.

    V⁴ + (2 r P − U²) V² + P² (r² + x²) = 0 in kV, MW, Ohm: V² = (97.6 + √(97.6² − 4 · 9 · 0.2)) / 2 = 97.581554;
    V = 9.878338 kV. I = 3000 / (√3 · 9.878338) = 175.34 A; of 2 · 200 A that is 0.43835.
    """
    network = load(written(tmp_path, own(r_ohm_per_km=0.2, x_ohm_per_km=0.1, ampacity_a=200.0)))
    flows = solve_batch(network, Injections(("hall",), np.array([[-3000.0]]), np.zeros((1, 1))))
    assert flows.vm_pu[network.bus_index(["hall"])[0], 0] == pytest.approx(0.9878338, abs=1e-6)
    assert flows.branch_loading_pu[network.branch_index(["C1"])[0], 0] == pytest.approx(0.43835, abs=1e-5)


def test_the_capacitance_of_a_line_charges_it(tmp_path: Path) -> None:
    """ω C U² = 2π · 50 · (300 nF/km · 4 km · 2) · (10 kV)² = 75.40 kvar, fed back into the source."""
    numbers = {"r_ohm_per_km": 0.2, "x_ohm_per_km": 0.1, "ampacity_a": 200.0, "capacitance_nf_per_km": 300.0}
    network = load(written(tmp_path, own(**numbers)))
    flows = solve_batch(network, Injections(("hall",), np.zeros((1, 1)), np.zeros((1, 1))))
    assert -flows.slack_q_kvar[0] == pytest.approx(2 * math.pi * 50 * 300e-9 * 4 * 2 * 1e4**2 / 1e3, rel=2e-3)


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ({}, ["lines[0].type: is missing; accepted are a standard type, or r_ohm_per_km, x_ohm_per_km, ampacity_a"]),
        ({"r_ohm_per_km": 0.2, "x_ohm_per_km": 0.1}, ["lines[0].ampacity_a: is missing, beside r_ohm_per_km"]),
        ({"type": CABLE, "ampacity_a": 200.0}, ["lines[0].ampacity_a: stands beside type"]),
        ({"r_ohm_per_km": 0.0, "x_ohm_per_km": 0.0, "ampacity_a": 1.0}, ["lines[0].x_ohm_per_km: is 0"]),
        ({"r_ohm_per_km": -1.0, "x_ohm_per_km": 0.1, "ampacity_a": 1.0}, ["lines[0].r_ohm_per_km: is -1.0"]),
        ({"type": None}, ["lines[0].type: is None"]),
    ],
)
def test_numbers_of_its_own_that_are_not_enough(tmp_path: Path, numbers: dict[str, Any], told: list[str]) -> None:
    found = mistakes(tmp_path, own(**numbers))[1:]
    assert len(found) == len(told)
    assert all(line.startswith(start) for line, start in zip(found, told, strict=True))


PLATE: dict[str, Any] = {
    "rated_kva": 10_000, "short_circuit_percent": 7.5, "load_loss_kw": 50, "no_load_loss_kw": 10,
    "tap_step_percent": 2.5, "tap_steps": 2,
}  # fmt: skip


def by_plate(**changed: Any) -> dict[str, Any]:
    """A 35/10 kV transformer with 5 MW behind it and a network upstream that hardly sags."""
    plate = {key: value for key, value in (PLATE | changed).items() if value is not None}
    return {
        "buses": [{"name": "up", "voltage_kv": 35}, {"name": "park", "voltage_kv": 10}],
        "source": {"bus": "up", "short_circuit_mva": 1e7},
        "transformers": [{"name": "T", "high_bus": "up", "low_bus": "park", **plate}],
        "loads": [{"bus": "park", "load_kw": 5000}],
    }


def test_a_transformer_by_its_plate_drops_loads_and_loses_as_worked_out_by_hand(tmp_path: Path) -> None:
    """On 10 MVA: r = 50/10 000 = 0.005, x = √(0.075² − 0.005²) = 0.0748, p = 0.5, v ≈ 1 − r p − (x p)²/2 = 0.9968.

    Losses: 50 kW · (0.5/v)² under load and 10 kW without. The high side carries them and x p² of reactive power too.
    """
    network = load(written(tmp_path, by_plate()))
    p_kw, q_kvar = network.profiles.at_nameplate()
    flows = solve_batch(network, Injections(network.bus_names, p_kw, q_kvar))
    v = 1 - 0.005 * 0.5 - (0.0748 * 0.5) ** 2 / 2
    at, branch = network.bus_index(["park"])[0], network.branch_index(["T"])[0]
    assert flows.vm_pu[at, 0] == pytest.approx(v, abs=1e-4)
    losses_kw = 50 * (0.5 / v) ** 2 + 10
    assert flows.losses_kw[0] == pytest.approx(losses_kw, rel=5e-3)
    high_pu = np.hypot(0.5 + losses_kw / 1e4, 0.0748 * 0.5**2)
    assert flows.branch_loading_pu[branch, 0] == pytest.approx(high_pu, rel=5e-4)


def test_a_step_of_a_plates_tap_changer_lifts_the_low_side(tmp_path: Path) -> None:
    """One step less of turns on the high side, 2.5 %: 1/0.975 of the voltage; the rated ratio counts likewise."""
    idle = by_plate() | {"loads": []}

    def low_pu(**changed: Any) -> float:
        content = idle | {"transformers": [idle["transformers"][0] | changed]}
        network = load(written(tmp_path, content))
        nothing = Injections(network.bus_names, *np.zeros((2, len(network.bus_names), 1)))
        return float(solve_batch(network, nothing).vm_pu[network.bus_index(["park"])[0], 0])

    assert low_pu(tap=-1) / low_pu() == pytest.approx(1 / 0.975, rel=1e-4)
    assert low_pu(low_kv=10.5) / low_pu() == pytest.approx(1.05, rel=1e-4)
    assert low_pu(high_kv=36.75) / low_pu() == pytest.approx(1 / 1.05, rel=1e-4)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"type": "25 MVA 110/10 kV"}, "transformers[0].rated_kva: stands beside type '25 MVA 110/10 kV'"),
        ({"load_loss_kw": None}, "transformers[0].load_loss_kw: is missing, beside rated_kva"),
        ({"load_loss_kw": 900}, "is 900, 9 % of 10000 kVA; less than short_circuit_percent, 7.5, is needed"),
        ({"tap_steps": None}, "transformers[0].tap_steps: is missing; a tap changer has"),
        ({"tap": 3}, "transformers[0].tap: is 3; -2 to 2 is accepted"),
        (
            {"high_kv": 110},
            "transformers[0]: a transformer stands between buses of 35 and 10 kV, a rating of 110/10 kV",
        ),
        ({"high_bus": "park", "low_bus": "up"}, "transformers[0].high_bus: has 10 kV, low_bus 35 kV; they are swapped"),
        (dict.fromkeys(PLATE), "transformers[0].type: is missing; accepted are a standard type, or rated_kva, short"),
    ],
)
def test_a_plate_that_says_too_little_or_contradicts_itself(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    with pytest.raises(GridError) as caught:
        load(written(tmp_path, by_plate(**changed)))
    assert told in str(caught.value)
