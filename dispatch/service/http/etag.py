"""Tags of versions: what a client has, what it may overwrite (RFC 9110, section 13)."""

from __future__ import annotations

import hashlib
import re

from starlette.requests import Request

from dispatch.service.errors import BadRequestError, PreconditionError, PreconditionRequiredError

_LIST = re.compile(r'\s*(?:\*|(?:W/)?"[\x21\x23-\x7e]*"(?:\s*,\s*(?:W/)?"[\x21\x23-\x7e]*")*)\s*')
_ONE = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')


def tag(value: object) -> str:
    """The tag of a version: of a number, or of the bytes that would be sent."""
    text = hashlib.sha256(value).hexdigest()[:32] if isinstance(value, bytes) else str(value)
    return f'"{text}"'


def _named(request: Request, header: str) -> list[str] | None:
    """Tags in a header, ``["*"]`` for any, None where it is not sent; weak and strong ones are alike.

    A tag of ours names a version of the thing and not the bytes of one of its formats, so that what came compressed,
    which makes its tag weak, may be sent back with If-Match.
    """
    text = request.headers.get(header)
    if text is None:
        return None
    if not _LIST.fullmatch(text):
        raise BadRequestError(f'{header} is not * and no list of tags such as "3f2a".')
    return ["*"] if text.strip() == "*" else [f'"{found}"' for found in _ONE.findall(text)]


def unchanged(request: Request, current: str) -> bool:
    """Does the client have this version already?"""
    named = _named(request, "If-None-Match")
    return named is not None and (named == ["*"] or current in named)


def require(request: Request, current: str | None, *, always: bool = False) -> None:
    """Hold a change against what the client says it knows.

    Args:
        current: tag of what is there, None where there is nothing; always: refuse to change what is there unheard.

    Raises:
        PreconditionError: it is another version, or there is one where the client expects none.
        PreconditionRequiredError: the client says nothing, and there is something.
    """
    match, none_match = _named(request, "If-Match"), _named(request, "If-None-Match")
    if match is not None and (current is None or (match != ["*"] and current not in match)):
        there = "There is none." if current is None else f"The present version is {current}."
        headers = {"ETag": current} if current else {}
        raise PreconditionError(f"If-Match names another version. {there}", headers=headers)
    if none_match is not None and current is not None and (none_match == ["*"] or current in none_match):
        raise PreconditionError(f"If-None-Match: this is there already, as {current}.", headers={"ETag": current})
    if always and current is not None and match is None:
        raise PreconditionRequiredError(f"Send If-Match with the version that you change; now it is {current}.")
