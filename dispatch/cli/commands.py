"""What can be typed: plan, explain, replay, hosting, absorb, validate and more; nothing heavy is imported early."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from dispatch.cli import (
    archive_commands,
    bill_command,
    carbon_commands,
    catalogue_commands,
    fleet_commands,
    front_command,
    service_commands,
    store_commands,
)
from dispatch.cli.options import After, Config, Deadline, Models, Weather, WeatherUrl
from dispatch.errors import ConfigError, ParkwattError

app = typer.Typer(
    name="parkwatt",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Plan wind, PV, storage, units and flexible plant of an industrial park; prove the plan on the grid.

    [bold]First steps[/bold]

    parkwatt plan yizhuang: a day of the park that ships

    parkwatt init my_park: write a park of your own to start from

    parkwatt validate my_park: say what is wrong with it

    parkwatt plan my_park --weather open-meteo: plan tomorrow
    """,
)

app.add_typer(archive_commands.app, name="archive")
app.add_typer(fleet_commands.app, name="fleet")
app.command()(front_command.front)
app.command()(bill_command.bill)
carbon_commands.register(app)
service_commands.register(app)
app.add_typer(store_commands.app, name="store")

_INTERRUPTED = 130  # what shells expect of a program that Ctrl-C ended


@app.command()
def plan(  # noqa: PLR0913 - its options
    config: Config,
    day: Annotated[
        str | None,
        typer.Option(help="Day to plan, YYYY-MM-DD. Default: the park's embedded day, else tomorrow."),
    ] = None,
    weather: Weather = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results. Default: plans/PARK-DAY.")] = None,
    scenarios: Annotated[
        int | None, typer.Option(min=0, max=200, help="Scenarios beside the central forecast.")
    ] = None,
    network: Annotated[bool, typer.Option(help="Prove the plan on the park's network model.")] = True,
    weather_url: WeatherUrl = None,
    models: Models = None,
    after: After = None,
    solver_log: Annotated[
        Path | None, typer.Option(help="File for the solver's own log; takes a second solve.")
    ] = None,
    deadline: Deadline = None,
    front: Annotated[
        bool, typer.Option("--front", help="Add to the report what each tonne of CO2 less costs.")
    ] = False,
) -> None:
    """Plan one day: forecast, schedule, AC proof, report.

    Writes schedule.parquet, forecast.parquet, carbon.parquet, report.html, certificate.json, state.json and
    timings.json.
    """
    from dispatch.cli.planning import Request, run

    run(Request(config, day, weather, out, scenarios, network, weather_url, deadline, solver_log, front, models, after))


@app.command()
def fetch(
    config: Config,
    into: Annotated[
        Path | None, typer.Option(help="Folder of the archive; made where there is none. Default: the park's archive.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="First local day, YYYY-MM-DD. Default: a week ago; earlier weather runs too.")
    ] = None,
    ahead_days: Annotated[int, typer.Option(min=1, max=16, help="Days ahead.")] = 4,
    only: Annotated[
        str | None, typer.Option(help="Some of weather,prices,carbon_intensity. Default: all that the park names.")
    ] = None,
) -> None:
    """Ask the services that the park's file names under 'feeds', and keep what they say with its times in an archive.

    To be run as often as there is news. What is there already is not added again; a service that does not answer
    does not keep the others from being asked.
    """
    from dispatch.cli.feeding import Request, run

    run(Request(config, into, since, ahead_days, only))


@app.command()
def explain(  # noqa: PLR0913 - its options
    config: Config,
    day: Annotated[str | None, typer.Option(help="Day to explain, YYYY-MM-DD. Default: as for plan.")] = None,
    at: Annotated[str | None, typer.Option(help="Hour on the local clock, such as 18:00.")] = None,
    asset: Annotated[str | None, typer.Option(help="Only this asset.")] = None,
    wanted: Annotated[
        list[str] | None,
        typer.Option("--set", help="What the asset should do at that hour instead, such as charge_kw=200."),
    ] = None,
    weather: Weather = None,
    scenarios: Annotated[
        int | None, typer.Option(min=0, max=200, help="Scenarios beside the central forecast.")
    ] = None,
    network: Annotated[bool, typer.Option(help="Prove the plan on the park's network model first.")] = True,
    models: Models = None,
    after: After = None,
    deadline: Deadline = None,
) -> None:
    """Say why the plan is as it is: prices, limits that bind, what another decision costs, and what is left undone.

    Without --at for the whole day; with it for that hour, and with --asset and --set for one decision in it.
    """
    from dispatch.cli.explaining import Question, run
    from dispatch.cli.planning import Request

    request = Request(config, day, weather, None, scenarios, network, None, deadline, models=models, after=after)
    run(request, Question(at, asset, tuple(wanted or ())))


@app.command()
def export(
    config: Config,
    out: Annotated[Path, typer.Option(help="File to write; its name ends in the format.")],
    form: Annotated[str, typer.Option("--format", help="mps or lp.")] = "mps",
    day: Annotated[str | None, typer.Option(help="Day, YYYY-MM-DD. Default: as for plan.")] = None,
    scenarios: Annotated[
        int | None, typer.Option(min=0, max=200, help="Scenarios beside the central forecast.")
    ] = None,
    solver_log: Annotated[Path | None, typer.Option(help="File for the solver's own log; solves it.")] = None,
) -> None:
    """Write a day's optimisation problem for other solvers, its rows and columns named after asset, series and time."""
    from dispatch.cli.explaining import write_problem
    from dispatch.cli.planning import Request

    write_problem(Request(config, day, None, None, scenarios, False, None, None, solver_log), form, out)


@app.command()
def replay(
    config: Config,
    first: Annotated[str, typer.Option("--from", help="First local day, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last local day, included.")],
    every: Annotated[
        str | None,
        typer.Option(help="Time between plans of the rolling methods: 15min, 1h, 24h. Default: the park's step."),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(help="Some of rule_based,day_ahead,rolling,rolling_kept,rolling_scenarios,perfect. Default: all."),
    ] = None,
    executor: Annotated[str, typer.Option(help="Where it runs: serial, processes or ray.")] = "processes",
    workers: Annotated[int | None, typer.Option(min=1, help="How many at a time. Default: the cores.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results. Default: replays/PARK-FROM-TO.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the days that are done.")] = False,
) -> None:
    """Run past days again, planning at every step with what was known then, and set the methods side by side.

    planning.rolling in the park's file says how far a plan looks and when a published one changes.
    Writes steps.parquet, days.parquet, replay.json, replay.html and timings.json. Ends with 1 where the audit of a
    path fails; the terminal and the page say what it found.
    """
    from dispatch.cli.replaying import Request, run

    if not run(Request(config, first, last, every, methods, executor, workers, out, resume)):
        raise typer.Exit(1)


@app.command()
def hosting(
    config: Config,
    add: Annotated[
        list[str] | None, typer.Option(help="wind, pv, ev or storage; may be repeated. Default: all four.")
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(help="Network bus to look at; may be repeated. Default: all on the park's voltage level."),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="So many, drawn evenly from the span. Default: 12.")] = None,
    year: Annotated[bool, typer.Option("--year", help="Look at every day of the span instead.")] = False,
    first: Annotated[str | None, typer.Option("--from", help="First local day. Default: the embedded year.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last local day, included.")] = None,
    own: Annotated[
        str, typer.Option(help="What the park itself does: planned (holding the network's limits), rules or none.")
    ] = "planned",
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the summary alone.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results. Default: studies/PARK-hosting.")] = None,
) -> None:
    """Say how much more wind, PV, charging or storage the park's network can take, and where.

    Each bus alone, and all together; every step of the days looked at is checked by AC power flow.
    Writes hosting.parquet, hosting.json and hosting.html.
    """
    from dispatch.cli.hosting import Request, run
    from dispatch.cli.studies import Span

    run(Request(config, tuple(add or ()), tuple(at or ()), Span(first, last), days, year, own, json_file, out))


@app.command()
def absorb(
    config: Config,
    first: Annotated[str | None, typer.Option("--from", help="First local day. Default: the embedded year.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last local day, included.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Only so many days, drawn evenly. Default: all.")] = None,
    step: Annotated[str | None, typer.Option(help="Length of a step: 15min, 1h. Default: the park's.")] = None,
    network: Annotated[bool, typer.Option(help="Hold the limits of the park's network.")] = True,
    executor: Annotated[str, typer.Option(help="Where the variants run: serial, processes or ray.")] = "serial",
    workers: Annotated[int | None, typer.Option(min=1, help="How many at a time. Default: the cores.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results. Default: studies/PARK-absorption.")] = None,
) -> None:
    """Say how much of wind and PV is used over a year, how much is lost, and to what: network, export limit, balance.

    Every day is planned on what was measured. Writes steps.parquet, months.parquet, absorption.json, absorption.html.
    """
    from dispatch.cli.absorbing import Request, run
    from dispatch.cli.studies import Span, minutes

    run(Request(config, Span(first, last, minutes(step)), days, network, executor, workers, out))


@app.command()
def forecast(
    config: Config,
    day: Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD. Default: as for plan.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=14, help="How many. Default: as for plan.")] = None,
    weather: Weather = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results. Default: forecasts/PARK-DAY.")] = None,
    scenarios: Annotated[int | None, typer.Option(min=1, max=200, help="Joint scenarios.")] = None,
    models: Models = None,
    weather_url: WeatherUrl = None,
) -> None:
    """Forecast what the park will need and give, without a plan: quantiles, joint scenarios, a page with fans.

    Writes forecast.parquet and scenarios.parquet, which any scheduler can read, and forecast.html.
    """
    from dispatch.cli.forecasts import run
    from dispatch.cli.planning import Request

    run(Request(config, day, weather, out, scenarios, False, weather_url, models=models), days)


@app.command()
def cleaning(
    config: Config,
    cost: Annotated[float, typer.Option(min=0, help="Of cleaning, in the park's currency per kW of peak power.")],
    price: Annotated[
        float | None, typer.Option(help="What a kWh is worth. Default: the mean price of imports on the day.")
    ] = None,
    day: Annotated[str | None, typer.Option(help="The day, YYYY-MM-DD. Default: as for plan.")] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="How long a cleaning may take to pay back.")] = 90,
    weather: Annotated[str | None, typer.Option(help="Where weather comes from. Default: the park's archive.")] = None,
    weather_url: WeatherUrl = None,
) -> None:
    """Say how dirty photovoltaic plants are, from their power between rains, and whether cleaning them pays."""
    from dispatch.cli.cleaning import Terms, run
    from dispatch.cli.planning import Request

    run(Request(config, day, weather, None, None, False, weather_url), Terms(cost, price, days))


@app.command()
def backtest(
    config: Annotated[str, typer.Argument(help="A park as for plan, or a backtest's YAML file with a key 'park'.")],
    first: Annotated[str | None, typer.Option("--from", help="First local day that is forecast.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last one.")] = None,
    on_drift: Annotated[
        bool | None,
        typer.Option(
            "--retrain-on-drift/--no-retrain-on-drift",
            help="Learn at once where a model has drifted, beside the schedule. Default: as the file says, else not.",
        ),
    ] = None,
    executor: Annotated[str, typer.Option(help="Where it runs: serial, processes or ray.")] = "processes",
    workers: Annotated[int | None, typer.Option(min=1, help="How many at a time. Default: the cores.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results. Default: backtests/PARK-FROM-TO.")] = None,
) -> None:
    """Forecast past days again from what was known then, and score it against what came, climatology and persistence.

    What is done is kept; the same command goes on from it. Writes results.parquet, scores.json and backtest.html.
    """
    from dispatch.cli.backtests import Request, run

    run(Request(config, first, last, on_drift, executor, workers, out))


@app.command()
def validate(config: Config) -> None:
    """Check a park's file and say everything that is wrong with it, each with its place and what would be accepted.

    The files that it names are looked into as well. Values that look like another unit get a warning.
    """
    from dispatch.assets.cable import loop_warning
    from dispatch.config.data_files import require_files
    from dispatch.config.divided import division_warning
    from dispatch.config.park import load_site

    site = load_site(config)
    for doubt in require_files(site, config):
        typer.echo(f"{config}: warning: {doubt}", err=True)
    for warning in (loop_warning(site.assets, site.grid is not None), division_warning(site)):
        if warning is not None:
            typer.echo(f"{config}: warning: {warning}", err=True)
    kinds = sorted({asset.kind for asset in site.assets})
    assets, buses = _count(len(site.assets), "asset", "assets"), _count(len(site.buses), "bus", "buses")
    typer.echo(f"{config}: valid. {site.name}: {assets} ({', '.join(kinds)}) on {buses}.")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to write the park into; it must not hold a park yet.")] = Path(
        "my_park"
    ),
) -> None:
    """Write a commented starter park with example data, ready to be planned and to be made your own."""
    from dispatch.cli.starter import write_starter

    files = write_starter(folder)
    typer.echo(f"Wrote {' and '.join(map(str, files))}.\nNext: parkwatt validate {folder}, then parkwatt plan {folder}")


catalogue_commands.register(app)


def main() -> None:
    """Entry point: a user's mistake ends with a message and status 2, Ctrl-C with 130, neither with a stack trace."""
    try:
        app()
    except ConfigError as error:
        _stop(str(error), 2)
    except ParkwattError as error:
        _stop(f"parkwatt: {error}", 2)
    except OSError as error:
        if error.filename is None:
            raise
        _stop(f"parkwatt: {error.filename}: {error.strerror}", 2)
    except KeyboardInterrupt:
        _stop("parkwatt: stopped", _INTERRUPTED)
    except SystemExit as leaving:
        if leaving.code == _INTERRUPTED:
            _stop("parkwatt: stopped", _INTERRUPTED)
        raise


def _stop(message: str, status: int) -> NoReturn:
    typer.echo(message, err=True)
    sys.exit(status)
