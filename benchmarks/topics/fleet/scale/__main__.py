"""`python -m benchmarks.topics.fleet.scale`: what larger fleets would take, simulated from what was measured."""

from __future__ import annotations

from benchmarks.topics.fleet.scale.costs import kept
from benchmarks.topics.fleet.scale.table import apart_lines, breaking_lines, coordinated_lines, fault_lines

if __name__ == "__main__":
    for lines in (coordinated_lines, apart_lines, fault_lines, breaking_lines):
        print("\n".join(lines(kept())), end="\n\n")  # noqa: T201 - a command
