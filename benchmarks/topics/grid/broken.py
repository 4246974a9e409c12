"""Broken networks: whether each is refused, and by the name of what is broken in it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from benchmarks.rows import Measured, row
from grid_models.convert import to_network
from grid_models.cross_check import assert_engines_agree
from grid_models.errors import GridError
from grid_models.library import load

INPUTS = ("grid_models", "benchmarks/topics/grid/broken.py")
Change = Callable[[Any], None]


def put(table: str, row_: int, column: str, value: Any) -> Change:
    """One cell of one table is set."""

    def change(net: Any) -> None:
        net[table].loc[row_, column] = value

    return change


def times(table: str, column: str, factor: float, row_: int | None = None) -> Change:
    """One cell, or one column, is multiplied."""

    def change(net: Any) -> None:
        net[table].loc[slice(None) if row_ is None else row_, column] *= factor

    return change


def swap_transformer(net: Any) -> None:
    net.trafo.loc[0, ["hv_bus", "lv_bus"]] = net.trafo.loc[0, ["lv_bus", "hv_bus"]].to_numpy()


def cut(net: Any) -> None:
    """The feeder's first line is off and all switches of lines are open: an island behind it."""
    net.switch.loc[net.switch["et"] == "l", "closed"] = False
    net.line.loc[0, "in_service"] = False


# On CIGRE MV, whose lines are rated 0.3 kA here: what is broken, how, and what the message must contain.
CASES: tuple[tuple[str, Change, tuple[str, ...]], ...] = (
    ("no slack", put("ext_grid", 0, "in_service", False), ("no slack", "ext_grid")),
    ("an island", cut, ("no path to a slack", "'Bus 2'", "'Line 1-2'")),
    ("a line of no length", put("line", 3, "length_km", 0.0), ("'Line 4-5' has no impedance",)),
    ("a transformer without impedance", put("trafo", 0, "vk_percent", 0.0), ("'Trafo 0-1' has vk_percent 0",)),
    ("a swapped transformer", swap_transformer, ("'Trafo 0-1'", "sides are swapped")),
    ("a bus of 0.4 kV on a 20 kV line", put("bus", 9, "vn_kv", 0.4), ("'Line 8-9' joins", "'Bus 9' of 0.4 kV")),
    ("ohms off by 1000", times("line", "x_ohm_per_km", 1e3, 5), ("'Line 7-8' would lose", "mOhm")),
    ("a length in m", times("line", "length_km", 1e3, 6), ("'Line 8-9' would lose", "length in m")),
    ("kW as MW", put("sgen", 7, "p_mw", 800.0), ("800 MW at bus 'Bus 7'", "is it in kW?")),
    (
        "too much load",
        put("sgen", 7, "p_mw", -45.0),
        ("no AC solution", "finds one up to", "'Bus 7', which draws 4.5e+04 kW"),
    ),
    ("a reactance that is missing", put("line", 2, "x_ohm_per_km", float("nan")), ("'Line 3-4' has x_ohm_per_km nan",)),
)


def message(change: Change) -> str:
    """What is said of CIGRE MV once ``change`` is made; empty if nothing is."""
    reference = load("pandapower:create_cigre_network_mv").reference
    assert reference is not None
    net = copy.deepcopy(reference.net)
    net.line["max_i_ka"] = 0.3
    change(net)
    try:
        assert_engines_agree(to_network(net, "broken"))
    except GridError as error:
        return str(error)
    return ""


@row(
    "grid",
    name="broken networks refused by the name of the element",
    unit=f"of {len(CASES)}",
    bar=f"== {len(CASES)}",
    slow=True,
    inputs=INPUTS,
)
def broken_networks() -> Measured:
    named = [all(word in message(change) for word in words) for _, change, words in CASES]
    return Measured(sum(named), float(len(CASES)))
