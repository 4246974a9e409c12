"""Who is let in, what the others are told, and that it takes them the same time."""

from __future__ import annotations

import time

import pytest

from benchmarks.topics.service.credentials import compared, refusals, unknown_against_wrong
from dispatch.service.http.scopes import SCOPES
from dispatch.service.schemas.keys import NewKey
from dispatch.service.store import tenants
from tests.unit.dispatch.service.served import Api, Served


def test_damaged_and_forged_credentials_are_all_refused_alike(server: Served) -> None:
    found = refusals(server, 400, seed=7)
    assert (found.sent, found.failed, found.others) == (400, 0, ())


def test_an_unknown_key_takes_as_long_as_a_wrong_secret(server: Served) -> None:
    """Wide, as other tests run beside it; the row of the benchmarks has the narrow bar."""
    found = unknown_against_wrong(server, 300)
    assert abs(found.difference_us) < 6 * found.error_us + 15


def test_the_comparison_of_times_sees_a_difference() -> None:
    def longer() -> None:
        until = time.perf_counter() + 40e-6
        while time.perf_counter() < until:
            pass

    found = compared(longer, lambda: None, 300)
    assert found.difference_us > 30
    assert found.bound_us > 30


@pytest.mark.parametrize("sent", ["", "Bearer", "Basic a2V5OnNlY3JldA==", "pw_key_x_y", "Bearer pw_key_x_y"])
def test_what_is_no_key_is_refused_with_a_challenge(api: Api, sent: str) -> None:
    refused = api.anonymous.get("/api/v1/keys", headers={"Authorization": sent})
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith('Bearer realm="parkwatt"')
    assert refused.headers["content-type"] == "application/problem+json"


def test_nobody_learns_what_there_is_without_a_key(api: Api) -> None:
    there, not_there = api.anonymous.get("/api/v1/keys"), api.anonymous.get("/api/v1/nothing")
    assert (there.status_code, not_there.status_code) == (401, 401)


def test_keys_of_a_closed_tenant_open_nothing(server: Served) -> None:
    from datetime import UTC, datetime

    from tests.unit.dispatch.service.served import two_tenants

    with two_tenants(server) as api:
        assert api.client.get("/api/v1/keys").status_code == 200
        with server.store.admin() as connection:
            assert tenants.close(connection, api.tenant, datetime.now(UTC))
        assert api.client.get("/api/v1/keys").status_code == 401
        assert api.other.get("/api/v1/keys").status_code == 200


def test_the_document_names_every_scope() -> None:
    field = NewKey.model_json_schema()["properties"]["scopes"]["items"]["enum"]
    assert sorted(field) == sorted(SCOPES)
