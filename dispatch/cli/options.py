"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    str, typer.Argument(help="A park's YAML file, a folder with a park.yaml, or the name of one that ships (yizhuang).")
]

Weather = Annotated[
    str | None,
    typer.Option(
        help="Where weather comes from, in order, such as open-meteo,previous-runs,tmy:year.epw; or none. "
        "Default: the park's feeds."
    ),
]

WeatherUrl = Annotated[
    str | None, typer.Option(help="Address of an own weather server that speaks Open-Meteo's format.")
]

Models = Annotated[
    Path | None, typer.Option(help="Folder of kept models: one is used until it is 30 days old or has drifted.")
]

After = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the plan before, or a file like its state.json: contents, hours on and off, the month's peak "
        "go on from there. Default: the park's file says them."
    ),
]

Deadline = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        max=86_400,
        help="Seconds of scheduling after which a plan that passes the audit must be there. Default: no clock.",
    ),
]
