"""``parkwatt fleet bid | award | baseline | settle`` as they are typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Zone = Annotated[str | None, typer.Option("--time-zone", help="Of times without an offset. Default: the product's.")]
Into = Annotated[Path | None, typer.Option("--into", "--out", help="Folder for the results.")]
Products = Annotated[Path | None, typer.Option(help="A YAML file with products of your own. Default: those that ship.")]
Holidays = Annotated[list[str] | None, typer.Option("--holiday", help="A day off, YYYY-MM-DD; may be repeated.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", help="SITE=COLUMN for a meter that is called otherwise; may be repeated."),
]
Temperature = Annotated[
    str | None, typer.Option(help="FILE:COLUMN with temperatures in °C over the metered days, for weather_regression.")
]
Control = Annotated[Path | None, typer.Option(help="Meters of a control group over the same days, for control_group.")]

HeldOtherwise = Annotated[
    bool,
    typer.Option("--held-otherwise", help="Of capacity: your own control keeps it ready, as no plan made here does."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``parkwatt fleet``."""
    app.command()(products)
    app.command()(bid)
    app.command()(award)
    app.command()(baseline)
    app.command()(settle)


def products(
    name: Annotated[str | None, typer.Argument(help="One product, with all that is known of it.")] = None,
    at: Annotated[str | None, typer.Option(help="Show the gate that closes next after this time.")] = None,
) -> None:
    """List the markets' products that ship: gates, least bid, steps, limits of price, source."""
    from dispatch.cli.fleet_bidding import show_products

    show_products(name, at)


def bid(  # noqa: PLR0913 - a command has its options as arguments
    flexibility: Annotated[Path, typer.Argument(help="CSV or Parquet: site, start, way, kw, cost_per_kwh.")],
    product: Annotated[str, typer.Option(help="What to bid for, such as sdac_day_ahead; see 'fleet products'.")],
    day: Annotated[str, typer.Option(help="Delivery day, YYYY-MM-DD.")],
    side: Annotated[str, typer.Option(help="up (less import), down (more import) or both.")] = "both",
    at: Annotated[
        str | None, typer.Option(help="When it is sent: a closed gate is refused. Default: not looked at.")
    ] = None,
    holding: Annotated[float, typer.Option(help="Price of a kW kept ready for an hour, of capacity.")] = 0.0,
    plan: Annotated[
        str | None, typer.Option(help="FILE:COLUMN with the fleet's planned net import in kW: buy and sell around it.")
    ] = None,
    portfolio: Annotated[str, typer.Option(help="Whose bid.")] = "",
    held_otherwise: HeldOtherwise = False,
    products: Products = None,
    into: Into = None,
    time_zone: Zone = None,
) -> None:
    """Make price-quantity curves of what sites can give, within the product's steps and limits.

    Writes bid-SIDE.json and bid.csv.
    """
    from dispatch.cli.fleet_bidding import Request, run_bid

    beside = (holding, portfolio, products, into, time_zone, plan, held_otherwise)
    run_bid(Request(flexibility, product, day, side, at, *beside))


def award(
    awarded: Annotated[Path, typer.Argument(help="JSON, or CSV or Parquet: start, quantity_kw, price.")],
    bid: Annotated[Path, typer.Option(help="The bid that won it, as written by 'fleet bid'.")],
    flexibility: Annotated[Path, typer.Option(help="What the bid was made of.")],
    stores: Annotated[
        Path | None,
        typer.Option(
            help="Sites as stores: site, charge_kw, discharge_kw, energy_kwh, start_kwh, and if you like least_kwh, "
            "end_least_kwh, charge_efficiency, discharge_efficiency. The award is then shared so that each can do it."
        ),
    ] = None,
    held_otherwise: HeldOtherwise = False,
    products: Products = None,
    into: Into = None,
    time_zone: Zone = None,
) -> None:
    """Hold an award against its bid and share it out among the sites.

    Writes award.json, setpoints.parquet and setpoints.csv: what each site is to give in each step.
    """
    from dispatch.cli.fleet_bidding import run_award

    run_award(awarded, bid, flexibility, stores, products, into, time_zone, held_otherwise)


def baseline(  # noqa: PLR0913 - a command has its options as arguments
    metered: Annotated[Path, typer.Argument(help="CSV or Parquet: times, then SITE.net_import_kw or the like.")],
    time_zone: Annotated[str, typer.Option(help="The local clock of days and events.")],
    method: Annotated[list[str] | None, typer.Option(help="May be repeated. Default: all that the data allow.")] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(help="'START END', such as '2026-01-15T17:00 2026-01-15T19:00'; may be repeated."),
    ] = None,
    bias: Annotated[bool, typer.Option("--bias", help="How far the methods are off on days without an event.")] = False,
    hours: Annotated[str, typer.Option(help="Hours of the placebo events, with --bias.")] = "17-19",
    holidays: Holidays = None,
    columns: Columns = None,
    temperature: Temperature = None,
    control: Control = None,
    into: Into = None,
) -> None:
    """Say what meters would have shown without an event, by standard methods, and how far these are off on the data.

    Writes baseline.csv of the events, and bias.csv by method and time of day.
    """
    from dispatch.cli.fleet_settling import Meters, run_baseline

    meters = Meters(metered, time_zone, tuple(holidays or ()), tuple(columns or ()), temperature, control)
    run_baseline(meters, tuple(method or ()), tuple(event or ()), hours if bias or not event else None, into)


def settle(  # noqa: PLR0913 - a command has its options as arguments
    awards: Annotated[list[Path], typer.Argument(help="Awards as JSON, one for each day.")],
    metered: Annotated[Path, typer.Option(help="CSV or Parquet: times, then SITE.net_import_kw or the like.")],
    baseline: Annotated[str, typer.Option(help="A method, such as ten_of_ten; or a table like the meters'.")],
    setpoints: Annotated[list[Path] | None, typer.Option(help="As written by 'fleet award'; may be repeated.")] = None,
    imbalance: Annotated[
        str | None,
        typer.Option(help="FILE:COLUMN with the imbalance price per kWh, or FILE:SURPLUS,SHORTAGE with both."),
    ] = None,
    availability: Annotated[
        str | None, typer.Option(help="FILE:COLUMN with the share of capacity that was ready.")
    ] = None,
    activated: Annotated[str | None, typer.Option(help="FILE:COLUMN with the activated capacity in kW.")] = None,
    by: Annotated[str, typer.Option(help="Split among sites: delivered, marginal or shapley.")] = "delivered",
    provisional: Annotated[
        bool, typer.Option("--provisional", help="Where readings are missing, settle what is known, and name the rest.")
    ] = False,
    products: Products = None,
    holidays: Holidays = None,
    columns: Columns = None,
    temperature: Temperature = None,
    control: Control = None,
    into: Into = None,
    time_zone: Zone = None,
) -> None:
    """Check deliveries against baseline and award, settle them in money, and share the revenue out among the sites.

    Writes invoice, deliveries and split (Parquet and CSV), settlement.json and settlement.html.
    """
    from dispatch.cli.fleet_settling import Meters, Settle, run_settle

    meters = Meters(metered, time_zone or "", tuple(holidays or ()), tuple(columns or ()), temperature, control)
    beside = (imbalance, availability, activated)
    run_settle(
        Settle(tuple(awards), meters, baseline, tuple(setpoints or ()), beside, by, products, into, not provisional)
    )
