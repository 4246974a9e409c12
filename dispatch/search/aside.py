"""A process beside this one that works on the same matrices and talks through a pipe."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from dispatch.highs import Answer, Matrices, continuous

_GRACE_S = 5.0


@contextmanager
def companion(target: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    """``target(*arguments, pipe)`` in a process of its own; the other end of the pipe here. It ends with the block."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=target, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield mine
    finally:
        mine.close()
        process.join(0.1)
        if process.is_alive():
            process.kill()
            process.join(_GRACE_S)


def relax_aside(matrices: Matrices, pipe: Connection) -> None:
    """The whole relaxation, sent when it is solved."""
    pipe.send(continuous(matrices))


def received(pipe: Connection, seconds: float) -> Answer | None:
    """What was sent; None where it is not there in time or never comes."""
    try:
        return pipe.recv() if pipe.poll(seconds) else None
    except (EOFError, OSError):
        return None
