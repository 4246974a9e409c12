"""The options of ``parkwatt fleet plan``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Request:
    """The options of the command."""

    sources: tuple[str, ...]
    day: str | None
    executor: str
    workers: int | None
    address: str | None
    out: Path | None
    resume: bool
    chunk: int
    chunk_deadline_s: float | None
    inputs: Path | None = None

    def again(self, folder: Path) -> str:
        """The command that goes on."""
        asked = ["parkwatt", "fleet", "plan", *self.sources, "--out", str(folder), "--chunk", str(self.chunk)]
        asked += ["--executor", self.executor] + (["--workers", str(self.workers)] if self.workers else [])
        asked += ["--address", self.address] if self.address else []
        asked += ["--inputs", str(self.inputs)] if self.inputs else []
        return shlex.join([*asked, "--resume"])
