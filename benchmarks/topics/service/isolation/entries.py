"""What is sent to each operation that takes a body: well formed, so that only whose thing it is decides the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.topics.service.vpp_day import DAY, PRODUCT, body, name_of

Body = Callable[[Mapping[str, str]], Any]
_DAY = DAY.date().isoformat()
_UNTIL = "2025-06-26T00:00:00+08:00"
_PERIOD = {"start": "2025-06-26T18:00:00+08:00", "quantity_kw": 10.0, "price": 1.0}

# Operations on somebody's thing that is named in the path → the body. In ``own`` are things of the asking tenant.
BODIES: dict[str, Body] = {
    "POST /bids/{bid}/awards": lambda _own: {"periods": [_PERIOD]},
    "POST /fleets/{fleet}/bids": lambda own: {"flexibility": own["flexibility"], "product": PRODUCT, "side": "up"},
    "POST /sites/{site}/carbon-accounts": lambda _own: {"first": "2025-06-01", "last": "2025-06-20"},
    "PUT /fleets/{fleet}": lambda own: {"sites": [own["sites"]]},
    "POST /fleets/{fleet}/forecasts": lambda _own: {"day": _DAY},
    "POST /fleets/{fleet}/plans": lambda _own: {"day": _DAY},
    "POST /fleets/{fleet}/flexibility": lambda _own: {"day": _DAY},
    "POST /fleets/{fleet}/flexibility:evaluate": lambda own: {
        "flexibility": own["flexibility"], "profile_kw": [0.0] * 24,
    },
    "POST /sites/{site}/forecasts": lambda _own: {"day": _DAY},
    "POST /keys/{key_id}/rotation": lambda _own: {},
    "POST /sites/{site}/overrides": lambda _own: {
        "asset": "battery", "quantity": "charge_kw", "value": 0.0, "until": _UNTIL,
    },
    "POST /sites/{site}/schedules": lambda _own: {"day": _DAY},
    "POST /awards/{award}/settlements": lambda _own: {"baseline": "ten_of_ten"},
    "PUT /sites/{site}": lambda _own: {**body(0), "name": "somebodys"},
}  # fmt: skip


@dataclass(frozen=True)
class Named:
    """An operation that takes the name of a thing elsewhere than in its own path.

    Attributes:
        operation: method and template below the API; kind: of the thing that is named.
        sent: the request, from the asking tenant's own things and the name: path, query and body.
    """

    operation: str
    kind: str
    sent: Callable[[Mapping[str, str], str], tuple[str, dict[str, str], Any]]


def _measured(site: str) -> Any:
    return {"rows": [{"site": site, "series": "hall", "time": "2025-06-01T00:00:00Z", "value": 1.0}]}


NAMED: tuple[Named, ...] = (
    Named("POST /measurements", "sites", lambda _own, name: ("/measurements", {}, _measured(name))),
    Named("POST /measurements", "sites", lambda _own, name: ("/measurements", {"on_reject": "skip"}, _measured(name))),
    Named("GET /measurements", "sites", lambda _own, name: ("/measurements", {"site": name}, None)),
    Named("GET /jobs", "sites", lambda _own, name: ("/jobs", {"subject": name}, None)),
    Named("GET /audit", "schedules", lambda _own, name: ("/audit", {"subject": name}, None)),
    Named("PUT /fleets/{fleet}", "sites", lambda own, name: (f"/fleets/{own['fleets']}", {}, {"sites": [name]})),
    Named(
        "POST /fleets/{fleet}/plans", "fleet-forecasts",
        lambda own, name: (f"/fleets/{own['fleets']}/plans", {}, {"forecast": name}),
    ),
    Named(
        "POST /fleets/{fleet}/flexibility", "fleet-forecasts",
        lambda own, name: (f"/fleets/{own['fleets']}/flexibility", {}, {"forecast": name}),
    ),
    Named(
        "POST /fleets/{fleet}/bids", "flexibility",
        lambda own, name: (
            f"/fleets/{own['fleets']}/bids", {}, {"flexibility": name, "product": PRODUCT, "side": "up"},
        ),
    ),
    Named(
        "POST /fleets/{fleet}/flexibility:evaluate", "flexibility",
        lambda own, name: (
            f"/fleets/{own['fleets']}/flexibility:evaluate", {}, {"flexibility": name, "profile_kw": [0.0] * 24},
        ),
    ),
    Named(
        "POST /sites/{site}/schedules", "forecasts",
        lambda own, name: (f"/sites/{own['sites']}/schedules", {}, {"forecast": name}),
    ),
    Named(
        "POST /sites/{site}/carbon-accounts", "schedules",
        lambda own, name: (f"/sites/{own['sites']}/carbon-accounts", {}, {"schedule": name}),
    ),
    Named(
        "POST /sites:batch", "sites that are made again",
        lambda _own, name: ("/sites:batch", {}, {"sites": [{"site": name, "body": body(1)}]}),
    ),
)  # fmt: skip

# Operations that name nothing of anybody: they make something of the asking tenant's own, or only look at the body.
NOTHING = frozenset({"POST /keys", "POST /sites:validate"})

# What is nobody's own: the same for all tenants.
SHARED = frozenset({"products"})

# Where an own thing of the name may be made, the other tenant's does not stand in the way.
MAKES = frozenset({"PUT /sites/{site}", "PUT /fleets/{fleet}"})

OWN_SITE = name_of(7)
