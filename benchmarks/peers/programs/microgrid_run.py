"""python-microgrid in its own environment: `microgrid_run.py PROBLEM.json ANSWER.json`.

Runs a week from hour to hour by its RuleBasedControl or its ModelPredictiveControl, which looks ahead over the load and
sun that come, and writes what flowed. A battery's limits are energies inside it: charging at the bus is that over the
efficiency and discharging times it, so limits at the bus are converted. The order of its rules is what costs least at
the margin first; all orders that it lists are run too. It looks for MOSEK and GLPK; HiGHS is handed to it.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np


def main(problem_file: str, answer_file: str) -> None:
    """Run a day to warm up, then the week."""
    warnings.simplefilter("ignore")  # those of a program that is not ours
    problem = json.loads(Path(problem_file).read_text(encoding="utf-8"))
    ran(made(problem["small"]), problem["small"]["steps"])
    began = time.perf_counter()
    control = made(problem["data"])
    build_s = time.perf_counter() - began
    series = ran(control, problem["data"]["steps"])
    answer = {
        "build_s": build_s,
        "solve_s": time.perf_counter() - began - build_s,
        "status": "ran",
        "solver": f"HiGHS {version('highspy')}" if problem["data"]["method"] == "rolling" else "rules",
        "series": series,
        "orders": orders(problem["data"]) if problem["data"]["method"] == "rule_based" else [],
    }
    Path(answer_file).write_text(json.dumps(answer), encoding="utf-8")


def made(week: dict[str, Any]) -> Any:
    from pymgrid import Microgrid
    from pymgrid.algos import ModelPredictiveControl, RuleBasedControl
    from pymgrid.modules import BatteryModule, GensetModule, GridModule, LoadModule, RenewableModule

    ahead = {"forecaster": "oracle", "forecast_horizon": week["ahead_h"] - 1}
    battery = BatteryModule(
        min_capacity=week["least_fill"] * week["energy_kwh"],
        max_capacity=week["energy_kwh"],
        max_charge=week["power_kw"] * week["efficiency"],
        max_discharge=week["power_kw"] / week["efficiency"],
        efficiency=week["efficiency"],
        init_soc=week["start_fill"],
    )
    genset = GensetModule(
        running_min_production=week["genset_least_kw"],
        running_max_production=week["genset_most_kw"],
        genset_cost=week["fuel_per_kwh"],
    )
    nothing = np.zeros(len(week["buy"]))
    prices = np.column_stack([week["buy"], nothing, nothing])
    grid = GridModule(max_import=week["grid_kw"], max_export=0, time_series=prices, **ahead)
    load = LoadModule(time_series=np.asarray(week["load_kw"]), **ahead)
    sun = RenewableModule(time_series=np.asarray(week["pv_kw"]), **ahead)
    plant = Microgrid([genset, battery, load, ("pv", sun), grid], loss_load_cost=week["unserved_per_kwh"])
    if week["method"] == "rule_based":
        return RuleBasedControl(plant)
    return ModelPredictiveControl(plant, solver="HIGHS")


def orders(week: dict[str, Any]) -> list[dict[str, Any]]:
    """The week under every order of its modules that it knows; a set stands in it as on or as off."""
    found = []
    for order in made(week).get_priority_lists(remove_redundant_gensets=True):
        control = type(made(week))(made(week).microgrid, priority_list=order)
        named = ", ".join(f"{each.module[0]}{' on' * each.action}" for each in order)
        found.append({"order": named, "series": ran(control, week["steps"])})
    return found


def ran(control: Any, steps: int) -> dict[str, list[float]]:
    """What flowed at the bus, and what is stored after the last step."""
    log = control.run(max_steps=steps)
    named = {
        "import_kw": ("grid", "grid_import"),
        "genset_kw": ("genset", "genset_production"),
        "unserved_kw": ("balancing", "loss_load"),
        "curtailed_kw": ("pv", "curtailment"),
    }
    series = {name: [float(x) for x in log[module, 0, field]] for name, (module, field) in named.items()}
    return series | {"stored_kwh": [float(control.microgrid.battery.item().current_charge)]}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
