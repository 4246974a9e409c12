"""A quota and caps through a replay: carried from window to window, counted once, a new month with its own quota."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.accounts.carbon_carry import left_kg
from dispatch.asset import Inputs
from dispatch.carbon_wanted.settings import ACCOUNT
from dispatch.carbon_wanted.wishes import EmissionsWish
from dispatch.errors import DataError
from dispatch.executor import executor
from dispatch.problem import Problem
from dispatch.replay import Case, Journal, Replayed, replay
from dispatch.replay.case import checked
from dispatch.replay.plant import carried
from dispatch.replay.windows import Planner
from dispatch.rules import rule_based
from tests.parks import given, grid, hours, load, park, tariff
from tests.unit.dispatch.replay.days import case

pytestmark = pytest.mark.timeout(300)  # the first test waits for the fixture
CARBON = {
    "quota": {
        "free_t": 40.0,
        "emitted_to_date_t": 39.7,
        "steps": {"price_per_t": 80.0, "interval_t": 0.2, "growth": 0.5},
        "offsets": {"price_per_t": 60.0, "share_max": 0.001},
    }
}
CAP = {"emissions_max_t": 0.3, "over": "day", "penalty_per_t": 500.0}


def with_carbon(base: Case, **carbon: Any) -> Case:
    content = base.site.model_dump(mode="json")
    wanted = type(base.site).model_validate({"carbon": carbon or CARBON, **park_fields(content)})
    return replace(base, site=base.site.model_copy(update={"carbon": wanted.carbon, "wishes": wanted.wishes}))


def park_fields(content: dict[str, Any]) -> dict[str, Any]:
    """A small park in the place of the case's own: only its carbon and wishes are taken."""
    small = park(load(), grid()).model_dump(mode="json", exclude_defaults=True)
    small["assets"] = [load(), grid()]
    return small | {
        "wishes": [*content["wishes"], CAP, {"carbon_free_min": 0.5, "penalty_per_kwh": 0.02, "over": "day"}]
    }


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    base = case(tmp_path_factory.mktemp("carbon"), ("rule_based", "day_ahead", "rolling", "perfect"), 12.0)
    return replay(with_carbon(base), executor("serial"), Journal())


def test_no_account_jumps_and_the_months_pass_their_audit(done: Replayed) -> None:
    for method, of in done.ledgers.items():
        assert of.violations == (), method
        assert of.jumps == (), method


def test_each_day_pays_for_what_it_emits_above_its_months_quota(done: Replayed) -> None:
    """March has .3 t left of its quota, April all of it: what March emits more is dear, what April does is not sold."""
    for method, of in done.ledgers.items():
        march, april = of.days
        free = [d.bill for d in replay_without(done, method)]
        excess = march.co2_kg / 1000 - 0.3
        obligation = 39.7 + march.co2_kg / 1000
        cost = cheapest(excess, obligation) - cheapest(-0.3, 39.7)
        assert march.bill - free[0] == pytest.approx(cost, abs=1e-3), method
        april_cost = cheapest(april.co2_kg / 1000 - 40.0, april.co2_kg / 1000) - cheapest(-40.0, 0.0)
        assert april.bill - free[1] == pytest.approx(april_cost, abs=1e-3), method


def cheapest(lacking: float, obligation: float) -> float:
    """80 per t, 120 after .2 t, 160 after .4 …; offsets at 60 for a thousandth of the obligation."""
    offsets = 0.001 * obligation
    left = lacking - offsets
    cost, price = 60 * offsets, 80.0
    while left > 0.2:
        cost, left, price = cost + 0.2 * price, left - 0.2, price + 40.0
    return cost + left * price


def replay_without(done: Replayed, method: str) -> list[Any]:
    """The same executed path, accounted without a quota."""
    from dispatch.replay.ledger import ledger
    from dispatch.replay.pieces import buses
    from dispatch.replay.windows import store_values_of

    bare = replace(done.case, site=done.case.site.model_copy(update={"carbon": type(done.case.site.carbon)()}))
    piece = done.ran[method].piece
    whole = method == "perfect" and done.bound
    return list(ledger(bare, piece, buses(bare), store_values_of(bare), whole=whole).days)


def test_plans_that_know_the_quota_emit_less_than_the_rules_and_come_near_to_foresight(done: Replayed) -> None:
    emitted = {m: sum(d.co2_kg for d in of.days) for m, of in done.ledgers.items()}
    objective = {m: sum(d.objective for d in of.days) for m, of in done.ledgers.items()}
    assert emitted["rolling"] < emitted["rule_based"]
    assert objective["perfect"] <= min(objective.values()) + 1e-3
    assert objective["rolling"] < objective["rule_based"]


def test_a_window_is_planned_under_what_is_left_of_its_caps(done: Replayed) -> None:
    """26 hours from six o'clock on, .2 t of the day's .3 emitted: .1 and 8 of 24 hours of the next."""
    window = done.case.window(29, 26)  # of 1 April, after a day of 23 hours
    series = {(name, need.quantity): np.full((1, 26), 10.0) for name, need in done.case.needs.items()}
    for before, left in ((0.2, 100.0), (0.0, 300.0), (0.4, 0.0)):
        made = Planner(done.case).plan(window, series, np.ones(1), {ACCOUNT: {"emitted_day_all_t": before}})
        (cap,) = made.schedule.carbon.caps_kg.values()
        assert cap == pytest.approx([left + 300 * 8 / 24])


def test_a_replay_has_no_quota_of_one_horizon(done: Replayed) -> None:
    quota = {"free_t": 1.0, "per": "horizon", "trading": {"buy_price_per_t": 1.0}}
    with pytest.raises(DataError, match=r"carbon.quota.per horizon: a replay has many horizons; accepted: month, year"):
        checked(with_carbon(done.case, quota=quota))


# ------------------------------------------------------------------------------------------------------- by hand


@pytest.mark.parametrize(
    ("over", "start", "steps", "account", "left"),
    [
        ("day", "2024-03-01T06:00", 36, {"emitted_day_all_t": 0.1}, 200 + 300 * 18 / 24),  # to 18:00 of the next day
        ("day", "2024-03-01T00:00", 24, {}, 300.0),
        ("day", "2024-03-01T06:00", 6, {"emitted_day_all_t": 0.1}, 200 * 6 / 24),
        ("day", "2024-03-01T06:00", 18, {"emitted_day_all_t": 0.4}, 0.0),
        ("hour", "2024-03-01T06:00", 4, {}, 1200.0),
        ("horizon", "2024-03-01T06:00", 24, {"emitted_horizon_all_t": 0.1}, 200 * 24 / 48),
    ],
)
def test_what_a_window_may_emit(over: Any, start: str, steps: int, account: dict[str, float], left: float) -> None:
    wish = EmissionsWish(emissions_max_t=0.3, over=over)
    assert left_kg(wish, hours(steps, start), account, 48.0) == pytest.approx(left)


def test_the_account_is_carried_and_starts_anew_with_its_period() -> None:
    quota = {"free_t": 1.0, "emitted_to_date_t": 5.0, "trading": {"buy_price_per_t": 1.0}}
    site = park(
        *(load(), grid(tariff=tariff(), carbon_intensity_kg_per_kwh=1.0)),
        carbon={"quota": quota},
        wishes=[{"emissions_max_t": 9.0, "over": "day"}, {"emissions_max_t": 9.0, "covers": "direct"}],
    )
    inputs: Inputs = given(site, hours(6, "2024-03-31T22:00"), {("load", "demand_kw"): np.arange(1.0, 7.0) * 100})
    done = rule_based(Problem(site, replace(inputs, state={ACCOUNT: {"emitted_day_all_t": 2.0}})))
    account = {steps: carried(done, steps)[ACCOUNT] for steps in (1, 2, 4)}
    to_date = [account[n]["emitted_to_date_t"] for n in (1, 2, 4)]
    assert to_date == pytest.approx([5.1, 0.0, 0.7])
    assert [account[n]["emitted_day_all_t"] for n in (1, 2, 4)] == pytest.approx([2.1, 0.0, 0.7])
    assert account[4]["emitted_horizon_direct_t"] == 0.0
