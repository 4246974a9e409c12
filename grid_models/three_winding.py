r"""Three-winding transformers as three of two windings that meet in a star.

The short-circuit voltages of the pairs (hm, ml, hl), each on the lesser rating of its two windings, give the impedances
of the star's legs, in per cent per MVA and for r and x apart:

.. math::
    z_h = (z_{hm} + z_{hl} - z_{ml}) / 2, \quad z_m = (z_{hm} + z_{ml} - z_{hl}) / 2, \quad
    z_l = (z_{hl} + z_{ml} - z_{hm}) / 2

A leg may come out negative, as it does in practice. Each leg is a branch with the rating of its winding, and the star a
bus without limits. Iron losses are those of the winding that ``loss_side`` names, the high-voltage one by default.
Source: Heuck, Dettmann, Schulz, Elektrische Energieversorgung, 2013; the same model as pandapower's.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from grid_models.errors import GridError

_SIDES = ("hv", "mv", "lv")
_PAIRS: Mapping[str, tuple[int, int]] = {"hv": (0, 1), "mv": (1, 2), "lv": (2, 0)}
# A star has no customers: a band that no voltage passes.
_STAR_PU = (0.5, 1.5)
_NEEDED = (
    *(f"{side}_bus" for side in _SIDES),
    *(f"{name}_{side}_{unit}" for side in _SIDES for name, unit in (("sn", "mva"), ("vn", "kv"))),
    *(f"{name}_{side}_percent" for side in _SIDES for name in ("vk", "vkr")),
)


def with_stars(net: Any, name: str) -> tuple[Any, tuple[str, ...]]:
    """The net itself where it has no three-winding transformer in service; else a copy with stars, and a note.

    Raises GridError for numbers that are missing and for tap changers that a leg cannot stand for.
    """
    rows = net.trafo3w[net.trafo3w["in_service"].astype(bool)]
    if rows.empty:
        return net, ()
    made = type(net)(copy.deepcopy({key: value for key, value in net.items() if key != "profiles"}))
    made.update({key: value for key, value in net.items() if key == "profiles"})
    made.trafo3w = made.trafo3w.iloc[:0]
    told = []
    for index, row in rows.iterrows():  # a substation has a few
        called = str(row["name"]) if isinstance(row["name"], str) and row["name"] else f"trafo3w {index}"
        _require(row, called, name)
        legs = _legs(made, row, called)
        _move_switches(made, index, row, legs)
        told.append(called)
    switch = made.switch
    made.switch = switch[switch["et"] != "t3"]
    names = ", ".join(f"'{one}'" for one in told)
    return made, (f"three-winding transformers {names} stand as three branches each, hv, mv and lv, with a star bus",)


def _require(row: pd.Series, called: str, name: str) -> None:
    for column in _NEEDED:
        if column not in row or not np.isfinite(pd.to_numeric(row[column], errors="coerce")):
            raise GridError(
                f"network {name!r}: three-winding transformer {called!r} has no {column}, a number is needed"
            )
    table, at_star = (bool(row.get(column)) and row.get(column) is not None for column in (
        "tap_dependency_table", "tap_at_star_point",
    ))  # fmt: skip
    if table or at_star:
        what = "values by tap position (tap_dependency_table)" if table else "a tap at the star (tap_at_star_point)"
        raise GridError(
            f"network {name!r}: three-winding transformer {called!r} has {what}, which is not supported; give three "
            "transformers of two windings"
        )


def _legs(net: Any, row: pd.Series, called: str) -> dict[str, int]:
    """The star and its legs, created in ``net``; index of each leg."""
    import pandapower

    rated = np.array([float(row[f"sn_{side}_mva"]) for side in _SIDES])
    vkr, vk = (np.array([float(row[f"{n}_{side}_percent"]) for side in _SIDES]) for n in ("vkr", "vk"))
    lesser = np.array([min(rated[list(pair)]) for pair in _PAIRS.values()])
    r, x = _star(vkr / lesser), _star(np.sqrt(vk**2 - vkr**2) / lesser)
    kv = float(net.bus.at[row["hv_bus"], "vn_kv"])
    low, high = _STAR_PU
    star = int(pandapower.create_bus(net, kv, f"{called} star", min_vm_pu=low, max_vm_pu=high))
    made = {}
    for k, side in enumerate(_SIDES):
        ends = (int(row["hv_bus"]), star) if side == "hv" else (star, int(row[f"{side}_bus"]))
        percent = {"vkr_percent": r[k] * rated[k], "vk_percent": np.sign(x[k]) * np.hypot(r[k], x[k]) * rated[k]}
        made[side] = int(
            pandapower.create_transformer_from_parameters(
                net, *ends, sn_mva=rated[k], vn_hv_kv=float(row["vn_hv_kv"]), vn_lv_kv=float(row[f"vn_{side}_kv"]),
                name=f"{called} {side}", **percent, **_iron(row, side), **_tap(row, side),
                shift_degree=0.0 if side == "hv" else _number(row, f"shift_{side}_degree", 0.0),
                max_loading_percent=_number(row, "max_loading_percent", 100.0),
            )
        )  # fmt: skip
    return made


def _star(pairs: np.ndarray) -> np.ndarray:
    """(3,) legs hv, mv, lv of pairs hv-mv, mv-lv, lv-hv."""
    hm, ml, lh = pairs
    return np.array([hm + lh - ml, hm + ml - lh, lh + ml - hm]) / 2.0


def _iron(row: pd.Series, side: str) -> dict[str, float]:
    at = row.get("loss_side")
    mine = side == (at if at in _SIDES else "hv")
    return {name: _number(row, name, 0.0) if mine else 0.0 for name in ("pfe_kw", "i0_percent")}


def _tap(row: pd.Series, side: str) -> dict[str, Any]:
    """The tap changer, at the leg of its winding."""
    if row.get("tap_side") != side:
        return {}
    names = ("pos", "neutral", "min", "max", "step_percent", "step_degree")
    given = {f"tap_{n}": _number(row, f"tap_{n}", np.nan) for n in names}
    kind = row.get("tap_changer_type")
    return {**given, "tap_side": "hv" if side == "hv" else "lv", "tap_changer_type": kind}


def _move_switches(net: Any, index: Any, row: pd.Series, legs: Mapping[str, int]) -> None:
    """A switch at a winding is one at its leg."""
    for side, leg in legs.items():
        mine = (net.switch["et"] == "t3") & (net.switch["element"] == index) & (net.switch["bus"] == row[f"{side}_bus"])
        net.switch.loc[mine, "element"] = leg
        net.switch.loc[mine, "et"] = "t"


def _number(row: pd.Series, column: str, otherwise: float) -> float:
    value = pd.to_numeric(row.get(column, np.nan), errors="coerce")
    return float(value) if np.isfinite(value) else otherwise
