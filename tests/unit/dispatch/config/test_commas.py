"""Decimal commas in a park's file."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dispatch.config.park import load_site
from dispatch.errors import ConfigError
from tests.unit.dispatch.small_park import park, write


def said(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    (problem,) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize(
    ("written_so", "says"),
    [
        ("import_kw: 7,5", "'7,5' has a comma in its number: write '7.5'. Accepted: a number (meant in kW)"),
        ("import_kw: '5,000 W'", "write '5.000 W' or '5000 W'. Accepted: a number (meant in kW) or text with a unit"),
        ("carbon_intensity_kg_per_kwh: 0,3 kg/kWh", "write '0.3 kg/kWh'"),
    ],
)
def test_a_comma_in_a_number_is_answered_with_how_to_write_it(tmp_path: Path, written_so: str, says: str) -> None:
    content = park()
    del content["assets"][2]["import_kw"], content["assets"][2]["carbon_intensity_kg_per_kwh"]
    rest = "" if "import" in written_so else "\n  import_kw: 5"
    text = yaml.safe_dump(content, sort_keys=False)
    path = write(tmp_path, text.replace("  name: pcc\n", f"  name: pcc\n  {written_so}{rest}\n"))
    assert says in said(path)


def test_a_comma_in_a_share_and_one_that_ends_an_entry_are_told_too(tmp_path: Path) -> None:
    content = park()
    content["assets"][1]["start_fill"] = "0,5"
    assert "'0,5' has a comma in its number: write '0.5'" in said(write(tmp_path, content))
    text = yaml.safe_dump(park(), sort_keys=False)
    capital = "  capital: {cost: 7,5, lifetime_years: 9}\n  charge_kw: 50\n"
    problem = said(write(tmp_path, text.replace("  charge_kw: 50\n", capital)))
    assert "5 stands where a field's name should be: in braces a comma ends an entry" in problem
