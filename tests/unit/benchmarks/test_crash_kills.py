"""kill -9 of programs that write: what they were told is there, and what is not there is told."""

from __future__ import annotations

import copy
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from benchmarks.crash.acknowledged import EFFECT, Ack, acks, doubled, missing, unended
from benchmarks.crash.kills import Target, kills
from benchmarks.crash.writer import Writer
from benchmarks.processes import ROOT
from dispatch.service.store import Store, audit, claims, files, jobs, sites, upkeep
from dispatch.service.store.series.tables import journal

CODE = "import sys; from benchmarks.crash.writer import main; main(*sys.argv[1:])"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Ack]]:
    """A store with something of everything in it, and what was acknowledged."""
    folder, told = tmp_path_factory.mktemp("made"), list[Ack]()
    store = Store.open(f"sqlite:///{folder}/park.db", folder / "data")
    writer = Writer(store, 1, told.append)
    writer.begin()
    for act in (writer.rows, writer.file, writer.job, writer.done):
        act("north")
    store.close()
    return folder, told


@pytest.fixture
def written(made: tuple[Path, list[Ack]], tmp_path: Path) -> Iterator[tuple[Store, list[Ack]]]:
    """A copy of it for one test."""
    folder, told = made
    shutil.copytree(folder, tmp_path / "copy")
    store = Store.open(f"sqlite:///{tmp_path}/copy/park.db", tmp_path / "copy" / "data", migrate=False)
    yield store, copy.deepcopy(told)
    store.close()


def test_all_that_was_acknowledged_is_there_also_once_it_was_moved(written: tuple[Store, list[Ack]]) -> None:
    store, told = written
    assert missing(store, told) == []
    upkeep.compact(store, everything=True)
    assert missing(store, told) == []
    assert unended(store) == []


def test_what_is_not_there_is_told(written: tuple[Store, list[Ack]]) -> None:
    store, told = written
    with store.admin() as connection:
        connection.execute(delete(journal))
    assert any("measurements of" in what for what in missing(store, told))
    with store.admin() as connection:
        connection.execute(update(sites.versions).where(sites.versions.c.site == "works").values(etag="0" * 32))
    assert any("site works is not what" in what for what in missing(store, told))
    with store.admin() as connection:
        connection.execute(delete(files.files))
    assert any("KeyError" in what for what in missing(store, told))
    with store.admin() as connection:
        connection.execute(update(audit.entries).where(audit.entries.c.seq == 2).values(actor="somebody"))
    assert any("audit trail of north" in what for what in missing(store, told))
    with store.admin() as connection:
        connection.execute(update(jobs.records).values(state="running"))
    assert any("is not done any more" in what for what in missing(store, told))
    assert any("is running with 1 effects" in what for what in unended(store))
    with store.admin() as connection:
        connection.execute(delete(jobs.records))
    assert any("is gone" in what for what in missing(store, told))


def test_values_that_differ_are_told(written: tuple[Store, list[Ack]]) -> None:
    store, told = written
    (rows,) = (ack for ack in told if ack["what"] == "rows")
    rows["values"][0] += 1e-9
    assert len(missing(store, told)) == 1


def test_an_effect_that_came_twice_is_told(written: tuple[Store, list[Ack]]) -> None:
    store, told = written
    (done,) = (ack for ack in told if ack["what"] == "done")
    with store.write("north", "test") as tx:
        tx.audit(EFFECT, done["id"])
    assert any("had its effect 2 times" in what for what in missing(store, told))
    assert any("with 2 effects" in what for what in unended(store))


def test_a_request_that_was_done_twice_is_told(written: tuple[Store, list[Ack]]) -> None:
    store, told = written
    assert doubled(store, told) == []
    (twice, *_) = (ack for ack in told if ack["what"] == "site")
    assert doubled(store, [ack for ack in told if ack is not twice])


def test_a_job_that_waits_or_is_claimed_has_not_ended(written: tuple[Store, list[Ack]]) -> None:
    store, told = written
    with store.write("north", "test") as tx:
        job = jobs.submit(tx, "crash", {})
    assert any(f"{job.id} (crash) is queued" in what for what in unended(store))
    with store.admin() as connection:
        claims.claim(connection, "nobody", datetime.now(UTC), 60.0)
    assert any(f"{job.id} (crash) is running" in what for what in unended(store))
    assert missing(store, told) == []


def test_a_line_that_was_cut_off_was_told_to_nobody() -> None:
    assert acks([b'{"what": "job"}\n', b'{"what": "jo']) == [{"what": "job"}]


def killed_writers(folder: Path, url: str, points: int) -> list[str]:
    """Writers with two threads each, killed at random moments; what is lost after each of them."""
    draw, wrong, marks = random.Random(points), [], folder / "marks"
    for number in range(points):
        told = marks.stat().st_size if marks.exists() else 0
        place = [url, str(folder / "data"), str(marks), str(10 * number), "1000000", "2"]
        writer = subprocess.Popen([sys.executable, "-c", CODE, *place], cwd=ROOT)
        until = time.monotonic() + 60
        while not marks.exists() or marks.stat().st_size < told + 20_000:
            assert writer.poll() is None
            assert time.monotonic() < until
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 0.1))
        writer.kill()
        writer.wait()
        store = Store.open(url, folder / "data")
        wrong += missing(store, acks(marks.read_bytes().splitlines(keepends=True)))
        store.close()
    return wrong


def test_what_a_killed_program_was_told_is_there(tmp_path: Path) -> None:
    assert killed_writers(tmp_path, f"sqlite:///{tmp_path}/park.db", 1) == []


@pytest.mark.slow
def test_what_many_killed_programs_were_told_is_there(tmp_path: Path) -> None:
    assert killed_writers(tmp_path, f"sqlite:///{tmp_path}/park.db", 12) == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("target", ["server", "worker", "child", "postgresql"])
def test_the_service_loses_nothing_and_does_nothing_twice(tmp_path: Path, target: Target) -> None:
    found = kills(tmp_path, target, 3)
    assert (found.lost, found.unended, found.doubled, found.left) == ((), (), (), ())
    assert found.acknowledged > 0
