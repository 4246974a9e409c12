"""What a plan takes for granted of several grid connections: that it may choose through which of them power comes."""

from __future__ import annotations

from itertools import pairwise

from dispatch.assets.cable import Cable
from dispatch.assets.grid_connection import GridConnection
from dispatch.site import Site


def division_warning(site: Site) -> str | None:
    """Connections at buses that cables or the network's model join; None where there are none.

    Between two ways out of one meshed network alternating current divides by impedances and by the voltages outside,
    not by tariffs. The model of the network does not know the connections: its own sources stand in for all of them.
    """
    joined = {bus: bus for bus in site.bus_names}
    ends = [(asset.bus, asset.far_bus) for asset in site.assets if isinstance(asset, Cable)]
    placed = list(site.grid.bus_of) if site.grid is not None else []
    for near, far in (*ends, *pairwise(placed)):
        old, new = joined[far], joined[near]
        joined = {bus: new if root == old else root for bus, root in joined.items()}
    connections = [asset for asset in site.assets if isinstance(asset, GridConnection)]
    for first in connections:
        together = [one for one in connections if joined[one.bus] == joined[first.bus]]
        if len({one.bus for one in together}) > 1:
            names = ", ".join(one.name for one in together)
            return (
                f"connections {names} are joined inside the park: the plan divides its exchange among them as is "
                "cheapest, alternating current divides it by impedance, and each is billed by what flows; nothing here "
                "proves that division"
            )
    return None
