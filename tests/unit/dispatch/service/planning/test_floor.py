"""A plan always arrives, and nothing that is no plan is published."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dispatch.errors import DataError
from dispatch.service.store import Store, schedules
from dispatch.service.store.arrow import from_bytes, to_bytes
from dispatch.service.work import schedule
from dispatch.service.work.outcomes import Outcome
from dispatch.service.work.wanted import Wanted
from tests.unit.dispatch.service.planning import small
from tests.unit.dispatch.service.served import Api

NO_TIME: dict[str, Any] = {"deadline_s": 0.001}


def asked_of(store: Store, tenant: str, id_: str) -> Wanted:
    with store.read(tenant) as tx:
        return schedule.wanted(tx, schedules.get(tx, id_), 100.0)


@pytest.fixture
def fresh(api: Api) -> Api:
    """A site that nothing is known of."""
    small.put(api.store, api.tenant)
    return api


@pytest.fixture(scope="module")
def made(site: Api) -> tuple[Wanted, Outcome]:
    """A request and the plan for it."""
    start = small.hour(1)
    accepted = small.asked(site.client, horizon=small.horizon(start), series=small.given(start))
    assert small.done(site).state == "done"
    asked = asked_of(site.store, site.tenant, accepted["id"])
    return asked, schedule.run(asked, lambda _text: None)


@pytest.mark.slow
def test_without_time_the_rules_plan_and_then_the_plan_before(fresh: Api) -> None:
    small.upload(fresh.store, fresh.tenant, small.measured(small.hour(-72), 72))
    start = small.hour(1)
    body: dict[str, Any] = {"horizon": small.horizon(start), "known_at": "end"}
    first = small.asked(fresh.client, **body, **NO_TIME)
    job = small.done(fresh)
    assert (job.state, job.problem) == ("done", None)
    shown = small.get(fresh.client, first["href"])
    assert (shown["quality"], shown["audit"]["passed"]) == ("rule_based", True)
    assert "optimal: its time was over before it began" in shown["reason"]
    assert "hall: taken to be as 2 d before, for there was no time to forecast it" in shown["notes"]
    assert small.get(fresh.client, shown["setpoints_href"])["items"]
    good = small.asked(fresh.client, **body, series=small.given(start))
    assert small.done(fresh).state == "done"
    assert small.get(fresh.client, good["href"])["quality"] == "optimal"
    later = small.asked(fresh.client, mode="rolling", **NO_TIME, known_at="end",
                        horizon=small.horizon(start + timedelta(hours=2)))  # fmt: skip
    assert small.done(fresh).state == "done"
    shown = small.get(fresh.client, later["href"])
    assert (shown["quality"], shown["goes_on_from"]) == ("last_good", good["id"])
    rows, before = (small.get(fresh.client, f"{of['href']}/table")["rows"] for of in (later, good))
    charged, planned = ([row["li.charge_kw"] for row in each] for each in (rows[:22], before[2:]))
    assert charged == pytest.approx(planned, abs=1e-3)


def test_what_nothing_is_known_of_is_no_plan_but_says_so(fresh: Api) -> None:
    small.asked(fresh.client, **NO_TIME)
    job = small.done(fresh)
    assert job.state == "failed"
    assert job.problem is not None
    assert (job.problem["status"], "'hall' was measured on none of 8 days" in job.problem["detail"]) == (422, True)


def test_an_asset_with_another_name_goes_on_from_what_it_was_called(fresh: Api) -> None:
    start = small.hour(1)
    small.asked(fresh.client, horizon=small.horizon(start), series=small.given(start), **NO_TIME)
    assert small.done(fresh).state == "done"
    renamed = small.park()
    renamed["assets"][2]["name"] = "works_hall"
    small.put(fresh.store, fresh.tenant, body=renamed)
    accepted = small.asked(fresh.client, horizon=small.horizon(start))
    job = small.done(fresh)
    assert (job.state, job.problem) == ("done", None)
    shown = small.get(fresh.client, accepted["href"])
    assert shown["audit"]["passed"]
    assert "'works_hall' has no history" in shown["reason"]
    assert "works_hall: taken to be as the plan before expected 'hall', which the park has no more" in shown["notes"]
    renamed["assets"].append({"kind": "load", "name": "annex", "bus": "lv"})
    small.put(fresh.store, fresh.tenant, body=renamed)
    small.asked(fresh.client, horizon=small.horizon(start))
    job = small.done(fresh)
    assert job.problem is not None
    assert (job.state, job.problem["status"]) == ("failed", 422)


def test_with_too_little_history_the_rules_plan(fresh: Api) -> None:
    small.upload(fresh.store, fresh.tenant, small.measured(small.hour(-60), 60))
    accepted = small.asked(fresh.client, known_at="end", horizon=small.horizon(small.hour(1)))
    assert small.done(fresh).state == "done"
    shown = small.get(fresh.client, accepted["href"])
    assert (shown["quality"], shown["audit"]["passed"]) == ("rule_based", True)
    assert "forecast: " in shown["reason"]


def test_of_sun_that_nobody_knows_nothing_is_counted_on(fresh: Api) -> None:
    small.upload(fresh.store, fresh.tenant, small.measured(small.hour(-72), 72, ("hall",)))
    accepted = small.asked(fresh.client, known_at="end", horizon=small.horizon(small.hour(1)))
    asked = asked_of(fresh.store, fresh.tenant, accepted["id"])
    plan, _ = schedule.without_solver(asked, "it was ended")
    assert plan.outlook.inputs.series["roof", "available_kw"].max() == 0
    assert plan.audit.passed
    assert "roof: nothing is known of it, so nothing of it is counted on" in plan.notes
    with pytest.raises(DataError, match="'hall' was measured on none"):
        schedule.without_solver(replace(asked, archive=type(asked.archive).empty()), "it was ended")
    assert small.done(fresh).state in ("done", "failed")


def test_hindsight_has_no_floor(made: tuple[Wanted, Outcome]) -> None:
    assert schedule.floor(replace(made[0], mode="perfect_foresight"), "it was ended") is None


def test_a_plan_is_refused_by_nothing(made: tuple[Wanted, Outcome]) -> None:
    asked, outcome = made
    assert schedule.check(asked, outcome) is None
    assert schedule.check(asked, pickle.loads(pickle.dumps(outcome))) is None


def _changed(outcome: Outcome, which: str, change: Callable[[pa.Table], pa.Table]) -> Outcome:
    changed: dict[str, Any] = {which: to_bytes(change(from_bytes(getattr(outcome, which))))}
    return replace(outcome, **changed)


def _with(name: str, value: float) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        values = table[name].to_numpy().copy()
        values[3] = value
        return table.set_column(table.column_names.index(name), table.schema.field(name), pa.array(values))

    return change


def _violating(outcome: Outcome) -> Outcome:
    certificate = {**outcome.result["certificate"], "audit": {"violations": ["li: too much"]}}
    return replace(outcome, result={**outcome.result, "certificate": certificate})


def _without(kind: str) -> Callable[[pa.Table], pa.Table]:
    from dispatch.ladder.earlier import EarlierPlan

    def change(table: pa.Table) -> pa.Table:
        plan = EarlierPlan.from_arrow(table)
        return replace(plan, names={k: v for k, v in plan.names.items() if k != kind}).to_arrow()

    return change


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda _: None, "a NoneType is no plan"),
        (lambda _: "optimal", "a str is no plan"),
        (lambda o: replace(o, quality="best"), "there is no rung 'best'"),
        (lambda o: replace(o, money=float("nan")), "its money or carbon is not a number"),
        (_violating, "its audit was not passed: li: too much"),
        (lambda o: replace(o, result={}), "it cannot be read (KeyError)"),
        (lambda o: replace(o, table=o.table[:100]), "it cannot be read"),
        (lambda o: replace(o, setpoints=b""), "it cannot be read"),
        (lambda o: _changed(o, "table", lambda t: t.slice(0, 23)), "its table has not the steps that were asked for"),
        (lambda o: _changed(o, "setpoints", lambda t: t.slice(1)), "its setpoints has not the steps"),
        (
            lambda o: _changed(o, "setpoints", _with("li.charge_kw", np.nan)),
            "values of li.charge_kw that are no numbers",
        ),
        (lambda o: _changed(o, "table", _with("pcc.import_kw", np.inf)), "values of pcc.import_kw that are no numbers"),
        (lambda o: _changed(o, "setpoints", _with("li.charge_kw", 80.5)), "li.charge_kw is beyond what 'li' can do"),
        (lambda o: _changed(o, "setpoints", _with("li.discharge_kw", -1.0)), "li.discharge_kw is beyond what 'li'"),
        (lambda o: _changed(o, "earlier", _without("battery")), "it says nothing of 'li'"),
    ],
)
def test_what_is_no_plan_is_refused(
    made: tuple[Wanted, Outcome], break_it: Callable[[Outcome], Any], says: str
) -> None:
    asked, outcome = made
    assert says in str(schedule.check(asked, break_it(outcome)))
