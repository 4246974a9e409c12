"""Goods: direct and indirect carbon apart, scopes, and the electricity behind a tonne, against figures by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from dispatch.carbon.carriers import traced
from dispatch.carbon.goods import goods, lines, periods
from dispatch.carbon.operation import Operation
from dispatch.carbon.units import Side, Stock, Unit
from dispatch.signals import Horizon

HOURS = 2


def unit(name: str, kind: str, role: Any, emitted: Any = 0.0, stock: Stock | None = None, **power: Any) -> Unit:
    ports = {bus: Side(bus, np.broadcast_to(np.asarray(kw, float), HOURS)) for bus, kw in power.items()}
    return Unit(name, kind, role, ports, np.broadcast_to(np.asarray(emitted, float), HOURS), stock=stock)


def operation() -> Operation:
    """An electrolyser on half grid, half genset; its hydrogen and gas make steam; a battery stands by."""
    horizon = Horizon.between(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, HOURS, tzinfo=UTC), "UTC", 60)
    carriers = {"mv": "electricity", "h2": "hydrogen", "gas": "gas", "steam": "steam"}
    battery = Stock(np.array([0, 19.0, 0]), np.ones(HOURS), np.zeros(HOURS))
    units = (
        unit("pcc", "grid_connection", "connection", [60.0, 40.0], mv=[120, 80]),
        unit("genset", "thermal", "source", 80.0, mv=100),
        unit("bat", "battery", "store", stock=battery, mv=[-20, 18]),
        unit("ely", "pem_electrolyser", "conversion", mv=[-200, -198], h2=[120, 118.8]),
        unit("trucks", "product_offtake", "sink", h2=[-66.66, -66.66]),
        unit("gas_main", "fuel_supply", "source", 10.0, gas=50),
        unit("boiler", "gas_boiler", "conversion", gas=-50, h2=[-53.34, -52.14], steam=90),
        unit("works", "load", "sink", steam=-90),
    )
    return Operation(horizon, carriers, units)


def test_parts_of_a_goods_carbon_by_hand() -> None:
    ran = operation()
    ledger = traced(ran)
    found = {good.name: good for good in goods(ran, [ledger])}
    assert set(found) == {"steam", "hydrogen"}
    hydrogen = found["hydrogen"]
    assert hydrogen.amount == pytest.approx([0.002, 0.002])
    # In the first hour the bus has (60 + 80) / 220 kg/kWh, the electrolyser 200 kWh of it, the trucks 66.66 of 120.
    mix, share = 140 / 220, 66.66 / 120
    assert hydrogen.carbon_kg[ledger.name][0] == pytest.approx(mix * 200 * share)
    assert hydrogen.direct_kg == pytest.approx([0, 0], abs=1e-12)
    assert hydrogen.electricity_kwh[0] == pytest.approx(200 * share)
    assert hydrogen.scope_1_kg[ledger.name][0] == pytest.approx(80 / 220 * 200 * share)
    steam = found["steam"]
    assert steam.direct_kg == pytest.approx([10, 10])
    assert steam.carbon_kg[ledger.name][0] == pytest.approx(10 + mix * 200 * 53.34 / 120)
    assert steam.scope_1_kg[ledger.name][0] == pytest.approx(10 + 80 / 220 * 200 * 53.34 / 120)


def test_a_line_sums_a_period_and_says_the_factor_of_its_electricity() -> None:
    ran = operation()
    ledger = traced(ran)
    good = next(one for one in goods(ran, [ledger]) if one.name == "hydrogen")
    (line,) = lines(good, periods(ran.horizon, "all"))
    assert line.amount == pytest.approx(0.004)
    assert line.carbon_kg == pytest.approx(line.direct_kg + line.indirect_kg)
    assert line.scope_1_kg + line.scope_2_kg == pytest.approx(line.carbon_kg)
    assert line.electricity_kg_per_kwh == pytest.approx(line.indirect_kg / line.electricity_kwh)
    assert line.per_unit_kg == pytest.approx(line.carbon_kg / 0.004)
    assert [one.period for one in lines(good, periods(ran.horizon, "hour"))] == [
        "2025-01-01T00:00+0000", "2025-01-01T01:00+0000",
    ]  # fmt: skip


def test_electricity_that_is_sold_has_direct_carbon() -> None:
    base = operation()
    ran = Operation(
        base.horizon,
        {"mv": "electricity"},
        (unit("genset", "thermal", "source", 80.0, mv=100), unit("pcc", "grid_connection", "connection", mv=-100)),
    )
    (good,) = goods(ran, [traced(ran)])
    (line,) = lines(good, periods(ran.horizon, "all"))
    assert (line.good, line.direct_kg, line.indirect_kg) == ("electricity", 160.0, 0.0)
    assert np.isnan(line.electricity_kg_per_kwh)


def test_a_park_without_goods_has_none() -> None:
    base = operation()
    ran = Operation(
        base.horizon,
        {"mv": "electricity"},
        (unit("genset", "thermal", "source", 80.0, mv=100), unit("hall", "load", "sink", mv=-100)),
    )
    assert goods(ran, [traced(ran)]) == ()


def test_an_hour_that_comes_twice_is_two() -> None:
    first, last = (datetime(2025, 10, 25, 22 + k, tzinfo=UTC) for k in (0, 1))
    span = Horizon.between(first, datetime(2025, 10, 26, 4, tzinfo=UTC), "Europe/Berlin", 60)
    assert last.hour == 23
    assert len(periods(span, "hour")) == 6
    assert periods(span, "day") == [("2025-10-26", 0, 6)]
    assert len(periods(span, "step")) == 6
