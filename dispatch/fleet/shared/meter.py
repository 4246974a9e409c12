r"""A connection that several sites stand behind, as columns and rows of a coupling.

The connection is the asset kind ``grid_connection``, with its tariff, contracts and limits: a site of its own that has
nothing but the connection is compiled, and its balance of the bus, import − export = 0, becomes the row that joins the
sites: Σ net import − (import − export) = 0. So the joint bill is the tariff's, written where every bill is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from dispatch.asset import Inputs
from dispatch.assets.grid_connection import GridConnection
from dispatch.errors import ContractError
from dispatch.fleet.shared.scope import Builder
from dispatch.problem import Problem, solved
from dispatch.schedule import Solved
from dispatch.signals import Array, Horizon
from dispatch.site import Bus, Objective, Site

KIND = "grid_connection"


@dataclass(frozen=True, eq=False)
class Meter:
    """A connection compiled by itself.

    Attributes:
        problem: of the site that has nothing else.
        reach: (T, Y) import − export of each column.
    """

    problem: Problem
    reach: csr_array

    def __post_init__(self) -> None:
        """Raises ContractError where the balance is not what it is taken for."""
        if self.reach.shape[0] != self.problem.horizon.steps:
            raise ContractError("meter: the balance has other steps than the horizon")

    def put(self, builder: Builder, group: str, weight: Array) -> np.ndarray:
        """Its columns and rows, joined to the sites by the balance; returns the balance's rows."""
        matrices = self.problem.compiled.matrices()
        others = np.setdiff1d(np.arange(matrices.rows.shape[0]), self.problem.compiled.rows(self.problem.balance))
        integer = matrices.integer | self._never_both(matrices.integer.size)
        columns = builder.columns(
            group,
            "connection",
            matrices.cost,
            self._most(matrices.col_upper),
            lower=matrices.col_lower,
            integer=integer,
        )
        own = csr_array(matrices.rows)[others]
        builder.own(own, columns, matrices.row_lower[others], matrices.row_upper[others])
        rows = builder.rows(group, "balance behind the connection", "net_import_kw", weight, lower=0.0, upper=0.0)
        reach = self.reach.tocoo()
        builder.put(rows[reach.row], columns[reach.col], -reach.data)
        builder.offset += matrices.offset
        return rows

    @property
    def connection(self) -> GridConnection:
        """The asset."""
        asset = self.problem.site.assets[0]
        assert isinstance(asset, GridConnection)
        return asset

    def solved(self, y: Array) -> Solved:
        """Flows, money and carbon of the connection's columns."""
        self.problem.take(y)
        return solved(self.problem.parts[KIND], self.problem.rows[KIND], self.problem.inputs)

    def money(self, solved: Solved) -> float:
        """The bill, counted apart from the optimiser."""
        account = GridConnection.account(solved.rows, self.problem.inputs, solved.series)
        return float(np.sum(account.money))

    def _most(self, upper: Array) -> Array:
        """(column,) bounds for those that have none: flows; peaks, and energy that is counted."""
        own, hours = self.connection, float(self.problem.horizon.hours.sum())
        carried = own.carried(self.problem.inputs.state.get(own.name))
        paid = [*carried.peak_kw.values(), *carried.expected_peak_kw.values(), *_past(carried.past_peaks_kw)]
        most_kw = float(max(own.import_kw, own.export_kw))
        counted = (most_kw + max(paid, default=0.0) + 1.0) * max(hours, 1.0)
        most = np.full(upper.size, counted)
        for flow in ("import_kw", "export_kw"):
            most[self.problem.compiled.columns(self.problem.variable(KIND, flow))] = most_kw
        return np.asarray(np.minimum(upper, most))

    def _never_both(self, size: int) -> np.ndarray:
        """(column,) switches of steps in which a kWh passed through the meter would earn money."""
        out = np.zeros(size, bool)
        series, name = self.problem.inputs.series, self.connection.name
        earns = series[name, "export_price_per_kwh"][0] > series[name, "import_price_per_kwh"][0]
        out[self.problem.compiled.columns(self.problem.variable(KIND, "switch"))[0, earns]] = True
        return out


def _past(peaks: Mapping[str, Sequence[float]]) -> list[float]:
    return [peak for months in peaks.values() for peak in months]


def meter(
    connection: GridConnection,
    horizon: Horizon,
    currency: str,
    state: Mapping[str, Mapping[str, float]],
    objective: Objective | None = None,
) -> Meter:
    """A connection compiled for a horizon."""
    site: Any = Site(
        name=connection.name,
        time_zone=horizon.time_zone,
        currency=currency,
        buses=(Bus(name=connection.bus),),
        assets=(connection,),
        objective=objective or Objective(),
    )
    own = {connection.name: state[connection.name]} if connection.name in state else {}
    problem = Problem(site, Inputs(horizon, 1, site.known_series(horizon), own))
    balance = csr_array(problem.compiled.matrices().rows)[problem.compiled.rows(problem.balance)[0]]
    # The compiled row is import − export with one sign or the other; the import's own entry says which.
    imported = problem.compiled.columns(problem.variable(KIND, "import_kw"))[0]
    sign = balance[np.arange(horizon.steps), imported]
    return Meter(problem, csr_array(balance.multiply(1.0 / np.asarray(sign)[:, None])))
