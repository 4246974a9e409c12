"""A park on a network of arrays: the network's flows take the place of its balances, others are one party."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dispatch.carbon.carriers import traced
from dispatch.carbon.on_network import OTHERS, UPSTREAM, PlacedFlows, on_network
from dispatch.carbon.operation import Operation
from dispatch.carbon.tracing import Flows
from tests.parks import hours
from tests.unit.dispatch.carbon.operations import operation, unit

BUSES = {"main": "electricity", "yard": "electricity", "heat": "heat"}


def inside() -> Operation:
    """A load at one bus, PV behind a cable at another; it pays for losses of one kW."""
    return operation(
        [
            unit("pcc", "connection", 0.5 * np.array([31.0, 31.0]), port=("main", [31.0, 31.0])),
            unit("cable", "link", near=("main", [20.0, 20.0]), far=("yard", [-20.0, -20.0])),
            unit("pv", "source", port=("yard", [20.0, 20.0])),
            unit("pump", "conversion", power=("main", [-10.0, -10.0]), heat=("heat", [30.0, 30.0])),
            unit("rooms", "sink", port=("heat", [-30.0, -30.0])),
            unit("hall", "sink", port=("main", [-40.0, -40.0])),
            unit("network losses", "loss", port=("main", [-1.0, -1.0])),
        ],
        BUSES,
    )


def placed(valid: tuple[bool, bool] = (True, True)) -> PlacedFlows:
    """Upstream feeds node 0; main hangs on it by a line that loses 2, yard on main; a neighbour takes 8 at node 0."""
    flows = Flows(3, np.array([0, 1]), np.array([1, 2]), np.array([[32.0, 32], [-20, -20]]),
                  np.array([[-30.0, -30], [20, 20]]))  # fmt: skip
    upstream = np.array([[40.0, 40.0], [0, 0], [0, 0]])
    others = np.array([[-8.0, -8.0], [0, 0], [0, 0]])
    known = np.where(valid, 1.0, np.nan)
    flows = replace(flows, start_in=flows.start_in * known, end_in=flows.end_in * known)
    return PlacedFlows(("slack", "main", "far"), {"main": 1, "yard": 2}, flows, upstream * known, others * known,
                       np.zeros((3, 2)), np.array(valid))  # fmt: skip


def placed_on(valid: tuple[bool, bool] = (True, True)) -> Operation:
    return on_network(inside(), placed(valid), {"pcc", "cable"}, np.full(2, 0.5))


def test_power_comes_over_the_lines_with_their_losses() -> None:
    ran = placed_on()
    assert list(ran.carriers) == ["slack", "main", "yard", "heat"]
    assert {u.name for u in ran.units} == {UPSTREAM, "pv", "pump", "rooms", "hall", OTHERS}
    apart, borne = traced(ran), traced(ran, "borne")
    assert apart.of(OTHERS)[1] == pytest.approx([4.0, 4.0])
    assert apart.of("network losses")[0] == pytest.approx([2.0, 2.0])
    assert apart.of("network losses")[1] == pytest.approx([1.0, 1.0])
    # 30 of .5 and 20 of nothing meet at main.
    assert apart.buses["main"] == pytest.approx([0.3, 0.3])
    assert apart.of("rooms")[1] == pytest.approx([3.0, 3.0])
    assert borne.of("hall")[1] == pytest.approx(16.0 * 40 / 50 * np.ones(2))
    assert apart.emitted_kg == pytest.approx([20.0, 20.0])
    assert max(apart.residual, borne.residual) < 1e-12


def test_in_steps_without_a_solution_the_parks_own_balances_stay() -> None:
    mixed, alone = traced(placed_on((True, False))), traced(inside())
    assert mixed.of("network losses by plan")[0].tolist() == [0.0, 1.0]
    for meter in ("hall", "rooms"):
        assert mixed.of(meter)[1][1] == pytest.approx(alone.of(meter)[1][1])
        assert mixed.of(meter)[1][0] == pytest.approx(traced(placed_on()).of(meter)[1][0])
    assert mixed.emitted_kg == pytest.approx([20.0, 15.5])
    assert mixed.residual < 1e-12


def test_what_goes_back_upstream_and_shunts_have_meters() -> None:
    given = placed()
    flows = Flows(3, np.array([0, 1]), np.array([1, 2]), np.array([[-9.0, -9], [-60, -60]]),
                  np.array([[10.0, 10], [60, 60]]))  # fmt: skip
    up = np.array([[-9.0, -9.0], [0, 0], [0, 0]])
    shunt = np.array([[0.0, 0], [1, 1], [0, 0]])
    less = replace(given, flows=flows, upstream_kw=up, others_kw=0 * up, shunt_kw=shunt)
    sunny = replace(inside(), units=tuple(
        replace(u, ports={p: replace(s, power_kw=np.full(2, 60.0)) for p, s in u.ports.items()}) if u.name == "pv"
        else replace(u, ports={p: replace(s, power_kw=np.full(2, -39.0)) for p, s in u.ports.items()})
        if u.name == "hall" else u for u in inside().units))  # fmt: skip
    ledger = traced(on_network(sunny, less, {"pcc", "cable"}, np.full(2, 0.5)))
    assert ledger.of(f"{UPSTREAM}: export")[0] == pytest.approx([9.0, 9.0])
    assert ledger.of("network shunts")[0] == pytest.approx([1.0, 1.0])
    assert ledger.emitted_kg.sum() == 0.0


def test_buses_on_one_node_are_one_and_names_do_not_clash() -> None:
    both = replace(placed(), place={"main": 1, "yard": 1}, nodes=("heat", "x", "main"))
    flows = Flows(3, np.array([0]), np.array([1]), np.array([[32.0, 32.0]]), np.array([[-30.0, -30.0]]))
    ran = on_network(inside(), replace(both, flows=flows), {"pcc", "cable"}, np.full(2, 0.5))
    assert list(ran.carriers) == ["network heat", "main", "network main", "heat"]
    assert traced(ran).of("hall")[1] == pytest.approx([12.0, 12.0])
    assert ran.horizon.steps == hours(2).steps
