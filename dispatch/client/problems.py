"""What can go wrong, as exceptions.

ServiceError
├── UnreachableError          no answer came, after all attempts
├── ProblemError              the service answered with a problem (RFC 9457)
│   ├── NotAllowedError       401, 403: the key is unknown, ended, or its scopes do not cover this
│   ├── NotFoundError         404: it is not there, or it is another tenant's
│   ├── ConflictError         409, 412, 428: it was changed meanwhile, or the same request is still under way
│   ├── NotAcceptedError      other 4xx: what was sent is wrong; ``errors`` say where
│   ├── TooManyError          429: more than the tenant's rate, after all attempts
│   └── ServerFailedError     5xx, after all attempts
├── JobEndedError             a job that was waited for failed or was cancelled
└── UnsupportedError          the answer is of a kind that this program cannot read
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_OWN = ("type", "title", "status", "detail", "instance", "errors")


class ServiceError(Exception):
    """Anything that this client raises."""


class UnreachableError(ServiceError):
    """No answer came."""


class UnsupportedError(ServiceError):
    """The answer cannot be read here."""


class JobEndedError(ServiceError):
    """A job ended without a result.

    Attributes:
        job: the job as the service shows it.
    """

    def __init__(self, job: Any, why: str) -> None:
        super().__init__(why)
        self.job = job


class ProblemError(ServiceError):
    """A problem of RFC 9457.

    Attributes:
        type, title, status, detail, instance: the members that the standard names.
        errors: what is wrong with a body, one entry for each place.
        more: members beyond these.
        headers: of the answer.
    """

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.type = str(body.get("type", "about:blank"))
        self.title = str(body.get("title", ""))
        self.status = status
        self.detail = str(body.get("detail") or "")
        self.instance = str(body.get("instance") or "")
        self.errors: Sequence[Mapping[str, Any]] = body.get("errors") or ()
        self.more = {name: value for name, value in body.items() if name not in _OWN}
        self.headers = headers
        super().__init__(self.told())

    def told(self) -> str:
        """Status, title and detail, and a line for each place that is wrong."""
        first = f"{self.status} {self.title}" + (f": {self.detail}" if self.detail else "")
        return "\n".join([first, *(f"  {_place(error)}" for error in self.errors)])


class NotAllowedError(ProblemError):
    """The key does not cover this."""


class NotFoundError(ProblemError):
    """There is no such thing for this tenant."""


class ConflictError(ProblemError):
    """Somebody else changed it, or the same request is under way."""


class NotAcceptedError(ProblemError):
    """What was sent is wrong."""


class TooManyError(ProblemError):
    """The tenant's rate is used up."""


class ServerFailedError(ProblemError):
    """The service could not do it now."""


_KINDS: dict[int, type[ProblemError]] = {
    **dict.fromkeys((401, 403), NotAllowedError), 404: NotFoundError,
    **dict.fromkeys((409, 412, 428), ConflictError), 429: TooManyError,
}  # fmt: skip


def problem(status: int, body: Any, headers: Mapping[str, str]) -> ProblemError:
    """The exception for an answer; a body that is no problem is told as it stands."""
    kind = _KINDS.get(status, ServerFailedError if status >= 500 else NotAcceptedError)
    return kind(status, body if isinstance(body, Mapping) else {"title": "", "detail": str(body)[:500]}, headers)


def _place(error: Mapping[str, Any]) -> str:
    place = error.get("pointer") or ""
    return f"{place}: {error.get('detail') or error.get('message') or error}"
