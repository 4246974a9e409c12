"""What a problem says of each thing that is wrong: where, what was found, what would be taken."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.dispatch.service.probe import Thing
from tests.unit.dispatch.service.served import Api
from tests.unit.dispatch.service.store.parks import START, body

SCHEDULES = "/api/v1/sites/a/schedules"


def errors(api: Api, path: str, given: Any, method: str = "POST") -> dict[str, dict[str, Any]]:
    refused = api.client.request(method, path, json=given)
    assert refused.status_code == 422, refused.text
    return {each["pointer"]: each for each in refused.json()["errors"]}


def test_a_field_that_is_not_known_and_one_that_is_missing(api: Api) -> None:
    found = errors(api, "/api/v1/probe/things", {"nam": "x"})
    assert found["/number"]["accepted"] == "a number"
    assert found["/nam"]["accepted"] == f"did you mean 'name'? one of {', '.join(Thing.model_fields)}"
    assert (found["/nam"]["message"], found["/nam"]["value"]) == ("is not a known field", "x")


@pytest.mark.parametrize(
    ("given", "pointer", "accepted"),
    [
        ({"horizon": {"start": "2026-03-01T00:00:00", "steps": 1}}, "/horizon/start", "RFC 3339 with an offset"),
        ({"horizon": {"start": "2026-03-01T00:00:00Z", "steps": 0}}, "/horizon/steps", "at least 1"),
        ({"horizon": {"start": "2026-03-01T00:00:00Z", "step": 1}}, "/horizon/step", "did you mean 'steps'?"),
        ({"mode": "yesterday"}, "/mode", "'day_ahead'"),
        ({"deadline_s": "soon"}, "/deadline_s", "a number"),
    ],
)
def test_limits_times_and_choices(api: Api, given: dict[str, Any], pointer: str, accepted: str) -> None:
    api.client.put("/api/v1/sites/a", json=body())
    found = errors(api, SCHEDULES, given)
    assert found[pointer]["accepted"].startswith(accepted)
    assert "Value error" not in str(found)
    assert all(each["accepted"] for each in found.values())


def test_a_list_is_not_called_too_short_for_entries_that_are_wrong(api: Api) -> None:
    found = errors(api, "/api/v1/fleets/none/bids", {"product": "p", "side": "up", "periods": [{"steps": []}]})
    assert "/periods" not in found
    assert {"/periods/0/start", "/periods/0/steps"} <= set(found)
    assert found["/periods/0/steps"]["accepted"] == "at least 1 entry"


def test_rows_and_sites_say_what_was_found(api: Api) -> None:
    api.client.put("/api/v1/sites/a", json=body())
    rows = [
        {"site": "a", "series": "rof", "time": START.isoformat(), "value": 1},
        {"site": "a", "series": "roof", "time": "noon", "value": 1},
    ]
    found = errors(api, "/api/v1/measurements", {"rows": rows})
    assert (found["/rows/0/series"]["value"], found["/rows/1/time"]["value"]) == ("rof", "noon")
    zone = errors(api, "/api/v1/sites/b", {**body(), "time_zone": "Europe/Berlim"}, "PUT")
    assert zone["/time_zone"]["value"] == "Europe/Berlim"
