"""What the server needs to do its work: looked at when asked, each thing by using it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from sqlalchemy import literal, select
from sqlalchemy.exc import SQLAlchemyError

from dispatch.errors import ParkwattError
from dispatch.service.settings import Settings
from dispatch.service.store import migrations, workers
from dispatch.service.store.workers import State

if TYPE_CHECKING:
    from dispatch.service.store import Store

OK = "ok"


def living(app: FastAPI) -> dict[State, int] | None:
    """Workers of the database by what they do, whoever started them; None where it does not answer."""
    try:
        with app.state.store.admin(write=False) as connection:
            return workers.counted(connection, datetime.now(UTC))
    except (SQLAlchemyError, ParkwattError):
        return None


def checks(app: FastAPI, found_workers: dict[State, int] | None) -> dict[str, str]:
    """Name of each check and ``ok`` or what is wrong; nothing in it belongs to a tenant."""
    settings, store = app.state.settings, app.state.store
    found = {
        "database": _tried(lambda: _database(store)),
        "migrations": _tried(lambda: _migrations(store)),
        "disk": _tried(lambda: _disk(settings)),
        "workers": _workers(app, found_workers),
    }
    if app.state.closing.is_set():
        found["server"] = "it is about to stop"
    return found


def _tried(check: Callable[[], str]) -> str:
    try:
        return check()
    except (OSError, SQLAlchemyError, ParkwattError) as error:
        return f"{type(error).__name__}"


def _database(store: Store) -> str:
    with store.admin(write=False) as connection:
        connection.execute(select(literal(1))).scalar_one()
    return OK


def _migrations(store: Store) -> str:
    with store.admin(write=False) as connection:
        migrations.require_current(connection)
    return OK


def _disk(settings: Settings) -> str:
    """Write, and see how much more could be written."""
    with tempfile.TemporaryFile(dir=settings.data) as file:
        file.write(b"ready")
        file.flush()
        os.fsync(file.fileno())
    free = shutil.disk_usage(Path(settings.data)).free
    return (
        OK
        if free >= settings.min_free_bytes
        else f"{free >> 20} MiB are free, fewer than {settings.min_free_bytes >> 20}"
    )


def _workers(app: FastAPI, found: dict[State, int] | None) -> str:
    """Whether those that this server started run, and any gives a sign of life; others look after themselves.

    Of the processes of a server only the first has the workers: the others go by the signs of life alone.
    """
    supervisor, wanted = getattr(app.state, "supervisor", None), app.state.settings.workers
    if supervisor is not None and (running := len(supervisor.pids)) < wanted:
        return f"{running} of {wanted} run"
    relies = supervisor is not None or getattr(app.state, "relies_on_workers", False)
    return "none gives a sign of life" if relies and found is not None and not workers.alive(found) else OK
