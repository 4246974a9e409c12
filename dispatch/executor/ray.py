"""On Ray: one of this machine, started and ended with the executor, or a cluster that runs already."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from dispatch.executor.answers import C, Failure, Held, How, Result, V, answer, ends, late, left_s
from dispatch.executor.held_ray import HeldRay
from dispatch.executor.ray_session import died, session

# Chunks that Ray has, per worker: enough that none waits for the driver, few enough that a fleet's do not pile up.
_IN_FLIGHT = 3
# Ray does not tell when a chunk begins: its own clock allows for the start of a worker, which takes seconds.
_STARTING_S = 30.0
_LONG_S = 1e6


class Ray:
    """A fresh Ray worker for each chunk, or reused ones (``how.warm``).

    Without an address a Ray of this machine is started for the call, or for the ``with`` block around several, and
    ended with it. A Ray that runs already, here or at the address, is used and left as it is.

    Args:
        workers: at most so many at a time; None: as many as the cluster has cores.
    """

    def __init__(self, workers: int | None = None, how: How | None = None, *, address: str | None = None) -> None:
        self.workers, self.how, self.address = workers, how or How(), address
        self._open = ExitStack()
        self._ray: Any = None

    def __enter__(self) -> Self:
        self._ray, self.workers = self._open.enter_context(session(self.workers, self.address))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ray = None
        self._open.close()

    def map(
        self, fn: Callable[[C], V], chunks: Sequence[tuple[str, C]], deadline: float | None = None
    ) -> Iterator[tuple[str, Result[V] | Failure]]:
        """See :class:`~dispatch.executor.answers.Executor`."""
        if self._ray is None:
            with self:
                yield from self.map(fn, chunks, deadline)
            return
        assert self.workers is not None
        end, flight = ends(deadline), _Flight(self._ray, fn, self.workers, self.how)
        waiting = deque(chunks)
        try:
            while waiting or flight.running:
                if left_s(end) <= 0:
                    for name in [*flight.running.values(), *(name for name, _ in waiting)]:
                        yield name, late(deadline)
                    return
                while waiting and len(flight.running) < _IN_FLIGHT * self.workers:
                    flight.start(*waiting.popleft())
                yield from flight.answers(left_s(end))
        finally:
            flight.close()

    def held(self, make: Callable[[Any], Any], parts: Sequence[Any]) -> Held:
        """See :class:`~dispatch.executor.answers.Workplace`."""
        opened = ExitStack()
        if self._ray is None:
            opened.enter_context(self)
        assert self.workers is not None
        return HeldRay(self._ray, make, parts, self.workers, self.how, opened)


class _Flight:
    """Chunks that Ray has, in the order in which it was given them.

    Ray starts them in that order and does not tell when: the clock of a chunk's own deadline runs from a worker's
    start after it is among the first as many as there are workers.
    """

    def __init__(self, ray: Any, fn: Callable[[Any], Any], workers: int, how: How) -> None:
        self.ray, self.workers, self.how = ray, workers, how
        # A worker that takes one call and no other starts each chunk cold. Ray tries again only whose worker died.
        calls = 0 if how.warm else 1
        options = {"max_calls": calls, "max_retries": how.retries, "num_cpus": 1, "retry_exceptions": False}
        self._remote = ray.remote(**options)(answer)
        # Put by the driver, on its own machine: lost only with the driver, whose end is the end of the call.
        self._fn = ray.put(fn)
        self.running: dict[Any, str] = {}
        self._ends: dict[Any, float] = {}

    def start(self, name: str, chunk: Any) -> None:
        """Give Ray one more."""
        self.running[self._remote.remote(self._fn, chunk)] = name

    def answers(self, within_s: float) -> Iterator[tuple[str, Result[Any] | Failure]]:
        """What has come, after waiting for something."""
        if self.how.chunk_deadline_s is not None:
            for reference in list(self.running)[: self.workers]:
                self._ends.setdefault(reference, ends(self.how.chunk_deadline_s + _STARTING_S))
        nearest = min([within_s, *(left_s(end) for end in self._ends.values())])
        ready, _ = self.ray.wait(list(self.running), timeout=min(max(nearest, 0.0), _LONG_S), fetch_local=False)
        for reference in ready:
            yield self._landed(reference), self._got(reference)
        for reference in [reference for reference, end in self._ends.items() if left_s(end) <= 0]:
            self.ray.cancel(reference, force=True)
            yield self._landed(reference), late(self.how.chunk_deadline_s)

    def _landed(self, reference: Any) -> str:
        self._ends.pop(reference, None)
        return self.running.pop(reference)

    def _got(self, reference: Any) -> Result[Any] | Failure:
        try:
            found: Result[Any] | Failure = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            return died(error)
        return found

    def close(self) -> None:
        """What nobody waits for any more does not go on."""
        for reference in self.running:
            self.ray.cancel(reference, force=True)
