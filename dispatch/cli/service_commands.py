"""``parkwatt serve`` and what belongs to it: workers, tenants, keys, the API's document; nothing heavy comes early."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Database = Annotated[
    str | None,
    typer.Option(help="sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME. Default: SQLite in the data folder."),
]
Data = Annotated[Path | None, typer.Option(help="Folder of series and files. Default: parkwatt-data.")]

tenants = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Who uses the service; needs no server.")
keys = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="API keys of tenants; needs no server.")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(serve)
    app.command()(worker)
    app.command()(openapi)
    app.add_typer(tenants, name="tenants")
    app.add_typer(keys, name="keys")


def serve(
    database: Database = None,
    data: Data = None,
    host: Annotated[str | None, typer.Option(help="Address to listen at. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0: a free one. Default: 8000.")] = None,
    workers: Annotated[int | None, typer.Option(min=0, help="Processes that do jobs. Default: 1.")] = None,
    executor: Annotated[str | None, typer.Option(help="Where jobs run: processes or ray. Default: processes.")] = None,
    flexmeasures: Annotated[bool | None, typer.Option(help="Serve what flexmeasures-client drives.")] = None,
    openadr: Annotated[bool | None, typer.Option(help="Serve OpenADR 3.1.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error. Default: info.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Make a tenant 'demo' with a key, where there is none.")] = False,
) -> None:
    """Serve the HTTP API; with the first start comes its database.

    Each setting may stand in the environment instead, as PARKWATT_ and its name in capitals. Ctrl-C and SIGTERM let
    open requests and jobs in hand end first.
    """
    from dispatch.cli.serving import run_server

    flags = {
        "database": database, "data": data, "host": host, "port": port, "workers": workers, "executor": executor,
        "flexmeasures": flexmeasures, "openadr": openadr, "log_level": log_level,
    }  # fmt: skip
    run_server(flags, demo=demo)


def worker(
    database: Database = None,
    data: Data = None,
    executor: Annotated[str | None, typer.Option(help="Where jobs run: processes or ray. Default: processes.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error. Default: info.")] = None,
) -> None:
    """Do jobs from the service's database, beside those workers that the server starts by itself."""
    from dispatch.cli.serving import run_worker

    run_worker({"database": database, "data": data, "executor": executor, "log_level": log_level})


def openapi(
    out: Annotated[Path | None, typer.Option(help="File to write. Default: standard output.")] = None,
) -> None:
    """Write the OpenAPI document of the service, which clients are generated from."""
    from dispatch.cli.serving import write_document

    write_document(out)


@tenants.command("create")
def create_tenant(
    name: Annotated[str, typer.Argument(help="Small letters, digits, - and _.")],
    title: Annotated[str, typer.Option(help="What people call it. Default: the name.")] = "",
    database: Database = None,
    data: Data = None,
) -> None:
    """Add a tenant: a party whose sites and plans no other party sees."""
    from dispatch.cli.tenancy import Where, create_tenant

    create_tenant(Where(database, data), name, title)


@tenants.command("list")
def list_tenants(database: Database = None, data: Data = None) -> None:
    """List tenants."""
    from dispatch.cli.tenancy import Where, list_tenants

    list_tenants(Where(database, data))


@tenants.command("close")
def close_tenant(
    name: Annotated[str, typer.Argument(help="Whose keys are to open nothing any more.")],
    database: Database = None,
    data: Data = None,
) -> None:
    """Close a tenant: its keys and tokens open nothing from now on; what it has stays. There is no way back."""
    from dispatch.cli.tenancy import Where, close_tenant

    close_tenant(Where(database, data), name)


@keys.command("create")
def create_key(
    tenant: Annotated[str, typer.Argument(help="Whose.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "made by parkwatt keys create",
    scope: Annotated[list[str] | None, typer.Option(help="What it may do, such as plans:write.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="It may do everything in the tenant.")] = False,
    expires_days: Annotated[
        float | None, typer.Option(min=0.01, max=36_500, help="After so many days it opens nothing.")
    ] = None,
    database: Database = None,
    data: Data = None,
) -> None:
    """Make a key and print it: the only time that anybody sees it. The service keeps a hash."""
    from dispatch.cli.tenancy import Where, create_key

    create_key(Where(database, data), tenant, name, tuple(scope or ()), everything=everything, days=expires_days)


@keys.command("list")
def list_keys(
    tenant: Annotated[str, typer.Argument(help="Whose.")], database: Database = None, data: Data = None
) -> None:
    """List a tenant's keys, without their secrets."""
    from dispatch.cli.tenancy import Where, list_keys

    list_keys(Where(database, data), tenant)


@keys.command("rotate")
def rotate_key(
    key: Annotated[str, typer.Argument(help="The key's id: key_ and 26 characters.")],
    overlap_minutes: Annotated[
        float, typer.Option(min=0, max=525_600, help="How long the old key opens beside the new one.")
    ] = 60,
    database: Database = None,
    data: Data = None,
) -> None:
    """Make a key in place of another one, and print it."""
    from dispatch.cli.tenancy import Where, rotate_key

    rotate_key(Where(database, data), key, overlap_minutes)


@keys.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="The key's id: key_ and 26 characters.")],
    database: Database = None,
    data: Data = None,
) -> None:
    """Let a key open nothing from now on, nor any access token that was given for it."""
    from dispatch.cli.tenancy import Where, revoke_key

    revoke_key(Where(database, data), key)
