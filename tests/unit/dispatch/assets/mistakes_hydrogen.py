"""Mistakes and wrong parts of the kinds in ``templates_hydrogen``; see ``test_checks_notice``, ``test_wrong_parts``."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.dispatch.assets.mistakes import (
    STORE,
    STORE_BY_FILL,
    WRONG_STORE,
    WRONG_STORE_BY_FILL,
    Mistake,
    Wrong,
    at,
    pattern,
    plus,
    times,
    zero,
)
from tests.unit.dispatch.assets.mistakes_thermal import conversion_mistakes, process_mistakes, process_wrongs


def _electrolyser() -> list[Mistake]:
    return [
        Mistake("producing is not 0 or 1", "producing", plus(0.1)),
        Mistake("produces while it is off", "on", lambda values: 0 * values),
        Mistake("stands by although it cannot", "on", lambda values: 0 * values + 1, template=4),
        Mistake("draws more than its rating", "power_kw", plus(60.0)),
        Mistake("draws less than its lowest load", "power_kw", lambda values: values / 100),
        Mistake("hydrogen is not that of its curve", "hydrogen_kw", plus(0.1)),
        Mistake("rises faster than it can", "power_kw", at(0, 60.0)),
        Mistake("falls faster than it can", "power_kw", at(0, 60.0)),
        Mistake("more heat than its losses", "heat_kw", plus(30.0)),
        Mistake("negative heat", "heat_kw", plus(-30.0)),
        Mistake("on/off is not 0 or 1", "on", plus(0.1)),
        Mistake("off although it must run", "on", plus(-1.0), template=3),
        Mistake("start not counted", "start", lambda values: 0 * values),
        Mistake("minimum up time", "on", pattern(1, 0, 1, 1, 1, 1, 1, 1)),
        Mistake("minimum down time", "on", pattern(1, 1, 1, 1, 1, 1, 1, 1), template=2),
        Mistake("more on than there are", "on", plus(3.0), template=5),
        Mistake("hydrogen is not that of its curve", "hydrogen_kw", plus(0.1), template=5),
        Mistake("hydrogen is not that of its curve", "hydrogen_kw", lambda values: values * 0.5, template=5),
    ]


def _wrong_electrolyser() -> list[Wrong]:
    slow = {"ramp_up_kw_per_h": 10.0, "power_before_kw": 12.0}
    return [
        Wrong("hydrogen at the lowest load", {"hydrogen_at_min_kw": times(1.1)}, "that of its curve"),
        Wrong("lowest load too low", {"min_kw": times(0.5)}, "less than its lowest load"),
        Wrong("segments yield too much", {"segment_yield": times(1.1)}, "that of its curve"),
        Wrong("segments too long", {"segment_kw": times(3), "ramp_up_kw": plus(99)}, "that of its curve"),
        Wrong("standby for nothing", {"standby_kw": zero}, "less than its lowest load"),
        Wrong("stands by", {"stands_by": lambda x: x * 0 + 1}, "although it cannot", 4, {"start_cost": 40.0}),
        Wrong("cost of starts", {"start_cost": times(0.5)}, "money differs"),
        Wrong("cost of warm starts", {"warm_start_cost": times(0.5)}, "money differs"),
        Wrong("ramp up", {"ramp_up_kw": plus(30)}, "rises faster", fields={"ramp_up_kw_per_h": 8.0}),
        Wrong("ramp down", {"ramp_down_kw": plus(30)}, "falls faster"),
        Wrong("heat of the lowest load", {"heat_at_min_kw": times(3)}, "more heat"),
        Wrong("heat of segments", {"segment_heat": plus(1)}, "more heat"),
        Wrong("state before", {"above_before_kw": plus(20)}, "rises faster", 1, slow),
        Wrong("produced before", {"produced": lambda x: x * 0 + 1}, "money differs", 3),
        Wrong("hydrogen of modules", {"hydrogen_at_min_kw": times(1.1)}, "that of its curve", 5),
        Wrong("starts of modules", {"start_cost": times(0.5)}, "money differs", 5),
    ]


MISTAKES: dict[str, list[Mistake]] = {
    "alkaline_electrolyser": _electrolyser(),
    "pem_electrolyser": _electrolyser(),
    **{f"{product}_tank": [*STORE, *STORE_BY_FILL] for product in ("hydrogen", "ammonia", "methanol")},
    "hydrogen_compressor": conversion_mistakes("hydrogen_kw", "high", "electricity", full_kw=40.0),
    "fuel_cell": [
        *process_mistakes("hydrogen_kw", "electricity", "heat", full_kw=40.0),
        Mistake("lets off more than it makes", "heat_spilled_kw", plus(40.0)),
        Mistake("lets off less than nothing", "heat_spilled_kw", plus(-40.0)),
    ],
    "haber_bosch": [
        *process_mistakes("hydrogen_kw", "ammonia", "electricity", full_kw=60.0),
        Mistake("on none of its levels", "hydrogen_kw", plus(0.5), template=6),
        Mistake("leaves a level too soon", "hydrogen_kw", at(1, 54.0), template=6),
    ],
    "methanol_synthesis": [
        *process_mistakes("hydrogen_kw", "methanol", "electricity", full_kw=60.0),
        Mistake("a port is out of proportion to the input", "carbon_dioxide_kg_per_h", plus(0.1)),
    ],
    "co2_supply": [
        Mistake("supplies more than it can", "supplied_kg_per_h", plus(10.1)),
        Mistake("negative supply", "supplied_kg_per_h", at(0, -0.1)),
    ],
    "hydrogen_refuelling": [
        Mistake("served and unserved differ from demand", "unserved_kw", plus(0.1)),
        Mistake("more than its dispensers give", "served_kw", plus(40.0)),
        Mistake("serves more than is asked for", "served_kw", at(0, 39.0)),
        Mistake("serves less than nothing", "served_kw", at(0, -0.1)),
    ],
    "product_offtake": [
        Mistake("delivers faster than its largest rate", "delivered_kg_per_h", at(0, 1.6)),
        Mistake("negative delivery", "delivered_kg_per_h", at(0, -0.1)),
        Mistake("energy is not that of the mass", "delivered_kw", plus(0.1)),
        Mistake("more than is taken in its window", "delivered_kg_per_h", plus(0.7)),
    ],
}


_STORE = [replace(w, fields={"energy_kwh": 200.0}) if "reserve" in w.name else w for w in WRONG_STORE]
WRONG: dict[str, list[Wrong]] = {
    "alkaline_electrolyser": _wrong_electrolyser(),
    "pem_electrolyser": _wrong_electrolyser(),
    **{f"{product}_tank": [*_STORE, *WRONG_STORE_BY_FILL] for product in ("hydrogen", "ammonia", "methanol")},
    "hydrogen_compressor": [
        Wrong("rating too high", {"most_kw": times(2)}, "above rating"),
        Wrong("electricity", {"electricity_per_kw": times(0.5)}, "out of proportion"),
    ],
    "fuel_cell": process_wrongs("electricity", "heat", small={"electric_kw": 8.0}),
    "haber_bosch": [
        *process_wrongs("ammonia", "electricity", small={"ammonia_kw": 20.0}),
        Wrong("levels", {"plateau_kw": times(0.9)}, "none of its levels", 6),
        Wrong("held before", {"held_plateau": zero, "on_plateau_before": zero}, "too soon", 6),
    ],
    "methanol_synthesis": process_wrongs("methanol", "carbon_dioxide", "electricity", small={"methanol_kw": 20.0}),
    "co2_supply": [
        Wrong("limit too high", {"max_kg_per_h": times(2)}, "more than it can"),
        Wrong("price", {"price_per_flow": times(0.5)}, "money differs"),
        Wrong("carbon", {"co2_per_flow": times(0.5)}, "carbon differs"),
    ],
    "hydrogen_refuelling": [
        Wrong("part of the demand forgotten", {"demand_kw": times(0.9)}, "differ from demand"),
        Wrong("dispensers too fast", {"least_unserved_kw": zero}, "more than its dispensers", 1),
        Wrong("unserved too cheap", {"unserved_per_kw": times(0.5)}, "penalty differs", 1),
    ],
    "product_offtake": [
        Wrong("rate too high", {"max_kg_per_h": times(2)}, "faster than its largest rate"),
        Wrong("price", {"earned_per_rate": times(2)}, "money differs"),
        Wrong("minimum too low", {"min_kg": times(0.5)}, "penalty differs", 1),
        Wrong("shortfall too cheap", {"short_per_kg": times(0.5)}, "penalty differs", 1),
        Wrong("maximum too high", {"max_kg": times(2)}, "more than is taken"),
        Wrong("hours of a window", {"window_h_0": times(0.5)}, "more than is taken"),
    ],
}
