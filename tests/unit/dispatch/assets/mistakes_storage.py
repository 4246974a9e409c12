"""Mistakes in stores and vehicles: see ``mistakes``."""

from __future__ import annotations

from typing import Any

from tests.unit.dispatch.assets.mistakes import STORE, Mistake, Wrong, at, plus, times, zero

_COLD = 5  # the template of a battery out in the weather
_SMOOTHING = 5  # that of a supercapacitor that keeps power free for changes
_WRONG_STORE = [
    Wrong("charge without loss", {"gain_kwh_per_kw": times(1 / 0.9)}, "content differs"),
    Wrong("discharge without loss", {"drain_kwh_per_kw": times(0.95)}, "content differs"),
    Wrong("start level ignored", {"carried_kwh": times(1.5)}, "content differs"),
    Wrong("reserve of power forgotten", {"charge_kw": plus(5), "discharge_kw": plus(5)}, "above rating"),
    Wrong("bottom of the band too low", {"lower_kwh": plus(-5), "least_kwh": plus(-5)}, "content below"),
]

MISTAKES: dict[str, list[Mistake]] = {
    "battery": [
        Mistake("discharge above rating", "discharge_kw", plus(34.0), _COLD),
        Mistake("content below its band", "discharge_kw", plus(15.0), _COLD),
    ],
    "ev_fleet": [
        Mistake("content added differs from its powers", "added_kwh", plus(0.1)),
        Mistake("negative power or energy", "charge_kw", at(0, -0.1)),
        Mistake("more than its chargers take", "charge_kw", at(2, 25.1)),
        Mistake("no sharing among its vehicles gives this power", "charge_kw", plus(0.1)),
        Mistake("no sharing among its vehicles gives this power", "discharge_kw", at(0, 5.0)),
        Mistake("no sharing among its vehicles gives this power", "charge_kw", plus(0.1), template=1),
        Mistake("vehicles leave with less than stated", "unserved_kwh", plus(-1.0)),
    ],
    "flow_battery": [
        *STORE,
        Mistake("works with its pumps off", "running", at(2, 0.0)),
        Mistake("works with its pumps off", "running", at(2, 0.0), template=1),
        Mistake("pumps are neither on nor off", "running", at(3, 0.5)),
    ],
    "supercapacitor": [
        Mistake("kept free and short differ from what changes ask for", "ramp_short_kw", plus(0.1), _SMOOTHING),
        Mistake("keeps less than nothing free", "ramp_reserve_kw", plus(-11.0), _SMOOTHING),
        Mistake("keeps more free than changes ask for", "ramp_reserve_kw", plus(10.1), _SMOOTHING),
        Mistake("no power behind what is kept free", "ramp_reserve_kw", plus(30.0), _SMOOTHING),
        Mistake("no energy behind what is kept free", "ramp_reserve_kw", plus(400.0), _SMOOTHING),
    ],
    "swap_station": [
        Mistake("inventory differs from its flows", "full", plus(0.1)),
        Mistake("more full ones than there are batteries", "charge_kw", plus(150.0)),
        Mistake("swaps more than were full", "swaps", plus(8.0)),
        Mistake("swaps more than are asked for", "swaps", at(0, 2.1)),
        Mistake("unserved differs from what is asked for", "unserved", plus(0.1)),
        Mistake("negative charge or swap", "swaps", at(0, -0.1)),
        Mistake("charge above rating", "charge_kw", at(2, 150.1)),
        Mistake("charge above what its empty batteries take", "charge_kw", plus(140.0)),
        Mistake("fewer full ones than stated", "few", plus(-0.1)),
    ],
}
# Little at the start; and a price at which it pays to be short.
_LOW = {"start_fill": 0.115, "ramp_penalty_per_kwh": 5.0}
_SCARCE = {"ramp_penalty_per_kwh": 0.001}
_CHEAP_FILLING = {"full_min": 12.0, "few_penalty_per_h": 99.0, "charge_kw": 900.0, "battery_charge_kw": 200.0}
_FEW_EMPTY = {"start_full": 11.0, "full_min": 12.0, "few_penalty_per_h": 99.0}


def _vehicle(**fields: float) -> dict[str, Any]:
    day = "2024-03-01T"
    one = {"arrival": f"{day}06:00Z", "departure": f"{day}14:00Z", "charge_kw": 20.0, "discharge_kw": 20.0}
    return {"sessions": [one | fields]}


# One that could hold more at a price that asks for it.
_SMALL = _vehicle(arrival_kwh=5.0, departure_kwh=10.0, capacity_kwh=18.0)


def _giving(discharge_kw: float) -> dict[str, Any]:
    """One that comes with plenty and needs little."""
    full = {"arrival_kwh": 55.0, "departure_kwh": 10.0, "capacity_kwh": 60.0, "least_kwh": 30.0}
    return _vehicle(discharge_kw=discharge_kw, **full)


WRONG: dict[str, list[Wrong]] = {
    "battery": [
        Wrong("power as if it were warm", {"charge_kw": plus(14), "discharge_kw": plus(14)}, "above rating", _COLD),
        Wrong("efficiency as if it were warm", {"gain_kwh_per_kw": times(1 / 0.925)}, "content differs", _COLD),
        Wrong("capacity as if it were warm", {"lower_kwh": plus(-9), "least_kwh": plus(-9)}, "content below", _COLD),
    ],
    "ev_fleet": [
        Wrong("charge without loss", {"visit_gain": times(1 / 0.9)}, "no sharing"),
        Wrong("discharge without loss", {"visit_drain": times(0.92)}, "no sharing"),
        Wrong("content added without loss", {"gain_kwh_per_kw": times(1 / 0.9)}, "content added differs"),
        Wrong("chargers too large", {"charge_kw": plus(20)}, "than its chargers take"),
        Wrong("vehicles take too much", {"visit_charge_kw": times(1.5)}, "no sharing"),
        Wrong(
            "vehicles give too much",
            {"visit_discharge_kw": times(2), "discharge_kw": times(2), "visit_largest_out": times(2)},
            "no sharing",
            fields=_giving(6.0),
        ),
        Wrong("they come with more", {"visit_start_kwh": plus(5)}, "no sharing"),
        Wrong("they need less", {"visit_wanted_kwh": plus(-5)}, "no sharing"),
        Wrong("they hold more", {"visit_most_kwh": plus(9)}, "no sharing", fields=_SMALL),
        Wrong("they give all they have", {"visit_least_kwh": zero}, "no sharing", fields=_giving(20.0)),
        Wrong("wear too cheap", {"wear_per_kw": times(0.5)}, "money differs"),
        Wrong("unserved too cheap", {"unserved_penalty": times(0.5)}, "penalty differs"),
    ],
    "flow_battery": [
        *_WRONG_STORE,
        Wrong("losses of the stack forgotten", {"part_loss_kwh": zero}, "content differs"),
        Wrong("losses rise too late", {"charge_width_kw": times(1.5)}, "content differs", template=1),
        Wrong("the same, of discharge", {"discharge_width_kw": times(1.5)}, "content differs", template=1),
        Wrong("pumps draw too little", {"pump_kw": times(0.5)}, "power at electricity differs"),
        Wrong("pumps stop although it stands ready", {"ready": zero}, "pumps off", fields={"pump_kw": 8.0}),
    ],
    "supercapacitor": [
        Wrong("changes taken too small", {"ramp_kw": times(0.5)}, "differ from what changes ask", _SMOOTHING),
        Wrong("no energy for a discharge", {"ramp_drain_kwh": zero}, "no energy behind", _SMOOTHING),
        Wrong("no energy for a charge", {"ramp_gain_kwh": zero}, "no energy behind", _SMOOTHING, {"energy_kwh": 30.0}),
        Wrong("content before the step forgotten", {"ramp_start_kwh": plus(9)}, "no energy behind", _SMOOTHING, _LOW),
        Wrong("what is short too cheap", {"ramp_penalty": times(0.5)}, "penalty differs", _SMOOTHING, _SCARCE),
    ],
    "swap_station": [
        Wrong("a battery is full too soon", {"full_per_kw": times(1.2)}, "inventory differs"),
        Wrong("too many full at the start", {"start_full": plus(1)}, "inventory differs"),
        Wrong("more batteries than it has", {"batteries": plus(9)}, "more full ones", fields=_CHEAP_FILLING),
        Wrong("chargers too large", {"charge_kw": plus(50)}, "charge above rating"),
        Wrong("batteries take too much", {"battery_charge_kw": times(3)}, "empty batteries take", fields=_FEW_EMPTY),
        Wrong("fewer vehicles than come", {"asked": times(0.5)}, "unserved differs"),
        Wrong("fewer to be kept", {"full_min": zero}, "fewer full ones"),
        Wrong("unserved too cheap", {"unserved_penalty": times(0.5)}, "penalty differs"),
        Wrong("missing ones too cheap", {"few_penalty": times(0.5)}, "penalty differs"),
        Wrong("end too cheap", {"end_penalty": times(0.5)}, "penalty differs", fields={"end_full_min": 12.0}),
        Wrong("end forgotten", {"end_full": zero}, "penalty differs", fields={"end_full_min": 12.0}),
    ],
}
