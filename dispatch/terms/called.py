r"""Reserve that the grid calls goes over the site's connections, which must have room for it.

.. math::
    Σ_c (e_{cst} - i_{cst}) + Σ_j r^{up}_{jst} ≤ Σ_c \bar E_{ct}, \quad
    Σ_c (i_{cst} - e_{cst}) + Σ_j r^{down}_{jst} ≤ Σ_c \bar I_{ct}

with import i and export e of connection c within their limits of the step, and r what the asset j holds for the grid in
scenario s: all of it may be called at once. Connections count together; which of them a call takes is not told. A site
without a connection sells to nobody, so nothing is asked of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Direction, Rows
from dispatch.part import Part
from dispatch.terms.breach import to_scenario

if TYPE_CHECKING:
    import cvxpy as cp

NO_ROOM: Mapping[Direction, str] = {
    "up": "reserve that would pass the connections' export limits when it is called",
    "down": "reserve that would pass the connections' import limits when it is called",
}


def constraints(rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part]) -> dict[Direction, cp.Constraint]:
    """(scenario, step) by direction, where anything is held for the grid and there is a connection."""
    made: dict[Direction, cp.Constraint] = {}
    directions: tuple[Direction, ...] = ("up", "down")
    for direction in directions:
        held = [_for_grid(rows[kind]) @ asked for kind, asked in _asked(rows, parts, direction)]
        room = [
            to_scenario(rows[kind]) @ free
            for kind, part in parts.items()
            if (free := getattr(part, f"room_{direction}_kw")) is not None
        ]
        if held and room:
            made[direction] = sum(held[1:], held[0]) <= sum(room[1:], room[0])
    return made


def _asked(rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part], direction: Direction) -> list[tuple[str, Any]]:
    """(row, step) of reserve by kind, of those kinds some of whose members hold it for the grid."""
    found = ((kind, getattr(part, f"reserve_{direction}_kw")) for kind, part in parts.items())
    return [(kind, -asked) for kind, asked in found if asked is not None and any(for_grid(rows[kind]))]


def for_grid(rows: Rows[Any]) -> list[bool]:
    """(member,) who holds reserve that the grid calls."""
    return [bool(getattr(member, "asks_for_grid", False)) for member in rows.members]


def _for_grid(rows: Rows[Any]) -> Any:
    """(scenario, row) ones for members that hold reserve for the grid."""
    return to_scenario(rows) * np.tile(np.array(for_grid(rows), float), rows.scenarios)[None, :]
