"""EMHASS's optimisation driven with arrays, in its own environment: `emhass_run.py PROBLEM.json ANSWER.json`.

The problem holds days in kW, kWh and money per kWh. Its class is used as its own command line uses it, with its shipped
settings but for those that the problem states: size of the battery, the grid's limits, prices, that the battery may
export, and an exact search (it ships a gap of 1 %). Limits of the battery are at its cells: charging at the plant is
that divided by the efficiency, and discharging times it, so what is stated at the plant is converted. The level at the
end equals the one at the start, by a penalty of a hundred times the dearest price. PV is used or sold, never curtailed.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import emhass
import numpy as np
import pandas as pd

PV, LOAD = "sensor.power_photovoltaics", "sensor.power_load_no_var_loads"


def main(problem_file: str, answer_file: str) -> None:
    """Solve the small day, then the day, then the day with other demand in the same object."""
    warnings.simplefilter("ignore")  # those of a program that is not ours
    logging.disable(logging.CRITICAL)
    problem = json.loads(Path(problem_file).read_text(encoding="utf-8"))
    solved(problem["small"], built(problem["small"], problem["gap"]))
    began = time.perf_counter()
    made = built(problem["data"], problem["gap"])
    build_s = time.perf_counter() - began
    stages: dict[str, float] = {}
    first, solve_s = timed(problem["data"], made, stages)
    again, again_s = timed(problem["again"], made, {})
    stated_s = stages["optim_solve.build"]  # its first call writes the equations before it solves
    answer = {
        "objective": money(first),
        "build_s": build_s + stated_s,
        "solve_s": solve_s - stated_s,
        "again_s": again_s,
        "again_objective": money(again),
        "status": str(first["optim_status"].iloc[0]).lower(),
        "solver": f"HiGHS {version('highspy')}, gap {problem['gap']:g}",
        "series": {
            "import_kw": (first["P_grid_pos"] / 1e3).tolist(),
            "export_kw": (-first["P_grid_neg"] / 1e3).tolist(),
        },
    }
    Path(answer_file).write_text(json.dumps(answer), encoding="utf-8")


def built(day: dict[str, Any], gap: float) -> Any:
    from emhass.optimization import Optimization

    shipped = json.loads((Path(emhass.__file__).parent / "data" / "config_defaults.json").read_text(encoding="utf-8"))
    store, watts = day["store"], 1e3
    settings = shipped | {
        "set_use_battery": True,
        "set_use_pv": True,
        "set_nodischarge_to_grid": False,
        "number_of_deferrable_loads": 0,
        "lp_solver": "HIGHS",
        "lp_solver_mip_rel_gap": gap,
        "num_threads": 1,
        "delta_forecast_daily": len(day["load_kw"]) / 24,
        "maximum_power_from_grid": day["grid_kw"] * watts,
        "maximum_power_to_grid": day["grid_kw"] * watts,
        "battery_nominal_energy_capacity": store["energy_kwh"] * watts,
        "battery_charge_power_max": store["power_kw"] * store["efficiency"] * watts,
        "battery_discharge_power_max": store["power_kw"] / store["efficiency"] * watts,
        "battery_charge_efficiency": store["efficiency"],
        "battery_discharge_efficiency": store["efficiency"],
        "battery_minimum_state_of_charge": store["least_fill"],
        "battery_maximum_state_of_charge": 1.0,
        "battery_target_state_of_charge": store["start_fill"],
        "weight_battery_discharge": store["wear_per_kwh"],
    }
    home = {
        "optimization_time_step": pd.Timedelta(hours=1),
        "time_zone": "UTC",
        "sensor_power_photovoltaics": PV,
        "sensor_power_load_no_var_loads": LOAD,
    }
    log = logging.getLogger("emhass")
    return Optimization(home, settings, settings, "unit_load_cost", "unit_prod_price", "profit", {}, log)


def solved(day: dict[str, Any], made: Any, stages: dict[str, float] | None = None) -> pd.DataFrame:
    load, pv = (1e3 * np.asarray(day[name]) for name in ("load_kw", "pv_kw"))
    buy, sell = (np.asarray(day[name]) for name in ("buy", "sell"))
    index = pd.date_range("2024-01-15", periods=load.size, freq="h", tz="UTC")
    columns = {PV: pv, LOAD: load, "unit_load_cost": buy, "unit_prod_price": sell}
    fill = day["store"]["start_fill"]
    return made.perform_optimization(
        pd.DataFrame(columns, index), pv, load, buy, sell, soc_init=fill, soc_final=fill, stage_times=stages
    )


def timed(day: dict[str, Any], made: Any, stages: dict[str, float]) -> tuple[pd.DataFrame, float]:
    began = time.perf_counter()
    found = solved(day, made, stages)
    return found, time.perf_counter() - began


def money(found: pd.DataFrame) -> float:
    """What it says the day costs: it counts gains."""
    return -float(found["cost_fun_profit"].sum())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
