from __future__ import annotations

from tests.unit.dispatch.service.served import Api


def test_a_server_that_answers_is_alive(api: Api) -> None:
    answer = api.anonymous.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
