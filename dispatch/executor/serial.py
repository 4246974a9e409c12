"""One after the other in this process: no start, no copies, and nothing that guards against a chunk that crashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from dispatch.executor.answers import C, Failure, Held, How, Result, V, answer, ends, late, left_s
from dispatch.executor.keeper import Behind, Keeper, Past


class Serial:
    """One chunk after the other in this process. The deadline is looked at between chunks."""

    def __init__(self, how: How | None = None) -> None:
        self.how = how or How()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None

    def map(
        self, fn: Callable[[C], V], chunks: Sequence[tuple[str, C]], deadline: float | None = None
    ) -> Iterator[tuple[str, Result[V] | Failure]]:
        """See :class:`~dispatch.executor.answers.Executor`."""
        end = ends(deadline)
        for name, chunk in chunks:
            yield name, late(deadline) if left_s(end) <= 0 else answer(fn, chunk)

    def held(self, make: Callable[[Any], Any], parts: Sequence[Any]) -> Held:
        """See :class:`~dispatch.executor.answers.Workplace`."""
        return SerialHeld(make, parts)


class SerialHeld:
    """Objects in this process."""

    def __init__(self, make: Callable[[Any], Any], parts: Sequence[Any]) -> None:
        self._keeper, self._past = Keeper(make, dict(enumerate(parts))), Past()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def call(self, method: str, arguments: Sequence[Any], *, changes: bool = True) -> list[Result[Any] | Failure]:
        """See :class:`~dispatch.executor.answers.Held`."""
        found = []
        for part, argument in enumerate(arguments):
            question = self._past.question(part, method, argument, changes=changes)
            told = self._keeper.ask(question)
            if isinstance(told, Behind):  # its making failed the last time
                told = self._keeper.ask(self._past.again(question))
            assert not isinstance(told, Behind)
            self._past.keep(question)
            found.append(told)
        return found

    def close(self) -> None:
        """Forget the objects."""
        self._keeper.made.clear()
        self._keeper.heard.clear()
