"""Run the service: its server, its workers, and what its start says."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import typer

from dispatch.errors import ParkwattError

if TYPE_CHECKING:
    from dispatch.service.settings import Settings
    from dispatch.service.store import Store

_EXTRA = (
    "alembic", "duckdb", "fastapi", "jwt", "limits", "opentelemetry", "prometheus_client", "sqlalchemy", "starlette",
    "uvicorn",
)  # fmt: skip
_BACKLOG = 1024


@contextmanager
def extra() -> Iterator[None]:
    """Say how to install what the service needs and is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "psycopg":
            raise ParkwattError("PostgreSQL needs: pip install 'parkwatt[service,postgres]'") from None
        if missing not in _EXTRA:
            raise
        raise ParkwattError(f"the service needs {missing}: pip install 'parkwatt[service]'") from None


def run_server(flags: Mapping[str, Any], *, demo: bool) -> None:
    """Serve until told to stop."""
    with extra():
        from dispatch.service.http.counting import counted_together
        from dispatch.service.settings import Settings
    settings = Settings.load(os.environ, **flags)
    is_new = not settings.data.exists()
    with extra(), counted_together(settings), _listening(settings) as listener:
        from dispatch.service.logs import log_as_json
        from dispatch.service.serving import serve
        from dispatch.service.store import Store

        log_as_json(settings.log_level)
        store = Store.open(settings.url, settings.data)
        try:
            _greet(settings, store, listener, is_new=is_new, demo=demo)
            serve(settings, store, listener)
        finally:
            store.close()
    typer.echo("parkwatt has stopped.", err=True)


def run_worker(flags: Mapping[str, Any]) -> None:
    """Do jobs until told to stop."""
    with extra():
        from dispatch.service.logs import log_as_json
        from dispatch.service.runner.policy import Policy
        from dispatch.service.runner.worker import serve
        from dispatch.service.settings import Settings
        from dispatch.service.store import Store
    settings = Settings.load(os.environ, **flags)
    log_as_json(settings.log_level)
    store = Store.open(settings.url, settings.data)
    try:
        serve(store, Policy.of(settings))
    finally:
        store.close()


def write_document(out: Path | None) -> None:
    """Write the OpenAPI document; the doors that are optional are not in it."""
    with extra():
        from dispatch.service.app import create_app
        from dispatch.service.http.openapi import text
        from dispatch.service.settings import Settings
        from dispatch.service.store import Store
    with TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder))
        store = Store.open(settings.url, settings.data)
        try:
            document = text(create_app(settings, store).openapi())
        finally:
            store.close()
    if out is None:
        typer.echo(document, nl=False)
    else:
        out.write_text(document, encoding="utf-8")
        typer.echo(f"Wrote {out}.")


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """A socket at the address: whether it can be had is known before a database is made."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        what = f"cannot listen at {settings.host} port {settings.port}: {error.strerror or error}"
        raise ParkwattError(f"{what}. --host and --port choose another address, --port 0 a free port") from None
    with listener:
        yield listener


def _greet(settings: Settings, store: Store, listener: socket.socket, *, is_new: bool, demo: bool) -> None:
    """What an operator should know of a start."""
    from sqlalchemy import make_url

    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    made = " (new)" if is_new else ""
    database = make_url(settings.url).render_as_string(hide_password=True)
    typer.echo(f"parkwatt {_version()}")
    typer.echo(f"  API        {url}/api/v1, its reference {url}/docs")
    typer.echo(f"  data       {settings.data.resolve()}{made}")
    typer.echo(f"  database   {database}")
    typer.echo(f"  processes  {settings.processes} answer requests")
    typer.echo(f"  workers    {settings.workers}, jobs in {settings.executor}")
    for line in _keys(settings, store, url, demo=demo):
        typer.echo(line)


def _keys(settings: Settings, store: Store, url: str, *, demo: bool) -> Iterator[str]:
    """How to get in."""
    from dispatch.service.store import tenants

    with store.admin(write=False) as connection:
        known = [each.tenant for each in tenants.listed(connection)]
    if known and not demo:
        return
    if "demo" in known:
        yield "There is a tenant 'demo' already; parkwatt keys create demo --all makes another key."
    elif demo:
        key = _demo_key(store)
        yield f"The tenant 'demo' has this key, which is shown once:\n\n  {key}\n"
        yield f"Try it: curl -H 'Authorization: Bearer {key}' {url}/api/v1/sites"
    else:
        where = f" --data {settings.data}" + (" --database …" if settings.database else "")
        yield "Nobody can get in yet. In another terminal:"
        yield f"  parkwatt tenants create NAME{where}"
        yield f"  parkwatt keys create NAME --all{where}"


def _demo_key(store: Store) -> str:
    from datetime import UTC, datetime

    from dispatch.service.http.scopes import SCOPES
    from dispatch.service.store import keys, tenants

    with store.admin() as connection:
        tenants.create(connection, "demo", "Demonstration", datetime.now(UTC))
    with store.write("demo", "parkwatt serve --demo") as tx:
        made, secret = keys.create(tx, "demo", list(SCOPES))
    return f"pw_{made.id}_{secret}"


def _version() -> str:
    try:
        return version("parkwatt")
    except PackageNotFoundError:  # run from a checkout
        return "from a checkout"
