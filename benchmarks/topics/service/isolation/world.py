"""Two tenants: one with everything that can be made over the API, the other with little of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks.served import Served
from benchmarks.topics.service.isolation.entries import OWN_SITE
from benchmarks.topics.service.vpp_day import FLEET, UPLOAD, Vpp, body, clock_at, name_of
from dispatch.service.runner.runner import run_one
from dispatch.service.store import Store
from dispatch.service.work import find

API = "/api/v1"
_PARAMETER = re.compile(r"\{([^}]+)\}")
_DAY = {"day": "2025-06-26"}


@dataclass(frozen=True)
class World:
    """One tenant's view.

    Attributes:
        things: kind (the path's part before an id) → id of one.
    """

    client: httpx.Client
    things: dict[str, str]


def worker(store: Store) -> None:
    """Do the jobs that wait, here."""
    kinds = find()
    while run_one(store, kinds) is not None:
        pass


def rich(server: Served, client: httpx.Client, *, whole: bool) -> World:
    """A tenant that has used the service: with a market day from forecast to settlement, or with what takes no job."""
    way = Vpp(client, server.store, lambda: worker(server.store) if whole else None, 2)
    way.register()
    way.measure()
    site = name_of(0)
    things = {"sites": site, "sites that are made again": name_of(1), "fleets": FLEET, "versions": "1"}
    things["keys"] = _made(client, "/keys", {"name": "k", "scopes": ["sites:read"]})
    override = {"asset": "battery", "quantity": "charge_kw", "value": 0.0, "until": "2025-06-26T00:00:00+08:00"}
    things["overrides"] = _made(client, f"/sites/{site}/overrides", override)
    things["forecasts"] = _made(client, f"/sites/{site}/forecasts", _DAY)
    things["schedules"] = _made(client, f"/sites/{site}/schedules", _DAY)
    account = {"first": "2025-06-02", "last": "2025-06-08"}
    things["carbon-accounts"] = _made(client, f"/sites/{site}/carbon-accounts", account)
    if whole:
        _market(way, things)
    else:
        things["fleet-forecasts"] = _made(client, f"/fleets/{FLEET}/forecasts", _DAY)
        things["fleet-plans"] = _made(client, f"/fleets/{FLEET}/plans", _DAY)
        things["flexibility"] = _made(client, f"/fleets/{FLEET}/flexibility", _DAY)
    things["jobs"] = _asked(client, "GET", "/jobs").json()["items"][0]["id"]
    return World(client, things)


def _market(way: Vpp, things: dict[str, str]) -> None:
    """Forecast to settlement."""
    way.forecast()
    way.plan()
    way.flexibility()
    zero = {"flexibility": way.ids["flexibility"], "profile_kw": [0.0] * 24}
    way.made(f"/fleets/{FLEET}/flexibility:evaluate", zero, "evaluation")
    way.award(way.bid())
    way.deliver(way.setpoints())
    way.settle()
    kinds = {
        "forecast": "fleet-forecasts", "plan": "fleet-plans", "flexibility": "flexibility", "bid": "bids",
        "award": "awards", "settlement": "settlements", "evaluation": "evaluations",
    }  # fmt: skip
    things |= {kinds[name]: id_ for name, id_ in way.ids.items()}


def poor(server: Served, client: httpx.Client, name: str = OWN_SITE) -> World:
    """A tenant with a site and a fleet of its own."""
    server.store.clock = clock_at(UPLOAD)
    _asked(client, "PUT", f"/sites/{name}", json={**body(0), "name": name})
    _asked(client, "PUT", "/fleets/own", json={"sites": [name]})
    flexibility = _made(client, "/fleets/own/flexibility", _DAY)
    return World(client, {"sites": name, "fleets": "own", "flexibility": flexibility})


def _made(client: httpx.Client, path: str, sent: Any) -> str:
    return str(_asked(client, "POST", path, json=sent).json()["id"])


def _asked(client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
    answer = client.request(method, API + path, **more)
    if not answer.is_success:
        raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:1000]}")
    return answer


def kinds(template: str) -> Iterator[tuple[str, str]]:
    """Parameter and kind of each part of a path that names a thing: ``/sites/{site}`` has (site, sites)."""
    parts = template.strip("/").split("/")
    for before, part in zip(["", *parts], parts, strict=False):
        for parameter in _PARAMETER.findall(part):
            yield parameter, before
