"""A PostgreSQL of our own for tests and measurements: in a folder of its own, on a socket there, gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.rows import CannotMeasure

_USER = "postgres"
_START_S = 120.0
# A server whose data nobody needs after a loss of power; one that is to be durable is started without these.
_FAST = {"fsync": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0"}
_SMALL = {"shared_buffers": "32MB", "max_connections": "100", "listen_addresses": "", "autovacuum": "off"}


def binaries() -> Path:
    """The folder of PostgreSQL's programs.

    Raises:
        CannotMeasure: there is none.
    """
    roots = Path("/usr/lib/postgresql")
    found = sorted(roots.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0)
    if found:
        return found[-1].parent
    if (on_path := shutil.which("initdb")) is not None:
        return Path(on_path).resolve().parent
    raise CannotMeasure(f"no PostgreSQL under {roots} and no initdb on the path")


class PostgresServer:
    """A server process; ``durable=False`` spares the syncs, for tests of everything but durability."""

    def __init__(self, *, durable: bool = False, settings: Mapping[str, str] | None = None) -> None:
        self._bin = binaries()
        self.folder = Path(tempfile.mkdtemp(prefix="pw-pg-"))
        self._settings = {**_SMALL, **({} if durable else _FAST), **(settings or {})}
        # The server refuses to run as root, and its folder must be its own.
        self._as: dict[str, Any] = {"user": _USER, "group": _USER} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(self.folder, _USER, _USER)
        self._process: subprocess.Popen[bytes] | None = None
        options = ["--auth=trust", f"--username={_USER}", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        self._call("initdb", *options, *([] if durable else ["--no-sync"]), "-D", str(self.data))
        self.start()

    @property
    def data(self) -> Path:
        """The server's data."""
        return self.folder / "data"

    @property
    def pid(self) -> int:
        """The server's first process."""
        assert self._process is not None
        return self._process.pid

    def url(self, database: str = "postgres") -> str:
        """The address of a database, as SQLAlchemy takes it."""
        return f"postgresql+psycopg://{_USER}@/{database}?host={self.folder}"

    def start(self) -> None:
        """Start it, after a crash too, and wait until it answers."""
        told = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._bin / "postgres"), "-D", str(self.data), "-k", str(self.folder), *told]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **self._as)
        ends = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text('utf-8')[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a crash would: at once, and all its processes."""
        process = self._process
        assert process is not None
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split()
        for pid in (process.pid, *map(int, children)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.wait()

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement outside of transactions, such as one that makes a database."""
        import psycopg

        address = f"host={self.folder} user={_USER} dbname={database}"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode())

    def close(self) -> None:
        """End it and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)  # at once: what it holds is not needed any more
            self._process.wait(timeout=_START_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(f"host={self.folder} user={_USER} dbname=postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, **self._as)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr[-2000:]}")
