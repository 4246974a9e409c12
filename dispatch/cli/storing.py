"""Backup, check, restore, compaction and upgrade of a store, as typed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dispatch.cli.serving import extra
from dispatch.cli.tenancy import Where
from dispatch.errors import ConfigError, Problem

if TYPE_CHECKING:
    from dispatch.service.settings import Settings
    from dispatch.service.store import Store
    from dispatch.service.store.health import Checked


_MOMENT = "%Y-%m-%d %H:%M:%SZ"


def back_up(where: Where, folder: Path) -> None:
    """Copy the store, then check the copy."""
    with _opened(where) as store, _told() as progress:
        from dispatch.service.store import backup

        made = backup.back_up(store, folder, progress)
        found = backup.check_backup(folder, progress)
    _report(found)
    typer.echo(f"Backup in {folder}: {made.files} files, {made.size / 1e6:.1f} MB, as of {made.made:{_MOMENT}}")
    typer.echo(f"Back from it: parkwatt store restore {folder} --data NEW_FOLDER")


def check(where: Where, folder: Path | None) -> None:
    """Look at the store, or at a backup."""
    with extra(), _told() as progress:
        from dispatch.service.store import backup, health

        if folder is not None:
            found = backup.check_backup(folder, progress)
        else:
            with _opened(where) as store:
                found = health.check(store, progress)
    _report(found)
    typer.echo("All of it is there, as it was acknowledged.")


def restore(where: Where, folder: Path) -> None:
    """Make a store of a backup."""
    with extra(), _told() as progress:
        from dispatch.service.store import backup

        settings = _settings(where)
        made = backup.restore(folder, settings.url, settings.data, progress)
    typer.echo(f"Restored what was kept on {made.made:{_MOMENT}}: {made.files} files.")


def compact(where: Where) -> None:
    """Journals into Parquet, and what nothing names off the disk."""
    with _opened(where) as store, _told() as progress:
        from dispatch.service.store import upkeep

        moved = upkeep.compact(store, everything=True, progress=progress)
        gone = upkeep.sweep(store)
    typer.echo(f"{moved} values moved into Parquet, {gone} files removed that nothing named.")


def upgrade(where: Where) -> None:
    """Bring the database to this version."""
    with extra():
        from dispatch.service.store import Store, migrations
    settings = _settings(where)
    store = Store.open(settings.url, settings.data)
    store.close()
    typer.echo(f"The database is at revision {migrations.known()[-1]}.")


@contextmanager
def _opened(where: Where) -> Iterator[Store]:
    """A store that is there; none is made by looking at it."""
    with extra():
        from dispatch.service.store import Store
    settings = _settings(where)
    if not settings.data.is_dir():
        problem = Problem("data", f"there is no store in {settings.data}", "the folder that parkwatt serve was given")
        raise ConfigError("parkwatt store", [problem])
    store = Store.open(settings.url, settings.data, migrate=False)
    try:
        yield store
    finally:
        store.close()


def _settings(where: Where) -> Settings:
    with extra():
        from dispatch.service.settings import Settings
    return Settings.load(os.environ, database=where.database, data=where.data)


@contextmanager
def _told() -> Iterator[Callable[[str], None]]:
    """A line that says what is being done, where a person looks at it."""
    from rich.console import Console

    with Console(stderr=True).status("…") as status:
        yield status.update


def _report(found: Checked) -> None:
    """What was looked at; ends the program where something is wrong."""
    typer.echo(", ".join(f"{count} {what}" for what, count in found.counts.items()))
    for problem in found.problems:
        typer.echo(f"  {problem}", err=True)
    if found.problems:
        typer.echo(f"{len(found.problems)} problems: restore a backup, or ask for help with it.", err=True)
        raise typer.Exit(1)
