"""Pictures of a fleet: bounds by iteration, use and price of what is shared, distributions and places of sites.

Nothing here grows with the number of sites: they are counted into bins first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dispatch.report.clock import Timed
from dispatch.report.colours import HUES, Colour, assign
from dispatch.report.data import Balance
from dispatch.report.drawings import Curve, Dot, Drawing, Mark, Spot, Stack, bars, places
from dispatch.report.fleet_data import Array, FleetBounds, FleetData, FleetSites, SharedUse
from dispatch.report.pictures import PRICE, Chart, Panel, Series, balance_about, balance_panel, between, total_text
from dispatch.report.wording import adaptive, decimals_for, number, percent

PROVED, FOUND, COUNT, BUSY = "#297fcc", "#ca4f32", "#2aa98b", "#76828e"
_BINS, _FEW = 24, 200
_MOST_CHARTS = 6
_MAP_WIDTH, _MAP_HEIGHT, _MAP_CELLS = 640.0, 430.0, 28


def power_charts(data: FleetData) -> tuple[Chart, ...]:
    """All sites' power by kind of plant."""
    if not (data.supply or data.use):
        return ()
    lines = (*data.supply, *data.use)
    unit, scale = _unit(
        "kW", max((value for line in lines for value in line.values if math.isfinite(value)), default=0)
    )
    supply, use = (
        tuple(replace(line, values=tuple(v * scale for v in line.values), unit=unit) for line in side)
        for side in (data.supply, data.use)
    )
    balance = Balance("electricity", "the fleet", supply, use, unit)
    colours = assign((line.name, line.kind) for line in (*data.supply, *data.use))
    panel = balance_panel(data, balance, colours, 17.0)
    return (Chart("fleet-power", "Power of all sites by kind of plant", balance_about(data, balance), (panel,)),)


def shared_charts(data: FleetData) -> tuple[Chart, ...]:
    """What each shared limit is used, with its price by the hour; those with the largest money first, a few of them."""
    stepwise = [one for one in data.shared if one.used.size == len(data.step_h) and len(data.step_h) > 1]
    ranked = sorted(range(len(stepwise)), key=lambda k: (-abs(worth(data, stepwise[k])), k))[:_MOST_CHARTS]
    return tuple(_shared_chart(data, place, stepwise[k]) for place, k in enumerate(sorted(ranked)))


def worth(data: Timed, one: SharedUse) -> float:
    """Money: price times use, over the horizon."""
    if one.price is None:
        return 0.0
    hours = np.array(data.step_h) if one.unit == "kW" and one.used.size > 1 else np.ones(one.used.size)
    return float(np.nansum(one.price * one.used * hours))


def at_limit(one: SharedUse) -> int:
    """Steps in which a limit is reached, within a thousandth of its size."""
    sides = [np.where(np.isfinite(side), side, np.nan) for side in (one.lower, one.upper)]
    near = [np.abs(one.used - side) <= 1e-3 * np.maximum(np.abs(side), 1e-9) for side in sides]
    return int((near[0] | near[1]).sum())


def price_unit(data: FleetData, one: SharedUse) -> str:
    """Of a limit's price: money per kWh where the limit is a power in each step."""
    return f"{data.currency}/{'kWh' if one.unit == 'kW' and one.used.size > 1 else one.unit}"


def _shared_chart(data: FleetData, place: int, one: SharedUse) -> Chart:
    unit, scale = _unit(one.unit, max(_top(values) for values in (one.used, one.upper, one.lower)))
    used, upper, lower = (values * scale for values in (one.used, one.upper, one.lower))
    drawn = [Series("used", "line", _values(used), HUES["grid"], total_text(data, _values(used), unit), opacity=0.25)]
    for name, values in (("upper limit", upper), ("lower limit", lower)):
        if np.isfinite(values).any():
            there = _values(np.where(np.isfinite(values), values, np.nan))
            drawn.append(Series(name, "line", there, _RED, between(there, decimals_for(_top(values))), dashed=True))
    top = max(_top(values) for values in (used, upper, lower))
    low = min(0.0, float(np.nanmin(used, initial=0.0)))
    use = Panel("Use", unit, 9.0, tuple(drawn), min(2, decimals_for(top)), low=low, high=1.06 * top or 1.0)
    about = f"{one.name}: at its limit in {at_limit(one)} of {len(data.step_h)} steps."
    return Chart(f"shared-{place}", one.name, about, (*_price_panel(data, one), use))


def _price_panel(data: FleetData, one: SharedUse) -> tuple[Panel, ...]:
    if one.price is None:
        return ()
    decimals = decimals_for(_top(one.price))
    ribbon = Series("price", "ribbon", _values(one.price), PRICE, between(_values(one.price), decimals))
    low, high = min(0.0, float(np.nanmin(one.price, initial=0.0))), max(0.0, float(np.nanmax(one.price, initial=0.0)))
    end = high if high > low else low + 1.0
    return (Panel("Price of one more", price_unit(data, one), 2.8, (ribbon,), decimals, low=low, high=end),)


def _unit(unit: str, top: float) -> tuple[str, float]:
    """Megawatts where kilowatts would not fit beside an axis."""
    return ("MW", 1e-3) if unit == "kW" and top >= 100_000 else (unit, 1.0)


_RED = Colour("#b3261e", "#ff8a80")


def _values(values: Array) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _top(values: Array) -> float:
    there = np.abs(values[np.isfinite(values)])
    return float(there.max(initial=0.0))


# ---- bounds


def gaps(bounds: FleetBounds) -> Array:
    """(I,) proved gap after each iteration, as a share of the plan's cost; NaN where there is no bound or plan yet."""
    best = np.fmax.accumulate(np.where(np.isfinite(bounds.lower), bounds.lower, np.nan))
    upper = np.where(np.isfinite(bounds.upper), bounds.upper, np.nan)
    return np.asarray(np.maximum(upper - best, 0.0) / np.maximum(np.abs(upper), 1e-9))


def bound_pictures(bounds: FleetBounds, currency: str) -> tuple[Drawing, ...]:
    """Both bounds by iteration from where they are near each other, and the gap by the clock on a log scale."""
    shares = gaps(bounds)
    known = np.flatnonzero(np.isfinite(shares))
    if not len(known):
        return ()
    near = np.flatnonzero(shares <= max(0.1, 3 * float(shares[known[-1]])))
    first = int(near[0]) if len(near) else int(known[0])
    at = np.arange(first, len(shares))[np.isfinite(shares[first:])]
    x = tuple(float(k + 1) for k in at)
    best = np.fmax.accumulate(np.where(np.isfinite(bounds.lower), bounds.lower, np.nan))
    in_thousands = float(np.abs(bounds.upper[at]).max()) >= 1e6
    scale, unit = (1e-3, f"1000 {currency}") if in_thousands else (1.0, currency)
    lines = [
        Curve("best plan so far", FOUND, x, _values(scale * bounds.upper[at])),
        Curve("proved: no plan costs less", PROVED, x, _values(scale * best[at])),
    ]
    ends = f"{number(float(bounds.upper[at[-1]]))} and {number(float(best[at[-1]]))} {currency}"
    about = f"After {len(shares)} iterations the plan and its bound are {ends}: a gap of {percent(bounds.gap, 4)}."
    spots = [
        Spot(x[k], scale * float(values[i]), colour, f"iteration {i + 1}: {number(float(values[i]))}", radius=3.0)
        for values, colour in ((bounds.upper, FOUND), (best, PROVED))
        for k, i in enumerate(at)
    ]
    drawn = places("Bounds by iteration", about, ("iteration", unit), lines, spots)
    return (drawn, *_gap_picture(bounds, shares))


def _gap_picture(bounds: FleetBounds, shares: Array) -> tuple[Drawing, ...]:
    there = np.flatnonzero(np.isfinite(shares) & (shares > 0))
    if not len(there):
        return ()
    x, y = _values(bounds.seconds[there]), _values(100 * shares[there])
    curve = Curve("proved gap", PROVED, x, y)
    wanted = []
    if bounds.gap_wanted:
        level = 100 * bounds.gap_wanted
        wanted = [Curve("asked for", FOUND, (x[0], x[-1]), (level, level), dashed=True)]
    spots = [Spot(a, b, PROVED, f"{number(a, 1)} s: {adaptive(b)} %", radius=3.0) for a, b in zip(x, y, strict=True)]
    about = f"{percent(bounds.gap, 4)} after {number(x[-1], 1)} s; the scale is logarithmic."
    return (places("Proved gap", about, ("seconds", "%"), (curve, *wanted), spots, decades=True),)


# ---- sites


def histograms(data: FleetData) -> tuple[Drawing, ...]:
    """How sites' cost, what planning saves, what sharing costs and the seconds are distributed."""
    sites, money = data.sites, data.currency
    made = [histogram("Cost of a site", sites.cost, money)]
    if sites.cost_ruled is not None:
        made.append(histogram("Saved by planning, of a site", sites.cost_ruled - sites.cost, money))
    if sites.cost_alone is not None:
        made.append(histogram("What sharing costs a site", sites.cost - sites.cost_alone, money))
    if sites.seconds is not None:
        made.append(histogram("Work on a site", sites.seconds, "s"))
    return tuple(one for one in made if one is not None)


def histogram(title: str, values: Array, unit: str) -> Drawing | None:
    """Sites by a number; what lies beyond the outer 1 % is counted into the last bars, and said."""
    there = values[np.isfinite(values)]
    if not len(there):
        return None
    low, high = (float(v) for v in np.quantile(there, (0.01, 0.99) if len(there) >= _FEW else (0.0, 1.0)))
    if low == high:
        low, high = float(there.min()), float(there.max())
    count = min(_BINS, max(1, math.ceil(math.sqrt(len(there))))) if high > low else 1
    edges = np.linspace(low, high if high > low else low + 1.0, count + 1)
    found = np.bincount(np.clip(np.searchsorted(edges, there, side="right") - 1, 0, count - 1), minlength=count)
    middles = (edges[:-1] + edges[1:]) / 2 if high > low else np.array([low])
    names = [_short(float(v), float(edges[-1] - edges[0])) for v in middles]
    beyond = int((there < low).sum() + (there > high).sum())
    told = f"Median {adaptive(float(np.median(there)))}, mean {adaptive(float(there.mean()))}, from "
    told += f"{adaptive(float(there.min()))} to {adaptive(float(there.max()))} {unit}."
    told += f" The outer bars hold {beyond} sites beyond them." if beyond else ""
    told += f" {len(values) - len(there)} sites are not known." if len(there) < len(values) else ""
    drawn = bars(title, told, (unit, "sites"), names, (Stack("sites", COUNT, _values(found.astype(float))),))
    pitch = (drawn.right - drawn.left) / count
    every = max(1, math.ceil(count / 6))
    marks = [Mark(round(drawn.left + pitch * (k + 0.5), 1), names[k]) for k in range(every // 2, count, every)]
    return replace(drawn, x_marks=tuple(marks), legend=())


def _short(value: float, span: float) -> str:
    return number(value, decimals_for(span / 10) if span < 100 else 0)


def site_map(sites: FleetSites) -> Drawing | None:
    """Where the sites are, counted into cells: the larger a spot, the more there are."""
    if sites.latitude_deg is None or sites.longitude_deg is None:
        return None
    known = np.isfinite(sites.latitude_deg) & np.isfinite(sites.longitude_deg)
    if not known.any():
        return None
    lat, lon = sites.latitude_deg[known], sites.longitude_deg[known]
    frame = _Frame(lat, lon)
    across, up, counts = _cells(lat, lon)
    most = float(counts.max())
    dots = tuple(
        Dot(*frame.at(x, y), round(2.5 + 9.5 * math.sqrt(n / most), 1), COUNT,
            f"{int(n)} sites at {y:.2f}° N, {x:.2f}° E", "", "start")
        for x, y, n in zip(across, up, counts, strict=True)
    )  # fmt: skip
    missing = int((~known).sum())
    about = f"{int(known.sum())} sites in {len(counts)} cells, at most {int(most)} in one."
    about += f" {missing} sites have no place." if missing else ""
    return Drawing(
        "Where the sites are", about, "longitude [°]", "latitude [°]", (), (), frame.x_marks, frame.y_marks, (), (),
        width=_MAP_WIDTH, height=frame.height, bottom=frame.height - 40.0, dots=dots,
    )  # fmt: skip


class _Frame:
    """Degrees to places in a picture, with a degree of latitude as long as it is beside one of longitude."""

    def __init__(self, lat: Array, lon: Array) -> None:
        pad_y, pad_x = (0.06 * max(float(np.ptp(v)), 0.02) for v in (lat, lon))
        self.south, north = float(lat.min()) - pad_y, float(lat.max()) + pad_y
        self.west, east = float(lon.min()) - pad_x, float(lon.max()) + pad_x
        self.narrow = math.cos(math.radians((self.south + north) / 2))
        room = _MAP_WIDTH - 62.0 - 16.0
        self.scale = min(room / ((east - self.west) * self.narrow), (_MAP_HEIGHT - 66.0) / (north - self.south))
        self.height = round(max((north - self.south) * self.scale + 66.0, 160.0), 1)
        self.left = 62.0 + max(0.0, (room - (east - self.west) * self.narrow * self.scale) / 2)
        self.x_marks = tuple(Mark(self.at(v, self.south)[0], f"{v:g}") for v in _round(self.west, east))
        self.y_marks = tuple(Mark(self.at(self.west, v)[1], f"{v:g}") for v in _round(self.south, north))

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        """The x and y of a place."""
        y = self.height - 40.0 - (lat - self.south) * self.scale
        return round(self.left + (lon - self.west) * self.narrow * self.scale, 1), round(y, 1)


def _round(low: float, high: float) -> Sequence[float]:
    """Up to about five round numbers between two."""
    size = 10 ** math.floor(math.log10((high - low) / 4))
    step = next(size * f for f in (1, 2, 5, 10) if (high - low) / (size * f) <= 5)
    return [round(k * step, 6) for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _cells(lat: Array, lon: Array) -> tuple[Array, Array, Array]:
    """Mean place and number of the sites of each cell of a grid."""
    size = max(float(np.ptp(lat)), float(np.ptp(lon)), 1e-6) / _MAP_CELLS
    key = np.floor((lat - lat.min()) / size) * 1e6 + np.floor((lon - lon.min()) / size)
    _, cell, counts = np.unique(key, return_inverse=True, return_counts=True)
    mean = [np.bincount(cell.ravel(), weights=v) / counts for v in (lon, lat)]
    return mean[0], mean[1], counts.astype(np.float64)
