"""Processes of this machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import connection
from types import TracebackType
from typing import Any, Generic, Self

from dispatch.executor.answers import C, Failure, Held, How, Result, V, answer, ends, late, left_s
from dispatch.executor.children import Child
from dispatch.executor.held_processes import HeldProcesses

_LONG_S = 1e6


class Processes:
    """A fresh process for each chunk, or one for many (``how.warm``), so many at a time.

    A process that dies is the Failure of its chunk alone, once its retries are used.
    """

    def __init__(self, workers: int, how: How | None = None) -> None:
        self.workers, self.how = workers, how or How()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None

    def map(
        self, fn: Callable[[C], V], chunks: Sequence[tuple[str, C]], deadline: float | None = None
    ) -> Iterator[tuple[str, Result[V] | Failure]]:
        """See :class:`~dispatch.executor.answers.Executor`."""
        pool = _Pool(fn, self.workers, self.how, deque(_Task(name, chunk) for name, chunk in chunks))
        end = ends(deadline)
        try:
            while pool.waiting or pool.running:
                if left_s(end) <= 0:
                    for task in [*pool.running.values(), *pool.waiting]:
                        yield task.name, late(deadline)
                    return
                pool.start()
                yield from pool.answers(left_s(end))
        finally:
            pool.close()

    def held(self, make: Callable[[Any], Any], parts: Sequence[Any]) -> Held:
        """See :class:`~dispatch.executor.answers.Workplace`."""
        return HeldProcesses(make, parts, self.workers, self.how)


@dataclass
class _Task(Generic[C]):
    """A chunk on its way.

    Attributes:
        tried: how often a worker died of it.
        end: when its own deadline is over; counts from when a worker has it.
    """

    name: str
    chunk: C
    tried: int = 0
    end: float = float("inf")


class _Pool:
    """Workers, what each of them does, and what waits."""

    def __init__(self, fn: Callable[[Any], Any], workers: int, how: How, waiting: deque[_Task[Any]]) -> None:
        self.fn, self.workers, self.how, self.waiting = fn, workers, how, waiting
        self.running: dict[Child, _Task[Any]] = {}
        self.idle: list[Child] = []

    def start(self) -> None:
        """Give whoever is free something to do; a new process only where none is free."""
        while self.waiting and len(self.running) < self.workers:
            task = self.waiting.popleft()
            if self.idle:
                child = self.idle.pop()
                self._give(child, task)
            else:
                child = Child(partial(answer, self.fn))
            self.running[child] = task

    def _give(self, child: Child, task: _Task[Any]) -> None:
        task.end = ends(self.how.chunk_deadline_s)
        child.send(task.chunk)

    def answers(self, within_s: float) -> Iterator[tuple[str, Result[Any] | Failure]]:
        """What has come, after waiting for something."""
        nearest = min([within_s, *(left_s(task.end) for task in self.running.values())])
        pipes = {child.pipe: child for child in self.running}
        ready = connection.wait(list(pipes), timeout=min(max(nearest, 0.0), _LONG_S))
        for child in [child for pipe, child in pipes.items() if pipe in ready]:
            yield from self._heard(child)
        for child in [child for child, task in self.running.items() if left_s(task.end) <= 0]:
            task = self.running.pop(child)
            child.end()
            yield task.name, late(self.how.chunk_deadline_s)

    def _heard(self, child: Child) -> Iterator[tuple[str, Result[Any] | Failure]]:
        task, told = self.running[child], child.receive()
        if told == Child.READY:
            self._give(child, task)
            return
        del self.running[child]
        died = isinstance(told, Failure) and told.reason == "died"
        if self.how.warm and not died:
            self.idle.append(child)
        else:
            child.leave()
        if died and task.tried < self.how.retries:
            task.tried, task.end = task.tried + 1, float("inf")
            self.waiting.appendleft(task)
        else:
            yield task.name, told

    def close(self) -> None:
        """End all workers; nothing is asked of them any more."""
        for child in self.running:
            child.end()
        for child in self.idle:
            child.leave()
