"""``parkwatt fleet plan``: what can be typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# As in dispatch.fleet.run, which is not imported for the help's sake.
_CHUNK = 25


def register(app: typer.Typer) -> None:
    """Add the command to those of a fleet."""
    app.command()(plan)


def plan(
    sources: Annotated[
        list[str], typer.Argument(help="Parks' YAML files, a table of sites (sites.parquet), or one fleet's file.")
    ],
    day: Annotated[
        str | None, typer.Option(help="Day to plan, YYYY-MM-DD. Default: the first park's embedded day, else tomorrow.")
    ] = None,
    executor: Annotated[
        str | None,
        typer.Option(help="Where sites are planned: serial, processes or ray. Default: ray from 1000 sites on."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="How many at a time. Default: the cores.")] = None,
    address: Annotated[
        str | None,
        typer.Option(help="A Ray cluster that runs already, HOST:PORT or auto. Default: one of its own."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results; all machines must share it. Default: fleets/NAME-DAY.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    chunk: Annotated[int, typer.Option(min=1, max=1000, help="Sites per task.")] = _CHUNK,
    chunk_deadline: Annotated[
        float | None,
        typer.Option(min=1, max=86_400, help="Seconds after which a task is ended and its sites planned one by one."),
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option(help="Table of what is known: site, asset, quantity, time, value. Default: forecasts."),
    ] = None,
) -> None:
    """Plan each site of a fleet on its own; a site that fails gets its safe plan, and stops no other.

    A fleet's file says what its sites share: they are planned together, with a price of each shared thing.

    What is done is kept in the folder. After any interruption the same command with --resume goes on, and the files
    are the same bytes as if nothing had happened.
    """
    from dispatch.cli.fleet_planning import run
    from dispatch.cli.fleet_request import Request

    run(Request(tuple(sources), day, executor, workers, address, out, resume, chunk, chunk_deadline, inputs))
