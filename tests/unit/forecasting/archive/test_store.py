from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from forecasting.archive import Archive
from forecasting.archive import store as store_module
from forecasting.archive.revisions import Counts
from forecasting.archive.store import Store
from forecasting.errors import ForecastError

END = pd.date_range("2023-12-30T00:15Z", periods=4 * 96, freq="15min")  # reaches into the next year
NOW = pd.Timestamp("2024-03-01T00:00Z")


def measured(site: str = "park", scale: float = 1.0, **more: pd.Timedelta) -> Archive:
    return Archive.empty().with_measurements(site, "pv", END, scale * np.arange(len(END)), **more)


def with_runs(archive: Archive, site: str = "sky/1") -> Archive:
    for day in range(3):
        issue = END[0].floor("D") + pd.Timedelta(days=day)
        valid = pd.date_range(issue, periods=48, freq="1h")
        for member in (0, 1):
            values = np.arange(48.0) + 100 * day + member
            archive = archive.with_forecast(site, "wind", issue, issue + pd.Timedelta("6h"), valid, values, member)
    return archive


def same(one: Archive, other: Archive) -> bool:
    return bool(one.table().to_pandas().equals(other.table().to_pandas()))


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    archive = with_runs(measured(scale=0.1)).with_measurements("ü .", "näme", END[:3], [1.0, np.nan, 3.0])
    store = Store(tmp_path / "archive")
    counts = store.append(archive)
    assert same(store.read(), archive)
    assert counts["park", "pv"] == Counts(len(END), 0, 0)
    assert store.series() == (("park", "pv"), ("sky/1", "wind"), ("ü .", "näme"))
    assert (tmp_path / "archive" / "rows" / "site=park" / "year=2024").is_dir()


def test_appending_again_adds_nothing_and_writes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(with_runs(measured()))
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    counts = store.append(with_runs(measured()))
    assert {count.new for count in counts.values()} == {0}
    assert counts["park", "pv"].duplicate == len(END)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")} == files
    assert same(store.read(), with_runs(measured()))


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(with_runs(measured()).merge(measured("other")))
    assert store.read(sites="other").as_of(NOW).series_names() == ("other/pv",)
    assert store.read(variables=["wind"]).as_of(NOW).series_names() == ("sky/1/wind",)
    assert len(store.read(sites=["nowhere"])) == 0
    part = store.read(sites={"park"}, first=END[10], last=END[20]).as_of(NOW).measurements("park", "pv")
    assert part.value.tolist() == list(range(10, 21))
    runs = store.read(known_by="2023-12-31T06:00Z").as_of(NOW).runs("sky/1", "wind")
    assert [run.value[0] for run in runs] == [0, 100]
    known = store.as_of("2023-12-31T06:00Z", variables="wind")
    assert len(known.runs("sky/1", "wind")) == 2
    assert known.series_names() == ("sky/1/wind",)


def test_a_restated_value_keeps_the_old_one_for_its_time(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(measured())
    late = pd.Timedelta("10D")
    restated = Archive.empty().with_measurements("park", "pv", END[:2], [50.0, 1.0], late)
    assert store.append(restated)["park", "pv"] == Counts(2, 0, 1)  # the second says what was known
    before, after = (store.as_of(END[0] + late + d).measurements("park", "pv") for d in pd.to_timedelta([-1, 0], "min"))
    assert (before.value[0], after.value[0]) == (0, 50)


def test_a_corrected_file_with_the_old_rule_of_availability_is_known_from_its_import_on(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(measured(), now=NOW)
    corrected = Archive.empty().with_measurements("park", "pv", END[:3], [0.0, 70.0, np.nan])
    later = NOW + pd.Timedelta("1D")
    assert store.append(corrected, now=later)["park", "pv"] == Counts(2, 1, 2)
    assert store.as_of(NOW).measurements("park", "pv").value[:3].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(store.as_of(later).measurements("park", "pv").value[:3], [0, 70, np.nan])
    again = store.append(corrected, now=later + pd.Timedelta("1D"))
    assert again["park", "pv"] == Counts(0, 3, 0)


def test_rows_that_contradict_each_other_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    twice = measured().merge(measured(scale=2.0))
    with pytest.raises(ForecastError, match=r"park/pv at 2023-12-30T00:30Z: 1 and 2 are both said to be known at"):
        Store(tmp_path).append(with_runs(twice, "a"))
    assert not (tmp_path / "archive.json").exists()


def test_many_small_appends_end_in_few_files_and_lose_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for k in range(0, 96, 4):
        store.append(Archive.empty().with_measurements("park", "pv", END[k : k + 4], np.arange(k, k + 4.0)))
    assert store.read().as_of(NOW).measurements("park", "pv").value.tolist() == list(range(96))
    listed = json.loads((tmp_path / "archive.json").read_text("utf-8"))["parts"]
    assert len(listed) <= 4
    assert len(list(tmp_path.rglob("*.parquet"))) <= 8  # what was merged goes with the next append


KILLED = """
import os, signal, sys
import numpy as np, pandas as pd
from forecasting.archive import Archive
from forecasting.archive.store import Store
import pyarrow.parquet, pyarrow.dataset, filelock
folder, at = sys.argv[1], int(sys.argv[2])
end = pd.date_range("2023-12-31T12:00Z", periods=96, freq="15min")
more = Archive.empty().with_measurements("park", "pv", end, np.full(96, -1.0), pd.Timedelta("9D"))
more = more.with_measurements("new", "load", end, np.ones(96))
for n in range(1, at + 1):
    if os.fork() == 0:
        seen = []
        def hook(event, args):
            if event == "os.rename":
                seen.append(args)
                if len(seen) == n:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        Store(__import__("pathlib").Path(folder)).append(more)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


def test_an_import_that_is_killed_at_any_file_leaves_what_was_there(tmp_path: Path) -> None:
    """Killed before each of its renames in turn: 4 parts, then the list. The sixth time nothing stops it."""
    store = Store(tmp_path)
    store.append(with_runs(measured()))
    before = store.read()
    environment = os.environ | {"PYTHONPATH": str(Path(store_module.__file__).parents[1])}
    run = [sys.executable, "-c", KILLED, str(tmp_path)]
    killed = subprocess.run([*run, "5"], env=environment, capture_output=True, text=True, check=True)
    assert killed.stdout.split() == [str(-signal.SIGKILL)] * 5
    assert same(store.read(), before)
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    named = {part["file"] for part in json.loads((tmp_path / "archive.json").read_text("utf-8"))["parts"]}
    assert len(left) > len(named) + 2  # something did lie about
    done = subprocess.run([*run, "6"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "0"
    assert len(store.read()) == len(before) + 192
    store.append(measured("third"))
    named = {part["file"] for part in json.loads((tmp_path / "archive.json").read_text("utf-8"))["parts"]}
    left = {path.name for path in tmp_path.rglob("*.parquet")}
    assert named <= left
    assert not list(tmp_path.rglob("*.part"))


def test_a_second_import_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "LOCK_WAIT_S", 0.05)
    with FileLock(tmp_path / ".lock"), pytest.raises(ForecastError, match="another import has been writing for"):
        Store(tmp_path).append(measured())
    Store(tmp_path).append(measured())


def test_a_folder_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match=r"there is no archive here \(no archive.json\)"):
        Store.existing(tmp_path / "nowhere")
    (tmp_path / "letter.txt").write_text("Dear Sir")
    with pytest.raises(ForecastError, match=r"holds other things \(letter.txt\)"):
        Store(tmp_path).append(measured())
    assert len(Store(tmp_path).read()) == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [("{", "is not the list"), ('{"format": 7, "parts": []}', "format 7 is not known"), ("[]", "list")],
)
def test_a_damaged_list_is_named(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "archive.json").write_text(content)
    with pytest.raises(ForecastError, match=says):
        Store.existing(tmp_path).read()


def test_a_part_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(measured())
    part = next(tmp_path.rglob("*.parquet"))
    part.write_bytes(b"no parquet")
    with pytest.raises(ForecastError, match="cannot be read"):
        store.read()
    part.unlink()
    with pytest.raises(ForecastError, match=r"a file that archive.json names is not there"):
        store.read()
