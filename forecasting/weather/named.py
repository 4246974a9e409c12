"""Weather providers by the names that commands and parks' files use."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from forecasting.errors import ForecastError
from forecasting.weather.base import WeatherProvider
from forecasting.weather.fallback import Fallback
from forecasting.weather.open_meteo import OpenMeteo, OpenMeteoAccess
from forecasting.weather.open_meteo_ensemble import Ensemble
from forecasting.weather.open_meteo_historical import HistoricalForecast
from forecasting.weather.open_meteo_previous import PreviousRuns
from forecasting.weather.table_file import WeatherTable
from forecasting.weather.typical import TypicalYear

SERVICES: Mapping[str, type[OpenMeteoAccess]] = MappingProxyType(
    {
        "open-meteo": OpenMeteo,
        "previous-runs": PreviousRuns,
        "ensemble": Ensemble,
        "historical-forecast": HistoricalForecast,
    }
)
# `kind:path`, such as tmy:year.epw: what makes a provider of a file.
FILE_KINDS: Mapping[str, Callable[[Path], WeatherProvider]] = MappingProxyType(
    {"tmy": TypicalYear, "table": WeatherTable}
)


def named(
    names: Sequence[str], *, folder: Path, cache_folder: Path | None = None, base_url: str | None = None
) -> WeatherProvider:
    """The provider of one name, or of several in the order in which they stand in for each other.

    `folder` is where relative paths start; `base_url` is the address of an own server for all services.

    Raises ForecastError for an unknown name or one given twice; the text is to be put behind the place of the names.
    """
    if len(set(names)) < len(names):
        raise ForecastError(f"{','.join(names)}: a provider can only stand once in the order")
    providers = tuple(_one(name.strip(), folder, cache_folder, base_url) for name in names)
    return providers[0] if len(providers) == 1 else Fallback(providers)


def _one(name: str, folder: Path, cache_folder: Path | None, base_url: str | None) -> WeatherProvider:
    kind, colon, path = name.partition(":")
    if colon and kind in FILE_KINDS and path:
        return FILE_KINDS[kind](folder / path)
    service = SERVICES.get(name)
    if service is None:
        accepted = [*SERVICES, *(f"{kind}:FILE" for kind in FILE_KINDS)]
        near = difflib.get_close_matches(name, accepted, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ForecastError(f"'{name}' is not known{hint}; accepted: {', '.join(accepted)}")
    settings = {"cache_folder": cache_folder} | ({"base_url": base_url} if base_url else {})
    provider: WeatherProvider = service(**settings)  # type: ignore[assignment, arg-type]
    return provider
