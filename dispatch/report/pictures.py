"""From report data to pictures: what each chart draws, as plain values.

The abscissa is hours elapsed since the first step, so unequal steps and both daylight-saving days need
nothing special: only the tick labels know the clock on the wall.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

from dispatch.report.clock import Timed
from dispatch.report.colours import Colour, shade
from dispatch.report.data import Answer, Balance, Fan, Line, Picture, ReportData, Store, VoltageBand, parse_start
from dispatch.report.wording import MISSING, adaptive, decimals_for, energy, mass, number, percent

Draw = Literal["area", "line", "band", "ribbon"]

INK = Colour("#1d2733", "#e8ecef")
PRICE = Colour("#a3641c", "#e0a35a")
EXPORT = Colour("#4b6a8a", "#93b4d6")
CARBON = Colour("#5f6b63", "#a9b5ad")
REST = Colour("#a8aca4", "#6c716b")
MOST_LINES = 14
BAND = Colour("#297fcc", "#529aec")
BUSES: tuple[Colour, ...] = (
    Colour("#0f766e", "#4ebf9e"),
    Colour("#b45309", "#e0a35a"),
    Colour("#7552ab", "#a98ae0"),
    Colour("#9d174d", "#e58ab4"),
)


@dataclass(frozen=True)
class Series:
    """A drawn series of T (steps) or T+1 (edges) values; ``upper`` makes a band, ``sign`` −1 draws down."""

    name: str
    draw: Draw
    values: tuple[float, ...]
    colour: Colour
    summary: str = ""
    upper: tuple[float, ...] | None = None
    sign: int = 1
    stack: str = ""
    dashed: bool = False
    opacity: float = 1.0


@dataclass(frozen=True)
class Panel:
    """One plotting area of a chart with its own ordinate; heights in rem so that the page never jumps."""

    title: str
    unit: str
    height_rem: float
    series: tuple[Series, ...]
    decimals: int
    limits: tuple[tuple[str, float], ...] = ()
    low: float | None = None
    high: float | None = None
    missing: tuple[tuple[float, float], ...] = ()
    axis_decimals: int | None = None


@dataclass(frozen=True)
class Chart:
    """One picture: panels above each other over one time axis, with a sentence that says what it shows."""

    id: str
    title: str
    about: str
    panels: tuple[Panel, ...]

    @property
    def height_rem(self) -> float:
        """Total height: panels, a title line over each, and the time axis."""
        return round(sum(panel.height_rem + 2.0 for panel in self.panels) + 1.7, 2)


def edges_h(data: Timed) -> tuple[float, ...]:
    """The T+1 step edges in hours since the first step."""
    return tuple(round(edge, 6) for edge in accumulate(data.step_h, initial=0.0))


def power_charts(data: ReportData, colours: Mapping[str, Colour], electricity: bool) -> tuple[Chart, ...]:
    """Stacked balances of the electricity buses (with price and carbon ribbons) or of all other carriers."""
    charts = []
    for place, balance in enumerate(data.balances):
        if (balance.carrier == "electricity") is not electricity:
            continue
        ribbons = _ribbons(data) if electricity else ()
        panel = balance_panel(data, balance, colours, 17.0 if electricity else 12.0)
        title = f"{balance.carrier.capitalize()} · {balance.bus}"
        charts.append(Chart(f"balance-{place}", title, balance_about(data, balance), (*ribbons, panel)))
    return tuple(charts)


def store_charts(data: ReportData, colours: Mapping[str, Colour]) -> tuple[Chart, ...]:
    """State of charge of every store between its limits."""
    return tuple(_store_chart(place, store, colours[store.name]) for place, store in enumerate(data.stores))


def fan_charts(data: ReportData, colours: Mapping[str, Colour]) -> tuple[Chart, ...]:
    """Forecast quantiles as nested bands, the expected course and what came true."""
    return tuple(_fan_chart(data, place, fan, colours[fan.name]) for place, fan in enumerate(data.fans))


def voltage_charts(data: ReportData) -> tuple[Chart, ...]:
    """The voltage band of the network over the day, and under it the highest branch loading."""
    if data.voltage is None:
        return ()
    band = data.voltage
    lowest, highest = _lowest(band.lowest_pu, 3), _highest(band.highest_pu, 3)
    about = (
        f"Voltages from {lowest} to {highest} p.u. against limits "
        f"{number(band.lower_limit_pu, 2)} to {number(band.upper_limit_pu, 2)} p.u.; "
        f"highest branch loading {percent(max(known(band.loading_max_pu), default=math.nan))}."
    )
    return (Chart("voltage", "Network", about, (_voltage_panel(band), _loading_panel(band))),)


def answer_charts(
    data: ReportData, colours: Mapping[str, Colour], answers: Sequence[Answer], place: str
) -> tuple[tuple[Chart, ...], ...]:
    """The pictures of each answer: a stack of lines, one to compare with, a ratio under them, and lines by themselves.

    Args:
        place: what the charts' names on the page begin with.
    """
    return tuple(
        tuple(_picture_chart(data, f"{place}-{a}-{p}", one, colours) for p, one in enumerate(answer.pictures))
        for a, answer in enumerate(answers)
    )


# ---- panels


def _picture_chart(data: ReportData, place: str, picture: Picture, colours: Mapping[str, Colour]) -> Chart:
    series = [
        Series(one.name, "area", one.values, colours[one.name], total_text(data, one.values, one.unit), stack="parts")
        for one in picture.stacked
    ]
    if picture.over is not None:
        text = total_text(data, picture.over.values, picture.over.unit)
        series.append(Series(picture.over.name, "line", picture.over.values, INK, text, dashed=True))
    largest = max((value for one in series for value in known(one.values)), default=0.0)
    gaps = gaps_h(data, [one.values for one in series])
    panels = [Panel("Power", "kW", 14.0, tuple(series), min(2, decimals_for(largest)), missing=gaps)] if series else []
    if picture.ratio is not None:
        panels.append(_ratio_panel(picture.ratio))
    if picture.lines:
        panels.append(_lines_panel(picture, colours))
    return Chart(place, picture.name, picture.about, tuple(panels))


def _lines_panel(picture: Picture, colours: Mapping[str, Colour]) -> Panel:
    """From zero, so that heights compare."""
    there = [value for line in picture.lines for value in known(line.values)]
    low, high = min([0.0, *there]), max([0.0, *there])
    decimals = max(2, decimals_for(high))
    series = tuple(
        Series(line.name, "line", line.values, colours[line.name], between(line.values, decimals))
        for line in picture.lines
    )
    top = round(1.06 * high, 4) if high > low else low + 1.0
    return Panel(picture.name, picture.lines[0].unit, 10.0, series, decimals, low=low, high=top, axis_decimals=2)


def _ratio_panel(line: Line) -> Panel:
    """From zero where it is a share, else around its values: a PUE is never near zero."""
    share, there = line.unit == "%", known(line.values) or [0.0]
    pad = 0.1 * (max(there) - min(there)) or 0.05
    low, high = (0.0, 105.0) if share else (round(min(there) - pad, 3), round(max(there) + pad, 3))
    decimals = 1 if share else 3
    one = Series(line.name, "line", line.values, BAND, between(line.values, decimals), opacity=0.18 if share else 1.0)
    return Panel(line.name.capitalize() if share else line.name, line.unit, 5.5, (one,), decimals, low=low, high=high,
                 axis_decimals=0 if share else 2)  # fmt: skip


def _ribbons(data: ReportData) -> tuple[Panel, ...]:
    price, export, carbon = data.import_price, data.export_price, data.carbon_intensity_kg_per_kwh
    unit = f"{data.currency}/kWh"
    ribbons = []
    if known(price) or known(export):
        decimals = decimals_for(max(map(abs, known(price) + known(export))))
        both = (
            Series("import price", "ribbon", price, PRICE, between(price, decimals)),
            Series("export price", "line", export, EXPORT, between(export, decimals), dashed=True),
        )
        series = tuple(one for one in both if known(one.values))
        ribbons.append(_ribbon(data, "Price", unit, series, decimals))
    if known(carbon):
        decimals = decimals_for(max(map(abs, known(carbon))))
        one = Series("carbon intensity", "ribbon", carbon, CARBON, between(carbon, decimals))
        ribbons.append(_ribbon(data, "Carbon intensity of grid power", "kg CO₂/kWh", (one,), decimals))
    return tuple(ribbons)


def _ribbon(data: Timed, title: str, unit: str, series: tuple[Series, ...], decimals: int) -> Panel:
    there = [value for one in series for value in known(one.values)]
    low, high = min(0.0, *there), max(0.0, *there)
    gaps = gaps_h(data, [series[0].values])
    return Panel(title, unit, 2.8, series, decimals, low=low, high=high if high > low else low + 1.0, missing=gaps)


def balance_panel(data: Timed, balance: Balance, colours: Mapping[str, Colour], height: float) -> Panel:
    """Supplies stacked upwards, uses downwards."""
    sides: tuple[tuple[int, tuple[Line, ...]], ...] = ((1, balance.supply), (-1, balance.use))
    series = tuple(
        Series(
            line.name,
            "area",
            line.values,
            colours.get(line.name, REST),
            total_text(data, line.values, balance.unit),
            sign=sign,
            stack="up" if sign > 0 else "down",
        )
        for sign, lines in sides
        for line in _largest(data, lines)
    )
    largest = max((value for one in series for value in known(one.values)), default=0.0)
    gaps = gaps_h(data, [one.values for one in series])
    title = "Supply above zero, use below"
    return Panel(title, balance.unit, height, series, min(2, decimals_for(largest)), missing=gaps)


def _store_chart(place: int, store: Store, colour: Colour) -> Chart:
    values = known(store.stored_kwh)
    start, end = store.stored_kwh[0], store.stored_kwh[-1]
    full = f" ({percent(end / store.max_kwh, 0)})" if store.max_kwh > 0 else ""
    summary = f"{adaptive(start)} → {adaptive(end)} kWh{full}"
    about = (
        f"{store.name}: {adaptive(start)} kWh at the start, {adaptive(end)} kWh at the end, between "
        f"{adaptive(min(values, default=math.nan))} and {adaptive(max(values, default=math.nan))} kWh; "
        f"limits {adaptive(store.min_kwh)} to {adaptive(store.max_kwh)} kWh."
    )
    series = Series("stored", "line", store.stored_kwh, colour, summary, opacity=0.25)
    # A lower limit of zero is the axis itself.
    limits = (("max", store.max_kwh), *([("min", store.min_kwh)] if store.min_kwh > 0 else []))
    high = max([store.max_kwh, *values]) * 1.06
    decimals = min(2, decimals_for(store.max_kwh))
    panel = Panel("Stored energy", "kWh", 8.5, (series,), decimals, limits, low=min([0.0, *values]), high=high)
    return Chart(f"store-{place}", store.name, about, (panel,))


def _fan_chart(data: ReportData, place: int, fan: Fan, colour: Colour) -> Chart:
    clear = Colour(shade(colour.light, -0.22), shade(colour.dark, 0.4))
    lines = [Series("expected", "line", fan.central, clear, total_text(data, fan.central, fan.unit))]
    if fan.actual is not None:
        summary = total_text(data, fan.actual, fan.unit)
        lines.append(Series("actual", "line", fan.actual, INK, summary, dashed=True))
    peak = max(known(fan.central), default=math.nan)
    about = f"Forecast of {fan.name}: expected peak {adaptive(peak)} {fan.unit}, in all {lines[0].summary}."
    series = (*_fan_bands(fan, colour), *lines)
    panel = Panel("Forecast", fan.unit, 10.0, series, min(2, decimals_for(peak)))
    return Chart(f"fan-{place}", fan.name, about, (panel,))


def _fan_bands(fan: Fan, colour: Colour) -> list[Series]:
    """Outermost first: each pair of levels as far from the middle on both sides is one band."""
    order = sorted(range(len(fan.levels)), key=lambda row: fan.levels[row])
    bands = []
    for depth in range(len(order) // 2):
        low, high = order[depth], order[-1 - depth]
        name = f"{100 * fan.levels[low]:g}–{100 * fan.levels[high]:g} %"
        upper, opacity = fan.quantiles[high], min(0.6, 0.14 + 0.16 * depth)
        bands.append(Series(name, "band", fan.quantiles[low], colour, upper=upper, stack=f"b{depth}", opacity=opacity))
    return bands


def _voltage_panel(band: VoltageBand) -> Panel:
    low, high = band.lowest_pu, band.highest_pu
    span = f"{_lowest(low, 3)} … {_highest(high, 3)}"
    all_buses = Series("all buses", "band", low, BAND, span, upper=high, stack="all", opacity=0.22)
    middle = (
        (Series("median of all buses", "line", band.median_pu, BAND, between(band.median_pu, 3), dashed=True),)
        if band.median_pu
        else ()
    )
    own = tuple(
        Series(
            line.name,
            "line",
            line.values,
            BUSES[place % len(BUSES)],
            between(line.values, 3),
            dashed=place >= len(BUSES),
        )
        for place, line in enumerate(band.own_bus)
    )
    limits = (("max", band.upper_limit_pu), ("min", band.lower_limit_pu))
    seen = [band.lower_limit_pu, band.upper_limit_pu, *known(low), *known(high)]
    pad = 0.08 * (max(seen) - min(seen)) or 0.01
    return Panel(
        "Voltage",
        "p.u.",
        11.0,
        (all_buses, *middle, *own),
        4,
        limits,
        low=round(min(seen) - pad, 4),
        high=round(max(seen) + pad, 4),
        axis_decimals=2,
    )


def _loading_panel(band: VoltageBand) -> Panel:
    loading = tuple(100 * value for value in band.loading_max_pu)
    top = max(known(loading), default=math.nan)
    series = Series("highest branch loading", "line", loading, BAND, f"up to {number(top, 1)} %", opacity=0.18)
    high = max([108.0, *(1.06 * value for value in known(loading))])
    return Panel("Highest branch loading", "%", 5.5, (series,), 1, (("rated", 100.0),), low=0.0, high=round(high, 1))


# ---- words and small sums


def known(values: tuple[float, ...]) -> list[float]:
    """The values that are there."""
    return [value for value in values if math.isfinite(value)]


def gaps_h(data: Timed, series: list[tuple[float, ...]]) -> tuple[tuple[float, float], ...]:
    """From when to when some series has no value [h]."""
    edges = edges_h(data)
    gaps: list[tuple[float, float]] = []
    for k, (start, end) in enumerate(pairwise(edges)):
        if all(math.isfinite(values[k]) for values in series):
            continue
        joins = bool(gaps) and gaps[-1][1] == start
        gaps.append((gaps.pop()[0] if joins else start, end))
    return tuple(gaps)


def total_text(data: Timed, values: tuple[float, ...], unit: str) -> str:
    """Energy or mass over all steps, else the range, in words."""
    there = [(value, hours) for value, hours in zip(values, data.step_h, strict=True) if math.isfinite(value)]
    if not there:
        return MISSING
    if unit not in ("kW", "MW", "kg/h"):
        return between(values, 2)
    amount = sum(value * hours for value, hours in there)
    text = mass(amount) if unit == "kg/h" else energy(amount * (1000 if unit == "MW" else 1))
    return text if len(there) == len(values) else f"{text}, {len(values) - len(there)} gaps"


def _largest(data: Timed, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """All lines, or the largest by energy and the sum of the rest: nobody tells so many colours apart."""
    if len(lines) <= MOST_LINES:
        return lines

    def size(place: int) -> float:
        pairs = zip(lines[place].values, data.step_h, strict=True)
        return sum(value * hours for value, hours in pairs if math.isfinite(value))

    ranked = sorted(range(len(lines)), key=lambda place: (-size(place), place))
    kept, folded = sorted(ranked[: MOST_LINES - 1]), ranked[MOST_LINES - 1 :]
    total = tuple(sum(column) for column in zip(*(lines[place].values for place in folded), strict=True))
    return (*(lines[place] for place in kept), Line(f"{len(folded)} others", total))


def between(values: tuple[float, ...], decimals: int) -> str:
    """The lowest and the highest value that is there."""
    there = known(values)
    if not there:
        return MISSING
    low, high = number(min(there), decimals), number(max(there), decimals)
    return low if low == high else f"{low} … {high}"


def _lowest(values: tuple[float, ...], decimals: int) -> str:
    return number(min(known(values), default=math.nan), decimals)


def _highest(values: tuple[float, ...], decimals: int) -> str:
    return number(max(known(values), default=math.nan), decimals)


def balance_about(data: Timed, balance: Balance) -> str:
    """What a balance shows, in a sentence."""
    sums = [
        sum(v for v in column if math.isfinite(v))
        for column in zip(*(line.values for line in balance.supply), strict=True)
    ]
    if not sums:
        return f"Power balance of {balance.bus}: {len(balance.use)} uses, no supply."
    peak = max(range(len(sums)), key=sums.__getitem__)
    when = parse_start(data.step_start[peak]).strftime("%H:%M")
    return (
        f"Power balance of {balance.bus}: {len(balance.supply)} supplies stacked upwards, {len(balance.use)} "
        f"uses stacked downwards; supply is highest at {when} with {adaptive(sums[peak])} {balance.unit}."
    )
