"""Mutants of the checker that gates every plan: each wrong version is noticed by the tests that belong to it."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

from benchmarks.crash.mutants import EQUIVALENT, TARGETS
from benchmarks.manifests import FOLDER, ROOT, digest
from benchmarks.rows import CannotMeasure, Measured, row

INPUTS = ("benchmarks/crash", "dispatch/audit.py", "dispatch/part.py", "dispatch/assets", "dispatch/stores",
          "dispatch/units", "tests/unit/dispatch/assets", "tests/unit/dispatch/test_audit.py",
          "tests/unit/dispatch/test_audit_limits.py")  # fmt: skip


@cache
def verdicts() -> dict[str, bool]:
    """By mutant, whether it was killed; one process a target, each kept as soon as it is there."""
    if not (ROOT / "tests").is_dir():
        raise CannotMeasure("the tests are not here: run from a checkout")
    folder = FOLDER / f"mutants-{digest(ROOT / name for name in INPUTS)}"
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, bool] = {}
    for target in TARGETS:
        kept = folder / f"{target.module}.json"
        if not kept.exists():
            _run(target.module, kept)
        told: dict[str, bool] = json.loads(kept.read_text())
        found |= told
        killed = sum(told.values())
        sys.stderr.write(f"{target.module}: {killed} of {len(told)} mutants killed\n")
    for name, is_killed in found.items():
        if not is_killed:
            sys.stderr.write(f"survived: {name}{' (equivalent)' if name in EQUIVALENT else ''}\n")
    return found


def _run(module: str, kept: Path) -> None:
    code = "import sys; from benchmarks.crash.mutants import main; main(*sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, module, str(kept)], cwd=ROOT, check=False)
    if done.returncode:
        raise RuntimeError(f"mutants of {module}: ended with {done.returncode}")


@row("service", name="checker mutants that are no equivalents", unit="mutants", bar=">= 300", slow=True,
     inputs=INPUTS)  # fmt: skip
def mutants() -> int:
    return len(verdicts().keys() - EQUIVALENT.keys())


@row("service", name="checker mutants killed by its tests", unit="of all", bar=">= 0.95", slow=True, inputs=INPUTS)
def killed() -> Measured:
    """Of those that are no equivalents."""
    own = [is_killed for name, is_killed in verdicts().items() if name not in EQUIVALENT]
    return Measured(sum(own) / len(own))


@row("service", name="checker mutants called equivalent that are killed all the same", unit="mutants", bar="== 0",
     slow=True, inputs=INPUTS)  # fmt: skip
def wrongly_equivalent() -> int:
    """An excuse that is none any more goes; one that names no mutant does, too."""
    found = verdicts()
    return sum(found.get(name, True) for name in EQUIVALENT)
