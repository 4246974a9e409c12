"""Tracing through all carriers and stores: published cases, what can be counted by hand, and conservation at large."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from dispatch.carbon import tracing
from dispatch.carbon.carriers import Bearing, traced
from dispatch.carbon.ledger import Ledger
from dispatch.carbon.operation import Operation, Side, Stock, Unit
from dispatch.carbon.stores import held
from dispatch.carbon.tracing import Flows
from dispatch.errors import DataError
from tests.parks import hours
from tests.unit.dispatch.carbon.operations import drawn, operation, store, unit

PARK = {"main": "electricity", "heat": "heat", "h2": "hydrogen", "nh3": "ammonia", "far": "heat"}


def carbon(ledger: Ledger, meter: str) -> list[float]:
    return [round(float(kg), 9) for kg in ledger.of(meter)[1]]


@given(drawn())
@settings(max_examples=60)
def test_every_step_conserves_whatever_runs(ran: Operation) -> None:
    for losses in ("apart", "borne"):
        ledger = traced(ran, losses)  # type: ignore[arg-type]
        assert ledger.residual < 1e-9
        assert (ledger.carbon_kg[[m.role != "store" for m in ledger.meters]] > -1e-9).all()
        for content in ledger.stores.values():
            assert (content.carbon_kg > -1e-9).all()


@given(drawn())
@settings(max_examples=10)
def test_twice_the_emissions_are_twice_the_carbon_everywhere(ran: Operation) -> None:
    doubled = replace(ran, units=tuple(replace(u, emitted_kg=2 * u.emitted_kg) for u in ran.units))
    one, two = traced(ran), traced(doubled)
    twice = {m.name: kg for m, kg in zip(two.meters, two.carbon_kg, strict=True)}
    for meter, kg in zip(one.meters, one.carbon_kg, strict=True):
        np.testing.assert_allclose(twice[meter.name], 2 * kg, atol=1e-8)


def bialek(case: dict[str, Any]) -> tuple[Operation, Flows, list[float]]:
    """The published lossy net as an operation; 1 MW is written as 1 kW."""
    flows = case["flows_i_j_send_recv"]
    start, end, send, received = (np.array([row[k] for row in flows]) for k in range(4))
    placed = Flows.sent(4, start - 1, end - 1, send, received)
    buses = {str(k): "electricity" for k in range(1, 5)}
    units = [unit(f"G{k}", "source", p * e, port=(k, p)) for k, (p, e) in case["gen"].items()]
    units += [unit(f"L{k}", "sink", port=(k, -p)) for k, p in case["load"].items()]
    return Operation(hours(1), buses, tuple(units), placed), placed, [p * e for p, e in case["gen"].values()]


def test_published_lossy_net_with_both_conventions(shared: Path) -> None:
    case = json.loads((shared / "golden" / "carbon.json").read_text())["T2_bialek4_lossy"]
    ran, _, emitted = bialek(case)
    net, gross = traced(ran), traced(ran, "borne")
    assert [net.of(f"L{k}")[1][0] for k in (3, 4)] == pytest.approx(case["net"]["load_t"], abs=1e-4)
    assert net.of("network losses")[1][0] == pytest.approx(case["net"]["loss_t"], abs=1e-6)
    assert [net.buses[str(k)][0] for k in range(1, 5)] == pytest.approx(case["net"]["e"], abs=1e-7)
    intensity = [e for _, e in case["gen"].values()]
    wanted = [np.dot(case["gross"][f"L{k}_from_G1_G2"], intensity) for k in (3, 4)]
    assert [gross.of(f"L{k}")[1][0] for k in (3, 4)] == pytest.approx(wanted, abs=1e-5)
    assert gross.carbon_kg.sum() == pytest.approx(sum(emitted), rel=1e-12)


def test_published_loop_of_flow(shared: Path) -> None:
    case = json.loads((shared / "golden" / "carbon.json").read_text())["T3_loop_flow"]
    start, end, power = (np.array([row[k] for row in case["flows"]]) for k in range(3))
    flows = Flows.sent(3, start - 1, end - 1, power, power)
    units = [unit(f"G{k}", "source", p * e, port=(k, p)) for k, (p, e) in case["gen"].items()]
    units += [unit("L2", "sink", port=("2", -case["load"]["2"]))]
    ledger = traced(Operation(hours(1), {str(k): "electricity" for k in (1, 2, 3)}, tuple(units), flows))
    assert [ledger.buses[k][0] for k in "123"] == pytest.approx(case["e"])


@given(drawn())
@settings(max_examples=20)
def test_a_network_alone_is_traced_as_the_array_method_does(ran: Operation) -> None:
    if ran.flows is None:
        return
    flows, names = ran.flows, tuple(ran.carriers)
    alone = Operation(ran.horizon, dict.fromkeys(names, "electricity"), (), flows)
    left = np.array(list(alone.unbalanced_kw().values()))
    given_kw, taken_kw, e = np.maximum(-left, 0), np.maximum(left, 0), np.arange(1.0, 1 + len(names))[:, None]
    units = [unit(f"G{b}", "source", given_kw[k] * e[k], port=(b, given_kw[k])) for k, b in enumerate(names)]
    units += [unit(f"L{b}", "sink", port=(b, -taken_kw[k])) for k, b in enumerate(names)]
    pairs: tuple[tuple[Bearing, Any], ...] = (("apart", "net"), ("borne", "gross"))
    for losses, word in pairs:
        found = tracing(flows, given_kw, np.broadcast_to(e, given_kw.shape), losses=word)
        ledger = traced(replace(alone, units=tuple(units)), losses)
        for k, bus in enumerate(names):
            if not taken_kw[k].any():
                continue
            np.testing.assert_allclose(ledger.of(f"L{bus}")[1], found.load[k], atol=1e-7)


@pytest.mark.parametrize("rule", ["tank", "carry"])
def test_a_store_by_itself_holds_what_the_array_method_holds(rule: Any) -> None:
    charge, discharge = np.array([10, 20, 0, 0, 5.0]), np.array([0, 0, 12, 8, 0.0])
    intensity, kept = np.array([0.5, 0.1, 0.9, 0.3, 0.7]), 0.99
    alone = held(charge, discharge, intensity, np.ones(5), start_kwh=4.0, start_kg=2.0, charge_efficiency=0.9,
                 discharge_efficiency=0.8, retention=kept, rule=rule)  # fmt: skip
    grid = np.maximum(charge - discharge, 0) + 30
    ran = operation(
        [
            unit("grid", "connection", grid * intensity, port=("main", grid)),
            unit("load", "sink", port=("main", -(grid + discharge - charge))),
            store("store", "main", charge - discharge, alone.energy_kwh[0], rule, kept),
        ]
    )
    ledger = traced(ran, start_kg_per_kwh=0.5)
    np.testing.assert_allclose(ledger.stores["store"].carbon_kg, alone.carbon_kg[0], rtol=1e-12)
    delivered = np.nan_to_num(alone.delivered_kg_per_kwh[0]) * discharge
    np.testing.assert_allclose(ledger.of("load")[1], delivered + (grid - charge) * intensity, rtol=1e-12)
    lost = ledger.of("store: losses")
    np.testing.assert_allclose(lost[1], alone.lost_kg[0], atol=1e-12)
    np.testing.assert_allclose(lost[0], charge - discharge - np.diff(alone.energy_kwh[0]), atol=1e-12)


def test_a_store_starts_as_clean_as_what_charges_it_unless_told() -> None:
    units = [
        unit("grid", "connection", [4.0, 0.0], port=("main", [20.0, 0.0])),
        unit("load", "sink", port=("main", [-10.0, -10.0])),
        store("store", "main", [10.0, -10.0], [5.0, 15.0, 5.0]),
    ]
    ledger = traced(operation(units))
    # Charged at 0.2, so it starts, stays and gives at 0.2.
    assert ledger.stores["store"].kg_per_kwh == pytest.approx([0.2, 0.2, 0.2])
    assert carbon(ledger, "load") == [2.0, 2.0]
    clean = traced(operation(units), start_kg_per_kwh={"store": 0.0})
    assert clean.stores["store"].carbon_kg == pytest.approx([0.0, 2.0, 2.0 / 3])
    with pytest.raises(DataError, match=r"no store 'stor'; there are store"):
        traced(operation(units), start_kg_per_kwh={"stor": 0.0})


def test_a_store_that_nothing_charges_starts_with_the_mean_of_what_the_park_gets() -> None:
    units = [
        unit("grid", "connection", [4.0, 2.0], port=("main", [10.0, 10.0])),
        unit("load", "sink", port=("main", [-12.0, -12.0])),
        store("store", "main", [-2.0, -2.0], [4.0, 2.0, 0.0]),
    ]
    ledger = traced(operation(units))
    assert ledger.stores["store"].carbon_kg == pytest.approx([4 * 0.3, 2 * 0.3, 0.0])
    assert np.isnan(ledger.stores["store"].kg_per_kwh[-1])


def test_plant_hands_on_what_it_takes_with_its_own_and_keeps_it_at_rest() -> None:
    ran = operation(
        [
            unit("grid", "connection", 0.5 * np.array([30, 30]), port=("main", [30.0, 30.0])),
            unit("pump", "conversion", [1.0, 1.0], power=("main", [-10, -1.0]), heat=("heat", [30, 0.0])),
            unit("lamps", "sink", port=("main", [-20.0, -29.0])),
            unit("rooms", "sink", port=("heat", [-30.0, 0.0])),
        ],
        PARK,
    )
    ledger = traced(ran)
    assert carbon(ledger, "rooms") == [6.0, 0.0]  # 5 of its power and 1 of its own
    assert carbon(ledger, "pump: standby") == [0.0, 0.5]
    assert carbon(ledger, "pump: own") == [0.0, 1.0]
    assert ledger.intensity[[m.name for m in ledger.meters].index("rooms")][0] == pytest.approx(0.2)


def test_products_of_a_chain_leave_with_the_carbon_of_every_step_before() -> None:
    ran = operation(
        [
            unit("wind", "source", port=("main", [100.0])),
            unit("grid", "connection", [60.0], port=("main", [100.0])),
            unit("electrolyser", "conversion", power=("main", [-150.0]), hydrogen=("h2", [100.0])),
            unit("synthesis", "conversion", hydrogen=("h2", [-80.0]), power=("main", [-10.0]), out=("nh3", [70.0])),
            unit("site", "sink", port=("main", [-40.0])),
            unit("trucks", "sink", port=("h2", [-20.0])),
            unit("sale", "sink", port=("nh3", [-70.0])),
        ],
        PARK,
    )
    ledger = traced(ran)
    assert carbon(ledger, "trucks") == [9.0]  # a fifth of 45
    assert carbon(ledger, "sale") == [36.0 + 3.0]
    assert [m.role for m in ledger.meters] == ["load", "product", "product"]


def test_losses_of_a_link_stand_apart_or_are_borne() -> None:
    units = [
        unit("boiler", "source", [8.0, 8.0], port=("heat", [40.0, 40.0])),
        unit("pipe", "link", near=("heat", [-40.0, -40.0]), far=("far", [30.0, 0.0])),
        unit("rooms", "sink", port=("far", [-30.0, 0.0])),
    ]
    apart, borne = traced(operation(units, PARK)), traced(operation(units, PARK), "borne")
    assert carbon(apart, "rooms") == [6.0, 0.0]
    assert carbon(apart, "pipe: losses") == [2.0, 0.0]
    assert carbon(borne, "rooms") == [8.0, 0.0]
    assert "pipe: losses" not in [m.name for m in borne.meters]
    # Where nothing comes out, there is nobody to bear it.
    for ledger in (apart, borne):
        assert carbon(ledger, "pipe: standby") == [0.0, 8.0]


def test_out_of_a_queue_comes_first_what_went_in_first() -> None:
    clean, dirty = 0.1, 0.7
    into, out = np.array([10, 10, 0, 0, 0.0]), np.array([0, 0, 8, 8, 0.0])
    pipe = Unit(
        "pipe", "pipe", "store", {"in": Side("heat", -into), "out": Side("far", out)}, np.zeros(5),
        stock=Stock(np.array([5, 10, 20, 10, 0, 0.0]), np.ones(5), np.zeros(5), "queue"),
    )  # fmt: skip
    ran = operation(
        [
            unit("boiler", "source", into * np.array([clean, dirty, 0, 0, 0]), port=("heat", into)),
            pipe,
            unit("rooms", "sink", port=("far", -out)),
            unit("pit", "sink", port=("main", np.zeros(5))),
        ],
        PARK,
    )
    # 5 kWh come out of it in the first step, of what was there at the start; nobody takes them.
    apart = traced(ran, start_kg_per_kwh=0.4)
    assert carbon(apart, "pipe: losses") == [2.0, 0.0, 0.2, 1.4, 0.0]
    assert carbon(apart, "rooms") == [0.0, 0.0, 0.8, 5.6, 0.0]
    borne = traced(ran, "borne", start_kg_per_kwh=0.4)
    assert carbon(borne, "rooms") == [0.0, 0.0, 1.0, 7.0, 0.0]
    assert borne.stores["pipe"].carbon_kg == pytest.approx([2.0, 1.0, 8.0, 7.0, 0.0, 0.0])


def test_what_passes_a_queue_within_a_step_is_not_held() -> None:
    flow = np.array([10.0, 20.0])
    pipe = Unit(
        "pipe", "pipe", "store", {"in": Side("heat", -flow), "out": Side("far", np.array([8.0, 19.0]))}, np.zeros(2),
        stock=Stock(np.array([1.0, 3.0, 4.0]), np.ones(2), np.zeros(2), "queue"),
    )  # fmt: skip
    units = [unit("boiler", "source", flow * [0.5, 0.2], port=("heat", flow)), pipe]
    units.append(unit("rooms", "sink", port=("far", [-8.0, -19.0])))
    ledger = traced(operation(units, PARK), start_kg_per_kwh=0.0)
    assert ledger.residual < 1e-12
    assert carbon(ledger, "rooms") == [3.5, 3 * 0.5 + 16 * 0.2]
    assert ledger.stores["pipe"].carbon_kg == pytest.approx([0.0, 1.5, 0.8])


def test_a_plant_with_a_store_inside_works_past_it_or_fills_it() -> None:
    content = np.array([10.0, 30.0, 30.0, 20.0])
    past = np.array([0.0, 1.0, 1.0])
    ice = Unit(
        "ice", "ice_store", "store",
        {"power": Side("main", np.array([-8.0, -4.0, 0.0])), "cold": Side("heat", np.array([0.0, 20.0, 10.0]))},
        np.zeros(3), stock=Stock(content, np.ones(3), past),
    )  # fmt: skip
    units = [
        unit("grid", "connection", [8.0, 2.0, 0.0], port=("main", [8.0, 4.0, 0.0])),
        ice,
        unit("hall", "sink", port=("heat", [0.0, -20.0, -10.0])),
    ]
    ledger = traced(operation(units, PARK), start_kg_per_kwh=0.4)
    assert carbon(ledger, "hall") == [0.0, 2.0, 4.0]  # what is chilled now, then a third of 12
    assert ledger.stores["ice"].carbon_kg == pytest.approx([4.0, 12.0, 12.0, 8.0])


def test_a_fleet_that_gives_back_is_a_load_of_the_rest() -> None:
    fleet = store("cars", "main", [20.0, -5.0, 10.0], [0.0, 18.0, 12.0, 21.0], kept=True)
    units = [
        unit("grid", "connection", [24.0, 0.0, 2.0], port=("main", [30.0, 0.0, 10.0])),
        fleet,
        unit("load", "sink", port=("main", [-10.0, -5.0, 0.0])),
    ]
    ledger = traced(operation(units))
    used, kg = ledger.of("cars")
    assert used.tolist() == [20.0, -5.0, 10.0]
    assert kg == pytest.approx([16.0, -16.0 / 3, 2.0])
    assert ledger.meters[[m.name for m in ledger.meters].index("cars")].role == "load"


def test_what_is_flared_or_lost_at_standstill_burdens_nobody_else() -> None:
    gas = replace(unit("gas", "source", [5.0, 0.0], port=("main", [10.0, 0.0])), own_kg=np.array([3.0, 4.0]))
    unit_off = unit("engine", "source", [0.0, 7.0], port=("main", [0.0, 0.0]))
    ledger = traced(operation([gas, unit_off, unit("load", "sink", port=("main", [-10.0, 0.0]))]))
    assert carbon(ledger, "load") == [5.0, 0.0]
    assert carbon(ledger, "gas: own") == [3.0, 4.0]
    assert carbon(ledger, "engine: own") == [0.0, 7.0]
    assert ledger.residual < 1e-12


def test_a_bus_out_of_balance_is_refused_or_settled() -> None:
    units = [unit("grid", "connection", [5.0, 5.0], port=("main", [10.0, 10.0])),
             unit("load", "sink", port=("main", [-8.0, -12.0]))]  # fmt: skip
    with pytest.raises(DataError, match=r"bus 'main', step 0: \+2 kW more is given than taken; accepted: a balance"):
        traced(operation(units))
    ledger = traced(operation(units).settled())
    assert carbon(ledger, "not balanced") == [1.0, 0.0]
    assert carbon(ledger, "load") == [4.0, 5.0]


def test_a_branch_towards_nobody_is_borne_where_it_is_taken() -> None:
    # b feeds two dead ends one behind the other; the line between them loses what it is sent.
    flows = Flows.sent(4, [0, 1, 2], [1, 2, 3], [[11.0], [1.0], [0.4]], [[10.0], [0.5], [0.0]])
    buses = dict.fromkeys("abcd", "electricity")
    units = (unit("G", "source", 22.0, port=("a", 11.0)), unit("L", "sink", port=("b", -9.0)),
             unit("shunt", "loss", port=("c", -0.1)))  # fmt: skip
    borne = traced(Operation(hours(1), buses, units, flows), "borne")
    assert carbon(borne, "L") == [22.0]
    apart = traced(Operation(hours(1), buses, units, flows))
    assert carbon(apart, "L") == [18 * 1.0]
    assert apart.residual < 1e-12
    nobody = (unit("G", "source", 22.0, port=("a", 11.0)), units[2], unit("L", "loss", port=("b", -9.0)))
    lost = traced(Operation(hours(1), buses, nobody, flows), "borne")
    assert carbon(lost, "network losses") == [22.0]


def test_a_queue_that_runs_empty_gives_all_it_held_and_no_more() -> None:
    """Sums of tenths are not what they seem: by rounding, more leaves than was there, and nothing enters after."""
    into, out = np.array([0.1, 0.2, 0.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.3, 0.0, 0.0])
    pipe = Unit(
        "pipe", "pipe", "store", {"in": Side("heat", -into), "out": Side("far", out)}, np.zeros(5),
        stock=Stock(np.array([0.7, 0.8, 1.0, 0.0, 0.0, 0.0]), np.ones(5), np.zeros(5), "queue"),
    )  # fmt: skip
    units = [unit("boiler", "source", into, port=("heat", into)), pipe, unit("rooms", "sink", port=("far", -out))]
    ledger = traced(operation(units, PARK), "borne", start_kg_per_kwh=2.0)
    assert carbon(ledger, "rooms") == [0.0, 0.0, 1.7, 0.0, 0.0]
    assert ledger.stores["pipe"].carbon_kg == pytest.approx([1.4, 1.5, 1.7, 0.0, 0.0, 0.0])


def test_stores_that_charge_each_other_start_as_clean_as_what_comes_in_the_end() -> None:
    units = [
        unit("grid", "connection", [0.0, 8.0], port=("main", [0.0, 20.0])),
        store("giver", "main", [-10.0, 10.0], [10.0, 0.0, 10.0]),
        store("taker", "main", [10.0, -10.0], [10.0, 20.0, 10.0]),
        unit("load", "sink", port=("main", [0.0, -20.0])),
        # Elsewhere, so that the mean of all supply is another number.
        unit("boiler", "source", port=("heat", [50.0, 50.0])),
        unit("rooms", "sink", port=("heat", [-50.0, -50.0])),
    ]
    ledger = traced(operation(units, PARK))
    # At the second step 20 of 8 kg and 10 of the taker's meet; the giver is charged with a third of both.
    mix = ledger.buses["main"][1]
    assert ledger.stores["giver"].kg_per_kwh[0] == pytest.approx(mix)
    assert ledger.stores["taker"].kg_per_kwh[:2] == pytest.approx([mix, mix])
    assert mix == pytest.approx(0.4)
    assert ledger.residual < 1e-12
