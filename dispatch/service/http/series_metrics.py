"""How many measurements the store keeps, for Prometheus, asked for when they are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from dispatch.service.store.series.tables import journal, parts

if TYPE_CHECKING:
    from dispatch.service.store import Store


class SeriesNumbers(Collector):
    """Rows of all tenants together, as they came and in files."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering it should not ask the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The numbers of now."""
        rows = GaugeMetricFamily("parkwatt_series_rows", "Measurements kept, corrections too", labels=["kept"])
        pieces = GaugeMetricFamily("parkwatt_series_pieces", "Entries of the journal, and files", labels=["kept"])
        with self._store.admin(write=False) as connection:
            for name, table in (("journal", journal), ("parquet", parts)):
                asked = select(func.coalesce(func.sum(table.c.rows), 0), func.count()).select_from(table)
                total, count = connection.execute(asked).one()
                rows.add_metric([name], float(total))
                pieces.add_metric([name], float(count))
        yield rows
        yield pieces
