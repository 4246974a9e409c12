"""Wind as components in a file: speeds and where it comes from in the archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecasting.importing.mapping import checked
from forecasting.importing.run import ImportMistakesError, Incoming, read_files

U, V = (f"wind_{name}_component_100m" for name in "uv")


def read(folder: Path, *series: tuple[str, str, str]) -> Incoming:
    """A run of four hours with the wind to the east, the south, the north-west, and unknown; u in km/h."""
    lines = ("18,0,9", "0,-5,9", "-10.8,4,9", ",1,9")
    rows = "".join(f"2023-01-01 00:00,{lead},{line}\n" for lead, line in enumerate(lines))
    (folder / "run.csv").write_text(f"issued,step,u,v,ws\n{rows}", encoding="utf-8")
    rule: dict[str, Any] = {"files": "run.csv", "site": "sky", "issue_column": "issued", "lead_column": "step"}
    rule["series"] = [{"column": column, "variable": name, "unit": unit} for column, name, unit in series]
    return read_files(checked({"files": [rule | {"available_after": "6h"}], "time_zone": "UTC"}), folder)


def test_components_become_speed_and_where_the_wind_comes_from(tmp_path: Path) -> None:
    """18 km/h are 5 m/s to the east, from 270°; to the south from 0°; −3 and 4 m/s are 5, from 180° − atan(3/4)."""
    found = read(tmp_path, ("u", U, "km/h"), ("v", V, "m/s")).archive.as_of("2023-01-02T00:00Z")
    assert found.variables("sky") == ("wind_direction_100m", "wind_speed_100m")
    (speed,), (from_deg,) = found.runs("sky", "wind_speed_100m"), found.runs("sky", "wind_direction_100m")
    np.testing.assert_allclose(speed.value, [5.0, 5.0, 5.0, np.nan])
    np.testing.assert_allclose(from_deg.value, [270.0, 0.0, 180.0 - np.degrees(np.arctan(0.75)), np.nan])
    assert speed.available_ns == from_deg.available_ns == speed.issue_ns + 6 * 3_600 * 10**9


@pytest.mark.parametrize(
    ("series", "says"),
    [
        ([("u", U, "km/h")], f"sky: {U} needs {V} beside it"),
        ([("v", V, "m/s")], f"sky: {V} needs {U} beside it"),
        ([("u", U, "km/h"), ("v", V, "m/s"), ("ws", "wind_speed_100m", "m/s")], "sky: wind_speed_100m come from"),
    ],
)
def test_what_cannot_become_a_speed_is_told(tmp_path: Path, series: list[tuple[str, str, str]], says: str) -> None:
    with pytest.raises(ImportMistakesError, match=says):
        read(tmp_path, *series)
