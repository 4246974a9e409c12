r"""Which level of heat feeds which: the energy cascade of a finished plan, in one path (scenario 0 is the published).

A link is what one plant takes of a source and gives to a level of heat, steam or cold over the horizon [kWh]. Its
source is the hottest such level that it draws from, else the bus that it draws most of; none where heat comes from
outside, whatever its pumps draw. All of what is drawn from the source counts, so plant that makes electricity beside
heat takes more than it gives. Heat that a store gives back, and what a demand takes, are links too, so that on every
level

.. math:: Σ_{links to it} given = Σ_{links from it} taken
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dispatch.asset import Asset
from dispatch.schedule import Schedule
from dispatch.site import Bus, Site
from dispatch.stores.stock import Storage
from dispatch.units.offered import Offered

_THERMAL = ("steam", "heat", "cold")
_SMALL_KWH = 0.05


@dataclass(frozen=True)
class Link:
    """What a plant takes of a bus and gives to another [kWh]; source None: from outside; sink None: used up here."""

    plant: str
    source: str | None
    sink: str | None
    taken_kwh: float
    given_kwh: float


@dataclass(frozen=True)
class Level:
    """One level of heat, steam or cold over the horizon [kWh].

    Attributes:
        supplied_kwh: all that came to it, what stores gave back included.
        from_above_kwh: of that, what other levels of heat gave.
        stored_kwh: what stores took of it.
        used_kwh: what demand took of it.
        handed_on_kwh: what went on to other levels and to cold.
    """

    bus: str
    temperature_degc: float | None
    supplied_kwh: float
    from_above_kwh: float
    stored_kwh: float
    used_kwh: float
    handed_on_kwh: float


def links(site: Site, schedule: Schedule, scenario: int = 0) -> tuple[Link, ...]:
    """Every link of the cascade, the hottest sinks first."""
    thermal = [bus.name for bus in _levels(site)]
    found = [link for asset in site.assets for link in _of(asset, schedule, scenario, thermal)]
    place = {name: i for i, name in enumerate(thermal)}
    return tuple(
        sorted(
            found,
            key=lambda x: (place.get(x.sink or "", len(place)), place.get(x.source or "", len(place)), -x.given_kwh),
        )
    )


def levels(site: Site, schedule: Schedule, scenario: int = 0) -> tuple[Level, ...]:
    """What each level was supplied with and where that went, hottest first."""
    found, thermal = links(site, schedule, scenario), _levels(site)
    names = {bus.name for bus in thermal}
    out = []
    for bus in thermal:
        to = [link for link in found if link.sink == bus.name]
        away = [link for link in found if link.source == bus.name]
        out.append(
            Level(
                bus.name,
                bus.temperature_degc,
                sum(link.given_kwh for link in to),
                sum(link.given_kwh for link in to if link.source in names - {bus.name}),
                sum(link.taken_kwh for link in away if link.sink == bus.name),
                sum(link.taken_kwh for link in away if link.sink is None),
                sum(link.taken_kwh for link in away if link.sink in names - {bus.name}),
            )
        )
    return tuple(out)


def _levels(site: Site) -> list[Bus]:
    """Buses for steam, heat and cold, hottest first; of one carrier those without a temperature last."""
    there = [bus for bus in site.buses if bus.carrier in _THERMAL]
    return sorted(there, key=lambda bus: (_THERMAL.index(bus.carrier), -_degrees(bus)))


def _degrees(bus: Bus) -> float:
    return bus.temperature_degc if bus.temperature_degc is not None else -np.inf


def _of(asset: Asset, schedule: Schedule, scenario: int, thermal: list[str]) -> Iterator[Link]:
    """The links of one plant; none where it has to do with no level."""
    given, taken = _energy(asset, schedule, scenario)
    warm = [name for name in thermal if name in taken]
    if isinstance(asset, Storage) or not given:
        for name in warm:
            sink = name if isinstance(asset, Storage) else None
            yield Link(asset.name, name, sink, taken[name], given.get(name, 0.0))
        if isinstance(asset, Storage) and not warm:
            yield from (Link(asset.name, n, n, 0.0, kwh) for n, kwh in given.items() if n in thermal)
        return
    made = {} if isinstance(asset, Offered) else taken
    source = warm[0] if warm else max(made, key=lambda name: made[name], default=None)
    sinks = [name for name in thermal if name in given]
    drawn = taken.get(source, 0.0) if source is not None else 0.0
    for name in sinks:
        yield Link(asset.name, source, name, drawn, given[name])
    if not sinks:  # heat that becomes something else than heat
        yield from (Link(asset.name, n, None, taken[n], 0.0) for n in warm)


def _energy(asset: Asset, schedule: Schedule, scenario: int) -> tuple[dict[str, float], dict[str, float]]:
    """By bus, what it gives and what it takes over the horizon, where that is anything."""
    solved = next(s for s in schedule.kinds.values() if asset.name in s.rows.names)
    row = scenario * len(solved.rows.members) + solved.rows.names.index(asset.name)
    hours, names = schedule.inputs.horizon.hours, solved.rows.buses
    given: dict[str, float] = {}
    taken: dict[str, float] = {}
    for port, power in solved.power_kw.items():
        bus = names[solved.bus[port][row] % len(names)]
        for side, flow in ((given, power[row]), (taken, -power[row])):
            kwh = float(np.maximum(flow, 0) @ hours)
            if kwh > _SMALL_KWH:
                side[bus] = side.get(bus, 0.0) + kwh
    return given, taken
