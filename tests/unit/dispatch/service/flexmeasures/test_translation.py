from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.service.flexmeasures.contexts import UNDERSTOOD as CONTEXT_FIELDS
from dispatch.service.flexmeasures.devices import UNDERSTOOD as MODEL_FIELDS
from dispatch.service.flexmeasures.quantities import Refused
from dispatch.service.flexmeasures.translation import Trigger, translated
from dispatch.site import Site
from tests.unit.dispatch.service.flexmeasures.made import (
    CONTENT,
    CONTEXT,
    LOAD,
    MODEL,
    POWER,
    PRICE,
    PV,
    START,
    Made,
    connection,
    device,
    request,
)


def test_a_storage_flex_model_is_a_battery() -> None:
    made = device(
        request({**MODEL, "roundtrip-efficiency": "81%", "production-capacity": "10 kW", "storage-efficiency": 0.99})
    )
    assert made["kind"] == "battery"
    assert (made["energy_kwh"], made["charge_kw"], made["discharge_kw"]) == (100, 25, 10)
    assert made["charge_efficiency"] == made["discharge_efficiency"] == pytest.approx(0.9)
    assert made["loss_fraction_per_h"] == pytest.approx(1 - 0.99**4)
    assert (made["min_fill"], made["start_fill"], made["end_fill_min"]) == (0.1, 0.2, 0.1)


def test_targets_make_it_a_vehicle_that_leaves_with_what_is_wanted() -> None:
    at = (START + timedelta(hours=1)).isoformat()
    made = device(request({**MODEL, "soc-targets": [{"datetime": at, "value": "0.05 MWh"}]}))
    assert made["kind"] == "ev_fleet"
    assert [(one["arrival_kwh"], one["departure_kwh"]) for one in made["sessions"]] == [(20, 50), (50, 10)]


def test_what_gives_nothing_back_is_a_vehicle_without_discharge() -> None:
    made = device(request({**MODEL, "production-capacity": 0}))
    assert made["kind"] == "ev_fleet"
    assert {one["discharge_kw"] for one in made["sessions"]} == {0}


def test_a_minimum_at_the_end_is_what_is_left_there() -> None:
    at = (START + timedelta(hours=4)).isoformat()
    assert device(request({**MODEL, "soc-minima": [{"datetime": at, "value": 60}]}))["end_fill_min"] == 0.6


def test_the_content_at_the_start_may_come_from_a_sensor() -> None:
    model = {name: value for name, value in MODEL.items() if name != "soc-at-start"}
    made = request({**model, "state-of-charge": {"sensor": CONTENT}})
    assert device(made)["start_fill"] == pytest.approx(0.33)
    assert made["schedules"][0]["content_sensor"] == CONTENT


def test_power_that_is_not_stated_is_the_sensors_or_the_sites() -> None:
    model = {name: value for name, value in MODEL.items() if name != "power-capacity"}
    assert device(request(model, {**CONTEXT, "site-power-capacity": "60 kW"}))["charge_kw"] == 60
    with pytest.raises(Refused, match="power-capacity"):
        request(model)


def test_prices_of_consumption_count_for_production_where_none_are_given() -> None:
    lines = connection(request())["tariff"]["components"]
    assert [one["direction"] for one in lines] == ["import", "export"]
    assert lines[0]["price_per_kwh"] == lines[1]["price_per_kwh"]
    fixed = connection(request(context={**CONTEXT, "production-price": "50 EUR/MWh"}))["tariff"]["components"][1]
    assert {one["value"] for one in fixed["price_per_kwh"]} == {0.05}


def test_a_positive_value_of_an_inflexible_device_means_what_its_sensor_says() -> None:
    made = {
        one["asset"]: one["values"]
        for one in request(context={**CONTEXT, "inflexible-device-sensors": [PV, LOAD]})["series"]
    }
    assert {round(v, 9) for v in made["inflexible"]} == {3.0}
    named = {"inflexible-consumption": [{"sensor": PV}], "inflexible-production": [{"sensor": LOAD}]}
    made = {one["asset"]: one["values"] for one in request(context={**CONTEXT, **named})["series"]}
    assert {round(v, 9) for v in made["inflexible-production"]} == {3.0}


def test_limits_of_the_site_are_the_tighter_ones() -> None:
    found = connection(
        request(context={**CONTEXT, "site-power-capacity": "45 kVA", "site-production-capacity": "0 kW"})
    )
    assert (found["import_kw"], found["export_kw"]) == (45, 0)


def test_a_peak_is_paid_above_what_was_reached() -> None:
    asked = {**CONTEXT, "site-peak-consumption-price": "260 EUR/MW", "site-peak-consumption": "12 kW"}
    found = connection(request(context=asked))
    assert found["month_to_date_peak_kw"] == 12
    assert found["tariff"]["components"][-1]["price_per_kw_month"] == pytest.approx(0.26)
    assert found["tariff"]["metering_minutes"] == 15


def test_charging_sooner_is_a_price_that_rises_a_little() -> None:
    lines = connection(request({**MODEL, "prefer-charging-sooner": True}))["tariff"]["components"]
    rising = [one["value"] for one in lines[2]["price_per_kwh"]]
    assert rising == sorted(rising)
    assert 0 < rising[-1] < 1e-5


def test_every_translation_is_a_valid_site() -> None:
    at = (START + timedelta(hours=2)).isoformat()
    context = {**CONTEXT, "inflexible-device-sensors": [PV, LOAD], "site-power-capacity": "45 kVA"}
    for model in (MODEL, {**MODEL, "soc-targets": [{"datetime": at, "value": 50}]}):
        Site.model_validate(request(model, context)["site"])


@pytest.mark.parametrize(
    ("model", "context", "named"),
    [
        ({"soc-usage": ["1 kW"]}, {}, "/flex-model/0/soc-usage"),
        ({"soc-gain": ["1 kW"]}, {}, "/flex-model/0/soc-gain"),
        ({"soc-mni": 1}, {}, "/flex-model/0/soc-mni"),
        ({"commodity": "gas"}, {}, "/flex-model/0/commodity"),
        ({"soc-max": 5}, {}, "/flex-model/0/soc-max"),
        ({"soc-at-start": 120}, {}, "/flex-model/0/soc-at-start"),
        ({"soc-unit": "J"}, {}, "/flex-model/0/soc-unit"),
        ({"charging-efficiency": "300%"}, {}, "/flex-model/0/charging-efficiency"),
        ({"roundtrip-efficiency": 0.9, "charging-efficiency": 0.9}, {}, "/flex-model/0/charging-efficiency"),
        ({"consumption-capacity": 0}, {}, "/flex-model/0/consumption-capacity"),
        ({"prefer-curtailing-later": True}, {}, "/flex-model/0/prefer-curtailing-later"),
        ({"soc-targets": [{"datetime": "2026-03-28T23:07Z", "value": 50}]}, {}, "/flex-model/0/soc-targets/0/datetime"),
        ({"soc-targets": [{"datetime": "2026-03-29T00:00:00Z", "value": 500}]}, {}, "/flex-model/0/soc-targets"),
        ({"soc-minima": [{"datetime": "2026-03-29T00:00:00Z", "value": 50}]}, {}, "/flex-model/0/soc-minima"),
        ({"sensor": PRICE}, {}, "/flex-model/0/sensor"),
        ({"sensor": 99}, {}, "/flex-model/0/sensor"),
        ({}, {"site-consumption-breach-price": "1 EUR/kW"}, "/flex-context/site-consumption-breach-price"),
        ({}, {"relax-constraints": False}, "/flex-context/relax-constraints"),
        ({}, {"consumption-price": {"sensor": POWER}}, "/flex-context/consumption-price"),
        ({}, {"consumption-price": {"sensor": 99}}, "/flex-context/consumption-price"),
        ({}, {"consumption-price-sensor": PRICE}, "/flex-context/consumption-price-sensor"),
        ({}, {"production-price": "1 USD/kWh"}, "/flex-context/production-price"),
        ({}, {"site-power-capacity": "-1 kW"}, "/flex-context/site-power-capacity"),
        ({}, {"site-peak-consumption": "1 kW"}, "/flex-context/site-peak-consumption"),
        ({}, {"inflexible-device-sensors": [PV, PV]}, "/flex-context/inflexible-device-sensors"),
        ({}, {"aggregate-power": {"sensor": 1}}, "/flex-context/aggregate-power"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_with_its_name(
    model: Mapping[str, Any], context: Mapping[str, Any], named: str
) -> None:
    with pytest.raises(Refused) as refused:
        request({**MODEL, **model}, {**CONTEXT, **context})
    assert refused.value.pointer == named


def test_what_an_asset_holds_of_a_flex_model_is_filled_in() -> None:
    model = {name: value for name, value in MODEL.items() if name != "soc-max"}
    made = device(request(model, models={POWER: {"soc-max": "200 kWh", "soc-min": "50 kWh"}}))
    assert made["energy_kwh"] == 200
    assert made["min_fill"] == 0.05  # the request's own wins


def test_a_missing_value_is_refused_and_never_zero() -> None:
    source = Made()
    source.means[PRICE] = None
    with pytest.raises(Refused, match="has no value for the step from 2026-03-28T23:00"):
        translated(Trigger(START, timedelta(hours=4), [MODEL], CONTEXT), source)


def test_prices_may_be_written_out_in_spans() -> None:
    spans = [
        {"start": START.isoformat(), "duration": "PT1H", "value": "0.1 EUR/kWh"},
        {"start": (START + timedelta(hours=1)).isoformat(), "end": (START + timedelta(hours=4)).isoformat(),
         "value": "0.2 EUR/kWh"},
    ]  # fmt: skip
    lines = connection(request(context={"consumption-price": spans}))["tariff"]["components"]
    assert [one["value"] for one in lines[0]["price_per_kwh"]] == [0.1] * 4 + [0.2] * 12
    with pytest.raises(Refused, match="no price for the step from 2026-03-29T00:00"):
        request(context={"consumption-price": spans[:1]})


@pytest.mark.parametrize(("hours", "resolution"), [(0.1, None), (24 * 36, None), (4, "PT7M"), (4, "PT30M")])
def test_steps_must_fit(hours: float, resolution: str | None) -> None:
    with pytest.raises(Refused):
        translated(Trigger(START, timedelta(hours=hours), [MODEL], CONTEXT, resolution=resolution), Made())


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False),
              st.text(max_size=8), st.sampled_from(["10 kW", "5 kWh", "90%", "0.1 EUR/kWh", START.isoformat(), "PT1H"]),
              st.sampled_from([POWER, PRICE, PV, CONTENT, LOAD])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["sensor", "datetime", "start", "duration", "value"]), inner, max_size=3),
    ),
    max_leaves=4,
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(MODEL_FIELDS), VALUES, max_size=3),
       st.dictionaries(st.sampled_from(CONTEXT_FIELDS), VALUES, max_size=3))  # fmt: skip
def test_whatever_a_client_sends_becomes_a_site_or_is_refused(model: dict[str, Any], context: dict[str, Any]) -> None:
    with suppress(Refused):
        Site.model_validate(request({**MODEL, **model}, {**CONTEXT, **context})["site"])
