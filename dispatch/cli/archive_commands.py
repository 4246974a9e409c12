"""``parkwatt archive …``: what can be typed to fill an archive and to look into it; nothing heavy is imported early."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Keep measurements and forecasts with the time each value became known; see what is kept.",
)


@app.command("import")
def import_files(
    mapping: Annotated[Path, typer.Argument(help="YAML file that says what the files' columns are.")],
    into: Annotated[Path | None, typer.Option(help="Folder of the archive; made where there is none.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what would come in, or what is wrong.")] = False,
) -> None:
    """Read CSV and Parquet files into an archive: all of them, or none and everything that is wrong with them.

    Rows that are there already are not added again; restated values are kept beside the old ones, for their time.
    'parkwatt archive example' prints a mapping file to start from, 'parkwatt archive schema' describes it.
    """
    from dispatch.cli.archiving import run_import

    run_import(mapping, into, check=check)


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(help="Folder of the archive.")],
    as_of: Annotated[
        str | None, typer.Option(help="Only what was known then, such as 2016-08-01T10:00Z. Default: everything.")
    ] = None,
    site: Annotated[list[str] | None, typer.Option(help="Only this site; may be repeated.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the same as JSON.")] = None,
) -> None:
    """Say what an archive holds: sites, variables, from when to when, steps, gaps, restated values and runs."""
    from dispatch.cli.archiving import run_show

    run_show(folder, as_of, tuple(site or ()), json_file)


@app.command()
def example() -> None:
    """Print a commented mapping file to start from: parkwatt archive example > mapping.yaml."""
    from forecasting.importing.mapping import EXAMPLE

    typer.echo(EXAMPLE, nl=False)


@app.command()
def schema() -> None:
    """Print the JSON schema of a mapping file, for editors that complete and check YAML."""
    from forecasting.importing.mapping import schema as mapping_schema

    typer.echo(json.dumps(mapping_schema(), indent=2, ensure_ascii=False))
