"""What the child process does: answer one job after the other until the worker asks for no more."""

from __future__ import annotations

import importlib
import logging
import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from dispatch.executor.children import ONE_THREAD
from dispatch.service import trace
from dispatch.service.logs import log_as_json
from dispatch.service.runner import trouble
from dispatch.service.runner.places import Outcome
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.trouble import Trouble

Run = Callable[[str, Any, Callable[[str], None]], Outcome | Trouble]

_LOG = logging.getLogger("parkwatt.jobs")
_LINES_PER_S = 20  # of progress; what comes faster is not worth a message
_LONGEST_LINE = 2000


def serve(number: int) -> None:
    """Answer requests from the pipe of this number."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker decides
    os.environ.update({name: os.environ.get(name, one) for name, one in ONE_THREAD.items()})
    pipe = Connection(number)
    policy, modules, level = pickle.loads(pipe.recv_bytes())
    log_as_json(level)
    _limit(policy)
    run = _runner(policy)
    for module in modules:
        _warm(module)
    _send(pipe, pickle.dumps(("ready", None)))
    while True:
        try:
            request = pipe.recv_bytes()
        except (EOFError, OSError):  # the worker is gone
            return
        if not request:  # no more questions
            return
        _send(pipe, _answer(run, request, pipe))


def _limit(policy: Policy) -> None:
    if policy.memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (policy.memory_bytes, policy.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is told; nobody reads the image of its memory


def _warm(module: str) -> None:
    try:
        getattr(importlib.import_module(module), "warm", lambda: None)()
    except Exception:  # noqa: BLE001 - a kind that cannot be warmed up may be able to run
        _LOG.warning("%s could not be warmed up", module, exc_info=True)


def _answer(run: Run, request: bytes, pipe: Connection) -> bytes:
    try:
        module, asked, traceparent = pickle.loads(request)
        trace.begin(traceparent)
        found = run(module, asked, _Progress(pipe))
        return _packed(found)
    except Exception as error:  # noqa: BLE001 - such as an outcome that cannot be sent
        return _packed(trouble.of(error, "sending what came"))


def _packed(found: Outcome | Trouble) -> bytes:
    word, content = ("outcome", found.value) if isinstance(found, Outcome) else ("trouble", found)
    return pickle.dumps((word, (content, _resident_bytes())), pickle.HIGHEST_PROTOCOL)


def _send(pipe: Connection, message: bytes) -> None:
    try:
        pipe.send_bytes(message)
    except OSError:  # nobody listens any more
        sys.exit(0)


class _Progress:
    """Sends lines, at most so many a second."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._last = pipe, 0.0

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if now - self._last >= 1 / _LINES_PER_S:
            self._last = now
            _send(self._pipe, pickle.dumps(("progress", str(text)[:_LONGEST_LINE])))


def here(module: str, asked: Any, progress: Callable[[str], None]) -> Outcome | Trouble:
    """Run the job in this process."""
    try:
        return Outcome(importlib.import_module(module).run(asked, progress))
    except Exception as error:  # noqa: BLE001 - whatever a kind raises is this job's trouble and no other's
        found = trouble.of(error, "running it")
        if not found.is_users:
            _LOG.warning("a job failed in its process", exc_info=True)
        return found


def _silently(chunk: tuple[str, Any]) -> Outcome | Trouble:
    """What a Ray task does; its progress reaches nobody."""
    return here(*chunk, lambda _text: None)


def _runner(policy: Policy) -> Run:
    if policy.executor != "ray":
        return here
    from dispatch.executor import Failure, How, executor

    # This process is Ray's driver: when it is killed, Ray ends its task. How long one may take is the worker's to say.
    workplace = executor("ray", None if policy.ray_address else 1, How(warm=True), address=policy.ray_address or None)
    workplace.__enter__()

    def on_ray(module: str, asked: Any, progress: Callable[[str], None]) -> Outcome | Trouble:
        progress("given to Ray")
        ((_, found),) = workplace.map(_silently, [("job", (module, asked))])
        return Trouble(found.text) if isinstance(found, Failure) else found.value

    return on_ray


def _resident_bytes() -> int:
    """Memory that the process occupies now; at its most, where the system tells no better."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
