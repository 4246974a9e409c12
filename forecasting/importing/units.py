"""Units as people write them in files, and the way from each to the archive's own.

Powers stand in the archive in kW, prices in money per MWh, carbon intensities in g/kWh, weather in the units of
`forecasting.weather.base`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from forecasting.errors import ForecastError
from forecasting.weather_variables import CATALOGUE


@dataclass(frozen=True)
class Unit:
    """value · scale + offset is in the archive's unit; per step: divided by the length of its interval [h] as well."""

    quantity: str
    scale: float
    offset: float = 0.0
    per_step: bool = False


def _units() -> dict[str, Unit]:
    power = {"W": 1e-3, "kW": 1.0, "MW": 1e3, "GW": 1e6}
    found = {name: Unit("power", scale) for name, scale in power.items()}
    found |= {f"{name}h": Unit("power", scale, per_step=True) for name, scale in power.items()}
    speed = {"m/s": 1.0, "km/h": 1 / 3.6, "kn": 1852 / 3600, "mph": 0.44704}
    found |= {name: Unit("speed", scale) for name, scale in speed.items()}
    celsius, fahrenheit = Unit("temperature", 1.0), Unit("temperature", 5 / 9, -32 * 5 / 9)
    found |= {"°C": celsius, "degC": celsius, "K": Unit("temperature", 1.0, -273.15)}
    found |= {"°F": fahrenheit, "degF": fahrenheit}
    for square in ("m2", "m²"):
        found |= {f"W/{square}": Unit("irradiance", 1.0), f"kW/{square}": Unit("irradiance", 1e3)}
        summed = {f"Wh/{square}": 1.0, f"kWh/{square}": 1e3}
        summed |= {f"{joule}/{square}": scale / 3.6 for joule, scale in {"J": 1e-3, "kJ": 1.0, "MJ": 1e3}.items()}
        found |= {name: Unit("irradiance", scale, per_step=True) for name, scale in summed.items()}
    for square in ("cm2", "cm²"):  # the German weather service's
        found[f"J/{square}"] = Unit("irradiance", 1e4 / 3600, per_step=True)
    found |= {
        name: Unit("pressure", scale) for name, scale in {"hPa": 1.0, "mbar": 1.0, "Pa": 0.01, "kPa": 10.0}.items()
    }
    found |= {name: Unit("angle", scale) for name, scale in {"°": 1.0, "deg": 1.0, "rad": 57.29577951308232}.items()}
    found |= {"%": Unit("share", 1.0), "1": Unit("share", 100.0), "okta": Unit("share", 12.5)}
    found |= {name: Unit("length", scale) for name, scale in {"mm": 1e-3, "cm": 1e-2, "m": 1.0}.items()}
    intensity = {"g/kWh": 1.0, "kg/MWh": 1.0, "kg/kWh": 1e3, "t/MWh": 1e3, "lb/MWh": 0.45359237}
    return found | {name: Unit("intensity", scale) for name, scale in intensity.items()}


UNITS = _units()
_PRICE = re.compile(r"[A-Za-z]{3}/(MWh|kWh)")
# The canonical units of weather, as quantity; sums of rain and snow are lengths of their own.
_QUANTITY = {"°C": "temperature", "%": "share", "m/s": "speed", "°": "angle", "hPa": "pressure", "W/m²": "irradiance"}
_LENGTH = {"mm": 1e3, "cm": 1e2, "m": 1.0}


def unit_for(name: str | None, variable: str) -> Unit:
    """The way from a unit to that of a variable; None: values are in the variable's own unit.

    Raises ForecastError for a unit that is unknown, or of another quantity than the variable.
    """
    weather = CATALOGUE.get(variable)
    if name is None:
        return Unit("", 1.0)
    if (price := _PRICE.fullmatch(name)) is not None and weather is None:
        return Unit("price", 1.0 if price[1] == "MWh" else 1e3)
    found = UNITS.get(name)
    if weather is None:
        if found is None:
            raise ForecastError(f"unit {name!r} is unknown; accepted: EUR/MWh or another currency, {', '.join(UNITS)}")
        return found
    quantity = _QUANTITY.get(weather.unit, "length")
    if found is None or found.quantity != quantity:
        accepted = ", ".join(key for key, unit in UNITS.items() if unit.quantity == quantity)
        raise ForecastError(f"unit {name!r} is none for {variable}, kept in {weather.unit}; accepted: {accepted}")
    if quantity == "length":
        return Unit(quantity, found.scale * _LENGTH[weather.unit])
    return found
