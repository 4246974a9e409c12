"""Templates of flexible loads and buildings; see ``templates``."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.parks import load
from tests.unit.dispatch.assets.templates import DEMAND, Template, priced

_SHIFTS = [
    {"name": "early", "power_kw": [5.0 * k for k in range(14)], "cost": 3.0, "output_value": 1.0},
    {"name": "late", "power_kw": [60.0 - 4.0 * k for k in range(14)], "cost": 2.0, "output_value": 4.0},
]


def _template(*others: dict[str, Any], series: dict[tuple[str, str], Any] | None = None, **asset: Any) -> Template:
    """One asset beside a connection with a price for each hour and a load."""
    served = {("load", "demand_kw"): DEMAND} | (series or {})
    return Template({"name": "it", "bus": "main"} | asset, (priced(), load(), *others), served)


def _deferrable() -> tuple[Template, ...]:
    base = {"kind": "deferrable", "skip_penalty_per_kwh": 5.0}
    runs = {"profile_kw": [20.0, 30.0], "profile_step_h": 1.0, "runs": 3, "runs_done": 1, "underway_h": 0.5}
    free = {"energy_kwh": 60.0, "max_kw": 30.0, "min_kw": 5.0, "done_kwh": 10.0}
    return _template(**base, **runs, window={"daily": "05:00-13:00"}), _template(**base, **free)


def _schedule_choice() -> tuple[Template, ...]:
    base = {"kind": "schedule_choice", "step_minutes": 60.0}
    columns = {"file": "shifts.csv", "names": ["early", "late"], "values": [s["power_kw"] for s in _SHIFTS]}
    money = {"cost": {"early": 3.0, "late": 2.0}, "output_value": {"early": 1.0}}
    return (
        _template(**base, schedules=_SHIFTS, chosen=0),
        _template(**base, schedules=_SHIFTS, chosen=1),
        _template(**base, table=columns, **money),
    )


def _smelter() -> tuple[Template, ...]:
    line = {"kind": "smelter", "rated_kw": 60.0, "band_down": 0.2, "band_up": 0.1, "max_interruption_h": 2.0}
    line |= {"recovery_h": 3.0, "recovered_h": 2.0, "interruption_cost": 0.5, "kwh_per_kg": 13.5, "value_per_kg": 4.0}
    line |= {"bath_degc": 960.0, "ambient_degc": 25.0, "time_constant_h": 20.0, "min_degc": 860.0, "max_degc": 990.0}
    line |= {"start_degc": 955.0, "end_degc_min": 950.0, "end_penalty_per_degc": 0.1, "interrupted_h": 0.0}
    return _template(**line), _template(**(line | {"interrupted_h": 1.0}))


def _curtailable() -> tuple[Template, ...]:
    shop = {"kind": "curtailable", "share": 0.4, "price_per_kwh": 0.1, "max_h_per_day": 2.0, "used_h": 0.5}
    shop |= {"notice_h": 1.0, "rebound_share": 0.5, "rebound_h": 2.0, "rebound_kw": 15.0, "owed_kwh": 5.0}
    shop |= {"value_of_lost_load_per_kwh": 50.0, "power_factor": 0.9}
    return (_template(**shop, series={("it", "demand_kw"): DEMAND}),)


def _data_centre() -> tuple[Template, ...]:
    curve = [{"it_kw": 40.0, "overhead_kw": 6.0}, {"it_kw": 100.0, "overhead_kw": 20.0}]
    work = {"name": "train", "window": {"daily": "05:00-12:00"}, "energy_kwh": 80.0, "max_kw": 30.0, "done_kwh": 5.0}
    night = {"name": "night", "window": {"start": "2024-03-01T08:00Z", "end": "2024-03-01T13:00Z"}, "energy_kwh": 40.0}
    classes = [work | {"penalty_per_kwh": 6.0}, night | {"max_kw": 20.0, "penalty_per_kwh": 3.0, "done_kwh": 0.0}]
    weather = [{"ambient_degc": 10.0, "factor": 0.8}, {"ambient_degc": 30.0, "factor": 1.2}]
    asset = {"kind": "data_centre", "heat_bus": "heat", "capacity_kw": 80.0, "overhead": curve, "ambient_degc": 22.0}
    asset |= {"by_weather": weather, "batches": classes, "waste_heat_share": 0.5, "pool": "work", "movable_share": 0.6}
    asset |= {"transfer_cost_per_kwh": 0.005, "transfer_delay_h": 1.0, "value_of_lost_load_per_kwh": 50.0}
    asset |= {"idle_overhead_kw": 2.0}
    plain = [{"it_kw": 100.0, "overhead_kw": 0.0}]
    other = {
        "kind": "data_centre",
        "name": "other",
        "bus": "main",
        "capacity_kw": 60.0,
        "overhead": plain,
        "pool": "work",
    }
    base = {("it", "demand_kw"): np.linspace(20, 40, 8), ("other", "demand_kw"): 10.0, ("warm", "demand_kw"): 16.0}
    begun = asset | {"power_factor": 0.9, "batches": [classes[0], classes[1] | _BEGUN]}
    return (_template(other, load("warm", bus="heat"), series=base, **begun),)


# Half a batch that was there before the horizon, so that what is done of it bears on the plan.
_BEGUN = {"window": {"start": "2024-03-01T05:00Z", "end": "2024-03-01T13:00Z"}, "done_kwh": 10.0}


def _hvac() -> tuple[Template, ...]:
    rooms = {"kind": "hvac", "count": 3, "resistance_degc_per_kw": 2.0, "capacity_kwh_per_degc": 4.0, "heat_kw": 4.0}
    rooms |= {"cool_kw": 3.0, "heat_cop": 3.0, "cool_cop": 3.5, "ambient_degc": 2.0, "gains_kw": 1.0, "min_degc": 20.0}
    rooms |= {"max_degc": 23.0, "comfort_penalty_per_degc_h": 5.0, "start_degc": 19.0, "end_degc": 21.0}
    return (_template(**rooms, end_penalty_per_kwh=0.05),)


def _sleeping_load() -> tuple[Template, ...]:
    cells = {"kind": "sleeping_load", "count": 10, "traffic": 35.0, "cell_capacity": 10.0, "min_awake": 1}
    cells |= {"awake_kw": 2.0, "sleep_kw": 0.5, "wake_cost": 0.3, "relaxed": False, "awake_before": 2.0}
    return _template(**cells), _template(**(cells | {"min_awake": 5}))


def _converter() -> tuple[Template, ...]:
    link = {"kind": "converter", "dc_bus": "dc", "rated_kw": 50.0, "count": 2, "no_load_kw": 0.5, "loss_per_kw": 0.02}
    link |= {"loss_per_kw2": 5e-4, "segments": 3}
    return (_template(load("lamps", bus="dc"), series={("lamps", "demand_kw"): DEMAND}, **link),)


TEMPLATES: dict[str, tuple[Template, ...]] = {
    "converter": _converter(),
    "curtailable": _curtailable(),
    "data_centre": _data_centre(),
    "deferrable": _deferrable(),
    "hvac": _hvac(),
    "schedule_choice": _schedule_choice(),
    "sleeping_load": _sleeping_load(),
    "smelter": _smelter(),
}
