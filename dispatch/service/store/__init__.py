"""What the service keeps: state in SQLite or PostgreSQL, series in Parquet, files by their content.

One request is one transaction: what it changes, the answer under its Idempotency-Key and its audit entries commit
together or not at all, and nothing is acknowledged before it is durable.
"""

from __future__ import annotations

from dispatch.service.store.database import Store
from dispatch.service.store.ids import new_id
from dispatch.service.store.metadata import Json, UtcTime, metadata
from dispatch.service.store.transaction import Tx

__all__ = ["Json", "Store", "Tx", "UtcTime", "metadata", "new_id"]
