"""Published answers of plant, each met as exactly as it is published."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import published
from benchmarks.rows import Measured, row
from dispatch.asset import Inputs
from dispatch.audit import audit
from dispatch.fields.fluids import KWH_PER_KG
from dispatch.problem import Problem
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Limits
from forecasting.physics import WindFarm, wind_power_kw

RATED_KW = 1000.0


@row("assets", name="T14, an electrolyser's yield by load: largest difference", unit="kg/MWh", bar="<= 0.0005")
def electrolyser_yield() -> Measured:
    """What the plan draws for just the hydrogen that the published curve gives at each load; its worst load."""
    table = published.golden("carbon.json")["T14_electrolyser"]["kg_per_MWh_at_load"]
    loads, wanted = np.array([float(load) for load in table]), np.array(list(table.values()))
    stack = {"kind": "alkaline_electrolyser", "name": "stack", "bus": "main", "hydrogen_bus": "h2"}
    supply = {"kind": "grid_connection", "name": "pcc", "bus": "main", "import_kw": 1e4}
    line = {"name": "energy", "basis": "energy", "price_per_kwh": 0.1, "source": "made for this row"}
    tariff = {"name": "flat", "currency": "EUR", "components": [line]}
    buses = [{"name": "main"}, {"name": "h2", "carrier": "hydrogen"}]
    assets = [stack | {"electric_kw": RATED_KW}, supply | {"tariff": tariff}]
    fields = {"name": "t14", "time_zone": "UTC", "currency": "EUR", "buses": buses}
    site = Site.model_validate(fields | {"assets": [*assets, {"kind": "load", "name": "taker", "bus": "h2"}]})
    horizon = published.horizon(loads.size, "2024-03-01")
    kg = loads * RATED_KW / 1e3 * wanted
    series = {("taker", "demand_kw"): (kg * KWH_PER_KG["hydrogen"])[None, :]}
    schedule = solve(Problem(site, Inputs(horizon, 1, site.known_series(horizon) | series)), Limits(gap=1e-9))
    if not audit(schedule).passed or schedule.asset("taker", "shed_kw").max() > 1e-6:
        raise RuntimeError("the plan does not serve the hydrogen")
    reached = kg / (schedule.asset("pcc", "import_kw") / 1e3)
    worst = int(np.abs(reached - wanted).argmax())
    return Measured(float(np.abs(reached - wanted)[worst]), float(wanted[worst]))


@row(
    "assets",
    name="T17, a lossy store at negative prices: distance from the published optimum",
    unit="USD",
    bar="<= 1e-4",
)
def negative_prices() -> Measured:
    answer = published.golden("carbon.json")["T17_relaxation_gap"]["milp"]
    return Measured(abs(published.negative_prices() - answer), answer)


@row("assets", name="T19, wind power in dense air", unit="kW", bar="== 461.0029")
def dense_air() -> Measured:
    """To the published digits; below the curve and beyond it nothing, as published too."""
    case = published.golden("carbon.json")["T19_wind_density"]
    speeds, powers = zip(*case["curve"], strict=True)
    found = wind_power_kw(WindFarm((speeds, powers), 100.0), np.array(case["v"], float), case["rho"])
    if np.abs(found - np.array(case["P"])).max() > 1e-6:
        raise RuntimeError(f"{found.tolist()} kW, published {case['P']}")
    return Measured(round(float(found[1]), 4), case["P"][1])
