"""What stands on the network: the park's net powers by network bus, and the other customers'."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    from grid_models.injections import Injections
    from grid_models.network import Network


def neighbours(site: Site, network: Network, horizon: Horizon) -> Injections | None:
    """The other customers at the park's standard time, in which their profiles of 2016 are written."""
    import pandas as pd

    if site.grid is None or not site.grid.neighbours:
        return None
    return network.background(pd.DatetimeIndex([standard_clock(t) for t in horizon.local_start]), horizon.hours)


def standard_clock(start: datetime) -> datetime:
    """The clock without daylight saving, so that a profile's noon is the sun's on every day."""
    # The lesser of the winter and summer offsets: tzinfo.dst() is negative in some zones (Europe/Dublin).
    seasons = [datetime(start.year, month, 1, tzinfo=start.tzinfo).utcoffset() or timedelta(0) for month in (1, 7)]
    return start.astimezone(UTC).replace(tzinfo=None) + min(seasons)


def injections(site: Site, schedule: Schedule, path: np.ndarray | None = None) -> Injections:
    """Net power of the site's assets by network bus, active and reactive; without what Q(V) adds.

    Args:
        path: (T,) the scenario of each step; default: the published path.
    """
    from grid_models.injections import Injections

    assert site.grid is not None
    buses, nodes = tuple(site.grid.bus_of), tuple(dict.fromkeys(site.grid.bus_of.values()))
    # Site buses that stand on one network bus add up.
    onto = np.array([[float(site.grid.bus_of[bus] == node) for bus in buses] for node in nodes])
    path = np.zeros(schedule.inputs.horizon.steps, int) if path is None else path
    p_kw, q_kvar = np.zeros((2, len(buses), path.size))
    for scenario in np.unique(path):
        here = path == scenario
        p_kw[:, here] = schedule.injection_kw(buses, int(scenario))[:, here]
        q_kvar[:, here] = schedule.injection_kvar(buses, int(scenario))[:, here]
    return Injections(nodes, onto @ p_kw, onto @ q_kvar)


def every_scenario(site: Site, schedule: Schedule) -> Injections:
    """The same of all scenarios, one after the other along the steps."""
    from grid_models.injections import Injections

    steps = schedule.inputs.horizon.steps
    made = [injections(site, schedule, np.full(steps, s)) for s in range(schedule.scenarios)]
    return Injections(made[0].bus, np.hstack([m.p_kw for m in made]), np.hstack([m.q_kvar for m in made]))
