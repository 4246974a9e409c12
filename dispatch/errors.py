"""Everything this package raises on purpose.

::

    ParkwattError
    ├── ConfigError      the user's file is wrong: carries every Problem found, not the first
    ├── DataError        a series, weather run or network that the plan needs is missing or unusable
    │   ├── NoForecastError  what is known of something is too little to forecast it from
    │   └── AlignmentError   arrays that should share one horizon do not
    ├── ContractError    an asset kind broke the Part / check / rule contract (a bug, not a user's mistake)
    ├── NotATemplateError  a structure whose ratings cannot be parameters: each of its sites needs a problem of its own
    └── SolveError       no rung of the ladder gave a plan that passes the audit
        ├── InfeasibleError  a solver proved that the limits contradict each other
        └── TimeUpError      a search was ended by the clock and left nothing
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a user's file: where, what was found, what would be accepted."""

    path: str
    message: str
    accepted: str = ""
    line: int | None = None

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path} (line {self.line})"
        tail = f" Accepted: {self.accepted}." if self.accepted else ""
        return f"{where}: {self.message.rstrip('.')}.{tail}"


class ParkwattError(Exception):
    """Root of the tree: whatever is raised below it can be shown to a user as one message."""


class ConfigError(ParkwattError):
    """A user's file is wrong; ``problems`` lists all that was found."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        count = len(self.problems)
        super().__init__(f"{source}: {count} problem{'s' if count != 1 else ''}\n{lines}")


class DataError(ParkwattError):
    """A series, weather run or network that the plan needs is missing or unusable."""


class NoForecastError(DataError):
    """What is known of something that the plan needs is too little to forecast it from."""


class AlignmentError(DataError):
    """Arrays that should share one horizon do not."""


class ContractError(ParkwattError):
    """An asset kind broke the contract of :mod:`dispatch.asset`."""


class NotATemplateError(ParkwattError):
    """A structure's ratings cannot be parameters, so that no problem of it serves several sites."""


class SolveError(ParkwattError):
    """No rung of the ladder gave a plan that passes the audit."""


class InfeasibleError(SolveError):
    """A solver proved that no point keeps all limits."""


class TimeUpError(SolveError):
    """A search was ended by the clock and left nothing."""
