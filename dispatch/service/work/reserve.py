"""A process beside the worker's own child, for what must be answered when that one was killed.

It asks no solver, but builds a problem in libraries that are not ours: of a large park that takes time and memory, and
neither may be the worker's. It is started at the first need, or before it where a deadline leaves no time for that; it
is kept, and ends with the worker, whose pipe it reads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from dispatch.errors import SolveError
from dispatch.solver.worker import Worker

# The first answer starts Python and loads what it needs; the others take a tenth of a second for a small park. A plan
# always arrives: on two cores with fifteen others at work, and workers being nice, the first one took more than 30 s.
_SECONDS = 180.0
# Somebody who ends processes, such as a system that lacks memory, ends this one too: until then another one is asked.
_AGAIN_S = _SECONDS
_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0


class _Reserve:
    def __init__(self) -> None:
        self._worker, self._lock = Worker(), threading.Lock()

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        began, pause_s = time.monotonic(), _PAUSE_S
        with self._lock:
            found = self._worker.call(function, *arguments, seconds=_SECONDS)
            while found.ended and time.monotonic() - began < _AGAIN_S:
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                found = self._worker.call(function, *arguments, seconds=_SECONDS)
        return found

    def close(self) -> None:
        with self._lock:
            self._worker.close()


@cache
def _reserve() -> _Reserve:
    """The one of this process."""
    return _Reserve()


def answer(function: Callable[..., Any], *arguments: Any) -> Any:
    """``function(*arguments, improved=…)`` there, within bounded time.

    Raises:
        SolveError: it gave no answer; the message says why.
    """
    found = _reserve().ask(function, *arguments)
    if found.failed:
        raise SolveError(found.failed)
    return found.result


def begin(function: Callable[..., Any]) -> None:
    """Start the process now, if there is none, and let it call ``function`` to load what answers need; nobody waits."""
    if not _reserve.cache_info().currsize:
        threading.Thread(target=_reserve().ask, args=(function,), daemon=True).start()


def close() -> None:
    """End the process, if there is one; the next answer starts another."""
    if _reserve.cache_info().currsize:
        _reserve().close()
        _reserve.cache_clear()
