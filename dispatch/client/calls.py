"""One request as a value: what the generated methods make and the senders send."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from dispatch.client.model import Model

JSON = "application/json"
Plain = str | int | float | bool | None  # what httpx takes in an address
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


@dataclass(frozen=True)
class Call:
    """A request.

    Attributes:
        method, path: as in the document, names in braces.
        names: what stands for the braces.
        query, headers: what is None is left out.
        body: sent as it stands; ``content_type`` says what it is.
        accept: the media type that is wanted.
        keyed: the operation takes an Idempotency-Key, so it may be sent again.
    """

    method: str
    path: str
    names: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON
    keyed: bool = False

    @property
    def address(self) -> str:
        """The path with its names filled in, each one escaped."""
        return self.path.format(**{name: quote(text(value), safe="") for name, value in self.names.items()})

    @property
    def parameters(self) -> list[tuple[str, Plain]]:
        """The query, lists as repeated names."""
        pairs: list[tuple[str, Plain]] = []
        for name, value in self.query.items():
            values = value if isinstance(value, list | tuple) else [value]
            pairs += [(name, text(each)) for each in values if each is not None]
        return pairs

    @property
    def fields(self) -> dict[str, str]:
        """The headers."""
        told = {name: text(value) for name, value in self.headers.items() if value is not None}
        told["Accept"] = self.accept if self.accept == "*/*" else f"{self.accept}, application/problem+json"
        if self.body is not None:
            told["Content-Type"] = self.content_type
        return told

    @property
    def may_repeat(self) -> bool:
        """Is it safe to send it again when nobody knows whether it arrived?"""
        return self.keyed or self.method in _IDEMPOTENT

    def with_key(self) -> Call:
        """With an Idempotency-Key where the operation takes one: the same for all attempts."""
        if not self.keyed or self.headers.get("Idempotency-Key") is not None:
            return self
        return replace(self, headers={**self.headers, "Idempotency-Key": str(uuid.uuid4())})

    def on(self, cursor: str | None) -> Call:
        """The same at another place of a list."""
        return replace(self, query={**self.query, "cursor": cursor})


def text(value: Any) -> str:
    """A value as it stands in an address or a header."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value}: a time needs an offset, such as datetime.now(UTC)")
        return value.isoformat()
    return str(value.value if isinstance(value, Enum) else value)


def as_json(body: Any) -> bytes:
    """A model, or plain data, as JSON; what the model was not given is left out."""
    if isinstance(body, BaseModel):
        return body.model_dump_json(by_alias=True, exclude_unset=True).encode()
    plain = TypeAdapter(Any).dump_python(body, mode="json", by_alias=True, exclude_unset=True)
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def read(content: bytes, shape: Any, headers: Mapping[str, str]) -> Any:
    """A body as the type that was promised; None where there is none."""
    if shape is None or not content:
        return None
    answer = _adapter(shape).validate_json(content)
    if isinstance(answer, Model):
        answer.remember(headers)
    return answer


@lru_cache(maxsize=1024)
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
