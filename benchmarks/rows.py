"""What a measurement is, what it must reach, and the register of all of them."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

State = Literal["measured", "stale", "not measured", "failed"]
Value = float | int | bool

RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
}


class CannotMeasure(Exception):  # noqa: N818 - an answer, not an error: the row says why it has no value
    """What the measurement needs is not on this machine."""


@dataclass(frozen=True)
class Bar:
    """What a value must reach, as written: ``<= 180``."""

    relation: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> Bar:
        relation, _, limit = text.partition(" ")
        if relation not in RELATIONS:
            raise ValueError(f"bar {text!r}: expected one of {', '.join(RELATIONS)}, a space and a number")
        return cls(relation, float(limit))

    def holds(self, value: Value) -> bool:
        return bool(RELATIONS[self.relation](float(value), self.limit))


@dataclass(frozen=True)
class Measured:
    """A value with the published or independent one it is compared with."""

    value: Value
    reference: float | None = None


@dataclass(frozen=True)
class Row:
    """One line of the table. ``seconds`` is how long measuring took; ``note`` says why there is no value."""

    name: str
    value: Value | None
    unit: str
    reference: float | None
    ratio: float | None
    bar: str
    holds: bool | None
    seconds: float | None
    state: State
    note: str = ""


@dataclass(frozen=True)
class Measurement:
    """A registered function that measures one row."""

    topic: str
    name: str
    unit: str
    bar: str
    slow: bool
    inputs: tuple[str, ...]
    function: Callable[[], Measured | Value]

    def blank(self, state: State, note: str = "") -> Row:
        return Row(self.name, None, self.unit, None, None, self.bar, None, None, state, note)

    def measure(self) -> Row:
        """Run it. What goes wrong becomes part of the row: one broken measurement hides no other."""
        start = time.perf_counter()
        try:
            answer = self.function()
        except CannotMeasure as reason:
            return self.blank("not measured", str(reason))
        except Exception as error:  # noqa: BLE001 - whatever the product raises, the row failed
            failed = self.blank("failed", f"{type(error).__name__}: {error}")
            return replace(failed, holds=False, seconds=time.perf_counter() - start)
        return self.row(answer, time.perf_counter() - start)

    def row(self, answer: Measured | Value, seconds: float) -> Row:
        measured = answer if isinstance(answer, Measured) else Measured(answer)
        value, reference = measured.value, measured.reference
        ratio = float(value) / reference if reference else None
        holds = Bar.parse(self.bar).holds(value)
        return Row(self.name, value, self.unit, reference, ratio, self.bar, holds, seconds, "measured")


class Register:
    """All measurements by topic and name, in the order they were written."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], Measurement] = {}

    def row(
        self, topic: str, *, name: str, unit: str, bar: str, slow: bool = False, inputs: tuple[str, ...] = ()
    ) -> Callable[[Callable[[], Measured | Value]], Callable[[], Measured | Value]]:
        """Register the decorated function; it is stale once a file or folder of ``inputs`` has changed."""
        Bar.parse(bar)
        if (topic, name) in self._all:
            raise ValueError(f"{topic}: two rows are called {name!r}")

        def add(function: Callable[[], Measured | Value]) -> Callable[[], Measured | Value]:
            self._all[topic, name] = Measurement(topic, name, unit, bar, slow, inputs, function)
            return function

        return add

    def of(self, topic: str) -> list[Measurement]:
        return [m for m in self._all.values() if m.topic == topic]


REGISTER = Register()
row = REGISTER.row
