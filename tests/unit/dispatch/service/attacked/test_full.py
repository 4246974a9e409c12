"""A disk that is full: refused whole, told as such, and nothing to repair when there is room again."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from benchmarks.topics.service.load import running
from dispatch.errors import ParkwattError
from dispatch.service.http.problem import as_service_error
from dispatch.service.store import Store, health
from dispatch.service.store.durable import write_file
from dispatch.service.store.faults import FullError
from tests.unit.dispatch.service.attacked.writing import put_sites, read
from tests.unit.dispatch.service.served import served
from tests.unit.dispatch.service.store.parks import body

_MOST = 400


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_file_for_which_there_is_no_room_is_not_there(tmp_path: Path, code: int) -> None:
    def fill(_handle: object) -> None:
        raise OSError(code, os.strerror(code))

    with pytest.raises(FullError, match="no room"):
        write_file(tmp_path / "inside" / "file", fill)
    assert list((tmp_path / "inside").iterdir()) == []


def test_a_full_disk_is_told_as_507(tmp_path: Path) -> None:
    error: ParkwattError = FullError("x")
    told = as_service_error(error)
    assert told is not None
    assert (told.status, told.headers["Retry-After"]) == (507, "60")


@pytest.mark.slow
def test_a_disk_that_is_full_and_has_room_again(tmp_path: Path) -> None:
    with _small_disk(tmp_path / "small") as folder, served(folder, min_free_bytes=2**18) as server:
        key = server.key(server.tenant())
        filler = folder / "filler"

        def fill() -> None:
            free = shutil.disk_usage(folder).free
            with filler.open("wb", buffering=0) as handle:
                handle.write(b"x" * free)
            assert shutil.disk_usage(folder).free == 0

        statuses = _attack(server.url, key, fill, filler.unlink)
        assert 507 in statuses
        assert health.check(server.store).problems == ()


@pytest.mark.slow
def test_a_quota_that_is_used_up_and_raised_again(tmp_path: Path) -> None:
    with running(tmp_path, workers=0) as server:
        log = tmp_path / "data" / "parkwatt.sqlite-wal"

        def limit(most: int) -> None:
            hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (most, hard))

        _attack(
            f"http://{server.address}", server.key, lambda: limit(log.stat().st_size),
            lambda: limit(resource.RLIM_INFINITY),
        )  # fmt: skip
    store = Store.open(f"sqlite:///{tmp_path}/data/parkwatt.sqlite", tmp_path / "data")
    assert health.check(store).problems == ()
    store.close()


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    made = subprocess.run(mount, capture_output=True, check=False)
    if made.returncode:
        pytest.skip("no file system of its own can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _attack(url: str, key: str, fill: Callable[[], None], free: Callable[[], None]) -> set[int]:
    """Write until it is refused, go on for a while, make room, and look at all that was acknowledged."""
    head = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=head, verify=False, timeout=30) as client:
        put_sites(client)
        statuses, taken = [], {}
        for number in range(_MOST):
            if number == 5:
                fill()
            answer = _write(client, number)
            statuses.append(answer.status_code)
            if answer.status_code == 200:
                taken[answer.request.headers["x-time"]] = float(number)
            if statuses[-8:] and set(statuses[-8:]) <= {503, 507}:
                break
        refused = client.put("/api/v1/sites/large", json=body(title="x" * 200))
        assert refused.status_code in (503, 507)
        assert int(refused.headers["retry-after"]) >= 1
        assert read(client, "a") == taken  # reads go on
        assert set(statuses) <= {200, 503, 507}
        assert len(set(statuses)) > 1
        free()
        answer = _write(client, _MOST)
        assert answer.status_code == 200
        taken[answer.request.headers["x-time"]] = float(_MOST)
        assert read(client, "a") == taken
        assert client.get("/api/v1/audit/verification").json()["intact"] is True
    return {*statuses, refused.status_code}


def _write(client: httpx.Client, number: int) -> httpx.Response:
    time = f"2026-03-{1 + number // 96:02d}T{number // 4 % 24:02d}:{15 * (number % 4):02d}:00Z"
    row = {"site": "a", "series": "roof", "time": time, "value": float(number)}
    return client.post("/api/v1/measurements", json={"rows": [row]}, headers={"X-Time": time})
