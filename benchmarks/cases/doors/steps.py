"""Steps that are taken one after the other, each of which succeeds or says why not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

State = TypeVar("State")


@dataclass(frozen=True)
class Step:
    """What came of a step; ``trouble`` is empty where it went well."""

    name: str
    trouble: str = ""


def told(function: Callable[..., object]) -> str:
    return (function.__doc__ or function.__name__).strip().rstrip(".")


async def taken(state: State, steps: Sequence[Callable[[State], Awaitable[None]]]) -> list[Step]:
    """Take all steps, whatever came of the ones before."""
    found = []
    for step in steps:
        try:
            await step(state)
        except Exception as error:  # noqa: BLE001 - whatever a client raises, this step has failed
            found.append(Step(told(step), f"{type(error).__name__}: {error}"))
        else:
            found.append(Step(told(step)))
    return found


def failed(steps: Sequence[Step]) -> list[str]:
    return [f"{step.name}: {step.trouble}" for step in steps if step.trouble]
