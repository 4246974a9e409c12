"""Plans on both databases: asked for, made, found again, and followed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.service.errors import NotFoundError
from dispatch.service.runner.policy import Policy
from dispatch.service.store import Store, Tx, audit, files, jobs, schedules, sites
from dispatch.service.store.arrow import from_bytes
from dispatch.service.work import basis, outcomes
from dispatch.service.work import schedule as planning
from dispatch.service.work.control import Control
from tests.unit.dispatch.service.planning import small


def asked(tx: Tx, start_in_h: int, mode: str = "day_ahead", **more: Any) -> str:
    start = small.hour(start_in_h)
    body: dict[str, Any] = {
        "horizon": small.horizon(start, 6),
        "series": small.given(start, 6),
        "state_age_minutes": 60.0,
    }
    what = basis.asked(tx, "works", body)
    id_ = schedules.create(
        tx,
        {
            "site": "works", "site_version": what.version, "mode": mode, "issued": what.issue, "start": start,
            "end": what.end, "steps": 6, "request": {**body, **basis.kept(what), **more},
        },
    )  # fmt: skip
    job = jobs.submit(tx, "schedule", {}, subject=id_, deadline_s=100.0)
    schedules.name_job(tx, id_, job.id)
    return id_


def test_in_the_periods_of_an_award_its_schedule_holds_above_later_plans(store: Store) -> None:
    small.put(store, "north")
    promised = [(small.hour(3).isoformat(), small.hour(4).isoformat())]
    with store.write("north", "ann") as tx:
        award, later = asked(tx, 1, "award", promised=promised, of="awd_1"), asked(tx, 2, "rolling")
    assert [small.done(store).state for _ in range(2)] == ["done", "done"]
    with store.read("north") as tx:
        control = Control(tx, "works", timedelta(hours=36))
        half = timedelta(minutes=30)
        held = [{one.schedule for one in control.at(small.hour(n) + half)} for n in (1, 2, 3, 4)]
        assert held == [{award}, {later}, {award}, {later}]
        spans = control.spans(small.hour(2), small.hour(5), 99)
        assert [{one.schedule for one in found} for _, _, found in spans] == [{later}, {award}, {later}]
        in_force = [schedules.in_force(tx, "works", small.hour(n) + half) for n in (2, 3, 4)]
        assert [row and row.id for row in in_force] == [later, award, later]
        old = Control(tx, "works", timedelta(hours=2)).at(small.hour(3) + half)
        assert {one.source for one in old} == {"safe_state"}
        notes = schedules.get(tx, later).result["notes"]
        assert any("Not in force in the periods of award 'awd_1'" in note and award in note for note in notes)


def net_kw(tx: Tx, id_: str, hour: int) -> float:
    table = from_bytes(files.read(tx, schedules.get(tx, id_).setpoints_file))
    row = next(row for row in table.to_pylist() if row["start"] == small.hour(hour))
    return float(row["pcc.import_kw"] - row["pcc.export_kw"])


def test_a_plan_that_is_made_later_than_an_award_takes_it_as_given(store: Store) -> None:
    small.put(store, "north")
    promised = [(small.hour(n).isoformat(), small.hour(n + 1).isoformat()) for n in (3, 4)]
    more = small.given(small.hour(2), 6)
    more["hall"] = [kw + 15 for kw in more["hall"]]
    with store.write("north", "ann") as tx:
        award = asked(tx, 1, "award", promised=promised, of="awd_1")
    assert small.done(store).state == "done"
    with store.write("north", "ann") as tx:
        later, past = asked(tx, 2, series=more), asked(tx, 2, "perfect_foresight", series=more)
    assert [small.done(store).state for _ in range(2)] == ["done", "done"]
    with store.read("north") as tx:
        made = schedules.get(tx, later)
        assert made.quality == "optimal"
        assert [(one["award"], one["schedule"]) for one in made.result["kept"]] == [("awd_1", award)] * 2
        assert any("takes the net exchange that was promised as given" in note for note in made.result["notes"])
        assert "awards" in made.result["certificate"]["inputs_sha256"]
        for hour in (3, 4):
            assert net_kw(tx, later, hour) == pytest.approx(net_kw(tx, award, hour), abs=1e-4)
        free = [abs(net_kw(tx, past, hour) - net_kw(tx, award, hour)) for hour in (3, 4)]
        assert max(free) > 1  # a bound in hindsight is held to nothing
        assert schedules.get(tx, past).result["kept"] == []


def test_a_plan_by_rules_is_held_to_no_award_and_says_so(store: Store) -> None:
    small.put(store, "north")
    promised = [(small.hour(3).isoformat(), small.hour(4).isoformat())]
    with store.write("north", "ann") as tx:
        asked(tx, 1, "award", promised=promised, of="awd_1")
    assert small.done(store).state == "done"
    with store.write("north", "ann") as tx:
        id_ = asked(tx, 2)
        job = jobs.get(tx, schedules.get(tx, id_).job)
        wanted = planning.wanted(tx, schedules.get(tx, id_), 60.0)
        plan, said = planning.without_solver(wanted, "there was no time")
        planning.commit(tx, job, outcomes.of(plan, said, wanted, "there was no time"))
        made = schedules.get(tx, id_)
    assert made.result["kept"] == []
    assert any("This plan does not know of it" in note for note in made.result["notes"])


def test_a_job_of_a_site_that_was_deleted_meanwhile_fails_once_and_says_why(store: Store) -> None:
    small.put(store, "north")
    with store.write("north", "ann") as tx:
        asked(tx, 1)
        sites.delete(tx, "works")
    job = small.done(store, Policy(pause_s=0.002, lease_s=30.0, attempts=3))
    assert (job.state, job.attempt) == ("failed", 1)
    assert job.problem is not None
    assert (job.problem["status"], job.problem["detail"]) == (404, "There is no site 'works'.")
    small.put(store, "north")
    with store.write("north", "ann") as tx:
        id_ = asked(tx, 1)
        job = jobs.get(tx, schedules.get(tx, id_).job)
        made = planning.run(planning.prepare(tx, job), lambda _: None)
        sites.delete(tx, "works")
        with pytest.raises(NotFoundError):
            planning.commit(tx, job, made)


def test_what_held_at_a_past_moment_is_no_plan_that_was_made_later(store: Store) -> None:
    small.put(store, "north")
    with store.write("north", "ann") as tx:
        early = asked(tx, 0)
    assert small.done(store).state == "done"
    now, half = datetime.now(UTC), timedelta(minutes=30)
    store.clock = lambda: now + timedelta(hours=2)
    with store.write("north", "ann") as tx:
        row = schedules.get(tx, early)
        same = {
            name: getattr(row, name) for name in ("site", "site_version", "mode", "issued", "start", "end", "steps")
        }
        late = schedules.create(tx, {**same, "request": row.request})
        schedules.finish(tx, late, {name: getattr(row, name) for name in ("quality", "setpoints_file", "result")})
    moments = [now - half, now + half, now + timedelta(hours=2, minutes=1)]
    with store.read("north") as tx:
        found = [schedules.in_force(tx, "works", moment) for moment in moments]
        assert [row and row.id for row in found] == [None, early, late]
        held = [{one.schedule for one in Control(tx, "works", timedelta(hours=36)).at(moment)} for moment in moments]
        assert held == [set(), {early}, {late}]
        spans = Control(tx, "works", timedelta(hours=36)).spans(moments[0], moments[2], 99)
        ends = [start for start, _, held in spans if {one.schedule for one in held} == {late}]
        assert min(ends) == tx.now


def test_a_dry_run_is_followed_once_it_is_published(store: Store) -> None:
    small.put(store, "north")
    with store.write("north", "ann") as tx:
        trial, plan = asked(tx, 1, dry_run=True), asked(tx, 1)
    assert [small.done(store).state for _ in range(2)] == ["done", "done"]

    def held(tx: Tx) -> set[str | None]:
        return {one.schedule for one in Control(tx, "works", timedelta(hours=36)).at(small.hour(2))}

    with store.write("north", "ann") as tx:
        assert schedules.get(tx, trial).made is not None
        assert schedules.get(tx, plan).result["goes_on_from"] is None
        newest = schedules.latest(tx, "works")
        assert (newest and newest.id, held(tx)) == (plan, {plan})
        schedules.publish(tx, trial)
        assert held(tx) == {trial}


def test_a_plan_is_made_found_and_followed(store: Store) -> None:
    small.put(store, "north")
    with store.write("north", "ann") as tx:
        first, second = asked(tx, 0), asked(tx, 2, "rolling")
    assert [small.done(store).state for _ in range(2)] == ["done", "done"]
    with store.read("north") as tx:
        assert [row.id for row in schedules.listed(tx, site="works", before=None, limit=9)] == [second, first]
        assert [row.job_state for row in schedules.listed(tx, site=None, before=second, limit=9)] == ["done"]
        made = schedules.get(tx, second)
        assert (made.quality, made.result["goes_on_from"]) == ("optimal", first)
        newest = schedules.latest(tx, "works")
        assert newest is not None
        assert newest.id == second
        control = Control(tx, "works", timedelta(hours=36))
        sources = [{(one.schedule, one.source) for one in control.at(small.hour(n))} for n in (1, 3, 9)]
        assert sources == [{(first, "schedule")}, {(second, "schedule")}, {(second, "safe_state")}]
        assert audit.verify(tx).broken_at is None
    with store.read("south") as tx:
        assert schedules.listed(tx, site=None, before=None, limit=9) == []
