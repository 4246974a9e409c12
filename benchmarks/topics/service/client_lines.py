"""How much an integrator writes for the first plan: the first program of docs/service.md, run against a server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.processes import ROOT
from benchmarks.rows import row
from benchmarks.topics.service.load import running

_PAGE = ROOT / "docs" / "service.md"


def example() -> str:
    """Connects, puts a site, sends measurements, plans, waits and prints set-points."""
    found = re.search(r"```python\n(.*?)```", _PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def lines() -> int:
    """Its lines but for empty ones; no two statements stand in one."""
    assert ";" not in example()
    return sum(bool(line.strip()) for line in example().splitlines())


@row("service", name="typed client example lines", unit="lines", bar="<= 15", slow=True,
     inputs=("docs/service.md", "dispatch/client", "dispatch/service"))  # fmt: skip
def example_lines() -> int:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        extra = {"PARKWATT_URL": f"http://{server.address}", "PARKWATT_KEY": server.key}
        command = [sys.executable, "-c", example()]
        ran = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **extra}, capture_output=True, text=True, check=False
        )
    if ran.returncode or "until" not in ran.stdout:
        raise RuntimeError(f"the example ended with {ran.returncode}: {ran.stderr[-500:]}")
    return lines()
