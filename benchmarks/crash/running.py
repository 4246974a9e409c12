"""The service as it is run: a server and workers as processes of their own, which can be killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks.crash.climbs import MARK
from benchmarks.postgres_server import PostgresServer
from benchmarks.processes import ROOT
from dispatch.service.http.scopes import SCOPES
from dispatch.service.store import Store, keys, tenants

_STARTED_S = 90.0
_LEASE_S = 2.0
_ENDED_S = 20.0


class Program:
    """One of our commands as a process; what it starts is found by its number."""

    def __init__(self, log: Path, environment: dict[str, str], *arguments: str) -> None:
        self._log, self.environment, self._arguments = log, environment, arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def start(self) -> None:
        with self._log.open("ab") as told:
            command = [sys.executable, "-m", "dispatch", *self._arguments]
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=told, stderr=told, stdin=subprocess.DEVNULL
            )

    def kill(self) -> None:
        """As the kernel would: nothing can be done about it."""
        os.kill(self.pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def stop(self) -> None:
        """In order; killed where that takes too long."""
        if self.has_ended:
            return
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(_ENDED_S)
        except subprocess.TimeoutExpired:
            self.kill()


class Running:
    """A server and so many workers on a new store.

    Attributes:
        url: of the server; the same after it was started again.
        data: its folder.
    """

    def __init__(self, folder: Path, database: str = "", workers: int = 2, extra: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        self.database = database or f"sqlite:///{self.data}/parkwatt.sqlite"
        self.store = Store.open(self.database, self.data)
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        settings = {
            "DATABASE": self.database,
            "DATA": str(self.data),
            "JOB_LEASE_S": str(_LEASE_S),
            "LOG_LEVEL": "error",
        }
        settings |= {
            "JOB_POLL_S": "0.05",
            "JOB_KINDS": "benchmarks.crash.effect",
            "JOB_PAUSE_S": "0.1",
            "JOB_NICE": "0",
        }
        settings |= {"JOB_COMPACTION_S": "2", "JOB_HOUSEKEEPING_S": "5", "REQUESTS_PER_MINUTE": "1000000"}
        environment = {**os.environ, "TMPDIR": str(self.temporary), "PYTHONPATH": str(ROOT), MARK: str(folder)}
        environment |= {f"PARKWATT_{name}": value for name, value in settings.items()} | (extra or {})
        self.server = Program(folder / "server.log", environment, "serve", "--port", str(port), "--workers", "0")
        place = ("worker", "--data", str(self.data), "--database", self.database)
        self.workers = [Program(folder / f"worker_{n}.log", environment, *place) for n in range(workers)]

    def credential(self, tenant: str) -> str:
        """A new tenant, and a key of it that may do everything."""
        with self.store.admin() as connection:
            tenants.create(connection, tenant, tenant, datetime.now(UTC))
        with self.store.write(tenant, "crash") as tx:
            made, secret = keys.create(tx, "crash", list(SCOPES))
        return f"pw_{made.id}_{secret}"

    def start(self) -> None:
        """Everything that does not run; returns when the server answers."""
        for program in (self.server, *self.workers):
            if program.has_ended:
                program.start()
        until = time.monotonic() + _STARTED_S
        while not self._answers():
            if self.server.has_ended or time.monotonic() > until:
                raise RuntimeError("the server did not start")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5, verify=False).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        for program in (self.server, *self.workers):
            program.stop()
        self.store.close()


def children(pid: int) -> list[int]:
    """Processes that a process has started itself."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
        except OSError:  # gone meanwhile
            continue
    return found


@contextmanager
def running(
    folder: Path, database: str = "sqlite", workers: int = 2
) -> Iterator[tuple[Running, PostgresServer | None]]:
    """The service on a database of its own, and PostgreSQL's server where that is one."""
    with ExitStack() as opened:
        server, url = None, ""
        if database == "postgresql":
            server = PostgresServer(durable=True)
            opened.callback(server.close)
            server.execute("CREATE DATABASE park")
            url = server.url("park")
        service = Running(folder, url, workers)
        opened.callback(service.stop)
        service.start()
        yield service, server
