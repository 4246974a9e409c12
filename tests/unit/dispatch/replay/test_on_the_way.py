"""What is under way in a pipe passes from window to window; an outage to survive is no part of the path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.dispatch.small_park import measured, park, write
from tests.unit.dispatch.typed import Run, run

__all__ = ["run"]  # a fixture


def heated() -> dict[str, Any]:
    """The small park with rooms an hour away from their heat pump, and an hour of outage to survive."""
    content = park()
    content["buses"].append({"name": "warm", "carrier": "heat"})
    pipe = {"kind": "pipe", "name": "pipe", "use": "district_heating_pipe", "bus": "warm", "far_bus": "hot"}
    content["assets"] += [
        {"kind": "load", "name": "rooms", "bus": "hot", "history": {"file": "measured.csv", "column": "hall_kw"}},
        {"kind": "heat_pump", "name": "pump", "bus": "main", "heat_bus": "warm", "electric_kw": 80},
        pipe | {"capacity_kw": 300, "under_way_kwh": [100], "delay_h": 1},
        {"kind": "outage", "name": "blackout", "survival_h": 1, "loads": ["hall"], "critical_share": 0.2},
    ]
    return content


def test_a_replay_with_a_delay_passes_its_audit_across_all_windows(run: Run, tmp_path: Path) -> None:
    write(tmp_path, heated())
    measured("2024-03-30", days=30).to_csv(tmp_path / "measured.csv", index=False)
    span = ("--from", "2024-03-28", "--to", "2024-03-28", "--every", "6h", "--executor", "serial")
    ended = run("replay", tmp_path, *span, "--methods", "rule_based,rolling", "--out", tmp_path / "out")
    assert ended.status == 0, ended.err
    assert ended.out.count("passed") == 2, ended.out
