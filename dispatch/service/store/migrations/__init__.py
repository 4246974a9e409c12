"""How a database gets from what an older version of the program left to what this one needs.

A revision is a file of ``versions``, named like its number and what it brings; they apply in the order of their names.
There is no way back but the backup that was made before.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from dispatch.service.store.faults import NewerError, StoreError

FOLDER = Path(__file__).parent
VERSION_TABLE = "store_version"
_OURS = "tenants"
NONE = "0000"
_version = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))


def known() -> list[str]:
    """The revisions of this version of the program, in their order; ``NONE`` alone before the first is drafted."""
    return sorted(path.stem for path in (FOLDER / "versions").glob("[0-9]*.py")) or [NONE]


def at(connection: Connection) -> str | None:
    """The revision that a database is at; None for one that holds nothing of ours.

    Raises:
        StoreError: it holds tables of the same names that nobody here made.
        NewerError: it is at a revision that this version does not know.
    """
    there = inspect(connection)
    if not there.has_table(VERSION_TABLE):
        if there.has_table(_OURS):
            raise StoreError(f"the database has a table '{_OURS}' and no '{VERSION_TABLE}': it is no store of parkwatt")
        return None
    found = connection.execute(select(_version.c.version_num)).scalar_one_or_none()
    if found is not None and found not in known():
        raise NewerError(
            f"the database is at revision {found}, this version of parkwatt knows those up to {known()[-1]}: "
            "install the newer version, or restore the backup from before the upgrade"
        )
    return found


def require_current(connection: Connection) -> None:
    """Refuse a database of an older version.

    Raises:
        StoreError: it has to be upgraded first.
    """
    found = at(connection)
    if found != known()[-1]:
        there = "is empty" if found is None else f"is at revision {found}"
        raise StoreError(f"the database {there}, this version needs {known()[-1]}: upgrade it (parkwatt store upgrade)")


def upgrade(connection: Connection, to: str = "head") -> bool:
    """Bring a database to this version, in the connection's transaction; False where it is there already."""
    if at(connection) == known()[-1]:
        return False
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    command.upgrade(config, to)
    return True
