"""Objects held in Ray actors."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from dispatch.executor.answers import Failure, How, Result
from dispatch.executor.keeper import Behind, Keeper, Past, Question, tries
from dispatch.executor.ray_session import died


class HeldRay:
    """Parts dealt out to so many actors, which Ray starts again wherever they die; then they are told all again."""

    def __init__(
        self, ray: Any, make: Callable[[Any], Any], parts: Sequence[Any], workers: int, how: How, opened: ExitStack
    ) -> None:
        self._ray, self._past, self._opened = ray, Past(), opened
        held, count = dict(enumerate(parts)), min(workers, len(parts))
        # Started again for ever, asked again a few times: a poisonous part dies of its question, not of its start.
        actor = ray.remote(max_restarts=-1, max_task_retries=tries(how) - 1, num_cpus=1)(Keeper)
        shares = [{part: held[part] for part in list(held)[worker::count]} for worker in range(count)]
        self.actors = [actor.remote(make, share) for share in shares]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def call(self, method: str, arguments: Sequence[Any], *, changes: bool = True) -> list[Result[Any] | Failure]:
        """See :class:`~dispatch.executor.answers.Held`."""
        found: dict[int, Result[Any] | Failure] = dict(self._past.dead)
        asked = [self._past.question(p, method, a, changes=changes) for p, a in enumerate(arguments)]
        left = [question for question in asked if question.part not in found]
        queues = [deque(q for q in left if self._at(q) == at) for at in range(len(self.actors))]
        # One question at a time for an actor: those behind one that kills it would be lost with it.
        running = {self._ask(queue[0]): queue for queue in queues if queue}
        while running:
            ready, _ = self._ray.wait(list(running))
            queue = running.pop(ready[0])
            told = self._got(ready[0])
            if isinstance(told, Behind):
                queue[0] = self._past.again(queue[0])
            else:
                question = queue.popleft()
                if isinstance(told, Failure) and told.reason == "died":
                    self._past.dead[question.part] = told
                found[question.part] = told
                self._past.keep(question)
            if queue:
                running[self._ask(queue[0])] = queue
        return [found[part] for part in range(len(arguments))]

    def _at(self, question: Question) -> int:
        return question.part % len(self.actors)

    def _ask(self, question: Question) -> Any:
        return self.actors[self._at(question)].ask.remote(question)

    def _got(self, reference: Any) -> Result[Any] | Failure | Behind:
        try:
            found: Result[Any] | Failure | Behind = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return died(error)
        return found

    def close(self) -> None:
        """End the actors, and Ray where it was started for them."""
        for actor in self.actors:
            self._ray.kill(actor)
        self.actors = []
        self._opened.close()
