"""Write a revision for what the tables of the code have and those of the newest revision lack: ``python -m … NAME``.

What it writes is a draft: a column that is renamed, or values that have to be computed, need a person.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from alembic.autogenerate import api, produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import ops
from sqlalchemy import make_url

from dispatch.service.store.database import Store, load_tables
from dispatch.service.store.metadata import Json, UtcTime, metadata
from dispatch.service.store.migrations import FOLDER, NONE, VERSION_TABLE, known
from dispatch.service.store.sqlite import Sqlite

_PLAIN = {UtcTime: "sa.BigInteger()", Json: "sa.Text()"}
_SCREEN_LINES = 22  # before they are formatted, which breaks long ones
_HEAD = '''"""{name}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {before}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
{calls}


def downgrade() -> None:
    """There is no way back but a backup."""
    raise NotImplementedError


{bodies}'''


def draft(name: str, tables: set[str] | None = None) -> Path | None:
    """Write the next revision, of some tables only where asked; None where there is nothing to write."""
    parts = list(_parts(tables))
    if not parts:
        return None
    before = known()[-1] if known() != [NONE] else None
    revision = f"{int(before[:4]) + 1 if before else 1:04d}_{name}"
    calls = "\n".join(f"    _{title}()" for title, _ in parts)
    bodies = "\n\n".join(f"def _{title}() -> None:\n{body}\n" for title, body in parts)
    text = _HEAD.format(
        name=name.replace("_", " ").capitalize(), revision=revision, before=repr(before), calls=calls, bodies=bodies
    )
    path = FOLDER / "versions" / f"{revision}.py"
    path.write_text(text, encoding="utf-8")
    return path


def _parts(tables: set[str] | None) -> Iterator[tuple[str, str]]:
    """Title and code of each change, those of a table together."""
    with tempfile.TemporaryDirectory() as folder:
        load_tables()
        store = Store(Sqlite(make_url(f"sqlite:///{folder}/empty.db"), 1.0), Path(folder), "")
        if known() != [NONE]:
            store.prepare(migrate=True)
        with store.admin(write=False) as connection:
            context = MigrationContext.configure(
                connection, opts={"version_table": VERSION_TABLE, "render_item": _plain, "target_metadata": metadata}
            )
            found = produce_migrations(context, metadata).upgrade_ops
            groups: dict[str, list[ops.MigrateOperation]] = {}
            for each in found.ops if found is not None else ():
                inner = each.ops if isinstance(each, ops.ModifyTableOps) else [each]
                groups.setdefault(str(each.table_name), []).extend(inner)  # type: ignore[attr-defined] # all ours have one
            for table, changes in groups.items():
                if tables is None or table in tables:
                    yield from _screens(table, changes, context)
        store.close()


def _screens(table: str, changes: list[ops.MigrateOperation], context: MigrationContext) -> Iterator[tuple[str, str]]:
    """The changes of a table in functions that are no longer than a screen."""
    code = _code(changes, context)
    if len(changes) == 1 or code.count("\n") < _SCREEN_LINES:
        yield table, code
        return
    yield table, _code(changes[:1], context)
    yield from _screens(f"{table}_more", changes[1:], context)


def _code(changes: list[ops.MigrateOperation], context: MigrationContext) -> str:
    made = render_python_code(ops.UpgradeOps(ops=changes), render_item=_plain, migration_context=context)
    lines = [line for line in made.splitlines() if line.strip() and not line.strip().startswith("#")]
    return "\n".join(f"    {line.strip()}" if line.startswith("op.") else f"    {line}" for line in lines)


def _plain(kind: str, thing: Any, _context: api.AutogenContext) -> str | Literal[False]:
    """Our types as what they are in the database: a revision must not change when they do."""
    return _PLAIN.get(type(thing), False) if kind == "type" else False


if __name__ == "__main__":
    written = draft(sys.argv[1], set(sys.argv[2:]) or None)
    print(written or "nothing has changed")  # noqa: T201 - a command for developers
