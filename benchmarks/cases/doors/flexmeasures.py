"""flexmeasures-client against a running server: a day of a battery beside a load, from the token to the schedule."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.cases.doors.server import Served
from benchmarks.cases.doors.steps import Step, taken
from dispatch.notebook import Park, hours
from dispatch.service.store import sites

if TYPE_CHECKING:
    from flexmeasures_client import FlexMeasuresClient

START = datetime(2026, 3, 1, 23, tzinfo=UTC)
DAY = timedelta(days=1)
HOURS, QUARTERS = 24, 96
PRICES = [80 + 60 * math.sin(2 * math.pi * (hour - 9) / 12) for hour in range(HOURS)]  # EUR/MWh
LOAD_KW = [12 + 6 * math.sin(2 * math.pi * quarter / QUARTERS) for quarter in range(QUARTERS)]
MODEL = {
    "soc-at-start": 20.0, "soc-unit": "kWh", "soc-min": 10.0, "soc-max": 100.0, "power-capacity": "25 kW",
    "roundtrip-efficiency": 0.9,
}  # fmt: skip
SITE_KW = 40.0
_TARIFF = {
    "name": "case", "currency": "EUR",
    "components": [{"name": "energy", "basis": "energy", "price_per_kwh": 0.2, "source": "the case"}],
}  # fmt: skip
WORKS = {
    "name": "works", "time_zone": "Europe/Amsterdam", "currency": "EUR", "buses": [{"name": "ac"}],
    "latitude_deg": 52.4, "longitude_deg": 4.9,
    "assets": [
        {"kind": "grid_connection", "name": "grid", "bus": "ac", "import_kw": 1000, "tariff": _TARIFF},
        {"kind": "load", "name": "mill", "bus": "ac"},
    ],
}  # fmt: skip
TARGET_KWH, TARGET_AT = 90.0, START + timedelta(hours=8)
_CLOSE = 1e-4


@dataclass
class Drive:
    """The client, and what it has made."""

    client: FlexMeasuresClient
    served: Served
    ids: dict[str, int] = field(default_factory=dict)
    schedule: dict[str, Any] = field(default_factory=dict)
    job: str = ""


def drive(served: Served) -> list[Step]:
    """Take all steps."""
    return asyncio.run(_driven(served))


def client_of(served: Served, email: str, password: str) -> FlexMeasuresClient:
    from flexmeasures_client import FlexMeasuresClient

    return FlexMeasuresClient(
        email=email, password=password, host="127.0.0.1", port=served.port, request_retry_interval=0.05,
        request_retry_timeout=60, job_polling_interval=0.05, job_polling_max_interval=0.2,
    )  # fmt: skip


async def _driven(served: Served) -> list[Step]:
    key_id, secret = served.key(served.tenant)
    client = client_of(served, f"{key_id}@parkwatt.example", secret)
    try:
        return await taken(Drive(client, served), STEPS)
    finally:
        await client.close()


async def refusal(asked: Awaitable[Any], saying: str) -> None:
    """The client raises, with these words in what it says."""
    try:
        await asked
    except (ConnectionError, ValueError) as error:
        told = str(error)
    else:
        raise AssertionError(f"nothing was refused that should have been, saying {saying}")
    assert saying in told, told


async def token(on: Drive) -> None:
    """Ask for a token with a key's id and secret."""
    await on.client.get_access_token()
    assert on.client.access_token


async def versions(on: Drive) -> None:
    """Ask for the versions of the interface."""
    found = await on.client.get_versions()
    assert "v3_0" in found["server_supports_api_versions"]
    assert found["server_version"] == on.client.server_version


async def account(on: Drive) -> None:
    """Ask who one is."""
    user, found = await on.client.get_user(), await on.client.get_account()
    assert user is not None
    assert user["email"] == on.client.email
    assert found is not None
    assert found["name"] == "North"
    on.ids["account"] = found["id"]


async def asset_types(on: Drive) -> None:
    """Ask for types of assets."""
    types = {one["name"]: one["id"] for one in await on.client.get_asset_types()}
    on.ids |= {"building": types["building"], "battery type": types["battery"]}


async def add_assets(on: Drive) -> None:
    """Make a site and a battery in it."""
    where = {"account_id": on.ids["account"], "latitude": 52.4, "longitude": 4.9}
    site = await on.client.add_asset(name="park", generic_asset_type_id=on.ids["building"], **where)
    battery = await on.client.add_asset(
        name="battery", generic_asset_type_id=on.ids["battery type"], parent_asset_id=site["id"],
        attributes={"maker": "nobody"}, **where,
    )  # fmt: skip
    on.ids |= {"site": site["id"], "battery": battery["id"]}


async def read_assets(on: Drive) -> None:
    """Read assets: all, below a root, and one with what it holds."""
    assert {one["name"] for one in await on.client.get_assets(parse_json_fields=True)} == {"park", "battery"}
    top = await on.client.get_assets(root=on.ids["site"], depth=0, fields=["name"], parse_json_fields=True)
    assert top == [{"id": on.ids["site"], "name": "park"}]
    one = await on.client.get_asset(on.ids["battery"], parse_json_fields=True)
    assert one["attributes"] == {"maker": "nobody"}
    assert one["parent_asset_id"] == on.ids["site"]


async def update_asset(on: Drive) -> None:
    """Keep a flex-context with the site."""
    context = {"site-power-capacity": f"{SITE_KW:g} kW"}
    found = await on.client.update_asset(on.ids["site"], {"flex_context": context}, parse_json_fields=True)
    assert found["flex_context"] == context


async def add_sensors(on: Drive) -> None:
    """Make sensors of power, content, price and load."""
    wanted = (
        ("power", "PT15M", "kW", "battery"), ("content", "PT0M", "kWh", "battery"),
        ("price", "PT1H", "EUR/MWh", "site"), ("load", "PT15M", "kW", "site"),
    )  # fmt: skip
    for name, resolution, unit, asset in wanted:
        made = await on.client.add_sensor(
            name=name, event_resolution=resolution, unit=unit, generic_asset_id=on.ids[asset],
            timezone="Europe/Amsterdam", attributes={"consumption_is_positive": True} if name == "load" else None,
        )  # fmt: skip
        on.ids[name] = made["id"]


async def read_sensors(on: Drive) -> None:
    """Read and change sensors."""
    found = await on.client.get_sensors(asset_id=on.ids["site"], parse_json_fields=True)
    assert {one["name"] for one in found} == {"price", "load"}
    changed = await on.client.update_sensor(on.ids["power"], {"attributes": {"note": "ours"}}, parse_json_fields=True)
    one = await on.client.get_sensor(on.ids["power"], parse_json_fields=True)
    assert one["attributes"] == changed["attributes"] == {"note": "ours"}
    assert one["generic_asset_id"] == on.ids["battery"]


async def post_prices(on: Drive) -> None:
    """Post a day of prices, in another unit than the sensor's."""
    await on.client.post_sensor_data(
        on.ids["price"], start=START, duration=DAY, values=[price / 1000 for price in PRICES], unit="EUR/kWh",
        prior=datetime.now(UTC),
    )  # fmt: skip


async def post_measurements(on: Drive) -> None:
    """Post loads and a content, the loads twice."""
    for _ in range(2):
        await on.client.post_sensor_data(on.ids["load"], start=START, duration=DAY, values=LOAD_KW, unit="kW")
    await on.client.post_sensor_data(on.ids["content"], start=START, duration="PT15M", values=[0.02], unit="MWh")


async def read_values(on: Drive) -> None:
    """Read values back, coarser and in another unit."""
    found = await on.client.get_sensor_data(on.ids["load"], START, DAY, "MW", "PT1H")
    means = np.array(LOAD_KW).reshape(HOURS, -1).mean(axis=1) / 1000
    assert np.allclose(found["values"], means)
    beyond = await on.client.get_sensor_data(on.ids["load"], START + DAY, "PT1H", "kW", "PT1H")
    assert beyond["values"] == [None]


async def trigger(on: Drive) -> None:
    """Ask for a schedule, wait for its job and read it."""
    on.job = await on.client.trigger_schedule(
        start=START, duration=DAY, sensor_id=on.ids["power"],
        flex_model={**MODEL, "state-of-charge": {"sensor": on.ids["content"]}}, flex_context=_context(on),
    )  # fmt: skip
    job = await on.client.wait_for_job(on.job)
    assert job["status"] == "FINISHED"
    on.schedule = await on.client.get_schedule(on.ids["power"], on.job, unit="kW")
    assert (on.schedule["unit"], on.schedule["duration"], len(on.schedule["values"])) == ("kW", "PT24H", QUARTERS)


def _context(on: Drive) -> dict[str, Any]:
    return {"consumption-price": {"sensor": on.ids["price"]}, "inflexible-consumption": [{"sensor": on.ids["load"]}]}


async def within_limits(on: Drive) -> None:
    """The schedule keeps the limits of power, content and site."""
    power, content = np.array(on.schedule["values"]), await on.client.get_schedule(on.ids["content"], on.job)
    one_way = MODEL["roundtrip-efficiency"] ** 0.5  # type: ignore[operator]
    moved = np.where(power > 0, power * one_way, power / one_way) / 4
    walked = 20.0 + np.cumsum(moved)
    assert (np.abs(power) <= 25 + _CLOSE).all()
    assert walked.min() >= 10 - _CLOSE
    assert walked.max() <= 100 + _CLOSE
    assert np.abs(power + np.array(LOAD_KW)).max() <= SITE_KW + _CLOSE
    assert np.allclose(content["values"], walked, atol=1e-3)


async def as_cheap_as_can_be(on: Drive) -> None:
    """The schedule costs what a plan of ours on the same numbers costs, and says so."""
    info = on.schedule["scheduler_info"]
    price = np.repeat(PRICES, 4) / 1000
    cost = float(price @ (np.array(on.schedule["values"]) + LOAD_KW)) / 4
    best = _ours()
    assert info["quality"] == "optimal"
    assert abs(cost - best) <= _CLOSE * abs(best), f"{cost} against {best}"
    assert abs(info["costs"] - best) <= _CLOSE * abs(best)
    idle = float(price @ LOAD_KW) / 4
    assert cost < idle


def _ours() -> float:
    """Money of the same day, planned from a park that is written by hand."""
    signal = [
        {"start": (START + timedelta(hours=n)).isoformat(), "duration": "PT1H", "value": price / 1000}
        for n, price in enumerate(PRICES)
    ]
    lines = [
        {"name": way, "direction": way, "basis": "energy", "price_per_kwh": signal, "source": "the case"}
        for way in ("import", "export")
    ]
    tariff = {"name": "case", "currency": "EUR", "components": lines}
    one_way = 0.9**0.5
    park = Park.build(
        name="case", time_zone="Europe/Amsterdam", currency="EUR", buses=[{"name": "ac"}],
        assets=[
            {"kind": "grid_connection", "name": "grid", "bus": "ac", "import_kw": SITE_KW, "export_kw": SITE_KW,
             "tariff": tariff},
            {"kind": "battery", "name": "store", "bus": "ac", "energy_kwh": 100, "charge_kw": 25, "discharge_kw": 25,
             "charge_efficiency": one_way, "discharge_efficiency": one_way, "min_fill": 0.1, "max_fill": 1.0,
             "start_fill": 0.2, "end_fill_min": 0.1},
            {"kind": "load", "name": "load", "bus": "ac"},
        ],
    )  # fmt: skip
    horizon = hours(START.isoformat(), QUARTERS, time_zone="Europe/Amsterdam", step_h=0.25)
    return park.solve({("load", "demand_kw"): np.array([LOAD_KW])}, horizon).money


async def a_target(on: Drive) -> None:
    """A target in the morning is met, by a schedule of the asset that is asked for and waited for in one call."""
    found = await on.client.trigger_and_get_schedule(
        start=START, duration=DAY, asset_id=on.ids["site"], unit="kW",
        flex_model=[{**MODEL, "sensor": on.ids["power"], "state-of-charge": {"sensor": on.ids["content"]},
                     "soc-targets": [{"datetime": TARGET_AT.isoformat(), "value": TARGET_KWH}]}],
        flex_context=_context(on),
    )  # fmt: skip
    assert isinstance(found, list)
    assert found[0]["scheduler_info"]["unmet"] == []
    power = np.array(found[0]["values"][:32])
    one_way = 0.9**0.5
    held = 20.0 + float(np.where(power > 0, power * one_way, power / one_way).sum()) / 4
    assert abs(held - TARGET_KWH) < 1e-2, f"{held}"


async def forecast(on: Drive) -> None:
    """A sensor that is an asset of a site of ours is measured for three weeks and forecast."""
    with on.served.store.write(on.served.tenant, "case") as tx:
        sites.put(tx, "works", sites.prepare(WORKS, "works"))
    site = await on.client.add_asset(
        name="works", account_id=on.ids["account"], latitude=52.4, longitude=4.9,
        generic_asset_type_id=on.ids["building"],
    )  # fmt: skip
    mill = await on.client.add_sensor(
        name="mill", event_resolution="PT1H", unit="MW", generic_asset_id=site["id"], timezone="Europe/Amsterdam"
    )
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=21)
    values = [0.3 + 0.2 * math.sin(2 * math.pi * ((first + timedelta(hours=n)).hour) / 24) for n in range(21 * 24)]
    await on.client.post_sensor_data(mill["id"], start=first, duration="P21D", values=values, unit="MW")
    found = await on.client.trigger_and_get_forecast(mill["id"], duration="PT24H")
    assert (found["unit"], found["duration"], len(found["values"])) == ("MW", "PT24H", 24)
    begins = datetime.fromisoformat(found["start"]).astimezone(UTC)
    wanted = [0.3 + 0.2 * math.sin(2 * math.pi * (begins + timedelta(hours=n)).hour / 24) for n in range(24)]
    assert np.abs(np.array(found["values"]) - wanted).mean() < 0.05, found["values"]
    await refusal(on.client.trigger_forecast(on.ids["load"], duration="PT24H"), "no series of a site")
    await on.client.delete_asset(site["id"], confirm_first=False)


async def refused_by_name(on: Drive) -> None:
    """What our kinds cannot say is refused by its name."""
    for more, name in (
        ({"soc-usage": ["1 kW"]}, "soc-usage"), ({"soc-min": 120}, "soc-max"),
        ({"power-capacity": "ten"}, "power-capacity"),
    ):  # fmt: skip
        asked = on.client.trigger_schedule(
            start=START, duration=DAY, sensor_id=on.ids["power"], flex_model=MODEL | more, flex_context=_context(on)
        )
        await refusal(asked, name)


async def missing_values(on: Drive) -> None:
    """A step without a price is refused, not taken for free."""
    asked = on.client.trigger_schedule(
        start=START + timedelta(hours=12), duration=DAY, sensor_id=on.ids["power"], flex_model=MODEL,
        flex_context=_context(on),
    )  # fmt: skip
    await refusal(asked, "has no value for the step from 2026-03-02T23:00")


async def wrong_secret(on: Drive) -> None:
    """A wrong secret gets no token."""
    stranger = client_of(on.served, on.client.email, "wrong")
    try:
        await refusal(stranger.get_access_token(), "401")
    finally:
        await stranger.close()


async def another_tenant(on: Drive) -> None:
    """Another tenant sees nothing of it, under the same numbers."""
    key_id, secret = on.served.key(on.served.other_tenant)
    other = client_of(on.served, f"{key_id}@parkwatt.example", secret)
    try:
        assert await other.get_assets(parse_json_fields=True) == []
        assert await other.get_sensors(parse_json_fields=True) == []
        for ask in (other.get_asset(on.ids["site"], parse_json_fields=True), other.get_job_status(on.job),
                    other.get_schedule(on.ids["power"], on.job)):  # fmt: skip
            await refusal(ask, "404")
    finally:
        await other.close()


async def delete(on: Drive) -> None:
    """Delete a sensor, and the site with all that is part of it."""
    await on.client.delete_sensor(on.ids["load"], confirm_first=False)
    await on.client.delete_asset(on.ids["site"], confirm_first=False)
    assert await on.client.get_assets(parse_json_fields=True) == []
    assert await on.client.get_sensors(parse_json_fields=True) == []


STEPS: tuple[Callable[[Drive], Awaitable[None]], ...] = (
    token, versions, account, asset_types, add_assets, read_assets, update_asset, add_sensors, read_sensors,
    post_prices, post_measurements, read_values, trigger, within_limits, as_cheap_as_can_be, a_target, forecast,
    refused_by_name, missing_values, wrong_secret, another_tenant, delete,
)  # fmt: skip
