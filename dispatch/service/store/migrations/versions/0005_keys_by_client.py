"""Keys by client and by who made them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_keys_by_client"
down_revision = "0004_dry_runs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    _keys()
    _clients()


def downgrade() -> None:
    """There is no way back but a backup."""
    raise NotImplementedError


def _keys() -> None:
    op.add_column("keys", sa.Column("client", sa.String(length=40), server_default="", nullable=False))
    op.add_column("keys", sa.Column("made_by", sa.String(length=40), nullable=True))
    op.create_index("ix_keys_tenant_client", "keys", ["tenant", "client"], unique=False)
    op.create_index("ix_keys_tenant_made_by", "keys", ["tenant", "made_by"], unique=False)


def _clients() -> None:
    """Whose the keys are that there are: told by what each was rotated from, and by who made it."""
    op.execute("UPDATE keys SET client = id WHERE replaces IS NULL")
    before = (
        "(SELECT old.client FROM keys AS old"
        " WHERE old.tenant = keys.tenant AND old.id = keys.replaces AND old.client <> '')"
    )
    while (
        op.get_bind()
        .exec_driver_sql(f"UPDATE keys SET client = {before} WHERE client = '' AND {before} IS NOT NULL")
        .rowcount
    ):
        pass
    op.execute("UPDATE keys SET client = id WHERE client = ''")
    op.execute(
        "UPDATE keys SET made_by = (SELECT maker.client FROM keys AS maker WHERE maker.tenant = keys.tenant"
        " AND maker.id = keys.created_by AND maker.client <> keys.client)"
    )
    op.execute(
        "UPDATE idempotency SET actor = (SELECT k.client FROM keys AS k"
        " WHERE k.tenant = idempotency.tenant AND k.id = idempotency.actor)"
        " WHERE EXISTS (SELECT 1 FROM keys AS k WHERE k.tenant = idempotency.tenant AND k.id = idempotency.actor"
        " AND k.client <> k.id AND NOT EXISTS (SELECT 1 FROM idempotency AS other JOIN keys AS theirs"
        " ON theirs.tenant = other.tenant AND theirs.id = other.actor WHERE theirs.client = k.client"
        " AND other.tenant = k.tenant AND other.key = idempotency.key AND other.actor <> idempotency.actor))"
    )
