"""The options of ``parkwatt fleet plan``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

# Its start takes longer than planning fewer.
_FROM_SITES = 1000


@dataclass(frozen=True)
class Request:
    """The options of the command."""

    sources: tuple[str, ...]
    day: str | None
    executor: str | None
    workers: int | None
    address: str | None
    out: Path | None
    resume: bool
    chunk: int
    chunk_deadline_s: float | None
    inputs: Path | None = None

    def placed(self, sites: int) -> Request:
        """With the executor that serves so many sites best, where none was asked for."""
        by_size = "ray" if sites >= _FROM_SITES or self.address is not None else "processes"
        return replace(self, executor=self.executor or by_size)

    @property
    def place(self) -> str:
        """Where sites are planned."""
        return self.executor or "processes"

    def again(self, folder: Path) -> str:
        """The command that goes on."""
        asked = ["parkwatt", "fleet", "plan", *self.sources, "--out", str(folder), "--chunk", str(self.chunk)]
        asked += ["--executor", self.place] + (["--workers", str(self.workers)] if self.workers else [])
        asked += ["--address", self.address] if self.address else []
        asked += ["--inputs", str(self.inputs)] if self.inputs else []
        return shlex.join([*asked, "--resume"])
