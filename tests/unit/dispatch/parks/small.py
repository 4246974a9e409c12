"""A shipped park planned on what came, without the forecasts: what its operator asks of it can be checked by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

from dispatch.asset import Inputs, Mode
from dispatch.config.park import CONFIGS, load_site
from dispatch.planning.outlook import known_inputs
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.sources import gather


def known(site: Site) -> Inputs:
    """The site's own day as it came."""
    assert site.embedded is not None
    day, planning = date.fromisoformat(site.embedded.day), site.planning
    horizon = Horizon.local_day(day, site.time_zone, planning.step_minutes, planning.days, [])
    sources = gather(site, horizon, CONFIGS / "parks", with_network=False)
    needs: dict[str, Any] = {asset.name: need for asset in site.assets for need in asset.needs}
    return known_inputs(site, horizon, needs, dict(sources.actual))


def planned_day(site: Site) -> Schedule:
    """The plan of that day."""
    return solve(Problem(site, known(site), Mode("exact")))


def shipped(name: str) -> Site:
    """A park by name."""
    return load_site(name)
