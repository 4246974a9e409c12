"""A run's bytes follow from what was asked: whoever runs it, however often it was stopped, whatever one site does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dispatch.errors import ConfigError, DataError
from dispatch.executor import How, Processes, Serial
from dispatch.fleet.run import Asked, Progress, Summary, ask, run
from dispatch.fleet.run.planner import Planner
from tests.unit.dispatch.fleet.run.small_fleet import HORIZON, PLANNER, Fails, hashes, member, members

COUNT, CHUNK = 6, 2


def asked(planner: Planner = PLANNER, count: int = COUNT, chunk: int = CHUNK) -> Asked:
    return ask(members(count), planner, HORIZON, chunk)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(asked(), Serial(), folder)


def rows(folder: Path) -> dict[str, dict[str, object]]:
    return {row["site"]: row for row in pq.read_table(folder / "sites.parquet").to_pylist()}


def test_sums_are_those_of_the_sites_and_series_those_of_the_plans(whole: tuple[Path, Summary]) -> None:
    folder, made = whole
    table = pq.read_table(folder / "sites.parquet")
    assert table["site"].to_pylist() == [f"site_{n:03d}" for n in range(COUNT)]
    assert made.rungs == {"optimal": COUNT}
    assert made.money == {"EUR": pytest.approx(sum(table["money"].to_pylist()), rel=1e-12)}
    assert made.co2_kg == pytest.approx(sum(table["co2_kg"].to_pylist()), rel=1e-12)
    assert not made.failures
    series = pq.read_table(folder / "series").to_pylist()
    own = [row for row in series if (row["site"], row["asset"], row["series"]) == ("site_003", "hall", "served_kw")]
    assert [row["value"] for row in own] == pytest.approx(member(3).series["hall", "demand_kw"][0].tolist())
    assert own[1]["start"].isoformat() == "2024-06-02T23:00:00+00:00"
    assert {row["site"] for row in series} == set(table["site"].to_pylist())


def test_processes_write_the_same_bytes_as_a_serial_run(whole: tuple[Path, Summary], tmp_path: Path) -> None:
    seen: list[int] = []
    run(asked(), Processes(2, How(warm=True)), tmp_path, tell=lambda p: seen.append(p.done))
    assert hashes(tmp_path) == hashes(whole[0])
    assert seen == sorted(seen)
    assert seen[-1] == COUNT


def test_a_sites_plan_does_not_depend_on_who_is_beside_it(whole: tuple[Path, Summary], tmp_path: Path) -> None:
    run(asked(chunk=5), Serial(), tmp_path)
    assert rows(tmp_path) == rows(whole[0])


def test_a_killed_run_goes_on_and_gives_the_same_bytes(tmp_path: Path) -> None:
    script = [sys.executable, "-m", "tests.unit.dispatch.fleet.run.drive"]
    log, killed = tmp_path / "log", tmp_path / "killed"
    driver = subprocess.Popen([*script, killed, "processes", log, "0.3"])
    while not (killed / "done/00001.json").exists():
        assert driver.poll() is None
        time.sleep(0.02)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    begun = len(log.read_text().splitlines())
    assert begun < 6
    planner = Fails(HORIZON, log=str(log), slow_s=0.3)
    found: list[Progress] = []
    whole = tmp_path / "whole"
    run(ask(members(12), planner, HORIZON, 2), Serial(), whole)
    before = len(log.read_text().splitlines())
    run(ask(members(12), planner, HORIZON, 2), Serial(), killed, resume=True, tell=found.append)
    assert hashes(killed) == hashes(whole)
    assert found[0].found >= 4, "what was done is not done again"
    assert len(log.read_text().splitlines()) - before <= 4


def test_another_run_in_the_folder_is_refused_with_the_reason(whole: tuple[Path, Summary]) -> None:
    folder = whole[0]
    before = hashes(folder)
    with pytest.raises(DataError, match=r"holds a run already.*--resume"):
        run(asked(), Serial(), folder)
    for other, reason in (
        (asked(count=7), "sites new: 1, such as 'site_006'"),
        (asked(count=5), "sites no longer asked: 1, such as 'site_005'"),
        (asked(chunk=3), "chunk: 2 there, 3 asked"),
        (asked(Fails(HORIZON)), "planner: .*Fails"),
        (ask([*members(5), member(5, battery=False)], PLANNER, HORIZON, CHUNK), "data of sites differ; 'site_00[45]'"),
    ):
        with pytest.raises(DataError, match=reason):
            run(other, Serial(), folder, resume=True)
    assert hashes(folder) == before
    run(asked(), Serial(), folder, resume=True)
    assert hashes(folder) == before, "nothing is left to do, and nothing changes"


def test_a_folder_is_written_into_by_one_run_at_a_time(tmp_path: Path) -> None:
    from filelock import FileLock

    with FileLock(tmp_path / ".lock"), pytest.raises(DataError, match="another run is writing"):
        run(asked(), Serial(), tmp_path)


REASONS = {"die": "its worker died each time", "mistake": "its meter is missing", "sleep": "not done within 8 s"}


@pytest.mark.parametrize("how", ["mistake", *(pytest.param(how, marks=pytest.mark.slow) for how in ("die", "sleep"))])
def test_a_site_that_fails_gets_its_safe_plan_and_no_other_site_is_touched(
    how: str, whole: tuple[Path, Summary], tmp_path: Path
) -> None:
    how_run = How(warm=True, chunk_deadline_s=8.0 if how == "sleep" else None)
    runs_on = Serial() if how == "mistake" else Processes(1, how_run)
    notes: list[str] = []
    failing = Fails(HORIZON, (("site_002", how),))
    made = run(asked(failing), runs_on, tmp_path, tell=lambda p: notes.append(p.note) if p.note else None)
    reason = {"die": "its worker died each time", "mistake": "its meter is missing", "sleep": "not done within 8 s"}[
        how
    ]
    assert made.failures == {"site_002": f"{reason}; it has its rule based plan"}
    assert made.rungs == {"optimal": COUNT - 1, "rule_based": 1}
    found, others = rows(tmp_path), rows(whole[0])
    apart = found.pop("site_002")
    well = others.pop("site_002")
    assert found == others
    assert apart["failed"] == reason
    assert isinstance(apart["money"], float)
    assert isinstance(well["money"], float)
    assert apart["money"] >= well["money"], "rules cost no less than the optimum"
    assert any("site site_002" in note for note in notes)
    kept = {k: v for k, v in hashes(tmp_path).items() if k.startswith("series/") and "00001" not in k}
    assert kept.items() <= hashes(whole[0]).items(), "other chunks are the same bytes"
    assert not (tmp_path / "pieces").exists()
    again = hashes(tmp_path)
    run(asked(failing), runs_on, tmp_path, resume=True)
    assert hashes(tmp_path) == again


def test_a_failing_first_site_of_a_structure_gives_way_to_the_next(tmp_path: Path) -> None:
    """Searches of its structure begin from it, so every chunk fails at first; the others are as without it."""
    made = run(asked(Fails(HORIZON, (("site_000", "mistake"),))), Serial(), tmp_path / "with")
    assert made.rungs == {"optimal": COUNT - 1, "rule_based": 1}
    run(ask(members(COUNT)[1:], PLANNER, HORIZON, CHUNK), Serial(), tmp_path / "without")
    found = rows(tmp_path / "with")
    assert found.pop("site_000")["failed"] == "its meter is missing"
    assert found == rows(tmp_path / "without")


def test_a_site_without_any_plan_is_told_and_has_no_numbers(tmp_path: Path) -> None:
    broken = replace(member(1), series={})
    made = run(ask([member(0), broken], PLANNER, HORIZON, 2), Serial(), tmp_path)
    assert made.rungs == {"none": 1, "optimal": 1}
    assert "no safe plan either" in made.failures["site_001"]
    assert rows(tmp_path)["site_001"]["money"] is None, "missing is not zero"


@pytest.mark.parametrize("table", ["sites", "series"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_damaged_file_is_named_and_its_chunk_planned_again(table: str, damage: str, tmp_path: Path) -> None:
    run(asked(), Serial(), tmp_path)
    before = hashes(tmp_path)
    path = tmp_path / table / "chunk=00001" / "part.parquet"
    data = path.read_bytes()
    middle = len(data) // 2
    changed = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    path.write_bytes(data[:middle] if damage == "cut" else changed)
    if damage == "gone":
        path.unlink()
    notes: list[str] = []
    run(asked(), Serial(), tmp_path, resume=True, tell=lambda p: notes.append(p.note) if p.note else None)
    assert str(path) in notes[0]
    assert "2 sites are planned again" in notes[0]
    assert {"cut": f"{middle} bytes, {len(data)} were written", "flipped": "SHA-256", "gone": "missing"}[
        damage
    ] in notes[0]
    assert hashes(tmp_path) == before


def test_a_damaged_mark_or_run_file_is_named(tmp_path: Path) -> None:
    run(asked(), Serial(), tmp_path)
    before = hashes(tmp_path)
    mark = tmp_path / "done" / "00002.json"
    mark.write_text(mark.read_text().replace('"optimal": 1', '"optimal": 3'))
    notes: list[str] = []
    run(asked(), Serial(), tmp_path, resume=True, tell=lambda p: notes.append(p.note) if p.note else None)
    assert f"{mark} is damaged" in notes[0]
    assert hashes(tmp_path) == before
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(DataError, match=r"run\.json is damaged"):
        run(asked(), Serial(), tmp_path, resume=True)
    (tmp_path / "run.json").unlink()
    with pytest.raises(DataError, match=r"run\.json is missing"):
        run(asked(), Serial(), tmp_path, resume=True)


def test_chunks_of_another_run_do_not_count(whole: tuple[Path, Summary], tmp_path: Path) -> None:
    run(asked(chunk=3), Serial(), tmp_path)
    (tmp_path / "run.json").write_bytes((whole[0] / "run.json").read_bytes())
    notes: list[str] = []
    run(asked(), Serial(), tmp_path, resume=True, tell=lambda p: notes.append(p.note) if p.note else None)
    assert "00000.json belongs to another run" in notes[0]
    assert rows(tmp_path) == rows(whole[0])


def test_a_full_disk_is_said_and_what_is_finished_stays(tmp_path: Path) -> None:
    """On a file system of its own where one can be mounted; it fills up after some chunks."""
    small, whole = tmp_path / "small", tmp_path / "whole"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small file system; the next test fills files instead")
    try:
        with pytest.raises(DataError, match=r"cannot write .*No space left.*sites are done and kept.*--resume") as told:
            run(asked(count=40), Serial(), small)
        kept = {k: v for k, v in hashes(small).items() if k.startswith("done/")}
        assert kept, told.value
        subprocess.run(["mount", "-o", "remount,size=8m", small], check=True)
        found: list[Progress] = []
        run(asked(count=40), Serial(), small, resume=True, tell=found.append)
        assert found[0].found == 2 * len(kept)
        run(asked(count=40), Serial(), whole)
        assert hashes(small) == hashes(whole)
        assert kept.items() <= hashes(small).items()
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_file_that_may_grow_no_more_is_said_by_a_worker_too(tmp_path: Path) -> None:
    code = (
        "import resource; from dispatch.executor import *; from tests.unit.dispatch.fleet.run.test_run import *\n"
        "if __name__ == '__main__':\n"
        "    work = asked(chunk=6); folder = Path(__import__('sys').argv[1]); _ = len(work.text())\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))\n"
        "    try: run(work, Processes(1), folder)\n"
        "    except DataError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], check=True, capture_output=True, text=True)
    assert "cannot write" in done.stdout
    assert "File too large" in done.stdout
    assert "0 of 6 sites are done and kept" in done.stdout
    assert not list(tmp_path.rglob(".part.parquet*")), "nothing half-written is left"


class Elsewhere(Serial):
    """A machine that has a folder of its own where others share one."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def map(self, fn: Any, chunks: Any, deadline: float | None = None) -> Any:
        return super().map(replace(fn, store=replace(fn.store, folder=self.folder)), chunks, deadline)


def test_a_worker_that_writes_to_a_folder_of_its_own_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="all machines of the cluster share"):
        run(asked(), Elsewhere(tmp_path / "there"), tmp_path / "here")


def test_no_room_for_the_summary_loses_no_site(tmp_path: Path, whole: tuple[Path, Summary]) -> None:
    (tmp_path / "sites.parquet").mkdir()
    with pytest.raises(DataError, match=r"cannot write .*sites\.parquet.*All sites are done and kept"):
        run(asked(), Serial(), tmp_path)
    (tmp_path / "sites.parquet").rmdir()
    run(asked(), Serial(), tmp_path, resume=True)
    assert hashes(tmp_path) == hashes(whole[0])


def test_what_cannot_be_asked() -> None:
    with pytest.raises(DataError, match="no site"):
        ask([], PLANNER, HORIZON)
    with pytest.raises(DataError, match="--chunk 0"):
        asked(chunk=0)
    with pytest.raises(ConfigError, match="site_000: 2 sites have this name"):
        ask([member(0), member(0)], PLANNER, HORIZON)


def test_chunks_hold_one_structure_each_and_follow_the_order_given() -> None:
    told = json.loads(asked(count=10, chunk=3).text())["chunks"]
    assert [chunk["sites"] for chunk in told] == [
        ["site_000", "site_001", "site_002"],
        ["site_003", "site_005", "site_006"],
        ["site_007", "site_008"],
        ["site_004", "site_009"],
    ]
