"""A park whose histories and weather come from an archive, from the import of files to the plan."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from dispatch.config.data_files import require_files
from dispatch.config.park import load_site
from dispatch.errors import ConfigError, DataError
from dispatch.signals import Horizon
from dispatch.sources import Sources, gather
from tests.unit.dispatch.small_park import PARK, measured, park, write
from tests.unit.dispatch.typed import Run, run

__all__ = ["run"]  # a fixture

DAY = Horizon.local_day(datetime(2024, 3, 30, tzinfo=UTC).date(), "Europe/Berlin", 60)
ISSUE = pd.Timestamp("2024-03-29T11:00Z")
MAPPING = """
files:
  - {files: measured.csv, site: works, time_zone: Europe/Berlin, series: [{column: hall_kw, variable: hall}]}
  - files: nwp.csv
    site: sky
    issue_column: issue
    lead_column: lead
    available_after: AFTER
    series:
      - {column: ghi, variable: shortwave_radiation}
      - {column: t2m, variable: temperature_2m}
"""
ROOF = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100, "tilt_deg": 20, "azimuth_deg": 180}


def held(place: Path, run: Run, after: str = "6h", **archive: Any) -> Path:
    """A park's file beside its archive, filled from files."""
    measured("2024-03-30").to_csv(place / "measured.csv", index=False)
    issue = pd.date_range("2024-03-26", periods=5, freq="1D", tz="UTC").repeat(61)
    lead = np.tile(np.arange(61), 5)
    sun = np.maximum(np.sin(((issue.hour + lead) % 24 - 5) / 12 * np.pi), 0)
    nwp = pd.DataFrame({"issue": issue.strftime("%Y-%m-%dT%H:%MZ"), "lead": lead, "ghi": 600 * sun, "t2m": 8.0})
    nwp.to_csv(place / "nwp.csv", index=False)
    (place / "map.yaml").write_text(MAPPING.replace("AFTER", after))
    ended = run("archive", "import", "map.yaml", "--into", "held")
    assert ended.status == 0, ended.err
    hall = {name: value for name, value in PARK["assets"][0].items() if name != "history"}
    where = {"folder": "held", "site": "works", "weather": ["sky"]} | archive
    return write(place, park(assets=[hall, ROOF, *PARK["assets"][1:]], archive=where))


def sources(path: Path) -> Sources:
    return gather(load_site(path), DAY, path.parent, with_network=False)


def test_a_plan_uses_the_archive(run: Run, tmp_path: Path) -> None:
    path = held(tmp_path, run)
    assert run("validate", path).status == 0
    ended = run("plan", path, "--day", "2024-03-30", "--out", "out")
    assert ended.status == 0, ended.err
    table = pq.read_table(tmp_path / "out" / "forecast.parquet").to_pandas()
    middle = (table["variable"] == "roof") & (table["level"].sub(0.5).abs() < 1e-9)
    roof = table.loc[middle, table.columns[-1]]
    assert roof.max() > 20
    assert "hall" in set(table["variable"])
    exported = run("export", path, "--day", "2024-03-30", "--out", "day.lp", "--format", "lp")
    assert exported.status == 0, exported.err


@pytest.mark.parametrize(("after", "last"), [("6h", "2024-03-29"), ("36h", "2024-03-27")])
def test_weather_counts_from_when_it_was_available(run: Run, tmp_path: Path, after: str, last: str) -> None:
    found = sources(held(tmp_path, run, after))
    assert found.weather == ("sky",)
    assert found.weather_site == "sky"
    runs = found.archive.as_of(ISSUE).runs("sky", "temperature_2m")
    assert pd.Timestamp(runs[-1].issue_ns, tz="UTC") == pd.Timestamp(last, tz="UTC")
    assert all(r.available_ns - r.issue_ns == pd.Timedelta(after).value for r in runs)


def test_histories_come_with_their_availability_and_what_came_is_compared(run: Run, tmp_path: Path) -> None:
    path = held(tmp_path, run)
    found = sources(path)
    known = found.archive.as_of(ISSUE).measurements("small", "hall")
    assert known.available_ns.max() <= ISSUE.value
    assert set(found.actual) == {"hall"}
    before = found.hashes
    assert {"archive:small/hall", "archive:sky/temperature_2m"} < set(before)
    changed = measured("2024-03-30")
    changed.loc[5, "hall_kw"] += 1
    changed.to_csv(tmp_path / "measured.csv", index=False)
    assert run("archive", "import", "map.yaml", "--into", "held").status == 0
    after = sources(path).hashes
    assert after["archive:small/hall"] != before["archive:small/hall"]
    assert after["archive:sky/temperature_2m"] == before["archive:sky/temperature_2m"]


def test_what_the_archive_lacks_is_named(run: Run, tmp_path: Path) -> None:
    path = held(tmp_path, run, weather=["moon"])
    with pytest.raises(DataError, match=r"archive.weather: 'moon' is not in the archive; it has sky, works"):
        sources(path)
    path = held(tmp_path, run, site="elsewhere")
    says = r"'hall' has no history.*asked for series of 'elsewhere' .*it has sky/shortwave"
    with pytest.raises(DataError, match=says):
        sources(path)
    (tmp_path / "empty").mkdir()
    path = held(tmp_path, run, folder="empty")
    with pytest.raises(DataError, match="there is no archive here"):
        sources(path)
    path = held(tmp_path, run, folder="nowhere")
    with pytest.raises(ConfigError, match=r"archive.folder.*there is no folder 'nowhere' beside the park's file"):
        require_files(load_site(path), path)
