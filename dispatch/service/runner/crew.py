"""Starts processes of one kind and keeps so many of them running until it is told to stop.

Each hangs on a pipe: what it is told comes through it first, and its end tells the process that this one is gone,
however it went; see :mod:`dispatch.service.runner.lifeline`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from dispatch.solver import environment

_LOG = logging.getLogger("parkwatt.processes")
_FIRST_PAUSE_S = 0.2
_STEADY_S = 10.0  # after so long a process counts as one that works, and its successor is started at once
_LOOK_S = 0.1


@dataclass
class _Seat:
    """A process's place: who sits there, since when, and when the next one may."""

    process: subprocess.Popen[bytes] | None = None
    since: float = 0.0
    pause_s: float = _FIRST_PAUSE_S
    next: float = 0.0
    ended: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Kind:
    """What all of them are.

    Attributes:
        what: their name in the log.
        main: Python that each runs.
        told: JSON that each reads first, a line on its standard input.
        grace_s: how long one that is told to end may take.
        longest_restart_s: pauses before another is started double up to that.
        handed: file descriptors that they get from this process.
        ended: told the id of each that has ended.
    """

    what: str
    main: str
    told: Mapping[str, Any]
    grace_s: float
    longest_restart_s: float
    handed: tuple[int, ...] = ()
    ended: Callable[[int], object] = lambda _: None


class Crew:
    """So many processes, as a context manager or by ``start`` and ``stop``."""

    def __init__(self, kind: Kind, count: int) -> None:
        self._kind = kind
        self._told = json.dumps(kind.told).encode() + b"\n"
        self._seats = [_Seat() for _ in range(count)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"{kind.what}s", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def pids(self) -> list[int]:
        """Those that run now."""
        return [seat.process.pid for seat in self._seats if seat.process is not None and seat.process.poll() is None]

    def start(self) -> None:
        """Start them; they are looked after from then on."""
        for seat in self._seats:
            self._fill(seat)
        self._thread.start()

    def stop(self) -> None:
        """Let them finish what they have in hand, or give it back after their time of grace, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        running = [seat.process for seat in self._seats if seat.process is not None]
        for process in running:
            process.terminate()
        until = time.monotonic() + self._kind.grace_s
        for process in running:
            try:
                process.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                _LOG.warning("%s %d did not stop and is killed", self._kind.what, process.pid)
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
        who, how = f"{self._kind.what} {seat.process.pid}", seat.process.returncode
        _LOG.warning("%s ended (%s); another starts in %.1f s", who, how, seat.pause_s)
        self._kind.ended(seat.process.pid)
        seat.process, seat.next = None, now + seat.pause_s
        seat.pause_s = min(seat.pause_s * 2, self._kind.longest_restart_s)

    def _fill(self, seat: _Seat) -> None:
        # A group of its own: Ctrl-C at the server's terminal must not reach it before the server has.
        seat.process = subprocess.Popen(
            [sys.executable, "-c", self._kind.main],
            stdin=subprocess.PIPE,
            env=environment.of_child(),
            process_group=0,
            pass_fds=self._kind.handed,
        )
        seat.since = time.monotonic()
        assert seat.process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone already; the next look sees that
            seat.process.stdin.write(self._told)
            seat.process.stdin.flush()
