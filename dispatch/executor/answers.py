"""What is asked of executors and what comes back: the types that all of them share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Literal, Protocol, Self, TypeVar

from dispatch.errors import ParkwattError

C = TypeVar("C")
V = TypeVar("V")
Reason = Literal["raised", "died", "deadline"]


@dataclass(frozen=True)
class Result(Generic[V]):
    """What a chunk came to."""

    value: V


@dataclass(frozen=True)
class Failure:
    """Why a chunk came to nothing: it raised, its worker died, or a deadline passed before it was done.

    Attributes:
        text: for a person.
        ours: the error is one of ours, so that its text can be shown to a user as it is.
    """

    reason: Reason
    text: str
    ours: bool = False


@dataclass(frozen=True)
class How:
    """How chunks are run; without any of it each starts cold and is tried once.

    Attributes:
        warm: a worker takes one chunk after the other. Whoever asks for it says that a chunk's answer does not depend
            on what its worker did before.
        retries: how often a chunk is tried again whose worker died; one that raised is never.
        chunk_deadline_s: after so long a chunk is a Failure and its worker is ended [s]; serially nobody can end it.
    """

    warm: bool = False
    retries: int = 0
    chunk_deadline_s: float | None = None


class Executor(Protocol):
    """Runs chunks; see the package's docstring."""

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


class Held(Protocol):
    """Objects that live in workers, ``make(part)`` for each part, and are asked again and again."""

    def call(self, method: str, arguments: Sequence[Any], *, changes: bool = True) -> list[Result[Any] | Failure]:
        """Every object's ``method(argument)``, in the order of the parts; those of different workers at a time.

        An object whose worker died is made again, told what it was told before, and asked again: with ``make`` and
        its methods deterministic, the answers are the same bytes. If it dies whatever is done, that part's answer is
        a Failure, and so are its later ones; the other parts go on.

        Args:
            method: its name.
            arguments: one per part.
            changes: the call leaves something behind in the object (a basis, a column), so that one that is made
                again must hear it, too.
        """
        ...

    def close(self) -> None:
        """End the workers; it is a context manager, too."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


class Workplace(Executor, Protocol):
    """An executor that holds objects, too. As a context manager it keeps what is slow to start between calls."""

    def held(self, make: Callable[[Any], Any], parts: Sequence[Any]) -> Held:
        """Objects in workers: ``make(part)`` for each part, wherever there is a worker for it.

        Args:
            make: importable by name; what it makes never leaves its worker.
            parts: picklable. How many there are is the caller's and must not follow the number of workers.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


def answer(fn: Callable[[C], V], chunk: C) -> Result[V] | Failure:
    """What the chunk comes to here: whatever it raises is its answer."""
    try:
        return Result(fn(chunk))
    except ParkwattError as error:
        return Failure("raised", str(error), ours=True)
    except Exception as error:  # noqa: BLE001 - whatever a chunk raises is that chunk's answer
        return Failure("raised", f"{type(error).__name__}: {error}")


def ends(deadline: float | None) -> float:
    """When the clock of this process will have reached the deadline [s]."""
    return time.monotonic() + (float("inf") if deadline is None else deadline)


def left_s(end: float) -> float:
    """Until then [s]."""
    return end - time.monotonic()


def late(deadline: float | None) -> Failure:
    """The answer of what was not done in time."""
    return Failure("deadline", f"not done within {deadline:g} s")
