"""Carbon accounts over the API: of a measured period, and of a plan."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from tests.unit.dispatch.service.planning import small
from tests.unit.dispatch.service.served import Api

DAY = date(2026, 3, 2)


def green() -> dict[str, Any]:
    """The site, on a grid that emits."""
    body = copy.deepcopy(small.PARK)
    body["assets"][-1]["carbon_intensity_kg_per_kwh"] = 0.4
    return body


def account(api: Api, state: str = "done", **body: Any) -> dict[str, Any]:
    accepted = small.asked(api.client, "carbon-accounts", **body)
    job = small.done(api)
    assert job.state == state, job.problem
    found: dict[str, Any] = small.get(api.client, accepted["href"])
    return found


def meters(api: Api) -> None:
    """A day on which 10 kW are bought of the 12 that are used, and 2 come from the roof."""
    start = small.hour().replace(year=2026, month=3, day=1, hour=22)
    said = {"pcc.import_kw": 10.0, "pcc.export_kw": 0.0, "roof.power_kw": 2.0, "hall.power_kw": 12.0, "hall": 11.9,
            "li.charge_kw": 0.0, "li.discharge_kw": 0.0}  # fmt: skip
    for name, value in said.items():
        rows = small.measured(start, 28, ("hall",))
        rows = rows.set_column(1, "series", pa.array([name] * 28)).set_column(3, "value", pa.array([value] * 28))
        small.upload(api.store, api.tenant, rows)


def test_a_measured_day_is_accounted_for(api: Api) -> None:
    small.put(api.store, api.tenant, body=green())
    meters(api)
    shown = account(api, first=str(DAY))
    traced = shown["ledgers"][0]
    assert any("were not used: hall" in note for note in shown["notes"])
    assert traced["emitted_kg"] == pytest.approx(24 * 10 * 0.4)
    assert traced["on_meters_kg"] + traced["left_over_kg"] == pytest.approx(traced["emitted_kg"])
    assert "marginal" in shown["left_out"]
    rows = small.get(api.client, shown["ledgers_href"])["rows"]
    hall = [row for row in rows if row["meter"] == "hall" and row["ledger"] == traced["name"]]
    assert len(hall) == 24
    used = small.get(api.client, shown["certificates_href"])["rows"]
    assert {(row["supply"], row["meter"], row["used_kwh"]) for row in used} == {("roof", "hall", 48.0)}
    page = api.client.get(shown["page_href"])
    assert (page.status_code, "carbon account" in page.text) == (200, True)
    assert api.other.get(f"/api/v1/carbon-accounts/{shown['id']}").status_code == 404
    (listed,) = small.get(api.client, "sites/works/carbon-accounts")["items"]
    assert (listed["id"], listed["state"]) == (shown["id"], "done")


def test_what_was_not_measured_is_said(api: Api) -> None:
    small.put(api.store, api.tenant, body=green())
    shown = account(api, "failed", first=str(DAY))
    assert "no series of 'works' in this time" in shown["problem"]["detail"]


def test_a_plan_is_accounted_for(api: Api) -> None:
    small.put(api.store, api.tenant, body=green())
    start = small.hour(1)
    accepted = small.asked(api.client, horizon=small.horizon(start), series=small.given(start))
    small.done(api)
    plan = small.get(api.client, accepted["href"])
    shown = account(api, schedule=plan["id"], by="day")
    emitted = {one["name"]: one["emitted_kg"] for one in shown["ledgers"]}
    assert next(iter(emitted)) == "traced, losses apart"
    assert emitted["traced, losses apart"] == pytest.approx(plan["co2_kg"])
    assert shown["goods_href"] is None
    assert api.client.get(f"/api/v1/carbon-accounts/{shown['id']}/goods").status_code == 404
    assert api.client.get(shown["page_href"]).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"first": "2026-03-02", "schedule": f"sch_{'0' * 26}"},
        {"schedule": f"sch_{'0' * 26}"},
        {"first": "2026-03-02", "last": "2026-03-01"},
        {"first": "2026-03-02", "last": "2028-03-01"},
        {"first": "2026-03-02", "step_minutes": 7},
        {"first": "2026-03-02", "tolerance_kw": 1.0, "tolerance_percent": 1.0},
        {"first": "2026-03-02", "by": "week"},
        {"first": 1772323200},
    ],
)
def test_accounts_that_mean_nothing_are_refused(api: Api, body: dict[str, Any]) -> None:
    small.put(api.store, api.tenant)
    assert api.client.post("/api/v1/sites/works/carbon-accounts", json=body).status_code == 422
