"""Mistakes and wrong parts of ``templates_flexible``'s kinds; see ``test_checks_notice`` and ``test_wrong_parts``."""

from __future__ import annotations

import numpy as np

from dispatch.signals import Array
from tests.unit.dispatch.assets.mistakes import Mistake, Wrong, at, pattern, plus, times, zero


def ones(values: Array) -> Array:
    return np.ones_like(np.asarray(values, float))


def _loads() -> dict[str, list[Mistake]]:
    return {
        "deferrable": [
            Mistake("a start is not 0 or 1", "starts", plus(0.4)),
            Mistake("two runs at once", "starts", ones),
            Mistake("a run outside its window", "starts", at(7, 1.0)),
            Mistake("more runs than wanted", "starts", ones),
            Mistake("draws outside its window", "free_kw", at(7, 3.0)),
            Mistake("draws more than is wanted", "free_kw", plus(20.0), template=1),
            Mistake("draws more than it can", "free_kw", plus(40.0), template=1),
            Mistake("draws less than it must", "free_kw", plus(-30.0), template=1),
            Mistake("power differs from its runs", "power_kw", plus(0.1)),
        ],
        "schedule_choice": [
            Mistake("mixes schedules", "chosen", plus(0.5)),
            Mistake("changes its schedule within a day", "chosen", at(3, 3.0)),
            Mistake("follows no schedule", "chosen", plus(9.0)),
            Mistake("leaves the schedule that was chosen before", "chosen", plus(1.0), template=1),
            Mistake("power differs from its schedule", "power_kw", plus(0.1)),
        ],
        "smelter": [
            Mistake("draws more than its band", "power_kw", plus(100.0)),
            Mistake("draws less than its band", "power_kw", plus(-100.0)),
            Mistake("an interruption is not 0 or 1", "off", plus(0.3)),
            Mistake("interrupted for too long", "off", ones),
            Mistake("interrupted again too soon", "off", pattern(0, 1, 0, 1, 0, 0, 0, 0)),
            Mistake("bath differs from its power", "bath_degc", plus(1.0)),
            Mistake("pots colder than they may be", "bath_degc", plus(-500.0)),
            Mistake("pots hotter than they may be", "bath_degc", plus(500.0)),
        ],
    }


def _demands() -> dict[str, list[Mistake]]:
    return {
        "curtailable": [
            Mistake("curtails more than its share", "reduced_kw", plus(90.0)),
            Mistake("curtails without notice", "reduced_kw", at(0, 5.0)),
            Mistake("negative power", "reduced_kw", at(3, -1.0)),
            Mistake("curtails for part of a step", "curtailing", plus(0.3)),
            Mistake("curtails for too many hours", "curtailing", ones),
            Mistake("draws more again than it may", "rebound_kw", plus(20.0)),
            Mistake("draws again what is not owed", "rebound_kw", at(0, 14.0)),
            Mistake("owes for too long", "reduced_kw", plus(30.0)),
            Mistake("owed differs from its flows", "owed_kwh", plus(0.5)),
            Mistake("served differs from demand", "served_kw", plus(0.5)),
            Mistake("sheds more than is left", "shed_kw", plus(90.0)),
        ],
        "sleeping_load": [
            Mistake("a cell is awake by half", "awake", plus(0.5)),
            Mistake("traffic that no cell carries", "awake", plus(-4.0)),
            Mistake("fewer awake than must be", "awake", plus(-1.0), template=1),
            Mistake("more awake than there are", "awake", plus(20.0)),
            Mistake("waking not counted", "woken", plus(-5.0)),
            Mistake("power differs from its cells", "power_kw", plus(0.5)),
        ],
    }


def _buildings() -> dict[str, list[Mistake]]:
    return {
        "converter": [
            Mistake("power above rating", "to_dc_kw", plus(200.0)),
            Mistake("negative power", "to_ac_kw", at(0, -0.1)),
            Mistake("converts both ways at once", "to_ac_kw", plus(1.0)),
            Mistake("loss is not that of its power", "to_dc_loss_kw", plus(0.1)),
            Mistake("converts while off", "on", at(2, 0.0)),
            Mistake("on/off is not 0 or 1", "on", plus(0.3)),
        ],
        "data_centre": [
            Mistake("does work outside its window or too fast", "batch_0_kw", plus(50.0)),
            Mistake("does more work than there is", "batch_0_kw", plus(50.0)),
            Mistake("IT power above capacity", "it_kw", plus(200.0)),
            Mistake("IT power differs from its work", "it_kw", plus(1.0)),
            Mistake("overhead is not that of its load", "overhead_kw", plus(1.0)),
            Mistake("sends more than may be moved", "sent_kw", plus(100.0)),
            Mistake("receives more than it may", "received_kw", plus(200.0)),
            Mistake("work is lost or made on the way", "received_kw", plus(1.0)),
            Mistake("gives more heat than there is", "heat_kw", plus(200.0)),
            Mistake("sheds more than its demand", "shed_kw", plus(200.0)),
            Mistake("negative power", "heat_kw", at(0, -0.1)),
        ],
        "hvac": [
            Mistake("temperature differs from its powers", "inside_degc", plus(0.1)),
            Mistake("heats above rating", "heating_kw", plus(100.0)),
            Mistake("cools above rating", "cooling_kw", plus(100.0)),
            Mistake("negative power", "heating_kw", at(0, -0.1)),
            Mistake("heats and cools at once", "cooling_kw", plus(1.0)),
            Mistake("further outside its band than stated", "outside_band_degc", plus(-5.0)),
        ],
    }


def _wrong_loads() -> dict[str, list[Wrong]]:
    return {
        "deferrable": [
            Wrong("half of a run's power", {"draw_kw": times(0.5)}, "power differs from its runs"),
            Wrong("run under way forgotten", {"underway_kw": zero}, "power differs from its runs"),
            Wrong("runs on top of each other", {"free": times(9.0), "may_start": ones}, "two runs at once",
                  fields={"underway_h": 0.0, "runs": 5}),
            Wrong("runs done before forgotten", {"runs_wanted": plus(1)}, "more runs than wanted", fields={"runs": 2}),
            Wrong("skipping too cheap", {"run_penalty": times(0.5)}, "penalty differs"),
            Wrong("energy done before forgotten", {"wanted_kwh": plus(10)}, "draws more than is wanted", template=1),
            Wrong("least power forgotten", {"least_kw": zero}, "draws less than it must", template=1),
            Wrong("energy too cheap", {"penalty_per_kw": times(0.5)}, "penalty differs", template=1),
        ],
        "schedule_choice": [
            Wrong("half of its power", {"clock_0": times(0.5)}, "power differs from its schedule"),
            Wrong("money of two days", {"share_0": times(2.0)}, "money differs"),
            Wrong("choice forgotten", {"open_0": ones}, "leaves the schedule", template=1, fields=_LATE),
            Wrong("no choice", {"used_0": zero}, "follows no schedule"),
        ],
        "smelter": [
            Wrong("band too wide above", {"most_kw": times(1.3)}, "more than its band", fields={"value_per_kg": 20.0}),
            Wrong("band too wide below", {"least_kw": times(0.5)}, "less than its band", fields={"value_per_kg": 0.0}),
            Wrong("bath that keeps its heat", {"keep": ones}, "bath differs"),
            Wrong("metal too dear", {"value_per_kw": times(2.0)}, "money differs"),
            Wrong("interruptions for nothing", {"interruption_cost": zero}, "money differs", fields=_DEAR_METAL),
            Wrong("recovery forgotten", {"free": ones}, "again too soon", fields=_RECOVERING),
            Wrong("frozen pots", {"coldest_degc": plus(-300)}, "colder than they may be", fields=_COOLING),
        ],
    }  # fmt: skip


def _wrong_demands() -> dict[str, list[Wrong]]:
    return {
        "curtailable": [
            Wrong("share too large", {"most_kw": times(2.0)}, "more than its share"),
            Wrong("hours of the day", {"left_0_h": plus(5.0)}, "too many hours"),
            Wrong("half comes back", {"owed_per_kw": times(0.5)}, "owed differs"),
            Wrong("curtailed too cheaply", {"price_per_kw": times(0.5)}, "money differs"),
            Wrong("part of the demand", {"demand_kw": times(0.9)}, "served differs"),
            Wrong("never comes back", {"still_owed_kwh": plus(50.0)}, "owes for too long"),
        ],
        "sleeping_load": [
            Wrong("one too few", {"least": plus(-1.0)}, "traffic that no cell carries"),
            Wrong("half of their power", {"more_kw": times(0.5)}, "power differs from its cells"),
            Wrong("waking too cheap", {"wake_cost": times(0.5)}, "money differs"),
            Wrong("asleep before", {"before": plus(-1.0)}, "money differs"),
        ],
    }  # fmt: skip


_LATE = {"schedules": [{"name": "dear", "power_kw": [60.0] * 14}, {"name": "cheap", "power_kw": [1.0] * 14}]}
_DEAR_METAL = {"value_per_kg": 5.0, "min_degc": 500.0, "end_degc_min": 500.0}
_RECOVERING = {"recovered_h": 0.5, "recovery_h": 4.0, "value_per_kg": 0.0, "end_degc_min": 500.0, "min_degc": 500.0}
_COOLING = {"value_per_kg": 0.0, "max_interruption_h": 0.0, "end_degc_min": 500.0, "min_degc": 940.0}


_COLD = {"start_degc": 5.0}


_TOO_MUCH = {"name": "train", "window": {"daily": "05:00-12:00"}, "energy_kwh": 400.0, "max_kw": 30.0}


def _wrong_buildings() -> dict[str, list[Wrong]]:
    return {
        "converter": [
            Wrong("loss too small", {"to_dc_slope_0": times(0.5)}, "loss is not that of its power"),
            Wrong("standing loss forgotten", {"no_load_kw": zero}, "power at electricity differs"),
            Wrong("rating too high", {"to_dc_width_2_kw": plus(60.0)}, "above rating",
                  fields={"rated_kw": 30.0}),
        ],
        "data_centre": [
            Wrong("more work than there is", {"batch_0_wanted_kwh": plus(30.0), "batch_0_most_kwh": plus(30.0)},
                  "more work than there is"),
            Wrong("work that is due forgotten", {"batch_0_wanted_kwh": zero}, "penalty differs"),
            Wrong("power of a batch", {"batch_0_most_kw": times(2.0)}, "too fast"),
            Wrong("penalty of a batch", {"batch_0_penalty_per_kwh": times(0.5)}, "penalty differs",
                  fields={"batches": [_TOO_MUCH]}),
            Wrong("overhead too small", {"overhead_slope_0": times(0.5)}, "overhead is not that of its load"),
            Wrong("idle overhead forgotten", {"idle_kw": zero}, "overhead is not that of its load"),
            Wrong("capacity too large", {"capacity_kw": times(2.0)}, "above capacity", fields={"capacity_kw": 30.0}),
            Wrong("too much heat", {"heat_share": times(2.0)}, "more heat than there is"),
            Wrong("too much moved", {"batch_0_movable": plus(1.0)}, "more than may be moved"),
            Wrong("moved for nothing", {"transfer_per_kw": zero}, "money differs"),
            Wrong("lost load too cheap", {"shed_per_kw": times(1e-4)}, "penalty differs"),
        ],
        "hvac": [
            Wrong("no loss to the weather", {"keep": ones}, "temperature differs"),
            Wrong("too much heat", {"degc_per_heat_kw": times(1.2)}, "temperature differs"),
            Wrong("rating too high", {"most_heat_kw": times(3.0)}, "heats above rating"),
            Wrong("discomfort too cheap", {"comfort_penalty": times(0.5)}, "penalty differs", fields=_COLD),
            Wrong("end too cheap", {"end_penalty": times(0.5)}, "penalty differs", fields={"end_degc": 26.0}),
            Wrong("another band", {"min_degc": plus(-1.0)}, "further outside"),
        ],
    }  # fmt: skip


MISTAKES: dict[str, list[Mistake]] = _loads() | _demands() | _buildings()


WRONG: dict[str, list[Wrong]] = _wrong_loads() | _wrong_demands() | _wrong_buildings()
