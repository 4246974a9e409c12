"""Solvers that raise, crash, hang, run out of memory or write rubbish into their pipe.

What goes wrong is real where it can be: memory runs out under a limit of the kernel, a hang holds the interpreter's
lock with all signals blocked, a child is left behind that keeps the pipes open.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from benchmarks.crash.asked import Asked
from dispatch.errors import SolveError, TimeUpError
from dispatch.solver.highs import Answer, Point

# ---- raised


class Untold(Exception):  # noqa: N818 - an error that is broken itself
    def __str__(self) -> str:
        raise ValueError("no text either")


def exception(asked: Asked) -> NoReturn:
    errors = (ValueError("price 1e20"), RuntimeError("model status 17"), ZeroDivisionError(), KeyError("x"), OSError(5))
    raise errors[asked.random.integers(len(errors))]


def exception_without_text(_: Asked) -> NoReturn:
    raise Untold


def exception_that_ends(asked: Asked) -> NoReturn:
    raise (KeyboardInterrupt, SystemExit, GeneratorExit)[asked.random.integers(3)]


def infeasible(_: Asked) -> NoReturn:
    raise SolveError("HiGHS stopped without a plan: Infeasible")


def time_limit(asked: Asked) -> NoReturn:
    """All of its time, and nothing to show for it."""
    time.sleep(asked.seconds)
    raise TimeUpError("HiGHS stopped without a plan: Time limit reached")


# ---- memory


@contextmanager
def _little_memory(room: int) -> Iterator[None]:
    """No more than so many bytes beyond what is mapped: the kernel refuses the rest."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (mapped + room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def memory_refused(_asked: Asked) -> Any:
    """The solver's memory grows until the kernel says no."""
    with _little_memory(32 << 20):
        return [np.ones(1 << 20) for _ in range(1000)]


def killed_allocating(asked: Asked) -> NoReturn:
    """What the kernel does to a process that takes too much: no warning, in the midst of it."""
    threading.Timer(float(asked.random.uniform(0, 0.02)), os.kill, (os.getpid(), signal.SIGKILL)).start()
    held = []
    while True:
        held.append(np.ones(1 << 17))
        if len(held) > 64:  # a machine has other work, too
            held.clear()


# ---- crashed


def segfault(_: Asked) -> NoReturn:
    ctypes.string_at(0)
    raise AssertionError("still here")


def abort(_: Asked) -> NoReturn:
    """As a C++ exception that nobody catches."""
    os.abort()


def exit_with_success(_: Asked) -> NoReturn:
    os._exit(0)


# ---- does not come back


def _deaf() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))


def hang(_: Asked) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(3600)


def hang_native(_: Asked) -> NoReturn:
    """Native code that never gives the interpreter back, deaf to every signal that can be blocked."""
    _deaf()
    while True:
        ctypes.PyDLL(None).sleep(3600)  # unlike CDLL, it keeps the interpreter's lock


def hang_busy(_: Asked) -> NoReturn:
    _deaf()
    while True:
        pass


def stopped(_: Asked) -> NoReturn:
    while True:
        os.kill(os.getpid(), signal.SIGSTOP)


def hang_after_points(asked: Asked) -> Any:
    """Finds good points first."""
    answer = asked.healthy()
    if asked.improved is not None:
        asked.improved(Point(answer.x, answer.objective, answer.bound))
    hang(asked)


def hang_with_child(asked: Asked) -> NoReturn:
    """Leaves a process behind that holds the same pipes open."""
    subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(3600)"], pass_fds=pipes())
    hang(asked)


# ---- on the pipe


def pipes() -> tuple[int, ...]:
    """Everything open that is a pipe, the one for the answers among them; not the errors, which a person reads."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            kind = os.fstat(int(entry.name)).st_mode
        except OSError:  # the one that listed them
            continue
        if int(entry.name) > 2 and stat.S_ISFIFO(kind):
            found.append(int(entry.name))
    return tuple(found)


def _put(content: bytes) -> None:
    for pipe in pipes():
        try:
            os.write(pipe, content)
        except OSError:  # an end for reading
            continue


def garbage(asked: Asked) -> Answer:
    """Bytes without sense before the answer, of a library that writes where it should not."""
    _put(asked.random.bytes(int(asked.random.integers(1, 5000))))
    return asked.healthy()


def garbage_and_hang(asked: Asked) -> NoReturn:
    _put(asked.random.bytes(3))
    hang(asked)


def huge_frame(asked: Asked) -> NoReturn:
    """Announces more than any memory holds."""
    sizes = (1 << 40, 1 << 62, (1 << 64) - 1)
    _put(struct.pack("<QQ", sizes[asked.random.integers(3)], 1))
    hang(asked)


def half_a_frame(_: Asked) -> NoReturn:
    _put(struct.pack("<QQ", 1000, 1) + b"x" * 500)
    os._exit(0)


def another_message(asked: Asked) -> Answer:
    """A frame that can be read and says nothing that is known."""
    content = (17, ("result",), ("praise", None), ("error", None), {"result": 1}, ("ready", None))
    body = pickle.dumps(content[asked.random.integers(len(content))])
    _put(struct.pack("<QQ", len(body), int(asked.random.integers(3))) + body)
    return asked.healthy()


def pipes_closed(asked: Asked) -> NoReturn:
    for pipe in pipes():
        os.close(pipe)
    hang(asked)
