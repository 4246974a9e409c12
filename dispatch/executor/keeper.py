"""Objects that are kept between questions, and that notice when they are not what the questioner thinks.

A worker that died is started again and knows nothing. Each question therefore says how many the object should have
heard. If that is not what it has, the answer is :class:`Behind`, and the questioner sends everything from the start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dispatch.executor.answers import Failure, How, Result, answer

_LEAST_RETRIES = 2


@dataclass(frozen=True)
class Question:
    """One call of one object.

    Attributes:
        part: which object.
        heard: how many calls that change it it must have heard.
        past: those calls, where it is to be made anew; else None.
    """

    part: int
    heard: int
    method: str
    argument: Any
    changes: bool
    past: tuple[tuple[str, Any], ...] | None = None


@dataclass(frozen=True)
class Behind:
    """The object is not there, or has not heard what it should have."""


class Keeper:
    """Makes objects when they are first asked and keeps them."""

    def __init__(self, make: Callable[[Any], Any], parts: Mapping[int, Any]) -> None:
        self.make, self.parts = make, parts
        self.made: dict[int, Any] = {}
        self.heard: dict[int, int] = {}

    def ask(self, question: Question) -> Result[Any] | Failure | Behind:
        """The answer of the object that is meant."""
        if question.past is None and self.heard.get(question.part) != question.heard:
            return Behind()
        return answer(self._asked, question)

    def _asked(self, question: Question) -> Any:
        part = question.part
        if question.past is not None:
            self.heard.pop(part, None)  # so that one that fails on the way is not taken for whole
            self.made[part] = self.make(self.parts[part])
            for method, argument in question.past:
                answer(getattr(self.made[part], method), argument)  # what it raised then it raises again
            self.heard[part] = len(question.past)
        self.heard[part] += question.changes
        return getattr(self.made[part], question.method)(question.argument)


@dataclass
class Past:
    """What the objects have been told, on the questioner's side."""

    calls: dict[int, list[tuple[str, Any]]] = field(default_factory=dict)
    dead: dict[int, Failure] = field(default_factory=dict)

    def question(self, part: int, method: str, argument: Any, *, changes: bool) -> Question:
        """To an object that should be up to date; the first one it hears makes it."""
        calls = self.calls.get(part)
        heard = 0 if calls is None else len(calls)
        return Question(part, heard, method, argument, changes, () if calls is None else None)

    def again(self, question: Question) -> Question:
        """The same to one that must be made anew."""
        past = tuple(self.calls.get(question.part, ()))
        return Question(question.part, len(past), question.method, question.argument, question.changes, past)

    def keep(self, question: Question) -> None:
        """The question has been answered."""
        calls = self.calls.setdefault(question.part, [])
        if question.changes:
            calls.append((question.method, question.argument))


def tries(how: How) -> int:
    """How often a question is put before its part is given up; a worker may be killed by what is not its doing."""
    return 1 + max(how.retries, _LEAST_RETRIES)
