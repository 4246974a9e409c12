"""``parkwatt store``: backup, check, restore, compaction and upgrade; nothing heavy comes early."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dispatch.cli.service_commands import Data, Database

app = typer.Typer(no_args_is_help=True, help="Back up, check and tidy what the service keeps; needs no server.")
Folder = Annotated[Path, typer.Argument(help="Folder of a backup.")]


@app.callback()
def store() -> None:
    """Back up, check and tidy what the service keeps; needs no server."""


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="New folder for the copy.")],
    database: Database = None,
    data: Data = None,
) -> None:
    """Copy everything, as of one moment, while the service goes on; and look whether the copy is whole."""
    from dispatch.cli.storing import back_up
    from dispatch.cli.tenancy import Where

    back_up(Where(database, data), folder)


@app.command()
def check(
    folder: Annotated[Path | None, typer.Option("--backup", help="Look at this backup instead of the store.")] = None,
    database: Database = None,
    data: Data = None,
) -> None:
    """Look whether everything that was acknowledged is there: audit chains, files, series."""
    from dispatch.cli.storing import check
    from dispatch.cli.tenancy import Where

    check(Where(database, data), folder)


@app.command()
def restore(folder: Folder, database: Database = None, data: Data = None) -> None:
    """Make a store of a backup, in an empty database (SQLite or PostgreSQL) and a new data folder."""
    from dispatch.cli.storing import restore
    from dispatch.cli.tenancy import Where

    restore(Where(database, data), folder)


@app.command()
def compact(database: Database = None, data: Data = None) -> None:
    """Move all measurements from the journal into Parquet, and remove files that nothing names; workers do it too."""
    from dispatch.cli.storing import compact
    from dispatch.cli.tenancy import Where

    compact(Where(database, data))


@app.command()
def upgrade(database: Database = None, data: Data = None) -> None:
    """Bring the database to this version of parkwatt, as 'parkwatt serve' does; back it up before."""
    from dispatch.cli.storing import upgrade
    from dispatch.cli.tenancy import Where

    upgrade(Where(database, data))
