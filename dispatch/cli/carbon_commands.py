"""Commands on what is public knowledge of carbon: rules and factors, the price of allowances."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("carbon-price")(carbon_price)
    app.command()(rules)
    app.command()(carbon)


def carbon_price(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet with a price a day; days without trade may lack.")],
    column: Annotated[str, typer.Option(help="Its column of prices.")],
    days: Annotated[int, typer.Option(min=1, max=28, help="How many days ahead.")] = 7,
    time_zone: Annotated[str, typer.Option(help="Of the file's dates, an IANA name.")] = "Asia/Shanghai",
) -> None:
    """Forecast the price of allowances a week ahead, with the error of forecasting it before."""
    from dispatch.cli.carbon_prices import run

    run(file, column, days, time_zone)


def rules(
    on: Annotated[str | None, typer.Option(help="Only those for this day, YYYY-MM-DD. Default: all there are.")] = None,
    pack: Annotated[str, typer.Option(help="Whose rules; each country has a pack.")] = "cn",
) -> None:
    """List the rules, prices and grid factors that ship, each with its source and the days it is for."""
    from dispatch.cli.rules import show

    show(on, pack)


def carbon(  # noqa: PLR0913 - a command has its options as arguments
    config: Annotated[str, typer.Argument(help="A park's YAML file, a folder with a park.yaml, or a shipped name.")],
    first: Annotated[str | None, typer.Option("--from", help="First local day, YYYY-MM-DD.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last local day, included.")] = None,
    measured: Annotated[
        str, typer.Option(help="CSV or Parquet with a column for each meter, such as pcc.import_kw; or archive.")
    ] = "archive",
    into: Annotated[Path | None, typer.Option(help="Folder for the results. Default: accounts/PARK-FROM-TO.")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Only what the archive knew then, such as 2025-02-01T00:00Z. Default: all.")
    ] = None,
    step: Annotated[str | None, typer.Option(help="Length of a step: 15min, 1h. Default: the park's.")] = None,
    tolerance: Annotated[
        str, typer.Option(help="How far the meters of a bus may differ: '2 %' of its highest throughput, or '50 kW'.")
    ] = "1 %",
    factors: Annotated[
        str, typer.Option(help="The grid's intensity: file (what the park's file says) or fetched (from the archive).")
    ] = "file",
    by: Annotated[str, typer.Option(help="Rows of the files: step, hour, day, month, year or all.")] = "hour",
    form: Annotated[
        list[str] | None, typer.Option("--format", help="parquet, csv or json; may be repeated. Default: all.")
    ] = None,
    batch: Annotated[list[str] | None, typer.Option(help="A window like 2025-03-04T06:00..2025-03-05T18:00.")] = None,
    cn: Annotated[
        list[str] | None, typer.Option(help="CN code of a good for CBAM, such as ammonia=28141000; may be repeated.")
    ] = None,
    time_column: Annotated[str | None, typer.Option(help="Of the file. Default: its first column.")] = None,
    stamp: Annotated[str, typer.Option(help="Does a time of the file mark its step's start or end.")] = "start",
    names: Annotated[bool, typer.Option("--names", help="Only list what the meters' series may be called.")] = False,
) -> None:
    """Account a past period from meters: traced, market-based, location-based and marginal carbon by meter and hour.

    Nothing is optimised. Writes ledgers, certificates and goods as Parquet, CSV and JSON, cbam.json, footprints.json,
    account.json with sources and questions, and account.html.
    """
    from dispatch.cli.carbon_accounting import Request, run

    formats, batches, codes = (tuple(given or ()) for given in (form, batch, cn))
    chosen = (as_of, step, tolerance, factors, by, formats, batches, codes, time_column, stamp, names)
    run(Request(config, first, last, measured, into, *chosen))
