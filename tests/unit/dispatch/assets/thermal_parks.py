"""Small parks with buses for heat at levels, steam, cold, fuels and compressed air."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dispatch.asset import Mode
from dispatch.problem import Problem
from dispatch.solver.highs import Limits, run
from tests.parks import given, grid, hours, load, park, tariff
from tests.unit.dispatch.assets.templates import BUSES, hourly_tariff
from tests.unit.dispatch.assets.templates_thermal import supply

__all__ = ["grid", "hourly_tariff", "hours", "load", "point_signal", "problem", "relaxed", "supply", "tariff"]


def problem(
    *assets: Mapping[str, Any],
    demand: Mapping[str, Any],
    mode: Mode | None = None,
    start: str = "2024-03-01T00:00",
    step_h: float = 1.0,
    zone: str = "UTC",
    **fields: Any,
) -> Problem:
    """A park in which each bus of ``demand`` has a load of that name."""
    loads = [load(f"{bus}_load", bus=bus) for bus in demand]
    site = park(*assets, *loads, **({"buses": BUSES} | fields))
    steps = max(np.size(values) for values in demand.values())
    series = {(f"{bus}_load", "demand_kw"): np.asarray(values, float) for bus, values in demand.items()}
    return Problem(site, given(site, hours(steps, start, zone, step_h), series), mode)


def relaxed(made: Problem) -> float:
    """The objective where nothing need be whole."""
    matrices = made.compiled.matrices()
    return run(replace(matrices, integer=np.zeros_like(matrices.integer)), Limits()).objective


def point_signal(*values: float, start_hour: int = 0) -> list[dict[str, Any]]:
    """A value for each hour of 2024-03-01, the last of them for an hour too."""
    return [{"datetime": f"2024-03-01T{start_hour + i:02d}:00Z", "value": value} for i, value in enumerate(values)]
