"""``parkwatt bill`` as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bill(  # noqa: PLR0913 - a command has its options as arguments
    config: Annotated[str, typer.Argument(help="A park or a tariff: a YAML file, or the name of one that ships.")],
    meter: Annotated[Path, typer.Option(help="CSV or Parquet file of the meter, without gaps.")],
    against: Annotated[
        list[str] | None, typer.Option(help="Another park or tariff to compare with; may be given several times.")
    ] = None,
    column: Annotated[
        str, typer.Option(help="What was bought; without an export column, what is below zero was sold.")
    ] = "import_kw",
    export_column: Annotated[
        str | None, typer.Option(help="What was sold. Default: export_kw, where the file has one.")
    ] = None,
    kvar_column: Annotated[
        str | None, typer.Option(help="Reactive power (kvarh of each step with a unit of energy).")
    ] = None,
    time_column: Annotated[str | None, typer.Option(help="Column of times. Default: the first.")] = None,
    stamp: Annotated[str, typer.Option(help="Does a time mark the start or the end of its step: start or end.")] = (
        "start"
    ),
    unit: Annotated[str, typer.Option(help="W, kW or MW; kWh or MWh of each step.")] = "kW",
    time_zone: Annotated[
        str | None, typer.Option(help="Such as Europe/Berlin. Default: the park's; a tariff by itself needs it.")
    ] = None,
    kva: Annotated[float | None, typer.Option(min=0, max=1e9, help="Contracted. Default: the connection's.")] = None,
    power_factor: Annotated[
        float | None, typer.Option(min=0, max=1, help="Of all months, where reactive power is not metered.")
    ] = None,
    past_peak: Annotated[
        list[float] | None,
        typer.Option(min=0, max=1e9, help="Peak [kW] of the month before the meter's first, for a ratchet; and again."),
    ] = None,
    connection: Annotated[str | None, typer.Option(help="Which connection, where the park has several.")] = None,
    into: Annotated[Path | None, typer.Option("--json", help="File to write all lines to.")] = None,
) -> None:
    """Bill metered power by month and component, and compare tariffs on it."""
    from dispatch.cli.billing import Request, run

    names = {"column": column, "export_column": export_column, "kvar_column": kvar_column, "time_column": time_column}
    terms = stamp, unit, time_zone, kva, power_factor, tuple(past_peak or ()), connection
    run(Request(config, meter, tuple(against or ()), names, *terms, into))
