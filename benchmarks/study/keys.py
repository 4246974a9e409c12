"""What a cell's answer depends on, as digests: the same ingredients, the same answer; else it is run again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import manifests

_TEXT = {
    "spec": "what the study asks of it",
    "inputs": "inputs",
    "commit": "commit",
    "changes": "uncommitted changes",
    "lock": "lock file",
}


@dataclass(frozen=True)
class Code:
    """The program: commit, digest of what is not committed (empty in a clean tree), digest of the lock file."""

    commit: str
    changes: str
    lock: str

    @classmethod
    def here(cls) -> Code:
        return cls(
            commit=manifests.git("rev-parse", "--verify", "--quiet", "HEAD").decode().strip(),
            changes=manifests.uncommitted(),
            lock=manifests.digest([manifests.ROOT / "locks" / "run.txt"]),
        )


@dataclass(frozen=True)
class Key:
    """All ingredients of one cell."""

    spec: str
    inputs: str
    code: Code

    @property
    def digest(self) -> str:
        return digest(self.ingredients)

    @property
    def ingredients(self) -> dict[str, str]:
        return {"spec": self.spec, "inputs": self.inputs} | asdict(self.code)

    def differs(self, kept: Mapping[str, str]) -> str:
        """The names of what is not the same, for a person."""
        return ", ".join(_TEXT[name] for name, value in self.ingredients.items() if kept.get(name) != value)


def digest(value: Any) -> str:
    """Of plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
