"""What a rung may be excused for is told by its sort, and why it failed by the error: never by the words of either."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import dispatch.ladder.climb as ladder
from dispatch.audit import audit
from dispatch.errors import InfeasibleError, SolveError
from dispatch.ladder.climb import climb
from dispatch.plan import _unsolvable
from dispatch.problem import Problem
from dispatch.schedule import Attempt, Schedule
from dispatch.solver.highs import Answer, Limits, Matrices, run
from tests.parks import given, grid, hours, load, park, tariff
from tests.unit.dispatch import bad_solvers

QUOTA = {"quota": {"per": "horizon", "free_t": 0.1, "trading": {"buy_price_per_t": 60.0, "sell_price_per_t": 20.0}}}


def posed() -> Problem:
    """Two hours of 100 kW over a connection of 50, at half a kg per kWh, under a quota."""
    connection = grid(tariff=tariff(0.1), import_kw=50, carbon_intensity_kg_per_kwh=0.5)
    site = park(load(), connection, carbon=QUOTA)
    return Problem(site, given(site, hours(2), {("load", "demand_kw"): 100.0}))


def altered(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """Only the safe state is left, and it is another than the one that the park would be left in."""
    right = ladder.safe_state

    def refuse(problem: Problem) -> Schedule:
        raise SolveError("no rules")

    monkeypatch.setattr(ladder, "rule_based", refuse)
    monkeypatch.setattr(ladder, "safe_state", lambda problem: change(right(problem)))


def test_a_mistake_of_the_account_is_no_limit_that_the_safe_state_may_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def bought_too_little(schedule: Schedule) -> Schedule:
        said = schedule.carbon.quota
        quota = {**said, "bought_t": said["bought_t"] - 0.01}
        return replace(schedule, carbon=replace(schedule.carbon, quota=quota))

    altered(monkeypatch, bought_too_little)
    with pytest.raises(SolveError, match="safe_state: audit: site: allowances do not make up for what is emitted"):
        climb(posed(), run=bad_solvers.infeasible)


def test_the_audit_tells_allowances_that_do_not_add_up_as_a_mistake() -> None:
    schedule = climb(posed(), Limits()).schedule
    said = schedule.carbon.quota
    wrong = {**said, "bought_t": said["bought_t"] - 0.01}
    found = audit(replace(schedule, carbon=replace(schedule.carbon, quota=wrong))).violations
    faults = {v.what: v.fault for v in found}
    assert faults["allowances do not make up for what is emitted"] == "mistake"


def test_a_limit_that_cannot_be_held_is_passed_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def more(schedule: Schedule) -> Schedule:
        store = schedule.kinds["grid_connection"]
        series = {**store.series, "import_kw": store.series["import_kw"] + np.array([[30.0, 0.0]])}
        return replace(schedule, kinds={**schedule.kinds, "grid_connection": replace(store, series=series)})

    altered(monkeypatch, more)
    with pytest.raises(SolveError, match="differs from its series"):
        climb(posed(), run=bad_solvers.infeasible)


@pytest.mark.parametrize("proved", [True, False])
def test_a_plan_is_asked_why_where_a_contradiction_was_proved_and_not_where_a_text_says_so(proved: bool) -> None:
    schedule = climb(posed(), Limits()).schedule
    attempt = Attempt("optimal", "stopped: Infeasible, says its log", infeasible=proved)
    assert (
        _unsolvable(replace(schedule, proof=replace(schedule.proof, quality="relaxed", attempts=(attempt,)))) == proved
    )


def test_a_recovery_that_kept_columns_proves_nothing() -> None:
    """Fixed columns may contradict what free ones do not; only a search in which all are free is a proof."""
    from dispatch.search.recovery import NEARNESS, near, relaxation
    from tests.unit.dispatch.ladder.test_climb import problem

    def never_whole(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
        if matrices.integer.any():
            raise InfeasibleError("HiGHS stopped without a plan: Infeasible")
        return run(matrices, limits)

    whole = problem(4).compiled.matrices()
    relaxed = relaxation(whole, Limits(), run)
    for nearness, proof in ((NEARNESS, False), ((*NEARNESS, -1.0), True)):
        with pytest.raises(SolveError, match="Infeasible") as error:
            near(whole, relaxed, Limits(), 0.0, None, never_whole, nearness)
        assert isinstance(error.value, InfeasibleError) == proof
