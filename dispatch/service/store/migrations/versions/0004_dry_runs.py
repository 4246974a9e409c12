"""Dry runs of schedules, and why bids were clipped.

Schedules that are there were published when they were made.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_dry_runs"
down_revision = "0003_markets_and_doors"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    _bids()
    _schedules()


def downgrade() -> None:
    """There is no way back but a backup."""
    raise NotImplementedError


def _bids() -> None:
    op.add_column("bids", sa.Column("clipped", sa.Text(), nullable=True))


def _schedules() -> None:
    op.add_column("schedules", sa.Column("published", sa.BigInteger(), nullable=True))
    op.add_column("schedules", sa.Column("ranked", sa.BigInteger(), nullable=True))
    followed = "made IS NOT NULL AND mode <> 'perfect_foresight'"
    op.execute(f"UPDATE schedules SET published = made, ranked = issued WHERE {followed}")
