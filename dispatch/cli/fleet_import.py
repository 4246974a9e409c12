"""``parkwatt fleet import`` and ``mapping``: what can be typed to take in a list of stations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to those of a fleet."""
    app.command("import")(import_stations)
    app.command()(mapping)


def import_stations(
    stations: Annotated[Path, typer.Argument(help="List of stations: CSV (UTF-8 or GB 18030), .xlsx or Parquet.")],
    mapping: Annotated[Path, typer.Option(help="YAML file that says what the list's columns are.")],
    template: Annotated[
        str | None, typer.Option(help="Park that stations are like; needless where the mapping has parks for all.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Table of sites to write or to bring up to date.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what would come in, or what is wrong.")] = False,
    skip_wrong: Annotated[
        bool, typer.Option("--skip-wrong", help="Take the rows that are right; say which are not.")
    ] = False,
    drop_gone: Annotated[
        bool, typer.Option("--drop-gone", help="Take out sites that the list no longer holds. Default: they stay.")
    ] = False,
    mistakes: Annotated[Path | None, typer.Option(help="CSV file for every mistake with its row and column.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for what came in as JSON.")] = None,
) -> None:
    """Read a list of stations into a table of sites: all rows, or none and everything that is wrong with them.

    Sites that are there already are brought up to date; the same list twice changes nothing.
    'parkwatt fleet mapping' prints a mapping file to start from.
    """
    from dispatch.cli.fleet_importing import Asked, run_import

    files = (out, mistakes, json_file)
    run_import(stations, mapping, template, Asked(*files, check=check, skip_wrong=skip_wrong, drop_gone=drop_gone))


def mapping(
    schema: Annotated[bool, typer.Option("--schema", help="The JSON schema of a mapping file, for editors.")] = False,
) -> None:
    """Print a commented mapping file to start from: parkwatt fleet mapping > mapping.yaml."""
    from dispatch.fleet.importing import mapping as module

    if schema:
        typer.echo(json.dumps(module.schema(), indent=2, ensure_ascii=False))
    else:
        typer.echo(module.EXAMPLE, nl=False)
