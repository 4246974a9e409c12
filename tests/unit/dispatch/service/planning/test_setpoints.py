"""What holds now: override > hold > schedule > safe state, each with its end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from dispatch.service.store import Tx, audit, overrides, schedules
from dispatch.service.work import control
from dispatch.service.work.control import Control, Holding
from tests.unit.dispatch.service.planning import small
from tests.unit.dispatch.service.served import Api

SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def with_plan(site: Api) -> Api:
    """A site with a plan from the hour that goes on."""
    start = small.hour()
    series = {"hall": [200.0] * small.STEPS, "roof": small.given(start)["roof"]}
    small.asked(site.client, horizon=small.horizon(start), series=series)
    job = small.done(site)
    assert (job.state, job.problem) == ("done", None)
    return site


@pytest.fixture
def planned(with_plan: Api) -> Iterator[Api]:
    """That, without overrides."""
    yield with_plan
    with with_plan.store.write(with_plan.tenant, "test") as tx:
        tx.execute(tx.delete(overrides.overrides))


def now(api: Api, at: datetime | None = None) -> dict[str, dict[str, Any]]:
    query = {} if at is None else {"at": at.isoformat()}
    items = small.get(api.client, "sites/works/setpoints", **query)["items"]
    return {f"{one['asset']}.{one['quantity']}": one for one in items}


def override(api: Api, status: int = 201, **body: Any) -> dict[str, Any]:
    soon = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0).isoformat()
    answer = api.client.post("/api/v1/sites/works/overrides", json={"until": soon, "asset": "li", **body})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_schedule_holds_until_its_step_ends_and_then_its_safe_state(planned: Api) -> None:
    table = small.get(planned.client, "sites/works/schedules/latest")
    rows = small.get(planned.client, table["table_href"])["rows"]
    held = now(planned)
    assert set(held) == {"li.charge_kw", "li.discharge_kw", "pcc.export_kw", "pcc.import_kw", "roof.power_kw"}
    assert {one["source"] for one in held.values()} == {"schedule"}
    assert held["pcc.import_kw"]["value"] == pytest.approx(rows[0]["pcc.import_kw"], abs=1e-6)
    assert held["li.charge_kw"]["valid_until"] == small.hour(1).isoformat().replace("+00:00", "Z")
    last = now(planned, small.hour(small.STEPS) - SECOND)
    assert last["pcc.import_kw"]["value"] == pytest.approx(rows[-1]["pcc.import_kw"], abs=1e-6)
    after = now(planned, small.hour(small.STEPS))
    assert {(one["source"], one["valid_until"]) for one in after.values()} == {("safe_state", None)}
    assert (after["li.charge_kw"]["value"], after["li.discharge_kw"]["value"]) == (0, 0)


def _kept(api: Api, **values: Any) -> None:
    """The plan, had it been asked for in another way or at another time."""
    with api.store.write(api.tenant, "test") as tx:
        row = schedules.latest(tx, "works")
        assert row is not None
        schedules.change(tx, row.id, values)


def _sources(api: Api, at: datetime, age_h: float) -> set[str]:
    with api.store.read(api.tenant) as tx:
        return {one.source for one in Control(tx, "works", timedelta(hours=age_h)).at(at)}


def test_an_old_rolling_schedule_is_not_followed(planned: Api) -> None:
    _kept(planned, mode="rolling")
    assert _sources(planned, small.hour(3), 36) == {"schedule"}
    assert _sources(planned, small.hour(3), 2) == {"safe_state"}
    with planned.store.read(planned.tenant) as tx:
        (one,) = [
            h for h in Control(tx, "works", timedelta(hours=1.5)).at(small.hour(1)) if h.key == ("li", "charge_kw")
        ]
    assert one.valid_until is not None
    assert small.hour(1) < one.valid_until < small.hour(2)
    _kept(planned, mode="day_ahead")


def test_a_schedule_for_tomorrow_holds_to_its_end_if_it_began_young(planned: Api) -> None:
    with planned.store.read(planned.tenant) as tx:
        row = schedules.latest(tx, "works")
    assert row is not None
    last = row.end - timedelta(minutes=1)
    try:
        _kept(planned, issued=row.start - timedelta(hours=15))
        assert _sources(planned, last, 36) == {"schedule"}
        assert now(planned, last)["li.charge_kw"]["valid_until"] == row.end.isoformat().replace("+00:00", "Z")
        points = small.get(planned.client, f"schedules/{row.id}/setpoints")["items"]
        assert {one["valid_until"] for one in points if one["end"] == one["valid_until"]} == {
            one["end"] for one in points
        }
        assert _sources(planned, last, 14) == {"safe_state"}
        assert _sources(planned, row.end, 36) == {"safe_state"}
    finally:
        _kept(planned, issued=row.issued)


def test_a_value_stands_above_the_plan_and_ends_by_itself(planned: Api) -> None:
    made = override(planned, quantity="charge_kw", value=33.5, reason="Test of the inverter")
    held = now(planned)
    assert (held["li.charge_kw"]["value"], held["li.charge_kw"]["source"]) == (33.5, "override")
    assert held["li.charge_kw"]["override"] == made["id"]
    assert held["li.charge_kw"]["valid_until"] == made["until"]
    assert (held["li.discharge_kw"]["value"], held["li.discharge_kw"]["source"]) == (0, "override")
    assert held["pcc.import_kw"]["source"] == "schedule"
    until = datetime.fromisoformat(made["until"])
    assert now(planned, until - SECOND)["li.charge_kw"]["source"] == "override"
    assert now(planned, until)["li.charge_kw"]["source"] == "schedule"


def test_it_can_be_ended_early_once(planned: Api) -> None:
    made = override(planned, quantity="charge_kw", value=10)
    assert planned.client.post(f"/api/v1/overrides/{made['id']}:end").status_code == 200
    assert now(planned)["li.charge_kw"]["source"] == "schedule"
    assert planned.client.post(f"/api/v1/overrides/{made['id']}:end").status_code == 200
    (listed,) = small.get(planned.client, "sites/works/overrides")["items"]
    assert listed["ended_at"] is not None
    with planned.store.read(planned.tenant) as tx:
        actions = [entry.action for entry in audit.listed(tx, subject=made["id"])]
    assert actions == ["override.made", "override.ended"]


def test_a_hold_keeps_what_is_and_a_value_stands_above_it(planned: Api) -> None:
    before = now(planned)["pcc.import_kw"]["value"]
    held = override(planned, asset="pcc", quantity="import_kw", hold=True)
    assert (held["kind"], held["value"]) == ("hold", before)
    found = now(planned, small.hour(2) - SECOND)
    assert (found["pcc.import_kw"]["value"], found["pcc.import_kw"]["source"]) == (before, "hold")
    override(planned, asset="pcc", quantity="import_kw", value=12)
    override(planned, asset="pcc", quantity="import_kw", hold=True)
    assert now(planned)["pcc.import_kw"]["value"] == 12


def test_plans_never_leave_bounds_that_are_set(planned: Api) -> None:
    bare = now(planned)["pcc.import_kw"]["value"]
    made = override(planned, asset="pcc", quantity="import_kw", most=bare - 5)
    held = now(planned)["pcc.import_kw"]
    assert (held["value"], held["source"]) == (pytest.approx(bare - 5), "schedule")
    assert (held["override"], held["bounded_from"]) == (made["id"], bare)
    override(planned, 409, asset="pcc", quantity="import_kw", value=bare)
    override(planned, 409, asset="pcc", quantity="import_kw", least=bare)
    tighter = override(planned, asset="pcc", quantity="import_kw", most=bare - 9)
    assert (now(planned)["pcc.import_kw"]["value"], now(planned)["pcc.import_kw"]["override"]) == (
        pytest.approx(bare - 9), tighter["id"],
    )  # fmt: skip
    override(planned, asset="pcc", quantity="import_kw", value=bare - 20)
    assert now(planned)["pcc.import_kw"]["source"] == "override"


@pytest.mark.parametrize(
    ("body", "pointer", "accepted"),
    [
        ({"quantity": "charge_kw", "value": 80.1}, "/value", "0 to 80"),
        ({"quantity": "charge_kw", "value": -1}, "/value", "0 to 80"),
        ({"quantity": "charge_kw", "most": 81}, "/most", "0 to 80"),
        ({"quantity": "power_kw", "value": 1}, "/quantity", "one of charge_kw, discharge_kw"),
        ({"asset": "lion", "quantity": "charge_kw", "value": 1}, "/asset", "did you mean 'li'? one of"),
        ({"asset": "hall", "quantity": "power_kw", "value": 1}, "/quantity", "nothing"),
        ({"quantity": "charge_kw", "value": 1, "until": "2024-01-01T00:00:00Z"}, "/until", "a time to come"),
        ({"quantity": "charge_kw", "value": 1, "until": "2120-01-01T00:00:00Z"}, "/until", "at most 24 h"),
        ({"quantity": "charge_kw", "value": 1, "start": "2024-01-01T00:00:00Z"}, "/start", "now or later"),
        ({"quantity": "charge_kw"}, "", ""),
        ({"quantity": "charge_kw", "value": 1, "most": 2}, "", ""),
        ({"quantity": "charge_kw", "least": 3, "most": 2}, "", ""),
        ({"quantity": "charge_kw", "hold": True, "start": "2120-01-01T00:00:00Z"}, "", ""),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(api: Api, body: dict[str, Any], pointer: str, accepted: str) -> None:
    small.put(api.store, api.tenant)
    answer = override(api, 422, **body)
    assert pointer in [error["pointer"] for error in answer["errors"]]
    assert any(accepted in error["accepted"] for error in answer["errors"] if error["pointer"] == pointer)
    with api.store.read(api.tenant) as tx:
        assert overrides.listed(tx, "works", before=None, limit=1) == []


def test_without_a_plan_there_is_nothing_to_hold(api: Api) -> None:
    small.put(api.store, api.tenant)
    assert now(api) == {}
    override(api, 409, quantity="charge_kw", hold=True)
    override(api, quantity="charge_kw", value=5)
    assert now(api)["li.charge_kw"]["value"] == 5


def test_the_series_goes_from_change_to_change(planned: Api) -> None:
    start = small.hour(1)
    until = start + timedelta(minutes=90)
    override(planned, quantity="charge_kw", value=7, start=start.isoformat(), until=until.isoformat())
    query = {"start": start.isoformat(), "end": small.hour(30).isoformat()}
    spans = small.get(planned.client, "sites/works/setpoints/series", **query)["items"]
    charge = [one for one in spans if (one["asset"], one["quantity"]) == ("li", "charge_kw")]
    assert [one["source"] for one in charge[:4]] == ["override", "override", "schedule", "schedule"]
    assert [one["start"] for one in charge[1:]] == [one["end"] for one in charge[:-1]]
    assert charge[1]["end"] == until.isoformat().replace("+00:00", "Z")
    assert (charge[-1]["source"], charge[-1]["end"]) == (
        "safe_state",
        small.hour(30).isoformat().replace("+00:00", "Z"),
    )
    long = planned.client.get(
        "/api/v1/sites/works/setpoints/series", params={**query, "end": small.hour(999).isoformat()}
    )
    assert long.status_code == 422


def test_overrides_of_others_are_not_there(planned: Api) -> None:
    made = override(planned, quantity="charge_kw", value=10)
    assert planned.other.get(f"/api/v1/overrides/{made['id']}").status_code == 404
    assert planned.other.post(f"/api/v1/overrides/{made['id']}:end").status_code == 404
    assert planned.other.get("/api/v1/sites/works/setpoints").status_code == 404
    assert now(planned)["li.charge_kw"]["value"] == 10


def test_overrides_hold_on_both_databases(store: Any) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=n) for n in range(6)]
    row = {"site": "a", "asset": "li", "quantity": "charge_kw", "kind": "value", "value": 1.0}
    with store.write("north", "ann") as tx:
        made = [overrides.create(tx, {**row, "start": hours[a], "until": hours[b]}) for a, b in ((0, 2), (1, 5))]
        tx.execute(tx.update(overrides.overrides).where(overrides.overrides.c.id == made[1].id).values(ended=hours[3]))
    with store.read("north") as tx:
        assert [len(_at(tx, hour)) for hour in hours] == [1, 2, 1, 0, 0, 0]
        assert [row.id for row in overrides.holding(tx, "a", hours[0], hours[5])] == [made[1].id, made[0].id]
    with store.read("south") as tx:
        assert _at(tx, hours[1]) == []


def _at(tx: Tx, moment: datetime) -> list[Any]:
    return list(overrides.holding(tx, "a", moment, moment + SECOND))


def test_a_set_point_is_known_by_asset_and_quantity() -> None:
    assert Holding("li", "charge_kw", 1.0, "schedule").key == ("li", "charge_kw")


def _said(quantity: str, value: float) -> Any:
    later = datetime(2026, 3, 1, tzinfo=UTC)
    more = {"until": later, "ended": None, "created": later, "kind": "value", "id": f"ovr_{quantity}"}
    return SimpleNamespace(asset="engine", quantity=quantity, value=value, **more)


@pytest.mark.parametrize(
    ("quantity", "value", "runs", "gives"),
    [("power_kw", 50.0, 1.0, 50.0), ("power_kw", 0.0, 0.0, 0.0), ("on", 0.0, 0.0, 0.0), ("on", 1.0, 1.0, 80.0)],
)
def test_plant_runs_if_and_only_if_it_gives_something(quantity: str, value: float, runs: float, gives: float) -> None:
    planned = [Holding("engine", "on", 1.0, "schedule"), Holding("engine", "power_kw", 80.0, "schedule")]
    held = control.stated({one.key: one for one in planned}, [_said(quantity, value)])
    assert (held["engine", "on"].value, held["engine", "power_kw"].value) == (runs, gives)
