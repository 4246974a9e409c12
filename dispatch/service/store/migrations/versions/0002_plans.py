"""Forecasts, schedules, overrides and carbon accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_plans"
down_revision = "0001_ground"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    _carbon_accounts()
    _forecasts()
    _overrides()
    _schedules()
    _schedules_more()


def downgrade() -> None:
    """There is no way back but a backup."""
    raise NotImplementedError


def _carbon_accounts() -> None:
    op.create_table(
        "carbon_accounts",
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("site_version", sa.Integer(), nullable=False),
        sa.Column("schedule", sa.String(length=40), nullable=True),
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("ledgers_file", sa.String(length=40), nullable=True),
        sa.Column("goods_file", sa.String(length=40), nullable=True),
        sa.Column("certificates_file", sa.String(length=40), nullable=True),
        sa.Column("page_file", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_carbon_accounts")),
    )
    op.create_index("ix_carbon_accounts_tenant_site_id", "carbon_accounts", ["tenant", "site", "id"], unique=False)


def _forecasts() -> None:
    op.create_table(
        "forecasts",
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("site_version", sa.Integer(), nullable=False),
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("quantiles_file", sa.String(length=40), nullable=True),
        sa.Column("scenarios_file", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_forecasts")),
    )
    op.create_index("ix_forecasts_tenant_site_id", "forecasts", ["tenant", "site", "id"], unique=False)


def _overrides() -> None:
    op.create_table(
        "overrides",
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("asset", sa.String(length=100), nullable=False),
        sa.Column("quantity", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("least", sa.Float(), nullable=True),
        sa.Column("most", sa.Float(), nullable=True),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_overrides")),
    )
    op.create_index("ix_overrides_tenant_site_until", "overrides", ["tenant", "site", "until"], unique=False)


def _schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("site_version", sa.Integer(), nullable=False),
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("mode", sa.String(length=20), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=True),
        sa.Column("quality", sa.String(length=20), nullable=True),
        sa.Column("money", sa.Float(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("co2_kg", sa.Float(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("table_file", sa.String(length=40), nullable=True),
        sa.Column("setpoints_file", sa.String(length=40), nullable=True),
        sa.Column("earlier_file", sa.String(length=40), nullable=True),
        sa.Column("report_file", sa.String(length=40), nullable=True),
        sa.Column("report_job", sa.String(length=40), nullable=True),
        sa.Column("setpoints_sha256", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_schedules")),
    )


def _schedules_more() -> None:
    op.create_index("ix_schedules_tenant_site_end", "schedules", ["tenant", "site", "end"], unique=False)
    op.create_index("ix_schedules_tenant_site_id", "schedules", ["tenant", "site", "id"], unique=False)
