"""The client against a server that runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from dispatch.client import (
    AsyncClient,
    Client,
    ClientCredentials,
    JobEndedError,
    NotAcceptedError,
    NotAllowedError,
    NotFoundError,
    header,
    models,
)
from tests.unit.dispatch.client.loops import run
from tests.unit.dispatch.service.served import Api

START = datetime(2026, 6, 1, tzinfo=UTC)
SUN = [max(0.0, 80 - 12 * abs(h - 12)) for h in range(24)]
DAY: dict[str, Sequence[float]] = {"hall": [60.0 + h for h in range(24)], "roof": SUN}


@pytest.fixture(scope="module")
def park(repository: Path) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load((repository / "configs/service/works.yaml").read_text("utf-8"))
    return body


def test_a_plan_is_asked_for_waited_for_and_followed(parkwatt: Client, park: dict[str, Any]) -> None:
    made = parkwatt.sites.put("works", park)
    assert header(made, "ETag") == f'"{made.etag}"'
    told: list[str] = []
    plan = parkwatt.plan("works", day="2026-06-02", series=DAY, told=told.append)
    assert (plan.quality, plan.state, told[-1]) == ("optimal", "done", "done")
    assert plan.start == datetime(2026, 6, 1, 22, tzinfo=UTC)
    table = parkwatt.jobs.result_arrow(plan.job)
    assert table.num_rows == 24
    assert "battery.charge_kw" in table.column_names
    assert parkwatt.jobs.result_csv(plan.job).startswith('"start","step_h"')
    kinds = [event.kind for event in parkwatt.jobs.events(plan.job)]
    assert (kinds[0], kinds[-1]) == ("queued", "done")


def test_measurements_go_in_and_come_out(parkwatt: Client, park: dict[str, Any]) -> None:
    parkwatt.sites.put("works", park)
    receipt = parkwatt.upload("works", {"hall": [1.0, None, 3.0]}, start=START, source="meter")
    again = parkwatt.upload("works", {"hall": [1.0, None, 4.0]}, start=START, source="meter")
    assert (receipt.accepted, again.duplicate, again.restated) == (3, 2, 1)
    rows = parkwatt.measurements.read(site="works").rows
    expected = [(START + timedelta(minutes=15 * k), value) for k, value in ((1, 1.0), (2, None), (3, 4.0))]
    assert [(row.time, row.value) for row in rows] == expected
    table = parkwatt.measurements.read_arrow(site="works", series=["hall"], start=START, end=START + timedelta(hours=1))
    assert table["value"].to_pylist() == [1.0, None, 4.0]
    more = pa.table({"site": ["works"], "series": ["roof"], "time": [START], "value": [5.0]})
    assert parkwatt.measurements.append_arrow(more).accepted == 1


def test_lists_are_gone_through_page_by_page(parkwatt: Client, park: dict[str, Any]) -> None:
    for k in range(5):
        parkwatt.sites.put(f"works-{k}", park)
    assert [site.site for site in parkwatt.sites.iterate(limit=2)] == [f"works-{k}" for k in range(5)]


def test_a_repeated_request_has_one_effect(parkwatt: Client, park: dict[str, Any]) -> None:
    parkwatt.sites.put("works", park)
    asked = models.ScheduleAsked(day="2026-06-02", series=DAY)
    one, other = (parkwatt.schedules.create("works", asked, idempotency_key="mine") for _ in range(2))
    assert one.id == other.id
    assert header(other, "Idempotency-Replayed") is not None


def test_what_is_refused_is_raised_with_its_places(parkwatt: Client, park: dict[str, Any], worked: Api) -> None:
    with pytest.raises(NotAcceptedError) as caught:
        parkwatt.sites.put("works", {**park, "title": 5, "more": 1})
    assert {error["pointer"] for error in caught.value.errors} == {"/title", "/more"}
    assert "trace_id" in caught.value.more
    with pytest.raises(NotFoundError):
        parkwatt.sites.get("nowhere")
    with Client(worked.served.url, "pw_key_no") as stranger, pytest.raises(NotAllowedError):
        stranger.sites.list()
    with Client(worked.served.url, worked.served.key(worked.tenant, ["sites:read"])) as reader:
        assert reader.sites.list().items == []
        with pytest.raises(NotAllowedError, match="sites:write"):
            reader.sites.put("works", park)


def test_a_job_that_was_cancelled_is_no_result(parkwatt: Client, park: dict[str, Any], worked: Api) -> None:
    from dispatch.service.store import jobs

    with worked.store.write(worked.tenant, "test") as tx:
        waits = jobs.submit(tx, "schedule", {}, priority=-1)
        jobs.cancel(tx, waits.id)
    with pytest.raises(JobEndedError, match="cancelled") as caught:
        parkwatt.wait(waits.id)
    assert caught.value.job.id == waits.id


def test_waiting_ends(parkwatt: Client, worked: Api) -> None:
    from dispatch.service.store import jobs

    with worked.store.write(worked.tenant, "test") as tx:
        waits = jobs.submit(tx, "nothing_does_this", {})
    with pytest.raises((TimeoutError, JobEndedError)):
        parkwatt.wait(waits.id, timeout_s=0.1)


def test_client_credentials_open_and_are_asked_for_again(worked: Api, park: dict[str, Any]) -> None:
    key = worked.served.key(worked.tenant)
    credentials = ClientCredentials(key[3:33], key[34:], "sites:read")
    with Client(worked.served.url, credentials) as client:
        assert client.sites.list().items == []
        with pytest.raises(NotAllowedError):
            client.sites.put("works", park)
        credentials._token = "a.b.c"
        assert client.sites.list().items == []
    with Client(worked.served.url, ClientCredentials(key[3:33], "wrong")) as client, pytest.raises(NotAllowedError):
        client.sites.list()


def test_the_same_for_asyncio(worked: Api, park: dict[str, Any]) -> None:
    async def lived() -> tuple[str | None, list[str], list[str], int]:
        async with AsyncClient(worked.served.url, worked.served.key(worked.tenant)) as client:
            await client.sites.put("works", park)
            receipt = await client.upload("works", DAY, start=START, step_minutes=60)
            plan = await client.plan("works", day="2026-06-02", series=DAY)
            kinds = [event.kind async for event in client.jobs.events(plan.job)]
            sites = [site.site async for site in client.sites.iterate()]
            return plan.quality, kinds, sites, receipt.accepted

    quality, kinds, sites, accepted = run(lived())
    assert (quality, kinds[-1], sites, accepted) == ("optimal", "done", ["works"], 48)
