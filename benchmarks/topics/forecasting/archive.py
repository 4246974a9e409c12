"""The archive on disk: a year of 100 sites in and out again.

Every site has its quarter-hours and, of six weather variables, one run a day of 48 hours: 14 million rows. Values are
made up, with the digits that loggers and weather services give.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.rows import row
from forecasting.archive import MEASURED_NS, Archive, Rows
from forecasting.archive.store import Store
from forecasting.clock import HOUR_NS, MINUTE_NS
from forecasting.importing.mapping import checked
from forecasting.importing.run import read_files

SITES, DAYS, HOURS = 100, 365, 48
START = pd.Timestamp("2023-01-01", tz="UTC").value
WEATHER = (
    "shortwave_radiation",
    "surface_pressure",
    "temperature_2m",
    "wind_direction_100m",
    "wind_speed_100m",
    "wind_speed_10m",
)
INPUTS = ("forecasting/archive", "benchmarks/topics/forecasting/archive.py")


@dataclass(frozen=True)
class Year:
    """Seconds of each step, bytes on disk, rows, and whether all came back."""

    append_s: float
    read_s: float
    again_s: float
    month_s: float
    as_of_s: float
    bytes_per_row: float
    rows: int
    same: bool


def _site(rng: np.random.Generator) -> dict[str, Rows]:
    end = START + np.arange(1, DAYS * 96 + 1) * 15 * MINUTE_NS
    power = rng.uniform(0, 1000, len(end)).round(1)
    none = np.zeros(len(end), dtype=np.int32)
    found = {"power": Rows(np.full(len(end), MEASURED_NS), end, end + 15 * MINUTE_NS, none, power)}
    issue = np.repeat(START + np.arange(DAYS) * 24 * HOUR_NS, HOURS)
    valid = issue + np.tile(np.arange(1, HOURS + 1), DAYS) * HOUR_NS
    member = np.zeros(len(issue), dtype=np.int32)
    for name in WEATHER:
        value = rng.uniform(0, 30, len(issue)).round(2)
        found[name] = Rows(issue, valid, issue + 6 * HOUR_NS, member, value).sorted()
    return found


@cache
def _year() -> Year:
    rng = np.random.default_rng(0)
    whole = {(f"site_{number:03}", name): rows for number in range(SITES) for name, rows in _site(rng).items()}
    archive = Archive.of_rows(whole)
    folder = Path(tempfile.mkdtemp(prefix="parkwatt-archive-"))
    try:
        store = Store(folder)
        began = time.perf_counter()
        store.append(archive)
        append_s = time.perf_counter() - began
        size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
        began = time.perf_counter()
        back = store.read()
        read_s = time.perf_counter() - began
        same = all(
            np.array_equal(rows.value, back.rows()[key].value)
            and np.array_equal(rows.available_ns, back.rows()[key].available_ns)
            for key, rows in whole.items()
        )
        del back
        began = time.perf_counter()
        month = store.read(sites="site_050", first="2023-06-01T00:15Z", last="2023-07-01T00:00Z")
        month_s = time.perf_counter() - began
        same &= len(month.rows()["site_050", "power"]) == 30 * 96
        began = time.perf_counter()
        known = store.as_of("2023-07-01T00:00Z", variables="power")
        as_of_s = time.perf_counter() - began
        same &= len(known.sites()) == SITES
        ten = {key: rows for key, rows in whole.items() if key[0] < "site_010"}
        began = time.perf_counter()
        same &= all(count.new == 0 for count in store.append(Archive.of_rows(ten)).values())
        again_s = (time.perf_counter() - began) * SITES / 10
    finally:
        shutil.rmtree(folder)
    return Year(append_s, read_s, again_s, month_s, as_of_s, size / len(archive), len(archive), bool(same))


@row(
    "forecasting", name="archive: a year of 100 sites, read from disk", unit="s", bar="<= 10", slow=True, inputs=INPUTS
)
def read_seconds() -> float:
    return _year().read_s


@row("forecasting", name="archive: a year of 100 sites, appended", unit="s", bar="<= 60", slow=True, inputs=INPUTS)
def append_seconds() -> float:
    return _year().append_s


@row(
    "forecasting",
    name="archive: the same year of 100 sites again, from 10 of them",
    unit="s",
    bar="<= 90",
    slow=True,
    inputs=INPUTS,
)
def again_seconds() -> float:
    return _year().again_s


@row("forecasting", name="archive: one site's month out of that year", unit="s", bar="<= 0.5", slow=True, inputs=INPUTS)
def month_seconds() -> float:
    return _year().month_s


@row("forecasting", name="archive: one variable of all as of July", unit="s", bar="<= 3", slow=True, inputs=INPUTS)
def as_of_seconds() -> float:
    return _year().as_of_s


@row("forecasting", name="archive: size on disk", unit="bytes/row", bar="<= 8", slow=True, inputs=INPUTS)
def bytes_per_row() -> float:
    return _year().bytes_per_row


@row("forecasting", name="archive: all rows come back", unit="", bar="== 1", slow=True, inputs=INPUTS)
def comes_back() -> bool:
    return _year().same


@row(
    "forecasting",
    name="archive: CSV and Parquet read and checked, per million rows",
    unit="s",
    bar="<= 10",
    inputs=(*INPUTS, "forecasting/importing"),
    slow=True,
)
def import_seconds() -> float:
    """Five loggers of eight columns over a year of quarter-hours, and 200 runs for 20 points in one table."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(prefix="parkwatt-import-") as name:
        folder = Path(name)
        times = pd.date_range("2023-01-01", periods=DAYS * 96, freq="15min").strftime("%Y-%m-%d %H:%M")
        columns = [f"c{number}" for number in range(8)]
        for number in range(5):
            values = {column: rng.uniform(0, 100, len(times)).round(2) for column in columns}
            pd.DataFrame({"time": times, **values}).to_csv(folder / f"logger_{number}.csv", index=False)
        _runs(folder, rng)
        series = [{"column": column, "variable": column} for column in columns]
        loggers = {"files": "logger_*.csv", "site_in_name": r"logger_(\d)", "series": series}
        weather = [{"column": "ws", "variable": "wind_speed_10m"}, {"column": "t", "variable": "temperature_2m"}]
        runs = {"files": "nwp.parquet", "site_column": "site", "issue_column": "run", "lead_column": "lead"}
        mapping = checked(
            {"time_zone": "Asia/Shanghai", "files": [loggers, runs | {"available_after": "6h", "series": weather}]}
        )
        began = time.perf_counter()
        incoming = read_files(mapping, folder)
        return (time.perf_counter() - began) / (len(incoming.archive) / 1e6)


def _runs(folder: Path, rng: np.random.Generator) -> None:
    """200 daily runs of 48 hours for 20 points."""
    runs, points = 200, 20
    count = runs * HOURS * points
    table = {
        "site": np.tile([f"p{number}" for number in range(points)], runs * HOURS),
        "run": pd.date_range("2023-01-01", periods=runs, freq="1D", tz="UTC").repeat(HOURS * points),
        "lead": np.tile(np.repeat(np.arange(1, HOURS + 1), points), runs),
        "ws": rng.uniform(0, 20, count),
        "t": rng.uniform(0, 20, count),
    }
    pd.DataFrame(table).to_parquet(folder / "nwp.parquet")
