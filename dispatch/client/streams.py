"""Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html, the part that servers use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """One event.

    Attributes:
        kind: its name; ``message`` where it has none.
        data: its text.
        id: where to go on after it.
    """

    kind: str
    data: str
    id: str = ""

    def json(self) -> Any:
        """The data as JSON."""
        return json.loads(self.data)


class Decoder:
    """Takes the lines of one connection, gives events, remembers the id of the last one that came to its end."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self._id, self._kind = last_id, ""
        self._data: list[str] = []

    def line(self, line: str) -> Event | None:
        """An event, if this line ended one."""
        if not line:
            return self._ended()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._kind = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        return None  # a line that begins with a colon keeps the connection alive; our own waits stand for "retry"

    def _ended(self) -> Event | None:
        kind, data = self._kind or "message", self._data
        self._kind, self._data, self.last_id = "", [], self._id
        return Event(kind, "\n".join(data), self.last_id) if data else None
