"""The one collection of tables that all pieces of the store add theirs to, and the types of their columns."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, MetaData, String, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# What a tenant may be called: it becomes the name of a folder.
TENANT_PATTERN = r"^[a-z0-9](?:[a-z0-9_\-]{0,61}[a-z0-9])?$"


def canonical(value: Any) -> str:
    """The one text of a JSON value: keys sorted, nothing between, ASCII; raises ValueError for NaN and infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970 of a time with its zone.

    Raises:
        ValueError: it has none.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no offset from UTC")
    return (moment - EPOCH) // _MICROSECOND


def moment_of(count: int) -> datetime:
    """The time so many microseconds after 1970, UTC."""
    return EPOCH + timedelta(microseconds=count)


class UtcTime(TypeDecorator[datetime]):
    """A moment, as microseconds since 1970: both databases compare and keep it exactly."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy passes it
        """To the database."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as above
        """From it."""
        return None if value is None else moment_of(value)


class Json(TypeDecorator[Any]):
    """A JSON value as its canonical text: the same value is the same bytes, whatever database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - as above
        """To the database; None is no value, not JSON's null."""
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002 - as above
        """From it."""
        return None if value is None else json.loads(value)


def tenant_column() -> Column[str]:
    """The column that every table begins its primary key with."""
    return Column("tenant", String(63), primary_key=True)


def belongs(table: str, *columns: str, of: tuple[str, ...] = ()) -> ForeignKeyConstraint:
    """A reference within the tenant: rows of another table, by its key (``of``, where the names differ)."""
    there = [f"{table}.{name}" for name in ("tenant", *(of or columns))]
    return ForeignKeyConstraint(["tenant", *columns], there)


def table(name: str, *parts: Any) -> Table:
    """A table of the store: ``tenant`` first in its primary key, then the parts."""
    return Table(name, metadata, tenant_column(), *parts)
