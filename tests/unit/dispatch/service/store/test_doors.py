"""What the doors keep, on both databases: within a tenant, in order, and as it was known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from dispatch.service import work
from dispatch.service.runner.runner import run_one
from dispatch.service.store import Store, files, flexmeasures, jobs, openadr

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _asset(name: str, parent: int | None = None) -> dict[str, Any]:
    nothing: dict[str, Any] = {"attributes": {}, "flex_context": {}, "flex_model": {}, "shown": []}
    return {"name": name, "parent": parent, "type": 1, "latitude": None, "longitude": None, **nothing}


def _sensor(name: str, asset: int) -> dict[str, Any]:
    own = {"unit": "kW", "resolution_s": 3600, "time_zone": "UTC", "attributes": {}, "site": "", "series": ""}
    return {"name": name, "asset": asset, **own}


def test_objects_are_found_by_kind_name_and_parent_within_their_tenant(store: Store) -> None:
    with store.write("north", "ann") as tx:
        program = openadr.add(tx, "PROGRAM", "p", {"programName": "p", "targets": ["a"]})
        events = [openadr.add(tx, "EVENT", name, {}, parent=program.id, client="k") for name in ("x", "y")]
        openadr.add(tx, "REPORT", "r", {}, parent=events[0].id)
        openadr.add(tx, "SUBSCRIPTION", "s", {}, parent=program.id)
    with store.read("north") as tx:
        assert openadr.get(tx, "PROGRAM", program.id) == program
        assert program.targets == {"a"}
        assert openadr.get(tx, "EVENT", program.id) is None
        assert [one.name for one in openadr.found(tx, "EVENT", parent=program.id)] == ["x", "y"]
        assert [one.name for one in openadr.found(tx, "EVENT", name="y", client="k")] == ["y"]
        assert openadr.found(tx, "EVENT", parent=[]) == []
        assert openadr.count(tx, "EVENT") == 2
    with store.read("south") as tx:
        assert openadr.get(tx, "PROGRAM", program.id) is None
        assert openadr.count(tx, "EVENT") == 0


def test_what_belongs_to_an_object_goes_with_it(store: Store) -> None:
    with store.write("north", "ann") as tx:
        program = openadr.add(tx, "PROGRAM", "p", {})
        event = openadr.add(tx, "EVENT", "e", {}, parent=program.id)
        openadr.add(tx, "REPORT", "r", {}, parent=event.id)
        openadr.add(tx, "SUBSCRIPTION", "s", {}, parent=program.id)
    with store.write("north", "ann") as tx:
        changed = openadr.change(tx, event, "f", {"priority": 1}, parent=program.id)
    with store.write("north", "ann") as tx:
        assert openadr.get(tx, "EVENT", event.id) == changed
        assert changed.modified > changed.created
        assert [one.kind for one in openadr.remove(tx, program)] == ["PROGRAM", "EVENT", "REPORT"]
        assert openadr.count(tx, "REPORT") == 0
        assert openadr.count(tx, "SUBSCRIPTION") == 1


def test_numbers_count_within_a_tenant_and_are_never_given_twice(store: Store) -> None:
    with store.write("north", "ann") as tx:
        root = flexmeasures.add_asset(tx, _asset("root"))
        part = flexmeasures.add_asset(tx, _asset("part", root.id))
        sensor = flexmeasures.add_sensor(tx, _sensor("s", part.id))
        assert [one.id for one in flexmeasures.ancestors(tx, part.id)] == [part.id, root.id]
        assert [one.id for one in flexmeasures.below(tx, root.id)] == [root.id, part.id]
        flexmeasures.remove_asset(tx, root.id)
        assert flexmeasures.sensor(tx, sensor.id) is None
        assert flexmeasures.add_asset(tx, _asset("next")).id == 3
    with store.write("south", "bob") as tx:
        assert flexmeasures.add_asset(tx, _asset("first")).id == 1
        assert flexmeasures.asset(tx, 3) is None


def test_values_are_kept_with_when_they_came(store: Store) -> None:
    with store.write("north", "ann") as tx:
        assert flexmeasures.keep(tx, 1, {START: 1.0, START + HOUR: None}) == 2
        first = tx.now
    with store.write("north", "ann") as tx:
        assert flexmeasures.keep(tx, 1, {START: 1.0, START + HOUR: 3.0}) == 1
        assert flexmeasures.keep(tx, 1, {}) == 0
    with store.read("north") as tx:
        assert flexmeasures.held(tx, 1, START, START + HOUR) == {START: 1.0, START + HOUR: 3.0}
        assert flexmeasures.held(tx, 1, START, START + HOUR, first) == {START: 1.0, START + HOUR: None}
        assert flexmeasures.newest(tx, 1, START + HOUR) == 3.0
        assert flexmeasures.newest(tx, 1, START - HOUR) is None
    with store.read("south") as tx:
        assert flexmeasures.held(tx, 1, START, START + HOUR) == {}


def test_a_plan_on_given_numbers_is_done_and_kept(store: Store) -> None:
    lines = [{"name": "e", "basis": "energy", "price_per_kwh": 0.1, "source": "test"}]
    tariff = {"name": "t", "currency": "EUR", "components": lines}
    session = {
        "arrival": START.isoformat(), "departure": (START + 4 * HOUR).isoformat(), "charge_kw": 10,
        "arrival_kwh": 0, "departure_kwh": 20, "capacity_kwh": 30,
    }  # fmt: skip
    request = {
        "site": {
            "name": "given", "time_zone": "UTC", "currency": "EUR", "buses": [{"name": "site"}],
            "assets": [
                {"kind": "grid_connection", "name": "grid", "bus": "site", "import_kw": 100, "tariff": tariff},
                {"kind": "ev_fleet", "name": "car", "bus": "site", "sessions": [session], "charge_efficiency": 1.0},
            ],
        },
        "start": START.isoformat(), "step_s": 3600, "steps": 4, "series": [],
        "schedules": [{"sensor": 7, "asset": "car", "content_sensor": 8, "start_kwh": 0}],
    }  # fmt: skip
    with store.write("north", "ann") as tx:
        jobs.submit(tx, "given", request)
    done = run_one(store, work.find())
    assert done is not None
    assert done.state == "done", done.problem
    assert done.result is not None
    assert (done.result["quality"], done.result["money"]) == ("optimal", 2.0)
    with store.read("north") as tx:
        assert b'"content_kwh": {"8"' in files.read(tx, done.result["files"]["application/json"])
