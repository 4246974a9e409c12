"""What is wrong with a pandapower net before anything is solved, told by the name of the element.

Each check returns sentences; all of them are collected, so that one reading of the message mends the file. The bounds
are wide: no network that pandapower or SimBench ships is near them, and a slip of the unit is far beyond.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from grid_models.errors import GridError, name_some

# A line joins buses of one level; 110 and 115 kV is one level in some data.
_SAME_LEVEL = 1.2
# Rated voltages of transformers differ from those of their buses by some per cent.
_SAME_RATING = 1.5
# Voltage drop at rated current over nominal voltage. The largest that ships: 1.1 (70 km at 220 kV).
_DROP_MAX = 3.0
# Ratings above this [kA] are placeholders for "no limit".
_CURRENT_MAX_KA = 5.0
# Power at a bus over what its lines and transformers can carry together.
_POWER_OVER_CAPACITY = 20.0
# A band of voltages that lies beyond these is in per cent or kV.
_VOLTAGE_PU = (0.5, 1.5)
_SHOWN = 10

_NEEDED = {
    "bus": ("vn_kv",),
    "line": ("from_bus", "to_bus", "length_km", "r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km"),
    "trafo": ("hv_bus", "lv_bus", "sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent"),
    "ext_grid": ("bus", "vm_pu"),
    "gen": ("bus", "p_mw", "vm_pu"),
    "load": ("bus", "p_mw", "q_mvar"),
    "sgen": ("bus", "p_mw", "q_mvar"),
    "storage": ("bus", "p_mw"),
}
# Columns without which pandapower stops, beside those.
_READ = {
    "line": ("in_service", "parallel", "df"),
    "trafo": ("in_service", "parallel", "df"),
    **dict.fromkeys(("bus", "ext_grid", "storage"), ("in_service",)),
    **dict.fromkeys(("load", "sgen"), ("in_service", "scaling")),
    "gen": ("in_service", "scaling", "slack"),
    "switch": ("bus", "element", "et", "closed"),
}
_LIMITS = {
    "bus": ("min_vm_pu", "max_vm_pu"),
    "line": ("max_i_ka", "max_loading_percent"),
    "trafo": ("max_loading_percent",),
}
_SIDES = {"line": ("from_bus", "to_bus"), "trafo": ("hv_bus", "lv_bus")}
_WORD = {"trafo": "transformer", "sgen": "static generator", "gen": "generator", "ext_grid": "external grid"}


def assert_sound(net: Any, name: str) -> None:
    """Raises GridError that lists what is wrong with ``net``, naming elements."""
    if lacking := list(_missing_columns(net)):
        raise GridError(f"network {name!r}: " + "; ".join(lacking))
    slack = net.ext_grid["in_service"].astype(bool).any()
    if not slack and not (net.gen["in_service"].astype(bool) & net.gen["slack"].astype(bool)).any():
        raise GridError(f"network {name!r} has no slack: it needs at least one ext_grid in service")
    found = list(_missing(net))
    if not found:  # the other checks calculate with these numbers
        checks = (
            _limits, _joined_levels, _transformer_sides, _zero_impedance, _impedance_unit, _power_unit, _unsupplied,
            _set_points,
        )  # fmt: skip
        found = [sentence for check in checks for sentence in check(net)]
    if found:
        more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        raise GridError(f"network {name!r}: " + "; ".join([*found[:_SHOWN], *more]))


def as_numbers(net: Any) -> None:
    """Turn columns of numbers that spreadsheets have made objects of, None among them, into numbers; in place.

    pandapower and the importers built on it fail on them.
    """
    for columns in (_NEEDED, _LIMITS):
        for table, names in columns.items():
            for name in names:
                if name in net[table] and net[table][name].dtype == object:
                    net[table][name] = pd.to_numeric(net[table][name])


def extremes(names: list[str], series_pu: NDArray[np.float64], charging_pu: NDArray[np.float64]) -> str:
    """Where to look if there is no solution even without load: the most extreme of all branches in use.

    ``series_pu`` and ``charging_pu`` (L,) are |z| and |y| per unit.
    """
    if not names:
        return "it has no branches in service"
    tallest, smallest, charged = np.argmax(series_pu), np.argmin(series_pu), np.argmax(charging_pu)
    return (
        f"look first at the largest series impedance, {names[tallest]!r} ({series_pu[tallest]:.3g} p.u.), the "
        f"smallest, {names[smallest]!r} ({series_pu[smallest]:.3g} p.u.), and the largest capacitance or magnetising "
        f"current, {names[charged]!r} ({charging_pu[charged]:.3g} p.u.)"
    )


def _missing_columns(net: Any) -> Iterator[str]:
    """Tables that lack a column; an empty one may."""
    for table in dict.fromkeys((*_NEEDED, *_READ)):
        rows = net[table]
        lacking = [c for c in (*_NEEDED.get(table, ()), *_READ.get(table, ())) if c not in rows]
        if len(rows) and lacking:
            yield f"table {table!r} has no column {', '.join(map(repr, lacking))}"


def _missing(net: Any) -> Iterator[str]:
    """Numbers that are not there, and buses that do not exist."""
    for table, columns in _NEEDED.items():
        rows = _used(net, table)
        for column in columns:
            values = pd.to_numeric(rows[column], errors="coerce").to_numpy(np.float64)
            for index in rows.index[~np.isfinite(values)]:
                yield f"{_call(net, table, index)} has {column} {_plain(rows.at[index, column])}, a number is needed"
            if column in ("bus", "from_bus", "to_bus", "hv_bus", "lv_bus"):
                for index in rows.index[np.isfinite(values) & ~rows[column].isin(net.bus.index)]:
                    yield f"{_call(net, table, index)} stands at {column} {rows.at[index, column]}, which is no bus"
    for table, columns in _LIMITS.items():
        for column in [c for c in columns if c in net[table]]:
            given = net[table][column][net[table][column].notna()]
            for index in given.index[pd.to_numeric(given, errors="coerce").isna()]:
                yield f"{_call(net, table, index)} has {column} {_plain(given[index])}, a number or nothing is needed"
    for index in net.bus.index[~(net.bus["vn_kv"].astype(np.float64) > 0.0)]:
        yield f"{_call(net, 'bus', index)} has vn_kv {net.bus.at[index, 'vn_kv']}, above 0 is needed"


def _limits(net: Any) -> Iterator[str]:
    """Limits that nothing can hold: none is an empty cell, not 0."""
    used = net.bus.index[net.bus["in_service"].astype(bool)]
    low, high = (
        pd.to_numeric(net.bus[c], errors="coerce")[used] if c in net.bus else pd.Series(np.nan, index=used)
        for c in _LIMITS["bus"]
    )
    for index in used[(low > high).to_numpy()]:
        yield f"{_call(net, 'bus', index)} has min_vm_pu {low[index]:g} above max_vm_pu {high[index]:g}"
    for index in used[((low > _VOLTAGE_PU[1]) | (high < _VOLTAGE_PU[0])).to_numpy()]:
        yield (
            f"{_call(net, 'bus', index)} has min_vm_pu {low[index]:g} and max_vm_pu {high[index]:g}; shares of the "
            "nominal voltage are needed, such as 0.95 and 1.05"
        )
    for table in ("line", "trafo"):
        rows = _used(net, table)
        for column in [c for c in _LIMITS[table] if c in rows]:
            for index in rows.index[(pd.to_numeric(rows[column], errors="coerce") <= 0.0).to_numpy()]:
                value = f"{column} {rows.at[index, column]:g}"
                yield f"{_call(net, table, index)} has {value}; above 0 is needed, or nothing for no limit"


def _set_points(net: Any) -> Iterator[str]:
    """Sources at one bus, or at buses that closed switches join, hold one voltage at one angle."""
    site = _fused(net)
    held: dict[int, tuple[str, float, float]] = {}
    for table in ("ext_grid", "gen"):
        rows = _used(net, table)
        angle = rows["va_degree"].fillna(0.0) if "va_degree" in rows else pd.Series(0.0, index=rows.index)
        for index, node in zip(rows.index, site[rows["bus"]], strict=True):
            own = _call(net, table, index), float(rows.at[index, "vm_pu"]), float(angle[index])
            other = held.setdefault(node, own)
            if own[1] != other[1] or (table == "ext_grid" and own[2] != other[2]):
                yield (
                    f"{_call(net, 'bus', rows.at[index, 'bus'])} is held at {other[1]:g} p.u. and {other[2]:g} degrees "
                    f"by {other[0]}, at {own[1]:g} p.u. and {own[2]:g} degrees by {own[0]}; one set-point is needed"
                )


def _joined_levels(net: Any) -> Iterator[str]:
    lines = _used(net, "line")
    kv = _kv(net, lines, "line")
    for row in np.flatnonzero(kv.max(axis=1, initial=0.0) > _SAME_LEVEL * kv.min(axis=1, initial=np.inf)):
        ends = [_call(net, "bus", lines.iloc[row][side]) for side in _SIDES["line"]]
        yield (
            f"{_call(net, 'line', lines.index[row])} joins {ends[0]} of {kv[row, 0]:g} kV with {ends[1]} of "
            f"{kv[row, 1]:g} kV; a line joins buses of one voltage, a transformer joins two"
        )


def _transformer_sides(net: Any) -> Iterator[str]:
    rows = _used(net, "trafo")
    kv = _kv(net, rows, "trafo")
    rated = rows[["vn_hv_kv", "vn_lv_kv"]].to_numpy(np.float64)
    for row in np.flatnonzero((_apart(rated, kv) > _SAME_RATING).any(axis=1)):
        swapped = (_apart(rated, kv[row, ::-1][None])[row] <= _SAME_RATING).all()
        yield (
            f"{_call(net, 'trafo', rows.index[row])} is rated {rated[row, 0]:g}/{rated[row, 1]:g} kV and stands "
            f"between buses of {kv[row, 0]:g} and {kv[row, 1]:g} kV"
            + ("; its sides are swapped: exchange hv_bus and lv_bus" if swapped else "")
        )


def _zero_impedance(net: Any) -> Iterator[str]:
    lines, trafos = _used(net, "line"), _used(net, "trafo")
    ohm = np.hypot(lines["r_ohm_per_km"].astype(float), lines["x_ohm_per_km"].astype(float)) * lines["length_km"]
    for index in lines.index[(lines["length_km"] < 0.0).to_numpy()]:
        yield f"{_call(net, 'line', index)} has length_km {lines.at[index, 'length_km']:g}; above 0 is needed"
    for index in lines.index[ohm.isna().to_numpy() | (ohm == 0.0).to_numpy()]:
        row = lines.loc[index]
        yield (
            f"{_call(net, 'line', index)} has no impedance: length_km {row['length_km']:g}, r_ohm_per_km "
            f"{row['r_ohm_per_km']:g}, x_ohm_per_km {row['x_ohm_per_km']:g}; give its length, or join its buses by "
            "a switch"
        )
    for index in trafos.index[~((trafos["vk_percent"] != 0.0) & (trafos["sn_mva"] > 0.0)).to_numpy()]:
        row = trafos.loc[index]
        yield (
            f"{_call(net, 'trafo', index)} has vk_percent {row['vk_percent']:g} and sn_mva {row['sn_mva']:g}; "
            "a short-circuit voltage and a rating above 0 are needed"
        )


def _impedance_unit(net: Any) -> Iterator[str]:
    lines = _used(net, "line")
    if "max_i_ka" not in lines:
        return
    rated = pd.to_numeric(lines["max_i_ka"], errors="coerce").to_numpy(np.float64)
    per_km = np.hypot(lines["r_ohm_per_km"].astype(float), lines["x_ohm_per_km"].astype(float)).to_numpy(np.float64)
    drop = np.sqrt(3.0) * rated * per_km * lines["length_km"].to_numpy(np.float64) / _kv(net, lines, "line")[:, 0]
    for row in np.flatnonzero((drop > _DROP_MAX) & (rated < _CURRENT_MAX_KA)):
        yield (
            f"{_call(net, 'line', lines.index[row])} would lose {drop[row]:.3g} times its nominal voltage at its rated "
            f"current ({lines['length_km'].iloc[row]:g} km of {per_km[row]:.3g} Ohm/km): is the impedance in mOhm or "
            "the length in m?"
        )


def _power_unit(net: Any) -> Iterator[str]:
    """Power that the lines and transformers of its bus could not carry by far: kW where MW is meant."""
    site = _fused(net)
    capacity = pd.Series(0.0, index=np.unique(site.to_numpy()))
    for table in ("line", "trafo"):
        rows = _used(net, table)
        mva = _capacity_mva(net, rows, table)
        for side in _SIDES[table]:
            capacity = capacity.add(
                pd.Series(mva, index=site[rows[side]].to_numpy()).groupby(level=0).sum(), fill_value=0.0
            )
    feeding = set(site[_used(net, "ext_grid")["bus"]])
    for table in ("load", "sgen", "storage", "gen"):
        rows = _used(net, table)
        at = site[rows["bus"]].to_numpy()
        mw = (rows["p_mw"] * rows["scaling"]).abs().to_numpy(np.float64)
        carried = capacity[at].to_numpy(np.float64)
        for row in np.flatnonzero(
            (mw > _POWER_OVER_CAPACITY * carried) & (carried > 0.0) & ~np.isin(at, list(feeding))
        ):
            yield (
                f"{_call(net, table, rows.index[row])} has {mw[row]:g} MW at "
                f"{_call(net, 'bus', rows['bus'].iloc[row])}, whose lines and transformers carry {carried[row]:.3g} "
                "MVA: is it in kW?"
            )


def _unsupplied(net: Any) -> Iterator[str]:
    """Islands without a slack, each with the open or switched-off elements at its border."""
    import pandapower.topology

    dead = sorted(set(pandapower.topology.unsupplied_buses(net)) & set(_used(net, "bus").index))
    if not dead:
        return
    names = name_some([_name(net, "bus", bus) for bus in dead])
    border = [
        _call(net, table, index)
        for table, sides in _SIDES.items()
        for index in net[table].index[net[table][list(sides)].isin(dead).any(axis=1)]
        if not set(net[table].loc[index, list(sides)]) <= set(dead)
    ]
    open_ = f" (open or out of service at its border: {', '.join(border[:3])})" if border else ""
    yield (f"no path to a slack for bus {names}{open_}; close a switch, add an ext_grid or set in_service=False")


def _capacity_mva(net: Any, rows: pd.DataFrame, table: str) -> NDArray[np.float64]:
    """Rating per element; infinite where the network gives none."""
    parallel = rows["parallel"].to_numpy(np.float64)
    if table == "trafo":
        return np.asarray(rows["sn_mva"].to_numpy(np.float64) * parallel)
    rated = rows["max_i_ka"] if "max_i_ka" in rows else pd.Series(np.nan, index=rows.index)
    ka = np.nan_to_num(pd.to_numeric(rated, errors="coerce").to_numpy(np.float64), nan=np.inf)
    return np.asarray(np.sqrt(3.0) * ka * _kv(net, rows, table)[:, 0] * parallel)


def _fused(net: Any) -> pd.Series:
    """Number of the node of every bus: buses joined by closed switches are one."""
    switch = net.switch[(net.switch["et"] == "b") & net.switch["closed"].astype(bool)]
    ends = [net.bus.index.get_indexer(switch[c].astype(np.int64)) for c in ("bus", "element")]
    graph = sparse.coo_array((np.ones(len(switch)), tuple(ends)), shape=(len(net.bus), len(net.bus)))
    return pd.Series(connected_components(graph, directed=False)[1], index=net.bus.index)


def _plain(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def _apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """By which factor two voltages differ, at least 1."""
    return np.asarray(np.maximum(one / other, other / one))


def _kv(net: Any, rows: pd.DataFrame, table: str) -> NDArray[np.float64]:
    """(rows, 2) nominal voltage of the buses at both ends."""
    return np.stack([net.bus["vn_kv"][rows[side]].to_numpy(np.float64) for side in _SIDES[table]], axis=1)


def _used(net: Any, table: str) -> pd.DataFrame:
    return net[table][net[table]["in_service"].astype(bool)]


def _call(net: Any, table: str, index: Any) -> str:
    return f"{_WORD.get(table, table)} {_name(net, table, index)!r}"


def _name(net: Any, table: str, index: Any) -> str:
    name = net[table].at[index, "name"] if "name" in net[table] and index in net[table].index else None
    missing = name is None or pd.isna(name) or str(name).strip() == ""
    return f"#{index}" if missing else str(name)
