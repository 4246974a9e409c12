"""Plans over the API: asked for, made by a worker's code, looked at."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pytest

from dispatch.service.store import audit, files, schedules
from tests.unit.dispatch.service.planning import small
from tests.unit.dispatch.service.served import Api

NO_TIME: dict[str, Any] = {"deadline_s": 0.001}


def planned(api: Api, **body: Any) -> dict[str, Any]:
    """A schedule of 24 hours from the next on, made here; by default on what the client says."""
    start = small.hour(1)
    accepted = small.asked(api.client, **({"horizon": small.horizon(start), "series": small.given(start)} | body))
    job = small.done(api)
    assert (job.state, job.problem) == ("done", None)
    found: dict[str, Any] = small.get(api.client, accepted["href"])
    return found


@pytest.fixture
def fresh(api: Api) -> Api:
    """A site without plans."""
    small.put(api.store, api.tenant)
    return api


@pytest.fixture(scope="module")
def plan(site: Api) -> dict[str, Any]:
    """A schedule that is there."""
    return planned(site)


def test_a_plan_arrives_with_what_proves_it(fresh: Api) -> None:
    start = small.hour(1)
    accepted = small.asked(fresh.client, horizon=small.horizon(start), series=small.given(start))
    waiting = small.get(fresh.client, accepted["href"])
    assert (waiting["state"], waiting["quality"], waiting["setpoints_href"]) == ("queued", None, None)
    assert fresh.client.get(f"{accepted['href']}/table").status_code == 409
    job = small.done(fresh)
    shown = small.get(fresh.client, accepted["href"])
    assert (shown["state"], shown["quality"], shown["gap"], shown["mode"]) == ("done", "optimal", 0.0, "day_ahead")
    assert shown["audit"] == {
        "passed": True, "numbers_checked": shown["audit"]["numbers_checked"], "violations": [],
        "limits_passed_as_relaxed": [],
    }  # fmt: skip
    assert shown["money"]["currency"] == "EUR"
    assert shown["money"]["expected"] == pytest.approx(shown["objective"], rel=1e-6)
    assert {"hall: as the request says, not forecast", "roof: as the request says, not forecast"} <= set(shown["notes"])
    assert job.result is not None
    assert (job.result["href"], job.result["quality"]) == (accepted["href"], "optimal")
    listed = small.get(fresh.client, "schedules")["items"]
    assert [(one["id"], one["state"], one["quality"]) for one in listed] == [(shown["id"], "done", "optimal")]
    assert small.get(fresh.client, "sites/works/schedules/latest")["id"] == shown["id"]


def test_the_table_is_json_csv_and_arrow(site: Api, plan: dict[str, Any]) -> None:
    shown = plan
    rows = small.get(site.client, shown["table_href"])["rows"]
    arrow = site.client.get(shown["table_href"], headers={"Accept": "application/vnd.apache.arrow.stream"}).content
    table = pa.ipc.open_stream(arrow).read_all()
    text = site.client.get(shown["table_href"], headers={"Accept": "text/csv"}).content
    read = pyarrow.csv.read_csv(io.BytesIO(text))
    assert table.num_rows == read.num_rows == len(rows) == small.STEPS
    assert table["li.charge_kw"].to_pylist() == [row["li.charge_kw"] for row in rows]
    assert read["pcc.import_kw"].to_pylist() == pytest.approx([row["pcc.import_kw"] for row in rows])
    assert table.schema.field("li.stored_kwh").metadata == {b"unit": b"kWh"}


def test_set_points_are_those_of_the_table_and_chained_to_the_inputs(fresh: Api) -> None:
    shown = planned(fresh)
    items = small.get(fresh.client, shown["setpoints_href"])["items"]
    charge = [one for one in items if (one["asset"], one["quantity"]) == ("li", "charge_kw")]
    rows = small.get(fresh.client, shown["table_href"])["rows"]
    assert [one["value"] for one in charge] == pytest.approx([row["li.charge_kw"] for row in rows], abs=1e-6)
    assert [one["valid_until"] for one in charge] == [one["end"] for one in charge]
    with fresh.store.read(fresh.tenant) as tx:
        (entry,) = audit.listed(tx, action="schedule.made")
        kept = schedules.get(tx, shown["id"])
        sha256 = files.get(tx, kept.setpoints_file).sha256  # type: ignore[union-attr]  # there, or the test fails
        assert audit.verify(tx).broken_at is None
    assert entry.details["setpoints_sha256"] == shown["setpoints_sha256"] == sha256
    assert entry.details["schedule_sha256"] == shown["certificate"]["schedule_sha256"]
    assert entry.details["versions"] == shown["certificate"]["versions"]
    assert entry.details["quality"] == "optimal"


def test_the_page_is_made_when_it_is_asked_for(site: Api, plan: dict[str, Any]) -> None:
    shown = plan
    first = site.client.get(shown["report_href"])
    assert (first.status_code, first.headers["Retry-After"]) == (202, "1")
    assert site.client.get(shown["report_href"]).json()["job"] == first.json()["job"]
    assert small.done(site).state == "done"
    page = site.client.get(shown["report_href"])
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "parkwatt" in page.text
    assert "made once more" not in page.text


def test_what_is_measured_of_a_store_counts_while_it_is_young(fresh: Api) -> None:
    rows = small.measured(small.hour(-1), 1, ("hall",))
    rows = rows.set_column(1, "series", pa.array(["li.stored_kwh"])).set_column(3, "value", pa.array([50.0]))
    small.upload(fresh.store, fresh.tenant, rows)
    found = {age: planned(fresh, state_age_minutes=float(age))["start_state"][0] for age in (90, 45)}
    assert (found[90]["said_by"], found[90]["value"]) == ("measured", 0.25)
    assert found[90]["at"] == small.hour().isoformat().replace("+00:00", "Z")
    assert (found[45]["said_by"], found[45]["value"], found[45]["at"]) == ("park", 0.5, None)
    said = planned(fresh, state_age_minutes=90.0, start_state={"li": {"stored_kwh": 150}})["start_state"][0]
    assert (said["said_by"], said["value"]) == ("request", 0.75)


def _content(api: Api, name: str, ends: int, value: float) -> None:
    rows = small.measured(small.hour(ends - 1), 1, ("hall",))
    rows = rows.set_column(1, "series", pa.array([name])).set_column(3, "value", pa.array([value]))
    small.upload(api.store, api.tenant, rows)


def test_a_content_that_no_such_store_can_hold_does_not_count(fresh: Api) -> None:
    _content(fresh, "li.stored_kwh", 0, 5000.0)
    shown = planned(fresh, state_age_minutes=200.0)
    assert (shown["start_state"][0]["said_by"], shown["start_state"][0]["value"]) == ("park", 0.5)
    (note,) = [note for note in shown["notes"] if note.startswith("li.stored_kwh: 5000 of ")]
    assert note.endswith("is not used; accepted: 0 to 200, or 1% of that beyond")
    _content(fresh, "li.stored_mwh", -1, 0.12)
    (held,) = planned(fresh, state_age_minutes=200.0, **NO_TIME)["start_state"][:1]
    assert (held["said_by"], held["value"], held["series"]) == ("measured", pytest.approx(0.6), "li.stored_mwh")


@pytest.mark.parametrize(("value", "fill"), [(201.9, 1.0), (-1.9, 0.0), (202.1, 0.5), (-2.1, 0.5)])
def test_a_meter_may_be_a_little_off(fresh: Api, value: float, fill: float) -> None:
    _content(fresh, "li.stored_kwh", 0, value)
    assert planned(fresh, state_age_minutes=90.0, **NO_TIME)["start_state"][0]["value"] == fill


def test_a_rolling_plan_goes_on_from_the_one_before(fresh: Api) -> None:
    first = planned(fresh)
    rows = small.get(fresh.client, first["table_href"])["rows"]
    start = small.hour(1) + timedelta(hours=5)
    second = planned(fresh, mode="rolling", horizon=small.horizon(start), series=small.given(start))
    (held,) = second["start_state"][:1]
    assert (second["goes_on_from"], held["said_by"]) == (first["id"], "schedule")
    assert held["value"] == pytest.approx(rows[4]["li.stored_kwh"] / 200)
    third = planned(fresh, horizon=small.horizon(start), series=small.given(start))
    assert third["start_state"][0]["said_by"] == "park"


def test_what_is_wrong_with_a_request_is_said_where_it_stands(site: Api) -> None:
    start = small.hour(1)
    body = {
        "horizon": small.horizon(start),
        "series": {"hall": [1.0] * 3, "li": [1.0] * 24, "roof": [-1.0] * 24},
        "start_state": {"lion": {"stored_kwh": 1}, "li": {"stored_kwh": 201, "charge_kw": 1}},
    }
    answer = site.client.post("/api/v1/sites/works/schedules", json=body)
    assert answer.status_code == 422
    assert {error["pointer"]: error["accepted"] for error in answer.json()["errors"]} == {
        "/series/hall": "24, one a step", "/series/li": "hall, roof", "/series/roof": "mean power from 0 kW on",
        "/start_state/lion": "did you mean 'li'? one of hall, li, pcc, roof", "/start_state/li/stored_kwh": "0 to 200",
        "/start_state/li/charge_kw": "one of stored_kwh, start_fill",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {"day": "2026-03-01", "horizon": {"start": "2026-03-01T00:00:00Z", "steps": 1}},
        {"horizon": {"start": "2026-03-01T00:00:00", "steps": 1}},
        {"horizon": {"start": 1772323200, "steps": 1}},
        {"horizon": {"start": "2026-03-01T00:00:00.5Z", "steps": 1}},
        {"horizon": {"start": "2026-03-01T00:00:00Z", "steps": 0}},
        {"issue_time": "2199-03-01T00:00:00Z"},
        {"forecast": "fct_00000000000000000000000000"},
        {"mode": "yesterday"},
        {"deadline_s": 0},
        {"sceanrios": 3},
    ],
)
def test_bodies_that_mean_nothing_are_refused(fresh: Api, body: dict[str, Any]) -> None:
    assert fresh.client.post("/api/v1/sites/works/schedules", json=body).status_code in (404, 422)
    with fresh.store.read(fresh.tenant) as tx:
        assert schedules.listed(tx, site=None, before=None, limit=1) == []


def test_schedules_of_others_are_not_there(site: Api, plan: dict[str, Any]) -> None:
    shown = plan
    for path in ("", "/table", "/setpoints", "/report", "/comparison"):
        theirs = site.other.get(f"/api/v1/schedules/{shown['id']}{path}")
        none = site.other.get(f"/api/v1/schedules/sch_{'0' * 26}{path}")
        assert (theirs.status_code, none.status_code) == (404, 404)
        assert theirs.json()["detail"].replace(shown["id"], "") == none.json()["detail"].replace(f"sch_{'0' * 26}", "")
    assert small.get(site.other, "schedules")["items"] == []
    assert site.other.get("/api/v1/sites/works/schedules").status_code == 404


def test_lists_come_in_pages(fresh: Api) -> None:
    made = [planned(fresh)["id"] for _ in range(3)]
    first = small.get(fresh.client, "sites/works/schedules", limit=2)
    rest = small.get(fresh.client, "sites/works/schedules", limit=2, cursor=first["next"])
    assert [one["id"] for one in (*first["items"], *rest["items"])] == made[::-1]
    assert rest["next"] is None
    assert [one["id"] for one in small.get(fresh.client, "schedules", site="works")["items"]] == made[::-1]
    assert small.get(fresh.client, "schedules", site="other")["items"] == []
    assert fresh.client.get("/api/v1/schedules", params={"cursor": first["next"]}).status_code == 422
