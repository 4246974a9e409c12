"""Starts worker processes and keeps so many of them running until it is told to stop.

A worker hangs on a pipe: its settings come through it first, and its end tells the worker that this process is gone,
however it went. Then the worker gives back what it has in hand and ends; see :mod:`dispatch.service.runner.worker`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from dispatch.service.runner.policy import Policy

_LOG = logging.getLogger("parkwatt.workers")
_FIRST_PAUSE_S = 0.2
_STEADY_S = 10.0  # after so long a worker counts as one that works, and its successor is started at once
_LOOK_S = 0.1
_MAIN = "from dispatch.service.runner.worker import main; main()"


@dataclass
class _Seat:
    """A worker's place: who sits there, since when, and when the next one may."""

    process: subprocess.Popen[bytes] | None = None
    since: float = 0.0
    pause_s: float = _FIRST_PAUSE_S
    next: float = 0.0
    ended: list[int] = field(default_factory=list)


class Supervisor:
    """So many workers on a store, as a context manager or by ``start`` and ``stop``."""

    def __init__(
        self, url: str, data: Path, workers: int, policy: Policy | None = None, log_level: str = "info"
    ) -> None:
        self._policy = policy or Policy()
        told = {"url": url, "data": str(data), "log_level": log_level, "policy": asdict(self._policy)}
        self._told = json.dumps(told).encode() + b"\n"
        self._seats = [_Seat() for _ in range(workers)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def pids(self) -> list[int]:
        """The workers that run now."""
        return [seat.process.pid for seat in self._seats if seat.process is not None and seat.process.poll() is None]

    def start(self) -> None:
        """Start the workers; they are looked after from then on."""
        for seat in self._seats:
            self._fill(seat)
        self._thread.start()

    def stop(self) -> None:
        """Let the workers finish what they have in hand, or give it back after their time of grace, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        running = [seat.process for seat in self._seats if seat.process is not None]
        for process in running:
            process.terminate()
        until = time.monotonic() + self._policy.grace_s + self._policy.lease_s
        for process in running:
            try:
                process.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                _LOG.warning("worker %d did not stop and is killed", process.pid)
                process.kill()
                process.wait()
            assert process.stdin is not None
            process.stdin.close()

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_S):
            for seat in self._seats:
                if seat.process is not None and seat.process.poll() is not None:
                    self._clear(seat)
                if seat.process is None and time.monotonic() >= seat.next:
                    self._fill(seat)

    def _clear(self, seat: _Seat) -> None:
        assert seat.process is not None
        assert seat.process.stdin is not None
        seat.process.stdin.close()
        now = time.monotonic()
        if now - seat.since >= _STEADY_S:
            seat.pause_s = _FIRST_PAUSE_S
        _LOG.warning(
            "worker %d ended (%s); another starts in %.1f s", seat.process.pid, seat.process.returncode, seat.pause_s
        )
        seat.process, seat.next = None, now + seat.pause_s
        seat.pause_s = min(seat.pause_s * 2, self._policy.longest_restart_s)

    def _fill(self, seat: _Seat) -> None:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        # A group of its own: Ctrl-C at the server's terminal must not reach it before the server has.
        seat.process = subprocess.Popen(
            [sys.executable, "-c", _MAIN], stdin=subprocess.PIPE, env=environment, process_group=0
        )
        seat.since = time.monotonic()
        assert seat.process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone already; the next look sees that
            seat.process.stdin.write(self._told)
            seat.process.stdin.flush()
