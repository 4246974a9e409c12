"""``parkwatt fleet``: commands on many sites at once; nothing heavy is imported early."""

from __future__ import annotations

import typer

from dispatch.cli import fleet_flex_commands, fleet_import, fleet_market_commands, fleet_plan

app = typer.Typer(no_args_is_help=True, help="Plan thousands of sites: apart, or under what they share.")


@app.callback()
def fleet() -> None:
    """Plan thousands of sites: apart, or under what they share."""


fleet_plan.register(app)
fleet_import.register(app)
fleet_flex_commands.register(app)
fleet_market_commands.register(app)
