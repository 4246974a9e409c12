"""What all bodies have in common: pydantic models that keep what the answer's headers said."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, PrivateAttr


class Model(BaseModel):
    """A body. Its validators are built when it is first used: a program pays for the models it touches alone."""

    model_config = ConfigDict(defer_build=True, populate_by_name=True, protected_namespaces=())

    _headers: Mapping[str, str] = PrivateAttr(default_factory=dict)

    def remember(self, headers: Mapping[str, str]) -> None:
        """Keep the headers of the answer that this body came with."""
        self._headers = headers


def header(body: Model, name: str) -> str | None:
    """A header of the answer that a body came with, such as ``ETag`` or ``Location``; None where there was none."""
    return body._headers.get(name)
