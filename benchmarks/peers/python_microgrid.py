"""python-microgrid, in an environment of its own (`make microgrid-env`): it needs NumPy 1."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.cases.microgrid import Week
from benchmarks.cases.shared import Shared
from benchmarks.peers import outside
from benchmarks.peers.interface import Answer

NOTE = {
    "rule_based": "its own order: what costs least at the margin is used first",
    "rolling": "looks 25 h ahead with what comes; what is left in the battery is worth nothing to it",
}

OWN_PROCESS = True


def name() -> str:
    return "python-microgrid"


def version() -> str:
    return outside.version(name(), "microgrid", "python-microgrid")


def can(case: Shared) -> bool:
    return isinstance(case.data, Week)


def solve(case: Shared) -> Answer:
    assert isinstance(case.data, Week)
    found = outside.ask(name(), "microgrid", {"data": _plain(case.data), "small": _plain(case.small)})
    found["objective"] = case.data.cost(found["series"])
    return outside.answer(found, keeps=False, note=NOTE[case.data.method])


def _plain(week: object) -> dict[str, Any]:
    assert isinstance(week, Week)
    fields = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in asdict(week).items()}
    return fields | {"steps": week.steps}
