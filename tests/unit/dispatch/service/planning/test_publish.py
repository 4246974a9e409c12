"""``:publish`` over HTTP: when a dry run is followed, what the client has seen of it, and what nobody could follow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dispatch.service.store import audit, schedules, sites
from tests.unit.dispatch.service.planning import small
from tests.unit.dispatch.service.served import Api, Served, two_tenants


@pytest.fixture(scope="module")
def trial_once(server: Served) -> Iterator[tuple[Api, str]]:
    """A site with one plan, a dry run, of the day that has begun."""
    with two_tenants(server) as api:
        small.put(api.store, api.tenant)
        start = small.hour()
        made = small.asked(api.client, horizon=small.horizon(start), series=small.given(start), dry_run=True)
        job = small.done(api)
        assert (job.state, job.problem) == ("done", None)
        yield api, made["id"]


@pytest.fixture
def trial(trial_once: tuple[Api, str]) -> Iterator[tuple[Api, str]]:
    """Published by nobody, before and after the test; and as it was made."""
    api, id_ = trial_once
    with api.store.read(api.tenant) as tx:
        row = schedules.get(tx, id_)
    yield trial_once
    same = {name: getattr(row, name) for name in ("published", "ranked", "mode", "start", "end", "made")}
    with api.store.write(api.tenant, "test") as tx:
        schedules.change(tx, id_, same)
        if sites.get(tx, "works") is None:
            sites.put(tx, "works", sites.prepare(small.PARK, "works"))


def publish(client: httpx.Client, id_: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(f"/api/v1/schedules/{id_}:publish", headers=named)


def sources(api: Api) -> set[str | None]:
    return {one["schedule"] for one in small.get(api.client, "sites/works/setpoints")["items"]}


def published(api: Api, id_: str) -> list[str]:
    """Who published it, after the audit trail."""
    with api.store.read(api.tenant) as tx:
        return [entry.actor for entry in audit.listed(tx, action="schedule.published", subject=id_)]


def kept(api: Api, id_: str, **values: Any) -> None:
    with api.store.write(api.tenant, "test") as tx:
        schedules.change(tx, id_, values)


def test_who_has_seen_another_state_publishes_nothing(trial: tuple[Api, str]) -> None:
    api, id_ = trial
    before, count = api.client.get(f"/api/v1/schedules/{id_}"), len(published(api, id_))
    tag = before.headers["ETag"]
    refused = publish(api.client, id_, If_Match='"another"')
    strong = tag.removeprefix("W/")  # what comes compressed is tagged weakly
    assert (refused.status_code, refused.headers["ETag"]) == (412, strong)
    assert refused.json()["type"] == "urn:parkwatt:problem:precondition-failed"
    assert publish(api.client, id_, If_Match="another").status_code == 400
    assert api.client.get(f"/api/v1/schedules/{id_}").json() == before.json()
    assert before.json()["published_at"] is None
    assert id_ not in sources(api)
    assert len(published(api, id_)) == count


def test_it_is_followed_from_then_on_and_once(trial: tuple[Api, str]) -> None:
    api, id_ = trial
    tag, count = api.client.get(f"/api/v1/schedules/{id_}").headers["ETag"], len(published(api, id_))
    first = publish(api.client, id_, If_Match=f'"older", {tag}')
    assert (first.status_code, first.json()["dry_run"]) == (200, True)
    assert first.json()["published_at"] is not None
    assert sources(api) == {id_}
    now = api.client.get(f"/api/v1/schedules/{id_}")
    assert (now.headers["ETag"], now.json()) == (first.headers["ETag"], first.json())
    assert now.headers["ETag"] != tag
    again = publish(api.client, id_, If_Match=tag)  # the answer was lost, and the client asks again as it did
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(published(api, id_)) == count + 1


def test_of_an_idempotency_key_the_same_answer_comes_again(trial: tuple[Api, str]) -> None:
    api, id_ = trial
    count = len(published(api, id_))
    first, second = (publish(api.client, id_, Idempotency_Key=f"publish-{id_}") for _ in range(2))
    assert (first.status_code, second.headers["Idempotency-Replayed"]) == (200, "true")
    assert first.json() == second.json()
    assert len(published(api, id_)) == count + 1


def test_who_may_not_or_cannot_see_it(trial: tuple[Api, str]) -> None:
    api, id_ = trial
    assert publish(api.allowed("plans:read"), id_).status_code == 403
    assert publish(api.anonymous, id_).status_code == 401
    stranger, nothing = publish(api.other, id_), publish(api.client, "sch_01m8csmx3a9jyskgzac127janh")
    assert (stranger.status_code, nothing.status_code) == (404, 404)
    assert stranger.json()["title"] == nothing.json()["title"]
    assert id_ not in sources(api)


@pytest.mark.parametrize(
    ("values", "status", "told"),
    [
        ({"made": None}, 409, "is not there"),
        ({"mode": schedules.IN_HINDSIGHT}, 409, "made in hindsight"),
        ({"start": small.hour(-48), "end": small.hour(-24)}, 409, "it can be followed no more"),
    ],
    ids=["not made yet", "in hindsight", "over"],
)
def test_what_nobody_could_follow_is_not_published(
    trial: tuple[Api, str], values: dict[str, Any], status: int, told: str
) -> None:
    api, id_ = trial
    kept(api, id_, **values)
    refused = publish(api.client, id_)
    assert (refused.status_code, told in refused.json()["detail"]) == (status, True), refused.text
    with api.store.read(api.tenant) as tx:
        assert schedules.get(tx, id_).published is None


def test_a_site_that_is_gone_follows_nothing(trial: tuple[Api, str]) -> None:
    api, id_ = trial
    with api.store.write(api.tenant, "test") as tx:
        sites.delete(tx, "works")
    refused = publish(api.client, id_)
    assert refused.status_code == 404
    assert "works" in refused.json()["detail"]
