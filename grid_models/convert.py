"""pandapower net → arrays.

pandapower builds its own per-unit model (``net._ppc``) and this module only reads it, so that fused buses,
switches, taps, open line ends, parallel lines and derating come out as pandapower means them. MW turns into
kW here, and the load sign into the injection sign, here and in ``power_flow`` only.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from grid_models.background import QUARTERS_PER_YEAR, Background
from grid_models.errors import GridError, name_some, unknown_name
from grid_models.net_notes import notes_on
from grid_models.net_validation import as_numbers, assert_sound, extremes
from grid_models.network import AcModel, Array, Index, Network, Reference, Taps
from grid_models.three_winding import with_stars

# Tables whose in-service rows the conversion does not carry: no loading is worked out for them yet, or they have
# no counterpart in the batch engine. A refusal is better than a silent difference.
_REFUSED = (
    "xward", "dcline", "impedance", "tcsc", "svc", "ssc", "vsc", "line_dc", "b2b_vsc",
)  # fmt: skip

# Columns of pandapower's (MATPOWER's) bus and branch arrays; bus types 2, 3 and 4.
_BUS_TYPE, _PD, _QD, _GS, _BS, _VM, _VA, _BASE_KV = 1, 2, 3, 4, 5, 7, 8, 9
_REGULATED, _REFERENCE, _ISOLATED = 2, 3, 4
_FROM, _TO, _R, _X, _B, _TAP, _SHIFT, _STATUS = 0, 1, 2, 3, 4, 8, 9, 10
_R_ASYM, _X_ASYM, _G, _G_ASYM, _B_ASYM = 21, 22, 23, 24, 25

# Limits where the network gives none: EN 50160, ±10 % of nominal.
_VOLTAGE_MIN_PU, _VOLTAGE_MAX_PU = 0.9, 1.1


def run_reference(net: Any, init: str) -> bool:
    """One pandapower AC solve in place; False where it does not converge."""
    import pandapower

    try:
        # Measured on 117 buses: 49 steps/s without numba; 58 with it, after a first call of 2.9 s. Off.
        pandapower.runpp(net, init=init, calculate_voltage_angles=True, numba=False)
    except pandapower.LoadflowNotConverged:
        return False
    return True


def to_network(net: Any, name: str, notes: tuple[str, ...] = ()) -> Network:
    """Convert a pandapower net.

    Raises GridError for a missing slack, unsupplied buses, unsupported elements and no AC solution.
    """
    net, of_stars = with_stars(net, name)
    assert_sound(net, name)
    _refuse_unsupported(net, name)
    buses = net.bus.index[net.bus["in_service"].astype(bool)]
    probe = _probe_net(net, buses)
    if not run_reference(probe, "auto"):
        raise GridError(f"network {name!r}: the AC power flow does not converge even without load; {_extremes(probe)}")
    branches = _branches(probe)
    named = branches[branches["table"] != ""]
    return Network(
        name=name,
        bus_names=_unique_names(net.bus.loc[buses, "name"], "bus"),
        branch_names=_unique_names(named["name"], named["table"]),
        branch_from=buses.get_indexer(named["from_bus"]).astype(np.int64),
        branch_to=buses.get_indexer(named["to_bus"]).astype(np.int64),
        voltage_min_pu=_column(net.bus, "min_vm_pu", _VOLTAGE_MIN_PU)[buses].to_numpy(),
        voltage_max_pu=_column(net.bus, "max_vm_pu", _VOLTAGE_MAX_PU)[buses].to_numpy(),
        branch_loading_max_pu=named["loading_max_pu"].to_numpy(),
        ac=_ac_model(probe, buses, branches),
        profiles=_background(net, buses, name),
        notes=(*notes, *of_stars, *notes_on(net)),
        reference=Reference(
            net=probe,
            buses=buses,
            lines=pd.Index(named["element"][named["table"] == "line"]),
            transformers=pd.Index(named["element"][named["table"] == "transformer"]),
            source=_with_costs(net),
        ),
        taps=_taps(probe.trafo, named),
    )


def _extremes(probe: Any) -> str:
    rows = _branches(probe)
    branch = probe._ppc["branch"][rows.index]
    series_pu, charging_pu = np.hypot(branch[:, _R].real, branch[:, _X].real), np.hypot(*branch[:, [_G, _B]].real.T)
    names = [str(name) for name in rows["name"].where(rows["name"].notna(), rows["table"])]
    return extremes(names, series_pu, charging_pu)


def _refuse_unsupported(net: Any, name: str) -> None:
    for table in _REFUSED:
        if table not in net or not len(net[table]):
            continue
        used = net[table][net[table]["in_service"].astype(bool)]
        if len(used):
            named = name_some(list(_unique_names(used["name"], table)))
            raise GridError(
                f"network {name!r}: elements of table {table!r} are not supported, which has {named}; put lines, "
                "transformers, loads and generators in their place, or set in_service=False"
            )


def _with_costs(net: Any) -> Any:
    """The net itself, where it has costs that an optimal power flow could ask for."""
    if not any(len(net[table]) for table in ("poly_cost", "pwl_cost") if table in net):
        return None
    return type(net)({key: value for key, value in net.items() if key != "profiles"})


def _probe_net(net: Any, buses: pd.Index) -> Any:
    """A copy with one zero static generator per bus instead of the loads, static generators and stores."""
    import pandapower

    probe = copy.deepcopy({k: v for k, v in net.items() if k != "profiles"})
    probe = pandapower.pandapowerNet(probe)
    as_numbers(probe)
    for table in ("load", "sgen", "storage"):
        probe[table] = probe[table].iloc[:0]
    probe.gen["p_mw"] = 0.0  # they hold their voltage; what power they give is injected like any other
    if (
        "tap_dependency_table" not in probe.trafo
    ):  # older files; the column's absence means no table, and a warning each solve
        probe.trafo["tap_dependency_table"] = False
    pandapower.create_sgens(probe, list(buses), p_mw=0.0, q_mvar=0.0)
    return probe


def _branches(probe: Any) -> pd.DataFrame:
    """One row per branch of pandapower's model: which element it is, its ends and its current at loading 1.

    Open lines keep their row here and are left out by ``live``; branches that are no line or transformer
    (switches with an impedance) have an empty ``table``.
    """
    ppc, lookup = probe._ppc, probe._pd2ppc_lookups["branch"]
    isolated = ppc["bus"][:, _BUS_TYPE].real == _ISOLATED
    branch = ppc["branch"].real
    ends = branch[:, [_FROM, _TO]].astype(np.int64)
    rows = pd.DataFrame(
        {"table": "", "element": -1, "name": None, "from_bus": -1, "to_bus": -1}, index=range(len(branch))
    )
    rows[["loading_max_pu", "rated_from_ka", "rated_to_ka"]] = np.inf
    for table, sides in (("line", ["from_bus", "to_bus"]), ("trafo", ["hv_bus", "lv_bus"])):
        if table in lookup:
            at = rows.index[slice(*lookup[table])]
            elements = probe[table]
            rows.loc[at, "table"] = {"line": "line", "trafo": "transformer"}[table]
            rows.loc[at, "element"] = elements.index.to_numpy()
            rows.loc[at, "name"] = elements["name"].to_numpy()
            rows.loc[at, ["from_bus", "to_bus"]] = elements[sides].to_numpy(dtype=np.int64)
            rows.loc[at, "loading_max_pu"] = _column(elements, "max_loading_percent", 100.0).to_numpy() / 100.0
            rows.loc[at, ["rated_from_ka", "rated_to_ka"]] = _rated_ka(elements, table)
    rows["live"] = (branch[:, _STATUS] == 1) & ~isolated[ends].any(axis=1)
    return rows[rows["live"]]


def _rated_ka(elements: pd.DataFrame, table: str) -> Array:
    """(rows, 2) current at loading 1, from and to side, as pandapower's loading_percent means it."""
    factor = (elements["parallel"] * elements["df"]).to_numpy(dtype=np.float64)
    if table == "line":
        rated = elements["max_i_ka"].to_numpy(dtype=np.float64) * factor
        return np.stack([rated, rated], axis=1)
    sn_mva = elements["sn_mva"].to_numpy(dtype=np.float64) * factor
    volts = elements[["vn_hv_kv", "vn_lv_kv"]].to_numpy(dtype=np.float64)
    return np.asarray(sn_mva[:, None] / (np.sqrt(3.0) * volts))


def _taps(trafo: pd.DataFrame, named: pd.DataFrame) -> Taps:
    """Tap changers that change the ratio alone, by a fixed step; others stay where the network has them."""
    numbers = {name: _column(trafo, f"tap_{name}", np.nan) for name in ("pos", "neutral", "min", "max", "step_percent")}
    kind, side, table = (
        trafo[name] if name in trafo else pd.Series(None, index=trafo.index, dtype=object)
        for name in ("tap_changer_type", "tap_side", "tap_dependency_table")
    )
    plain = kind.astype(str).eq("Ratio") & side.isin(["hv", "lv"]) & ~table.eq(True)
    plain &= _column(trafo, "tap_step_degree", 0.0).eq(0.0)
    values = pd.DataFrame(numbers).where(plain & pd.DataFrame(numbers).notna().all(axis=1))
    at = np.where(named["table"] == "transformer", named["element"], -1)
    rows = values.reindex(at).to_numpy()
    position, neutral, minimum, maximum, percent = rows.T
    return Taps(position, neutral, minimum, maximum, percent / 100.0, side.reindex(at).eq("hv").to_numpy())


def _ac_model(probe: Any, buses: pd.Index, branches: pd.DataFrame) -> AcModel:
    """The per-unit model of pandapower without the isolated rows, renumbered 0..n−1."""
    ppc = probe._ppc
    bus, branch, base_mva = ppc["bus"].real, ppc["branch"].real[branches.index], float(ppc["baseMVA"])
    live = bus[:, _BUS_TYPE] != _ISOLATED
    node_of = np.where(live, np.cumsum(live) - 1, -1).astype(np.int64)
    bus = bus[live]
    if branch[:, [_R_ASYM, _X_ASYM]].any():
        raise GridError("a branch has a series impedance that differs by direction: not supported")
    slack = np.flatnonzero(bus[:, _BUS_TYPE] == _REFERENCE)
    regulated = np.flatnonzero(bus[:, _BUS_TYPE] == _REGULATED)
    is_named = (branches["table"] != "").to_numpy()
    return AcModel(
        base_mva=base_mva,
        node_kv=bus[:, _BASE_KV],
        node_shunt_pu=(bus[:, _GS] + 1j * bus[:, _BS]) / base_mva,
        node_fixed_kw=0.0 - 1e3 * bus[:, _PD],
        node_fixed_kvar=0.0 - 1e3 * bus[:, _QD],
        slack_node=slack,
        slack_vm_pu=bus[slack, _VM],
        slack_va_rad=np.deg2rad(bus[slack, _VA]),
        from_node=node_of[branch[:, _FROM].astype(np.int64)],
        to_node=node_of[branch[:, _TO].astype(np.int64)],
        r_pu=branch[:, _R],
        x_pu=branch[:, _X],
        g_pu=branch[:, _G],
        b_pu=branch[:, _B],
        to_g_pu=branch[:, _G_ASYM],
        to_b_pu=branch[:, _B_ASYM],
        tap=np.where(branch[:, _TAP] == 0.0, 1.0, branch[:, _TAP]),
        shift_rad=np.deg2rad(branch[:, _SHIFT]),
        bus_node=node_of[np.asarray(probe._pd2ppc_lookups["bus"])[buses]],
        named_branch=np.flatnonzero(is_named),
        rated_from_ka=branches["rated_from_ka"].to_numpy(dtype=np.float64)[is_named],
        rated_to_ka=branches["rated_to_ka"].to_numpy(dtype=np.float64)[is_named],
        regulated_node=regulated,
        regulated_vm_pu=bus[regulated, _VM],
    )


def _background(net: Any, buses: pd.Index, name: str) -> Background:
    """Ratings per bus and profile; the load and storage tables are load-signed, sgen and gen generator-signed."""
    factor, position = _profile_factors(net.get("profiles"), name)
    rows = [
        _ratings(net[table], table, sign, buses, position)
        for table, sign in (("load", -1.0), ("sgen", 1.0), ("storage", -1.0), ("gen", 1.0))
    ]
    bus, p_col, q_col, p_kw, q_kvar = (np.concatenate(column) for column in zip(*rows, strict=True))
    shape = (len(buses), factor.shape[1])
    return Background(
        factor=factor,
        rating_kw=sparse.csr_array((p_kw, (bus, p_col)), shape=shape),
        rating_kvar=sparse.csr_array((q_kvar, (bus, q_col)), shape=shape),
    )


def _profile_factors(tables: Any, name: str) -> tuple[Array, dict[str, int]]:
    """(Q, F) factors and the column of each profile; column 0 is the constant 1."""
    if not isinstance(tables, dict) or "load" not in tables:
        return np.ones((1, 1)), {}
    columns = [np.ones(QUARTERS_PER_YEAR)]
    position: dict[str, int] = {}
    for kind in ("load", "renewables", "powerplants", "storage"):
        table = tables.get(kind)
        if table is None or table.empty:
            continue
        first = str(table["time"].iloc[0])
        if len(table) != QUARTERS_PER_YEAR or first != "01.01.2016 00:00":
            raise GridError(
                f"network {name!r}: profile table {kind!r} has {len(table)} rows from {first}; expected "
                f"{QUARTERS_PER_YEAR} quarter-hours from 01.01.2016 00:00"
            )
        for column in table.columns.drop("time"):
            position[str(column)] = len(columns)
            columns.append(table[column].to_numpy(dtype=np.float64))
    return np.stack(columns, axis=1), position


def _ratings(
    table: pd.DataFrame, kind: str, sign: float, buses: pd.Index, position: dict[str, int]
) -> tuple[Index, Index, Index, Array, Array]:
    """Per element: bus row, profile column of p and of q, p_kw and q_kvar at factor 1, injection positive.

    As in SimBench a load has a profile each for p and q, a generator or store one for p, and its q stays
    constant.
    """
    used = table[table["in_service"].astype(bool) & table["bus"].isin(buses)]
    scale = sign * 1e3 * used["scaling"].to_numpy(dtype=np.float64)
    p_col, q_col = np.zeros(len(used), dtype=np.int64), np.zeros(len(used), dtype=np.int64)
    if position and "profile" in used:
        p_suffix, q_suffix = ("_pload", "_qload") if kind == "load" else ("", None)
        for row, profile in enumerate(used["profile"]):
            if pd.notna(profile):
                p_col[row] = _profile_column(position, f"{profile}{p_suffix}")
                q_col[row] = 0 if q_suffix is None else _profile_column(position, f"{profile}{q_suffix}")
    bus = buses.get_indexer(used["bus"]).astype(np.int64)
    p_kw, q_kvar = (_column(used, c, 0.0).to_numpy() * scale for c in ("p_mw", "q_mvar"))  # gen has no q_mvar
    return bus, p_col, q_col, p_kw, q_kvar


def _profile_column(position: dict[str, int], profile: str) -> int:
    if profile not in position:
        raise unknown_name("profile", profile, list(position))
    return position[profile]


def _unique_names(names: pd.Series, kind: pd.Series | str) -> tuple[str, ...]:
    """The elements' names; "<kind> <index>" where there is none, " #<index>" added where one repeats."""
    kinds = pd.Series(kind, index=names.index) if isinstance(kind, str) else kind
    repeated = names.duplicated(keep=False)
    out: list[str] = []
    for index, name, what, twice in zip(names.index, names, kinds, repeated, strict=True):
        missing = name is None or pd.isna(name) or str(name).strip() == ""
        out.append(f"{what} {index}" if missing else f"{name} #{index}" if twice else str(name))
    if len(set(out)) < len(out):
        return tuple(f"{name} #{index}" for index, name in zip(names.index, out, strict=True))
    return tuple(out)


def _column(table: pd.DataFrame, column: str, default: float) -> pd.Series:
    """A numeric column with ``default`` where the table has no column or no value."""
    if column not in table:
        return pd.Series(default, index=table.index, dtype=np.float64)
    return table[column].astype(np.float64).fillna(default)
