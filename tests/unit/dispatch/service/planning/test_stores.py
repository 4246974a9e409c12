"""Plans on both databases: asked for, made, found again, and followed."""

from __future__ import annotations

from datetime import timedelta
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
        award, later = asked(tx, 0, "award", promised=promised, of="awd_1"), asked(tx, 1, "rolling")
    assert [small.done(store).state for _ in range(2)] == ["done", "done"]
    with store.read("north") as tx:
        control = Control(tx, "works", timedelta(hours=36))
        half = timedelta(minutes=30)
        held = [{one.schedule for one in control.at(small.hour(n) + half)} for n in (0, 2, 3, 4)]
        assert held == [{award}, {later}, {award}, {later}]
        spans = control.spans(small.hour(2), small.hour(5), 99)
        assert [{one.schedule for one in found} for _, _, found in spans] == [{later}, {award}, {later}]
        in_force = [schedules.in_force(tx, "works", small.hour(n) + half) for n in (2, 3, 4)]
        assert [row and row.id for row in in_force] == [later, award, later]
        old = Control(tx, "works", timedelta(hours=2)).at(small.hour(3) + half)
        assert {one.source for one in old} == {"safe_state"}
        notes = schedules.get(tx, later).result["notes"]
        assert any("Not in force in the periods of award 'awd_1'" in note and award in note for note in notes)


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
