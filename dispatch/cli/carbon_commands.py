"""Commands on what is public knowledge of carbon: rules and factors, the price of allowances."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("carbon-price")(carbon_price)
    app.command()(rules)


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
