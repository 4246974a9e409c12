"""What goes wrong with a job, as data: it crosses from a child process, and becomes the problem that a user reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dispatch.errors import ConfigError, DataError, ParkwattError
from dispatch.service.errors import InvalidError, ServiceError, configured, problem
from dispatch.service.store.faults import StoreError


@dataclass(frozen=True)
class Trouble:
    """Why an attempt gave nothing.

    Attributes:
        text: for events and for the floor.
        problem: what the job fails with if nothing else answers it.
        is_users: it lies in what was asked: trying again, or answering by a rule, would only hide it.
        is_final: the time is over; there is no further attempt.
    """

    text: str
    problem: Mapping[str, Any] = field(default_factory=dict)
    is_users: bool = False
    is_final: bool = False

    def document(self) -> dict[str, Any]:
        """The problem as RFC 9457 has it."""
        return dict(self.problem) or problem(500, "job-failed", "The job could not be done", self.text)


def of(error: Exception, doing: str) -> Trouble:
    """What an exception comes to.

    Args:
        doing: what was being done, such as "preparing".
    """
    if isinstance(error, ServiceError):
        return Trouble(error.detail, error.document(), is_users=error.status < 500)
    if isinstance(error, ConfigError):
        found = configured(error)
        return Trouble(found.detail, found.document(), is_users=True)
    if isinstance(error, DataError):
        return Trouble(str(error), InvalidError(str(error)).document(), is_users=True)
    if isinstance(error, ParkwattError) and not isinstance(error, StoreError):
        return Trouble(str(error), problem(500, "job-failed", "The job could not be done", str(error)))
    # Its text may hold paths and names of the server: the log has it, the user is told what kind of thing it was.
    return Trouble(f"{doing} failed with {type(error).__name__}")
