"""Tariffs: calendars on the local clock, prices by step, demand periods by month."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.errors import DataError
from dispatch.signals import Horizon
from dispatch.tariff import Calendar, Component, Tariff
from tests.parks import hours


def energy(price: float, direction: str = "import", **fields: Any) -> dict[str, Any]:
    base = {"name": f"{direction} {price}", "basis": "energy", "direction": direction, "price_per_kwh": price}
    return base | {"source": "test"} | fields


def demand(price: float, **fields: Any) -> dict[str, Any]:
    return {"name": f"demand {price}", "basis": "demand", "price_per_kw_month": price, "source": "test"} | fields


def built(*components: dict[str, Any], **fields: Any) -> Tariff:
    """A tariff on top of energy that is free at all hours, as every hour must have a price."""
    return exactly(energy(0.0), *components, **fields)


def exactly(*components: dict[str, Any], **fields: Any) -> Tariff:
    return Tariff.model_validate({"name": "t", "currency": "EUR", "components": components} | fields)


def test_components_that_hold_at_once_add_up() -> None:
    terms = built(energy(0.1), energy(0.05, calendar={"hours": ["01:00-03:00"]}), energy(0.08, "export")).compile(
        hours(4)
    )
    assert terms.import_price == pytest.approx([0.1, 0.15, 0.15, 0.1])
    assert terms.export_price == pytest.approx([0.08] * 4)
    assert terms.peaks.price.shape == (0,)
    assert terms.peaks.mask.shape == (0, 4)


def test_an_hour_without_a_price_is_refused_and_named() -> None:
    tariff = exactly(energy(0.1, calendar={"hours": ["00:00-02:00"]}))
    assert tariff.compile(hours(2)).import_price == pytest.approx([0.1, 0.1])
    with pytest.raises(DataError, match="tariff 't' has no import price at 2024-03-01 02:00"):
        tariff.compile(hours(4))
    with pytest.raises(DataError, match="no export price"):
        built(energy(0.1, "export", calendar={"months": [1]})).compile(hours(4))


def test_what_is_not_bought_back_has_no_price() -> None:
    assert built().compile(hours(2)).export_price == pytest.approx([0, 0])


def test_negative_and_zero_prices_are_prices() -> None:
    terms = built(energy(-0.2), energy(0.0, "export")).compile(hours(2))
    assert terms.import_price == pytest.approx([-0.2, -0.2])
    assert terms.export_price == pytest.approx([0, 0])


def test_hours_are_meant_on_the_local_clock() -> None:
    night = built(energy(1.0, calendar={"hours": ["22:00-24:00", "00:00-06:00"]}))
    local = night.compile(hours(24, "2024-03-01T00:00", "Asia/Shanghai")).import_price
    assert local == pytest.approx(np.isin((np.arange(24) + 8) % 24, [22, 23, 0, 1, 2, 3, 4, 5]).astype(float))


@pytest.mark.parametrize(
    ("day", "hours_at_night"), [(date(2024, 3, 31), 5), (date(2024, 10, 27), 7), (date(2024, 6, 1), 6)]
)
def test_a_night_has_as_many_hours_as_the_clock_gives_it(day: date, hours_at_night: int) -> None:
    horizon = Horizon.local_day(day, "Europe/Berlin")
    price = built(energy(1.0, calendar={"hours": ["00:00-06:00"]})).compile(horizon).import_price
    assert price @ horizon.hours == pytest.approx(hours_at_night)


@pytest.mark.parametrize(
    ("calendar", "held"),
    [
        ({}, [1, 1, 1, 1, 1]),
        ({"weekdays": [6, 7]}, [0, 1, 1, 0, 0]),
        ({"months": [3]}, [0, 0, 0, 0, 1]),
        ({"holidays": "only"}, [0, 0, 0, 1, 0]),
        ({"holidays": "never"}, [1, 1, 1, 0, 1]),
        ({"weekdays": [1], "holidays": "never"}, [0, 0, 0, 0, 0]),
    ],
)
def test_days_months_and_holidays(calendar: dict[str, Any], held: list[int]) -> None:
    # Friday 26 January 2024 to Monday 29, a holiday here; then Friday 1 March.
    tariff = built(energy(1.0, calendar=calendar), holidays=["2024-01-29"])
    days = ["2024-01-26", "2024-01-27", "2024-01-28", "2024-01-29", "2024-03-01"]
    assert [tariff.compile(hours(1, f"{day}T12:00")).import_price[0] for day in days] == held


def test_a_component_is_valid_from_its_first_to_its_last_day() -> None:
    tariff = built(energy(1.0, valid_from="2024-03-02", valid_to="2024-03-03"))
    price = tariff.compile(hours(96, "2024-03-01T00:00")).import_price
    assert price == pytest.approx(np.repeat([0, 1, 1, 0], 24))


def test_a_demand_component_has_one_period_per_local_month() -> None:
    tariff = built(demand(5.0), demand(2.0, calendar={"hours": ["08:00-20:00"]}))
    horizon = hours(48, "2024-03-30T23:00", "Europe/Berlin")  # the local day of 23 hours before April
    terms = tariff.compile(horizon)
    assert terms.peaks.price == pytest.approx([5, 5, 2, 2])
    assert terms.peaks.label == ("demand 5.0 2024-03", "demand 5.0 2024-04", "demand 2.0 2024-03", "demand 2.0 2024-04")
    march = np.array([t.month == 3 for t in horizon.local_start])
    assert march.sum() == 23
    assert terms.peaks.mask[0] == pytest.approx(march.astype(float))
    assert terms.peaks.mask[2].sum() == pytest.approx(12)


def test_months_without_a_step_keep_an_empty_slot() -> None:
    terms = built(demand(5.0)).compile(hours(24, "2024-03-15T00:00"), months=2)
    assert terms.peaks.mask.sum(axis=1) == pytest.approx([24, 0])
    assert terms.peaks.label == ("demand 5.0 2024-03", "demand 5.0 (unused)")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (energy(0.1) | {"price_per_kw_month": 1.0}, "'energy' has price_per_kwh and no price_per_kw_month"),
        (energy(0.1) | {"price_per_kwh": None}, "'energy' has price_per_kwh"),
        (demand(1.0) | {"price_per_kwh": 1.0}, "'demand' has price_per_kw_month and no price_per_kwh"),
        (demand(1.0) | {"direction": "export"}, "a demand component has direction 'import'"),
        (demand(-1.0), "greater than or equal to 0"),
        (energy(float("nan")), "finite"),
        (energy(0.1, calendar={"months": [13]}), "less than or equal to 12"),
        (energy(0.1, calendar={"weekdays": [0]}), "greater than or equal to 1"),
    ],
)
def test_a_component_that_means_nothing_is_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        Component.model_validate(fields)


@pytest.mark.parametrize("text", ["10-13h", "10:00", "25:00-26:00", "10:60-11:00", "noon-night", "-1:00-2:00"])
def test_hours_that_are_none_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match="is not hours like '10:00-13:00'"):
        Calendar(hours=(text,))


def test_a_night_across_midnight_is_told_how_to_write_itself() -> None:
    with pytest.raises(ValidationError, match="write '22:00-24:00' and '00:00-02:00'"):
        Calendar(hours=("22:00-02:00",))


def test_hours_begin_with_their_first_minute_and_end_before_their_last() -> None:
    price = built(energy(1.0, calendar={"hours": ["00:15-00:45"]})).compile(hours(4, step_h=0.25)).import_price
    assert price == pytest.approx([0, 1, 1, 0])
