"""Values that a park may have and hardly has: prices, carbon and powers that look like another unit than their field's.

Each is a note and no error, since there may be such a park. The bounds are wide: beyond them lies no tariff, no power
station and no meter that we know of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch.asset import Asset
from dispatch.assets.grid_connection import GridConnection
from dispatch.errors import Problem
from dispatch.fields.frozen import rebuilt
from dispatch.fields.series import DayPrices, Factor, FileSeries, Interval, Need, Point, SignalFile
from dispatch.site import Site

# Old lignite stations emit 1.2 kg/kWh, blast-furnace gas used for power about 1.8.
_CARBON_KG_PER_KWH = 2.0
# The dearest energy that is sold: caps of spot markets (CNY 1.5, EUR 5, USD 5, AUD 20 a kWh) and diesel sets.
_PRICE_PER_KWH = {"CNY": 20.0, "EUR": 5.0, "USD": 5.0, "GBP": 5.0, "CHF": 5.0, "AUD": 20.0, "INR": 200.0, "JPY": 500.0}
_PRICES = {"price_per_kwh", "cost_per_kwh", "export_price_per_kwh"}
# A plant's best quarter-hour lies near its rating in any history of some weeks.
_LEAST_OF_RATING, _MOST_OF_RATING = 0.02, 2.0
_LEAST_OF_CONNECTION, _MOST_OF_CONNECTION = 0.005, 50.0
_IN_A_NAME = re.compile(r"(?<![A-Za-z])([kMG]?Wh?|[kmg]wh?|KWH?|MWH?)(?![A-Za-z])")


@dataclass(frozen=True)
class Measured:
    """A history as its file has it.

    Attributes:
        index: of the asset in the park's file.
        values: in the unit that the park's file says, NaN where unknown.
    """

    index: int
    asset: Asset
    need: Need
    history: FileSeries
    values: Sequence[float]

    @property
    def peak_kw(self) -> float:
        """The highest power; 0 without any."""
        values = np.array(self.values, dtype=np.float64)
        scale = {"W": 1e-3, "kW": 1.0, "MW": 1e3}[self.history.unit]
        return float(np.nanmax(np.abs(values))) * scale if np.isfinite(values).any() else 0.0

    @property
    def path(self) -> str:
        """Of the history in the park's file."""
        return f"assets[{self.index}].history"


def doubts(site: Site, measured: Sequence[Measured]) -> Iterator[Problem]:
    """What is hard to believe, each with its place and what it would be if it were right."""
    for index, asset in enumerate(site.assets):
        found: list[Problem] = []
        rebuilt(asset, _Look(site.currency, found), f"assets[{index}]")
        yield from found
    for one in measured:
        yield from _of_history(one)
    yield from _of_connections(site, measured)


class _Look:
    """Collects doubts from every field it is shown; changes nothing."""

    def __init__(self, currency: str, found: list[Problem]) -> None:
        self._currency, self._found = currency, found

    def __call__(self, value: Any, path: str) -> None:
        name = path.rpartition(".")[2]
        numbers = _numbers(value)
        if not numbers.size:
            return
        usual = float(np.median(np.abs(numbers)))
        most = _PRICE_PER_KWH.get(self._currency, np.inf)
        if name.endswith("kg_per_kwh") and usual > _CARBON_KG_PER_KWH:
            text = f"{usual:g} kg/kWh is more than any power station emits (coal: about 1)"
            self._found.append(Problem(path, text, f"'{usual:g} g/kWh' if it is in g/kWh or kg/MWh"))
        elif name in _PRICES and usual > most:
            money = self._currency
            text = f"{usual:g} {money}/kWh is more than any energy costs ({most:g} {money}/kWh at most)"
            self._found.append(Problem(path, text, f"'{usual:g} {money}/MWh' if it is per MWh"))


def _numbers(value: Any) -> np.ndarray:
    """What a field's value comes to in numbers; none where it is something else."""
    if isinstance(value, bool):
        return np.empty(0)
    if isinstance(value, int | float):
        return np.array([float(value)])
    if isinstance(value, Factor):
        return np.array([value.kg_per_kwh])
    if isinstance(value, SignalFile | DayPrices):
        listed = np.array(value.values if isinstance(value, SignalFile) else value.hourly, dtype=np.float64)
        return listed[np.isfinite(listed)]
    if isinstance(value, tuple) and value and all(isinstance(entry, Interval | Point) for entry in value):
        return np.array([entry.value for entry in value])
    return np.empty(0)


def _of_history(one: Measured) -> Iterator[Problem]:
    """The unit in a column's name, and the highest power beside the plant's rating."""
    names = _IN_A_NAME.findall(one.history.column.replace("_", " "))
    named = names[-1] if names else ""
    path, read_in = f"{one.path}.column", one.history.unit
    if named.lower().endswith("wh"):
        text = f"'{one.history.column}' sounds like energy and is read as mean power in {read_in}"
        accepted = "power; energy of quarter-hours times 4, as the meter's interval is"
        yield Problem(path, text, accepted)
    elif named and named.lower() != read_in.lower():
        spelled = {"w": "W", "kw": "kW", "mw": "MW"}.get(named.lower())
        text = f"'{one.history.column}' is read in {read_in}"
        yield Problem(path, text, f"unit: {spelled}, if that is what its name says" if spelled else "W, kW or MW")
    rating, peak = one.need.capacity_kw, one.peak_kw
    rated = one.need.kind != "load" and np.isfinite(rating) and rating > 0
    if rated and peak > 0 and not _LEAST_OF_RATING * rating <= peak <= _MOST_OF_RATING * rating:
        text = f"its highest power is {peak:,.6g} kW, beside a rating of {rating:,.6g} kW"
        yield Problem(path, text, "unit: W or MW where the file is in it, and a rating in kW")


def _of_connections(site: Site, measured: Sequence[Measured]) -> Iterator[Problem]:
    """The highest electric loads beside what the grid can bring; the first load says it for all."""
    carriers = dict(zip(site.bus_names, site.bus_carriers, strict=True))
    loads = [
        one
        for one in measured
        if one.need.kind == "load" and carriers.get(getattr(one.asset, "bus", "")) == "electricity"
    ]
    import_kw = sum(asset.import_kw for asset in site.assets if isinstance(asset, GridConnection))
    peak = sum(one.peak_kw for one in loads)
    if loads and import_kw and peak and not _LEAST_OF_CONNECTION <= peak / import_kw <= _MOST_OF_CONNECTION:
        text = f"all electric loads come to {peak:,.6g} kW at most, beside connections for {import_kw:,.6g} kW"
        yield Problem(f"{loads[0].path}.column", text, "unit: W or MW where the file is in it, and import_kw in kW")
