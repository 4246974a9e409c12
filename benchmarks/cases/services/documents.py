"""Answers in the formats the services document, with made-up numbers.

open-meteo.com/en/docs and its pages on previous runs, ensembles and historical forecasts; api.energy-charts.info;
carbon-intensity.github.io/api-definitions; portal.electricitymaps.com/docs/api; the transparency platform's
implementation guides for A44 (prices), A75 (generation per type) and A11 (physical flows).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.cases.services.local import Question
from forecasting.weather.base import CATALOGUE, UNITS

NOW = pd.Timestamp("2024-05-10T09:40Z")
SUFFIX = re.compile(r"_previous_day\d|_member\d\d")


def _days(query: dict[str, str]) -> tuple[pd.Timestamp, pd.Timestamp]:
    if "start_date" in query:
        last = pd.Timestamp(query["end_date"], tz="UTC") + pd.Timedelta(days=1)
        return pd.Timestamp(query["start_date"], tz="UTC"), last
    today = NOW.normalize()
    ahead = pd.Timedelta(days=int(query["forecast_days"]))
    return today - pd.Timedelta(days=int(query["past_days"])), today + ahead


def open_meteo(question: Question, members: int = 0) -> str:
    """The block of any of its services: value = lead day or member, inside what can be believed."""
    query = question.query
    kind = "hourly" if "hourly" in query else "minutely_15"
    first, last = _days(query)
    times = pd.date_range(first, last, freq="1h" if kind == "hourly" else "15min", inclusive="left")
    names = query[kind].split(",")
    names += [f"{name}_member{k:02d}" for k in range(1, members + 1) for name in query[kind].split(",")]
    block: dict[str, Any] = {"time": [f"{t:%Y-%m-%dT%H:%M}" for t in times]}
    units = {"time": "iso8601"}
    for name in names:
        plain = SUFFIX.sub("", name)
        digits = re.search(r"(?:day|member)(\d+)$", name)
        base = max(CATALOGUE[plain].least, 0.0)
        block[name] = [round(base + float(digits[1] if digits else 0), 3)] * len(times)
        units[name] = UNITS[plain]
    head = {"latitude": 52.5, "longitude": 13.4, "generationtime_ms": 0.2, "utc_offset_seconds": 0, "timezone": "UTC"}
    return json.dumps({**head, f"{kind}_units": units, kind: block})


def ensemble(question: Question) -> str:
    return open_meteo(question, members=2)


def energy_charts(question: Question, freq: str = "15min", unit: str = "EUR / MWh") -> str:
    """Prices that rise with the hour."""
    first, last = (pd.Timestamp(question.query[name]) for name in ("start", "end"))
    starts = pd.date_range(first.floor(freq), last, freq=freq)
    return json.dumps(
        {
            "license_info": "CC BY 4.0 (creativecommons.org/licenses/by/4.0) from Bundesnetzagentur | SMARD.de",
            "unix_seconds": [int(t.timestamp()) for t in starts],
            "price": [round(20.0 + t.hour + t.minute / 100, 2) for t in starts],
            "unit": unit,
            "deprecated": False,
        }
    )


def gb(question: Question) -> str:
    """Half-hours between the two times of the path, or 48 hours from the first."""
    stamps = [pd.Timestamp(text) for text in re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", question.path)]
    last = stamps[1] if len(stamps) > 1 else stamps[0] + pd.Timedelta(hours=48)
    starts = pd.date_range(stamps[0].floor("30min"), last, freq="30min", inclusive="left")
    rows = [
        {
            "from": f"{t:%Y-%m-%dT%H:%MZ}",
            "to": f"{t + pd.Timedelta(minutes=30):%Y-%m-%dT%H:%MZ}",
            "intensity": {
                "forecast": 150 + t.hour,
                "actual": 140 + t.hour if t <= NOW else None,
                "index": "moderate",
            },
        }
        for t in starts
    ]
    if "regional" not in question.path:
        return json.dumps({"data": rows})
    return json.dumps({"data": {"regionid": 13, "dnoregion": "UKPN London", "shortname": "London", "data": rows}})


def electricity_maps(question: Question) -> str:
    """Hours of a history or a forecast."""
    query = question.query
    common = {"zone": query["zone"], "temporalGranularity": "hourly"}
    if question.path.endswith("/forecast"):
        starts = pd.date_range(NOW.floor("h"), periods=int(query["horizonHours"]) + 1, freq="1h")
        rows = [{"carbonIntensity": 300 + t.hour, "datetime": _iso(t)} for t in starts]
        return json.dumps({**common, "forecast": rows, "updatedAt": _iso(NOW - pd.Timedelta(minutes=25))})
    starts = pd.date_range(query["start"], query["end"], freq="1h", inclusive="left")
    more = {
        "zone": query["zone"],
        "emissionFactorType": query["emissionFactorType"],
        "isEstimated": False,
        "estimationMethod": None,
    }
    rows = [
        {**more, "carbonIntensity": 400 + t.hour, "datetime": _iso(t), "updatedAt": _iso(t + pd.Timedelta(days=2))}
        for t in starts
    ]
    return json.dumps({**common, "data": rows})


def _iso(t: pd.Timestamp) -> str:
    return f"{t:%Y-%m-%dT%H:%M:%S.000Z}"


def _period(first: pd.Timestamp, values: Sequence[float], minutes: int, label: str) -> str:
    end = first + pd.Timedelta(minutes=minutes * len(values))
    points = "".join(
        f"<Point><position>{k + 1}</position><{label}>{value:g}</{label}></Point>" for k, value in enumerate(values)
    )
    return (
        f"<Period><timeInterval><start>{first:%Y-%m-%dT%H:%MZ}</start><end>{end:%Y-%m-%dT%H:%MZ}</end></timeInterval>"
        f"<resolution>PT{minutes}M</resolution>{points}</Period>"
    )


def _asked(question: Question) -> tuple[pd.Timestamp, pd.Timestamp]:
    first, last = (
        pd.to_datetime(question.query[name], format="%Y%m%d%H%M", utc=True) for name in ("periodStart", "periodEnd")
    )
    return first, last


def entsoe_prices(question: Question, minutes: int = 60, currency: str = "EUR", unit: str = "MWH") -> str:
    """One series for each delivery day of Central Europe that the time asked for touches."""
    if int(question.query.get("offset", "0")) > 0:
        return acknowledgement()
    first, last = _asked(question)
    series = []
    day = first.tz_convert("Europe/Brussels").normalize()
    while day < last:
        end = (day + pd.Timedelta(days=1, hours=6)).normalize()  # a day of 23, 24 or 25 hours
        start = day.tz_convert("UTC")
        count = int((end - day) / pd.Timedelta(minutes=minutes))
        prices = [30.0 + k for k in range(count)]
        series.append(
            "<TimeSeries><mRID>1</mRID><businessType>A62</businessType>"
            f"<currency_Unit.name>{currency}</currency_Unit.name>"
            f"<price_Measure_Unit.name>{unit}</price_Measure_Unit.name><curveType>A03</curveType>"
            f"{_period(start, prices, minutes, 'price.amount')}</TimeSeries>"
        )
        day = end
    return _market_document("Publication_MarketDocument", series)


def entsoe_generation(question: Question, kinds: Sequence[tuple[str, float]] = (("B14", 600), ("B04", 400))) -> str:
    """Hourly generation by type [MW], or a flow of 200 MW where flows are asked for."""
    first, last = _asked(question)
    hours = int((last - first) / pd.Timedelta(hours=1))
    if question.query["documentType"] == "A11":
        flow = f"<TimeSeries><curveType>A01</curveType>{_period(first, [200.0] * hours, 60, 'quantity')}</TimeSeries>"
        return _market_document("Publication_MarketDocument", [flow])
    series = [
        "<TimeSeries><mRID>1</mRID><inBiddingZone_Domain.mRID>10YFR-RTE------C</inBiddingZone_Domain.mRID>"
        "<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><curveType>A01</curveType>"
        f"<MktPSRType><psrType>{kind}</psrType></MktPSRType>"
        f"{_period(first, np.full(hours, mw).tolist(), 60, 'quantity')}</TimeSeries>"
        for kind, mw in kinds
    ]
    return _market_document("GL_MarketDocument", series)


def _market_document(kind: str, series: Sequence[str]) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<{kind} xmlns="urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3"><mRID>x</mRID>'
        f"<createdDateTime>2024-05-10T09:40:00Z</createdDateTime>{''.join(series)}</{kind}>"
    )


def acknowledgement(
    text: str = "No matching data found for Data item Energy Prices [12.1.D].", code: str = "999"
) -> str:
    """How the platform says no."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<Acknowledgement_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:7:0">'
        f"<mRID>x</mRID><Reason><code>{code}</code><text>{text}</text></Reason></Acknowledgement_MarketDocument>"
    )
