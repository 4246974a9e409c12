"""What the service refuses, each with the status it answers by.

::

    ServiceError
    ├── BadRequestError 400          the request cannot be read
    ├── UnauthorizedError 401        no credentials, or none that hold
    ├── ForbiddenError 403           the key lacks a scope
    ├── NotFoundError 404            nothing of that name in this tenant
    ├── NotAllowedError 405          not with this method
    ├── NotAcceptableError 406       no format that the client accepts
    ├── ConflictError 409            the state does not allow it now
    ├── PreconditionError 412        it has changed since the client read it
    ├── TooLargeError 413            more bytes than are taken
    ├── UnsupportedMediaError 415    a format that is not read here
    ├── InvalidError 422             read, but wrong: carries every Fault found
    ├── PreconditionRequiredError 428  to be sent with If-Match
    ├── TooManyRequestsError 429     more requests than the tenant may send
    ├── UnavailableError 503         not now
    └── NoRoomError 507              its disk is full
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dispatch.errors import ConfigError, ParkwattError

_LONGEST_VALUE = 200
_LONGEST_FAULTS = 100
_EXACT = 2**53  # readers that know floats alone keep smaller whole numbers


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a request.

    Attributes:
        pointer: JSON pointer into the body, or ``/name`` of the parameter.
        message: what is wrong; value: what was found; accepted: what would be taken.
        place: body, query, path or header.
    """

    pointer: str
    message: str
    value: Any = None
    accepted: str = ""
    place: str = "body"

    def document(self) -> dict[str, Any]:
        """As it stands in a problem's ``errors``."""
        return {
            "in": self.place,
            "pointer": printable(self.pointer),
            "message": printable(self.message),
            "value": safe(self.value),
            "accepted": printable(self.accepted),
        }


class ServiceError(Exception):
    """Root of the tree. Whatever is raised below it is answered as a problem document with its status.

    Attributes:
        kind: last part of the problem's type; title: the same for all of a kind.
    """

    status = 500
    kind = "error"
    title = "The request failed"

    def __init__(self, detail: str, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """The problem as RFC 9457 has it, less what only the request knows."""
        return problem(self.status, self.kind, self.title, self.detail, self.faults)


class BadRequestError(ServiceError):
    """The request cannot be read."""

    status, kind, title = 400, "bad-request", "The request cannot be read"


class UnauthorizedError(ServiceError):
    """No credentials, or none that hold."""

    status, kind, title = 401, "unauthorized", "Credentials are missing or do not hold"


class ForbiddenError(ServiceError):
    """The key lacks a scope."""

    status, kind, title = 403, "forbidden", "The key may not do this"


class NotFoundError(ServiceError):
    """Nothing of that name in this tenant; what other tenants have is answered in the same words."""

    status, kind, title = 404, "not-found", "There is no such thing"


class NotAllowedError(ServiceError):
    """Not with this method."""

    status, kind, title = 405, "method-not-allowed", "Not with this method"


class NotAcceptableError(ServiceError):
    """No format that the client accepts."""

    status, kind, title = 406, "not-acceptable", "None of the accepted formats can be written"


class ConflictError(ServiceError):
    """The state does not allow it now."""

    status, kind, title = 409, "conflict", "Not in this state"


class PreconditionError(ServiceError):
    """It has changed since the client read it."""

    status, kind, title = 412, "precondition-failed", "It has changed meanwhile"


class TooLargeError(ServiceError):
    """More bytes than are taken."""

    status, kind, title = 413, "too-large", "The body is too large"


class UnsupportedMediaError(ServiceError):
    """A format that is not read here."""

    status, kind, title = 415, "unsupported-media-type", "This format is not read here"


class InvalidError(ServiceError):
    """Read, but wrong: carries every fault found, not the first."""

    status, kind, title = 422, "invalid", "The request is wrong in places"


def at_field(error: ParkwattError, pointer: str, value: Any) -> InvalidError:
    """What a message of the packages below says of one field of a request."""
    message, _, accepted = str(error).partition("; accepted: ")
    return InvalidError(str(error), (Fault(pointer, message, value, accepted),))


class PreconditionRequiredError(ServiceError):
    """To be sent with If-Match, so that no change of somebody else is overwritten."""

    status, kind, title = 428, "precondition-required", "A precondition is required"


class TooManyRequestsError(ServiceError):
    """More requests than the tenant may send."""

    status, kind, title = 429, "too-many-requests", "Too many requests"


class UnavailableError(ServiceError):
    """Not now."""

    status, kind, title = 503, "unavailable", "Not available now"


class NoRoomError(ServiceError):
    """Its disk is full."""

    status, kind, title = 507, "no-room", "There is no room left"


ALL: dict[int, type[ServiceError]] = {each.status: each for each in ServiceError.__subclasses__()}


def problem(status: int, kind: str, title: str, detail: str, faults: Sequence[Fault] = ()) -> dict[str, Any]:
    """A problem document; of very many faults the first hundred and how many there are."""
    document: dict[str, Any] = {
        "type": f"urn:parkwatt:problem:{kind}",
        "title": title,
        "status": status,
        "detail": printable(detail),
    }
    if faults:
        document["errors"] = [fault.document() for fault in faults[:_LONGEST_FAULTS]]
    if len(faults) > _LONGEST_FAULTS:
        document["errors_left_out"] = len(faults) - _LONGEST_FAULTS
    return document


def configured(error: ConfigError) -> InvalidError:
    """What is wrong with a park or another document of the user's, place by place."""
    faults = [Fault(pointer(each.path), each.message, accepted=each.accepted) for each in error.problems]
    return InvalidError(f"{len(faults)} problem{'s' if len(faults) != 1 else ''} found", faults)


def pointer(path: str) -> str:
    """A JSON pointer for a path as ``dispatch.errors.Problem`` has it: ``assets[2].power_kw``."""
    parts = path.replace("[", ".").replace("]", "").split(".")
    return "".join(f"/{escaped(part)}" for part in parts if part)


def escaped(part: object) -> str:
    """A name as it stands in a JSON pointer."""
    return str(part).replace("~", "~0").replace("/", "~1")


def printable(text: str) -> str:
    """Text that can be written as UTF-8: lone surrogates become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def safe(value: Any) -> Any:
    """A value that a problem may repeat: short, finite, valid text; of containers only the size."""
    if value is None or (isinstance(value, bool | int | float) and math.isfinite(value) and abs(value) < _EXACT):
        return value
    text = printable(str(_size(value)))
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _size(value: Any) -> Any:
    """In place of what may be large how large it is."""
    if isinstance(value, Mapping):
        return f"an object of {len(value)}"
    if isinstance(value, list | tuple | set | frozenset):
        return f"a list of {len(value)}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, int) and abs(value) >= _EXACT:
        return f"a whole number of {value.bit_length()} bits"
    return value
