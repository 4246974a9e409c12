"""A solver in a process of its own: it can crash, hang or run out of memory, and the caller still has its deadline.

The process is started once and asked many times, because starting Python and the solver takes half a second. Requests
and replies are pickles with their length and the request's number in front, over the process's own pipes, so no main
module is imported again (a notebook or a script without a guard can use it) and nothing depends on how the platform
forks. What the solver finds on its way is sent at once and kept: when the process has to be killed, the best point so
far is still there.

Nothing that the process sends has to make sense, and nothing that it leaves behind holds the caller up: what cannot be
read ends it, what it has started is killed with it. It ends by itself when its caller is gone.
"""

from __future__ import annotations

import io
import os
import pickle
import queue
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import IO, Any, Literal, Self, cast

from dispatch.errors import InfeasibleError, SolveError, TimeUpError
from dispatch.solver import environment

_HEAD = struct.Struct("<QQ")  # length, number of the request
_PATIENCE_S = 1.0  # for a process that was told to end, or was killed, to be gone
_ENDING_S = 0.3  # for one whose pipe is closed to be gone by itself
_LINGERING_S = 0.1  # for threads at whose pipe's other end somebody may still be, or nobody
_MOST_POINTS = 100  # that are kept of those reported on the way
# Its caller kills it when its time is over; the kernel's clock ends it a little later, should the caller be gone.
_ORPHANED_S = 2.0
_LONGEST_S = 1e8
_POSIX = os.name == "posix"

Kind = Literal["ready", "improved", "result", "error", "ended", "late"]
Message = tuple[int, Kind, Any]  # the request that it belongs to comes first
_SENT: tuple[Kind, ...] = ("ready", "improved", "result", "error")


@dataclass(frozen=True)
class Call:
    """What came of one request.

    Attributes:
        result: the function's answer; None where it gave none.
        improved: what it reported on its way, in order; of very many the last ones.
        failed: why there is no answer; empty if there is one.
        clock_fired: it was stopped because its time was over.
        infeasible: it failed as the limits contradict each other.
        ended: its process was gone before it answered, whoever ended it: another one may answer.
    """

    result: Any = None
    improved: list[Any] = field(default_factory=list)
    failed: str = ""
    clock_fired: bool = False
    infeasible: bool = False
    ended: bool = False


class Worker:
    """Calls functions in a child process, each within its own time. Use it as a context manager, or ``close`` it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._is_ready = False
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process if none runs; a call does so by itself."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from dispatch.solver.worker import serve; serve()"],
            bufsize=0,  # a buffer has a lock, and a thread that waits for the other end would hold it
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment.of_child(),
            process_group=0 if _POSIX else None,  # what it starts is killed with it
        )
        self._messages, self._is_ready, self._number = queue.SimpleQueue(), False, 0
        reader = threading.Thread(target=_listen, args=(self._process.stdout, self._messages), daemon=True)
        reader.start()
        self._threads = [reader]

    def ready(self, seconds: float) -> bool:
        """Start the process if none runs, and wait until it listens; false if it does not within ``seconds``."""
        self.start()
        if not self._is_ready:
            kind, why = self._heard(time.monotonic() + seconds)
            self._is_ready = kind == "ready"
            if kind == "ended":
                self._farewell(why)
        return self._is_ready

    def call(self, function: Callable[..., Any], *arguments: Any, seconds: float, **named: Any) -> Call:
        """``function(*arguments, improved=report, **named)`` in the process; killed when ``seconds`` are over.

        The function travels by its module and name; ``report`` sends what it is given to ``Call.improved``.
        """
        until = time.monotonic() + seconds
        if not self.ready(seconds):
            if self._process is None:
                return Call(failed="the solver's process ended while it started", ended=True)
            return Call(failed=f"the solver's process did not start within {seconds:.3g} s", clock_fired=True)
        self._send((seconds, function, arguments, named))
        improved: list[Any] = []
        while True:
            kind, content = self._heard(until)
            if kind == "result":
                return Call(content, improved)
            if kind == "error":
                return Call(None, improved, *content)
            if kind == "late":
                self.kill()
                return Call(None, improved, f"stopped after its {seconds:.3g} s without an answer", clock_fired=True)
            if kind != "improved":
                return Call(None, improved, self._farewell(content), ended=True)
            improved = [*improved[1 - _MOST_POINTS :], content]

    def kill(self) -> None:
        """End the process now, by its own id, and whatever it has started."""
        if self._process is not None:
            self._process.kill()
            self._put_away()

    def close(self) -> None:
        """Let the process end; it does when nothing more can be asked of it."""
        self.kill()  # it holds nothing that would have to be saved

    def _send(self, request: tuple[Any, ...]) -> None:
        assert self._process is not None
        content = pickle.dumps(request, pickle.HIGHEST_PROTOCOL)
        self._number += 1
        # In a thread of its own: a process that hangs before it reads would stop the caller, too.
        writer = threading.Thread(target=_write, args=(self._process.stdin, self._number, content), daemon=True)
        writer.start()
        self._threads = [*(thread for thread in self._threads if thread.is_alive()), writer]

    def _heard(self, until: float) -> tuple[Kind, Any]:
        """The next that the process says; that it is late once the time is over, even if it goes on reporting."""
        try:
            number, kind, content = self._messages.get(timeout=max(until - time.monotonic(), 0.0))
        except queue.Empty:
            return "late", None
        if kind == "improved" and time.monotonic() > until:
            return "late", None
        if kind != "ended" and (number != self._number or (kind == "ready") == self._is_ready):
            return "ended", "the solver's process sent what it was not asked for"
        return kind, content

    def _farewell(self, why: str) -> str:
        """Put away a process that has ended, or whose words make no sense; why that is."""
        assert self._process is not None
        if not why:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_ENDING_S)
            code = self._process.poll()
            why = "the solver's process " + (
                "fell silent" if code is None else f"was ended by signal {-code}" if code < 0 else f"ended ({code})"
            )
        self.kill()
        return why

    def _put_away(self) -> None:
        process, self._process = self._process, None
        assert process is not None
        assert process.stdin is not None
        with suppress(subprocess.TimeoutExpired):  # what the kernel cannot end now ends later
            process.wait(_PATIENCE_S)
        if _POSIX:
            with suppress(ProcessLookupError, PermissionError):  # nobody is left of its group
                os.killpg(process.pid, signal.SIGKILL)
        for thread in self._threads:
            thread.join(_LINGERING_S)
        process.stdin.close()  # the other pipe is closed by the thread that reads it


def _listen(pipe: IO[bytes] | None, messages: queue.SimpleQueue[Message]) -> None:
    """Put what the process says into the queue until it says no more, or something that cannot be read."""
    why = ""
    with io.BufferedReader(cast(io.RawIOBase, pipe)) as told:
        try:
            while (frame := _read(told)) is not None:
                messages.put(_message(*frame))
        except Exception as error:  # noqa: BLE001 - whatever garbage leads to
            why = f"the solver's process sent what cannot be read ({type(error).__name__})"
    messages.put((0, "ended", why))


def _message(number: int, body: bytes) -> Message:
    kind, content = pickle.loads(body)
    if kind not in _SENT:
        raise ValueError(kind)
    if kind == "error":
        text, clock_fired, infeasible = content
        content = str(text), bool(clock_fired), bool(infeasible)
    return number, kind, content


def _read(pipe: IO[bytes] | io.BufferedReader) -> tuple[int, bytes] | None:
    head = pipe.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    size, number = _HEAD.unpack(head)
    body = pipe.read(size)
    return (number, body) if len(body) == size else None


def _write(pipe: IO[bytes] | None, number: int, content: bytes) -> None:
    assert pipe is not None
    # The process may be gone; the reader says so.
    with suppress(BrokenPipeError, ValueError, OSError):
        for part in (_HEAD.pack(len(content), number), content):
            left = memoryview(part)
            while left:
                left = left[pipe.write(left) :]


def serve() -> None:
    """What the process does: answer requests until there are no more."""
    # Only replies may go where the caller reads; whatever a library prints goes to the errors.
    replies = cast(IO[bytes], os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if _POSIX:
        threading.Thread(target=_end_with_caller, daemon=True).start()

    import highspy  # noqa: F401 - the first request should not wait for it
    import scipy.sparse  # noqa: F401 - matrices are made of it

    def send(number: int, kind: Kind, content: Any) -> None:
        _write(replies, number, pickle.dumps((kind, content), pickle.HIGHEST_PROTOCOL))

    send(0, "ready", None)
    while (frame := _read(sys.stdin.buffer)) is not None:
        number, request = frame
        try:
            send(number, "result", _answer(request, partial(send, number, "improved")))
        except Exception as error:  # noqa: BLE001 - whatever a solver raises, the caller is told
            known = isinstance(error, SolveError)
            text = str(error) if known else f"the solver failed with {type(error).__name__}: {error}"
            send(number, "error", (text, isinstance(error, TimeUpError), isinstance(error, InfeasibleError)))


def _answer(request: bytes, improved: Callable[[Any], None]) -> Any:
    seconds, function, arguments, named = pickle.loads(request)
    if not _POSIX:
        return function(*arguments, improved=improved, **named)
    # Not even native code that hangs outlives its time, whoever is left to kill it.
    signal.setitimer(signal.ITIMER_REAL, min(seconds, _LONGEST_S) + _ORPHANED_S)
    try:
        return function(*arguments, improved=improved, **named)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def _end_with_caller() -> None:
    """Wait until nobody can ask any more, then go, whatever is being worked on."""
    asked = select.poll()
    asked.register(sys.stdin.fileno(), 0)  # nothing but that the other end is closed
    asked.poll()
    os._exit(0)
