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


def test_tables_pages_setpoints(api: Api) -> None:
    small.put(api.store, api.tenant)
    small.upload(api.store, api.tenant, small.measured(small.hour(-24 * 20), 24 * 20))
    accepted = small.asked(api.client, known_at="end", horizon=small.horizon(small.hour(1)))
    job = small.done(api.store)
    assert (job.state, job.problem) == ("done", None)
    shown = small.get(api.client, accepted["href"])
    print(shown["notes"], shown["start_state"], shown["money"], shown["data_age_h"])
    for path in (shown["table_href"], shown["setpoints_href"], accepted["href"] + "/comparison", "sites/works/setpoints", "sites/works/setpoints/series"):
        print(path, str(small.get(api.client, path))[:600])
    page = api.client.get(shown["report_href"])
    assert page.status_code == 202, page.text
    job = small.done(api.store)
    assert (job.state, job.problem) == ("done", None)
    page = api.client.get(shown["report_href"])
    assert page.status_code == 200
    print(len(page.text), "once more" in page.text)
    accepted = small.asked(api.client, "forecasts", known_at="end")
    job = small.done(api.store)
    assert (job.state, job.problem) == ("done", None)
    print(str(small.get(api.client, accepted["href"]))[:1500])
    for body in ({"schedule": shown["id"]},):
        accepted = small.asked(api.client, "carbon-accounts", **body)
        job = small.done(api.store)
        assert (job.state, job.problem) == ("done", None)
        print(str(small.get(api.client, accepted["href"]))[:1500])
