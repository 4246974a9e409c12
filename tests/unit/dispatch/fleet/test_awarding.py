"""Awards carried out by sites planned again: all of it where that can be, and why not where it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from dispatch.fleet import awarding
from dispatch.fleet.awarding import Wanted, carry_out
from dispatch.fleet.flexing import flexibility_of
from dispatch.fleet.shared import recount
from dispatch.fleet.shared.kinds.power_limit import PowerLimit
from tests.unit.dispatch.fleet.run.small_fleet import HORIZON, member

MEMBERS = [member(n) for n in range(3)]
FLEXIBLE = flexibility_of([(one.site, one.inputs(HORIZON)) for one in MEMBERS], blocks=0)
PLAN = np.stack([one.plan_kw for one in FLEXIBLE.sites])
BAND = FLEXIBLE.rows


def wanted(kw: float, steps: slice, *, up: bool = True) -> Wanted:
    """All of it from the first site, whatever it can do."""
    asked = np.zeros(HORIZON.steps)
    asked[steps] = kw
    shares = np.vstack([asked, np.zeros((2, asked.size))])
    return Wanted("up" if up else "down", PLAN, asked, shares)


def most_at_once(steps: slice) -> float:
    """What all can give in the widest of some steps."""
    return float((PLAN - BAND.least_kw)[:, steps].sum(axis=0).min())


@pytest.mark.parametrize("groups", [False, True])
@pytest.mark.parametrize("up", [False, True])
def test_what_one_cannot_give_the_others_do(monkeypatch: pytest.MonkeyPatch, groups: bool, up: bool) -> None:
    if groups:
        monkeypatch.setattr(awarding, "MOST_WHOLE", 0)
        monkeypatch.setattr(awarding, "GROUP", 1)
    steps = slice(10, 12)
    room = PLAN - BAND.least_kw if up else BAND.most_kw - PLAN
    kw = 1.2 * float(room[0, steps].max())  # more than the first has at all
    told: list[str] = []
    made = carry_out(MEMBERS, HORIZON, wanted(kw, steps, up=up), progress=told.append)
    assert made.feasible
    assert np.abs(made.given_kw.sum(axis=0) - wanted(kw, steps).asked_kw).max() < 1e-9
    assert (np.abs(made.given_kw).max(axis=1) > 1e-3).sum() > 1
    sign = -1 if up else 1
    asked = np.zeros(HORIZON.steps, bool)
    asked[steps] = True
    assert np.allclose((made.net_kw - PLAN)[:, asked], sign * made.given_kw[:, asked], atol=1e-5)
    assert made.summary["site"].to_pylist() == [one.name for one in MEMBERS]
    assert set(made.summary["quality"].to_pylist()) == {"optimal"}
    assert told[-1].startswith("planned 3 of 3" if not groups else "planned")


@pytest.mark.parametrize("groups", [False, True])
def test_what_nobody_can_give_is_named(monkeypatch: pytest.MonkeyPatch, groups: bool) -> None:
    if groups:
        monkeypatch.setattr(awarding, "MOST_WHOLE", 0)
        monkeypatch.setattr(awarding, "GROUP", 2)
    steps = slice(10, 12)
    kw = most_at_once(steps) + 100
    made = carry_out(MEMBERS, HORIZON, wanted(kw, steps))
    assert not made.feasible
    assert made.missed_kw[steps].max() >= 99
    assert not made.missed_kw[:10].any()
    assert np.allclose(made.given_kw.sum(axis=0) + made.missed_kw, wanted(kw, steps).asked_kw)
    assert made.refusals
    assert set(made.refusals[0].steps) <= {10, 11}


def test_what_sites_share_holds_around_an_award() -> None:
    limit = PowerLimit(kind="power_limit", name="award", import_kw=float(PLAN.sum(axis=0).max()))
    steps = slice(10, 11)
    kw = 0.5 * most_at_once(steps)
    made = carry_out(MEMBERS, HORIZON, wanted(kw, steps), [limit])
    assert made.feasible
    assert made.net_kw.sum(axis=0).max() <= PLAN.sum(axis=0).max() + 1e-4


def test_an_award_of_nothing_moves_no_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awarding, "plan_shared", None)  # nothing is planned
    made = carry_out(MEMBERS, HORIZON, wanted(0.0, slice(10, 12)))
    assert made.feasible
    assert not made.given_kw.any()
    assert np.array_equal(made.net_kw, PLAN)
    assert made.names == tuple(one.name for one in MEMBERS)
    assert (made.schedule.num_rows, made.summary.num_rows) == (0, 0)


def test_rounding_of_programs_does_not_show_in_set_points(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = recount.recounted
    monkeypatch.setattr(awarding, "recounted", lambda fleet, schedules: counted(fleet, schedules) + 3e-7)
    steps = slice(10, 12)
    made = carry_out(MEMBERS, HORIZON, wanted(20.0, steps))
    assert made.feasible
    assert np.abs(made.given_kw.sum(axis=0) - wanted(20.0, steps).asked_kw).max() < 1e-10


def test_who_has_no_part_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    counted, net = recount.recounted, PLAN.copy()
    net[0, 10] -= 20.0
    net[1, 10] += 1e-11  # what a program leaves of a site that does nothing

    def rounded(fleet: object, schedules: object) -> np.ndarray:
        made = counted(fleet, schedules)  # type: ignore[arg-type]  # passed on
        made[:, : HORIZON.steps] = net
        return made

    monkeypatch.setattr(awarding, "recounted", rounded)
    made = carry_out(MEMBERS, HORIZON, wanted(20.0, slice(10, 11)))
    assert made.given_kw[:, 10].tolist() == [20.0, 0.0, 0.0]


def test_where_groups_are_stuck_the_closed_form_says_who_gives_what(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = wanted(20.0, slice(10, 12))
    tried: list[np.ndarray] = []
    rounds = awarding._Run.rounds

    def stuck(run: awarding._Run, given: Wanted, shares_kw: np.ndarray) -> np.ndarray:
        tried.append(shares_kw)
        missed = rounds(run, given, shares_kw)
        return given.asked_kw if len(tried) == 1 else missed

    monkeypatch.setattr(awarding._Run, "rounds", stuck)
    made = carry_out(MEMBERS, HORIZON, asked)
    assert made.feasible
    assert made.refusals == ()
    assert np.allclose(tried[1].sum(axis=0), asked.asked_kw, atol=1e-6)
