"""Reference park E: work that waits and moves, the contract's curve by the hour, carbon-free shares step by step."""

from __future__ import annotations

import csv
import math
from datetime import datetime

import numpy as np
import pytest

from dispatch.accounts.matching import matched
from dispatch.assets.data_centre import DataCentre
from dispatch.config.park import CONFIGS
from tests.unit.dispatch.parks.known import answer, page_of, plan_of, require_sound


def test_the_campus_is_planned_and_serves_everybody() -> None:
    require_sound("campus")
    assert plan_of("campus").horizon.steps == 96


def test_weather_and_contract_are_those_of_the_formulas_in_the_file() -> None:
    with (CONFIGS / "parks" / "campus_2016.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 366 * 24
    for row in rows[::97]:
        start = datetime.fromisoformat(row["start"])
        d, h = start.timetuple().tm_yday, start.hour + 0.5
        turn = 2 * math.pi
        warm = 9.5 - 15.5 * math.cos(turn * (d - 15) / 366) + 5 * math.cos(turn * (h - 15) / 24)
        assert float(row["ambient_degc"]) == pytest.approx(warm, abs=0.051)
        wind = 18_000 * (0.36 + 0.1 * math.cos(turn * (d - 75) / 366) + 0.08 * math.cos(turn * (h - 2) / 24))
        tilt, north = math.radians(-23.44 * math.cos(turn * (d + 10) / 365)), math.radians(40.4)
        hour = math.cos(math.radians(15 * (h - 12.3)))
        sun = max(math.sin(north) * math.sin(tilt) + math.cos(north) * math.cos(tilt) * hour, 0)
        assert float(row["contract_kw"]) == pytest.approx(wind + 9_000 * sun**1.15, abs=5.1)


def test_all_work_is_done_within_its_window() -> None:
    plan = plan_of("campus")
    hours, halls = plan.horizon.hours, [a for a in plan.site.assets if isinstance(a, DataCentre)]
    # Of the night's backup, 6 MWh, 1.5 have been done; the next night's ends after the day.
    wanted = {"hall_a": 30_000 + 4_500, "hall_b": 8_000}
    series = plan.schedule.kinds["data_centre"].series
    for row, hall in enumerate(halls):
        done = sum(float(flow[row] @ hours) for name, flow in series.items() if name.startswith("batch_"))
        assert done >= wanted[hall.name] - 1e-2
    assert float(plan.schedule.penalty[0]) == pytest.approx(
        sum(short.sum() for short in plan.schedule.wish_short_kwh.values()), abs=1.0
    )


def test_work_moves_to_the_hall_that_needs_less_for_it() -> None:
    plan = plan_of("campus")
    sent = float(plan.schedule.asset("hall_a", "sent_kw") @ plan.horizon.hours)
    assert sent > 10_000
    assert float(plan.schedule.asset("hall_b", "sent_kw") @ plan.horizon.hours) < sent / 10
    facts = dict(answer("campus", "Compute").facts)
    total = sum(float(plan.schedule.asset(h, "sent_kw") @ plan.horizon.hours) for h in ("hall_a", "hall_b"))
    assert facts["of it, done elsewhere in its pool"] == f"{total / 1000:.1f} MWh"
    assert float(facts["PUE of hall_b"]) < float(facts["PUE of all together"]) < float(facts["PUE of hall_a"])


def test_the_pictures_add_up_to_the_it_power() -> None:
    plan = plan_of("campus")
    for picture, hall in zip(answer("campus", "Compute").pictures, ("hall_a", "hall_b"), strict=True):
        stacked = np.sum([line.values for line in picture.stacked], axis=0)
        it, overhead = (plan.schedule.asset(hall, name) for name in ("it_kw", "overhead_kw"))
        assert stacked == pytest.approx(it, abs=1e-2)
        assert picture.ratio is not None
        assert picture.ratio.values == pytest.approx(1 + overhead / it, abs=1e-3)
        # Work done as it comes is the same energy but for what changes halls.
        assert picture.over is not None
        moved = sum(
            sign * float(plan.schedule.asset(hall, name) @ plan.horizon.hours)
            for name, sign in (("sent_kw", 1), ("received_kw", -1))
        )
        there = float((it - picture.over.values) @ plan.horizon.hours)
        assert there == pytest.approx(-moved, abs=6_000.0 if hall == "hall_a" else 1.0)


def test_the_contract_counts_only_up_to_the_import_of_the_same_step() -> None:
    plan = plan_of("campus")
    found, pcc = matched(plan.site, plan.schedule), plan.schedule
    green, imported = pcc.asset("pcc", "green_0_kw"), pcc.asset("pcc", "import_kw")
    assert (green <= np.minimum(imported, found.offered_kw) + 1e-3).all()
    # What is not direct or contracted is a quarter clean, the store's unknown start apart.
    grid = found.grid_clean_kw + found.rest_kw
    assert found.grid_clean_kw == pytest.approx(0.25 * grid, abs=1e-3)
    assert found.cfe == pytest.approx(
        float((found.direct_kw + found.contract_kw + found.grid_clean_kw).sum() / found.use_kw.sum())
    )
    facts = dict(answer("campus", "Origin").facts)
    name = next(name for name in facts if "CFE" in name)
    assert facts[name] == f"{100 * found.cfe:.1f} %"
    assert "CFE" in page_of("campus")
