"""What a problem does to the world around it, as variables of its own: what others limit or price stands in columns.

A *measure* is a name and a sum over kinds. A problem that is asked for some has a variable for each and the row that
defines it, so that a price on the measure is an addition to the cost of its columns, and a limit on it is their bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Rows
from dispatch.errors import DataError
from dispatch.part import Part
from dispatch.signals import Horizon
from dispatch.terms.breach import by_step

if TYPE_CHECKING:
    import cvxpy as cp


@dataclass(frozen=True)
class Around:
    """What a measure is made of: a problem's kinds before they are joined."""

    horizon: Horizon
    rows: Mapping[str, Rows[Any]]
    parts: Mapping[str, Part]

    def total(self, name: str, *, bought: bool = False) -> Any:
        """(scenario, step) sum of one term of the parts, over all kinds or over connections alone."""
        parts = {k: p for k, p in self.parts.items() if not bought or p.bought_kw is not None}
        return by_step(self.rows, parts, name, self.horizon)


Measure = Callable[[Around], Any]
"""(scenario, step) or (scenario, 1) expression, affine in the problem's variables."""


def _net_import_kw(around: Around) -> Any:
    """What comes over the connections less what is sent out over them."""
    return around.total("supply_kw", bought=True)


def _import_kw(around: Around) -> Any:
    return around.total("bought_kw", bought=True)


def _export_kw(around: Around) -> Any:
    return around.total("bought_kw", bought=True) - around.total("supply_kw", bought=True)


def _co2_kg(around: Around) -> Any:
    """Emissions of the whole horizon, direct and purchased."""
    return around.total("co2_step_kg") @ np.ones((around.horizon.steps, 1))


MEASURES: Mapping[str, Measure] = {
    "net_import_kw": _net_import_kw,
    "import_kw": _import_kw,
    "export_kw": _export_kw,
    "co2_kg": _co2_kg,
}


@dataclass(frozen=True)
class Measured:
    """A measure of a problem: its variable, what it is, and the row that says so."""

    variable: cp.Variable
    expression: Any
    row: Any


def measured(around: Around, measures: Mapping[str, Measure]) -> dict[str, Measured]:
    """By name, a variable for each measure."""
    import cvxpy as cp

    out = {}
    for name, measure in measures.items():
        expression = measure(around)
        variable = cp.Variable(expression.shape)
        out[name] = Measured(variable, expression, variable == expression)
    return out


def by_name(names: tuple[str, ...], own: Mapping[str, Measure] | None = None) -> dict[str, Measure]:
    """Measures by their names, one's own beside those that every problem has.

    Raises:
        DataError: there is none of that name; the message lists those there are.
    """
    known = {**MEASURES, **(own or {})}
    for name in names:
        if name not in known:
            raise DataError(f"quantity '{name}' is not known; accepted: {', '.join(known)}")
    return {name: known[name] for name in names}
