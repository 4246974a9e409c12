"""Objects held in Ray actors."""

from __future__ import annotations

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
        running = {self._ask(q): q for q in asked if q.part not in found}
        while running:
            ready, _ = self._ray.wait(list(running))
            question = running.pop(ready[0])
            told = self._got(ready[0])
            if isinstance(told, Behind):
                again = self._past.again(question)
                running[self._ask(again)] = again
                continue
            if isinstance(told, Failure) and told.reason == "died":
                self._past.dead[question.part] = told
            found[question.part] = told
            self._past.keep(question)
        return [found[part] for part in range(len(arguments))]

    def _ask(self, question: Question) -> Any:
        return self.actors[question.part % len(self.actors)].ask.remote(question)

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
