"""Horizons on the local clock, and quantities with units."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from pydantic import ValidationError

from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Horizon, accepted_units, parse_quantity, unit_of
from dispatch.site import schema
from tests.parks import battery, grid, hours, load, park


def test_finer_steps_beyond_the_end_of_a_day_are_left_out() -> None:
    """23 hours on the day on which clocks go forward: 12 of half an hour, 11 of a quarter, none for a third block."""
    finer = [(12.0, 30.0), (12.0, 15.0), (12.0, 5.0)]
    assert Horizon.local_day(date(2024, 3, 31), "Europe/Berlin", 60, finer=finer).steps == 24 + 44


@pytest.mark.parametrize(
    ("day", "days", "outside"),
    [
        (date(2199, 12, 31), 1, None),
        (date(2199, 12, 30), 2, None),
        (date(1700, 1, 1), 1, None),
        (date(2199, 12, 31), 2, "a span of 2 days from 2199-12-31 on is outside"),
        (date(2262, 4, 12), 1, "2262-04-12 is outside"),
        (date(9999, 12, 31), 1, "accepted: days from 1700-01-01 to 2199-12-31"),
        (date(1699, 12, 31), 1, "1699-12-31 is outside"),
    ],
)
def test_days_that_forecasts_cannot_count_in_are_refused(day: date, days: int, outside: str | None) -> None:
    """Nanoseconds since 1970 in 64 bits end on 2262-04-11."""
    if outside is None:
        assert Horizon.local_day(day, "UTC", 60, days).steps == 24 * days
    else:
        with pytest.raises(DataError, match=outside):
            Horizon.local_day(day, "UTC", 60, days)


@pytest.mark.parametrize(
    ("day", "zone", "steps", "first"),
    [
        (date(2024, 6, 1), "Europe/Berlin", 96, datetime(2024, 5, 31, 22, tzinfo=UTC)),
        (date(2024, 3, 31), "Europe/Berlin", 92, datetime(2024, 3, 30, 23, tzinfo=UTC)),
        (date(2024, 10, 27), "Europe/Berlin", 100, datetime(2024, 10, 26, 22, tzinfo=UTC)),
        (date(2024, 3, 31), "Asia/Shanghai", 96, datetime(2024, 3, 30, 16, tzinfo=UTC)),
    ],
)
def test_a_local_day_has_the_steps_its_clock_gives_it(day: date, zone: str, steps: int, first: datetime) -> None:
    horizon = Horizon.local_day(day, zone)
    assert horizon.steps == steps
    assert horizon.start == first
    assert (horizon.hours == 0.25).all()
    assert {t.date() for t in horizon.local_start} == {day}


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    horizon = Horizon.local_day(date(2024, 10, 27), "Europe/Berlin", 60)
    clock = [t.hour for t in horizon.local_start]
    assert clock == [0, 1, 2, 2, *range(3, 24)]
    assert horizon.local_start[2].utcoffset() == timedelta(hours=2)
    assert horizon.local_start[3].utcoffset() == timedelta(hours=1)


def test_unequal_steps_have_lengths_edges_and_distances_between_middles() -> None:
    edges = np.datetime64("2024-03-01T00:00", "s") + np.array([0, 900, 1800, 5400]).astype("timedelta64[s]")
    horizon = Horizon(edges, "UTC")
    assert horizon.hours == pytest.approx([0.25, 0.25, 1.0])
    assert horizon.edge_h == pytest.approx([0, 0.25, 0.5, 1.5])
    assert horizon.ramp_h == pytest.approx([0.25, 0.25, 0.625])


def test_months_are_those_of_the_local_clock() -> None:
    assert hours(2, "2024-03-31T21:00", "Europe/Berlin").month == ((2024, 3), (2024, 4))


def test_a_horizon_reads_zone_aware_bounds() -> None:
    shanghai = timezone(timedelta(hours=8))
    one = Horizon.between(
        datetime(2024, 1, 1, 8, tzinfo=shanghai), datetime(2024, 1, 1, 10, tzinfo=shanghai), "UTC", 30
    )
    assert one.start == datetime(2024, 1, 1, tzinfo=UTC)
    assert one.steps == 4


@pytest.mark.parametrize("seconds", [[0], [0, 0], [0, 10, 5], []])
def test_edges_that_do_not_rise_are_refused(seconds: list[int]) -> None:
    edges = np.datetime64("2024-03-01T00:00", "s") + np.array(seconds, int).astype("timedelta64[s]")
    with pytest.raises(AlignmentError, match="at least two edges, each later"):
        Horizon(edges, "UTC")


def test_a_span_that_is_no_whole_number_of_steps_is_refused() -> None:
    first = datetime(2024, 1, 1, tzinfo=UTC)
    with pytest.raises(AlignmentError, match="not a whole number of 15-minute steps"):
        Horizon.between(first, first + timedelta(minutes=40), "UTC")


def test_a_series_of_another_length_is_refused_by_name() -> None:
    assert hours(3).require("demand", np.ones((2, 3))).shape == (2, 3)
    with pytest.raises(AlignmentError, match="demand has 4 steps, the horizon has 3"):
        hours(3).require("demand", np.ones(4))


@pytest.mark.parametrize(
    ("field", "text", "number"),
    [
        ("energy_kwh", "3.1 MWh", 3100.0),
        ("energy_kwh", "3100", 3100.0),
        ("rated_kw", "2.4 MW", 2400.0),
        ("rated_kw", "500W", 0.5),
        ("ramp_up_kw_per_h", "2 MW/min", 120_000.0),
        ("min_up_h", "90 min", 1.5),
        ("fast_reserve_minutes", "30 s", 0.5),
        ("price_per_kwh", "260 CNY/MWh", 0.26),
        ("price_per_kwh", "-3e1 /MWh", -0.03),
        ("carbon_price_per_t", "0.08 /kg", 80.0),
        ("carbon_intensity_kg_per_kwh", "570 g/kWh", 0.57),
        ("carbon_intensity_kg_per_kwh", "0.57 t/MWh", 0.57),
        ("hub_height_m", "0.1 km", 100.0),
        ("speed_m_s", "36 km/h", 10.0),
        ("charge_efficiency", "95 %", 0.95),
        ("efficiency", "95%", 0.95),
        ("energy_efficiency_ratio", "350 %", 3.5),
        ("loss_fraction_per_h", "0.1 %/h", 0.001),
    ],
)
def test_a_quantity_is_read_in_the_unit_of_its_field(field: str, text: str, number: float) -> None:
    assert parse_quantity(field, text) == pytest.approx(number)


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("rated_kw", "3 MWh", "'3 MWh' has a unit that does not fit 'rated_kw'"),
        ("rated_kw", "three MW", "'three MW' is not a number with a unit"),
        ("rated_kw", "3 mw", "does not fit"),
        ("count", "3 kW", "does not fit 'count'"),
        ("rated_kw", "", "is not a number"),
        ("rated_kw", "3 %", "has a unit that does not fit 'rated_kw'"),
        ("count", "3 %", "does not fit 'count'"),
        ("cost_per_h", "3 %/h", "does not fit 'cost_per_h'"),
        ("efficiency", "95 %/h", "does not fit 'efficiency'"),
        ("loss_fraction_per_h", "3 %", "does not fit 'loss_fraction_per_h'"),
    ],
)
def test_a_quantity_in_a_wrong_unit_is_refused(field: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_quantity(field, text)


def test_money_in_another_currency_is_refused() -> None:
    assert parse_quantity("price_per_kwh", "3 EUR/kWh", "EUR") == 3
    with pytest.raises(ValueError, match="is in EUR, this site counts in CNY"):
        parse_quantity("price_per_kwh", "3 EUR/kWh", "CNY")


@pytest.mark.parametrize(
    ("field", "unit"),
    [
        ("energy_kwh", "kwh"),
        ("price_per_kwh", "per_kwh"),
        ("ramp_up_kw_per_h", "kw_per_h"),
        ("kw", "kw"),
        ("count", None),
    ],
)
def test_the_unit_is_the_longest_that_the_name_ends_in(field: str, unit: str | None) -> None:
    assert unit_of(field) == unit


def test_shares_of_a_park_are_read_in_percent_wherever_they_stand() -> None:
    store = battery(charge_efficiency="95 %", max_fill="90%", loss_fraction_per_h="0.1 %/h")
    pots = {"kind": "chp", "name": "chp", "bus": "main", "heat_bus": "heat", "fuel_bus": "gas", "max_kw": 9}
    pots |= {"efficiency": "41 %", "power_loss": "17 %", "no_load_fuel_kw": 1}
    buses = [{"name": "main"}, {"name": "heat", "carrier": "heat"}, {"name": "gas", "carrier": "gas"}]
    wish = {"clean_share_min": "30 %", "over": "day"}
    site = park(load(power_factor="95 %"), store, pots, grid(clean_fraction="40 %"), buses=buses, wishes=[wish])
    of = {asset.name: asset.model_dump() for asset in site.assets}
    found = [of["battery"][name] for name in ("charge_efficiency", "max_fill", "loss_fraction_per_h")]
    assert found == pytest.approx([0.95, 0.9, 0.001])
    assert (of["chp"]["efficiency"], of["chp"]["power_loss"]) == pytest.approx((0.41, 0.17))
    assert (of["load"]["power_factor"], of["pcc"]["clean_fraction"]) == pytest.approx((0.95, 0.4))
    assert site.wishes[0].model_dump()["clean_share_min"] == pytest.approx(0.3)


@pytest.mark.parametrize("text", ["950 %", "-5 %", "95 kW", "ninety %"])
def test_a_share_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="charge_efficiency"):
        park(load(), battery(charge_efficiency=text))


def test_the_schema_lets_editors_write_shares_in_percent() -> None:
    fields = schema()["$defs"]["Battery"]["properties"]
    assert {"type": "string"} in fields["charge_efficiency"]["anyOf"]
    assert {"type": "string"} in schema()["$defs"]["Load"]["properties"]["power_factor"]["anyOf"]
    assert schema()["$defs"]["Wind"]["properties"]["count"]["type"] == "integer"


def test_what_is_accepted_is_said() -> None:
    assert accepted_units("rated_kw") == "a number (meant in kW) or text with a unit (W, kW, MW, GW)"
    assert accepted_units("count") == "a number"
    assert accepted_units("charge_efficiency") == "a number or text in %"
    assert accepted_units("ramp_fraction_per_h") == "a number (meant in /h) or text with a unit (/h, %/h)"


@drawn(st.floats(-1e9, 1e9), st.sampled_from(["W", "kW", "MW", "GW"]))
def test_every_written_number_is_read_back(number: float, unit: str) -> None:
    factor = {"W": 1e-3, "kW": 1.0, "MW": 1e3, "GW": 1e6}[unit]
    assert parse_quantity("rated_kw", f"{number!r} {unit}") == pytest.approx(number * factor, rel=1e-12, abs=1e-12)
