"""Where chunks of work run: in this process, in processes of their own, or on Ray. The answers are the same bytes.

::

    map(fn, chunks, deadline) → (chunk's name, Result | Failure), as they finish
    held(make, parts).call(method, [argument per part]) → [Result | Failure], in order

How work is cut into chunks is the caller's and never depends on who runs it, and each chunk starts cold, in a process
that has worked on nothing before (serially: on nothing that keeps state), unless the caller says that its chunks may
follow one another. An executor is passed in as a value. What goes wrong in a chunk is an answer of that chunk and of
no other: an exception, a worker that died (more often than it may be tried again), a deadline.

Ray is imported in here alone, and only when asked for: its start takes longer than many a job.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from dispatch.errors import DataError
from dispatch.executor.answers import Executor, Failure, Held, How, Reason, Result, Workplace
from dispatch.executor.processes import Processes
from dispatch.executor.ray import Ray
from dispatch.executor.serial import Serial

NAMES = ("serial", "processes", "ray")

__all__ = [
    "NAMES",
    "Executor",
    "Failure",
    "Held",
    "How",
    "Processes",
    "Ray",
    "Reason",
    "Result",
    "Serial",
    "Workplace",
    "executor",
]


def executor(name: str, workers: int | None = None, how: How | None = None, *, address: str | None = None) -> Workplace:
    """The executor of that name, with as many workers as there are cores unless said otherwise.

    Args:
        address: of a Ray that runs already, ``host:port`` or ``auto``; for ray alone.

    Raises:
        DataError: there is none of that name, or it has no address; the message says what there is.
    """
    count = workers or os.cpu_count() or 1
    made: dict[str, Callable[[], Workplace]] = {
        "serial": lambda: Serial(how),
        "processes": lambda: Processes(count, how),
        "ray": lambda: Ray(count if workers or address is None else None, how, address=address),
    }
    if name not in made:
        raise DataError(f"executor '{name}' is not known; accepted: {', '.join(NAMES)}")
    if address is not None and name != "ray":
        raise DataError(f"executor '{name}' runs on this machine and takes no address; accepted with one: ray")
    return made[name]()
