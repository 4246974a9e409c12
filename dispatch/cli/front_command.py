"""``parkwatt front`` as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    str, typer.Argument(help="A park's YAML file, a folder with a park.yaml, or the name of one that ships (yizhuang).")
]


def front(
    config: Config,
    points: Annotated[int, typer.Option(help="How many points, the cheapest and the cleanest plan among them.")] = 15,
    into: Annotated[
        Path | None, typer.Option("--into", "--out", help="Folder for the results. Default: plans/PARK-DAY-front.")
    ] = None,
    choose: Annotated[
        float | None, typer.Option(help="Mark the cheapest plan that emits at most so many tonnes.")
    ] = None,
    price: Annotated[
        float | None,
        typer.Option(help="Mark the best plan at this price of a tonne. Default: the park's own carbon price."),
    ] = None,
    month: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="EMITTED CAP",
            help="What the month has emitted before this plan and its cap [t]: the probability of missing the cap is "
            "shown for each point.",
        ),
    ] = None,
    day: Annotated[str | None, typer.Option(help="Day, YYYY-MM-DD. Default: as for plan.")] = None,
    weather: Annotated[str | None, typer.Option(help="As for plan.")] = None,
    scenarios: Annotated[int | None, typer.Option(min=0, max=200, help="As for plan.")] = None,
    network: Annotated[
        bool, typer.Option(help="Prove the plan on the park's network first; its limits then hold for every point.")
    ] = True,
) -> None:
    """What each tonne of CO2 less would cost: plans from the cheapest to the cleanest, each the least cost for its CO2.

    Writes front.parquet, front.csv, front.json and front.html.
    """
    from dispatch.cli.front import Request, run
    from dispatch.cli.planning import Request as Planning

    run(Request(Planning(config, day, weather, into, scenarios, network, None), points, choose, price, month))
