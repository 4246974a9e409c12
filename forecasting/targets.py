"""What is forecast, where, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import ForecastError
from forecasting.physics import PvPlant, WindFarm

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
Kind: TypeAlias = Literal["wind", "pv", "load", "net_load", "price", "intensity"]


@dataclass(frozen=True)
class Place:
    """Where the targets stand; holidays are local dates such as "2016-10-03"."""

    latitude_deg: float
    longitude_deg: float
    time_zone: str
    altitude_m: float = 0.0
    holidays: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no place on earth has."""
        if not (-90 <= self.latitude_deg <= 90 and -180 <= self.longitude_deg <= 180):
            raise ForecastError(
                f"place {self.latitude_deg}, {self.longitude_deg}: latitude is −90…90, longitude −180…180"
            )
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ForecastError(
                f"time zone {self.time_zone!r} is unknown; use an IANA name such as Asia/Shanghai"
            ) from error
        for day in self.holidays:
            try:
                np.datetime64(day, "D")
            except ValueError as error:
                raise ForecastError(f"holiday {day!r} is not a date; write it as 2016-10-03") from error


@dataclass(frozen=True)
class Target:
    """One series to forecast: its measurements stand in the archive under (site, name).

    Powers in kW, prices in money per MWh, carbon intensities in g/kWh. `capacity_kw` is the upper limit of the
    forecast and may be infinite for all but wind and pv. Loads of any carrier are kind "load"; a load with
    generation behind its meter, which may fall below zero, is "net_load". `weather` are the sites of the archive
    under which forecasts of its weather stand, the best source first; `place` is where it stands if not where
    the others do. An `optional` one is left out of a forecast where nothing is known of it. `past_capacities` are
    (until [ns since 1970], kW) of a plant that grew or shrank, rising; after the last it has `capacity_kw`.
    """

    name: str
    kind: Kind
    capacity_kw: float
    site: str
    plant: PvPlant | None = None
    farm: WindFarm | None = None
    weather: tuple[str, ...] = ()
    place: Place | None = None
    optional: bool = False
    past_capacities: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a capacity that bounds nothing."""
        if self.kind not in get_args(Kind):
            raise ForecastError(
                f"target {self.name}: kind {self.kind!r} is unknown; valid are {', '.join(get_args(Kind))}"
            )
        if not self.capacity_kw > 0 or (np.isinf(self.capacity_kw) and self.kind in ("wind", "pv")):
            raise ForecastError(
                f"target {self.name}: capacity_kw {self.capacity_kw} must be above 0, and finite for wind and pv"
            )
        until, past = [ns for ns, _ in self.past_capacities], [kw for _, kw in self.past_capacities]
        if past and (self.kind not in ("wind", "pv") or not all(0 < kw < np.inf for kw in past)):
            raise ForecastError(
                f"target {self.name}: past_capacities are of wind and pv, finite and above 0; given {self.kind}, {past}"
            )
        if any(later <= one for one, later in pairwise(until)):
            raise ForecastError(
                f"target {self.name}: past_capacities must rise in time, each until after the one before"
            )

    @property
    def unit(self) -> str:
        """Unit of measurements and forecasts."""
        return {"price": "money/MWh", "intensity": "g/kWh"}.get(self.kind, "kW")

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest value that can come."""
        if self.kind == "price":
            return -np.inf, np.inf
        return (-self.capacity_kw if self.kind == "net_load" else 0.0), self.capacity_kw


@dataclass(frozen=True, eq=False)
class Forecast:
    """Forecast means over the T intervals between `edges`, in the unit of each target, with what it was made from.

    quantiles[name] (T, Q) rise with `levels` (Q,); central[name] (T,) is the mean; scenarios[name] (S, T)
    are joint paths: row s of all names belongs together and has probability weights[s]. quality[name] is the
    lowest rung of the ladder that any interval stands on, see `forecasting.ladder`. units[name] is "kW",
    "money/MWh" or "g/kWh".
    """

    issue_time: pd.Timestamp
    edges: pd.DatetimeIndex
    levels: Floats
    names: tuple[str, ...]
    quantiles: Mapping[str, Floats]
    central: Mapping[str, Floats]
    scenarios: Mapping[str, Floats]
    weights: Floats
    quality: Mapping[str, str]
    model_version: str
    inputs_used: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    sites: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def table(self) -> pa.Table:
        """Long table (site, variable, unit, issue_time, valid_time = interval END, level, value)."""
        import pyarrow as pa

        ends = self.edges[1:].as_unit("ns").asi8
        steps, q = len(ends), len(self.levels)
        rows = steps * q
        stamp = pa.timestamp("ns", tz="UTC")
        fields = [
            pa.field("site", pa.string()),
            pa.field("variable", pa.string()),
            pa.field("unit", pa.string()),
            pa.field("issue_time", stamp),
            pa.field("valid_time", stamp, metadata={"means": "end of the interval that value is the mean of"}),
            pa.field("level", pa.float64(), metadata={"unit": "1"}),
            pa.field("value", pa.float64(), metadata={"unit": "as in the column unit"}),
        ]
        issue_ns = self.issue_time.as_unit("ns").value
        of_name = pa.array(np.repeat(np.arange(len(self.names)), rows))

        def each(words: list[str]) -> pa.Array:
            return pa.array(words, pa.string()).take(of_name)

        columns = [
            each([self.sites.get(name, "") for name in self.names]),
            each(list(self.names)),
            each([self.units.get(name, "kW") for name in self.names]),
            pa.array(np.full(rows * len(self.names), issue_ns), pa.int64()).cast(stamp),
            pa.array(np.tile(np.repeat(ends, q), len(self.names)), pa.int64()).cast(stamp),
            pa.array(np.tile(self.levels, steps * len(self.names))),
            pa.array(np.concatenate([self.quantiles[name].ravel() for name in self.names])),
        ]
        return pa.Table.from_arrays(columns, schema=pa.schema(fields))
