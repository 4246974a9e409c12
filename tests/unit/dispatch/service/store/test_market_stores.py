"""Fleets, results, bids and schedules of fleets, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from dispatch.service.errors import ConflictError, InvalidError, NotFoundError
from dispatch.service.store import (
    Store,
    audit,
    bids,
    files,
    files_many,
    fleet_results,
    fleet_schedules,
    fleets,
    jobs,
    schedules,
    sites,
)
from dispatch.service.store.fleet_results import Content
from dispatch.service.store.fleet_schedules import SiteSchedule
from tests.unit.dispatch.small_park import park

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def body(**more: Any) -> dict[str, Any]:
    made = park(**more)
    made["assets"][0].pop("history")
    return made


@pytest.fixture
def filled(store: Store) -> Store:
    store.clock = lambda: NOW
    prepared = {f"s{n}": sites.prepare(body(labels={"feeder": f"F{n % 2}"}), f"s{n}") for n in range(3)}
    with store.write("north", "test") as tx:
        sites.put_many(tx, prepared)
    return store


def test_a_fleet_means_its_sites_as_they_are_now(filled: Store) -> None:
    by_name, by_label = {"sites": ["s2", "s0"], "shared": []}, {"where": {"feeder": "F0"}, "shared": []}
    with filled.write("north", "test") as tx:
        made, is_new = fleets.put(tx, "some", by_name)
        assert (made.version, is_new) == (1, True)
        assert fleets.put(tx, "some", by_name) == (made, False)
        again, is_new = fleets.put(tx, "some", by_label)
        assert (again.version, is_new) == (2, False)
        assert again.etag != made.etag
        fleets.put(tx, "other", by_name)
        assert fleets.names(tx, by_name) == ("s2", "s0")
        assert fleets.names(tx, by_label) == ("s0", "s2")
        assert [dict(own) for own in fleets.labels(tx, ("s1", "s0"))] == [{"feeder": "F1"}, {"feeder": "F0"}]
        assert [one.park.name for one in fleets.parks(tx, ("s1", "s0"))] == ["s1", "s0"]
        with pytest.raises(InvalidError, match="2 of 3 sites do not exist") as told:
            fleets.parks(tx, ("s9", "s0", "s8"))
        assert [fault.pointer for fault in told.value.faults] == ["/sites/0", "/sites/2"]
        sites.put_many(tx, {"s0": sites.prepare(body(title="another"), "s0")})
        assert fleets.parks(tx, ("s0",), {"s0": 1})[0].park.title == ""
        assert [one.fleet for one in fleets.listed(tx, after="other")] == ["some"]
        fleets.delete(tx, "some")
        with pytest.raises(NotFoundError):
            fleets.get(tx, "some")
        assert fleets.put(tx, "some", by_name)[0].version == 3
    with filled.read("south") as tx, pytest.raises(NotFoundError):
        fleets.get(tx, "other")


def test_a_result_is_as_its_job_until_it_is_written(filled: Store) -> None:
    with filled.write("north", "test") as tx:
        first, second = (fleet_results.submit(tx, "settlement", "some", {}, parent="awd_1") for _ in range(2))
        assert first.state == "queued"
        with pytest.raises(ConflictError, match="is queued"):
            fleet_results.require(tx, "settlement", first.id)
        table = pa.table({"site": ["s0"], "kw": [1.5]})
        fleet_results.write(tx, first.id, Content({"revenue": 1.0}, {"split": table}, {"page": "<p>"}))
        jobs.cancel(tx, second.job)
    with filled.read("north") as tx:
        found = fleet_results.require(tx, "settlement", first.id)
        assert (found.state, found.summary) == ("done", {"revenue": 1.0})
        assert fleet_results.read_table(tx, found, "split") == table
        assert fleet_results.read_page(tx, found, "page") == b"<p>"
        with pytest.raises(NotFoundError, match="it has page, split"):
            fleet_results.read_table(tx, found, "invoice")
        listed = fleet_results.listed(tx, "settlement", parent="awd_1")
        assert [(one.id, one.state) for one in listed] == [(second.id, "cancelled"), (first.id, "done")]
        assert fleet_results.listed(tx, "settlement", before=second.id, limit=1)[0].id == first.id
        with pytest.raises(NotFoundError):
            fleet_results.get(tx, "award", first.id)
        assert audit.verify(tx).broken_at is None


def test_a_bid_expires_by_the_clock(filled: Store) -> None:
    values = {
        "fleet": "some", "flexibility": "flx_1", "product": "fcr", "day": "2026-03-02", "side": "up", "portfolio": "",
        "body": {"periods": []}, "left_out_kw": 0.5, "expires_at": NOW + timedelta(hours=1),
        "delivered_by": NOW + timedelta(days=1),
    }  # fmt: skip
    with filled.write("north", "test") as tx:
        draft, sent, gone = (bids.create(tx, values) for _ in range(3))
        sent, gone = bids.submit(tx, sent), bids.withdraw(tx, gone)
        assert [one.state for one in (draft, sent, gone)] == ["draft", "submitted", "withdrawn"]
        with pytest.raises(ConflictError, match="is withdrawn; accepted: submitted or expired"):
            bids.award(tx, gone, "awd_1")
    filled.clock = lambda: NOW + timedelta(hours=2)
    with filled.write("north", "test") as tx:
        assert bids.get(tx, draft.id).state == "expired"
        assert bids.get(tx, sent.id).state == "submitted"
        with pytest.raises(ConflictError, match="closed at"):
            bids.withdraw(tx, bids.get(tx, sent.id))
        assert bids.award(tx, bids.get(tx, sent.id), "awd_1").state == "awarded"
        assert [one.id for one in bids.listed(tx, fleet="some", before=gone.id)] == [sent.id, draft.id]


def test_schedules_of_a_fleet_are_written_at_once(filled: Store) -> None:
    row = {"quality": "optimal", "money": 2.0, "co2_kg": 3.0, "objective": 2.0, "bound": None, "gap": 0.0, "reason": ""}
    wanted = [SiteSchedule(f"s{n}", "EUR", row, b"table", f"set {n}".encode(), b"earlier") for n in range(3)]
    common = {"job": "job_1", "mode": "fleet", "issued": NOW, "steps": 1, "of": "fpl_1", "request": {}}
    with filled.write("north", "test") as tx:
        versions = {f"s{n}": 1 for n in range(3)}
        made = fleet_schedules.keep(tx, wanted, versions, common, (NOW, NOW + timedelta(hours=1)))
        assert fleet_schedules.keep(tx, [], versions, common, (NOW, NOW)) == {}
    with filled.read("north") as tx:
        found = schedules.in_force(tx, "s1", NOW)
        assert found is not None
        assert found.id == made["s1"]
        assert files.read(tx, found.setpoints_file) == b"set 1"
        assert files.read(tx, found.table_file) == b"table"
        assert found.setpoints_sha256 == files_many.digests(tx, [found.setpoints_file])[found.setpoints_file]


def test_of_settlements_of_an_award_the_latest_that_is_done_counts(filled: Store) -> None:
    with filled.write("north", "test") as tx:
        made = [fleet_results.submit(tx, "settlement", "some", {}, parent="awd_7").id for _ in range(3)]
        other = fleet_results.submit(tx, "settlement", "some", {}, parent="awd_8").id
        for id_ in (*made[:2], other):
            fleet_results.write(tx, id_, fleet_results.Content({}, {}, {}))
    with filled.read("north") as tx:
        found = [fleet_results.get(tx, "settlement", id_) for id_ in (*made, other)]
        expected = [(None, made[1]), (made[0], None), (None, None), (None, None)]
        assert [fleet_results.around(tx, one) for one in found] == expected
        counting = [one.id for one in fleet_results.listed(tx, "settlement", replaced=False)]
        assert counting == [other, made[2], made[1]]
        assert made[0] in [one.id for one in fleet_results.listed(tx, "settlement")]
