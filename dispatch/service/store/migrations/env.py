"""What Alembic runs: the revisions, on the connection that the store gives."""

from __future__ import annotations

from alembic import context

from dispatch.service.store.metadata import metadata
from dispatch.service.store.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
context.run_migrations()
