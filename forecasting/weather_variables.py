"""The variables of weather: one set of names and units, whoever gives them.

Columns carry the names and units of the Open-Meteo documentation (open-meteo.com/en/docs). Values at the stamp:
temperatures [°C], speeds [m/s], directions [°, where the wind comes from], humidity and cloud cover [%], pressure
[hPa], snow depth [m]. Means over the interval that ENDS at the stamp: radiation [W/m²]. Sums over it: precipitation
[mm] and snowfall [cm of snow], always per hour, so that a run in quarter-hours and one in hours hold the same
numbers in the same rain. The gust is the highest of the hour before the stamp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
STRAY_SHARE = 2e-3  # of what lies between the bounds of a variable: 4 W/m², .2 %, .3 m/s
WIND_SPEEDS_M_S = {
    10.0: "wind_speed_10m",
    80.0: "wind_speed_80m",
    100.0: "wind_speed_100m",
    120.0: "wind_speed_120m",
    180.0: "wind_speed_180m",
}
WIND_DIRECTIONS_DEG = {
    10.0: "wind_direction_10m",
    80.0: "wind_direction_80m",
    100.0: "wind_direction_100m",
    120.0: "wind_direction_120m",
    180.0: "wind_direction_180m",
}


@dataclass(frozen=True)
class Variable:
    """One canonical variable.

    Attributes:
        unit: as Open-Meteo writes it.
        over: the instant of the stamp, or how the interval that ends there is put into one number.
        least, most: what can be believed on earth [unit]; a value outside is a mistake of unit or sign.
    """

    unit: str
    over: Literal["instant", "mean", "sum", "highest"]
    least: float
    most: float

    def within(self, values: Floats) -> Floats:
        """Values (N,) with those that miss a bound by a hair put on it.

        Interpolated runs have −4·10⁻² W/m² at night and 100.0000001 % of cloud, and pyranometers a few W/m² below 0.
        """
        stray = STRAY_SHARE * (self.most - self.least)
        near = np.clip(values, self.least, self.most)
        return np.where(np.abs(values - near) <= stray, near, values)

    def beyond(self, values: Floats) -> NDArray[np.bool_]:
        """Which values (N,) cannot be believed; those that are missing can."""
        return np.asarray((values < self.least) | (values > self.most))


def _table() -> dict[str, Variable]:
    speeds = {name: Variable("m/s", "instant", 0.0, 130.0) for name in WIND_SPEEDS_M_S.values()}
    directions = {name: Variable("°", "instant", 0.0, 360.0) for name in WIND_DIRECTIONS_DEG.values()}
    clouds = ("cloud_cover", "cloud_cover_low", "cloud_cover_mid", "cloud_cover_high")
    # The sun's 1361 W/m² and what white clouds beside it add (1 800 W/m² have been measured on mountains).
    radiation = ("shortwave_radiation", "direct_radiation", "direct_normal_irradiance", "diffuse_radiation")
    return {
        "temperature_2m": Variable("°C", "instant", -95.0, 65.0),
        "relative_humidity_2m": Variable("%", "instant", 0.0, 101.0),
        "dew_point_2m": Variable("°C", "instant", -110.0, 45.0),
        **speeds,
        **directions,
        "surface_pressure": Variable("hPa", "instant", 300.0, 1100.0),
        "pressure_msl": Variable("hPa", "instant", 850.0, 1100.0),
        **{name: Variable("%", "instant", 0.0, 100.0) for name in clouds},
        "snow_depth": Variable("m", "instant", 0.0, 40.0),
        **{name: Variable("W/m²", "mean", 0.0, 1900.0) for name in radiation},
        "precipitation": Variable("mm", "sum", 0.0, 500.0),
        "snowfall": Variable("cm", "sum", 0.0, 100.0),
        "wind_gusts_10m": Variable("m/s", "highest", 0.0, 150.0),
    }


CATALOGUE: Mapping[str, Variable] = MappingProxyType(_table())
VARIABLES = tuple(CATALOGUE)
AT_THE_STAMP = tuple(name for name, variable in CATALOGUE.items() if variable.over == "instant")
BEFORE_THE_STAMP = tuple(name for name, variable in CATALOGUE.items() if variable.over != "instant")
UNITS: Mapping[str, str] = MappingProxyType({name: variable.unit for name, variable in CATALOGUE.items()})
