"""Several processes that answer requests as one server."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.unit.dispatch.service.test_cli_serve import PATIENCE_S, address, started

ASKED = 24


def children(pid: int) -> set[int]:
    """Processes that a process has started and that live."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has ended meanwhile
            continue
        if int(parent) == pid and state != "Z":
            found.add(int(stat.parent.name))
    return found


def waited(there: Callable[[], bool]) -> bool:
    until = time.monotonic() + PATIENCE_S
    while not there():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def counted(url: str) -> float:
    """Requests for the list of jobs, as the metrics of whichever process answers say."""
    text = httpx.get(f"{url}/metrics").text
    assert text.count("# TYPE parkwatt_series_pieces ") == 1  # what is looked up when somebody asks
    lines = [line for line in text.splitlines() if line.startswith("parkwatt_http_requests_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines if 'route="/api/v1/jobs"' in line)


def test_processes_answer_and_count_as_one_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARKWATT_PROCESSES", "2")
    with started(tmp_path / "data", "--demo", "--workers", "0") as (process, said):
        found = re.search(r"pw_key_[0-9a-z]{26}_[\w-]{43}", said)
        assert found is not None
        url, headers = address(said), {"Authorization": f"Bearer {found[0]}"}
        (other,) = children(process.pid)

        # The first process stands still, and the other one alone answers.
        def answered() -> bool:
            try:
                return httpx.get(f"{url}/api/v1/sites", headers=headers, timeout=1).status_code == 200
            except httpx.TransportError:
                return False

        os.kill(process.pid, signal.SIGSTOP)
        try:
            assert waited(answered)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        for _ in range(ASKED):  # each on a connection of its own, taken by whichever process comes first
            assert httpx.get(f"{url}/api/v1/jobs", headers=headers).status_code == 200
        assert counted(url) == ASKED
        os.kill(other, signal.SIGKILL)
        assert waited(lambda: bool(children(process.pid) - {other}))
        (successor,) = children(process.pid)
        assert httpx.get(f"{url}/api/v1/sites", headers=headers, timeout=PATIENCE_S).status_code == 200
        process.kill()  # it tells nobody; what it has started sees its pipe end
        process.wait(PATIENCE_S)
        assert waited(lambda: not Path(f"/proc/{successor}").exists())
