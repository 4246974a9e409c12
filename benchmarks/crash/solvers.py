"""Solvers that break in every way we could think of; a worker's process finds them by module and name.

Each takes the healthy answer as a function, so that one that lies about a point solves it first, and one that crashes
does not. What goes wrong is real where it can be: memory runs out under a limit of the kernel, a hang holds the
interpreter's lock with all signals blocked, garbage goes into the pipe over which the process answers.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from dispatch.errors import SolveError, TimeUpError
from dispatch.highs import Answer, Limits, Matrices, Point, run


@dataclass(frozen=True)
class Asked:
    """One call of the solver.

    Attributes:
        healthy: what it would have answered.
        improved: takes points on the way; None where nobody listens.
    """

    matrices: Matrices
    seconds: float
    healthy: Callable[[], Answer]
    improved: Callable[[Any], None] | None
    random: np.random.Generator


Fault = Callable[[Asked], Any]


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


# ---- a point that is none


def nan_in_point(asked: Asked) -> Answer:
    return _with_entries(asked, np.nan, 1)


def nan_everywhere(asked: Asked) -> Answer:
    return _with_entries(asked, np.nan, asked.matrices.cost.size)


def infinite_point(asked: Asked) -> Answer:
    return _with_entries(asked, np.inf, 2)


def _with_entries(asked: Asked, value: float, count: int) -> Answer:
    answer = asked.healthy()
    x = answer.x.copy()
    x[asked.random.choice(x.size, min(count, x.size), replace=False)] = value
    return replace(answer, x=x)


def nan_objective(asked: Asked) -> Answer:
    return replace(asked.healthy(), objective=np.nan)


def nan_bound(asked: Asked) -> Answer:
    return replace(asked.healthy(), bound=np.nan)


def nan_duals(asked: Asked) -> Answer:
    answer = asked.healthy()
    return replace(answer, row_dual=np.full_like(answer.row_dual, np.nan))


def truncated(asked: Asked) -> Answer:
    answer = asked.healthy()
    return replace(answer, x=answer.x[: asked.random.integers(1, answer.x.size)])


def empty(asked: Asked) -> Answer:
    return replace(asked.healthy(), x=np.zeros(0))


def too_long(asked: Asked) -> Answer:
    answer = asked.healthy()
    return replace(answer, x=np.append(answer.x, np.zeros(int(asked.random.integers(1, 50)))))


def folded(asked: Asked) -> Answer:
    answer = asked.healthy()
    return replace(answer, x=answer.x[:, None])


def short_duals(asked: Asked) -> Answer:
    answer = asked.healthy()
    return replace(answer, row_dual=answer.row_dual[: asked.random.integers(answer.row_dual.size)])


# ---- lies


def wrong_point(asked: Asked) -> Answer:
    """Calls a point optimal that breaks the rows: everything at zero."""
    answer, offset = asked.healthy(), asked.matrices.offset
    return replace(answer, x=np.zeros_like(answer.x), objective=offset, bound=offset)


def shaken_point(asked: Asked) -> Answer:
    """A little beside every row, objective and bound to match."""
    answer = asked.healthy()
    x = answer.x * (1 + 0.05 * asked.random.standard_normal(answer.x.size))
    objective = float(asked.matrices.cost @ x) + asked.matrices.offset
    return replace(answer, x=x, objective=objective, bound=objective)


def permuted_point(asked: Asked) -> Answer:
    answer = asked.healthy()
    x = asked.random.permutation(answer.x)
    objective = float(asked.matrices.cost @ x) + asked.matrices.offset
    return replace(answer, x=x, objective=objective, bound=objective)


def wrong_objective(asked: Asked) -> Answer:
    answer = asked.healthy()
    return replace(answer, objective=answer.objective - 1e3, bound=answer.objective - 1e3)


def wrong_bound(asked: Asked) -> Answer:
    answer = asked.healthy()
    return replace(answer, bound=answer.objective + 1e3)


# ---- not an answer


def nothing(_: Asked) -> None:
    return None


def wrong_type(asked: Asked) -> Any:
    answer = asked.healthy()
    kinds = ("Optimal", {"x": answer.x}, answer.x, 17, [answer], Point(answer.x, answer.objective, answer.bound))
    return kinds[asked.random.integers(len(kinds))]


def wrong_fields(asked: Asked) -> Any:
    """An answer by its type, and nothing in it as it should be."""
    answer: Any = asked.healthy()
    fields: tuple[dict[str, Any], ...] = (
        {"x": list(answer.x)},
        {"x": answer.x.astype(object)},
        {"x": answer.x.astype(str)},
        {"x": None},
        {"objective": "optimal"},
        {"objective": None},
        {"bound": None},
        {"bound": np.zeros(3)},
        {"row_dual": None},
        {"quality": "splendid"},
        {"nodes": None},
        {"nodes": np.nan},
    )
    return replace(answer, **fields[asked.random.integers(len(fields))])


class Unreadable:
    """Cannot be put together again by whoever receives it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _refuse, ()


def _refuse() -> NoReturn:
    raise RuntimeError("cannot be read")


def cannot_be_read(_: Asked) -> Any:
    return Unreadable()


def cannot_be_sent(_: Asked) -> Any:
    return lambda: None


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


# ---- points on the way


def flood_of_points(asked: Asked) -> Answer:
    """The same point again and again, without an end."""
    answer = asked.healthy()
    if asked.improved is None:
        return answer
    point = Point(answer.x, answer.objective, answer.bound)
    while True:
        asked.improved(point)


def bad_points_then_crash(asked: Asked) -> NoReturn:
    answer, send = asked.healthy(), asked.improved or (lambda _: None)
    points = (None, "point", Point(answer.x[:3], 0.0, 0.0), Point(answer.x * np.nan, 0.0, 0.0), Point(None, "", None))  # type: ignore[arg-type]
    send(points[asked.random.integers(len(points))])
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still here")


FAMILIES: dict[str, tuple[Fault, ...]] = {
    "exception": (exception, exception_without_text, exception_that_ends),
    "infeasible": (infeasible, time_limit),
    "NaN": (nan_in_point, nan_everywhere, infinite_point, nan_objective, nan_bound, nan_duals),
    "hang": (hang, hang_native, hang_busy, stopped, hang_after_points, hang_with_child),
    "out of memory": (memory_refused, killed_allocating),
    "crash": (segfault, abort, exit_with_success),
    "truncated or wrong length": (truncated, empty, too_long, folded, short_duals),
    "wrong point, objective or bound": (wrong_point, shaken_point, permuted_point, wrong_objective, wrong_bound),
    "no answer": (nothing, wrong_type, wrong_fields, cannot_be_read, cannot_be_sent),
    "on the pipe": (garbage, garbage_and_hang, huge_frame, half_a_frame, another_message, pipes_closed),
    "points on the way": (flood_of_points, bad_points_then_crash),
}
FAULTS: dict[str, Fault] = {fault.__name__: fault for family in FAMILIES.values() for fault in family}


@dataclass(frozen=True)
class Injected:
    """A solver whose calls go wrong as planned; each fault is written into ``log`` before it happens.

    Attributes:
        fault: what the first call meets.
        after: what later calls meet: nothing, the same, or now and then another.
        seed: of what is drawn.
    """

    fault: str
    after: str
    seed: int
    log: str

    def __call__(
        self,
        matrices: Matrices,
        limits: Limits,
        *,
        improved: Callable[[Any], None] | None = None,
        **named: Any,
    ) -> Any:
        number = len(Path(self.log).read_bytes().splitlines())
        random = np.random.default_rng([self.seed, number])
        name = self._name(number, random)
        with Path(self.log).open("a") as told:
            told.write(name + "\n")
        if name == "healthy":
            return run(matrices, limits, improved=improved, **named)

        def healthy() -> Answer:
            return run(matrices, limits, improved=improved, **named)

        return FAULTS[name](Asked(matrices, limits.seconds or 0.0, healthy, improved, random))

    def _name(self, number: int, random: np.random.Generator) -> str:
        if number == 0 or self.after == "same":
            return self.fault
        if self.after == "healthy" or random.random() < 0.5:
            return "healthy"
        return str(random.choice(list(FAULTS)))
