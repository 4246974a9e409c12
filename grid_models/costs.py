"""The optimal power flow that a loaded network asks for by its own cost tables: ``case_of``.

pandapower keeps costs in ``poly_cost`` (cp0 + cp1 p + cp2 p²) and ``pwl_cost`` (areas [from MW, to MW, slope]).
Machines, controllable static generators and the external grid become ``Resources`` and ``Supply``; a convex cost of
several areas becomes one resource an area, as cheap areas fill before dear ones::

    c = case_of(load("pandapower:case9"))
    found = optimal_power_flow(c.network, c.resources, c.supply, c.background, c.limits)
    found.cost[0] + c.fixed_cost  # 5296.69 an hour

Where pandapower's copies of MATPOWER's cases differ from MATPOWER: branch limits are currents, not apparent powers, so
that a line carries more at a high voltage (case5: 16 160.45 with alternating current, MATPOWER 17 551.89); the external
grid holds its set-point unless it is ``controllable`` (case9: 5 311.91 held, 5 296.69 free as in MATPOWER). Case57
loses 30.29 MW here and 27.86 MW there; pandapower's own ``runopp`` finds no dispatch of it either.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from grid_models.convert import to_network
from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.limits import Limits
from grid_models.network import Network
from grid_models.resources import Resources, Supply

_BOUNDS = ("min_p_mw", "max_p_mw", "min_q_mvar", "max_q_mvar")
_PRICED = ("gen", "sgen", "ext_grid")


@dataclass(frozen=True, eq=False)
class Case:
    """One snapshot to be dispatched. ``fixed_cost`` [money/h] comes on top of what powers cost.

    element     (G,) table and index in pandapower of each resource; one with areas of cost appears once an area
    """

    network: Network
    resources: Resources
    supply: Supply
    background: Injections
    limits: Limits
    fixed_cost: float
    net: Any
    """The same problem as a pandapower net, ready for ``runopp``."""
    element: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class _Area:
    """A stretch of power [MW] of one price, beside a quadratic part."""

    low: float
    high: float
    linear: float
    quadratic: float = 0.0
    fixed: float = 0.0
    """[money/h] on top of linear · p + quadratic · p²."""


def case_of(network: Network, *, voltage_is_free: bool = True) -> Case:
    """The problem that a network's own costs pose, at its nameplate loads.

    voltage_is_free   whether the external grid's voltage may be chosen within its bus's limits (MATPOWER's reading) or
                      is its set-point (pandapower's, unless the external grid is ``controllable``)

    Raises GridError where the network carries no pandapower tables, has no costs, several external grids, a missing
    bound, a cost that is not convex or that belongs to something else than machines, static generators and the
    external grid.
    """
    if network.reference is None or network.reference.source is None:
        raise GridError(
            f"network {network.name!r} carries no pandapower net with costs; load one with poly_cost or pwl_cost"
        )
    return case_of_net(network.reference.source, network.name, voltage_is_free)


def case_of_net(source: Any, name: str, voltage_is_free: bool = True) -> Case:
    """``case_of`` for a pandapower net."""
    net = copy.deepcopy(source)
    net.ext_grid["controllable"] = voltage_is_free
    _refuse(net, name)
    costs = _Costs(net, name)
    network, bus_of = _without_machines(net, name), net.bus.index[net.bus["in_service"].astype(bool)]
    rows = [row for table in ("gen", "sgen") for row in _rows(net, table, costs, name)]
    grid = net.ext_grid.iloc[0]
    first, *more = costs.areas("ext_grid", net.ext_grid.index[0], *_bounds(grid, "ext_grid", name)[:2])
    rows += [("ext_grid", int(net.ext_grid.index[0]), int(grid["bus"]), area, 0.0, 0.0) for area in more]
    tables, elements, buses, areas, q_min, q_max = zip(*rows, strict=True) if rows else ((),) * 6
    mw = np.array([dataclasses.astuple(area) for area in areas], dtype=np.float64).reshape(-1, 5).T[:, :, None]
    resources = Resources(
        tuple(network.bus_names[k] for k in bus_of.get_indexer(list(buses))),
        mw[0] * 1e3, mw[1] * 1e3, np.array(q_min)[:, None] * 1e3, np.array(q_max)[:, None] * 1e3,
        mw[2] * 1e-3, mw[3] * 1e-6,
    )  # fmt: skip
    q_low, q_high = _bounds(grid, "ext_grid", name)[2:]
    supply = Supply(
        first.linear * 1e-3, first.quadratic * 1e-6, first.low * 1e3, first.high * 1e3, q_low * 1e3, q_high * 1e3,
        voltage_is_free,
    )  # fmt: skip
    background = network.background(pd.DatetimeIndex(["2016-01-01"]))
    element = tuple((t, int(e)) for t, e in zip(tables, elements, strict=True))
    fixed = first.fixed + float(mw[4].sum())
    return Case(network, resources, supply, background, Limits.of(network), fixed, net, element)


def _refuse(net: Any, name: str) -> None:
    if len(net.poly_cost) + len(net.pwl_cost) == 0:
        raise GridError(f"network {name!r} has no costs: its tables poly_cost and pwl_cost are empty")
    if len(net.ext_grid) != 1:
        raise GridError(f"network {name!r}: accepted is one external grid, found {len(net.ext_grid)}")
    for table in (net.poly_cost, net.pwl_cost):
        other = sorted(set(table["et"]) - set(_PRICED))
        if other:
            raise GridError(f"network {name!r}: costs of table {other[0]!r} are not carried; accepted are {_PRICED}")
    reactive = [c for c in net.poly_cost if c.startswith("cq")]
    if net.poly_cost[reactive].fillna(0.0).to_numpy().any() or (net.pwl_cost["power_type"] == "q").any():
        raise GridError(f"network {name!r}: costs of reactive power are not carried")


def _without_machines(net: Any, name: str) -> Network:
    """The network with what is dispatched neither running nor holding a voltage."""
    idle = copy.deepcopy(net)
    idle.gen["p_mw"] = 0.0
    idle.sgen.loc[_controllable(idle.sgen), ["p_mw", "q_mvar"]] = 0.0
    held = to_network(idle, name)
    ac = dataclasses.replace(held.ac, regulated_node=np.zeros(0, dtype=np.int64), regulated_vm_pu=np.zeros(0))
    return dataclasses.replace(held, ac=ac, reference=None)


def _controllable(table: pd.DataFrame) -> Any:
    given = table["controllable"] if "controllable" in table else pd.Series(False, index=table.index)
    return given.eq(True) & table["in_service"].astype(bool)


def _rows(net: Any, table: str, costs: _Costs, name: str) -> Iterator[tuple[str, int, int, _Area, float, float]]:
    """What is dispatched, one row an area: the first carries the reactive power."""
    used = net[table][net[table]["in_service"].astype(bool) if table == "gen" else _controllable(net[table])]
    for element, row in used.iterrows():
        low, high, q_low, q_high = _bounds(row, f"{table} {element}", name)
        for k, area in enumerate(costs.areas(table, element, low, high)):
            yield table, int(element), int(row["bus"]), area, 0.0 if k else q_low, 0.0 if k else q_high


def _bounds(row: Any, what: str, name: str) -> tuple[float, ...]:
    for bound in _BOUNDS:
        if not np.isfinite(float(row.get(bound, np.nan))):
            raise GridError(f"network {name!r}: {what} has no {bound}, which an optimal power flow needs")
    return tuple(float(row[bound]) for bound in _BOUNDS)


class _Costs:
    """The cost tables of a net."""

    def __init__(self, net: Any, name: str) -> None:
        self._name = name
        self._poly = net.poly_cost.set_index(["et", "element"]).sort_index()
        self._pwl = {(row["et"], int(row["element"])): row["points"] for _, row in net.pwl_cost.iterrows()}

    def areas(self, table: str, element: Any, low: float, high: float) -> list[_Area]:
        """The stretches between the bounds [MW], prices never falling; the first holds ``low``."""
        key = (table, int(element))
        if key not in self._pwl:
            columns = ["cp1_eur_per_mw", "cp2_eur_per_mw2", "cp0_eur"]
            given = self._poly.loc[key, columns].fillna(0.0) if key in self._poly.index else np.zeros(3)
            return [_Area(low, high, *(float(c) for c in given))]
        return self._stretches(self._pwl[key], f"{table} {element}", low, high)

    def _stretches(self, points: Any, what: str, low: float, high: float) -> list[_Area]:
        starts, ends, slopes = np.asarray(points, dtype=np.float64).T
        if (np.diff(slopes) < 0.0).any() or (starts[1:] != ends[:-1]).any():
            raise GridError(
                f"network {self._name!r}: the pwl_cost of {what} is {points}; accepted are areas that follow each "
                "other at slopes that never fall (a convex cost)"
            )
        if starts[0] > low or ends[-1] < high:
            raise GridError(
                f"network {self._name!r}: the pwl_cost of {what} covers {starts[0]:g} to {ends[-1]:g} MW, its bounds "
                f"are {low:g} to {high:g} MW"
            )
        low_of, high_of = np.maximum(starts, low), np.minimum(ends, high)
        first = int(np.argmax(high_of >= low_of))
        # pandapower counts the cost of the first point as its power times its slope.
        at_low = starts[0] * slopes[0] + float(((low_of[first] - starts) * slopes)[first])
        at_low += float(((ends - starts) * slopes)[:first].sum())
        made = [_Area(low, float(high_of[first]), float(slopes[first]), 0.0, at_low - float(slopes[first]) * low)]
        later = np.flatnonzero((np.arange(starts.size) > first) & (high_of > low_of))
        return made + [_Area(0.0, float(high_of[k] - low_of[k]), float(slopes[k])) for k in later]
