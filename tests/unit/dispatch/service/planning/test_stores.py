"""Plans on both databases: asked for, made, found again, and followed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from dispatch.service.store import Store, Tx, audit, jobs, schedules
from dispatch.service.work import basis
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
