"""The openadr3 client against a running server: business logic and a VEN, from their tokens to what they delete."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import BaseModel

from benchmarks.cases.doors.made import scheduled
from benchmarks.cases.doors.server import Served
from benchmarks.cases.doors.steps import Step, taken
from benchmarks.cases.doors.subscriber import Subscriber, listening
from dispatch.service.openadr import shapes
from dispatch.service.openadr.published import event
from dispatch.service.store import series, sites
from dispatch.service.work.webhook import signature

if TYPE_CHECKING:
    from openadr3 import OpenADRClient

SITE, OTHER = "works", "depot"
START = datetime(2026, 3, 1, 23, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
STORE_KWH = 500.0
LOGIC = ("events:read", "events:write", "measurements:write")
VEN = ("events:read", "measurements:write")
_TARIFF = {
    "name": "case", "currency": "EUR",
    "components": [{"name": "energy", "basis": "energy", "price_per_kwh": 0.2, "source": "the case"}],
}  # fmt: skip
PARK = {
    "name": SITE, "time_zone": "Europe/Amsterdam", "currency": "EUR", "buses": [{"name": "ac"}],
    "assets": [
        {"kind": "grid_connection", "name": "grid", "bus": "ac", "import_kw": 1000, "tariff": _TARIFF},
        {"kind": "battery", "name": "store", "bus": "ac", "energy_kwh": STORE_KWH, "charge_kw": 100,
         "discharge_kw": 100, "end_fill_min": 0.8},
    ],
}  # fmt: skip


@dataclass
class Drive:
    """The clients, and what they have made.

    Attributes:
        subscriber: whom the VEN lets be told.
        bodies: every answer that was a success.
    """

    served: Served
    keys: dict[str, tuple[str, str]]
    subscriber: Subscriber
    clients: dict[str, OpenADRClient] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    bodies: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.served.url}/openadr/3.1"

    @property
    def logic(self) -> OpenADRClient:
        return self.clients["logic"]

    @property
    def ven(self) -> OpenADRClient:
        return self.clients["ven"]


def drive(served: Served) -> list[Step]:
    """Take all steps."""
    with served.store.write(served.tenant, "case") as tx:
        sites.put(tx, SITE, sites.prepare(PARK, SITE))
    keys = {
        "logic": served.key(served.tenant, LOGIC),
        "ven": served.key(served.tenant, VEN),
        "neighbour": served.key(served.tenant, VEN),
        "stranger": served.key(served.other_tenant, LOGIC),
    }
    with ExitStack() as opened:
        on = Drive(served, keys, opened.enter_context(listening(refusing=2)))
        try:
            return asyncio.run(taken(on, STEPS))
        finally:
            for client in on.clients.values():
                client.close()


def good(answer: httpx.Response, status: int = 200) -> Any:
    """The body of an answer that should be a success."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:300]}"
    return answer.json()


def bad(answer: httpx.Response, status: int, saying: str = "") -> None:
    """An answer that should be a problem."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:300]}"
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert {"title", "detail"} <= set(problem)
    assert saying in json.dumps(problem), answer.text


async def tokens(on: Drive) -> None:
    """Business logic and VENs get their tokens where /auth/server says."""
    from openadr3 import create_bl_client, create_ven_client, fetch_token

    for name, (key_id, secret) in on.keys.items():
        scopes = ["read_all", "write_events", "write_programs", "write_vens"] if name in ("logic", "stranger") else None
        token = fetch_token(on.url, key_id, secret, scopes)
        create = create_bl_client if name in ("logic", "stranger") else create_ven_client
        on.clients[name] = create(on.url, token)
        on.clients[name]._http.event_hooks = {"response": [lambda answer: _keep(on, answer)]}
    assert good(on.ven.get_notifiers()) == {"WEBHOOK": True}


def _keep(on: Drive, answer: httpx.Response) -> None:
    answer.read()
    if answer.is_success and answer.content:
        on.bodies.append(answer.json())


async def wrong_secret(on: Drive) -> None:
    """A wrong secret gets no token, and a request without one no answer."""
    form = {"grant_type": "client_credentials", "client_id": on.keys["ven"][0], "client_secret": "wrong"}
    bad(httpx.post(f"{on.url}/auth/token", data=form, verify=False), 401)
    bad(httpx.get(f"{on.url}/events", verify=False), 401)


async def programs(on: Drive) -> None:
    """Business logic makes a program, finds it by its name and changes it."""
    made = good(on.logic.create_program({"programName": "flexible", "objectType": "PROGRAM"}), 201)
    on.ids["program"] = made["id"]
    found = on.logic.find_program_by_name("flexible")
    assert found is not None
    assert found.id == made["id"]
    described = [{"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "PRICE", "units": "KWH", "currency": "EUR"}]
    changed = good(on.logic.update_program(made["id"], {**made, "payloadDescriptors": described}))
    assert changed["payloadDescriptors"] == described
    assert changed["createdDateTime"] == made["createdDateTime"]
    (descriptor,) = on.logic.program(made["id"]).payload_descriptors or []
    assert getattr(descriptor, "currency", None) == "EUR"
    bad(on.logic.create_program({"programName": "flexible"}), 409)
    bad(on.logic.create_program({}), 400, "/programName")


async def vens(on: Drive) -> None:
    """Business logic enrols a VEN of a site; another one enrols itself and is granted nothing."""
    request = {
        "objectType": "BL_VEN_REQUEST", "venName": SITE, "clientID": on.keys["ven"][0], "targets": [SITE],
        "attributes": [{"type": "SITE", "values": [SITE]}],
    }  # fmt: skip
    on.ids["ven"] = good(on.logic.create_ven(request), 201)["id"]
    mine = on.ven.find_ven_by_name(SITE)
    assert mine is not None
    assert (mine.id, mine.targets, mine.client_id) == (on.ids["ven"], [SITE], on.keys["ven"][0])
    neighbour = on.clients["neighbour"]
    bad(neighbour.create_ven({"objectType": "VEN_VEN_REQUEST", "venName": OTHER, "targets": [SITE]}), 403)
    made = good(neighbour.create_ven({"objectType": "VEN_VEN_REQUEST", "venName": OTHER}), 201)
    assert made["clientID"] == on.keys["neighbour"][0]
    assert [one.ven_name for one in neighbour.vens()] == [OTHER]
    assert {one.ven_name for one in on.logic.vens()} == {SITE, OTHER}
    bad(neighbour.get_ven_by_id(on.ids["ven"]), 404)


async def resources(on: Drive) -> None:
    """Resources belong to their VEN, and their targets count as its own."""
    request = {
        "objectType": "BL_RESOURCE_REQUEST", "resourceName": "store", "venID": on.ids["ven"], "targets": ["stores"],
    }  # fmt: skip
    on.ids["resource"] = good(on.logic.create_resource(request), 201)["id"]
    assert [one.resource_name for one in on.ven.resources(venID=on.ids["ven"])] == ["store"]
    assert on.clients["neighbour"].resources() == []
    own = {"objectType": "VEN_RESOURCE_REQUEST", "resourceName": "lamp", "venID": on.ids["ven"]}
    bad(on.clients["neighbour"].create_resource(own), 400, "/venID")
    made = good(on.ven.create_resource(own), 201)
    assert good(on.ven.delete_resource(made["id"]))["resourceName"] == "lamp"


async def subscribe(on: Drive) -> None:
    """A VEN asks to be told of events; callbacks that are none are refused."""
    operation = {
        "objects": ["EVENT"], "operations": ["CREATE", "DELETE"], "callbackUrl": on.subscriber.url,
        "bearerToken": "shared",
    }  # fmt: skip
    request = {"clientName": SITE, "programID": on.ids["program"], "objectOperations": [operation], "targets": [SITE]}
    on.ids["subscription"] = good(on.ven.create_subscription(request), 201)["id"]
    assert [one.client_name for one in on.ven.subscriptions(objects="EVENT")] == [SITE]
    assert on.clients["neighbour"].subscriptions() == []
    for url in ("ftp://example.org/", "file:///etc/passwd", "http://user@127.0.0.1/"):
        wrong = {**request, "objectOperations": [{**operation, "callbackUrl": url}]}
        bad(on.ven.create_subscription(wrong), 400, "callbackUrl")


async def publish(on: Drive) -> None:
    """Set-points, limits, prices and carbon become events."""
    steps, quarters = [10.0, 20.0, 30.0, 40.0], [START + step * QUARTER for step in range(5)]
    made = {
        "set-points": event(on.ids["program"], "set-points", [SITE], quarters,
                            {"DISPATCH_SETPOINT": steps, "CHARGE_STATE_SETPOINT": [100.0, 105.0, 112.0, 122.0]}),
        "limits": event(on.ids["program"], "limits", ["stores"], quarters,
                        {"IMPORT_CAPACITY_LIMIT": steps, "EXPORT_CAPACITY_LIMIT": steps}, priority=0),
        "prices": event(on.ids["program"], "prices", [], [START + n * timedelta(hours=1) for n in range(3)],
                        {"PRICE": [0.1, 0.25], "GHG": [300.0, 410.0]}, currency="EUR"),
        "elsewhere": event(on.ids["program"], "elsewhere", [OTHER], quarters, {"DISPATCH_SETPOINT": steps}),
    }  # fmt: skip
    for name, body in made.items():
        on.ids[name] = good(on.logic.create_event(body), 201)["id"]
    assert len(on.logic.events(programID=on.ids["program"])) == len(made)


async def see(on: Drive) -> None:
    """A VEN sees what is for everybody, and with its targets what is for it; never what is for others."""
    assert [one.event_name for one in on.ven.events()] == ["prices"]
    assert [one.event_name for one in on.ven.events(targets=[SITE, "stores", OTHER])] == ["set-points", "limits"]
    assert on.clients["neighbour"].events(targets=[SITE, OTHER]) == []
    bad(on.ven.get_event_by_id(on.ids["elsewhere"]), 404)
    for found in (on.ven.event(on.ids["set-points"]), on.ven.events(targets=[SITE])[0]):
        assert found.targets == [SITE]
        times = [one.interval_period.start for one in found.resolved_intervals()]  # type: ignore[union-attr]
        assert times == [START + step * QUARTER for step in range(4)]
        assert [one.payloads[0].values for one in found.intervals or ()] == [[10.0], [20.0], [30.0], [40.0]]
    prices = on.ven.event(on.ids["prices"])
    assert [one.payloads[0].values for one in prices.intervals or ()] == [[Decimal("0.1")], [Decimal("0.25")]]


async def told(on: Drive) -> None:
    """The subscriber was told of its event, after it had refused twice, once, and signed."""
    from openadr3 import coerce_notification

    until = time.monotonic() + 20
    while not on.subscriber.heard and time.monotonic() < until:
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    assert len(on.subscriber.heard) == 1, f"told {len(on.subscriber.heard)} times"
    headers, body = on.subscriber.heard[0]
    note = coerce_notification(json.loads(body))
    assert (note.operation, note.object.event_name) == ("CREATE", "set-points")  # type: ignore[attr-defined]
    assert headers["authorization"] == "Bearer shared"
    signed = signature("shared", headers["webhook-id"], headers["webhook-timestamp"], body)
    assert headers["webhook-signature"] == signed


async def plan(on: Drive) -> None:
    """A schedule of the service becomes set-points, contents and prices that the VEN sees."""
    key_id, secret = on.served.key(on.served.tenant)
    headers = {"Authorization": f"Bearer pw_{key_id}_{secret}"}
    async with httpx.AsyncClient(base_url=on.served.url, headers=headers, verify=False) as api:
        made, later = [await scheduled(api, SITE, "2026-03-02") for _ in range(2)]
        where, body = f"/api/v1/schedules/{made}", {"programID": on.ids["program"], "schedule": made}
        found = good(await api.post(f"{on.url}/publications", json=body), 201)["events"]
        assert good(await api.post(f"{on.url}/publications", json=body))["events"] == found
        good(on.logic.update_event(found[0]["id"], {**found[0], "priority": 5}))
        # What was changed is put back, and a later schedule of the day takes the place of the one before.
        again = good(await api.post(f"{on.url}/publications", json=body))["events"]
        replaced = good(await api.post(f"{on.url}/publications", json={**body, "schedule": later}))["events"]
        rows = good(await api.get(f"{where}/table"))["rows"]
    assert [(one["id"], one.get("priority")) for one in again] == [(one["id"], one.get("priority")) for one in found]
    assert [one["id"] for one in replaced] == [one["id"] for one in found]
    assert [one["eventName"] for one in found] == [f"{SITE} set-points", f"{SITE} store", f"{SITE} prices"]
    listed = [one for one in on.ven.events(targets=[SITE]) if one.event_name and one.event_name.startswith(f"{SITE} ")]
    assert len(listed) == len(found)
    seen = {one.event_name: one for one in listed}
    for name, column in ((f"{SITE} set-points", "grid.import_kw"), (f"{SITE} store", "store.stored_kwh")):
        values = [one.payloads[0].values[0] for one in seen[name].intervals or ()]
        assert values == [row[column] for row in rows]
    assert max(row["grid.import_kw"] for row in rows) > 0
    assert (seen[f"{SITE} prices"].intervals or [])[0].payloads[0].values == [Decimal("0.2")]
    for one in found:
        good(on.logic.delete_event(one["id"]))


async def report(on: Drive) -> None:
    """A VEN's usage and charge level become measurements of its site, once."""
    taken_of = []
    for _ in range(2):
        answer = on.ven.create_report(_report(on, "store"))
        on.ids["report"] = good(answer, 201)["id"]
        taken_of.append(answer.headers["parkwatt-measurements"])
    assert taken_of == ["8", "0"]
    with on.served.store.read(on.served.tenant) as tx:
        rows = series.read(tx, SITE, None, START, START + timedelta(days=1)).to_pylist()
    found = {(row["series"], row["time"]): round(row["value"], 9) for row in rows}
    ends = [START + (step + 1) * QUARTER for step in range(4)]
    assert {one: found["store", one] for one in ends} == dict(zip(ends, (40.0, 44.0, 48.0, 52.0), strict=True))
    assert {one: found["store.stored_kwh", one] for one in ends} == dict(
        zip(ends, (100.0, 110.0, 120.0, 130.0), strict=True)
    )
    assert {row["source"] for row in rows} == {"openadr"}


def _report(on: Drive, resource: str, units: str = "KWH") -> dict[str, Any]:
    intervals = [
        {"id": step, "payloads": [{"type": "USAGE", "values": [10.0 + step]},
                                  {"type": "STORAGE_CHARGE_LEVEL", "values": [0.2 + 0.02 * step]}]}
        for step in range(4)
    ]  # fmt: skip
    period = {"start": "2026-03-01T23:00:00Z", "duration": "PT15M"}
    return {
        "eventID": on.ids["set-points"], "clientName": SITE,
        "payloadDescriptors": [
            {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": "USAGE", "units": units},
            {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": "STORAGE_CHARGE_LEVEL", "units": "PERCENT"},
        ],
        "resources": [{"resourceName": resource, "intervalPeriod": period, "intervals": intervals}],
    }  # fmt: skip


async def reports(on: Drive) -> None:
    """Reports are read by business logic and their VEN; what would have to be guessed is refused."""
    assert len(on.logic.reports(eventID=on.ids["set-points"])) == 2
    assert on.ven.report(on.ids["report"]).client_id == on.keys["ven"][0]
    assert on.clients["neighbour"].reports() == []
    bad(on.ven.create_report(_report(on, "turbine")), 400, "turbine")
    bad(on.ven.create_report(_report(on, "store", "KW")), 400, "KWH")
    bad(on.clients["neighbour"].create_report(_report(on, "store")), 400, "/eventID")
    bad(on.ven.create_report({**_report(on, "store"), "resurces": []}), 400, "resurces")


async def forbidden(on: Drive) -> None:
    """A VEN makes no programs and events, and changes none."""
    bad(on.ven.create_program({"programName": "mine"}), 403)
    bad(on.ven.create_event({"programID": on.ids["program"]}), 403)
    bad(on.ven.delete_event(on.ids["set-points"]), 403)
    bad(on.ven.update_ven(on.ids["ven"], {"venName": SITE, "targets": [OTHER]}), 403)
    kept = good(on.ven.update_ven(on.ids["ven"], {"objectType": "VEN_VEN_REQUEST", "venName": SITE}))
    assert kept["targets"] == [SITE]
    assert kept["attributes"] == [{"type": "SITE", "values": [SITE]}]


async def pages(on: Drive) -> None:
    """Lists come in pages of at most fifty."""
    first, rest = on.logic.events(limit=3), on.logic.events(skip=3, limit=50)
    assert (len(first), len(rest)) == (3, 1)
    bad(on.logic.get_events(limit=51), 400, "/limit")
    bad(on.logic.get_events(skip=-1), 400, "/skip")
    assert on.logic.events(active=True) == []


async def another_tenant(on: Drive) -> None:
    """Another tenant's business logic sees nothing of it."""
    stranger = on.clients["stranger"]
    for ask in (stranger.programs, stranger.events, stranger.vens, stranger.reports, stranger.subscriptions):
        assert ask() == []
    bad(stranger.get_event_by_id(on.ids["prices"]), 404)
    bad(stranger.create_event({"programID": on.ids["program"]}), 400, "/programID")


async def delete(on: Drive) -> None:
    """Deleting a program takes its events and their reports along; the subscriber hears of its own."""
    good(on.logic.delete_program(on.ids["program"]))
    until = time.monotonic() + 20
    while ("DELETE", "set-points") not in on.subscriber.events and time.monotonic() < until:
        await asyncio.sleep(0.02)
    assert ("DELETE", "set-points") in on.subscriber.events
    assert "elsewhere" not in {name for _, name in on.subscriber.events}
    assert on.logic.events() == []
    assert on.logic.reports() == []
    assert good(on.logic.delete_ven(on.ids["ven"]))["venName"] == SITE
    assert on.logic.resources() == []


async def shaped(on: Drive) -> None:
    """Every answer has the shape that the client's package and our own document say."""
    from openadr3.entities import raw

    mirrors: dict[str, type[BaseModel]] = {
        "PROGRAM": raw.RawProgram, "EVENT": raw.RawEvent, "VEN": raw.RawVen, "RESOURCE": raw.RawResource,
        "REPORT": raw.RawReport, "SUBSCRIPTION": raw.RawSubscription,
    }  # fmt: skip
    ours: dict[str, type[BaseModel]] = {
        "PROGRAM": shapes.Program, "EVENT": shapes.Event, "VEN": shapes.Ven, "RESOURCE": shapes.Resource,
        "REPORT": shapes.Report, "SUBSCRIPTION": shapes.Subscription,
    }  # fmt: skip
    objects = [one for body in on.bodies for one in (body if isinstance(body, list) else [body])]
    found = [one for one in objects if "objectType" in one]
    assert {one["objectType"] for one in found} == set(mirrors)
    for one in found:
        mirrors[one["objectType"]].model_validate(one)
        ours[one["objectType"]].model_validate(one)
        assert one["id"]
        assert one["createdDateTime"] <= one["modificationDateTime"]


STEPS: Sequence[Callable[[Drive], Awaitable[None]]] = (
    tokens, wrong_secret, programs, vens, resources, subscribe, publish, see, told, plan, report, reports, forbidden,
    pages, another_tenant, delete, shaped,
)  # fmt: skip
