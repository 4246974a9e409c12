from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatch.service.flexmeasures.translation import Trigger, translated
from dispatch.service.work import given
from dispatch.service.work.given import Asked
from tests.unit.dispatch.service.flexmeasures.made import CONTENT, CONTEXT, LOAD, MODEL, POWER, PRICE, START, Made

MODEL = {**MODEL, "state-of-charge": {"sensor": CONTENT}, "soc-at-start": 60}


@pytest.fixture(scope="module")
def asked() -> Asked:
    source = Made(means={PRICE: 0.1, LOAD: 7.0, CONTENT: 33.0})
    context = {**CONTEXT, "inflexible-consumption": [{"sensor": LOAD}], "production-price": "0 EUR/kWh"}
    return Asked(translated(Trigger(START, timedelta(hours=4), [MODEL], context), source))


def test_the_best_plan_uses_what_is_stored_first(asked: Asked) -> None:
    made = given.run(asked)
    assert made.quality == "optimal"
    assert made.money == pytest.approx(0)  # 28 kWh are needed and 50 are there
    assert made.content_kwh[CONTENT][-1] >= 10
    assert given.check(asked, made) is None


def test_a_plan_comes_even_where_no_solver_gives_one(asked: Asked) -> None:
    made = given.floor(asked, "its process was killed")
    assert made.quality == "rule_based"
    assert "its process was killed" in made.reason
    assert given.check(asked, made) is None


def test_what_is_cut_short_or_no_number_is_refused(asked: Asked) -> None:
    made = given.run(asked)
    power = made.consumption_kw[POWER]
    assert given.check(asked, replace(made, consumption_kw={POWER: power[:-1]}))
    assert given.check(asked, replace(made, consumption_kw={POWER: [float("nan"), *power[1:]]}))
    assert given.check(asked, replace(made, consumption_kw={})) == "a schedule is missing"


def test_load_that_cannot_be_served_is_said() -> None:
    source = Made(means={PRICE: 0.1, LOAD: 50.0, CONTENT: 10.0})
    context = {**CONTEXT, "inflexible-consumption": [{"sensor": LOAD}], "site-power-capacity": "30 kW"}
    request = translated(Trigger(START, timedelta(hours=1), [{**MODEL, "soc-at-start": 10}], context), source)
    made = given.run(Asked(request))
    assert any("20 kWh of the inflexible consumption" in text for text in made.unmet), made.unmet
