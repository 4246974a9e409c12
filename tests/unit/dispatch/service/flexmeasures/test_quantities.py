from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.service.flexmeasures import quantities
from dispatch.service.flexmeasures.quantities import Refused


@pytest.mark.parametrize(
    ("value", "kw"), [("10 kW", 10), ("0.5MW", 500), ("45kVA", 45), ("45 kVA", 45), ("2 MVA", 2000), ("750VA", 0.75),
                      (0.02, 20), ("3", 3000), (3, 3000)]
)  # fmt: skip
def test_powers_are_read_with_their_unit_and_as_megawatts_without(value: object, kw: float) -> None:
    assert quantities.power_kw(value, "/p") == pytest.approx(kw)


@pytest.mark.parametrize(
    "value", ["ten", "10 kWh", "nan kW", "1e999 kW", True, None, float("nan"), float("inf"), [1], ""]
)
def test_what_is_no_power_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(Refused) as refused:
        quantities.power_kw(value, "/flex-model/0/power-capacity")
    assert refused.value.pointer == "/flex-model/0/power-capacity"


def test_contents_are_in_the_unit_that_the_request_names() -> None:
    assert quantities.energy_kwh(3.1, "/e", "kWh") == 3.1
    assert quantities.energy_kwh(3.1, "/e", "MWh") == 3100
    assert quantities.energy_kwh("3.1 MWh", "/e", "kWh") == 3100
    assert quantities.energy_kwh("3.1", "/e", "kWh") == 3.1


@pytest.mark.parametrize(("value", "share"), [("90%", 0.9), ("0.9", 0.9), (0.9, 0.9), (1, 1.0), ("100 %", 1.0)])
def test_shares(value: object, share: float) -> None:
    assert quantities.fraction(value, "/f") == pytest.approx(share)


@pytest.mark.parametrize("value", [0, -0.1, 1.01, "0%", "101%", "many", True, None])
def test_what_is_no_share_is_refused(value: object) -> None:
    with pytest.raises(Refused):
        quantities.fraction(value, "/f")


def test_prices_come_with_currency_and_unit() -> None:
    assert quantities.price("0.29 EUR/kWh", "/p") == (pytest.approx(0.29), "EUR")
    assert quantities.price("29 CNY/MWh", "/p") == (pytest.approx(0.029), "CNY")
    assert quantities.price("260 EUR/MW", "/p", "kW") == (pytest.approx(0.26), "EUR")


@pytest.mark.parametrize(
    "value", ["0.29", "0.29 EUR", "0.29 eur/kWh", "0.29 EUR/MW", "1.2.3 EUR/kWh", 0.29, {"sensor": 1}]
)
def test_what_is_no_price_is_refused(value: object) -> None:
    with pytest.raises(Refused):
        quantities.price(value, "/p")


@pytest.mark.parametrize(
    ("text", "hours"), [("PT15M", 0.25), ("P1D", 24), ("PT24H", 24), ("P1W", 168), ("P1DT0.5H", 24.5)]
)
def test_durations(text: str, hours: float) -> None:
    assert quantities.duration(text, "/d") == timedelta(hours=hours)


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "15M", "P1M", "P1Y", "PT0S", "-PT1H", "P401D", "PT99999999999H", None, 15]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(Refused):
        quantities.duration(text, "/d")


@given(st.integers(1, 400 * 24 * 3600))
def test_a_duration_that_is_written_is_read_again(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert quantities.duration(quantities.iso_duration(length), "/d") == length


@pytest.mark.parametrize(
    "text", ["2026-03-01T00:00:00", "2026-03-01", "yesterday", "0001-01-01T00:00:00+14:00", None, 1]
)
def test_a_time_without_an_offset_is_refused(text: object) -> None:
    with pytest.raises(Refused):
        quantities.moment(text, "/start")


def test_units_convert_within_what_they_measure() -> None:
    assert quantities.factor("MW", "kW", "/u") == 1000
    assert quantities.factor("EUR/kWh", "EUR/MWh", "/u") == pytest.approx(1000)
    assert quantities.factor("°C", "°C", "/u") == 1
    for given_unit, kept in (("kW", "kWh"), ("EUR/kWh", "USD/kWh"), ("°C", "K")):
        with pytest.raises(Refused):
            quantities.factor(given_unit, kept, "/u")


@given(st.one_of(st.text(max_size=20), st.floats(), st.integers(), st.none(), st.lists(st.integers(), max_size=2)))
def test_whatever_is_read_is_read_or_refused(value: object) -> None:
    for read in (quantities.power_kw, quantities.energy_kwh, quantities.fraction, quantities.price, quantities.duration,
                 quantities.moment):  # fmt: skip
        with suppress(Refused):
            read(value, "/any")  # type: ignore[operator]
