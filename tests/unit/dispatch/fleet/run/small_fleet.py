"""Small sites that differ in size and demand, and planners that fail on some of them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from dispatch.errors import DataError
from dispatch.fleet.members import Member
from dispatch.fleet.run import Independent, Tables
from dispatch.signals import Horizon
from dispatch.site import Site

HORIZON = Horizon.local_day(date(2024, 6, 3), "Europe/Berlin", 60)
TARIFF = {
    "name": "two_prices",
    "currency": "EUR",
    "components": [
        {"name": "day", "basis": "energy", "price_per_kwh": 0.4, "calendar": {"hours": ["08:00-20:00"]}, "source": "t"},
        {
            "name": "night",
            "basis": "energy",
            "price_per_kwh": 0.2,
            "calendar": {"hours": ["00:00-08:00", "20:00-24:00"]},
            "source": "t",
        },
    ],
}


def site(name: str, size: float = 1.0, *, battery: bool = True) -> Site:
    pcc = {"kind": "grid_connection", "name": "pcc", "bus": "main", "import_kw": 400 * size, "tariff": TARIFF}
    store = {"kind": "battery", "name": "store", "bus": "main", "energy_kwh": 100 * size, "charge_kw": 50 * size}
    assets: list[dict[str, Any]] = [
        {"kind": "load", "name": "hall", "bus": "main"},
        pcc | {"carbon_intensity_kg_per_kwh": 0.3},
        *([store | {"discharge_kw": 50 * size}] if battery else []),
    ]
    content = {"name": name, "time_zone": "Europe/Berlin", "currency": "EUR", "buses": [{"name": "main"}]}
    return Site.model_validate(content | {"assets": assets})


def member(number: int, *, battery: bool = True) -> Member:
    rng = np.random.default_rng(number)
    size = 0.5 + rng.random()
    demand_kw = size * (80 + 60 * rng.random((1, HORIZON.steps)))
    return Member(site(f"site_{number:03d}", size, battery=battery), {("hall", "demand_kw"): demand_kw})


def members(count: int) -> list[Member]:
    """Every fifth has no battery: two structures."""
    return [member(number, battery=number % 5 != 4) for number in range(count)]


PLANNER = Independent(HORIZON)


@dataclass(frozen=True)
class Fails:
    """Plans, but for sites that do something else; ``log`` gets a line for each chunk that is begun."""

    horizon: Horizon
    how: tuple[tuple[str, str], ...] = ()
    log: str = ""
    slow_s: float = 0.0

    def __call__(self, members: Sequence[Member], references: Sequence[Member]) -> Tables:
        if self.log:
            with Path(self.log).open("a", encoding="utf-8") as file:
                file.write(f"{os.getpid()}\n")
        time.sleep(self.slow_s)
        for one in [*members, *references]:
            what = dict(self.how).get(one.name)
            if what == "die":
                os._exit(9)
            if what == "mistake":
                raise DataError("its meter is missing")
            if what == "sleep":
                time.sleep(60)
        return Independent(self.horizon)(members, references)


def hashes(folder: Path) -> dict[str, str]:
    """Of every file of a run."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
