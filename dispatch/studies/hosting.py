"""How much more wind, PV, charging or storage the park's network can take, bus by bus and at all buses together.

Around the addition stands what is there anyway: the other customers at their profiles, and the park on what was
measured: by plans that hold on the network, by its rules, or not at all. Every rating that is named has been checked by
AC power flow in every step of the days looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dispatch.errors import DataError
from dispatch.network.injections import injections, neighbours, standard_clock
from dispatch.network.states import TOLERANCE_PU
from dispatch.replay.case import Case
from dispatch.signals import Array
from dispatch.studies.days import StudyDays, by_plan, by_rules

if TYPE_CHECKING:
    from grid_models.hosting import Capacity
    from grid_models.injections import Injections
    from grid_models.limits import Breach, Limits
    from grid_models.network import Network
    from grid_models.power_flow import Flows

ADDITIONS = ("wind", "pv", "ev", "storage")
OWN = {"planned": "the park by plans that hold on the network", "rules": "the park by its rules", "none": "no park"}
"""What the park itself may do around an addition."""
PROFILES: Mapping[str, tuple[str, ...]] = {
    "wind": ("WP4",),
    "pv": ("PV3",),
    # Chargers at home of three kinds of household and several ratings; together they are less than their sum.
    "ev": ("HLS_A_3.7_pload", "HLS_A_11.0_pload", "HLS_A_22.0_pload", "HLS_B_3.7_pload", "HLS_B_11.0_pload",
           "HLS_C_3.7_pload"),
}  # fmt: skip
"""SimBench profiles that an addition follows unless told otherwise; a store needs none."""


@dataclass(frozen=True)
class Around:
    """The network's days without the addition.

    Attributes:
        start: (T,) of each step, local; ``own`` and ``others`` have as many steps.
        step_h: (T,) length of each [h].
    """

    start: tuple[datetime, ...]
    step_h: Array
    own: Injections
    others: Injections | None

    @property
    def steps(self) -> int:
        """T."""
        return len(self.start)


@dataclass(frozen=True)
class OfKind:
    """What the network can take of one kind.

    Attributes:
        kind: one of ADDITIONS.
        profile: what the addition follows, in words.
        each: by bus, alone.
        together: all buses at once, in proportion to what each can take alone; its rating is the sum.
        shares: (bus,) of that sum.
    """

    kind: str
    profile: str
    each: tuple[Capacity, ...]
    together: Capacity
    shares: Array


@dataclass(frozen=True)
class Hosting:
    """The study's outcome.

    Attributes:
        buses: network buses that were looked at.
        most_kw: where the search ends.
        flows: the network without any addition.
        own_is: one of OWN, what the park itself does.
    """

    case: Case
    network: Network
    days: StudyDays
    around: Around
    limits: Limits
    buses: tuple[str, ...]
    kinds: tuple[OfKind, ...]
    most_kw: float
    flows: Flows
    own_is: str = "planned"

    def when(self, breach: Breach) -> str:
        """A breach's step on the local clock."""
        return f"{self.around.start[breach.step]:%Y-%m-%d %H:%M}"


def around(
    case: Case,
    network: Network,
    days: StudyDays,
    own_is: str = "rules",
    progress: Callable[[float], None] = lambda _: None,
) -> Around:
    """What is on the network without the addition, on the days looked at.

    Args:
        own_is: one of OWN, what the park does.
    """
    from grid_models.injections import Injections

    starts: list[datetime] = []
    hours, own, others = [], [], []
    done = by_plan(case, days, network) if own_is == "planned" else by_rules(case, days)
    for place, (_, schedule) in enumerate(done):
        horizon = schedule.inputs.horizon
        starts += horizon.local_start
        hours.append(horizon.hours)
        mine = injections(case.site, schedule)
        nothing = np.zeros_like(mine.p_kw)
        own.append(Injections(mine.bus, nothing, nothing) if own_is == "none" else mine)
        others.append(neighbours(case.site, network, horizon))
        progress((place + 1) / len(days.days))

    def joined(parts: Sequence[Injections]) -> Injections:
        powers = (np.concatenate([getattr(p, name) for p in parts], axis=1) for name in ("p_kw", "q_kvar"))
        return Injections(parts[0].bus, *powers)

    there = [one for one in others if one is not None]
    return Around(tuple(starts), np.concatenate(hours), joined(own), joined(there) if there else None)


def candidate_buses(case: Case, network: Network, wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """The buses named, or those on the park's voltage levels, without the slack's; those that are one node count once.

    Raises:
        GridError: a name is not one of the network's.
    """
    assert case.site.grid is not None
    if wanted:
        network.bus_index(list(wanted))
        return tuple(dict.fromkeys(wanted))
    node = network.ac.bus_node
    own = network.bus_index(list(case.site.grid.bus_of.values()))
    levels = np.unique(network.ac.node_kv[node[own]])
    fits = np.isin(network.ac.node_kv[node], levels) & ~np.isin(node, network.ac.slack_node)
    at: dict[int, int] = {int(node[bus]): int(bus) for bus in own}  # a node is called by the park's name for it
    for bus in np.flatnonzero(fits):
        at.setdefault(int(node[bus]), int(bus))
    return tuple(network.bus_names[bus] for bus in sorted(at.values()) if fits[bus])


def hosting(
    case: Case,
    network: Network,
    days: StudyDays,
    kinds: Sequence[str] = ADDITIONS,
    *,
    buses: Sequence[str] = (),
    own_is: str = "planned",
    most_kw: float = 100_000.0,
    tolerance_kw: float = 10.0,
    progress: Callable[[str, float], None] = lambda *_: None,
) -> Hosting:
    """The largest addition of each kind, at each bus alone and at all together.

    Args:
        buses: network buses to look at; none: all on the park's voltage levels.
        own_is: one of OWN, what the park itself does.
        progress: told what is being done and its share that is done.

    Raises:
        DataError: the site has no grid, or the network passes a limit without any addition.
        GridError: a bus is not one of the network's.
    """
    from grid_models.hosting import without_addition
    from grid_models.limits import Limits

    grid = case.site.grid
    if grid is None:
        raise DataError(f"'{case.site.name}' has no 'grid': hosting capacity is a network's; give it one")
    if unknown := [kind for kind in kinds if kind not in ADDITIONS]:
        raise DataError(f"--add {unknown[0]}: not known; accepted: {', '.join(ADDITIONS)}")
    if own_is not in OWN:
        raise DataError(f"--own {own_is}: not known; accepted: {', '.join(OWN)}")
    chosen = candidate_buses(case, network, buses)
    there = around(case, network, days, own_is, partial(progress, OWN[own_is]))
    limits = Limits.of(network, voltage_min_pu=grid.voltage_min_pu, voltage_max_pu=grid.voltage_max_pu)
    flows, broken = without_addition(network, there.own, there.others, limits, TOLERANCE_PU)
    if broken:
        raise DataError(_already(network, there, broken))
    found = tuple(
        _of_kind(network, there, limits, kind, chosen, most_kw, tolerance_kw, partial(progress, kind)) for kind in kinds
    )
    return Hosting(case, network, days, there, limits, chosen, found, most_kw, flows, own_is)


def _of_kind(
    network: Network,
    there: Around,
    limits: Limits,
    kind: str,
    buses: tuple[str, ...],
    most_kw: float,
    tolerance_kw: float,
    progress: Callable[[float], None],
) -> OfKind:
    from grid_models.hosting import Addition, capacities

    profile, words = _profile(kind, there)
    addition = Addition.at_buses(network, buses, profile)
    on = (network, there.own, there.others)
    largest = partial(capacities, limits=limits, tolerance_kw=tolerance_kw, tolerance_pu=TOLERANCE_PU)
    each = largest(*on, addition, most_kw=most_kw, progress=progress)
    alone = np.array([one.rating_kw for one in each])
    weights = alone if alone.sum() > 0 else np.ones_like(alone)
    all_kw = max(most_kw, float(alone.sum()))
    (together,) = largest(*on, addition.together(weights), most_kw=all_kw)
    return OfKind(kind, words, tuple(each), together, weights / weights.sum())


def _profile(kind: str, there: Around) -> tuple[Array, str]:
    """(variant, step) kW injected per kW of rating, and what it is in words."""
    if kind == "storage":
        return np.stack([np.ones(there.steps), -np.ones(there.steps)]), "full power, either way, in every step"
    from forecasting import embedded

    values = np.mean([embedded.profile(name) for name in PROFILES[kind]], axis=0)
    words = f"SimBench {', '.join(PROFILES[kind])}"
    if kind == "ev":
        return -_at(values / values.max(), there)[None], f"mean of {words}; the rating is its peak"
    return _at(np.maximum(values, 0.0), there)[None], words


def _at(profile: Array, there: Around) -> Array:
    """(T,) mean of a profile of the year over each step, at the park's standard time."""
    import pandas as pd

    from grid_models.background import of_year

    return of_year(profile, pd.DatetimeIndex([standard_clock(t) for t in there.start]), there.step_h)


def _already(network: Network, there: Around, broken: Sequence[Breach]) -> str:
    from grid_models.hosting import told

    first = broken[0]
    steps = len({breach.step for breach in broken})
    return (
        f"network {network.name}: passes a limit without any addition, in {steps} of {there.steps} steps; worst: "
        f"{told(first)}, {there.start[first.step]:%Y-%m-%d %H:%M}. Try --own planned or --own none, "
        "other days, or wider grid.voltage_min_pu and voltage_max_pu"
    )
