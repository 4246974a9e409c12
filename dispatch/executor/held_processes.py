"""Objects held in processes of this machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from multiprocessing import connection
from types import TracebackType
from typing import Any, Self

from dispatch.executor.answers import Failure, How, Result
from dispatch.executor.children import Child
from dispatch.executor.keeper import Behind, Keeper, Past, Question, tries


class HeldProcesses:
    """Parts dealt out to so many processes; each process answers its parts' questions in turn."""

    def __init__(self, make: Callable[[Any], Any], parts: Sequence[Any], workers: int, how: How) -> None:
        self._past, self._tries = Past(), tries(how)
        held, count = dict(enumerate(parts)), min(workers, len(parts))
        shares = [{part: held[part] for part in list(held)[worker::count]} for worker in range(count)]
        self._workers = [_Worker(make, share) for share in shares]  # they load while the caller goes on

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def pids(self) -> tuple[int | None, ...]:
        """The workers' process ids."""
        return tuple(worker.child.process.pid for worker in self._workers)

    def call(self, method: str, arguments: Sequence[Any], *, changes: bool = True) -> list[Result[Any] | Failure]:
        """See :class:`~dispatch.executor.answers.Held`."""
        found: dict[int, Result[Any] | Failure] = dict(self._past.dead)
        for worker in self._workers:
            asked = [self._past.question(p, method, arguments[p], changes=changes) for p in worker.share]
            worker.ask(question for question in asked if question.part not in found)
        while busy := [worker for worker in self._workers if worker.waiting]:
            ready = connection.wait([worker.child.pipe for worker in busy])
            for worker in [worker for worker in busy if worker.child.pipe in ready]:
                self._heard(worker, found)
        return [found[part] for part in range(len(arguments))]

    def _heard(self, worker: _Worker, found: dict[int, Result[Any] | Failure]) -> None:
        told = worker.child.receive()
        if told == Child.READY:
            worker.is_ready = True
        elif isinstance(told, Behind):
            worker.waiting[0] = self._past.again(worker.waiting[0])
        elif isinstance(told, Failure) and told.reason == "died" and worker.tried + 1 < self._tries:
            worker.renew()
            return
        else:
            question = worker.waiting.popleft()
            if isinstance(told, Failure) and told.reason == "died":
                self._past.dead[question.part] = told
                worker.renew()
            worker.tried, found[question.part] = 0, told
            self._past.keep(question)
        worker.next()

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.child.leave()


class _Worker:
    """A process and what it is still to be asked.

    Attributes:
        waiting: questions, the first of which it is answering.
        tried: how often it died of the first.
        is_ready: it listens.
    """

    def __init__(self, make: Callable[[Any], Any], share: Mapping[int, Any]) -> None:
        self.share = share
        self._new = partial(Child, Keeper(make, share).ask)
        self.waiting: deque[Question] = deque()
        self.tried, self.is_ready = 0, False
        self.child = self._new()

    def ask(self, questions: Iterable[Question]) -> None:
        """Take on more; nothing is waiting."""
        self.waiting.extend(questions)
        self.next()

    def next(self) -> None:
        """Send the first question, if there is one and anybody to hear it."""
        if self.waiting and self.is_ready:
            self.child.send(self.waiting[0])

    def renew(self) -> None:
        """Another process; what this one knew is gone."""
        self.child.leave()
        self.child, self.is_ready, self.tried = self._new(), False, self.tried + 1
