"""Requests that schemathesis makes up from the documents; a hundred thousand of them are a row of the benchmarks."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from benchmarks.topics.service.generating.campaign import campaign
from tests.unit.dispatch.service.served import Api

SOME = (
    "/keys",
    "/keys/{key_id}/rotation",
    "/audit",
    "/jobs",
    "/schedules/{schedule}",
    "/measurements",
    "/sites:validate",
)


def test_a_few_requests_are_answered_as_the_document_says(api: Api) -> None:
    """The formats that schemathesis cannot write are left to the campaign."""
    document = {
        **api.app.openapi(),
        "paths": {f"/api/v1{path}": api.app.openapi()["paths"][f"/api/v1{path}"] for path in SOME},
    }
    answered = []
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()

        @settings(max_examples=4, database=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            answer = case.call(base_url=api.served.url, headers={"Authorization": api.client.headers["Authorization"]})
            case.validate_response(answer, excluded_checks=[positive_data_acceptance])
            answered.append(answer.status_code)

        ask()
    assert len(answered) >= 20
    assert 500 not in answered


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_small_round_over_everything_is_answered_as_the_documents_say() -> None:
    found = campaign(1, 3, whole=False, told=False)
    assert (found.failed, found.violations) == (0, ())
    assert found.requests > 1000
