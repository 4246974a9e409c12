"""``parkwatt fleet flexibility | disaggregate`` as they are typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Fleet = Annotated[
    list[str],
    typer.Argument(
        help="Parks' files, folders and patterns of them, names of shipped parks, tables of sites; or a fleet's file."
    ),
]
Day = Annotated[str | None, typer.Option(help="Day, YYYY-MM-DD. Default: as for 'parkwatt plan'.")]
Inputs = Annotated[Path | None, typer.Option(help="Table of what is known of the day. Default: it is forecast.")]
Into = Annotated[Path | None, typer.Option("--into", "--out", help="Folder for the results.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``parkwatt fleet``."""
    app.command()(flexibility)
    app.command()(disaggregate)


def flexibility(
    fleet: Fleet,
    day: Day = None,
    inputs: Inputs = None,
    into: Into = None,
    blocks: Annotated[int, typer.Option(min=0, help="Blocks of cost per step and direction; 0: no prices.")] = 6,
    dearest: Annotated[
        float | None,
        typer.Option(help="Highest price per kWh that is still an offer. Default: below shedding."),
    ] = None,
) -> None:
    """Show what sites can do beside their plans: bands of power and energy, and what each kW up or down costs.

    Writes envelope.parquet, flexibility.parquet (which 'parkwatt fleet bid' reads) and flexibility.html.
    """
    from dispatch.cli.fleet_flexing import Asked, run_flexibility

    run_flexibility(Asked(tuple(fleet), day, inputs), into, blocks, dearest)


def disaggregate(
    profile: Annotated[Path, typer.Argument(help="CSV or Parquet: start, kw (net draw of all sites, import above 0).")],
    fleet: Fleet,
    day: Day = None,
    inputs: Inputs = None,
    into: Into = None,
    cheapest: Annotated[bool, typer.Option("--cheapest", help="Split by the sites' own prices, not evenly.")] = False,
) -> None:
    """Share a profile out among sites, each within its own limits; or say why it cannot be, and the nearest.

    Writes sites.parquet and, where all sites are stores, vehicles and loads alone, devices.parquet. Ends with 1 where
    something of the profile is missed.
    """
    from dispatch.cli.fleet_flexing import Asked, run_disaggregate

    if not run_disaggregate(Asked(tuple(fleet), day, inputs), profile, into, cheapest=cheapest):
        raise typer.Exit(1)
