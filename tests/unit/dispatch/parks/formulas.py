"""The hourly files of the small parks and the formulas that they come from; run it to write them anew.

Every formula is made up: the shape that an operator would expect, no measurement. ``h`` is the hour of the local day,
``d`` the day of the month.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

PARKS = Path(__file__).parents[4] / "configs" / "parks"


def bell(h: float, top: float, width: float) -> float:
    """1 at the hour ``top``, falling off as a normal curve, around the clock."""
    away = min(abs(h - top), 24 - abs(h - top))
    return math.exp(-((away / width) ** 2) / 2)


def wave(d: int, days: float) -> float:
    """Between −1 and 1, with a period of so many days."""
    return math.sin(2 * math.pi * d / days)


def weather(mean: float, daily: float) -> Callable[[int, int], float]:
    """Warmest at 15 h, coldest at 3 h, drifting by 2 °C over nine days."""
    return lambda h, d: mean + daily * math.cos(2 * math.pi * (h - 15) / 24) + 2 * wave(d, 9)


def grid_intensity(mean: float) -> Callable[[int, int], float]:
    """Of a grid with much sun: a third lower at noon, a tenth higher in the evening."""
    return lambda h, _: mean * (1 - 0.33 * bell(h, 12, 2.5) + 0.1 * bell(h, 20, 2.5))


Column = Callable[[int, int], float]
FILES: Mapping[str, tuple[str, Mapping[str, tuple[int, Column]]]] = {
    "appliance_factory.csv": (
        "2016-08",
        {
            "intensity_kg_per_kwh": (4, grid_intensity(0.5)),
            "oven_heat_kw": (0, lambda h, _: 350 + 450 * (6 <= h < 22)),
        },
    ),
    "steelworks.csv": (
        "2016-08",
        {
            "blast_furnace_gas_kw": (0, lambda h, d: 150e3 * (1 + 0.12 * wave(24 * d + h, 7))),
            "coke_oven_gas_kw": (0, lambda h, d: 45e3 * (1 + 0.08 * wave(24 * d + h, 5))),
            "trucks_kg_per_h": (0, lambda h, _: 75 + 480 * bell(h, 7, 1.5) + 480 * bell(h, 19, 1.5)),
        },
    ),
    "dc_building.csv": (
        "2016-07",
        {"ambient_degc": (1, weather(29, 4)), "gains_kw": (2, lambda h, _: 0.2 + 0.9 * (8 <= h < 19))},
    ),
    "public_building.csv": (
        "2016-07",
        {"ambient_degc": (1, weather(30, 4)), "gains_kw": (2, lambda h, _: 0.3 + 1.2 * (8 <= h < 19))},
    ),
    "port_swap.csv": (
        "2016-08",
        {
            "swaps_per_h": (2, lambda h, _: 2 + 4 * bell(h, 10, 2.5) + 5 * bell(h, 21, 2.5)),
            "trucks_kg_per_h": (1, lambda h, _: 10 + 40 * bell(h, 8, 2) + 30 * bell(h, 18, 2)),
        },
    ),
    "sodium_storage.csv": ("2016-07", {"ambient_degc": (1, weather(29, 3))}),
    "ammonia_works.csv": ("2016-08", {"intensity_kg_per_kwh": (4, grid_intensity(0.5857))}),
    "electric_cracker.csv": (
        "2016-08",
        {
            "wind_contract_kw": (0, lambda h, d: 17e3 * (1 + 0.5 * wave(24 * d + h, 18) + 0.2 * bell(h, 2, 4))),
            "intensity_kg_per_kwh": (4, grid_intensity(0.36)),
        },
    ),
    "base_station.csv": (
        "2016-07",
        {"cells": (2, lambda h, d: 0.4 + 2.2 * bell(h, 12, 3) + (3.6 + 0.6 * wave(d, 7)) * bell(h, 20.5, 2))},
    ),
}

LINES = {"press": (400, 8), "coat": (600, 6), "join": (300, 8)}
STARTS = (0, 4, 8, 12, 16, 20)
NIGHT = frozenset({22, 23, 0, 1, 2, 3, 4, 5})
NIGHT_PREMIUM = 117


def running(line: str, start: int) -> frozenset[int]:
    """Hours of the day in which a line runs that starts at an hour; what passes midnight runs in the morning."""
    return frozenset((start + hour) % 24 for hour in range(LINES[line][1]))


def schedules() -> dict[str, tuple[list[int], int]]:
    """Power of each hour and the premium for work at night of all 6 · 6 · 6 schedules."""
    out = {}
    for starts in product(STARTS, repeat=len(LINES)):
        hours = {line: running(line, start) for line, start in zip(LINES, starts, strict=True)}
        power = [sum(LINES[line][0] for line in LINES if h in hours[line]) for h in range(24)]
        name = "_".join(f"{line}{start:02d}" for line, start in zip(LINES, starts, strict=True))
        out[name] = (power, NIGHT_PREMIUM * sum(len(hours[line] & NIGHT) for line in LINES))
    return out


def schedule_file() -> str:
    """A column of kW for each schedule, a row for each hour."""
    made = schedules()
    rows = [",".join(made)] + [",".join(str(power[h]) for power, _ in made.values()) for h in range(24)]
    return "\n".join(rows) + "\n"


def hourly_file(month: str, columns: Mapping[str, tuple[int, Column]]) -> str:
    """A month hour by hour, each column rounded to its digits."""
    first = datetime.fromisoformat(f"{month}-01")
    moments = [first + timedelta(hours=n) for n in range(31 * 24) if (first + timedelta(hours=n)).month == first.month]
    rows = ["start," + ",".join(columns)]
    for at in moments:
        values = (f"{column(at.hour, at.day):.{digits}f}" for digits, column in columns.values())
        rows.append(f"{at:%Y-%m-%dT%H:%M}," + ",".join(values))
    return "\n".join(rows) + "\n"


def by_hour(file: str, column: str, day: int) -> list[float]:
    """The 24 values of a day as they stand in a file."""
    digits, value = FILES[file][1][column]
    return [round(value(h, day), digits) for h in range(24)]


def texts() -> dict[str, str]:
    """All files by name."""
    made = {name: hourly_file(month, columns) for name, (month, columns) in FILES.items()}
    return made | {"appliance_factory_schedules.csv": schedule_file()}


if __name__ == "__main__":
    for file, text in texts().items():
        (PARKS / file).write_text(text, "utf-8")
