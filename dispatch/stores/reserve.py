r"""Reserve that stores offer: power beside the set-point, with energy behind it for as long as a call lasts.

A call may come at any moment and lasts for the site's duration h; while it does, the store gives what it offers in each
step on top of its set-point there. An offer is split by what it changes, so that its energy is exact without integers:

.. math::
    r^{up}_t = a_t + b_t, \quad a_t ≤ c_t, \quad d_t + b_t ≤ D \\
    r^{down}_t = f_t + g_t, \quad f_t + g_t ≤ C - c_t + d_t, \quad g_t ≤ C z_t \\
    e(x) - Σ_t w_t(x) (η_c a_t + b_t / η_d) ≥ e^{least}(x) \\
    e(x) + Σ_t w_t(x) (f_t / η_d + η_c g_t) ≤ e^{most}(x)

with a what charging less gives, b discharging (more), f discharging less or, at a cautious 1/η_d, charging, g charging
more in a step without discharge; w_t(x) is the part of step t within the h before moment x. Between set-points content
moves in straight lines, so the moments that matter are the ends of steps and those h after a step begins. Beyond the
horizon the store is taken to stand and the last offer to go on, which is therefore within its ratings. A store that
offers nothing can always keep these rows.

The split by direction and the rows that hold without integers follow the single-step hulls of arXiv 2411.17484.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Direction, Given, Inputs, Rows
from dispatch.part import Exclusive, Part, Violation, breaches
from dispatch.signals import Array, Horizon, spans
from dispatch.stores.band import Band
from dispatch.stores.limits import SIDES, Lines, Side, share_at
from dispatch.stores.paces import paces

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# By direction: what moves the stock at the efficiency of charging, and at that of discharging.
OFFERS: dict[Direction, tuple[str, str]] = {
    "up": ("less_charge_kw", "more_discharge_kw"),
    "down": ("more_charge_kw", "less_discharge_kw"),
}
_CLOSE_H = 1e-6


@dataclass(frozen=True)
class Moments:
    """When the content during a call is held against the band.

    Attributes:
        at_h: (moment,) hours since the start.
        horizon, lasting_h: what they follow from.
    """

    horizon: Horizon
    lasting_h: float

    @cached_property
    def at_h(self) -> Array:
        """(moment,) ends of steps, and ends of calls that begin with a step, in hours since the start."""
        edges = self.horizon.edge_h
        every = np.sort(np.concatenate([edges[1:], edges + self.lasting_h]))
        return np.asarray(every[np.append(np.diff(every) > _CLOSE_H, True)])

    @cached_property
    def window_h(self) -> csr_array:
        """(step, moment) hours of the step within a call that ends then."""
        edges, begins = self.horizon.edge_h, self.at_h - self.lasting_h
        first = np.searchsorted(edges[1:], begins, side="right")
        moment, step = spans(first, np.searchsorted(edges[:-1], self.at_h, side="left"))
        inside = np.minimum(edges[step + 1], self.at_h[moment]) - np.maximum(edges[step], begins[moment])
        return self._by_step(inside, step, moment)

    def _by_step(self, values: Array, step: np.ndarray, moment: np.ndarray) -> csr_array:
        from scipy.sparse import csr_array

        there = values > 0
        entries = (values[there], (step[there], moment[there]))
        return csr_array(entries, shape=(self.horizon.steps, self.at_h.size))

    @cached_property
    def beyond_h(self) -> Array:
        """(moment,) hours of the call beyond the horizon."""
        last = self.horizon.edge_h[-1]
        return np.asarray(np.maximum(self.at_h - np.maximum(last, self.at_h - self.lasting_h), 0))

    @cached_property
    def weights(self) -> tuple[Array, csr_array]:
        """(moment,) and (step, moment): how content at a moment follows from the start and from the ends of steps."""
        edges, last = self.horizon.edge_h, self.horizon.steps - 1
        at = np.minimum(self.at_h, edges[-1])
        step = np.minimum(np.searchsorted(edges, at, side="right") - 1, last)
        passed = (at - edges[step]) / (edges[step + 1] - edges[step])
        inner, moment = np.flatnonzero(step > 0), np.arange(at.size)
        before = self._by_step((1 - passed)[inner], step[inner] - 1, moment[inner])
        return np.where(step == 0, 1 - passed, 0.0), before + self._by_step(passed, step, moment)

    @cached_property
    def in_step(self) -> tuple[np.ndarray, np.ndarray, Array]:
        """Triples (moment, step, 1), the step holding the moment, its ends included, and (moment, last step, 0).

        The latter stand at the end of the horizon and beyond, where the offer goes on and the set-point does not.
        """
        edges, last = self.horizon.edge_h, self.horizon.steps - 1
        first = np.searchsorted(edges[1:], self.at_h - _CLOSE_H, side="left")
        moment, step = spans(first, np.searchsorted(edges[:-1], self.at_h + _CLOSE_H, side="right"))
        beyond = np.flatnonzero(self.at_h >= edges[-1] - _CLOSE_H)
        planned = np.append(np.ones(moment.size), np.zeros(beyond.size))
        return np.append(moment, beyond), np.append(step, np.full(beyond.size, last)), planned


def ratings(rows: Rows[Any], horizon: Horizon) -> dict[str, Array]:
    """Efficiencies by step, and the slopes of fill-dependent limits by moment."""
    own = type(rows.members[0]).by_step
    pairs = np.ones((1, Moments(horizon, rows.reserve_h).in_step[0].size))
    out = {
        "into_kwh_per_kwh": own(rows, horizon, "charge_efficiency"),
        "out_kwh_per_kwh": 1 / own(rows, horizon, "discharge_efficiency"),
    }
    for side, worst in zip(SIDES, (np.minimum, np.maximum), strict=True):
        for k, slope in enumerate(Lines.of(rows, side).slope):
            out[f"{side}_call_slope_{k}"] = slope[:, None] * pairs
            out[f"{side}_call_worst_{k}"] = worst(slope, 0)[:, None] * pairs
    return out


def signals(rows: Rows[Any], horizon: Horizon, start_kwh: Array, held: Band) -> dict[str, Array]:
    """(row, moment) the band less what the start contributes to the content; offsets of limits likewise."""
    moments = Moments(horizon, rows.reserve_h)
    first, later = moments.weights
    own = start_kwh * first
    lowest, highest = np.minimum(start_kwh, held.least[:, :1]), np.maximum(start_kwh, held.most[:, :1])
    out = {
        "call_least_kwh": lowest * first + held.least @ later - own,
        "call_most_kwh": highest * first + held.most @ later - own,
    }
    at = moments.in_step[0]
    for side in SIDES:
        lines = Lines.of(rows, side)
        for k in range(lines.count):
            out[f"{side}_call_kw_{k}"] = lines.slope[k][:, None] * own[:, at] + lines.offset_kw[k][:, None]
    return out


def added(part: Part, rows: Rows[Any], given: Given, lead: int) -> Part:
    """The part with the offers of its first ``lead`` rows, in the directions that the site asks for.

    One set of offers serves all scenarios where the store's powers are here-and-now.
    """
    import cvxpy as cp

    stock = _Stock(*(part.series[name][:lead] for name in ("stored_kwh", "charge_kw", "discharge_kw", "switch")))
    rules, series, exclusive = list(part.constraints), dict(part.series), list(part.exclusive)
    offered: dict[Direction, Any] = {}
    for direction in rows.directions:
        pair = cp.Variable(stock.charge.shape, nonneg=True), cp.Variable(stock.charge.shape, nonneg=True)
        series |= dict(zip(OFFERS[direction], pair, strict=True))
        rules += _rising(rows, given, stock, pair) if direction == "up" else _falling(rows, given, stock, pair)
        offered[direction] = _spread(rows, pair[0] + pair[1])
        if direction == "down":
            (alone,) = part.exclusive
            exclusive.append(Exclusive(alone.switch, _spread(rows, pair[0]), alone.second))
    up, down = offered.get("up"), offered.get("down")
    series |= {f"reserve_{direction}_kw": offer for direction, offer in offered.items()}
    return replace(part, constraints=rules, series=series, exclusive=exclusive, reserve_up_kw=up, reserve_down_kw=down)


def _spread(rows: Rows[Any], offer: Any) -> Any:
    return offer if offer.shape[0] == rows.count else rows.spread @ offer


@dataclass(frozen=True)
class _Stock:
    """The lead rows of a store's variables, (lead row, step)."""

    content: Any
    charge: Any
    discharge: Any
    switch: Any


def _rising(rows: Rows[Any], given: Given, stock: _Stock, pair: tuple[Any, Any]) -> list[Any]:
    """Upwards: what charging less gives, and what discharging more gives."""
    lead, (less_charge, more_discharge) = stock.charge.shape[0], pair
    content, fall = _in_call(rows, given, stock, pair, "out_kwh_per_kwh")
    power = (stock.discharge - stock.charge, less_charge + more_discharge)
    return [
        less_charge <= stock.charge,
        stock.discharge + more_discharge <= given["discharge_kw"][:lead],
        # The last offer goes on beyond the horizon, where the store stands.
        (less_charge + more_discharge)[:, -1:] <= given["discharge_kw"][:lead, -1:],
        content - fall >= given["call_least_kwh"][:lead],
        *_limited(rows, given, "discharge", power, (content, -fall)),
    ]


def _falling(rows: Rows[Any], given: Given, stock: _Stock, pair: tuple[Any, Any]) -> list[Any]:
    """Downwards: what charging more gives, and what discharging less gives."""
    import cvxpy as cp

    lead, (more_charge, less_discharge) = stock.charge.shape[0], pair
    content, rise = _in_call(rows, given, stock, pair, "into_kwh_per_kwh")
    power = (stock.charge - stock.discharge, more_charge + less_discharge)
    return [
        power[0] + power[1] <= given["charge_kw"][:lead],
        (more_charge + less_discharge)[:, -1:] <= given["charge_kw"][:lead, -1:],
        more_charge <= cp.multiply(given["charge_kw"][:lead], stock.switch),
        content + rise <= given["call_most_kwh"][:lead],
        *_limited(rows, given, "charge", power, (content, rise)),
    ]


def _in_call(rows: Rows[Any], given: Given, stock: _Stock, pair: tuple[Any, Any], beyond: str) -> tuple[Any, Any]:
    """(lead row, moment) content but for the start's share, and what a call that ends then has moved."""
    import cvxpy as cp

    moments, (into, out) = Moments(given.horizon, rows.reserve_h), pair
    lead = stock.charge.shape[0]
    rate = cp.multiply(given["into_kwh_per_kwh"][:lead], into) + cp.multiply(given["out_kwh_per_kwh"][:lead], out)
    last = cp.multiply(given[beyond][:lead], into + out)[:, -1:]
    moved = rate @ moments.window_h + last @ moments.beyond_h[None, :]
    return stock.content @ moments.weights[1], moved


def _limited(
    rows: Rows[Any], given: Given, side: Side, powers: tuple[Any, Any], contents: tuple[Any, Any]
) -> list[Any]:
    """Power during a call under its fill-dependent lines, at the planned content and at what the call leaves.

    Args:
        powers: (lead row, step) set-point and offer.
        contents: (lead row, moment) planned content but for the start's share, and its change by a call.
    """
    import cvxpy as cp

    (setpoint, offer), (content, change), lead = powers, contents, powers[0].shape[0]
    at, step, planned = Moments(given.horizon, rows.reserve_h).in_step
    power = cp.multiply(np.tile(planned, (lead, 1)), setpoint[:, step]) + offer[:, step]
    out = []
    for k in range(Lines.of(rows, side).count):  # a handful of lines
        slope, worst = (given[f"{side}_call_{name}_{k}"][:lead] for name in ("slope", "worst"))
        line = cp.multiply(slope, content[:, at]) + cp.multiply(worst, change[:, at])
        out.append(power <= line + given[f"{side}_call_kw_{k}"][:lead])
    return out


def none(rows: Rows[Any], shape: tuple[int, ...]) -> dict[str, Array]:
    """Nothing offered."""
    return {name: np.zeros(shape) for direction in rows.directions for name in OFFERS[direction]}


def offered(rows: Rows[Any], series: Mapping[str, Array], direction: Direction) -> Array:
    """(row, step) power offered in a direction, of every row."""
    if direction not in rows.directions:
        return np.zeros((rows.count, series["charge_kw"].shape[1]))
    pair = [series[name] for name in OFFERS[direction]]
    return np.tile(pair[0] + pair[1], (rows.count // pair[0].shape[0], 1))


def check(rows: Rows[Any], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
    """Calls every offer at every moment that matters and walks through what happens, apart from the equations above."""
    capacity = rows.field("energy_kwh")
    start, held = capacity * rows.state(given, "start_fill"), _held(rows, given)
    names = [name for direction in rows.directions for name in OFFERS[direction]]
    least = np.min([series[name].min(axis=0) for name in names], axis=0)[None, :]
    found = list(breaches(rows.names[:1], "negative reserve", -least, 0.0, "kW"))
    for direction in rows.directions:
        offer = offered(rows, series, direction) * (1 if direction == "up" else -1)
        emptied, overrun = _called(rows, given.horizon, start, held, series, offer)
        what = f"reserve {direction} has no"
        found += breaches(rows.names, f"{what} energy behind it", emptied / capacity, 0.0, "of content")
        found += breaches(rows.names, f"{what} power behind it", overrun, 0.0, "of rating", 1e-3)
    return found


def _held(rows: Rows[Any], given: Inputs) -> tuple[Array, Array]:
    """(row, step) least and most content that a call may leave, from the fields along the clock."""
    capacity = rows.field("energy_kwh")[:, 0]
    kept_kwh = rows.field("fast_reserve_kw")[:, 0] * rows.field("fast_reserve_minutes")[:, 0] / 60
    moves = paces(rows, given.horizon)
    floor = capacity * np.maximum(rows.field("min_fill")[:, 0], moves.lowest_fill) + kept_kwh * moves.most_drain
    ceiling = capacity * rows.field("max_fill")[:, 0] - kept_kwh * moves.most_gain
    high = low = capacity * rows.state(given, "start_fill")[:, 0]
    low, least, most = np.minimum(low, floor), [], []
    for hours in given.horizon.hours:
        kept = (1 - rows.field("loss_fraction_per_h")[:, 0]) ** hours
        low, high = low * kept, high * kept
        least.append(low)
        most.append(np.maximum(high, ceiling))
    return np.stack(least, axis=1), np.stack(most, axis=1)


def _called(
    rows: Rows[Any],
    horizon: Horizon,
    start_kwh: Array,
    held: tuple[Array, Array],
    series: Mapping[str, Array],
    extra: Array,
) -> tuple[Array, Array]:
    """(row, step in which the call begins) worst kWh outside the band and worst share of rating above the limits.

    All calls are walked side by side, part by part, a part lying in one step; arrays are (row, call).
    """
    net = series["discharge_kw"] - series["charge_kw"]
    plan = np.hstack([start_kwh, series["stored_kwh"]])
    low = np.hstack([np.minimum(start_kwh, held[0][:, :1]), held[0]])
    high = np.hstack([np.maximum(start_kwh, held[1][:, :1]), held[1]])
    moves = paces(rows, horizon)
    into, out = moves.into, moves.out
    rated = {side: moves.power_kw[side] for side in SIDES}
    begin, called_in = _begins(horizon, rows.reserve_h)
    worst_kwh, worst_share = np.zeros((2, rows.count, begin.size))
    moved, now, end = np.zeros((rows.count, begin.size)), begin, begin + rows.reserve_h
    while (now < end - _CLOSE_H).any():
        step = np.searchsorted(horizon.edge_h, now + _CLOSE_H) - 1
        inside = step < horizon.steps
        step = np.minimum(step, horizon.steps - 1)
        then = np.minimum(end, np.where(inside, horizon.edge_h[step + 1], np.inf))
        planned, rates = np.where(inside, net[:, step], 0.0), (into[:, step], out[:, step])
        power = planned + extra[:, step]
        before = _between(horizon, plan, now) + moved
        moved = moved + np.maximum(then - now, 0) * (_flow(planned, *rates) - _flow(power, *rates))
        after = _between(horizon, plan, then) + moved
        outside = np.maximum(_between(horizon, low, then) - after, after - _between(horizon, high, then))
        over = _above(rows, power, (before, after), {side: kw[:, step] for side, kw in rated.items()})
        going = now < end - _CLOSE_H
        worst_kwh = np.where(going, np.maximum(worst_kwh, outside), worst_kwh)
        worst_share = np.where(going, np.maximum(worst_share, over), worst_share)
        now = then
    emptied, overrun = np.zeros(net.shape), np.zeros(net.shape)
    np.maximum.at(emptied.T, called_in, worst_kwh.T)
    np.maximum.at(overrun.T, called_in, worst_share.T)
    return emptied, overrun


def _between(horizon: Horizon, at_edges: Array, hour: Array) -> Array:
    """(row, …) values between those at the edges of steps, the last one after the end."""
    place = np.interp(hour, horizon.edge_h, np.arange(horizon.steps + 1.0))
    step = np.minimum(place.astype(int), horizon.steps - 1)
    return np.asarray(at_edges[:, step] + (place - step) * (at_edges[:, step + 1] - at_edges[:, step]))


def _flow(power: Array, into: Array, out: Array) -> Array:
    """Energy per hour [kWh/h] that leaves the stock for a power at the bus, discharge +."""
    return np.where(power > 0, power / out, power * into)


def _begins(horizon: Horizon, lasting_h: float) -> tuple[Array, np.ndarray]:
    """Moments at which a call is tried, and their steps: beginnings of steps, and so that the call ends with one."""
    edges = horizon.edge_h
    tried = np.unique(np.round(np.concatenate([edges[:-1], edges - lasting_h]), 9))
    begin = tried[(tried >= 0) & (tried < edges[-1] - _CLOSE_H)]
    return begin, np.searchsorted(edges, begin + _CLOSE_H) - 1


def _above(rows: Rows[Any], power: Array, contents: tuple[Array, Array], rated: dict[Side, Array]) -> Array:
    """(row, call) by how much a power (discharge +) is above rating or what the fill allows, as a share of rating."""
    capacity, reserve = rows.field("energy_kwh"), rows.field("fast_reserve_kw")
    worst = np.zeros(power.shape)
    for side, flow in zip(SIDES, (-power, power), strict=True):
        most, share = rows.field(f"{side}_kw"), rated[side] / rows.field(f"{side}_kw")
        points = [getattr(m, f"{side}_limit") for m in rows.members] * rows.scenarios
        for row in [row for row, own in enumerate(points) if own]:
            fills = np.clip(np.stack([content[row] for content in contents]) / capacity[row], 0, 1)
            share[row] = np.minimum(share[row], share_at(points[row], fills).min(axis=0))
        worst = np.maximum(worst, np.where(flow > 0, (flow + reserve) / most - share, 0))
    return worst
