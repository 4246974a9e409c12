"""``python -m benchmarks.plan_sizes``: what plans of three sizes take; docs/explanation/plan.md shows it.

Single runs of the command. Seconds are those of one core, which on an idle machine is about the time that
passes; how much else runs there does not change them.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.manifests import ROOT

PARKS = ("yizhuang", "petrochemical_steam")
SIZES: Mapping[str, Mapping[str, Any]] = {
    "a day of 96 quarter-hours": {"step_minutes": 15, "days": 1, "scenarios": 0},
    "a week of 168 hours": {"step_minutes": 60, "days": 7, "scenarios": 0},
    "a day of 96 quarter-hours, 6 scenarios beside the forecast": {"step_minutes": 15, "days": 1, "scenarios": 6},
}


def seconds(park: str, planning: Mapping[str, Any], folder: Path) -> float:
    """The processor's seconds of one plan, from the command's start to its end."""
    content = yaml.safe_load((ROOT / "configs" / "parks" / f"{park}.yaml").read_text("utf-8"))
    content["planning"] = content.get("planning", {}) | planning
    (folder / "park.yaml").write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), "utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "dispatch", "plan", "park.yaml", "--out", "out"]
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def lines(parks: tuple[str, ...]) -> list[str]:
    """The table in Markdown."""
    said = [f"| Seconds of one core | {' | '.join(parks)} |", "|---|" + "---|" * len(parks)]
    for label, planning in SIZES.items():
        with tempfile.TemporaryDirectory() as folder:
            taken = [f"{seconds(park, planning, Path(folder)):.0f} s" for park in parks]
        said.append(f"| {label} | {' | '.join(taken)} |")
    return said


if __name__ == "__main__":
    print("\n".join(lines(tuple(sys.argv[1:]) or PARKS)))  # noqa: T201 - a command prints
