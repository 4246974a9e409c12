"""The network of a plan or a study as pictures: its buses in place, with voltages, capacities and loadings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.report.data import Line, VoltageBand
from dispatch.report.drawings import Curve, Drawing, curves, duration
from dispatch.report.network_picture import NetworkDrawing, NetworkPicture, draw_network
from dispatch.signals import Array

if TYPE_CHECKING:
    from dispatch.plan import Plan
    from grid_models.limits import Limits
    from grid_models.network import Network
    from grid_models.power_flow import Flows

_BLUE, _TEAL, _GREY = "#297fcc", "#2aa98b", "#76828e"


def voltages_at(
    network: Network, flows: Flows, limits: Limits, own: Sequence[str], step: int, when: str
) -> NetworkDrawing:
    """All voltages and loadings in one step; named are the lowest and the highest bus and the park's."""
    vm = flows.vm_pu[:, step]
    level = level_of(network, limits, own)
    extremes: tuple[int, ...] = ()
    if np.isfinite(vm[level]).any():
        at = np.flatnonzero(level)
        extremes = (int(at[np.nanargmin(vm[at])]), int(at[np.nanargmax(vm[at])]))
    mine = network.bus_index(list(own))
    places, surveyed = _places(network)
    top = float(np.nanmax(flows.branch_loading_pu[:, step], initial=0.0))
    about = (
        f"{when}. Colour: voltage; width of a line: its loading, amber from 80 %, red above 100 %, highest "
        f"{100 * top:.0f} %. {_told(surveyed)} Ringed: where the park stands."
    )
    return draw_network(
        NetworkPicture(
            title="Voltages and loadings",
            about=about,
            place=places,
            bus=network.bus_names,
            value=_rounded(vm),
            unit="p.u.",
            decimals=3,
            low=float(limits.voltage_min_pu[mine].max()),
            high=float(limits.voltage_max_pu[mine].min()),
            **_branches(network, flows.branch_loading_pu[:, step]),
            named=extremes,
            own=tuple(dict.fromkeys(int(bus) for bus in mine)),
        )
    )


def capacities_on(
    network: Network, flows: Flows, values_kw: dict[str, float], own: Sequence[str], title: str, about: str
) -> NetworkDrawing:
    """A rating at each of some buses; loadings are the highest without it. Named: least, most and the park's."""
    value = np.full(len(network.bus_names), np.nan)
    value[network.bus_index(list(values_kw))] = np.array(list(values_kw.values())) / 1000
    mine = [int(bus) for bus in network.bus_index(list(own))]
    places, surveyed = _places(network)
    loading = np.nanmax(np.where(np.isnan(flows.branch_loading_pu), -np.inf, flows.branch_loading_pu), axis=1)
    return draw_network(
        NetworkPicture(
            title=title,
            about=f"{about} {_told(surveyed)} Width of a line: its highest loading without the addition.",
            place=places,
            bus=network.bus_names,
            value=_rounded(value),
            unit="MW",
            decimals=2,
            low=0.0,
            high=float(np.nanquantile(value, 0.95)),  # one strong bus would leave all others in one colour
            **_branches(network, loading),
            named=(int(np.nanargmax(value)), int(np.nanargmin(value))),
            own=tuple(dict.fromkeys(mine)),
            diverging=False,
        )
    )


def network_drawings(plan: Plan) -> tuple[NetworkDrawing, ...]:
    """The plan's network in the step in which it is nearest to its limits; none without a network."""
    if plan.grid is None or plan.network is None or plan.site.grid is None or not plan.grid.flows.converged.any():
        return ()
    own = tuple(plan.site.grid.bus_of.values())
    step = _tightest(plan.network, plan.grid.flows, plan.grid.limits, own)
    start = plan.horizon.local_start[step]
    when = f"At {start:%H:%M} on {start:%Y-%m-%d}, when the network is nearest to its limits"
    return (voltages_at(plan.network, plan.grid.flows, plan.grid.limits, own, step, when),)


def network_plots(plan: Plan) -> tuple[Drawing, ...]:
    """How long the plan's branches are loaded how much; none without a network."""
    if plan.grid is None or not plan.grid.flows.converged.any():
        return ()
    return (loading_durations(plan.grid.flows, plan.horizon.hours),)


def voltage_band(plan: Plan) -> VoltageBand | None:
    """Lowest, median and highest voltage of the park's level, and its own buses'; None without a network."""
    if plan.grid is None or plan.site.grid is None:
        return None
    flows, limits = plan.grid.flows, plan.grid.limits
    own = {bus: flows.bus_names.index(node) for bus, node in plan.site.grid.bus_of.items()}
    at = np.array(list(own.values()))
    low, high = limits.voltage_min_pu, limits.voltage_max_pu
    # The park answers for the voltage level it stands on; other levels have limits of their own.
    level = ((low[:, None] == low[at]) & (high[:, None] == high[at])).any(axis=1)
    return VoltageBand(
        lowest_pu=_extreme(flows.vm_pu[level], flows.converged, np.min),
        highest_pu=_extreme(flows.vm_pu[level], flows.converged, np.max),
        lower_limit_pu=float(low[at].max()),
        upper_limit_pu=float(high[at].min()),
        median_pu=_extreme(flows.vm_pu[level], flows.converged, np.median),
        own_bus=tuple(Line(bus, tuple(np.round(flows.vm_pu[i], 5).tolist()), unit="p.u.") for bus, i in own.items()),
        loading_max_pu=_extreme(flows.branch_loading_pu, flows.converged, np.max),
    )


def _extreme(values: Array, solved: np.ndarray, pick: Any) -> tuple[float, ...]:
    """(step,) the least, middle or greatest of (element, step); a gap without a solution or any known element."""
    out = np.full(values.shape[1], np.nan)
    known = values[:, solved]
    known = known[np.isfinite(known).all(axis=1)]
    if known.size:
        out[solved] = pick(known, axis=0)
    return tuple(np.round(out, 5).tolist())


def _tightest(network: Network, flows: Flows, limits: Limits, own: Sequence[str]) -> int:
    """The step in which a loading or a voltage of the park's level has used most of what its limit leaves."""
    level = level_of(network, limits, own)
    low, high = limits.voltage_min_pu[level, None], limits.voltage_max_pu[level, None]
    voltage = np.abs(flows.vm_pu[level] - (low + high) / 2) / ((high - low) / 2)
    loading = flows.branch_loading_pu / limits.branch_loading_max_pu[:, None]
    used = np.vstack([voltage, loading])
    return int(np.argmax(np.where(np.isfinite(used), used, 0.0).max(axis=0)))


def loading_durations(flows: Flows, hours: Array, most: int = 3) -> Drawing:
    """For how long the branches loaded most carry how much, and the highest of all."""
    known = flows.branch_loading_pu[:, flows.converged]
    hours = hours[flows.converged]
    tops = np.where(np.isnan(known), -np.inf, known).max(axis=1, initial=-np.inf)
    worst = [int(k) for k in np.argsort(-tops, kind="stable")[:most] if np.isfinite(tops[k])]
    lines = []
    for k, colour in zip(worst, (_BLUE, _TEAL, _GREY), strict=False):
        x, y = duration((100 * np.nan_to_num(known[k])).tolist(), hours.tolist())
        lines.append(Curve(flows.branch_names[k], colour, x, y))
    about = f"The {len(worst)} branches that are loaded most, each sorted from its highest loading down."
    return curves("How long branches are loaded", about, ("hours", "loading [%]"), lines, (("rated", 100.0),))


def level_of(network: Network, limits: Limits, own: Sequence[str]) -> np.ndarray:
    """(N,) which buses have the limits of the park's: its voltage level, for which it answers."""
    at = network.bus_index(list(own))
    low, high = limits.voltage_min_pu, limits.voltage_max_pu
    return np.asarray(((low[:, None] == low[at]) & (high[:, None] == high[at])).any(axis=1))


def _places(network: Network) -> tuple[tuple[tuple[float, float], ...], bool]:
    from grid_models.layout import positions

    places, surveyed = positions(network)
    return tuple((float(x), float(y)) for x, y in places), surveyed


def _told(surveyed: bool) -> str:
    return "Buses stand as the network's coordinates say, not to scale." if surveyed else "Drawn as a tree."


def _branches(network: Network, loading: Array) -> dict[str, Any]:
    ends = tuple(zip(network.branch_from.tolist(), network.branch_to.tolist(), strict=True))
    return {"branch": network.branch_names, "ends": ends, "loading": _rounded(loading)}


def _rounded(values: Array) -> tuple[float, ...]:
    return tuple(np.round(values, 5).tolist())
