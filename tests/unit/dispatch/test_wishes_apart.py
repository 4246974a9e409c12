"""Each wish of a park's file is counted for itself, whatever it reads like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.ladder.climb import climb
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solver.highs import Limits
from tests.parks import given, grid, hours, load, park, tariff


def site(*wishes: dict[str, Any]) -> Site:
    return park(load(), grid(tariff=tariff(0.1), carbon_intensity_kg_per_kwh=0.5), wishes=list(wishes))


def planned(*wishes: dict[str, Any]) -> Schedule:
    """200 kWh, all of them bought, none of them clean, 100 kg."""
    own = site(*wishes)
    return climb(Problem(own, given(own, hours(2), {("load", "demand_kw"): 100.0})), Limits()).schedule


def test_two_clean_shares_that_round_to_the_same_percentage() -> None:
    schedule = planned({"clean_share_min": 0.504}, {"clean_share_min": 0.496})
    assert schedule.proof.quality == "optimal"
    assert {text: short.tolist() for text, short in schedule.wish_short_kwh.items()} == {
        "clean share of at least 50.4% per day": [[pytest.approx(100.8)]],
        "clean share of at least 49.6% per day": [[pytest.approx(99.2)]],
    }


def test_two_wishes_of_the_same_words_are_told_by_their_places() -> None:
    schedule = planned(
        {"clean_share_min": 0.5, "penalty_per_kwh": 1.0},
        {"emissions_max_t": 0.05000001, "penalty_per_t": 1000},
        {"clean_share_min": 0.5, "penalty_per_kwh": 0.5},
        {"emissions_max_t": 0.05, "penalty_per_t": 2000},
    )
    assert schedule.proof.quality == "optimal"
    assert list(schedule.wish_short_kwh) == [f"clean share of at least 50% per day (wish {n})" for n in (1, 3)]
    assert list(schedule.wish_over_kg) == [f"emissions of at most 0.05 t per horizon (wish {n})" for n in (2, 4)]
    # 100 kWh short at 1.5 in all; 50 kg over at 1 + 2 a kg.
    assert schedule.penalty == pytest.approx([150 + 150], abs=1e-3)
    assert [float(cap[0]) for cap in schedule.carbon.caps_kg.values()] == pytest.approx([50.00001, 50], abs=1e-9)
    assert len(schedule.shadow_price_per_t) == 2


def test_zero_carbon_wishes_that_share_one_of_their_two_limits() -> None:
    wish = {"emissions_max_t_per_tce": 0.2}
    schedule = planned({**wish, "clean_energy_min": 0.9}, {**wish, "clean_energy_min": 0.902})
    assert schedule.proof.quality == "optimal"
    assert [float(np.sum(short)) for short in schedule.wish_short_kwh.values()] == pytest.approx([180.0, 180.4])


def test_two_limits_at_a_meter_that_read_the_same_are_refused() -> None:
    wish = {"meter": "load", "kg_max": 5.0}
    with pytest.raises(ValidationError, match="two wishes read 'carbon at load of at most 5 kg per horizon'"):
        site(wish, {**wish, "penalty_per_kg": 1.0})
