"""Wind that a file gives as components: u to the east and v to the north become speed and direction.

    speed = √(u² + v²),    direction = atan2(−u, −v) modulo 360°, where the wind comes from

Models of weather hold u and v (ERA5's u100 and v100 are the components at 100 m); the archive keeps what forecasters
read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from forecasting.archive.rows import Rows
from forecasting.weather_variables import WIND_DIRECTIONS_DEG, WIND_SPEEDS_M_S

COMPONENTS = {
    (f"wind_u_component_{height:g}m", f"wind_v_component_{height:g}m"): (speed, WIND_DIRECTIONS_DEG[height])
    for height, speed in WIND_SPEEDS_M_S.items()
}
Series = Mapping[tuple[str, str], Rows]


def with_speeds(series: Series) -> tuple[dict[tuple[str, str], Rows], list[str]]:
    """Rows by (site, variable) with speed and direction in place of components, and what keeps them from it."""
    found, wrong = dict(series), []
    for site in sorted({site for site, _ in series}):
        for (u_name, v_name), names in COMPONENTS.items():
            u, v = found.pop((site, u_name), None), found.pop((site, v_name), None)
            if u is None and v is None:
                continue
            if u is None or v is None:
                wrong.append(
                    f"{site}: {u_name if v is None else v_name} needs {v_name if v is None else u_name} beside it"
                )
            elif twice := [name for name in names if (site, name) in series]:
                wrong.append(f"{site}: {' and '.join(twice)} come from {u_name} and {v_name}, and from a column too")
            elif not _alike(u, v):
                wrong.append(f"{site}: {u_name} and {v_name} hold different times; give both for every time")
            else:
                found |= {(site, name): rows for name, rows in zip(names, _polar(u, v), strict=True)}
    return found, wrong


def _alike(u: Rows, v: Rows) -> bool:
    keys = ("issue_ns", "valid_ns", "available_ns", "member")
    return all(np.array_equal(getattr(u, key), getattr(v, key)) for key in keys)


def _polar(u: Rows, v: Rows) -> tuple[Rows, Rows]:
    from_deg = np.degrees(np.arctan2(-u.value, -v.value)) % 360.0
    return replace(u, value=np.hypot(u.value, v.value)), replace(u, value=from_deg)
