"""What the store holds in numbers for Prometheus, of all tenants together, asked for when they are read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from dispatch.service.store import jobs, workers
from dispatch.service.store.series.tables import journal, parts

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dispatch.service.store import Store


class StoreNumbers(Collector):
    """Numbers of one kind."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering it should not ask the database."""
        return iter(())

    def collect(self) -> Iterable[Metric]:
        """The numbers of now."""
        with self._store.admin(write=False) as connection:
            return list(self._numbers(connection, datetime.now(UTC)))

    @abstractmethod
    def _numbers(self, connection: Connection, now: datetime) -> Iterator[Metric]: ...


class JobNumbers(StoreNumbers):
    """The queue."""

    def _numbers(self, connection: Connection, now: datetime) -> Iterator[Metric]:
        found = jobs.numbers(connection, now)
        for name, counts in (("waiting", found.waiting), ("running", found.running)):
            yield _gauge(f"parkwatt_jobs_{name}", f"Jobs that are {name}, by kind", "kind", counts)
        yield _gauge("parkwatt_jobs_ended_5m", "Jobs that ended in the last five minutes", "state", found.ended)
        yield GaugeMetricFamily("parkwatt_jobs_oldest_waiting_seconds", "Age of the first due job", found.oldest_s)


class WorkerNumbers(StoreNumbers):
    """Workers of this database, whoever started them; every state is there, with 0 too."""

    def _numbers(self, connection: Connection, now: datetime) -> Iterator[Metric]:
        counts = {str(state): float(count) for state, count in workers.counted(connection, now).items()}
        yield _gauge("parkwatt_workers", "Workers by what they do; gone: killed lately", "state", counts)


class SeriesNumbers(StoreNumbers):
    """Measurements, as they came and in files."""

    def _numbers(self, connection: Connection, now: datetime) -> Iterator[Metric]:
        del now
        rows, pieces = {}, {}
        for name, table in (("journal", journal), ("parquet", parts)):
            asked = select(func.coalesce(func.sum(table.c.rows), 0), func.count()).select_from(table)
            total, pieces[name] = connection.execute(asked).one()
            rows[name] = float(total)
        yield _gauge("parkwatt_series_rows", "Measurements kept, corrections too", "kept", rows)
        yield _gauge("parkwatt_series_pieces", "Entries of the journal, and files", "kept", pieces)


def _gauge(name: str, text: str, label: str, counts: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family
