"""What a client was told is done, one JSON line each, and whether it is there afterwards, value by value."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from dispatch.service.store import Store, audit, files, jobs, overrides, schedules, series, sites
from dispatch.service.store.health import check

Ack = dict[str, Any]
START = datetime(2006, 3, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
EFFECT = "crash.effect"


def acks(lines: Iterable[bytes]) -> list[Ack]:
    """Whole lines; a last one that was cut off was told to nobody."""
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def missing(store: Store, told: Iterable[Ack]) -> list[str]:
    """What was acknowledged and is not there, or not as it was; and what the store's own check finds."""
    wrong = list(check(store).problems)
    by_tenant: dict[str, list[Ack]] = {}
    for ack in told:
        by_tenant.setdefault(ack["tenant"], []).append(ack)
    for tenant, mine in by_tenant.items():
        with store.read(tenant, "check") as tx:
            for ack in mine:
                wrong += [f"{tenant}: {what}" for what in _CHECKS[ack["what"]](tx, ack)]
            effects = Counter(row.subject for row in audit.listed(tx, action=EFFECT, limit=100_000))
        wrong += [f"{tenant}: {job} had its effect {count} times" for job, count in effects.items() if count > 1]
    return wrong


def unended(store: Store) -> list[str]:
    """Jobs that were accepted and did not end well, or well without their effect, or with more than one."""
    wrong = []
    with store.admin(write=False) as connection:
        found = connection.execute(select(jobs.records)).mappings().all()
        done = {
            EFFECT: _subjects(connection, EFFECT),
            "schedule.made": _subjects(connection, "schedule.made"),
        }
    for row in found:
        job = jobs.of(row)
        effects = done["schedule.made"][job.tenant, job.subject] if job.kind == "schedule" else 0
        effects += done[EFFECT][job.tenant, job.id]
        if job.state != "done" or effects != 1:
            wrong.append(
                f"{job.tenant}: job {job.id} ({job.kind}) is {job.state} with {effects} effects: {job.problem}"
            )
    return wrong


def _subjects(connection: Connection, action: str) -> Counter[tuple[str, str]]:
    query = select(audit.entries.c.tenant, audit.entries.c.subject).where(audit.entries.c.action == action)
    return Counter((row.tenant, row.subject) for row in connection.execute(query))


def doubled(store: Store, told: Iterable[Ack]) -> list[str]:
    """Requests that had their effect more than once: more things are there than were acknowledged, each of its own."""
    counted = Counter((ack["tenant"], ack["what"]) for ack in told)
    titles = Counter((ack["tenant"], ack["title"]) for ack in told if ack["what"] == "site")
    wrong = []
    with store.admin(write=False) as connection:
        for what, table in (("schedule", schedules.schedules), ("override", overrides.overrides)):
            for tenant, count in connection.execute(select(table.c.tenant, func.count()).group_by(table.c.tenant)):
                if count != counted[tenant, what]:
                    wrong.append(f"{tenant}: {count} of {what}, {counted[tenant, what]} were acknowledged")
        made = connection.execute(select(sites.versions.c.tenant, sites.versions.c.body)).all()
    there = Counter((row.tenant, row.body["title"]) for row in made)
    return wrong + [f"{key}: {there[key]} versions" for key in there | titles if there[key] != titles[key]]


def _tenant(_tx: Any, _ack: Ack) -> Iterator[str]:
    yield from ()


def _site(tx: Any, ack: Ack) -> Iterator[str]:
    wanted = tx.select(sites.versions).where(
        sites.versions.c.site == ack["site"], sites.versions.c.version == ack["version"]
    )
    row = tx.first(wanted)
    now = tx.first(tx.select(sites.sites).where(sites.sites.c.site == ack["site"]))
    if row is None or ack["etag"] not in (None, row.etag) or row.body["title"] != ack["title"]:
        yield f"version {ack['version']} of site {ack['site']} is not what was acknowledged"
    elif now is None or now.version < ack["version"]:
        yield f"site {ack['site']} has gone back"
    if not audit.listed(tx, subject=ack["site"], action="site.put"):
        yield f"nothing in the audit trail of site {ack['site']}"


def _rows(tx: Any, ack: Ack) -> Iterator[str]:
    first = START + ack["first"] * QUARTER
    last = first + len(ack["values"]) * QUARTER
    received = None if ack["received"] is None else datetime.fromisoformat(ack["received"])
    found = series.read(tx, ack["site"], [ack["series"]], first, last, received)
    mine = [row for row in found.to_pylist() if row["source"] == ack["source"]]
    if [row["value"] for row in mine] != ack["values"]:
        there = f"{len(mine)} of {len(ack['values'])}, or others"
        yield f"measurements of {ack['site']}/{ack['series']} from {first}: {there}"


def _file(tx: Any, ack: Ack) -> Iterator[str]:
    try:
        data = files.read(tx, ack["id"])
    except Exception as error:  # noqa: BLE001 - whatever keeps a file from being read, it is lost
        yield f"file {ack['id']}: {type(error).__name__}: {error}"
        return
    if hashlib.sha256(data).hexdigest() != ack["sha256"]:
        yield f"file {ack['id']} is another one"


def _job(tx: Any, ack: Ack) -> Iterator[str]:
    if tx.first(tx.select(jobs.records).where(jobs.records.c.id == ack["id"])) is None:
        yield f"job {ack['id']} is gone"


def _done(tx: Any, ack: Ack) -> Iterator[str]:
    row = tx.first(tx.select(jobs.records).where(jobs.records.c.id == ack["id"]))
    if row is None or row.state != "done":
        yield f"job {ack['id']} is not done any more"


def _schedule(tx: Any, ack: Ack) -> Iterator[str]:
    if tx.first(tx.select(schedules.schedules).where(schedules.schedules.c.id == ack["id"])) is None:
        yield f"schedule {ack['id']} is gone"


def _override(tx: Any, ack: Ack) -> Iterator[str]:
    row = tx.first(tx.select(overrides.overrides).where(overrides.overrides.c.id == ack["id"]))
    if row is None or row.value != ack["value"]:
        yield f"override {ack['id']} is gone, or another one"


_CHECKS = {
    "tenant": _tenant, "site": _site, "rows": _rows, "file": _file, "job": _job, "done": _done,
    "schedule": _schedule, "override": _override,
}  # fmt: skip
