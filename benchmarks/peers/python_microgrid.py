"""python-microgrid, in an environment of its own (`make microgrid-env`): it needs NumPy 1."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.cases.microgrid import Week
from benchmarks.cases.shared import Shared
from benchmarks.peers import outside
from benchmarks.peers.interface import Answer

OWN_PROCESS = True


def name() -> str:
    return "python-microgrid"


def version() -> str:
    return outside.version(name(), "microgrid", "python-microgrid")


def can(case: Shared) -> bool:
    return isinstance(case.data, Week)


def solve(case: Shared) -> Answer:
    assert isinstance(case.data, Week)
    week = case.data
    found = outside.ask(name(), "microgrid", {"data": _plain(week), "small": _plain(case.small)})
    note = "looks 25 h ahead with what comes; what is left in the battery is worth nothing to it"
    if orders := found["orders"]:
        note = _told(week, found["series"], orders)
        found["series"] = min((each["series"] for each in orders), key=week.cost)
    found["objective"] = week.cost(found["series"])
    return outside.answer(found, keeps=False, note=note)


def _told(week: Week, default: dict[str, list[float]], orders: list[dict[str, Any]]) -> str:
    best = min(orders, key=lambda each: week.cost(each["series"]))
    unserved_kwh = sum(default["unserved_kw"])
    return (
        f"the best of its {len(orders)} orders in hindsight ({best['order']}); the order that it takes by itself "
        f"costs {week.cost(default):,.2f}, with {unserved_kwh:,.0f} kWh of load not served"
    )


def _plain(week: object) -> dict[str, Any]:
    assert isinstance(week, Week)
    fields = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in asdict(week).items()}
    return fields | {"steps": week.steps}
