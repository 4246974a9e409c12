"""The parts of a replay: what may be asked, what forecasts become, when a plan is kept, what is handed on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dispatch.errors import DataError
from dispatch.problem import Problem
from dispatch.replay import Case, Journal, Settings
from dispatch.replay.case import Issued, checked
from dispatch.replay.forecasts import chunks, expected, issues
from dispatch.replay.journal import Saved
from dispatch.replay.ledger import share_penalty
from dispatch.replay.pieces import Piece
from dispatch.replay.plant import carried
from dispatch.replay.stability import Threshold, changed
from dispatch.replay.windows import Planner, store_worth, with_ends
from dispatch.solve import solve
from dispatch.stores.stock import Storage
from tests.parks import battery, given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch.replay.days import case, folder_with_park

HOUR = 3600


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return case(tmp_path_factory.mktemp("small"))


def planning(known: Case, **changes: Any) -> Case:
    site = known.site
    changed_site = site.model_copy(update={"planning": site.planning.model_copy(update=changes)})
    return replace(known, site=changed_site)


def rolling(known: Case, **changes: Any) -> Case:
    return planning(known, rolling=known.site.planning.rolling.model_copy(update=changes))


def test_what_cannot_be_replayed_is_said_with_what_can(small: Case) -> None:
    def refused(wrong: Case, *parts: str) -> None:
        with pytest.raises(DataError) as error:
            checked(wrong)
        for part in parts:
            assert part in str(error.value)

    checked(small)
    refused(replace(small, settings=Settings(methods=("rollin",))), "rollin", "day_ahead")
    refused(replace(small, settings=Settings(every_h=0.25)), "every 0.25 h", "60 min")
    refused(replace(small, settings=Settings(every_h=5.0)), "every 5 h", "divide a day")
    refused(rolling(small, window_h=24.5), "planning.rolling.window_h")
    refused(rolling(small, window_h=24.0), "planning.rolling.window_h 24", "25 or more")
    refused(rolling(small, forecast_every_h=7.0), "planning.rolling.forecast_every_h 7")
    refused(planning(small, issue_before_h=11.5), "planning.issue_before_h 11.5")
    block = {"hours": 1, "minutes": 15}
    refused(planning(small, first_steps=(block,)), "planning.first_steps")
    refused(replace(small, actual={"hall": small.actual["hall"]}), "roof", "what really came")


def test_no_plan_begins_inside_an_interval_over_which_demand_is_metered(tmp_path: Path) -> None:
    path = folder_with_park(tmp_path)
    path.write_text(path.read_text("utf-8").replace("name: flat", "name: flat\n    metering_minutes: 120"), "utf-8")
    wrong = case(tmp_path)
    meter = wrong.site.model_copy(
        update={
            "assets": tuple(
                a.model_copy(update={"tariff": a.tariff.model_copy(update={"metering_minutes": 120.0})})
                if hasattr(a, "tariff")
                else a
                for a in wrong.site.assets
            )
        }
    )
    wrong = replace(wrong, site=meter, settings=Settings(every_h=1.0))
    with pytest.raises(DataError, match="metered over 120 min"):
        checked(wrong)
    checked(replace(wrong, settings=Settings(every_h=2.0)))


def test_forecasts_are_issued_ahead_of_every_midnight_and_reach_the_last_plan_that_reads_them(small: Case) -> None:
    found = issues(small)
    night = small.start_s  # 31 March, 23 hours long
    assert [i.issue_s - night for i in found] == [-12 * HOUR, 11 * HOUR, (23 + 12) * HOUR]
    assert [i.end_s - i.issue_s for i in found] == [(23 + 26) * HOUR, (24 + 26) * HOUR, (24 + 26) * HOUR]
    often = issues(rolling(small, forecast_every_h=6.0))
    assert [(b.issue_s - a.issue_s) / HOUR for a, b in pairwise(often)].count(6) >= 6
    assert chunks(rolling(small, forecast_every_h=6.0))[0][0] == "2024-03-30T1100Z"


def test_chunks_of_forecasts_depend_on_their_number_alone(small: Case) -> None:
    assert [len(part) for _, part in chunks(rolling(small, forecast_every_h=3.0))] == [7, 7, 6]


def flat(small: Case, hall_kw: float, roof_kw: float) -> Case:
    """One forecast that says the same for every step."""
    steps = 24 + 26 + 12
    central = {"hall": np.full(steps, hall_kw), "roof": np.full(steps, roof_kw)}
    paths = {name: np.stack([values * 0.5, values * 1.5]) for name, values in central.items()}
    issue_s = small.start_s - 12 * HOUR
    return replace(small, issued=(Issued(issue_s, issue_s, central, paths, np.full(3, 1 / 3)),))


def test_the_last_known_error_is_carried_on_and_dies_away(small: Case) -> None:
    known = flat(small, 100.0, 20.0)
    moment, horizon = small.start_s + 3 * HOUR, small.window(3, 24)
    plain, _ = expected(known, moment, horizon, scenarios=False, corrected=False)
    better, weights = expected(known, moment, horizon, scenarios=True, corrected=True)
    assert plain["hall", "demand_kw"] == pytest.approx(np.full((1, 24), 100.0))
    # Known 15 minutes after its end, so what was measured up to two o'clock is the last.
    error = small.actual["hall"][1] - 100.0
    moved = better["hall", "demand_kw"] - np.array([[100.0], [50.0], [150.0]])
    assert moved[0] == pytest.approx(error * np.exp(-(np.arange(24) + 1.5) / 3.0))
    assert moved[1] == pytest.approx(moved[0])
    assert weights == pytest.approx(np.full(3, 1 / 3))


def test_a_correction_of_pv_scales_and_leaves_the_night_dark(small: Case) -> None:
    known = flat(small, 100.0, 0.0)
    noon = small.start_s + 12 * HOUR
    dark, _ = expected(known, noon, small.window(12, 24), scenarios=False, corrected=True)
    assert (dark["roof", "available_kw"] == 0).all()
    light, _ = expected(flat(small, 100.0, 30.0), noon, small.window(12, 24), scenarios=False, corrected=True)
    ratio = min(small.actual["roof"][10] / 30.0, 2.0)
    assert light["roof", "available_kw"][0, 0] == pytest.approx(30 * (1 + (ratio - 1) * np.exp(-1.5 / 2)))


def test_a_window_that_no_forecast_reaches_is_refused(small: Case) -> None:
    with pytest.raises(DataError, match="no forecast known at 2024-03-30 22:00"):
        expected(flat(small, 1, 1), small.start_s - HOUR, small.window(25, 26), scenarios=False, corrected=False)
    with pytest.raises(DataError, match="no forecast known"):
        expected(flat(small, 1, 1), small.start_s - 13 * HOUR, small.window(0, 2), scenarios=False, corrected=False)


def test_a_saving_below_either_threshold_keeps_the_plan() -> None:
    assert not Threshold().holds
    assert Threshold(money=10).keeps(105.0, 96.0)
    assert not Threshold(money=10).keeps(107.0, 96.0)
    assert Threshold(share=0.1).keeps(105.0, 96.0)
    assert Threshold(money=1, share=0.1).keeps(-96.0, -105.0)
    assert not Threshold(share=0.01).keeps(105.0, 96.0)


def test_a_change_is_a_start_elsewhere_or_a_hundredth_of_a_rating() -> None:
    site = park(load(), battery(), unit(), grid())
    plan = {"battery": {"charge_kw": np.full((1, 4), 10.0)}, "thermal": {"committed": np.array([[0.0, 1, 1, 0]])}}
    near = {**plan, "battery": {"charge_kw": np.full((1, 3), 10.4)}}
    assert not changed(site, plan, near)
    assert changed(site, plan, {**plan, "battery": {"charge_kw": np.full((1, 3), 10.6)}})
    assert changed(site, plan, {**plan, "thermal": {"committed": np.array([[0.0, 0, 1, 0]])}})
    # Beyond what both plans hold there is nothing to compare.
    assert not changed(site, plan, {**plan, "thermal": {"committed": np.array([[0.0, 1, 1, 0, 1]])}})


def test_a_stored_kwh_is_worth_what_it_saves_less_its_wear(small: Case) -> None:
    horizon = small.window(0, 26)
    price = float(np.mean(small.site.known_series(small.window(0, 47))["pcc", "import_price_per_kwh"]))
    out = next(a.discharge_efficiency for a in small.site.assets if isinstance(a, Storage))
    worth = store_worth(small, horizon)["store"]
    assert worth == pytest.approx(price * out, abs=1e-4)
    aged = tuple(a.model_copy(update={"wear_cost_per_kwh": 0.1}) if a.name == "store" else a for a in small.site.assets)
    worn = replace(small, site=small.site.model_copy(update={"assets": aged}))
    assert store_worth(worn, horizon)["store"] == pytest.approx(worth - 0.1 * out, abs=1e-4)
    assert store_worth(rolling(small, ends="band"), horizon) == {}


def test_a_window_ends_where_a_kwh_kept_is_worth_as_much_as_one_sold() -> None:
    """Two prices: with what is kept worth less than the dear hours a store gives all, worth more it keeps all."""
    site = park(load(), battery(start_fill=0.5), grid(tariff=tariff(0.3)))
    horizon = hours(6)
    known = Case(site, horizon, {}, None)  # type: ignore[arg-type]
    for worth, level in ((0.1, 0.0), (0.4, 100.0)):
        ended = with_ends(known, {"battery": worth})
        inputs = given(ended, horizon, {("load", "demand_kw"): 80.0})
        last = solve(Problem(ended, inputs)).asset("battery", "stored_kwh")[-1]
        assert last == pytest.approx(level, abs=1e-3)


def test_a_plan_stays_below_the_paid_peak_by_its_margin_and_the_bill_does_not_know() -> None:
    cheap_first = tariff(0.5, demand=100.0)
    cheap_first["components"][0]["calendar"] = {"hours": ["04:00-24:00"]}
    night = {"name": "night", "basis": "energy", "price_per_kwh": 0.05, "calendar": {"hours": ["00:00-04:00"]}}
    cheap_first["components"].append(night | {"source": "test"})
    site = park(load(), battery(start_fill=0.0), grid(expected_peak_kw=50, tariff=cheap_first))
    series = {("load", "demand_kw"): np.full((1, 4), 20.0)}
    for margin_kw, highest_kw in ((0.0, 50.0), (15.0, 35.0)):
        wary = site.planning.rolling.model_copy(update={"peak_margin_kw": margin_kw})
        known = Case(
            site.model_copy(update={"planning": site.planning.model_copy(update={"rolling": wary})}),
            hours(24),
            {},
            None,  # type: ignore[arg-type]
        )
        state = {"pcc": {"month_to_date_peak_kw": 45.0}}
        made = Planner(known).plan(hours(4), series, np.ones(1), state).schedule
        assert made.asset("pcc", "import_kw").max() == pytest.approx(highest_kw)
        assert with_ends(known, {}, by_window=False).assets[-1] == site.assets[-1]


def test_nothing_can_be_tied_before_anything_is_planned(small: Case) -> None:
    with pytest.raises(ValueError, match="nothing has been planned"):
        Planner(small).pinned({})


def test_the_journal_gives_back_what_it_was_given_to_the_last_bit(tmp_path: Path) -> None:
    third = np.array([[1 / 3, -0.0]])
    piece = Piece(
        5,
        2,
        {"battery/series/charge_kw": third},
        {"battery": third},
        {"store/start_fill": np.array([np.nan])},
        np.array([5.0]),
        {"rung": np.array([0.0])},
    )
    saved = Saved(piece, {"store": {"start_fill": 1 / 3}}, {"battery": {"charge_kw": third}}, {})
    journal = Journal(tmp_path)
    assert journal.load("rolling", date(2024, 3, 31)) is None
    journal.save("rolling", date(2024, 3, 31), saved)
    back = journal.load("rolling", date(2024, 3, 31))
    assert back is not None
    assert back.piece.arrays["battery/series/charge_kw"].tobytes() == third.tobytes()
    assert back.state == saved.state
    assert back.published is not None
    assert back.published["battery"]["charge_kw"].tobytes() == third.tobytes()
    assert back.piece.first == 5
    assert journal.days_done("rolling") == 1
    assert [p.name for p in (tmp_path / "rolling").iterdir()] == ["2024-03-31.npz"], "nothing half-written is left"
    assert json.dumps(back.state) == json.dumps(saved.state)
    Journal().save("rolling", date(2024, 3, 31), saved)
    assert Journal().load("rolling", date(2024, 3, 31)) is None
    assert Journal().load_forecasts("x") is None
    assert Journal().days_done("rolling") == 0


def test_the_state_after_a_window_is_what_the_next_starts_from() -> None:
    """Two windows one after the other, the second from what the first hands on, are one without a cut."""
    site = park(
        load(),
        battery(start_fill=0.2, loss_fraction_per_h=0.01),
        unit(min_kw=20, min_up_h=3, cost_per_kwh=0.15),
        grid(month_to_date_peak_kw=10, tariff=tariff(0.2, demand=3.0)),
    )
    demand = np.array([30.0, 60, 90, 40, 20, 80, 70, 10])
    whole = solve(Problem(site, given(site, hours(8), {("load", "demand_kw"): demand})))
    state = carried(whole, 5)
    assert state["battery"]["start_fill"] == pytest.approx(whole.asset("battery", "stored_kwh")[4] / 100)
    peak = max(10.0, whole.asset("pcc", "import_kw")[:5].max())
    assert max(v for k, v in state["pcc"].items() if k.startswith("month_to_date_peak")) == pytest.approx(peak)
    on = whole.asset("unit", "on") > 0.5
    assert (state["unit"]["on_before_h"] > 0) == on[4]


def test_shares_that_a_day_misses_cost_their_penalties(small: Case) -> None:
    """Of 100 kWh 90 are not clean, where 80 may be, and 80 are bought, where 60 may be."""
    assert share_penalty(small, 90.0, 80.0, 100.0, "day") == pytest.approx(0.05 * 10 + 0.03 * 20)
    assert share_penalty(small, 80.0, 60.0, 100.0, "day") == 0
    assert share_penalty(small, 90.0, 80.0, 100.0, "horizon") == 0
