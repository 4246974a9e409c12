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
from dispatch.service.runner import trouble
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.trouble import Trouble

_LOG = logging.getLogger(__name__)
_LINES_PER_S = 20  # of progress; what comes faster is not worth a message
_LONGEST_LINE = 2000


def serve(number: int) -> None:
    """Answer requests from the pipe of this number."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker decides
    os.environ.update({name: os.environ.get(name, one) for name, one in ONE_THREAD.items()})
    pipe = Connection(number)
    policy, modules = pickle.loads(pipe.recv_bytes())
    _limit(policy)
    run = _runner(policy)
    for module in modules:
        _warm(module)
    _say(pipe, "ready", None)
    while True:
        try:
            request = pipe.recv_bytes()
        except (EOFError, OSError):  # no more questions
            return
        word, content = _answered(run, request, pipe)
        _say(pipe, word, (content, _resident_bytes()))


def _limit(policy: Policy) -> None:
    if policy.memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (policy.memory_bytes, policy.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is told; nobody reads the image of its memory


def _warm(module: str) -> None:
    try:
        getattr(importlib.import_module(module), "warm", lambda: None)()
    except Exception:
        _LOG.exception("%s could not be warmed up", module)


def _answered(run: Callable[[str, Any, Callable[[str], None]], Any], request: bytes, pipe: Connection) -> Any:
    try:
        module, asked = pickle.loads(request)
        answer = ("outcome", run(module, asked, _Progress(pipe)))
        pickle.dumps(answer[1], pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        found = trouble.of(error, "running it")
        if not found.is_users:
            _LOG.exception("a job failed in its process")
        return "trouble", found
    return answer


def _say(pipe: Connection, word: str, content: Any) -> None:
    try:
        pipe.send_bytes(pickle.dumps((word, content), pickle.HIGHEST_PROTOCOL))
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
            _say(self._pipe, "progress", str(text)[:_LONGEST_LINE])


def here(module: str, asked: Any, progress: Callable[[str], None]) -> Any:
    """Run the job in this process."""
    return importlib.import_module(module).run(asked, progress)


def _silently(chunk: tuple[str, Any]) -> Any:
    """What a Ray task does; its progress reaches nobody."""
    module, asked = chunk
    return here(module, asked, lambda _text: None)


def _runner(policy: Policy) -> Callable[[str, Any, Callable[[str], None]], Any]:
    if policy.executor != "ray":
        return here
    from dispatch.executor import Failure, How, executor

    # This process is Ray's driver: when it is killed, Ray ends its task. How long one may take is the worker's to say.
    workplace = executor("ray", None if policy.ray_address else 1, How(warm=True), address=policy.ray_address or None)
    workplace.__enter__()

    def on_ray(module: str, asked: Any, progress: Callable[[str], None]) -> Any:
        progress("given to Ray")
        for _name, found in workplace.map(_silently, [("job", (module, asked))]):
            if isinstance(found, Failure):
                raise RayError(found)
            return found.value
        raise AssertionError("one chunk has one answer")

    return on_ray


class RayError(Exception):
    """A task on Ray came to nothing."""


def _resident_bytes() -> int:
    """Memory that the process occupies now; at its most, where the system tells no better."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


__all__ = ["RayError", "Trouble", "here", "serve"]
