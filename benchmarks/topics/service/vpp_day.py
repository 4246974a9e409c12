"""A virtual power plant's two days over the API: works are registered, measured, forecast, offered, called and paid.

The works are those of ``configs/fleets/industrial_feeder`` (invented, see there), any number of them, each with sizes
and meters of its own. The store's clock is set by hand: all of it happens at the times at which it would.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.ipc

from dispatch.config.documents import CONFIGS, read_document
from dispatch.service.store import Store

ZONE = ZoneInfo("Asia/Shanghai")
DAY = datetime(2025, 6, 26, tzinfo=ZONE)
UPLOAD, BIDDING = DAY - timedelta(hours=15), DAY - timedelta(hours=13)  # of the day before: the gate closes at noon
AFTER = DAY + timedelta(hours=26)
PRODUCT, FLEET = "hainan_demand_response", "works"
ARROW = "application/vnd.apache.arrow.stream"
_FOLDER = CONFIGS / "fleets" / "industrial_feeder"
_PATIENCE_S = 1800.0
HOURS = 24


@cache
def _park() -> dict[str, Any]:
    raw = dict(read_document(_FOLDER / "works.yaml", "works.yaml").raw)
    raw["assets"] = [{k: v for k, v in asset.items() if k != "history"} for asset in raw["assets"]]
    return raw


@cache
def _rows(name: str) -> tuple[dict[str, str], ...]:
    return tuple(csv.DictReader(io.StringIO((_FOLDER / name).read_text("utf-8"))))


def name_of(number: int) -> str:
    """What a work is called."""
    return f"works-{number:04d}"


def scale(number: int) -> float:
    """How large it is beside the one that it is like."""
    return 1.0 + 0.002 * (number // len(_rows("sites.csv")))


def body(number: int) -> dict[str, Any]:
    """A work's park."""
    like, size = _rows("sites.csv")[number % len(_rows("sites.csv"))], scale(number)
    park = {**_park(), "name": name_of(number), "title": like["title"], "labels": {"feeder": like["label.feeder"]}}
    park["assets"] = [dict(asset) for asset in park["assets"]]
    by_name = {asset["name"]: asset for asset in park["assets"]}
    by_name["roof"]["peak_kw"] = size * float(like["roof.peak_kw"])
    for what in ("energy_kwh", "charge_kw", "discharge_kw"):
        by_name["battery"][what] = float(like[f"battery.{what}"])
    by_name["pcc"]["import_kw"] = by_name["pcc"]["contracted_kva"] = 1000
    return park


@cache
def times() -> list[datetime]:
    """Ends of the metered hours."""
    starts = [datetime.fromisoformat(row["start"]) for row in _rows("metered.csv")]
    return [start.replace(tzinfo=ZONE) + timedelta(hours=1) for start in starts]


def metered(number: int, what: str) -> np.ndarray:
    """(H,) load or sun of a work."""
    like = _rows("sites.csv")[number % len(_rows("sites.csv"))]
    column = like["hall.history.column" if what == "hall" else "roof.history.column"]
    return scale(number) * np.array([float(row[column]) for row in _rows("metered.csv")])


def upload(sites: int, values: Mapping[str, Callable[[int], np.ndarray]], ends: list[datetime]) -> bytes:
    """Measurements of all works as an Arrow stream."""
    count, names = len(ends), [name_of(number) for number in range(sites)]
    whole = len(names) * len(values)
    made = [own(number) for own in values.values() for number in range(sites)]
    table = pa.table({
        "site": pa.array(np.tile(np.repeat(np.array(names, object), count), len(values)), pa.string()),
        "series": pa.array(np.repeat(np.array(list(values), object), count * sites), pa.string()),
        "time": pa.array(ends * whole, pa.timestamp("us", "UTC")),
        "value": pa.array(np.concatenate(made), pa.float64()),
    })  # fmt: skip
    out = io.BytesIO()
    with pyarrow.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def clock_at(moment: datetime) -> Callable[[], datetime]:
    """A clock that has stopped, not on a whole second: clocks hardly ever do."""
    return lambda: moment.astimezone(UTC) + timedelta(microseconds=123_456)


@dataclass
class Vpp:
    """The way, step by step; each leaves what the next goes on from.

    Attributes:
        work: does the jobs that wait, until there are none.
        ids: of what was made, by kind.
    """

    client: httpx.Client
    store: Store
    work: Callable[[], None]
    sites: int
    ids: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, expected: int | tuple[int, ...] = 200, **more: Any) -> httpx.Response:
        """A request that must be answered so."""
        answer = self.client.request(method, f"/api/v1{path}", timeout=_PATIENCE_S, **more)
        allowed = (expected,) if isinstance(expected, int) else expected
        if answer.status_code not in allowed:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:2000]}")
        return answer

    def made(self, path: str, body: Mapping[str, Any], kind: str) -> dict[str, Any]:
        """What a job makes."""
        accepted = self.ask("POST", path, 202, json=body).json()
        self.work()
        found: dict[str, Any] = self.ask("GET", accepted["href"].removeprefix("/api/v1")).json()
        if found["state"] not in ("done", "infeasible"):
            raise AssertionError(f"{kind} {found['id']} is {found['state']}: {found['problem']}")
        self.ids[kind] = found["id"]
        return found

    def register(self) -> None:
        """All works in one batch, and the fleet of them."""
        self.store.clock = clock_at(UPLOAD)
        batch = [{"site": name_of(number), "body": body(number)} for number in range(self.sites)]
        self.ask("POST", "/sites:batch", json={"sites": batch})
        names = [name_of(number) for number in range(self.sites)]
        self.ask("PUT", f"/fleets/{FLEET}", (200, 201), json={"sites": names})

    def measure(self) -> int:
        """Four weeks of load and sun; says how many values."""
        known = sum(end <= UPLOAD for end in times())
        cut = {name: lambda n, name=name: metered(n, name)[:known] for name in ("hall", "roof")}
        data = upload(self.sites, cut, times()[:known])
        taken: int = self.ask("POST", "/measurements", content=data, headers={"Content-Type": ARROW}).json()["taken"]
        return taken

    def forecast(self) -> dict[str, Any]:
        """The day, for all works; the history came in one piece: its values count as known when they were measured."""
        self.store.clock = clock_at(BIDDING)
        asked = {"day": DAY.date().isoformat(), "known_at": "end"}
        return self.made(f"/fleets/{FLEET}/forecasts", asked, "forecast")

    def plan(self) -> dict[str, Any]:
        """Each by itself."""
        return self.made(f"/fleets/{FLEET}/plans", {"forecast": self.ids["forecast"]}, "plan")

    def flexibility(self, blocks: int = 2) -> dict[str, Any]:
        """What they can do beside their plans."""
        asked = {"forecast": self.ids["forecast"], "blocks": blocks}
        return self.made(f"/fleets/{FLEET}/flexibility", asked, "flexibility")

    def bid(self) -> dict[str, Any]:
        """What that costs in two hours of the evening, offered and sent."""
        asked = {"flexibility": self.ids["flexibility"], "product": PRODUCT, "side": "up", "portfolio": "works"}
        asked |= {"start": (DAY + timedelta(hours=18)).isoformat(), "end": (DAY + timedelta(hours=20)).isoformat()}
        made: dict[str, Any] = self.ask("POST", f"/fleets/{FLEET}/bids", 201, json=asked).json()
        self.ids["bid"] = made["id"]
        self.ask("POST", f"/bids/{made['id']}:submit")
        return made

    def award(self, bid: Mapping[str, Any], share: float = 0.8) -> dict[str, Any]:
        """Most of it."""
        won = [
            {
                "start": period["start"],
                "quantity_kw": float(int(share * sum(step["quantity_kw"] for step in period["steps"]))),
                "price": max(step["price"] for step in period["steps"]),
            }
            for period in bid["periods"]
        ]
        return self.made(f"/bids/{self.ids['bid']}/awards", {"periods": won}, "award")

    def setpoints(self) -> pa.Table:
        """Who gives what."""
        path = f"/awards/{self.ids['award']}/setpoints"
        return pyarrow.ipc.open_stream(self.ask("GET", path, headers={"Accept": ARROW}).content).read_all()

    def deliver(self, setpoints: pa.Table) -> None:
        """Meters of the whole sites: on the day what they are asked for, before it each day's load, sun and storing."""
        self.store.clock = clock_at(AFTER)
        given = setpoints["net_import_kw"].to_numpy().reshape(self.sites, -1)
        storing = setpoints["plan_net_import_kw"].to_numpy().reshape(self.sites, -1) - self.expected()
        days = len(times()) // HOURS
        today = [DAY + timedelta(hours=hour + 1) for hour in range(HOURS)]

        def net(number: int) -> np.ndarray:
            before = metered(number, "hall") - metered(number, "roof") + np.tile(storing[number], days)
            return np.concatenate([before, given[number]])

        data = upload(self.sites, {"net_import_kw": net}, [*times(), *today])
        self.ask("POST", "/measurements", content=data, headers={"Content-Type": ARROW})

    def expected(self) -> np.ndarray:
        """(N, T) load less sun as forecast."""
        path = f"/fleet-forecasts/{self.ids['forecast']}/inputs"
        table = pyarrow.ipc.open_stream(self.ask("GET", path, headers={"Accept": ARROW}).content).read_all()
        signs = np.where(table["quantity"].to_numpy(zero_copy_only=False) == "demand_kw", 1.0, -1.0)
        signed: np.ndarray = signs * table["value"].to_numpy()
        return np.asarray(signed.reshape(self.sites, -1, HOURS).sum(axis=1))

    def delivery(self) -> dict[str, Any]:
        """What was delivered so far."""
        found: dict[str, Any] = self.ask("GET", f"/awards/{self.ids['award']}/delivery").json()
        return found

    def settle(self, baseline: str = "ten_of_ten_unadjusted") -> dict[str, Any]:
        """In money."""
        asked = {"baseline": baseline, "split_by": "delivered"}
        return self.made(f"/awards/{self.ids['award']}/settlements", asked, "settlement")
