"""EMHASS, in an environment of its own (`make emhass-env`): its numpy is older than ours."""

from __future__ import annotations

from typing import Any

from benchmarks.cases.multi_carrier import Case, Demand, Store, Trade, Weather
from benchmarks.cases.shared import Shared
from benchmarks.peers import outside
from benchmarks.peers.interface import Answer

NOTE = (
    "a mixed-integer model (directions exclude each other); its level at the end equals that at the start; "
    "times from its own class inside its own process"
)

OWN_PROCESS = True


def name() -> str:
    return "EMHASS"


def version() -> str:
    return outside.version(name(), "emhass", "emhass")


def can(case: Shared) -> bool:
    """Days of one home: a grid that buys and sells, one battery, PV and load."""
    data = case.data
    if not isinstance(data, Case) or data.steps > 24 * 7:
        return False
    kinds = sorted(type(part).__name__ for part in data.parts)
    return kinds == ["Demand", "Store", "Trade", "Weather"] and data.of(Trade)[0].sell is not None


def solve(case: Shared) -> Answer:
    days = {which: _day(getattr(case, which)) for which in ("data", "again", "small")}
    found = outside.ask(name(), "emhass", days | {"gap": max(case.gap, 1e-9)})
    return outside.answer(found, keeps=True, note=NOTE)


def _day(data: object) -> dict[str, Any]:
    assert isinstance(data, Case)
    (grid,), (load,), (pv,), (store,) = data.of(Trade), data.of(Demand), data.of(Weather), data.of(Store)
    assert grid.sell is not None
    return {
        "load_kw": load.kw.tolist(),
        "pv_kw": pv.available_kw.tolist(),
        "buy": grid.buy.tolist(),
        "sell": grid.sell.tolist(),
        "grid_kw": grid.most_kw,
        "store": {
            key: getattr(store, key)
            for key in ("energy_kwh", "power_kw", "efficiency", "least_fill", "start_fill", "wear_per_kwh")
        },
    }
