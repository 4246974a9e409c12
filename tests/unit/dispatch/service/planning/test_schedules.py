"""Plans over the API: asked for, made by a worker's code, looked at."""

from __future__ import annotations

from tests.unit.dispatch.service.planning import small
from tests.unit.dispatch.service.served import Api


def test_a_plan_on_what_the_client_says(api: Api) -> None:
    small.put(api.store, api.tenant)
    start = small.hour(1)
    accepted = small.asked(api.client, horizon=small.horizon(start), series=small.given(start))
    assert small.get(api.client, accepted["href"])["state"] == "queued"
    job = small.done(api.store)
    assert (job.state, job.problem) == ("done", None)
    shown = small.get(api.client, accepted["href"])
    assert shown["quality"] == "optimal"
    print(shown)
