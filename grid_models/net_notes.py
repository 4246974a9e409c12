"""What a network means that is not carried over as it is: said beside every plan on it, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from grid_models.errors import name_some

# Ratings from here on [kA] are as good as none; the most of one cable or bar in use is below 10.
_UNLIMITED_KA = 50.0


def notes_on(net: Any) -> tuple[str, ...]:
    """Sentences on a pandapower net."""
    return tuple(
        text for of in (_voltage_dependent, _unbalanced, _regulated, _unlimited, _controllers) for text in of(net)
    )


def _voltage_dependent(net: Any) -> Iterator[str]:
    columns = [c for c in net.load.columns if c.startswith(("const_z", "const_i"))]
    if count := int((net.load[columns].fillna(0.0) != 0.0).any(axis=1).sum()):
        yield f"{count} loads depend on voltage in the source; here every load draws constant power"


def _unbalanced(net: Any) -> Iterator[str]:
    """Loads and generators with a power for each phase, of which the sum is used."""
    count = sum(int(_used(net[table]).shape[0]) for table in ("asymmetric_load", "asymmetric_sgen") if table in net)
    if count:
        yield (
            f"{count} unbalanced loads and generators count by the sum of their phases, in every step; voltages and "
            "loadings are those of a balanced network, single phases may be worse"
        )


def _regulated(net: Any) -> Iterator[str]:
    if count := len(_used(net.gen)):
        held = "generators hold their voltage at whatever reactive power it takes"
        yield f"{count} {held}; their limits are not enforced"


def _unlimited(net: Any) -> Iterator[str]:
    """Lines whose current nothing limits, which a rating in A would do too."""
    lines = _used(net.line)
    rated = lines["max_i_ka"] if "max_i_ka" in lines else pd.Series(np.nan, index=lines.index)
    ka = pd.to_numeric(rated, errors="coerce").to_numpy(np.float64)
    names = lines["name"].where(lines["name"].notna(), [f"#{index}" for index in lines.index]).astype(str)
    for free, told in (
        (np.isnan(ka), "no max_i_ka"),
        (ka > _UNLIMITED_KA, f"a max_i_ka above {_UNLIMITED_KA:g} (is it in A?)"),
    ):
        if free.any():
            yield f"lines with {told}, so that nothing limits their current: {name_some(list(names[free]))}"


def _controllers(net: Any) -> Iterator[str]:
    """Controllers of pandapower act in its own time series only."""
    table = net.get("controller")
    if table is not None and len(used := _used(table)):
        kinds = sorted({type(one).__name__ for one in used["object"]})
        yield f"controllers of the network are not run: {', '.join(kinds)}"


def _used(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["in_service"].astype(bool)]
