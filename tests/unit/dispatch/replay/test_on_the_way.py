"""What is under way in a pipe, and work begun, passes from window to window; an outage is no part of the path."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dispatch.assets.data_centre import DataCentre
from dispatch.config.park import load_site
from dispatch.executor import executor
from dispatch.loads.data_centre_work import missing_kwh
from dispatch.replay import Case, Journal, Settings
from dispatch.replay.pieces import buses, schedule
from dispatch.replay.run import replay
from dispatch.signals import Horizon
from dispatch.sources import gather
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


NIGHT = {"name": "backup", "window": {"daily": "22:00-06:00"}, "energy_kwh": 120, "max_kw": 30, "done_kwh": 40}
DAY = {"name": "training", "window": {"daily": "00:00-24:00"}, "energy_kwh": 240, "max_kw": 40}


def computing(folder: Path) -> Case:
    """Two days of a hall whose work waits: some of it until the evening, some over midnight."""
    hall = {"kind": "data_centre", "name": "centre", "bus": "main", "capacity_kw": 300, "batches": [DAY, NIGHT]}
    hall |= {"overhead": [{"it_kw": 300, "overhead_kw": 60}], "history": {"file": "measured.csv", "column": "hall_kw"}}
    content = park(planning={"scenarios": 0, "step_minutes": 60, "rolling": {"window_h": 26.0}})
    content["assets"].append(hall)
    path = write(folder, content)
    measured("2024-03-30", days=30).to_csv(folder / "measured.csv", index=False)
    site = load_site(path)
    span = Horizon.local_day(date(2024, 3, 28), site.time_zone, 60, days=2)
    sources = gather(site, span, folder)
    return Case(site, span, sources.actual, sources.archive, Settings(every_h=2.0, methods=("day_ahead", "rolling")))


@pytest.mark.parametrize(("energy_kwh", "lacking_kwh"), [(240.0, 0.0), (1000.0, 2 * 40.0)])
def test_work_that_windows_end_before_is_done_or_named_and_no_seam_jumps(
    tmp_path: Path, energy_kwh: float, lacking_kwh: float
) -> None:
    """24 hours of 40 kW hold 960 kWh: of 1000 a day 40 are missing, once each, whatever windows there are."""
    case = computing(tmp_path)
    work = [DAY | {"energy_kwh": energy_kwh}, NIGHT]
    assets = [a if a.kind != "data_centre" else DataCentre.model_validate(a.model_dump() | {"batches": work})
              for a in case.site.assets]  # fmt: skip
    case = Case(
        case.site.model_copy(update={"assets": tuple(assets)}), case.span, case.actual, case.archive, case.settings
    )
    done = replay(case, executor("serial"), Journal())
    for method, of in done.ledgers.items():
        assert (of.jumps, of.violations) == ((), ()), method
        assert of.seams > 0
        assert sum(day.penalty for day in of.days) == pytest.approx(1000.0 * lacking_kwh), method
        path = schedule(done.case, done.ran[method].piece, {}, buses(done.case)).kinds["data_centre"]
        lacks = missing_kwh(
            path.rows, schedule(done.case, done.ran[method].piece, {}, buses(done.case)).inputs, path.series
        )
        assert float(np.sum(lacks)) == pytest.approx(lacking_kwh, abs=1e-3), method
