"""Workers in numbers for Prometheus, as the store knows them, asked for when they are read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dispatch.service.store import workers

if TYPE_CHECKING:
    from dispatch.service.store import Store


class WorkerNumbers(Collector):
    """Workers of this database, whoever started them; every state is there, with 0 too."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering it should not ask the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The numbers of now."""
        with self._store.admin(write=False) as connection:
            found = workers.counted(connection, datetime.now(UTC))
        family = GaugeMetricFamily("parkwatt_workers", "Workers by what they do; gone: killed lately", labels=["state"])
        for state, count in found.items():
            family.add_metric([state], count)
        yield family
