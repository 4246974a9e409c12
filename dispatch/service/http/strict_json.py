"""JSON as every reader understands it the same way: what is refused here would be a different thing to others.

Python's reader takes NaN, 1e400, half of a surrogate pair, and the last of two equal keys; each becomes our error
later, or a value that the client did not mean. NUL is text that PostgreSQL does not keep.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn

from dispatch.service.errors import BadRequestError

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_SQUARE = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_LARGEST = 2**63
_DIGITS = 20
_BAD_TEXT = re.compile("[\0\ud800-\udfff]")


class _RefusedError(ValueError):
    """What a hook below found."""


def check(body: bytes, deepest: int) -> Any:
    """Read a body; what it says.

    Other threads have their turns meanwhile: Python's own reader, which asks nobody about numbers and objects, would
    hold them all up until it has read the whole.

    Raises:
        BadRequestError: it is no JSON, or none that has one meaning; the message says what and where.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequestError(f"The body is not UTF-8: byte {error.start} is {body[error.start]:#04x}.") from None
    if is_deeper(body, deepest):
        raise BadRequestError(f"The body is nested more than {deepest} deep.")
    try:
        value = json.loads(
            text, parse_constant=_constant, parse_float=_float, parse_int=_int, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise BadRequestError(f"The body is not JSON: {error.msg.rstrip('.')}, at {at}.") from None
    except (_RefusedError, RecursionError) as error:
        raise BadRequestError(f"The body is not taken: {error}.") from None
    if b"\\u" in body and any(_BAD_TEXT.search(each) for each in _texts(value)):
        raise BadRequestError("The body has text with NUL or half of a surrogate pair (\\u0000, \\ud800 to \\udfff).")
    return value


def is_deeper(body: bytes, deepest: int) -> bool:
    """Is it nested deeper than that? Text is left out; each pass takes the innermost pairs away.

    Of brackets that do not match some stay; up to as many as may be nested are left to the reader, which says where.
    """
    brackets = _STRING.sub(b"", body).translate(_SQUARE, _NOT_BRACKETS)
    for _ in range(deepest):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return b"[]" in brackets or brackets.count(b"[") > deepest


def _constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is no number in JSON")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _RefusedError(f"{text[:40]} is larger than any number that is kept")
    return number


def _int(text: str) -> int:
    if len(text) > _DIGITS or not -_LARGEST <= int(text) < _LARGEST:
        raise _RefusedError(f"the whole number {text[:40]} has more than 64 bits")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        # Once over all of them: looked up for each, an object of 100 000 keys would take minutes.
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise _RefusedError(f"the key {twice[:40]!r} stands twice in one object")
    return made


def _texts(value: Any) -> Iterator[str]:
    """All text in it, keys too."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            left += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            left += each
