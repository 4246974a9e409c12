"""Where ``run`` of a job happens, and what it may answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from dispatch.service.runner import trouble
from dispatch.service.runner.trouble import Trouble
from dispatch.service.work import Kind


def always() -> bool:
    """Nothing stands against it."""
    return True


@dataclass(frozen=True)
class Outcome:
    """What ``run`` returned."""

    value: Any


class Place(Protocol):
    """Runs one job at a time."""

    def ready(self, go_on: Callable[[], bool] = always) -> bool:
        """Whether a job could begin at once; waits for that as long as a start may take.

        Args:
            go_on: asked several times a second whether to wait on.
        """
        ...

    def call(
        self, kind: Kind, asked: Any, seconds: float, heard: Callable[[str], None], tick: Callable[[], None]
    ) -> Outcome | Trouble:
        """``kind.run(asked, progress)``, ended when the seconds are over.

        Args:
            heard: told each line of progress.
            tick: called several times a second; what it raises ends the run, and is raised.
        """
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class InProcess:
    """In this process: no start, no deadline, and a crash is a crash of everything. For tests and small programs."""

    def ready(self, go_on: Callable[[], bool] = always) -> bool:
        """As long as anybody wants it."""
        return go_on()

    def call(
        self, kind: Kind, asked: Any, seconds: float, heard: Callable[[str], None], tick: Callable[[], None]
    ) -> Outcome | Trouble:
        """See :class:`Place`; a deadline that is over before it begins is kept, a later one is not noticed."""
        tick()
        if seconds <= 0:
            return Trouble("its time was over before it began", is_final=True)
        try:
            return Outcome(kind.run(asked, heard))
        except Exception as error:  # noqa: BLE001 - whatever a kind raises is this job's trouble and no other's
            return trouble.of(error, "running it")

    def close(self) -> None:
        """Nothing was started."""
