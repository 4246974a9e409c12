"""Where chunks of work run: in this process, in processes of their own, or on Ray. The answers are the same bytes.

::

    map(fn, chunks, deadline) → (chunk's name, Result | Failure), as they finish

How work is cut into chunks is the caller's and never depends on who runs it, and each chunk starts cold: in a process
that has worked on nothing before (serially: on nothing that keeps state). An executor is passed in as a value. What
goes wrong in a chunk is an answer of that chunk and of no other: an exception, a worker that died, the deadline.

Ray is imported here alone, and only when asked for: its start takes longer than many a job.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from dispatch.errors import DataError, ParkwattError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

C = TypeVar("C")
V = TypeVar("V")
Reason = Literal["raised", "died", "deadline"]

NAMES = ("serial", "processes", "ray")
_GRACE_S = 5.0


@dataclass(frozen=True)
class Result(Generic[V]):
    """What a chunk came to."""

    value: V


@dataclass(frozen=True)
class Failure:
    """Why a chunk came to nothing: it raised, its worker died, or the deadline passed before it was done.

    Attributes:
        text: for a person.
        ours: the error is one of ours, so that its text can be shown to a user as it is.
    """

    reason: Reason
    text: str
    ours: bool = False


class Executor(Protocol):
    """Runs chunks; see the module's docstring."""

    def map(
        self, fn: Callable[[C], V], chunks: Sequence[tuple[str, C]], deadline: float | None = None
    ) -> Iterator[tuple[str, Result[V] | Failure]]:
        """Answers as they come, every chunk once.

        Args:
            fn: importable by name, with picklable arguments and answers.
            chunks: name and argument of each.
            deadline: seconds from now after which what is not done is a Failure.
        """
        ...


def executor(name: str, workers: int | None = None) -> Executor:
    """The executor of that name, with as many workers as there are cores unless said otherwise.

    Raises:
        DataError: there is none of that name; the message lists those there are.
    """
    count = workers or os.cpu_count() or 1
    made: dict[str, Callable[[], Executor]] = {
        "serial": Serial,
        "processes": lambda: Processes(count),
        "ray": lambda: Ray(count),
    }
    if name not in made:
        raise DataError(f"executor '{name}' is not known; accepted: {', '.join(NAMES)}")
    return made[name]()


class Serial:
    """One chunk after the other in this process. The deadline is looked at between chunks."""

    def map(
        self, fn: Callable[[C], V], chunks: Sequence[tuple[str, C]], deadline: float | None = None
    ) -> Iterator[tuple[str, Result[V] | Failure]]:
        """See :class:`Executor`."""
        ends = _ends(deadline)
        for name, chunk in chunks:
            yield name, _late(deadline) if _left_s(ends) <= 0 else _answer(fn, chunk)


class Processes:
    """A fresh process for each chunk, so many at a time. A process that dies is the Failure of its chunk alone."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def map(
        self, fn: Callable[[C], V], chunks: Sequence[tuple[str, C]], deadline: float | None = None
    ) -> Iterator[tuple[str, Result[V] | Failure]]:
        """See :class:`Executor`."""
        ends, waiting = _ends(deadline), list(chunks)
        running: dict[Connection, tuple[str, SpawnProcess]] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self.workers and _left_s(ends) > 0:
                    name, chunk = waiting.pop(0)
                    pipe, process = _started(fn, chunk)
                    running[pipe] = name, process
                ready = connection.wait(list(running), timeout=min(_left_s(ends), 1e6)) if running else []
                for pipe in [p for p in running if p in ready]:
                    name, process = running.pop(pipe)
                    yield name, _received(pipe, process)
                if _left_s(ends) <= 0:
                    for name in [name for name, _ in running.values()] + [name for name, _ in waiting]:
                        yield name, _late(deadline)
                    return
        finally:
            for _, process in running.values():
                _end(process)


class Ray:
    """A fresh Ray worker for each chunk, on a Ray of this machine that is started for the call and ended with it."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def map(
        self, fn: Callable[[C], V], chunks: Sequence[tuple[str, C]], deadline: float | None = None
    ) -> Iterator[tuple[str, Result[V] | Failure]]:
        """See :class:`Executor`."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        import ray

        ends = _ends(deadline)
        ray.init(include_dashboard=False, num_cpus=self.workers, log_to_driver=False, logging_level="ERROR")
        try:
            # One call per worker, and none again: a chunk starts cold, and one that kills its worker is not repeated.
            remote = ray.remote(max_calls=1, max_retries=0, num_cpus=1)(_answer)
            shared = ray.put(fn)
            running = {remote.remote(shared, chunk): name for name, chunk in chunks}
            while running:
                ready, _ = ray.wait(list(running), timeout=min(max(_left_s(ends), 0), 1e6))
                for reference in ready:
                    yield running.pop(reference), _got(ray, reference)
                if running and _left_s(ends) <= 0:
                    for name in running.values():
                        yield name, _late(deadline)
                    return
        finally:
            ray.shutdown()


def _answer(fn: Callable[[C], V], chunk: C) -> Result[V] | Failure:
    try:
        return Result(fn(chunk))
    except ParkwattError as error:
        return Failure("raised", str(error), ours=True)
    except Exception as error:  # noqa: BLE001 - whatever a chunk raises is that chunk's answer
        return Failure("raised", f"{type(error).__name__}: {error}")


def _ends(deadline: float | None) -> float:
    return time.monotonic() + (float("inf") if deadline is None else deadline)


def _left_s(ends: float) -> float:
    return ends - time.monotonic()


def _late(deadline: float | None) -> Failure:
    return Failure("deadline", f"not done within {deadline:g} s")


def _started(fn: Callable[[C], V], chunk: C) -> tuple[Connection, SpawnProcess]:
    """A process that has begun; spawned, since a fork would inherit threads and solvers' state."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, fn, chunk), daemon=True)
    process.start()
    theirs.close()  # else a dead worker would leave the pipe open and the reader waiting
    return ours, process


def _work(pipe: Connection, fn: Callable[[C], V], chunk: C) -> None:
    pipe.send(_answer(fn, chunk))
    pipe.close()


def _received(pipe: Connection, process: SpawnProcess) -> Result[Any] | Failure:
    try:
        answer: Result[Any] | Failure = pipe.recv()
    except EOFError:
        process.join(_GRACE_S)
        answer = Failure("died", f"the worker process ended with status {process.exitcode} before it was done")
    except Exception as error:  # noqa: BLE001 - an answer that cannot be read back is the chunk's failure too
        answer = Failure("raised", f"{type(error).__name__}: {error}")
    pipe.close()
    _end(process)
    return answer


def _end(process: SpawnProcess) -> None:
    """Wait a moment for it to leave by itself only where it has answered; it holds nothing that must be saved."""
    process.join(0.2)
    if process.is_alive():
        process.terminate()
        process.join(_GRACE_S)
    if process.is_alive():
        process.kill()
        process.join()


def _got(ray: Any, reference: Any) -> Result[Any] | Failure:
    try:
        answer: Result[Any] | Failure = ray.get(reference)
    except ray.exceptions.RayError as error:
        return Failure("died", f"the Ray worker ended before it was done: {str(error).splitlines()[0]}")
    return answer
