"""Child processes that answer one message after the other over a pipe."""

from __future__ import annotations

import signal
from collections.abc import Callable
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from dispatch.executor.answers import Failure
from dispatch.solver import environment

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

_GRACE_S = 5.0

# Several workers, each with as many threads as there are cores, stand in each other's way. HiGHS is told by its caller.
ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "VECLIB", "NUMEXPR", "NUMBA", "RAYON")
}


class Child:
    """A process that has begun. It says :attr:`READY` when it listens, then answers what it is sent, in order.

    It is spawned, since a fork would inherit threads and solvers' state.

    Args:
        handler: what answers; made in the parent, so picklable.
    """

    READY = "ready"

    def __init__(self, handler: Callable[[Any], Any]) -> None:
        context = get_context("spawn")
        self.pipe: Connection
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_work, args=(theirs, handler), daemon=True)
        # What is started reads, before any library loads, that it has one thread.
        with environment.written(ONE_THREAD):
            self.process.start()
        theirs.close()  # else a dead worker would leave the pipe open and the reader waiting

    def send(self, message: Any) -> None:
        """Ask; of a child that is gone the answer will say so."""
        try:
            self.pipe.send(message)
        except (BrokenPipeError, ConnectionResetError):
            return

    def receive(self) -> Any:
        """What it said, or a Failure: it is gone, or what it said cannot be read."""
        try:
            return self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.process.join(_GRACE_S)
            return Failure("died", f"the worker process {_farewell(self.process.exitcode)} before it was done")
        except Exception as error:  # noqa: BLE001 - an answer that cannot be read back is the chunk's failure too
            return Failure("raised", f"{type(error).__name__}: {error}")

    def leave(self) -> None:
        """End it: a moment to go by itself, then by force; it holds nothing that must be saved."""
        self.pipe.close()  # it goes when it hears no more
        self.process.join(0.2)
        self.end()

    def end(self) -> None:
        """End it now."""
        if not self.pipe.closed:
            self.pipe.close()
        if self.process.is_alive():
            self.process.terminate()
            self.process.join(_GRACE_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _farewell(code: int | None) -> str:
    return f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with status {code}"


def _work(pipe: Connection, handler: Callable[[Any], Any]) -> None:
    # Ctrl-C reaches the whole group: the parent decides what becomes of its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pipe.send(Child.READY)
        while True:
            pipe.send(handler(pipe.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):  # the parent has no more questions, or is gone
        return
