"""Reports as measurements: taken in the transaction that keeps the report, or neither is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dispatch.service.errors import BadRequestError, Fault
from dispatch.service.openadr.delivered import Measurement, measurements
from dispatch.service.openadr.kinds import SITE
from dispatch.service.openadr.sight import Client, vens_of
from dispatch.service.store import series, sites
from dispatch.service.store.openadr import Kept
from dispatch.service.store.transaction import Tx

TAKEN = "Parkwatt-Measurements"
SOURCE = "openadr"


def site_of(tx: Tx, client: Client) -> str | None:
    """The site that business logic gave to the client's VEN; None without one."""
    for ven in vens_of(tx, client):
        for attribute in ven.body.get("attributes") or ():
            if attribute["type"] == SITE and attribute["values"]:
                return str(attribute["values"][0])
    return None


def measured(tx: Tx, report: Kept, client: Client) -> dict[str, str]:
    """Take what a VEN's report has measured; headers that say how many values that were.

    Raises:
        BadRequestError: the site has no such series, or does not take a value.
        UnreadableError: a unit or time is missing.
    """
    site = None if client.is_logic else site_of(tx, client)
    park = None if site is None else sites.park(tx, site)
    if site is None or park is None:
        return {TAKEN: "0"}
    full_kwh = {asset.name: getattr(asset, "energy_kwh", None) for asset in park.assets}
    found = list(measurements(report.body, full_kwh, tx.now))
    if not found:
        return {TAKEN: "0"}
    receipt = series.append(tx, _table(site, found))
    if not receipt.is_taken:
        faults = []
        for each in receipt.rejections:
            where = found[each.index]
            told = f"{where.series} at {where.time.isoformat()}: {each.field} {each.message}"
            faults.append(Fault("/resources", told, accepted=each.accepted))
        raise BadRequestError(f"site '{site}' does not take {len(faults)} of the report's values", faults)
    tx.audit("openadr.measurements", report.id, {"site": site, "values": len(found), "new": receipt.taken})
    return {TAKEN: str(receipt.taken)}


def _table(site: str, found: Sequence[Measurement]) -> Any:
    import pyarrow as pa

    return pa.table(
        {
            "site": [site] * len(found),
            "series": [one.series for one in found],
            "time": pa.array([one.time for one in found], pa.timestamp("us", tz="UTC")),
            "value": pa.array([one.value for one in found], pa.float64()),
            "source": [SOURCE] * len(found),
        }
    )
