"""What the FlexMeasures door keeps beside sites and series: numbers by which clients know assets, sensors and users.

Numbers count within a tenant, so that nobody learns from one how much others have. A number is never given twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Column, Float, Index, Integer, Row, String, Text

from dispatch.service.store.metadata import Json, UtcTime, table
from dispatch.service.store.transaction import Tx

counters = table("fm_counters", Column("what", String(20), primary_key=True), Column("last", Integer, nullable=False))
users = table(
    "fm_users",
    Column("key", String(40), primary_key=True),
    Column("id", Integer, nullable=False),
    Column("email", Text, nullable=False),
)
assets = table(
    "fm_assets",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("parent", Integer),
    Column("name", Text, nullable=False),
    Column("type", Integer, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("attributes", Json, nullable=False),
    Column("flex_context", Json, nullable=False),
    Column("flex_model", Json, nullable=False),
    Column("shown", Json, nullable=False),
    Index("ix_fm_assets_parent", "tenant", "parent"),
)
sensors = table(
    "fm_sensors",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("asset", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("unit", String(40), nullable=False),
    Column("resolution_s", Integer, nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("attributes", Json, nullable=False),
    Column("site", Text, nullable=False),
    Column("series", Text, nullable=False),
    Index("ix_fm_sensors_asset", "tenant", "asset"),
)
# What sensors measure that no site of ours has a series for; the others' values are in the store of series.
values = table(
    "fm_values",
    Column("sensor", Integer, primary_key=True, autoincrement=False),
    Column("time", UtcTime, primary_key=True),
    Column("received", UtcTime, primary_key=True),
    Column("value", Float),
)
asked = table(
    "fm_jobs",
    Column("uuid", String(36), primary_key=True),
    Column("job", String(40), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("sensors", Json, nullable=False),
    Column("created", UtcTime, nullable=False),
)


@dataclass(frozen=True)
class Asset:
    """An asset; one without a parent is a site, one with a parent is part of its site."""

    id: int
    parent: int | None
    name: str
    type: int
    latitude: float | None
    longitude: float | None
    attributes: Mapping[str, Any]
    flex_context: Mapping[str, Any]
    flex_model: Mapping[str, Any]
    shown: Sequence[Any]


@dataclass(frozen=True)
class Sensor:
    """A sensor, and the series of a site that its values are kept in; "" where they are kept beside it."""

    id: int
    asset: int
    name: str
    unit: str
    resolution_s: int
    time_zone: str
    attributes: Mapping[str, Any]
    site: str
    series: str

    @property
    def resolution(self) -> timedelta:
        """Length of what its values are the mean of; 0: they are of a moment."""
        return timedelta(seconds=self.resolution_s)


@dataclass(frozen=True)
class Asked:
    """A job that a client knows by a UUID."""

    uuid: str
    job: str
    kind: str
    sensors: Sequence[int]
    created: datetime


def number(tx: Tx, what: str) -> int:
    """The next number of something."""
    row = tx.first(tx.select(counters).where(counters.c.what == what))
    if row is None:
        tx.insert(counters, {"what": what, "last": 1})
        return 1
    tx.execute(tx.update(counters).where(counters.c.what == what).values(last=row.last + 1))
    return int(row.last) + 1


def signed_in(tx: Tx, key: str, email: str) -> int:
    """The number of the user that a key is, under the address that it calls itself now."""
    row = tx.first(tx.select(users).where(users.c.key == key))
    if row is None:
        made = number(tx, "user")
        tx.insert(users, {"key": key, "id": made, "email": email})
        return made
    if row.email != email:
        tx.execute(tx.update(users).where(users.c.key == key).values(email=email))
    return int(row.id)


def user(tx: Tx, key: str) -> tuple[int, str] | None:
    """Number and address of the user that a key is; None where it never asked for a token."""
    row = tx.first(tx.select(users).where(users.c.key == key))
    return None if row is None else (row.id, row.email)


def add_asset(tx: Tx, fields: Mapping[str, Any]) -> Asset:
    """Keep a new asset."""
    row = {"id": number(tx, "asset"), **fields}
    tx.insert(assets, row)
    tx.audit("flexmeasures.asset.create", str(row["id"]), {"name": row["name"], "parent": row["parent"]})
    return Asset(**row)


def change_asset(tx: Tx, asset_id: int, fields: Mapping[str, Any]) -> None:
    """Change some of an asset's fields."""
    tx.execute(tx.update(assets).where(assets.c.id == asset_id).values(dict(fields)))
    tx.audit("flexmeasures.asset.update", str(asset_id), {"fields": sorted(fields)})


def asset(tx: Tx, asset_id: int) -> Asset | None:
    """An asset by its number."""
    row = tx.first(tx.select(assets).where(assets.c.id == asset_id))
    return None if row is None else _asset(row)


def all_assets(tx: Tx) -> list[Asset]:
    """All assets of the tenant by number."""
    return [_asset(row) for row in tx.all(tx.select(assets).order_by(assets.c.id))]


def below(tx: Tx, root: int) -> list[Asset]:
    """An asset and all that are part of it, itself first."""
    every = all_assets(tx)
    found = [one for one in every if one.id == root]
    for one in found:
        found += [child for child in every if child.parent == one.id and child not in found]
    return found


def ancestors(tx: Tx, asset_id: int) -> list[Asset]:
    """An asset and what it is part of, itself first."""
    found: list[Asset] = []
    here: int | None = asset_id
    while here is not None and (one := asset(tx, here)) is not None and one not in found:
        found.append(one)
        here = one.parent
    return found


def remove_asset(tx: Tx, asset_id: int) -> None:
    """Forget an asset, what is part of it, and their sensors; what those have measured stays in the store."""
    gone = [one.id for one in below(tx, asset_id)]
    tx.execute(tx.delete(sensors).where(sensors.c.asset.in_(gone)))
    tx.execute(tx.delete(assets).where(assets.c.id.in_(gone)))
    tx.audit("flexmeasures.asset.delete", str(asset_id), {"with": gone})


def add_sensor(tx: Tx, fields: Mapping[str, Any]) -> Sensor:
    """Keep a new sensor."""
    row = {"id": number(tx, "sensor"), **fields}
    tx.insert(sensors, row)
    told = {"name": row["name"], "asset": row["asset"], "site": row["site"], "series": row["series"]}
    tx.audit("flexmeasures.sensor.create", str(row["id"]), told)
    return Sensor(**row)


def change_sensor(tx: Tx, sensor_id: int, fields: Mapping[str, Any]) -> None:
    """Change some of a sensor's fields."""
    tx.execute(tx.update(sensors).where(sensors.c.id == sensor_id).values(dict(fields)))
    tx.audit("flexmeasures.sensor.update", str(sensor_id), {"fields": sorted(fields)})


def sensor(tx: Tx, sensor_id: int) -> Sensor | None:
    """A sensor by its number."""
    row = tx.first(tx.select(sensors).where(sensors.c.id == sensor_id))
    return None if row is None else _sensor(row)


def all_sensors(tx: Tx, of: Sequence[int] | None = None) -> list[Sensor]:
    """Sensors by number, of all assets or of some."""
    query = tx.select(sensors).order_by(sensors.c.id)
    return [_sensor(row) for row in tx.all(query if of is None else query.where(sensors.c.asset.in_(of)))]


def remove_sensor(tx: Tx, sensor_id: int) -> None:
    """Forget a sensor; what it has measured stays in the store."""
    tx.execute(tx.delete(sensors).where(sensors.c.id == sensor_id))
    tx.audit("flexmeasures.sensor.delete", str(sensor_id), {})


def keep(tx: Tx, sensor_id: int, found: Mapping[datetime, float | None]) -> int:
    """Keep values of a sensor that are new or differ from what is known; how many those are."""
    if not found:
        return 0
    known = held(tx, sensor_id, min(found), max(found))
    rows = [
        {"sensor": sensor_id, "time": time, "received": tx.now, "value": value}
        for time, value in found.items()
        if time not in known or known[time] != value
    ]
    if rows:
        tx.insert(values, rows)
        tx.audit("flexmeasures.values", str(sensor_id), {"rows": len(rows)})
    return len(rows)


def held(
    tx: Tx, sensor_id: int, first: datetime, last: datetime, as_of: datetime | None = None
) -> dict[datetime, float | None]:
    """Values from ``first`` to ``last``, as they are or as they were known at a time."""
    query = tx.select(values).where(values.c.sensor == sensor_id, values.c.time >= first, values.c.time <= last)
    if as_of is not None:
        query = query.where(values.c.received <= as_of)
    return {row.time: row.value for row in tx.all(query.order_by(values.c.time, values.c.received))}


def newest(tx: Tx, sensor_id: int, until: datetime) -> float | None:
    """The last value that is known not after a time."""
    query = tx.select(values).where(values.c.sensor == sensor_id, values.c.time <= until, values.c.value.is_not(None))
    row = tx.first(query.order_by(values.c.time.desc(), values.c.received.desc()))
    return None if row is None else row.value


def ask(tx: Tx, job: str, kind: str, of: Sequence[int]) -> str:
    """The UUID under which a client will ask for a job."""
    uuid = str(uuid4())
    tx.insert(asked, {"uuid": uuid, "job": job, "kind": kind, "sensors": list(of), "created": tx.now})
    return uuid


def find(tx: Tx, uuid: str, kind: str | None = None) -> Asked | None:
    """A job by its UUID."""
    query = tx.select(asked).where(asked.c.uuid == uuid)
    row = tx.first(query if kind is None else query.where(asked.c.kind == kind))
    return None if row is None else Asked(**_values(row))


def _values(row: Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name != "tenant"}


def _asset(row: Row[Any]) -> Asset:
    return Asset(**_values(row))


def _sensor(row: Row[Any]) -> Sensor:
    return Sensor(**_values(row))
