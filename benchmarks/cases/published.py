"""Published cases with their answers: units of PyPSA's tests, DER-VET's commercial bill, a tariff's month, a store."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rows import CannotMeasure
from dispatch.asset import Inputs
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Limits

UNIT_CASES = ("basic", "min_up_time", "min_up_time_counted_before", "min_down_time", "start_up_cost")
_LOAD = {"kind": "load", "name": "load", "bus": "main"}
_WHOLE = {"min_fill": 0.0, "max_fill": 1.0}
# Two tests of the same schedule apart by their costs: the search goes on until nothing is left between them.
_NO_GAP = Limits(gap=0.0)


def shared() -> Path:
    """The folder of published results: PARKWATT_SHARED, else beside the checkout."""
    folder = Path(os.environ.get("PARKWATT_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    if not folder.is_dir():
        raise CannotMeasure("the published cases are not here: set PARKWATT_SHARED to the folder that holds golden/")
    return folder


def golden(file: str) -> dict[str, Any]:
    """A file of published answers."""
    answers: dict[str, Any] = json.loads((shared() / "golden" / file).read_text(encoding="utf-8"))
    return answers


def horizon(steps: int, start: str) -> Horizon:
    """Steps of an hour, UTC."""
    return Horizon(np.datetime64(start, "s") + (3600 * np.arange(steps + 1)).astype("timedelta64[s]"), "UTC")


def solved(
    assets: list[dict[str, Any]],
    steps: Horizon,
    series: Mapping[tuple[str, str], np.ndarray],
    *,
    audited: bool = True,
) -> Schedule:
    """The plan of a park with one bus; it passes the independent audit.

    Args:
        audited: false where a price is given as a series, which the bill's own reading of the tariff does not see.
    """
    park = {"name": "case", "time_zone": "UTC", "currency": "USD", "buses": [{"name": "main"}], "assets": assets}
    site = Site.model_validate(park)
    own = {key: np.atleast_2d(np.broadcast_to(value, (steps.steps,))) for key, value in series.items()}
    schedule = solve(Problem(site, Inputs(steps, 1, site.known_series(steps) | own)), _NO_GAP)
    if audited and not (found := audit(schedule)).passed:
        raise RuntimeError(f"the plan fails its audit: {found.violations[0]}")
    return schedule


def units(name: str) -> tuple[dict[str, Any], Schedule]:
    """One of PyPSA's cases with its plan. A unit was on for an hour before, unless the case says otherwise."""
    case = golden("commitment.json")[name]
    assets: list[dict[str, Any]] = [_LOAD]
    for unit in ("coal", "gas"):
        given = case[unit]
        before = given.get("up_time_before_h", 0 if "down_time_before_h" in given else 1)
        assets.append(
            {
                "kind": "thermal",
                "name": unit,
                "bus": "main",
                "min_kw": 1e3 * given["p_nom"] * given["p_min_pu"],
                "max_kw": 1e3 * given["p_nom"],
                "cost_per_kwh": given["marginal_cost"] / 1e3,
                "start_cost": given.get("start_up_cost", 0),
                "min_up_h": given.get("min_up_time_h", 0),
                "min_down_h": given.get("min_down_time_h", 0),
                "on_before_h": before,
                "off_before_h": given.get("down_time_before_h", 1),
            }
        )
    demand = 1e3 * np.array(case["load"], float)
    return case, solved(assets, horizon(demand.size, "2024-03-01"), {("load", "demand_kw"): demand})


def month_bill(use_kwh: float) -> float:
    """A month of T13: the maximum demand for an hour, the rest of the energy spread evenly."""
    from dispatch.tariff import Carried, Tariff

    case = golden("carbon.json")["T13_tariff"]
    rebate = {"kwh_per_kva_month": 260, "factor": 0.9}
    line = {"name": "demand", "basis": "demand", "price_per_kw_month": case["demand_price"], "rebate": rebate}
    made = Tariff.model_validate({"name": "T13", "currency": "CNY", "components": [line | {"source": "T13"}]})
    steps, peak_kw = horizon(24 * 30, "2024-04-01"), case["max_demand_kW"]
    use_kw = np.full(steps.steps, (use_kwh - peak_kw) / (steps.steps - 1))
    use_kw[400] = peak_kw
    lines = made.bill(steps, use_kw, np.zeros(steps.steps), carried=Carried(contracted_kva=case["kva"]))
    return sum(line.money for line in lines)


def year_bill(*, with_plant: bool) -> Schedule:
    """DER-VET's year: a load of 10 MW, with PV and a battery or without."""
    import pyarrow.csv as pc

    file = shared() / "data" / "dervet_bill" / "timeseries.csv.gz"
    if not file.is_file():
        raise CannotMeasure("the year of DER-VET's case is not here: data/dervet_bill/timeseries.csv.gz")
    table = pc.read_csv(file)
    components = [
        {"name": "energy", "basis": "energy", "price_per_kwh": 0.0, "source": "DER-VET"},
        {"name": "demand", "basis": "demand", "price_per_kw_month": 7.016, "source": "DER-VET"},
    ]
    tariff = {"name": "year", "currency": "USD", "components": components}
    assets: list[dict[str, Any]] = [_LOAD]
    assets += [{"kind": "grid_connection", "name": "pcc", "bus": "main", "import_kw": 1e5, "tariff": tariff}]
    if with_plant:
        store = {"kind": "battery", "name": "battery", "bus": "main", "energy_kwh": 9450, "charge_kw": 1575}
        store |= _WHOLE | {
            "discharge_kw": 1575,
            "charge_efficiency": 0.91,
            "discharge_efficiency": 1.0,
            "end_fill_min": 0.5,
        }
        assets += [{"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 5000}, store]
    series = {
        ("load", "demand_kw"): table["load_kw"].to_numpy(),
        ("pcc", "import_price_per_kwh"): table["energy_price_usd_per_kwh"].to_numpy(),
    }
    if with_plant:
        series["pv", "available_kw"] = table["pv_available_kw"].to_numpy()
    return solved(assets, horizon(table.num_rows, "2017-01-01"), series, audited=False)


def negative_prices() -> float:
    """T17: what a lossy store earns where the relaxation would burn energy at negative prices."""
    case = golden("carbon.json")["T17_relaxation_gap"]
    parts = []
    for direction in ("import", "export"):
        for hour, price in enumerate(case["prices"]):
            line = {"name": f"{direction} {hour}", "direction": direction, "basis": "energy", "source": "T17"}
            parts.append(line | {"price_per_kwh": price / 1e3, "calendar": {"hours": [f"{hour}:00-{hour + 1}:00"]}})
    tariff = {"name": "T17", "currency": "USD", "components": parts}
    connection = {"kind": "grid_connection", "name": "pcc", "bus": "main", "import_kw": 1e4, "export_kw": 1e4}
    store = {"kind": "battery", "name": "battery", "bus": "main", "energy_kwh": 1000, "charge_kw": 1000}
    store |= _WHOLE | {"discharge_kw": 1000, "charge_efficiency": 0.9, "discharge_efficiency": 0.9, "start_fill": 0.0}
    assets = [connection | {"tariff": tariff}, store | {"end_penalty_per_kwh": 0.0}]
    return float(solved(assets, horizon(len(case["prices"]), "2024-03-01"), {}).money[0])
