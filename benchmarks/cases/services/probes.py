"""One probe for each provider: how it is asked, what its service documents, and how that goes wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.cases.services import documents
from benchmarks.cases.services.documents import NOW
from benchmarks.cases.services.local import Question
from forecasting.intensity.electricity_maps import ElectricityMaps
from forecasting.intensity.gb import GreatBritain
from forecasting.intensity.mix import EntsoeMix
from forecasting.prices.energy_charts import EnergyCharts
from forecasting.prices.entsoe import EntsoePrices
from forecasting.weather.open_meteo import OpenMeteo
from forecasting.weather.open_meteo_ensemble import Ensemble
from forecasting.weather.open_meteo_historical import HistoricalForecast
from forecasting.weather.open_meteo_previous import PreviousRuns

PAST = (NOW - pd.Timedelta(days=2)).normalize(), NOW.normalize()
AHEAD = NOW.ceil("h"), NOW.ceil("h") + pd.Timedelta(hours=40)
KEYS = {"OPEN_METEO_API_KEY": "k-weather-7c1", "ENTSOE_API_KEY": "k-entsoe-5d2"}
KEYS["ELECTRICITY_MAPS_API_KEY"] = "k-maps-9a3"


@dataclass(frozen=True)
class Got:
    """What a provider gave: values (N,) of one variable, when they were known, and its notes."""

    values: NDArray[np.float64]
    available_at: pd.Timestamp
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Probe:
    """One provider against one service.

    Attributes:
        document: the documented answer.
        make: the provider, from its settings.
        span: the time asked for.
        refusal: status and body of a documented refusal, and what of it a user must read.
        spoilt: documented answer → the same with another unit or kind, and what the message must say.
        holed, doubled, emptied: documented answer → the same with one interval missing, one twice, one null.
    """

    name: str
    document: Callable[[Question], str]
    make: Callable[..., Any]
    span: tuple[pd.Timestamp, pd.Timestamp]
    refusal: tuple[int, str, str]
    spoilt: tuple[Callable[[str], str], str]
    holed: Callable[[str], str]
    doubled: Callable[[str], str]
    emptied: Callable[[str], str] | None = None

    def fetch(self, url: str, now: pd.Timestamp = NOW, **settings: Any) -> Got:
        """Ask as a user would."""
        given: dict[str, Any] = {"base_url": url, "sleep": lambda _s: None, "cache_folder": None} | settings
        provider = self.make(**given)
        start, end = self.span
        if hasattr(provider, "part") or hasattr(provider, "zone"):
            run = provider.fetch(start, end, now)
            return Got(run.values, run.available_at.max(), run.notes)
        run = provider.fetch(52.52, 13.41, start, end, now)
        return Got(run.columns["temperature_2m"], run.available_at, run.notes)


def _in_json(change: Callable[[Any], None]) -> Callable[[str], str]:
    def changed(text: str) -> str:
        body = json.loads(text)
        change(body)
        return json.dumps(body)

    return changed


def _in_lists(
    block: Callable[[Any], dict[str, list[Any]]], change: Callable[[list[Any]], None]
) -> Callable[[str], str]:
    """The same change to all parallel lists."""

    def apply(body: Any) -> None:
        for column in block(body).values():
            if isinstance(column, list):
                change(column)

    return _in_json(apply)


MIDDLE = 36  # an hour inside every time asked for


def _drop(column: list[Any]) -> None:
    del column[MIDDLE]


def _repeat(column: list[Any]) -> None:
    column.insert(MIDDLE, column[MIDDLE])


def _null(name: str) -> Callable[[Any], None]:
    def change(body: Any) -> None:
        body["hourly"][name][MIDDLE] = None

    return change


def _fahrenheit(body: Any) -> None:
    body["hourly_units"]["temperature_2m"] = "°F"


def _open_meteo(name: str, make: Callable[..., Any], document: Callable[[Question], str], null: str) -> Probe:
    reason = "Latitude must be in range of -90 to 90°. Given: 139.0."
    return Probe(
        name,
        document,
        make,
        AHEAD,
        (400, json.dumps({"error": True, "reason": reason}), reason),
        (_in_json(_fahrenheit), "unit '°F'; '°C' was asked for"),
        _in_lists(lambda body: body["hourly"], _drop),
        _in_lists(lambda body: body["hourly"], _repeat),
        _in_json(_null(null)),
    )


def _rows(body: Any) -> list[Any]:
    rows = body.get("data") or body.get("forecast")
    assert isinstance(rows, list)
    return rows


def _of_rows(change: Callable[[list[Any]], None]) -> Callable[[str], str]:
    return _in_json(lambda body: change(_rows(body)))


def _set(name: str, value: Any, inside: str | None = None) -> Callable[[list[Any]], None]:
    def change(rows: list[Any]) -> None:
        row = rows[MIDDLE] if inside is None else rows[MIDDLE][inside]
        row[name] = value

    return change


def _double_other(name: str, inside: str | None = None) -> Callable[[list[Any]], None]:
    """The interval again, with another value."""

    def change(rows: list[Any]) -> None:
        other = json.loads(json.dumps(rows[MIDDLE]))
        at = other if inside is None else other[inside]
        at[name] = 77
        rows.insert(MIDDLE, other)

    return change


def _gb(part: str) -> Probe:
    said = "Please enter a valid start datetime in ISO8601 format YYYY-MM-DDThh:mmZ"
    refusal = json.dumps({"error": {"code": "400 Bad Request", "message": said}})
    return Probe(
        f"gb {part}",
        documents.gb,
        lambda **given: GreatBritain(part, **given),  # type: ignore[arg-type]
        PAST if part == "actual" else AHEAD,
        (400, refusal, said),
        (_of_rows(_set("to", "2024-05-10T23:00Z")), "is not a half-hour"),
        _of_rows(_drop),
        _of_rows(_double_other(part, "intensity")),
        _of_rows(_set(part, None, "intensity")),
    )


def _maps(part: str) -> Probe:
    def other_kind(body: Any) -> None:
        _rows(body)[MIDDLE]["emissionFactorType"] = "direct"

    return Probe(
        f"electricity-maps {part}",
        documents.electricity_maps,
        lambda **given: ElectricityMaps("DE", part, **given),  # type: ignore[arg-type]
        PAST if part == "history" else AHEAD,
        (401, json.dumps({"error": "Invalid auth-token k-maps-9a3"}), "its key comes from ELECTRICITY_MAPS_API_KEY"),
        (_in_json(other_kind), "lifecycle ones were asked for"),
        _of_rows(_drop),
        _of_rows(_double_other("carbonIntensity")),
        _of_rows(_set("carbonIntensity", None)),
    )


def _energy_charts() -> Probe:
    def unit(body: Any) -> None:
        body["unit"] = "ct / kWh"

    def double(body: Any) -> None:
        body["unix_seconds"].insert(MIDDLE, body["unix_seconds"][MIDDLE])
        body["price"].insert(MIDDLE, 77.0)

    def null(body: Any) -> None:
        body["price"][MIDDLE] = None

    return Probe(
        "energy-charts",
        documents.energy_charts,
        lambda **given: EnergyCharts("DE-LU", **given),
        PAST,
        (
            404,
            json.dumps({"detail": "No data available for the bidding zone"}),
            "No data available for the bidding zone",
        ),
        (_in_json(unit), "unit 'ct / kWh'; a currency per MWh was expected"),
        _in_lists(lambda body: {k: body[k] for k in ("unix_seconds", "price")}, _drop),
        _in_json(double),
        _in_json(null),
    )


def _without_point(text: str) -> str:
    """As curve type A01, where a missing position is missing, without one of its points."""
    text = text.replace("<curveType>A03<", "<curveType>A01<")
    return re.sub(r"<Point><position>7</position>.*?</Point>", "", text)


def _entsoe(name: str, make: Callable[..., Any], document: Callable[[Question], str], unit: tuple[str, str]) -> Probe:
    said = "Authentication failed. Please check your security token k-entsoe-5d2."
    return Probe(
        name,
        document,
        make,
        PAST,
        (401, documents.acknowledgement(said), "its key comes from ENTSOE_API_KEY"),
        (lambda text: text.replace(unit[0], "KWH"), unit[1]),
        _without_point,
        lambda text: text.replace("<position>7</position>", "<position>VII</position>"),
    )


PROBES: tuple[Probe, ...] = (
    _open_meteo("open-meteo", OpenMeteo, documents.open_meteo, "temperature_2m"),
    _open_meteo("previous-runs", PreviousRuns, documents.open_meteo, "temperature_2m_previous_day2"),
    _open_meteo("ensemble", Ensemble, documents.ensemble, "temperature_2m"),
    _open_meteo("historical-forecast", HistoricalForecast, documents.open_meteo, "temperature_2m"),
    _energy_charts(),
    _entsoe(
        "entsoe prices",
        lambda **given: EntsoePrices(zone="FR", **given),
        documents.entsoe_prices,
        ("MWH", "prices in ['EUR'] per ['KWH']"),
    ),
    _entsoe(
        "entsoe mix",
        lambda **given: EntsoeMix(zone="FR", **given),
        documents.entsoe_generation,
        ("MAW", "generation in ['KWH']"),
    ),
    _gb("actual"),
    _gb("forecast"),
    _maps("history"),
    _maps("forecast"),
)
