"""The small parks that ship, each planned from forecasts as `parkwatt plan NAME` does it."""

from __future__ import annotations

import time
from functools import cache

from benchmarks.rows import CannotMeasure, Measured, row

NAMES = (
    *("aluminium_smelter", "ammonia_cofiring", "ammonia_works", "appliance_factory", "base_station", "dc_building"),
    *("electric_cracker", "petrochemical_steam", "plateau_industry", "port_swap", "public_building"),
    *("sodium_storage", "steelworks"),
)
CONFIGS = ("configs/parks", "configs/assets", "configs/tariffs", "configs/carbon")
INPUTS = ("benchmarks/topics/assets/parks_small.py", *CONFIGS, "dispatch", "forecasting")


@cache
def planned() -> dict[str, tuple[bool, float]]:
    """By park: does its plan pass the audit with everything served, and how long did all of it take [s]."""
    from dispatch.cli.planning import Request, asked
    from dispatch.cli.planning import planned as plan
    from forecasting import embedded

    if not embedded.is_installed():
        raise CannotMeasure("the simbench extra is not installed")
    found = {}
    for name in NAMES:
        request = Request(name, None, None, None, None, network=True, weather_url=None)
        began = time.perf_counter()
        made = plan(request, asked(request), lambda _: None)
        seconds = time.perf_counter() - began
        shed = [made.schedule.asset(a.name, "shed_kw").max() for a in made.site.assets if a.kind == "load"]
        found[name] = bool(made.audit.passed and max(shed, default=0.0) < 1e-3), seconds
    return found


@row(
    "assets",
    name="small parks whose plan passes the audit and serves every load",
    unit="of 13",
    bar="== 13",
    slow=True,
    inputs=INPUTS,
)
def passed() -> Measured:
    return Measured(sum(int(good) for good, _ in planned().values()), len(NAMES))


@row("assets", name="small parks, worst time for a plan", unit="s", bar="<= 180", slow=True, inputs=INPUTS)
def worst_seconds() -> float:
    return max(seconds for _, seconds in planned().values())
