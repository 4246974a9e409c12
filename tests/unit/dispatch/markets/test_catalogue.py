from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from dispatch.errors import ConfigError, DataError
from dispatch.markets.baselines.methods import Method, method, methods
from dispatch.markets.catalogue import model, product, read_products

OWN = """
currency: EUR
time_zone: Europe/Vienna
source: contract of 2026-01-01
accessed: 2026-01-01
valid_from: 2026-01-01
market: bilateral
kind: response
title: own
closes: {at: "12:00", days_before: 1}
opens: {at: "00:00", days_before: 7}
quantity_min_kw: 500 kW
quantity_step_kw: 0.1 MW
price_basis: per_mwh
products:
  - {name: hourly, period_minutes: 60}
  - {name: quarter, period_minutes: 15, valid_to: 2026-06-30}
  - {name: quarter, period_minutes: 30, valid_from: 2026-07-01}
"""


def own(folder: Path, text: str = OWN) -> Path:
    file = folder / "own.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_of_ones_own_shares_what_stands_beside_the_products(tmp_path: Path) -> None:
    file = own(tmp_path)
    assert product("hourly", date(2026, 5, 1), file).quantity_step_kw == 100
    assert product("quarter", date(2026, 6, 30), file).period_minutes == 15
    assert product("quarter", date(2026, 7, 1), file).period_minutes == 30
    with pytest.raises(DataError, match="2026-01-01 to 2026-06-30, from 2026-07-01"):
        product("quarter", date(2025, 7, 1), file)


def test_all_that_is_wrong_is_told_with_its_line(tmp_path: Path) -> None:
    text = OWN.replace("quantity_min_kw: 500 kW", "quantity_min_kw: 0").replace('at: "12:00"', 'at: "25:00"')
    text = text.replace("period_minutes: 60", "period_minutes: 60, least: 3")
    with pytest.raises(ConfigError) as caught:
        read_products(own(tmp_path, text), "own.yaml")
    said = str(caught.value)
    assert "products[0].quantity_min_kw" in said
    assert "found 0" in said
    assert "write it like 09:30" in said
    assert "products[0].least (line 16): is no key of this" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Europe/Vienna", "Europe/Wien", "IANA name"),
        ('closes: {at: "12:00", days_before: 1}', "closes: {days_before: 1}", "both or neither"),
        ("price_basis: per_mwh\n", "", "price_basis.*: is missing"),
    ],
)
def test_a_slip_says_what_would_be_accepted(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_products(own(tmp_path, OWN.replace(old, new)), "own.yaml")


def test_a_file_without_products_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a list of products"):
        read_products(own(tmp_path, "currency: EUR\n"), "own.yaml")


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(DataError, match="did you mean 'afrr_energy'"):
        product("afr_energy", date(2026, 1, 1))
    with pytest.raises(DataError, match="did you mean 'ten_of_ten'"):
        method("ten_of_tn")


def test_methods_ship_with_their_sources() -> None:
    assert len(methods()) >= 12
    for one in methods().values():
        assert one.source
        assert one.verified or one.note
    raw = method("ten_of_ten").model_dump() | {"keep": 11}
    with pytest.raises(ConfigError, match="more than the pool"):
        model(Method, raw, "own")
    with pytest.raises(ConfigError, match="more hours before"):
        model(Method, method("ten_of_ten").model_dump() | {"adjust_to_h": 5}, "own")
