"""A door for programs that speak to FlexMeasures: the routes that flexmeasures-client drives, on this service's store.

``quantities`` numbers, times and units as such a program writes them · ``sources`` what a translation asks of sensors ·
``devices`` a flex-model as plant · ``contexts`` a flex-context as a connection and loads · ``translation`` both as a
site to plan · ``records`` what sensors have measured · ``bodies`` what goes in · ``door`` the app · the rest routes.
What cannot be said in our kinds is refused by its name; see ``docs/flexmeasures.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI


def attach(app: FastAPI) -> None:
    """Hang the door into the service."""
    from dispatch.service.flexmeasures import accounts, assets, door, forecasts, jobs, schedules, sensors, values

    modules = (accounts, assets, sensors, values, schedules, forecasts, jobs)
    door.attach(app, [module.routes for module in modules])
