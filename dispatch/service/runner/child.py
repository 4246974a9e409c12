"""The process in which jobs are computed, as its worker sees it: asked many times, killed when it has to be.

It leads a process group of its own, which whatever it starts belongs to, and is ended with it as a whole. A shell in
that group waits at the end of a pipe that the worker holds: when the worker is gone, however it went, the pipe ends,
and the shell kills the group. The child could not do that itself while native code keeps it from running Python.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Literal

from dispatch.service import trace
from dispatch.service.runner import trouble
from dispatch.service.runner.places import Outcome, always
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.trouble import Trouble
from dispatch.service.work import Kind
from dispatch.solver import environment

Word = Literal["ready", "progress", "outcome", "trouble", "ended"]

_FAREWELL_S = 2.0
_PATIENCE_S = 5.0  # for a process that was killed to be gone
_MAIN = "import sys; from dispatch.service.runner.child_process import serve; serve(int(sys.argv[1]))"
_WATCH = "read _; kill -KILL 0"  # the whole group, itself included


class Child:
    """A child process that is started when needed, renewed when it has done much or grown, and killed at deadlines.

    Args:
        modules: of kinds whose ``warm`` it calls when it starts.
    """

    def __init__(self, policy: Policy, modules: Sequence[str] = ()) -> None:
        self._policy, self._modules = policy, tuple(modules)
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._said: queue.SimpleQueue[tuple[Word, Any]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._is_ready, self._done, self._resident_bytes = False, 0, 0

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return None if self._process is None else self._process.pid

    def ready(self, go_on: Callable[[], bool] = always) -> bool:
        """See :class:`~dispatch.service.runner.places.Place`; a child that is gone or has done enough is replaced."""
        is_gone = any(each is not None and each.poll() is not None for each in (self._process, self._watch))
        if is_gone or self._done >= self._policy.renew_after or self._resident_bytes > self._policy.renew_bytes:
            self.kill()
        if self._process is None:
            self._start()
        until = time.monotonic() + self._policy.start_s
        while not self._is_ready and time.monotonic() < until and go_on():
            try:
                word, _ = self._said.get(timeout=self._policy.watch_s)
            except queue.Empty:
                continue
            if word != "ready":
                break
            self._is_ready = True
        if not self._is_ready:
            self.kill()
        return self._is_ready

    def call(
        self, kind: Kind, asked: Any, seconds: float, heard: Callable[[str], None], tick: Callable[[], None]
    ) -> Outcome | Trouble:
        """See :class:`~dispatch.service.runner.places.Place`."""
        until = time.monotonic() + seconds

        def in_time() -> bool:
            tick()
            return time.monotonic() < until

        if seconds <= 0:
            return Trouble("its time was over before it began", is_final=True)
        try:
            request = pickle.dumps((kind.module, asked, trace.traceparent()), pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # noqa: BLE001 - pickling raises what it likes
            return trouble.of(error, "sending it")
        try:
            if not self.ready(in_time):
                return Trouble("no process could be started for it in time", is_final=time.monotonic() >= until)
            self._send(request)
            return self._answer(until, seconds, heard, tick)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End the process and all that it started, now."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        assert self._watch is not None
        assert self._watch.stdin is not None
        assert self._pipe is not None
        for process in (self._process, self._watch):
            with contextlib.suppress(subprocess.TimeoutExpired):  # it is in the kernel's hands, and nobody waits for it
                process.wait(_PATIENCE_S)
        for thread in self._threads:
            thread.join(_PATIENCE_S)
        self._pipe.close()
        self._watch.stdin.close()
        self._process = self._watch = self._pipe = None

    def close(self) -> None:
        """Let it end by itself, as it does at an empty question; by force where it does not."""
        if self._process is not None and self._is_ready:
            self._send(b"")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_FAREWELL_S)
        self.kill()

    def _start(self) -> None:
        self._pipe, theirs = Pipe()
        number = theirs.fileno()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _MAIN, str(number)],
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),
                env=environment.of_child(),
                pass_fds=(number,),
                process_group=0,
            )
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH], stdin=subprocess.PIPE, process_group=self._process.pid
        )
        self._said = queue.SimpleQueue()
        self._is_ready, self._done, self._resident_bytes = False, 0, 0
        reader = threading.Thread(target=_listen, args=(self._pipe, self._said), daemon=True)
        reader.start()
        self._threads = [reader]
        level = logging.getLevelName(logging.getLogger("parkwatt").getEffectiveLevel())
        self._send(pickle.dumps((self._policy, self._modules, level), pickle.HIGHEST_PROTOCOL))

    def _send(self, message: bytes) -> None:
        """From a thread: a process that hangs before it reads would stop the worker, too."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        writer = threading.Thread(target=_write, args=(self._pipe, message), daemon=True)
        writer.start()
        self._threads.append(writer)

    def _answer(
        self, until: float, seconds: float, heard: Callable[[str], None], tick: Callable[[], None]
    ) -> Outcome | Trouble:
        while (left := until - time.monotonic()) > 0:
            tick()
            try:
                word, content = self._said.get(timeout=min(left, self._policy.watch_s))
            except queue.Empty:
                continue
            if word == "progress":
                heard(content)
            elif word == "ended":
                return Trouble(self._farewell())
            else:
                self._done += 1
                found, self._resident_bytes = content
                return Outcome(found) if word == "outcome" else found
        self.kill()
        return Trouble(f"stopped after its {seconds:.3g} s", is_final=True)

    def _farewell(self) -> str:
        assert self._process is not None
        try:
            code = self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            code = 0
        self.kill()
        return f"its process was ended by signal {-code}" if code < 0 else f"its process ended ({code})"


def _listen(pipe: Connection, said: queue.SimpleQueue[tuple[Word, Any]]) -> None:
    """Put what the process says into the queue until it says no more, or what is no message."""
    try:
        while True:
            said.put(pickle.loads(pipe.recv_bytes()))
    except Exception:  # noqa: BLE001 - the end of the pipe, or half an answer: whatever it is, nothing more will come
        said.put(("ended", None))


def _write(pipe: Connection, message: bytes) -> None:
    with contextlib.suppress(OSError):  # the process is gone; the reader says so
        pipe.send_bytes(message)
