"""A small park, as a site's body."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from dispatch.service.store import Store, sites

START = datetime(2026, 3, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def body(title: str = "", **more: Any) -> dict[str, Any]:
    return {
        "name": "works",
        "title": title,
        "time_zone": "Europe/Berlin",
        "currency": "EUR",
        "latitude_deg": 52.5,
        "longitude_deg": 13.4,
        "buses": [{"name": "mv"}],
        "assets": [
            {"kind": "load", "name": "offices", "bus": "mv"},
            {"kind": "pv", "name": "roof", "bus": "mv", "peak_kw": 800, "tilt_deg": 15, "azimuth_deg": 180},
            {
                "kind": "grid_connection",
                "name": "pcc",
                "bus": "mv",
                "import_kw": 2000,
                "export_kw": 2000,
                "tariff": "block_tariff_example",
            },
        ],
        **more,
    }


def put(store: Store, *names: str, tenant: str = "north") -> None:
    """Sites of this park."""
    prepared = sites.prepare(body(), "works")
    with store.write(tenant, "test") as tx:
        sites.put_many(tx, dict.fromkeys(names, prepared))


def rows(
    values: Iterable[float | None], *, site: str = "a", series: str = "roof", first: int = 0, source: str = ""
) -> pa.Table:
    """Values of one series, a quarter of an hour each; ``first`` counts quarters from the start."""
    listed = list(values)
    times = [START + (first + number + 1) * QUARTER for number in range(len(listed))]
    return pa.table(
        {
            "site": [site] * len(listed),
            "series": [series] * len(listed),
            "time": pa.array(times, pa.timestamp("us", "UTC")),
            "value": pa.array(listed, pa.float64()),
            "source": [source] * len(listed),
        }
    )
