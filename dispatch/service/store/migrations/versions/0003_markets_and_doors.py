"""Fleets and their markets, FlexMeasures and OpenADR."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_markets_and_doors"
down_revision = "0002_plans"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    _bids()
    _fleet_results()
    _fleets()
    _fm_assets()
    _fm_counters()
    _fm_jobs()
    _fm_sensors()
    _fm_users()
    _fm_values()
    _openadr_objects()


def downgrade() -> None:
    """There is no way back but a backup."""
    raise NotImplementedError


def _bids() -> None:
    op.create_table(
        "bids",
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("fleet", sa.String(length=100), nullable=False),
        sa.Column("flexibility", sa.String(length=40), nullable=False),
        sa.Column("product", sa.String(length=100), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("side", sa.String(length=4), nullable=False),
        sa.Column("portfolio", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("left_out_kw", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("delivered_by", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("submitted", sa.BigInteger(), nullable=True),
        sa.Column("award", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_bids")),
    )
    op.create_index("ix_bids_tenant_fleet_id", "bids", ["tenant", "fleet", "id"], unique=False)


def _fleet_results() -> None:
    op.create_table(
        "fleet_results",
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("fleet", sa.String(length=100), nullable=False),
        sa.Column("parent", sa.String(length=40), nullable=False),
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_fleet_results")),
    )
    op.create_index(
        "ix_fleet_results_tenant_kind_fleet_id", "fleet_results", ["tenant", "kind", "fleet", "id"], unique=False
    )
    op.create_index(
        "ix_fleet_results_tenant_kind_parent_id", "fleet_results", ["tenant", "kind", "parent", "id"], unique=False
    )


def _fleets() -> None:
    op.create_table(
        "fleets",
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("fleet", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("etag", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "fleet", name=op.f("pk_fleets")),
    )


def _fm_assets() -> None:
    op.create_table(
        "fm_assets",
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Integer(), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("flex_context", sa.Text(), nullable=False),
        sa.Column("flex_model", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_fm_assets")),
    )
    op.create_index("ix_fm_assets_parent", "fm_assets", ["tenant", "parent"], unique=False)


def _fm_counters() -> None:
    op.create_table(
        "fm_counters",
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "what", name=op.f("pk_fm_counters")),
    )


def _fm_jobs() -> None:
    op.create_table(
        "fm_jobs",
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("sensors", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "uuid", name=op.f("pk_fm_jobs")),
    )


def _fm_sensors() -> None:
    op.create_table(
        "fm_sensors",
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asset", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("resolution_s", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_fm_sensors")),
    )
    op.create_index("ix_fm_sensors_asset", "fm_sensors", ["tenant", "asset"], unique=False)


def _fm_users() -> None:
    op.create_table(
        "fm_users",
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "key", name=op.f("pk_fm_users")),
    )


def _fm_values() -> None:
    op.create_table(
        "fm_values",
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("sensor", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "sensor", "time", "received", name=op.f("pk_fm_values")),
    )


def _openadr_objects() -> None:
    op.create_table(
        "openadr_objects",
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_openadr_objects")),
    )
    op.create_index("ix_openadr_objects_client", "openadr_objects", ["tenant", "kind", "client"], unique=False)
    op.create_index("ix_openadr_objects_found", "openadr_objects", ["tenant", "kind", "parent", "name"], unique=False)
