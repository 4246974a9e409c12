"""The queue in numbers for Prometheus, asked for when they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dispatch.service.store import jobs

if TYPE_CHECKING:
    from dispatch.service.store import Store


class JobNumbers(Collector):
    """Jobs of all tenants together."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering it should not ask the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The numbers of now."""
        with self._store.admin(write=False) as connection:
            found = jobs.numbers(connection, datetime.now(UTC))
        for name, counts in (("waiting", found.waiting), ("running", found.running)):
            yield _gauge(f"parkwatt_jobs_{name}", f"Jobs that are {name}, by kind", "kind", counts)
        yield _gauge("parkwatt_jobs_ended_5m", "Jobs that ended in the last five minutes", "state", found.ended)
        yield GaugeMetricFamily("parkwatt_jobs_oldest_waiting_seconds", "Age of the first due job", found.oldest_s)


def _gauge(name: str, text: str, label: str, counts: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family
