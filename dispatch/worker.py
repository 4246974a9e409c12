"""A solver in a process of its own: it can crash, hang or run out of memory, and the caller still has its deadline.

The process is started once and asked many times, because starting Python and the solver takes half a second. Requests
and replies are pickles with their length in front, over the process's own pipes, so no main module is imported again
(a notebook or a script without a guard can use it) and nothing depends on how the platform forks. What the solver
finds on its way is sent at once and kept: when the process has to be killed, the best point so far is still there.
"""

from __future__ import annotations

import os
import pickle
import queue
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Any, Literal, Self

from dispatch.errors import SolveError, TimeUpError

_LENGTH = struct.Struct("<Q")
_PATIENCE_S = 5.0  # for a process that was told to end, or was killed, to be gone

Kind = Literal["ready", "improved", "result", "error", "ended"]
Message = tuple[Kind, Any]


@dataclass(frozen=True)
class Call:
    """What came of one request.

    Attributes:
        result: the function's answer; None where it gave none.
        improved: what it reported on its way, in order.
        failed: why there is no answer; empty if there is one.
        clock_fired: it was stopped because its time was over.
    """

    result: Any = None
    improved: list[Any] = field(default_factory=list)
    failed: str = ""
    clock_fired: bool = False


class Worker:
    """Calls functions in a child process, each within its own time. Use it as a context manager, or ``close`` it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._is_ready = False

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
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from dispatch.worker import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._messages, self._is_ready = queue.SimpleQueue(), False
        reader = threading.Thread(target=_listen, args=(self._process.stdout, self._messages), daemon=True)
        reader.start()
        self._threads = [reader]

    def ready(self, seconds: float) -> bool:
        """Start the process if none runs, and wait until it listens; false if it does not within ``seconds``."""
        self.start()
        if not self._is_ready:
            try:
                kind, _ = self._messages.get(timeout=max(seconds, 0.0))
            except queue.Empty:
                return False
            self._is_ready = kind == "ready"
            if kind == "ended":
                self._farewell()
        return self._is_ready

    def call(self, function: Callable[..., Any], *arguments: Any, seconds: float, **named: Any) -> Call:
        """``function(*arguments, improved=report, **named)`` in the process; killed when ``seconds`` are over.

        The function travels by its module and name; ``report`` sends what it is given to ``Call.improved``.
        """
        until = time.monotonic() + seconds
        if not self.ready(seconds):
            return Call(failed=f"the solver's process did not start within {seconds:.3g} s", clock_fired=True)
        assert self._process is not None
        request = pickle.dumps((function, arguments, named), pickle.HIGHEST_PROTOCOL)
        # In a thread of its own: a process that hangs before it reads would stop the caller, too.
        writer = threading.Thread(target=_write, args=(self._process.stdin, request), daemon=True)
        writer.start()
        self._threads.append(writer)
        improved: list[Any] = []
        while True:
            try:
                kind, content = self._messages.get(timeout=max(until - time.monotonic(), 0.0))
            except queue.Empty:
                self.kill()
                return Call(None, improved, f"stopped after its {seconds:.3g} s without an answer", clock_fired=True)
            if kind == "improved":
                improved.append(content)
                continue
            if kind == "ended":
                return Call(None, improved, self._farewell())
            if kind == "error":
                text, clock_fired = content
                return Call(None, improved, text, clock_fired)
            return Call(content, improved)

    def kill(self) -> None:
        """End the process now, by its own id."""
        if self._process is not None:
            self._process.kill()
            self._put_away()

    def close(self) -> None:
        """Let the process end; it does when nothing more can be asked of it."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        if self._process.poll() is None:
            self._process.kill()  # it holds nothing that would have to be saved
        self._put_away()

    def _farewell(self) -> str:
        assert self._process is not None
        self._process.wait(_PATIENCE_S)
        code = self._process.returncode
        self._put_away()
        return (
            f"the solver's process was ended by signal {-code}" if code < 0 else f"the solver's process ended ({code})"
        )

    def _put_away(self) -> None:
        process, self._process = self._process, None
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.wait(_PATIENCE_S)
        for thread in self._threads:
            thread.join(_PATIENCE_S)
        for pipe in (process.stdin, process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:  # what nobody read any more
                continue


def _listen(pipe: IO[bytes] | None, messages: queue.SimpleQueue[Message]) -> None:
    """Put what the process says into the queue until it says no more."""
    assert pipe is not None
    while (frame := _read(pipe)) is not None:
        messages.put(pickle.loads(frame))
    messages.put(("ended", None))


def _read(pipe: IO[bytes]) -> bytes | None:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    body = pipe.read(size)
    return body if len(body) == size else None


def _write(pipe: IO[bytes] | None, content: bytes) -> None:
    assert pipe is not None
    try:
        pipe.write(_LENGTH.pack(len(content)))
        pipe.write(content)
        pipe.flush()
    except (BrokenPipeError, ValueError, OSError):  # the process is gone; the reader says so
        return


def serve() -> None:
    """What the process does: answer requests until there are no more."""
    # Only replies may go where the caller reads; whatever a library prints goes to the errors.
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def send(kind: Kind, content: Any) -> None:
        _write(replies, pickle.dumps((kind, content), pickle.HIGHEST_PROTOCOL))

    import highspy  # noqa: F401 - the first request should not wait for it
    import scipy.sparse  # noqa: F401 - matrices are made of it

    send("ready", None)
    while (frame := _read(sys.stdin.buffer)) is not None:
        try:
            function, arguments, named = pickle.loads(frame)
            answer = function(*arguments, improved=lambda content: send("improved", content), **named)
        except Exception as error:  # noqa: BLE001 - whatever a solver raises, the caller is told
            known = isinstance(error, SolveError)
            text = str(error) if known else f"the solver failed with {type(error).__name__}: {error}"
            send("error", (text, isinstance(error, TimeUpError)))
        else:
            send("result", answer)
