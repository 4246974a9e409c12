"""What a site asks its plans to hold in on its network: the intact one, with branches out, and as an island."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dispatch.fields.grid import Contingency, Grid, Island
from dispatch.fields.inverter import FreeReactive
from dispatch.network.states import State
from dispatch.signals import Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    from grid_models.injections import Injections
    from grid_models.network import Network

SLOTS = 4
_CONTINGENCY_SLOTS = 2
_KEPT_ROUNDS = 4


def slots(site: Site) -> int:
    """How many linear limits a problem of the site must be able to hold in each step."""
    grid = site.grid
    if grid is None:
        return 0
    outages = len(grid.contingencies.branches) if grid.contingencies else 0
    return (1 + kept_rounds(site)) * (SLOTS * (1 + (grid.island is not None)) + _CONTINGENCY_SLOTS * outages)


def kept_rounds(site: Site) -> int:
    """Of how many earlier rounds loading limits stay as they were.

    A current is convex in active and reactive power, and where both may move it has a minimum: a plan under the last
    tangent alone jumps past it from side to side. Old tangents lie below the current everywhere, so they close it in.
    """
    return _KEPT_ROUNDS if any(isinstance(asset.reactive, FreeReactive) for asset in site.assets) else 0


def contradictions(grid: Grid, network: Network) -> Iterator[str]:
    """What the site's file names and the network has not, each with its place, and limits that cannot be held."""
    from grid_models.errors import GridError
    from grid_models.limits import Limits
    from grid_models.taps import taps_of

    outages = grid.contingencies
    named: list[tuple[str, Callable[[], object]]] = [
        *((f"bus_of.{bus}", partial(network.bus_index, [node])) for bus, node in grid.bus_of.items()),
        *(
            (f"tap_changers[{k}].transformer", partial(taps_of, network, (band.transformer,)))
            for k, band in enumerate(grid.tap_changers)
        ),
        *(
            (f"contingencies.branches[{k}]", partial(network.branch_index, [branch]))
            for k, branch in enumerate(outages.branches if outages else ())
        ),
        *(
            (f"island.open_branches[{k}]", partial(network.branch_index, [branch]))
            for k, branch in enumerate(grid.island.open_branches if grid.island else ())
        ),
        ("voltage_min_pu, voltage_max_pu", partial(Limits.of, network, **_band(grid))),
    ]
    if outages is not None:
        named.append(("contingencies", partial(Limits.of, network, **_wider(grid, outages))))
    for place, ask in named:
        try:
            ask()
        except GridError as error:
            yield f"grid.{place}: {error}"


def _band(grid: Grid) -> dict[str, float | None]:
    return {"voltage_min_pu": grid.voltage_min_pu, "voltage_max_pu": grid.voltage_max_pu}


def _wider(grid: Grid, outages: Contingency) -> dict[str, float | None]:
    """Limits while a branch is out: its own where they are given."""
    return {
        "voltage_min_pu": outages.voltage_min_pu or grid.voltage_min_pu,
        "voltage_max_pu": outages.voltage_max_pu or grid.voltage_max_pu,
        "branch_loading_max_pu": outages.loading_max_pu,
    }


def states(site: Site, network: Network, neighbours: Injections | None, horizon: Horizon) -> tuple[State, ...]:
    """All that the site asks its plans to hold in; the intact network first.

    Raises:
        GridError: the network has no bus or branch of a name that the site's file gives.
    """
    from grid_models.contingency import Reduced, without_branches
    from grid_models.limits import Limits

    grid = site.grid
    assert grid is not None
    band = _band(grid)
    alone = site.without_connection(horizon) if grid.island is not None else np.zeros(horizon.steps, bool)
    out = [State("", Reduced(network, ()), neighbours, Limits.of(network, **band), ~alone, SLOTS, site)]
    asked = grid.contingencies
    for branch in asked.branches if asked is not None else ():
        assert asked is not None
        left = without_branches(network, [branch])
        limits, others = Limits.of(left.network, **_wider(grid, asked)), left.supplied(neighbours)
        out.append(State(f"with {branch} out", left, others, limits, ~alone, _CONTINGENCY_SLOTS, site))
    if grid.island is not None and alone.any():
        out.append(_as_island(site, network, grid.island, alone, band))
    return tuple(out)


def _as_island(
    site: Site, network: Network, island: Island, steps: np.ndarray, band: Mapping[str, float | None]
) -> State:
    """The neighbours have lost the grid too, and the island does not feed them."""
    from grid_models.contingency import islanded
    from grid_models.limits import Limits

    assert site.grid is not None
    bus = next(str(getattr(asset, "bus", "")) for asset in site.assets if asset.name == island.reference)
    left = islanded(network, site.grid.bus_of[bus], island.open_branches)
    limits = Limits.of(left.network, **band)
    return State("as an island", left, None, limits, steps, SLOTS, site, island)
