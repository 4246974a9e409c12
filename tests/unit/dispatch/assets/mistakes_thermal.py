"""Mistakes and wrong parts of ``templates_thermal``'s kinds; see ``test_checks_notice`` and ``test_wrong_parts``."""

from __future__ import annotations

from typing import Any

import numpy as np

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


def conversion_mistakes(series: str, *ports: str, full_kw: float) -> list[Mistake]:
    """Those of every conversion, in the first template."""
    return [
        Mistake("above rating", series, at(0, full_kw * 1.01)),
        Mistake("negative input", series, at(0, -0.1)),
        *(Mistake("a port is out of proportion to the input", f"{port}_kw", plus(0.1)) for port in ports),
    ]


def commitment_mistakes() -> list[Mistake]:
    """Those of on and off, in the templates that ``committed`` makes after the first."""
    return [
        Mistake("on/off is not 0 or 1", "on", plus(0.1), template=1),
        Mistake("off although it must run", "on", plus(-1.0), template=4),
        Mistake("start not counted", "start", lambda values: values - 1, template=1),
        Mistake("minimum up time", "on", pattern(1, 0, 1, 1, 1, 1, 1, 1), template=1),
        Mistake("minimum down time", "on", pattern(1, 1, 1, 1, 1, 1, 1, 1), template=3),
    ]


def process_mistakes(series: str, *ports: str, full_kw: float) -> list[Mistake]:
    """Those of a conversion that is committed, in the templates of ``processes``."""
    return [
        *conversion_mistakes(series, *ports, full_kw=full_kw),
        *commitment_mistakes(),
        Mistake("runs although it is off", "on", pattern(1, 1, 0, 1, 1, 1, 1, 1), template=1),
        Mistake("below its minimum load", series, at(3, 0.1 * full_kw), template=1),
        Mistake("rises faster than it can", series, at(0, full_kw), template=2),
        Mistake("falls faster than it can", series, at(0, 0.0), template=2),
        Mistake("falls faster than it can", series, at(0, 0.0), template=5),
    ]


def fired_mistakes() -> list[Mistake]:
    """Those of plant that burns fuel, in the templates of ``_fired``."""
    return [
        *commitment_mistakes(),
        Mistake("load above maximum", "load_kw", at(0, 80.1)),
        Mistake("load above maximum", "on", pattern(1, 1, 0, 1, 1, 1, 1, 1), template=2),
        Mistake("load below minimum", "load_kw", at(3, 8.0), template=2),
        Mistake("rises faster than it can", "load_kw", at(0, 80.0), template=2),
        Mistake("falls faster than it can", "load_kw", at(0, 0.0), template=2),
        Mistake("fuel differs from its load", "fuel_kw", plus(0.1)),
        Mistake("reserve without spinning reserve", "reserve_up_kw", plus(1.0), template=7),
        Mistake("negative reserve", "reserve_up_kw", plus(-90.0), template=6),
        Mistake("reserve above its own limit", "reserve_up_kw", plus(5.1), template=8),
        Mistake("reserve above what its ramp reaches in time", "reserve_down_kw", plus(90.0), template=8),
    ]


def _offered(what: float) -> list[Mistake]:
    return [
        Mistake("takes more than is available", "taken_kw", at(0, what + 0.1)),
        Mistake("takes more than its largest flow", "taken_kw", at(0, 45.1)),
        Mistake("takes less than nothing", "taken_kw", at(0, -0.1)),
    ]


def _ice_mistakes() -> list[Mistake]:
    return [
        *STORE,
        Mistake("chills above its size", "chilled_kw", at(1, 35.1)),
        Mistake("negative chilling", "chilled_kw", at(1, -0.1)),
        Mistake("freezes and chills at once", "chilled_kw", plus(5.0)),
        Mistake("power differs from its cold", "power_kw", plus(0.1)),
        Mistake("discharges faster than its fill allows", "discharge_kw", plus(20.0), template=1),
        Mistake("charges faster than its fill allows", "charge_kw", plus(30.0), template=2),
    ]


def _burning_mistakes() -> dict[str, list[Mistake]]:
    chp = [
        Mistake("below the back-pressure line", "heat_kw", plus(60.0)),
        Mistake("electricity differs from load and heat", "power_kw", plus(0.1)),
        Mistake("negative heat", "heat_kw", plus(-90.0)),
    ]
    blend = [
        Mistake("less ammonia than its least share", "ammonia_kw", plus(-20.0), template=2),
        Mistake("more ammonia than its largest share", "ammonia_kw", plus(90.0)),
    ]
    return {"chp": [*fired_mistakes(), *chp], "co_firing": [*fired_mistakes(), *blend]}


def _forever(x: Any) -> Any:
    return np.asarray(x, float) * 0 + 1e3


def conversion_wrongs(*ports: str, small: dict[str, float]) -> list[Wrong]:
    """Those of every conversion, in the first template; ``small`` is a rating that binds."""
    return [
        *(Wrong(f"{port} per input too high", {f"{port}_per_kw": times(1.05)}, "out of proportion") for port in ports),
        Wrong("rating too high", {"most_kw": times(1.5)}, "above rating", fields=small),
        Wrong("upkeep too cheap", {"cost_per_kw": times(0.5)}, "money differs"),
        Wrong("emissions forgotten", {"co2_per_kw": times(0.5)}, "carbon differs"),
    ]


def process_wrongs(*ports: str, small: dict[str, float]) -> list[Wrong]:
    """Those of a conversion that is committed."""
    slow = {"ramp_fraction_per_h": 0.02}
    return [
        *conversion_wrongs(*ports, small=small),
        Wrong("cost of starts", {"start_cost": times(0.5)}, "money differs", template=1),
        Wrong("time off before", {"must_off": zero}, "minimum down time", template=3),
        Wrong("ramp forgotten", {"rise_kw": _forever}, "rises faster", template=5, fields=slow),
        Wrong("minimum forgotten", {"least_kw": zero}, "below its", template=1, fields={"min_load_fraction": 0.9}),
    ]


def fired_wrongs() -> list[Wrong]:
    """Those of plant that burns fuel."""
    slow = {"ramp_fraction_per_h": 0.02}
    return [
        Wrong("maximum too high", {"most_kw": times(1.5)}, "load above maximum"),
        Wrong("fuel too little", {"fuel_per_kw": times(0.5)}, "fuel differs"),
        Wrong("upkeep too cheap", {"cost_per_kw": times(0.5)}, "money differs"),
        Wrong("counted as clean", {"unclean": times(0.5)}, "unclean_kw differs"),
        Wrong("cost of starts", {"start_cost": times(0.5)}, "money differs", template=1),
        Wrong("time off before", {"must_off": zero}, "minimum down time", template=3),
        Wrong(
            "minimum forgotten",
            {"least_kw": zero, "start_rise_kw": zero},
            "below minimum",
            template=1,
            fields={"min_load_fraction": 0.95},
        ),
        Wrong("ramp forgotten", {"rise_kw": _forever}, "rises faster", template=5, fields=slow),
    ]


def _offered_wrongs() -> list[Wrong]:
    return [
        Wrong("more than is there", {"most_kw": plus(15)}, "takes more than", template=1),
        Wrong("price too low", {"cost_per_kw": times(0.5)}, "money differs"),
    ]


def _burning_wrongs() -> dict[str, list[Wrong]]:
    chp = [
        Wrong("heat costs no electricity", {"loss": zero}, "electricity differs"),
        Wrong("back pressure forgotten", {"load_per_heat": times(0.2)}, "back-pressure", fields={"max_kw": 25.0}),
        Wrong("fuel at no load", {"no_load_kw": zero}, "fuel differs"),
    ]
    unclean = {"ammonia_clean": False}
    blend = [
        Wrong("less ammonia than the least", {"least_ammonia": times(0.5)}, "less ammonia", fields=unclean),
        Wrong("more than the most", {"least_ammonia": times(4), "most_ammonia": times(4)}, "more ammonia"),
        Wrong("too clean", {"clean_per_ammonia": times(2)}, "unclean_kw differs"),
    ]
    return {"chp": [*fired_wrongs(), *chp], "co_firing": [*fired_wrongs(), *blend]}


_SPILLED = [
    Mistake("lets off more than it makes", "heat_spilled_kw", plus(90.0), template=6),
    Mistake("lets off less than nothing", "heat_spilled_kw", plus(-90.0), template=6),
]
_BOUGHT = [
    Mistake("buys more than its largest flow", "bought_kw", at(0, 50.1)),
    Mistake("buys less than nothing", "bought_kw", at(0, -0.1)),
    Mistake("buys more than its limit of a day", "bought_kw", plus(10.0)),
]
MISTAKES: dict[str, list[Mistake]] = {
    "absorption_chiller": process_mistakes("heat_kw", "cold", "electricity", full_kw=100.0),
    "air_receiver": [*STORE, *STORE_BY_FILL],
    "byproduct_gas": _offered(50.0),
    "chiller": process_mistakes("power_kw", "cold", full_kw=40.0),
    "compressor_air": [*process_mistakes("power_kw", "air", "heat", full_kw=100.0), *_SPILLED],
    "electric_boiler": process_mistakes("power_kw", "heat", full_kw=100.0),
    "fuel_supply": _BOUGHT,
    "gas_boiler": process_mistakes("fuel_kw", "heat", full_kw=100.0),
    "heat_exchanger": conversion_mistakes("hot_kw", "heat", full_kw=80.0),
    "heat_pump": process_mistakes("power_kw", "heat", full_kw=40.0),
    "ice_store": _ice_mistakes(),
    "steam_letdown": conversion_mistakes("steam_kw", "heat", full_kw=80.0),
    "waste_heat": _offered(50.0),
    **_burning_mistakes(),
}


_SMALL = {"electric_kw": 10.0}
_ICE = [
    Wrong("freezing as good as chilling", {"freeze_per_kw": times(0.75)}, "power differs"),
    Wrong("chiller too large", {"chill_kw": times(2)}, "chills above"),
]
WRONG: dict[str, list[Wrong]] = {
    "absorption_chiller": process_wrongs("cold", "electricity", small={"cold_kw": 10.0}),
    "air_receiver": [*WRONG_STORE, *WRONG_STORE_BY_FILL],
    "byproduct_gas": [*_offered_wrongs(), Wrong("no flare", {"left_co2_kg": zero}, "carbon differs")],
    "chiller": process_wrongs("cold", small=_SMALL),
    "compressor_air": process_wrongs("air", "heat", small=_SMALL),
    "electric_boiler": process_wrongs("heat", small=_SMALL),
    "fuel_supply": [
        Wrong("limit of the day forgotten", {"day_left_kwh": plus(100)}, "limit of a day"),
        Wrong("limit of the hour forgotten", {"most_kw": plus(10)}, "largest flow"),
        Wrong("price too low", {"cost_per_kw": times(0.5)}, "money differs"),
        Wrong("emissions forgotten", {"co2_per_kw": zero}, "carbon differs"),
    ],
    "gas_boiler": process_wrongs("heat", small={"heat_kw": 10.0}),
    "heat_exchanger": conversion_wrongs("heat", small={"hot_kw": 10.0}),
    "heat_pump": process_wrongs("heat", small=_SMALL),
    "ice_store": [*WRONG_STORE, *_ICE],
    "steam_letdown": conversion_wrongs("heat", small={"steam_kw": 10.0}),
    "waste_heat": [*_offered_wrongs(), Wrong("pumps forgotten", {"pump_per_kw": zero}, "pumps differs")],
    **_burning_wrongs(),
}
