"""What wind and PV lose and to what, on parks where that can be worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from dispatch.errors import DataError
from dispatch.executor import Processes
from dispatch.planning.comparison import start_kwh
from dispatch.replay.case import Case
from dispatch.signals import Horizon
from dispatch.studies.absorption import CAUSES, VARIANTS, Absorption, absorption
from dispatch.studies.absorption_results import full_load_hours, months, rows_of, steps_table, summary, write_all
from dispatch.studies.days import DayPlanner, study_days, worth_generating
from forecasting.archive import Archive
from grid_models.library import load as load_network
from grid_models.network import Network
from tests.parks import battery, grid, load, park, tariff, unit

NODE = "Bus 10"
PV = {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 400}
SUN = np.array([0, 0, 0, 0, 0, 0, 50, 100, 200, 300, 350, 400, 400, 350, 300, 200, 100, 50, 0, 0, 0, 0, 0, 0], float)
DEMAND = 60.0


def case(
    *assets: Mapping[str, Any], days: int = 2, scale: float = 1.0, first: str = "2023-01-30", **fields: Any
) -> Case:
    """A park of constant demand under the same sun every day; January and February by default."""
    site = park(load(power_factor=1.0), dict(PV, peak_kw=400 * scale), *assets, **fields)
    span = Horizon.local_day(date.fromisoformat(first), "UTC", 60, days=days)
    actual = {"load": np.full(span.steps, DEMAND), "pv": scale * np.tile(SUN, days)}
    return Case(site, span, actual, Archive.empty())


def studied(of: Case, network: Network | None = None, count: int | None = None) -> Absorption:
    return absorption(of, study_days(of, count), network)


def test_what_cannot_be_exported_is_lost_to_the_export_limit() -> None:
    done = studied(case(grid(export_kw=100)))
    expected = np.tile(np.maximum(SUN - DEMAND - 100, 0), 2)
    np.testing.assert_allclose(done.ran["as_it_is"].curtailed_kw["pv"], expected, atol=1e-4)
    np.testing.assert_allclose(done.lost_kw("pv")["export_limit"], expected, atol=1e-4)
    sums = done.sums()
    assert sums["available"] == pytest.approx(2 * SUN.sum())
    assert (sums["network"], sums["balance"]) == pytest.approx((0, 0), abs=1e-3)


def test_a_park_without_a_connection_loses_to_the_balance() -> None:
    done = studied(case(unit()))
    expected = np.tile(np.maximum(SUN - DEMAND, 0), 2)
    np.testing.assert_allclose(done.lost_kw("pv")["balance"], expected, atol=1e-4)
    assert done.sums()["export_limit"] == pytest.approx(0, abs=1e-6)


def test_where_export_costs_money_it_is_no_limit_that_loses() -> None:
    paying = studied(case(grid(export_kw=1000, tariff=tariff(0.2, feed_in=-0.05))))
    np.testing.assert_allclose(paying.lost_kw("pv")["balance"], np.tile(np.maximum(SUN - DEMAND, 0), 2), atol=1e-4)
    free = studied(case(grid(export_kw=1000)))  # pays nothing: nothing is lost for nothing
    assert free.sums()["curtailed"] == pytest.approx(0, abs=1e-3)


def test_a_store_carries_from_day_to_day_and_loses_less() -> None:
    empty = battery(energy_kwh=400, charge_kw=100, discharge_kw=100, start_fill=0.0, end_fill_min=0.0)
    without, with_store = (studied(case(grid(export_kw=100), *more)).sums()["curtailed"] for more in ((), (empty,)))
    assert with_store < without - 200
    whole, alone = studied(case(grid(export_kw=100), empty)), studied(case(grid(export_kw=100), empty, days=1))
    first, second = np.split(whole.ran["as_it_is"].curtailed_kw["pv"], 2)
    np.testing.assert_allclose(first.sum(), alone.ran["as_it_is"].curtailed_kw["pv"].sum(), atol=1e-3)
    assert second.sum() >= first.sum() - 1e-6  # what it holds from the day before leaves less room


@pytest.fixture(scope="module")
def cigre() -> Network:
    return load_network("pandapower:create_cigre_network_mv")


@pytest.fixture(scope="module")
def on_network(cigre: Network) -> Absorption:
    """More sun than the feeder can carry away within its voltage limits."""
    wide = grid(export_kw=6_000)
    place = {"network": "of the test", "bus_of": {"main": NODE}, "neighbours": False, "voltage_max_pu": 1.04}
    return studied(case(wide, days=1, scale=20.0, grid=place), cigre)


def test_what_the_network_cannot_carry_is_lost_to_it(on_network: Absorption, cigre: Network) -> None:
    from grid_models.injections import Injections
    from grid_models.power_flow import solve_reference

    beyond_export = np.maximum(20 * SUN - DEMAND - 6_000, 0)
    np.testing.assert_allclose(on_network.lost_kw("pv")["export_limit"], beyond_export, atol=1e-3)
    lost = on_network.lost_kw("pv")["network"]
    assert lost.max() > 100
    net_kw = on_network.ran["as_it_is"].used_kw["pv"] - DEMAND
    flows = solve_reference(cigre, Injections((NODE,), net_kw[None], np.zeros((1, 24))))
    assert flows.vm_pu.max() <= 1.04 + 1e-4  # it holds by the other engine
    steps = np.flatnonzero(lost > 1)
    more = net_kw + np.where(lost > 1, 30.0, 0.0)
    above = solve_reference(cigre, Injections((NODE,), more[None], np.zeros((1, 24))))
    assert above.vm_pu[:, steps].max(axis=0).min() > 1.04  # and no more than needed is lost
    assert on_network.ran["as_it_is"].unheld == {}


def test_causes_add_up_to_the_curtailment_exactly(on_network: Absorption) -> None:
    total = sum(on_network.lost_kw("pv")[cause] for cause in CAUSES)
    np.testing.assert_allclose(total, on_network.ran["as_it_is"].curtailed_kw["pv"], rtol=0, atol=1e-9)
    used = on_network.ran["as_it_is"].used_kw["pv"]
    np.testing.assert_allclose(used + total, on_network.available_kw("pv"), atol=1e-6)


def test_every_day_begins_without_the_limits_of_the_one_before(cigre: Network) -> None:
    place = {"network": "of the test", "bus_of": {"main": NODE}, "neighbours": False, "voltage_max_pu": 1.04}
    of = case(grid(export_kw=6_000), days=2, scale=20.0, grid=place)
    dull = replace(of, actual={**of.actual, "pv": np.concatenate([20 * SUN, SUN])})
    planner = DayPlanner(replace(dull, site=worth_generating(dull.site)), cigre)
    bright, calm = study_days(dull).days

    def bounds() -> list[Any]:
        return [bound.value for _, bound in planner.problems[24].network._slots]

    planner.plan(bright)
    assert any((bound != 1).any() for bound in bounds())
    done, left = planner.plan(calm)
    assert left == 0
    assert all((bound == 1).all() for bound in bounds())
    assert done.asset("pv", "curtailed_kw").sum() == pytest.approx(0, abs=1e-3)


def test_a_day_begins_with_the_store_as_the_one_before_left_it() -> None:
    of = case(grid(export_kw=100), battery(energy_kwh=400, charge_kw=100, discharge_kw=100, start_fill=0.9))
    planner = DayPlanner(of, None)
    (first, _), (second, _) = (planner.plan(day) for day in study_days(of).days)
    assert start_kwh(first, "battery") == pytest.approx(360)
    assert first.asset("battery", "stored_kwh")[-1] > 370
    assert start_kwh(second, "battery") == pytest.approx(first.asset("battery", "stored_kwh")[-1])


def test_drawn_days_are_said_and_scaled() -> None:
    of = case(grid(export_kw=100), days=10, first="2023-02-20")
    every, some = studied(of), studied(of, count=2)
    assert [str(day.day) for day in some.days.days] == ["2023-02-22", "2023-02-27"]
    assert some.days.told() == "2 of 10 days, drawn evenly (one in 5)"
    assert full_load_hours(some, "pv") == pytest.approx(full_load_hours(every, "pv"))
    assert full_load_hours(every, "pv")[0] == pytest.approx(10 * SUN.sum() / 400)
    assert {row["month"] for row in months(every)} == {"2023-02", "2023-03"}
    with pytest.raises(DataError, match="--days 11: the span has 10 days"):
        study_days(of, 11)


def test_variants_in_processes_give_the_same() -> None:
    of = case(grid(export_kw=100), days=1)
    here, there = studied(of), absorption(of, study_days(of), None, executor=Processes(2))
    assert steps_table(here) == steps_table(there)


def test_a_park_without_wind_and_sun_is_refused() -> None:
    of = case(grid())
    bare = replace(of, site=park(load(), grid()))
    with pytest.raises(DataError, match=r"neither wind nor pv.*grid_connection, load"):
        absorption(bare, study_days(bare), None)
    unmeasured = replace(of, actual={"load": of.actual["load"]})
    if unmeasured.needs:
        with pytest.raises(DataError, match="no measurement of pv from 2023-01-30 00:00 to"):
            study_days(unmeasured)


def test_the_files_say_what_was_found(tmp_path: Path) -> None:
    done = studied(case(grid(export_kw=100)))
    told: list[tuple[str, float]] = []
    absorption(done.case, done.days, None, progress=lambda name, share: told.append((name, share)))
    assert told[-1] == ("no limits", 1.0)
    write_all(done, tmp_path)
    steps = pq.read_table(tmp_path / "steps.parquet")
    assert steps.num_rows == 48
    assert steps.schema.field("pv.export_limit_kw").metadata[b"unit"] == b"kW"
    by_month = pq.read_table(tmp_path / "months.parquet").to_pylist()
    assert [row["month"] for row in by_month] == ["2023-01", "2023-01"][: len(by_month)] or by_month
    written = json.loads((tmp_path / "absorption.json").read_text("utf-8"))
    assert written == json.loads(json.dumps(summary(done)))
    share = written["plants"]["pv"]["curtailed_share"]
    assert share == pytest.approx(np.maximum(SUN - DEMAND - 100, 0).sum() / SUN.sum(), abs=1e-5)
    assert written["plants"]["pv"]["absorption_rate"] == pytest.approx(1 - share, abs=1e-6)
    html = (tmp_path / "absorption.html").read_text("utf-8")
    for text in ("Absorption rate", "export limit", "all 2 days", "no network model"):
        assert text in html
    assert set(done.ran) == set(VARIANTS)
    assert rows_of(done)[0][0] == "pv"
