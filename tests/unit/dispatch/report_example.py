"""A day at a park that does not exist: quarter-hours, days on which the clock changes, unequal steps."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from dispatch.report.data import (
    Balance,
    Fan,
    Finding,
    Line,
    Method,
    ReportData,
    Status,
    Store,
    VoltageBand,
)

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


_TOLD: dict[str, Any] = {  # what does not follow from the steps
    "comparison": (
        Method("plan", "planned on the forecast, scenario mean", 41_230.4, 23_410.0, 0.532, 2_640.0, 12.0),
        Method("rule-based", "same forecast, fixed rules", 46_910.9, 26_820.0, 0.467, 3_480.0, 331.0),
        Method("perfect foresight", "planned on what came true", 39_905.2, 22_700.0, 0.548, 2_610.0, 0.0),
    ),
    "money": (
        ("Energy bought", 38_120.2),
        ("Energy sold", -1_004.7),
        ("Demand charge, this day's share", 3_610.0),
        ("Battery wear", 504.9),
    ),
    "carbon": (
        ("Grid power, location-based", 22_110.0),
        ("Gas boiler", 1_300.0),
        ("Avoided by export", -412.5),
    ),
    "wishes": (
        ("Clean share of at least 50 % over the day", "53.2 %", True),
        ("li ends the day half full", "ends at 41 %, 9 points short; it would cost 86 CNY", False),
    ),
    "findings": (
        Finding("info", "li is full from 14:15 to 15:30; more storage would have saved 41 CNY."),
        Finding("warning", "Line MV1.101–MV1.102 reaches 94.1 % of its rating at 11:45."),
    ),
    "certificate": {
        "quality": "optimal",
        "objective": 41230.4,
        "bound": 41225.1,
        "gap": 0.000129,
        "solver": {"name": "HiGHS", "version": "1.15.1", "nodes": 37, "clock limit fired": False},
        "inputs": {
            "forecast": "sha256:5f2c…",
            "network": "sha256:91ab…",
            "wind issue time": "2025-06-13T01:00Z",
        },
        "relaxed": [],
        "not a number": math.nan,
    },
    "notes": (
        "Grid carbon intensity: provincial average with a daily shape.",
        "Perfect foresight knows the day beforehand: it is a bound, not a method one could run.",
    ),
    "status": Status("optimal", 0.000129, 0, 0, 0.4, "xgboost"),
}


def example(
    day: str = "2025-06-14", time_zone: str = "Asia/Shanghai", step_h: tuple[float, ...] | None = None
) -> ReportData:
    """The local day in quarter-hours (92 or 100 where the clock changes), or the given steps."""
    starts, hours = _steps(day, time_zone, step_h)
    clock = np.array([start.hour + start.minute / 60 for start in starts])
    power = _power(clock)
    price = np.where((clock >= 10) & (clock < 15) | (clock >= 18) & (clock < 21), 1.21, 0.72)
    price = np.where((clock >= 23) | (clock < 7), 0.33, price)
    stored = 1000 + np.concatenate([[0.0], np.cumsum((0.95 * power["charge"] - power["discharge"] / 0.95) * hours)])
    heat = 320 + np.concatenate([[0.0], np.cumsum((power["pump_heat"] - power["heat_load"]) * hours)])
    return ReportData(
        title="Day-ahead plan",
        site="Yizhuang",
        day=day,
        time_zone=time_zone,
        currency="CNY",
        commitment="exact",
        step_start=tuple(start.isoformat() for start in starts),
        step_h=tuple(float(h) for h in hours),
        balances=_balances(power),
        stores=(
            Store("li", _t(stored), 200.0, 2000.0, kind="battery"),
            Store("heat tank", _t(heat), 0.0, 2400.0, kind="heat tank"),
        ),
        import_price=_t(price),
        export_price=_t(np.full(len(clock), 0.3598)),
        carbon_intensity_kg_per_kwh=_t(0.58 - 0.16 * np.exp(-(((clock - 12.5) / 3.5) ** 2))),
        fans=_fans(power, clock),
        voltage=_voltage(power, clock),
        setpoints=(
            Line("li charge", _t(power["charge"]), "battery"),
            Line("li discharge", _t(power["discharge"]), "battery"),
            Line("ground heat pump", _t(power["pump"]), "heat_pump"),
            Line("roof limit", _t(power["pv"])),
            Line("pcc import", _t(power["import"])),
        ),
        **_TOLD,
    )


def with_gaps(data: ReportData) -> ReportData:
    """The same day with missing values: a price, a load and a forecast are NaN for some steps."""
    hole = slice(30, 38)
    first = data.balances[0]
    use = (replace(first.use[0], values=_hole(first.use[0].values, hole)), *first.use[1:])
    fan = data.fans[0]
    rows = tuple(_hole(row, hole) for row in fan.quantiles)
    return replace(
        data,
        balances=(replace(first, use=use), *data.balances[1:]),
        fans=(replace(fan, quantiles=rows, central=_hole(fan.central, hole)), *data.fans[1:]),
        import_price=_hole(data.import_price, slice(60, 64)),
        findings=(
            *data.findings,
            Finding("violation", "Bus MV1.107: 1.1062 p.u. at 12:15, 0.0062 p.u. above its limit 1.10 p.u."),
            Finding("violation", "Line MV1.101–MV1.102: 104.0 % at 12:30, 4.0 % above its rating."),
        ),
        status=Status("relaxed", 0.031, 2, 1, 31.0, "climatology"),
    )


def _steps(day: str, time_zone: str, step_h: tuple[float, ...] | None) -> tuple[list[datetime], np.ndarray]:
    zone = ZoneInfo(time_zone)
    midnight = datetime.fromisoformat(day).replace(tzinfo=zone)
    if step_h is None:
        # The difference of two times in one zone is that of the wall clocks: go through UTC.
        next_day = midnight + timedelta(days=1)
        elapsed_h = (next_day.astimezone(ZoneInfo("UTC")) - midnight.astimezone(ZoneInfo("UTC"))).total_seconds() / 3600
        step_h = (0.25,) * round(elapsed_h * 4)
    begin = midnight.astimezone(ZoneInfo("UTC"))
    offsets = np.concatenate([[0.0], np.cumsum(step_h)[:-1]])
    return [(begin + timedelta(hours=float(h))).astimezone(zone) for h in offsets], np.asarray(step_h, dtype=float)


def _power(clock: np.ndarray) -> dict[str, np.ndarray]:
    sun = np.clip(np.sin((clock - 5.2) / 14.2 * np.pi), 0, None) ** 1.4 * (clock > 5.2) * (clock < 19.4)
    work = 1 / (1 + np.exp(-2.2 * (clock - 7.5))) - 1 / (1 + np.exp(-1.6 * (clock - 19)))
    p = {
        "wind_1": 820 + 420 * np.sin(clock / 24 * 2 * np.pi + 2.1) + 60 * np.sin(clock * 2.3),
        "wind_2": 700 + 360 * np.sin(clock / 24 * 2 * np.pi + 2.3) + 50 * np.sin(clock * 2.9 + 1),
        "pv": 1250 * sun * (1 - 0.18 * np.sin(clock * 3.1) ** 2),
        "offices": 640 + 1150 * work + 45 * np.sin(clock * 5),
        "workshops": 900 + 1300 * work * (1 - 0.25 * np.exp(-(((clock - 12.5) / 0.6) ** 2))),
        "chargers": 60 + 300 * np.exp(-(((clock - 9) / 1.3) ** 2)) + 180 * np.exp(-(((clock - 18) / 1.6) ** 2)),
        "charge": np.where((clock >= 1) & (clock < 3), 380.0, np.where((clock >= 13) & (clock < 13.5), 300.0, 0.0)),
        "discharge": np.where((clock >= 18) & (clock < 20), 520.0, 0.0),
        "heat_load": 420 + 260 * np.cos((clock - 4) / 24 * 2 * np.pi),
        "cold_load": 380 + 520 * np.exp(-(((clock - 14.5) / 4) ** 2)),
    }
    p["pump"] = np.where(clock < 7, 240.0, 90.0) + 20 * np.cos(clock)
    p["pump_heat"] = 3.6 * p["pump"]
    p["chiller"] = p["cold_load"] / 4.6
    use = p["offices"] + p["workshops"] + p["chargers"] + p["charge"] + p["pump"] + p["chiller"]
    net = use - p["wind_1"] - p["wind_2"] - p["pv"] - p["discharge"]
    p["import"], p["export"] = np.clip(net, 0, None), np.clip(-net, 0, None)
    return p


def _cold(p: dict[str, np.ndarray]) -> Balance:
    return Balance(
        "cold",
        "cold_7c",
        supply=(Line("chiller", _t(p["cold_load"]), "chiller"),),
        use=(Line("server rooms", _t(p["cold_load"]), "load"),),
    )


def _balances(p: dict[str, np.ndarray]) -> tuple[Balance, ...]:
    mv = Balance(
        "electricity",
        "mv",
        supply=(
            Line("wind_1", _t(p["wind_1"]), "wind"),
            Line("wind_2", _t(p["wind_2"]), "wind"),
            Line("roof", _t(p["pv"]), "pv"),
            Line("li", _t(p["discharge"]), "battery"),
            Line("pcc", _t(p["import"]), "grid_connection"),
        ),
        use=(
            Line("offices", _t(p["offices"]), "load"),
            Line("workshops", _t(p["workshops"]), "load"),
            Line("chargers", _t(p["chargers"]), "ev"),
            Line("ground heat pump", _t(p["pump"]), "heat_pump"),
            Line("chiller", _t(p["chiller"]), "chiller"),
            Line("li", _t(p["charge"]), "battery"),
            Line("pcc", _t(p["export"]), "grid_connection"),
        ),
    )
    surplus = p["pump_heat"] - p["heat_load"]
    heat = Balance(
        "heat",
        "heat_45c",
        supply=(
            Line("ground heat pump", _t(p["pump_heat"]), "heat_pump"),
            Line("heat tank", _t(np.clip(-surplus, 0, None)), "heat tank"),
        ),
        use=(
            Line("space heating", _t(p["heat_load"]), "load"),
            Line("heat tank", _t(np.clip(surplus, 0, None)), "heat tank"),
        ),
    )
    return (mv, heat, _cold(p))


def _fans(p: dict[str, np.ndarray], clock: np.ndarray) -> tuple[Fan, ...]:
    spread = np.array([-1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645])
    fans = []
    for name, values, sigma, kind in (
        ("wind", p["wind_1"] + p["wind_2"], 0.16, "wind"),
        ("roof", p["pv"], 0.12, "pv"),
        ("offices", p["offices"], 0.05, "load"),
    ):
        growth = 0.6 + 0.6 * np.arange(len(clock)) / len(clock)
        rows = tuple(_t(np.clip(values * (1 + s * sigma * growth), 0, None)) for s in spread)
        truth = values * (1 + sigma * 0.8 * np.sin(clock * 1.7)) if name == "wind" else None
        fans.append(Fan(name, "kW", LEVELS, rows, _t(values), None if truth is None else _t(truth), kind))
    return tuple(fans)


def _voltage(p: dict[str, np.ndarray], clock: np.ndarray) -> VoltageBand:
    lift = (p["pv"] + p["wind_1"] + p["export"] - 0.5 * p["import"]) / 60_000
    high, low = 1.021 + lift, 0.991 + 0.4 * lift - 0.006 * np.sin(clock / 4)
    own = (
        Line("MV1.101 Bus 4", _t(0.6 * high + 0.4 * low)),
        Line("MV1.101 Bus 9", _t(0.3 * high + 0.7 * low)),
    )
    return VoltageBand(_t(low), _t(high), 0.9, 1.1, own, _t(0.42 + p["import"] / 7000 + 0.05 * np.sin(clock)))


def _t(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _hole(values: tuple[float, ...], hole: slice) -> tuple[float, ...]:
    array = np.array(values)
    array[hole] = math.nan
    return _t(array)
