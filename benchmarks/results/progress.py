"""A line for every row that is done, with what is left."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console

from benchmarks.results.due import Agenda
from benchmarks.results.running import Piece


class Progress:
    """Called with what the processes tell; ``until``: on the monotonic clock, None without a limit."""

    def __init__(self, console: Console, agenda: Agenda, *, until: float | None) -> None:
        self.console, self.agenda, self.until = console, agenda, until
        self.began, self.done = time.monotonic(), 0
        self.piece = ""
        slow = sum(piece.seconds for piece in agenda.slow)
        pieces = len(agenda.quick) + len(agenda.slow)
        wanted = f"{agenda.rows} rows in {pieces} pieces to measure, the slow ones about {_span(slow)}"
        limit = f"; {_span(until - self.began)} there are" if until is not None else ""
        self._say(wanted + limit)

    def __call__(self, piece: Piece, event: dict[str, Any]) -> None:
        if piece.name != self.piece:
            self.piece = piece.name
            self._say(f"{piece.name}: {len(piece.measurements)} rows, about {_span(piece.seconds)}")
        if "began" in event:
            return
        self.done += 1
        name = event.get("kept") or event["stopped"]
        took = f"{event['seconds']:.1f} s" if event.get("seconds") is not None else ""
        what = event.get("why") or " ".join(filter(None, (event["state"], took)))
        self._say(f"    {self.done}/{self.agenda.rows} {name}: {what}")

    def end(self) -> None:
        """What was left out for want of time."""
        for piece in self.agenda.left_out:
            self._say(f"left out: {piece.name}, {len(piece.measurements)} rows, about {_span(piece.seconds)}")

    def _say(self, text: str) -> None:
        spent = _span(time.monotonic() - self.began)
        self.console.print(f"{spent:>8}  {text}", markup=False, soft_wrap=True)


def _span(seconds: float) -> str:
    whole = max(round(seconds), 0)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
