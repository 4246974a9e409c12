"""Small parks with hydrogen, for the tests of the kinds that make, keep and use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dispatch.problem import Problem
from dispatch.site import Site
from tests.parks import given, grid, hours, park, tariff
from tests.unit.dispatch.assets.templates import hourly_tariff
from tests.unit.dispatch.assets.templates_hydrogen import BUSES

LHV = 33.33


def cell(**fields: Any) -> dict[str, Any]:
    base = {"kind": "alkaline_electrolyser", "name": "cell", "bus": "main", "hydrogen_bus": "h2", "electric_kw": 1000}
    return base | fields


def sale(**fields: Any) -> dict[str, Any]:
    """A pipeline that takes what comes: nothing earned, nothing asked."""
    base = {"kind": "product_offtake", "name": "sale", "bus": "h2", "product": "hydrogen", "max_kg_per_h": 1000}
    return base | fields


def priced(prices: Any, **fields: Any) -> dict[str, Any]:
    """A connection with a price for each hour from midnight on."""
    if np.ndim(prices) == 0:
        return grid(tariff=tariff(float(prices)), **fields)
    return grid(tariff=hourly_tariff(prices), **fields)


def site(*assets: Mapping[str, Any], **fields: Any) -> Site:
    return park(*assets, buses=BUSES, **fields)


def problem(
    *assets: Mapping[str, Any],
    steps: int = 1,
    step_h: float = 1.0,
    state: Mapping[str, Mapping[str, float]] | None = None,
    **demand: Any,
) -> Problem:
    """A site's problem for hours from midnight on; demand of loads by name."""
    made = site(*assets)
    series = {(name, "demand_kw"): values for name, values in demand.items()}
    return Problem(made, given(made, hours(steps, step_h=step_h), series, state=state))
